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

wrong_use() {
    printf 'package.sh: %s\n' "$1" >&2
    usage >&2
    exit 2
}

fail() {
    printf 'package.sh: %s\n' "$1" >&2
    exit 1
}

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

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
command -v python3 >/dev/null || fail 'python3 is not there'

target_directory() {
    cargo metadata --manifest-path "$root/Cargo.toml" --format-version 1 --no-deps |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])'
}

if [[ -z $bootstrap || -z $out ]]; then
    command -v cargo >/dev/null || fail 'cargo is not there'
    target=$(target_directory)
    out=${out:-$target/failover-lambda.zip}
fi
if [[ -z $bootstrap ]]; then
    # Named, so that the binary's place does not depend on the host's settings; on another host it has to be installed.
    triple=x86_64-unknown-linux-gnu
    cargo build --manifest-path "$root/Cargo.toml" --release --locked --target "$triple" -p failover-lambda --bin bootstrap
    bootstrap=$target/$triple/release/bootstrap
fi
[[ -f $bootstrap ]] || fail "there is no file $bootstrap"

# What the function could not load would only show when it is needed.
python3 - "$bootstrap" <<'CHECK'
import re
import sys

NEWEST = (2, 34)
with open(sys.argv[1], "rb") as file:
    binary = file.read()
# ELF, 64 bits, little-endian; machine 62 is x86-64.
if binary[:6] != b"\x7fELF\x02\x01" or int.from_bytes(binary[18:20], "little") != 62:
    sys.exit(f"package.sh: {sys.argv[1]} is no x86-64 Linux binary")
needed = {tuple(int(part) for part in version.split(b".")) for version in re.findall(rb"GLIBC_(\d+\.\d+)", binary)}
if needed and max(needed) > NEWEST:
    shown = ".".join(map(str, max(needed)))
    sys.exit(f"package.sh: {sys.argv[1]} needs the GNU C library {shown}; provided.al2023 has 2.34. Build on an older system")
CHECK

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
