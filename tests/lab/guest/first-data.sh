#!/bin/bash
# Makes the database that every story begins with, in a mount namespace of its own: $1 PostgreSQL's programs, $2 the archive.
set -eu
programs=$1 archive=$2
mount -t tmpfs tmpfs /mnt
mkdir /mnt/pgsql
chown postgres:postgres /mnt/pgsql
postgres() { setpriv --reuid postgres --regid postgres --init-groups env -C / "$@"; }
postgres "$programs/initdb" -D /mnt/pgsql --no-sync --auth=trust --encoding=UTF8 --locale=C >/dev/null
cat >>/mnt/pgsql/postgresql.conf <<CONF
listen_addresses = '*'
max_connections = 20
shared_buffers = '16MB'
fsync = on
synchronous_commit = on
CONF
echo 'host all all 0.0.0.0/0 trust' >>/mnt/pgsql/pg_hba.conf
echo 'CREATE TABLE rows (number bigint PRIMARY KEY, instance text NOT NULL, epoch bigint NOT NULL);' |
    postgres "$programs/postgres" --single -j -D /mnt/pgsql postgres >/dev/null
tar -C /mnt -cf "$archive" pgsql
