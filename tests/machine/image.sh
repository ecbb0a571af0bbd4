#!/usr/bin/env bash
# Makes the machine that the test boots: Debian with systemd and cloud-init, as an image without a boot loader, its kernel and initramfs
# beside it. Needs root, debootstrap, mkfs.ext4 and a Debian mirror.
#
# usage: image.sh FOLDER          (FOLDER must not exist; it does only once everything is in it)
set -euo pipefail

folder=$1
# Its C library (2.36) has all that a binary of Rust's standard library asks for, also where the tests are built on something newer.
release=bookworm
# Where this machine has its own packages from, if that is Debian; else what debootstrap takes by itself.
# shellcheck disable=SC2016  # apt-get expands them
known=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 2>/dev/null | awk '$1 == "Debian" && $2 !~ /-/ {print $3; exit}' || true)
mirror=${FAILOVER_TEST_MIRROR:-$known}

if [[ -n $mirror ]] && ! wget -q --spider --tries=2 --timeout=20 "${mirror%/}/dists/$release/InRelease"; then
    echo "$mirror does not answer"
    exit 75
fi
# What was downloaded before, by an older version of this script, is not downloaded again.
packages=$(dirname -- "$folder")/packages
mkdir -p -- "$packages"
work=$(mktemp -d -- "$folder.XXXXXX")
root=$work/root
trap 'rm -rf -- "$work"' EXIT

debootstrap --variant=minbase --cache-dir="$packages" --include=systemd-sysv,udev,dbus "$release" "$root" ${mirror:+"$mirror"}
# debootstrap can't choose between packages that provide the same, apt can.
mkdir -p "$root/var/cache/apt/archives"
cp -- "$packages"/*.deb "$root/var/cache/apt/archives/"
in_root() {
    chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"
}
install_packages() {
    in_root apt-get -q install --yes --no-install-recommends "$@"
}
in_root apt-get -q update
# First, so that the kernel's own installation makes the initramfs that is wanted: only what the root disk needs, since an emulated
# processor is slow to unpack it.
install_packages initramfs-tools
printf 'MODULES=list\nCOMPRESS=gzip\n' >"$root/etc/initramfs-tools/conf.d/machine"
printf 'virtio_pci\nvirtio_blk\next4\n' >"$root/etc/initramfs-tools/modules"
install_packages linux-image-cloud-amd64 cloud-init curl ca-certificates iproute2 e2fsprogs xfsprogs qemu-guest-agent
cp -n -- "$root"/var/cache/apt/archives/*.deb "$packages/"

# The network is the virtual machine's, and the same for each.
cat >"$root/etc/systemd/network/wired.network" <<'NETWORK'
[Match]
Name=en* eth*
[Network]
DHCP=ipv4
LinkLocalAddressing=no
NETWORK
cat >"$root/etc/cloud/cloud.cfg.d/90-machine.cfg" <<'CLOUD'
datasource_list: [NoCloud]
network: {config: disabled}
# Only what runs the user data: an emulated processor is slow at the rest.
cloud_init_modules: [write-files]
cloud_config_modules: [runcmd]
cloud_final_modules: [scripts-user, final-message]
CLOUD

# The metadata service has its usual address. What answers there is the test, on the host. It is no part of the system that shuts down.
cat >"$root/etc/systemd/network/metadata.network" <<'NETWORK'
[Match]
Name=lo
[Network]
Address=169.254.169.254/32
NETWORK
cat >"$root/etc/systemd/system/metadata.socket" <<'SOCKET'
[Unit]
DefaultDependencies=no
[Socket]
ListenStream=169.254.169.254:80
FreeBind=yes
[Install]
WantedBy=sockets.target
SOCKET
cat >"$root/etc/systemd/system/metadata.service" <<'SERVICE'
[Unit]
DefaultDependencies=no
[Service]
# The variable comes from the kernel's command line (systemd.setenv).
ExecStart=/lib/systemd/systemd-socket-proxyd ${METADATA}
SERVICE

# The workload, which the agent starts: not enabled. It shows what is on the data volume, and holds no file open.
cat >"$root/etc/systemd/system/sample.service" <<'SERVICE'
[Unit]
RequiresMountsFor=/srv/data
[Service]
ExecStart=/usr/bin/python3 -m http.server 5432 --directory /srv/data
[Install]
WantedBy=multi-user.target
SERVICE

# What the agent says is on the console, too, which the test shows when it fails.
mkdir "$root/etc/systemd/system/failover-agent.service.d"
printf '[Service]\nStandardError=journal+console\n' >"$root/etc/systemd/system/failover-agent.service.d/console.conf"

in_root systemctl enable systemd-networkd metadata.socket
in_root systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer systemd-timesyncd.service systemd-binfmt.service getty@tty1.service \
    serial-getty@ttyS0.service
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
printf 'nameserver 10.0.2.3\n' >"$root/etc/resolv.conf"
printf 'machine\n' >"$root/etc/hostname"
: >"$root/etc/machine-id"
: >"$root/etc/fstab"
# Newer than /usr: the first boot has no caches to rebuild.
touch "$root/etc/.updated" "$root/var/.updated"

mkdir "$work/out"
cp -L -- "$root"/boot/vmlinuz-* "$work/out/vmlinuz"
cp -L -- "$root"/boot/initrd.img-* "$work/out/initrd.img"
truncate -s 2G "$work/out/disk.raw"
mkfs.ext4 -q -d "$root" -L machine "$work/out/disk.raw"
mv -- "$work/out" "$folder"
