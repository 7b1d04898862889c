#!/bin/sh
# PostgreSQL with the settings in a file, for the user client and the set in a directory: FILE
# SET. It runs where it is started. It refuses to be run by root, who lets nobody run it.
set -eu
settings=$1 set=$2
as=
if [ "$(id -u)" = 0 ]; then
	as='setpriv --reuid=nobody --regid=nogroup --clear-groups'
	chown -R nobody:nogroup . "$set"
	chmod o+x "$(dirname "$PWD")" "$(dirname "$set")"
fi
for bin in /usr/lib/postgresql/*/bin; do :; done # the newest
# shellcheck disable=SC2086 # words
$as "$bin/initdb" --pgdata=data --auth=trust --username=client --no-sync >initdb.log 2>&1 || { cat initdb.log >&2; exit 1; }
cat "$settings" >>data/postgresql.conf
echo 'hostssl all all samehost cert' >data/pg_hba.conf
# shellcheck disable=SC2086 # words
exec $as "$bin/postgres" -D data -k '' -c fsync=off
