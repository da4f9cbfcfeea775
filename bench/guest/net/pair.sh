#!/bin/sh
# One of two guests on a network without a gateway: pair.sh server ADDRESS, or pair.sh client ADDRESS SERVER SECONDS. Ports are iperf3's and 7.
export PATH=/usr/bin:/bin
ip addr add "$2/24" dev eth0
if [ "$1" = server ]; then
    /work/load echo 7 &
    iperf3 -s >/dev/null &
    echo listening
    sleep 3600
fi
until ping -c 1 -W 1 "$3" >/dev/null; do :; done
echo "== pair-1"
iperf3 -J -c "$3" -t "$4"
echo "== pair-8"
iperf3 -J -c "$3" -t "$4" -P 8
echo "== pair-requests"
/work/load requests "$3" 7 "$4"
