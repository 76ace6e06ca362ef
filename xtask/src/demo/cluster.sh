set -eu
dir=$(mktemp -d "${TMPDIR:-/tmp}/zelador-demo-postgres.XXXXXX")
trap 'rm -rf "$dir"' EXIT
(umask 077 && printf %s "$PASSWORD" > "$dir/password")
"$BIN/initdb" -D "$dir/data" -U postgres --pwfile="$dir/password" -A scram-sha-256 -E UTF8 --locale=C.UTF-8 -N >/dev/null
rm "$dir/password"
unset PASSWORD
"$BIN/postgres" -D "$dir/data" -p "$PORT" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$dir" \
    -c log_min_messages=fatal </dev/null >"$dir/log" 2>&1 &
server=$!
until "$BIN/pg_isready" -q -h 127.0.0.1 -p "$PORT"; do
    kill -0 $server 2>/dev/null || { cat "$dir/log" >&2; exit 1; }
    sleep 0.05
done
echo ready
read -r _ || true
kill -INT $server
wait $server || true
