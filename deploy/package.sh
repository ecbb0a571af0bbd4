#!/usr/bin/env bash
# Builds the function (the crate failover-lambda, its binary bootstrap) and packs it as Lambda wants it. Needs cargo and Python 3.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: deploy/package.sh [--out FILE.zip] [--bootstrap FILE]

  --out FILE.zip     where the zip goes (default: failover-lambda.zip in cargo's target directory)
  --bootstrap FILE   pack this binary instead of building one
  --help             this text

The binary is for x86-64 Linux with the GNU C library 2.34 or older, as provided.al2023 has it: build on such a system.
The same binary always gives the same zip. A release build takes minutes and up to 8 GB of memory.
USAGE
}

# shellcheck source=deploy/binary.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/binary.sh"

out=
bootstrap=
while (($# > 0)); do
    case $1 in
        --out | --bootstrap)
            [[ $# -ge 2 && -n $2 ]] || wrong_use "$1 needs a value"
            if [[ $1 == --out ]]; then out=$2; else bootstrap=$2; fi
            shift 2
            ;;
        --help)
            usage
            exit 0
            ;;
        *) wrong_use "$1 is not an option" ;;
    esac
done

needs python3
if [[ -z $bootstrap || -z $out ]]; then
    needs cargo
    target=$(target_directory)
    out=${out:-$target/failover-lambda.zip}
fi
if [[ -z $bootstrap ]]; then
    release_build failover-lambda bootstrap
    bootstrap=$target/$triple/release/bootstrap
fi
check_binary "$bootstrap" dynamic

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
install -m 0755 -- "$bootstrap" "$work/bootstrap"
# zip's own beginning of time: the archive then depends on nothing but the binary.
touch -t 198001010000 "$work/bootstrap"
mkdir -p -- "$(dirname -- "$out")"
(cd -- "$work" && python3 -m zipfile -c bootstrap.zip bootstrap)
mv -f -- "$work/bootstrap.zip" "$out"

digest=$(python3 -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$out")
printf '%s\nsha256 %s\nsuggested key: failover-lambda-%s.zip\n' "$out" "$digest" "${digest:0:12}"
