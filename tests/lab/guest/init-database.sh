#!/bin/bash
# Makes the service's database in a new folder, as its operator would: $1 PostgreSQL's programs, $2 the folder. Nothing is synced yet.
set -eu
programs=$1 data=$2
postgres() { setpriv --reuid postgres --regid postgres --init-groups env -C / "$@"; }
install -d -m 700 -o postgres -g postgres "$data"
postgres "$programs/initdb" -D "$data" --no-sync --auth=trust --encoding=UTF8 --locale=C >/dev/null
cat >>"$data/postgresql.conf" <<CONF
listen_addresses = '*'
max_connections = 20
shared_buffers = '16MB'
fsync = on
synchronous_commit = on
CONF
echo 'host all all 0.0.0.0/0 trust' >>"$data/pg_hba.conf"
echo 'CREATE TABLE rows (number bigint PRIMARY KEY, instance text NOT NULL, epoch bigint NOT NULL);' |
    postgres "$programs/postgres" --single -j -D "$data" postgres >/dev/null
