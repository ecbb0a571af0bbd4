#!/bin/bash
# Makes the database that every story of a standby begins with, in a mount namespace of its own: $1 PostgreSQL's programs, $2 the archive.
set -eu
mount -t tmpfs tmpfs /mnt
bash "${0%/*}/init-database.sh" "$1" /mnt/pgsql
tar -C /mnt -cf "$2" pgsql
