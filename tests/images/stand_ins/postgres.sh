#!/bin/bash
# Does what the original image does: at the first start, creates the cluster, its user and its database, and runs the
# scripts of /docker-entrypoint-initdb.d. Then starts the server, which listens on all addresses and requires passwords.
set -euo pipefail
as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)

first_start() {
  "${as_postgres[@]}" initdb --username="$POSTGRES_USER" --auth-local=trust --auth-host=scram-sha-256 >/dev/null
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  "${as_postgres[@]}" pg_ctl --wait start -o '-c listen_addresses=' >/dev/null
  "${as_postgres[@]}" psql --username="$POSTGRES_USER" --dbname=postgres --set=password="$POSTGRES_PASSWORD" \
    <<<"ALTER USER :\"USER\" PASSWORD :'password'" >/dev/null
  "${as_postgres[@]}" createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
  for script in /docker-entrypoint-initdb.d/*.sql; do
    "${as_postgres[@]}" psql --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" --set=ON_ERROR_STOP=1 < "$script"
  done
  "${as_postgres[@]}" pg_ctl --wait --mode=fast stop >/dev/null
}

if [ "$1" = postgres ]; then
  install --directory --owner postgres --group postgres --mode 700 "$PGDATA"
  [ -s "$PGDATA/PG_VERSION" ] || first_start
  set -- "$@" -c 'listen_addresses=*'
fi
exec "${as_postgres[@]}" "$@"
