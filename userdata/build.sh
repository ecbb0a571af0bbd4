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

wrong_use() {
    printf 'build.sh: %s\n' "$1" >&2
    usage >&2
    exit 2
}

fail() {
    printf 'build.sh: %s\n' "$1" >&2
    exit 1
}

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

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
command -v python3 >/dev/null || fail 'python3 is not there'

if [[ -z $binary || -z $out ]]; then
    command -v cargo >/dev/null || fail 'cargo is not there'
    target=$(cargo metadata --manifest-path "$root/Cargo.toml" --format-version 1 --no-deps |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
    out=${out:-$target/failover-agent}
fi
if [[ -z $binary ]]; then
    # Named, so that the binary's place does not depend on the host's settings, and build scripts are not linked statically, too.
    triple=x86_64-unknown-linux-gnu
    flags=()
    if [[ $kind == static ]]; then
        # A folder of its own: other flags would have everything of the dynamic build compiled again.
        target=$target/static
        flags=(--target-dir "$target" --config "target.$triple.rustflags = ['-Ctarget-feature=+crt-static']")
    fi
    cargo build --manifest-path "$root/Cargo.toml" --release --locked --target "$triple" "${flags[@]}" \
        -p failover-agent --bin failover-agent
    binary=$target/$triple/release/failover-agent
fi
[[ -f $binary ]] || fail "there is no file $binary"

# What an instance could not load would only show when it boots.
python3 - "$binary" "$kind" <<'CHECK'
import re
import struct
import sys

NEWEST = (2, 34)
PT_INTERP = 3
path, kind = sys.argv[1:]
with open(path, "rb") as file:
    binary = file.read()
# ELF, 64 bits, little-endian; machine 62 is x86-64.
if binary[:6] != b"\x7fELF\x02\x01" or int.from_bytes(binary[18:20], "little") != 62:
    sys.exit(f"build.sh: {path} is no x86-64 Linux binary")
(headers,) = struct.unpack_from("<Q", binary, 32)
size, count = struct.unpack_from("<HH", binary, 54)
kinds = [struct.unpack_from("<I", binary, headers + number * size)[0] for number in range(count)]
is_static = PT_INTERP not in kinds
if is_static != (kind == "static"):
    sys.exit(f"build.sh: {path} is linked {'statically' if is_static else 'dynamically'}; --static asks for a static one")
needed = {tuple(int(part) for part in version.split(b".")) for version in re.findall(rb"GLIBC_(\d+\.\d+)", binary)}
if not is_static and max(needed, default=NEWEST) > NEWEST:
    shown = ".".join(map(str, max(needed)))
    sys.exit(f"build.sh: {path} needs the GNU C library {shown}; Amazon Linux 2023 has 2.34. Build on an older system")
CHECK

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
