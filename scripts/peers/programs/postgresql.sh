#!/bin/sh
# PostgreSQL at a port of loopback, in a directory that is empty: PORT DIR CERT KEY CA. It
# refuses to be run by root, who lets nobody run it, and it wants a key of its own.
set -eu
port=$1 dir=$2
install -m 600 "$4" "$dir/key"
cp "$3" "$dir/cert"
cp "$5" "$dir/ca"
echo 'hostssl all all 127.0.0.1/32 cert' >"$dir/hba"
as=
if [ "$(id -u)" = 0 ]; then
	as='setpriv --reuid=nobody --regid=nogroup --clear-groups'
	chown -R nobody:nogroup "$dir"
	chmod o+x "$(dirname "$dir")"
fi
for bin in /usr/lib/postgresql/*/bin; do :; done # the newest
cd "$dir"
# shellcheck disable=SC2086 # words
$as "$bin/initdb" --pgdata=data --auth=trust --username=postgres --no-sync >initdb.log 2>&1 || { cat initdb.log >&2; exit 1; }
# shellcheck disable=SC2086 # words
exec $as "$bin/postgres" -D data -p "$port" -h 127.0.0.1 -k '' -c fsync=off -c hba_file="$dir/hba" \
	-c ssl=on -c ssl_cert_file="$dir/cert" -c ssl_key_file="$dir/key" -c ssl_ca_file="$dir/ca"
