#!/usr/bin/env bash
# Builds the boot agent (the crate failover-agent) for user data to install, and says what user data has to know of it. Needs cargo and Python 3.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: userdata/build.sh [--out FILE] [--binary FILE] [--static]

  --out FILE      where the binary goes (default: failover-agent in cargo's target directory)
  --binary FILE   check and take this binary instead of building one
  --static        without any shared library: only for systems older than the GNU C library 2.34, and only if their
                  /etc/nsswitch.conf resolves hosts by 'files' and 'dns' alone: see userdata/README.md
  --help          this text

The binary is for x86-64 Linux with the GNU C library 2.34 or newer: Amazon Linux 2023, Debian 12, Ubuntu 22.04 and later. Build on
the oldest of them, or let this script tell you that yours is too new. A release build takes minutes and up to 8 GB of memory; it
shares its dependencies with that of deploy/package.sh, except with --static.
USAGE
}

# shellcheck source=deploy/binary.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/../deploy/binary.sh"

out=
binary=
kind=dynamic
while (($# > 0)); do
    case $1 in
        --out | --binary)
            [[ $# -ge 2 && -n $2 ]] || wrong_use "$1 needs a value"
            if [[ $1 == --out ]]; then out=$2; else binary=$2; fi
            shift 2
            ;;
        --static)
            kind=static
            shift
            ;;
        --help)
            usage
            exit 0
            ;;
        *) wrong_use "$1 is not an option" ;;
    esac
done

needs python3
if [[ -z $binary || -z $out ]]; then
    needs cargo
    target=$(target_directory)
    out=${out:-$target/failover-agent}
fi
if [[ -z $binary ]]; then
    flags=()
    if [[ $kind == static ]]; then
        # A folder of its own: other flags would have everything of the dynamic build compiled again.
        target=$target/static
        flags=(--target-dir "$target" --config "target.$triple.rustflags = ['-Ctarget-feature=+crt-static']")
    fi
    release_build failover-agent failover-agent "${flags[@]}"
    binary=$target/$triple/release/failover-agent
fi
check_binary "$binary" "$kind"

mkdir -p -- "$(dirname -- "$out")"
[[ $binary -ef $out ]] || install -m 0755 -- "$binary" "$out"
python3 - "$out" <<'TELL'
import hashlib
import sys

with open(sys.argv[1], "rb") as file:
    binary = file.read()
digest = hashlib.sha256(binary).hexdigest()
print(f"{sys.argv[1]} ({len(binary) / 1e6:.1f} MB)")
print(f"suggested key: failover-agent-{digest[:12]}")
print(f'AGENT_SHA256="{digest}"')
TELL
