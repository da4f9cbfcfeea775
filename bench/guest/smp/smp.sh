#!/bin/sh
# The same work for any number of processors, always two jobs at a time: each line is "rate NAME OPERATIONS-A-SECOND".
#   smp.sh FOLDER SECONDS STRESSOR…
# FOLDER has the project that is made, and room for what comes of it. Runs on the host as well.
export PATH=/usr/bin:/bin HOME=/root LC_ALL=C
folder=$1
seconds=$2
shift 2
cd "$folder" || exit 1

now() {
    read -r uptime idle </proc/uptime
    echo "$uptime"
}

for stressor; do
    stress-ng "--$stressor" 2 --verify --timeout "${seconds}s" --metrics-brief >stress 2>&1 || cat stress
    rate=$(awk -v name="$stressor" '$4 == name && $5 > 0 { print $9; exit }' stress)
    if [ -n "$rate" ]; then echo "rate $stressor $rate"; else cat stress; fi
done

rm -f project ./*.o
started=$(now)
make -s -j2 >made 2>&1 || cat made
ended=$(now)
[ "$(./project)" = "$(cat expected)" ] && echo "rate make $(awk "BEGIN { print 3600 / ($ended - $started) }")"
