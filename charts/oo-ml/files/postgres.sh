# Make the cluster and its two databases at the first start, then run it. For any image with PostgreSQL's programs.
set -eu
umask 077
home=/data/postgres
if [ ! -f "$home/made" ]; then
    rm -rf "$home"   # a first start that was interrupted
    printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
    initdb --pgdata "$home" --username oo --pwfile /tmp/password --auth scram-sha-256 --encoding UTF8 --locale C
    rm /tmp/password
    echo 'host all all all scram-sha-256' >>"$home/pg_hba.conf"
    for name in effects mlflow; do
        echo "CREATE DATABASE $name" | postgres --single -D "$home" postgres
    done
    touch "$home/made"
fi
unset POSTGRES_PASSWORD
exec postgres -D "$home" -c listen_addresses='*' -c unix_socket_directories=/tmp -c max_connections=200
