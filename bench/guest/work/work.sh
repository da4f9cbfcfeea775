#!/bin/sh
# Real work, in the guest: each task prints "work NAME SECONDS RESULT"; the host knows what the result must be.
#   work.sh ROWS TASKS PYTHON-TEST…      TASKS is a list in one word, with blanks; empty for all
export PATH=/usr/bin:/bin HOME=/root PYTHONDONTWRITEBYTECODE=1 LC_ALL=C
rows=$1 wanted=$2
shift 2
cd /tmp || exit 1
ip link set lo up 2>/dev/null # Python's tests look for it

now() {
    read -r uptime idle </proc/uptime
    echo "$uptime"
}

# task NAME FUNCTION: times a function; what it prints, as one word, is its result.
task() {
    case " ${wanted:-$1} " in *" $1 "*) ;; *) return ;; esac
    started=$(now)
    result=$($2 2>/tmp/errors | tr -s '\n ' '__')
    ended=$(now)
    echo "work $1 $(awk "BEGIN { print $ended - $started }") ${result:-nothing}"
    [ -n "$result" ] || tail -n 5 /tmp/errors
}

compile() {
    objects=
    for file in /project/*.c; do
        object=$(basename "$file" .c).o
        gcc -O2 -c "$file" -o "$object" || return
        objects="$objects $object"
    done
    # shellcheck disable=SC2086 # several files
    gcc -o project $objects && ./project
}

test_python() {
    python3 -m test $tests >/tmp/python.log 2>&1
    grep -E '^(Tests result|Result):' /tmp/python.log || tail -n 5 /tmp/python.log >&2
}

# Bytes of 8 KiB blocks, or private and public operations, in a fixed time: the work per second, not the time, is what counts.
speed() {
    openssl speed -mr -seconds "$seconds" -bytes 8192 -evp "$1" 2>/dev/null | sed -n 's/^+F:[0-9]*:[^:]*:\(.*\)$/\1/p'
}
seconds=2
speed_aes() { speed aes-256-gcm; }
speed_sha() { speed sha256; }
speed_chacha() { speed chacha20-poly1305; }
speed_rsa() { openssl speed -mr -seconds "$seconds" rsa2048 2>/dev/null | sed -n 's/^+F2:[0-9]*:[0-9]*:\(.*\):.*$/\1/p'; }

digests() {
    head -c 10000000 /dev/zero | openssl dgst -sha256 -r | cut -d' ' -f1
    head -c 10000000 /dev/zero | openssl enc -aes-128-ctr -K 000102030405060708090a0b0c0d0e0f -iv 00000000000000000000000000000000 | openssl dgst -sha256 -r | cut -d' ' -f1
}

database() {
    sqlite3 /tmp/database "
        PRAGMA journal_mode = OFF;
        CREATE TABLE item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT, price INTEGER);
        WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
            INSERT INTO item SELECT i, i * 7919 % 1000, 'item ' || i, i * 104729 % 65521 FROM n;
        CREATE INDEX by_kind ON item (kind, price);
        SELECT count(*), sum(price), max(length(name)) FROM item;
        SELECT sum(low) FROM (SELECT min(price) AS low FROM item GROUP BY kind);
        UPDATE item SET price = price + 1 WHERE kind < 100;
        SELECT count(*), sum(a.price) FROM item a JOIN item b ON b.id = a.price WHERE a.kind = 500;
    "
    rm -f /tmp/database
}

tests=$*
task digests digests
task compile compile
task database database
task python test_python
task speed-aes-256-gcm speed_aes
task speed-chacha20-poly1305 speed_chacha
task speed-sha256 speed_sha
task speed-rsa2048 speed_rsa
