#!/bin/bash
# PID 1 of an instance of the lab: its first boot, its shutdown, and systemd's part for the agent's service (Restart=always).
# It runs in network, mount and process namespaces of its own; the hardware (network card, disks) is put there from outside.
set -u
export LC_ALL=C

mount --bind "$LAB_GUEST/dev" /dev
mount -t tmpfs -o mode=755 tmpfs /run
for folder in etc var; do
    mount -t overlay -o "lowerdir=/$folder,upperdir=$LAB_DISK/$folder,workdir=$LAB_DISK/$folder.work" overlay "/$folder"
done
mkdir -m 2775 /run/postgresql
chown postgres:postgres /run/postgresql

ip link set lo up
until ip link set eth0 up 2>/dev/null; do sleep 0.02; done
ip addr add "$LAB_PRIVATE_IP/32" dev eth0
# AWS translates the Elastic IP to the private address on the way. The lab routes it here, to a machine that knows itself by it.
ip addr add "$LAB_PUBLIC_IP/32" dev lo
ip route add "$LAB_ROUTER_IP/32" dev eth0
ip route add default via "$LAB_ROUTER_IP" src "$LAB_PRIVATE_IP"

export PATH="$LAB_TOOLS:/usr/sbin:/usr/bin:/sbin:/bin"
stopping=
agent=
trap 'stopping=1; [ -n "$agent" ] && kill -TERM "$agent" 2>/dev/null' TERM

while [ -z "$stopping" ]; do
    "$LAB_AGENT" run >>"$LAB_GUEST/agent.log" 2>&1 &
    agent=$!
    echo "$agent" >"$LAB_GUEST/agent.pid"
    wait "$agent"
    code=$?
    if [ -n "$stopping" ]; then
        # The trap cut the first wait short. systemd stops a service within 90 s by default, and kills it then.
        wait "$agent"
        break
    fi
    echo "lab: the agent ended with $code" >>"$LAB_GUEST/agent.log"
    sleep 0.5 # RestartSec
done

# What systemd does last: the units that still run, then the file systems.
systemctl stop postgresql.service
umount "$LAB_MOUNT" 2>/dev/null
sync
exit 0
