#!/bin/sh
# The same work for any number of processors, always two jobs at a time: each line is "rate NAME OPERATIONS-A-SECOND".
#   smp.sh SECONDS STRESSOR…
export PATH=/usr/bin:/bin HOME=/root LC_ALL=C
seconds=$1
shift
cd /tmp || exit 1

now() {
    read -r uptime idle </proc/uptime
    echo "$uptime"
}

for stressor; do
    stress-ng "--$stressor" 2 --verify --timeout "${seconds}s" --metrics-brief >/tmp/stress 2>&1 || cat /tmp/stress
    rate=$(awk -v name="$stressor" '$4 == name && $5 > 0 { print $9; exit }' /tmp/stress)
    if [ -n "$rate" ]; then echo "rate $stressor $rate"; else cat /tmp/stress; fi
done

cd /project || exit 1
started=$(now)
make -s -j2 >/tmp/make 2>&1 || cat /tmp/make
ended=$(now)
[ "$(./project)" = "$(cat expected)" ] && echo "rate make $(awk "BEGIN { print 3600 / ($ended - $started) }")"
