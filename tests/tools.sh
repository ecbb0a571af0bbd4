#!/usr/bin/env bash
# Installs, on Debian or Ubuntu and as root, what the tests on real disks, networks and machines need. Without it they are skipped, and say so.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

disks=(btrfs-progs cryptsetup-bin e2fsprogs fdisk gdisk lvm2 mdadm strace util-linux xfsprogs)
lab=(iproute2 postgresql procps)
machine=(debootstrap qemu-system-x86 wget)
user_data=(cloud-init shellcheck)
apt-get -q update
apt-get -q install --yes --no-install-recommends "${disks[@]}" "${lab[@]}" "${machine[@]}" "${user_data[@]}"
