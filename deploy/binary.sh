# shellcheck shell=bash
# What userdata/build.sh and deploy/package.sh share: release binaries for x86-64 Linux, built and checked. To be sourced; both define usage().

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# Named, so that a binary's place does not depend on the host's settings; on another host it has to be installed.
triple=x86_64-unknown-linux-gnu

fail() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit 1
}

wrong_use() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    usage >&2
    exit 2
}

needs() {
    command -v "$1" >/dev/null || fail "$1 is not there"
}

target_directory() {
    cargo metadata --manifest-path "$root/Cargo.toml" --format-version 1 --no-deps |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])'
}

# release_build PACKAGE BINARY [CARGO-OPTION...]
release_build() {
    cargo build --manifest-path "$root/Cargo.toml" --release --locked --target "$triple" -p "$1" --bin "$2" "${@:3}"
}

# check_binary FILE dynamic|static: what an instance or a function could not load would only show when it is needed.
check_binary() {
    [[ -f $1 ]] || fail "there is no file $1"
    python3 - "$@" "${0##*/}" <<'CHECK'
import re
import struct
import sys

# Amazon Linux 2023, and Lambda's provided.al2023.
NEWEST = (2, 34)
PT_INTERP = 3
path, kind, script = sys.argv[1:]
with open(path, "rb") as file:
    binary = file.read()
# ELF, 64 bits, little-endian; machine 62 is x86-64.
if binary[:6] != b"\x7fELF\x02\x01" or int.from_bytes(binary[18:20], "little") != 62:
    sys.exit(f"{script}: {path} is no x86-64 Linux binary")
(headers,) = struct.unpack_from("<Q", binary, 32)
size, count = struct.unpack_from("<HH", binary, 54)
kinds = [struct.unpack_from("<I", binary, headers + number * size)[0] for number in range(count)]
is_static = PT_INTERP not in kinds
if is_static != (kind == "static"):
    sys.exit(f"{script}: {path} is linked {'statically' if is_static else 'dynamically'}, and a {kind} one is asked for")
needed = {tuple(int(part) for part in version.split(b".")) for version in re.findall(rb"GLIBC_(\d+\.\d+)", binary)}
if not is_static and max(needed, default=NEWEST) > NEWEST:
    shown = ".".join(map(str, max(needed)))
    sys.exit(f"{script}: {path} needs the GNU C library {shown}; Amazon Linux 2023 has 2.34. Build on an older system")
CHECK
}
