#!/bin/sh
# Measures a guest's network: net.sh SECONDS IPERF-PORT ECHO-PORT LINE…
# The host answers at the default gateway. Prints for each line its name and then what the tool says.
export PATH=/usr/bin:/bin
seconds=$1 iperf=$2 echo=$3
shift 3
host=$(ip route | sed -n 's/^default via \([^ ]*\).*/\1/p')
for line; do
    case $line in
        udp-*)
            # The most that arrives of several offered loads, the same for every emulator: too much of it costs each of them some.
            reverse=
            [ "$line" = udp-send ] || reverse=-R
            for load in 300M 600M 1200M 2400M; do
                echo "== $line"
                iperf3 -J -c "$host" -p "$iperf" -t "$seconds" -u -b "$load" -l 1400 $reverse
            done
            continue
            ;;
    esac
    echo "== $line"
    case $line in
        send-1) iperf3 -J -c "$host" -p "$iperf" -t "$seconds" ;;
        send-8 | smp-send-8) iperf3 -J -c "$host" -p "$iperf" -t "$seconds" -P 8 ;;
        receive-1) iperf3 -J -c "$host" -p "$iperf" -t "$seconds" -R ;;
        receive-8 | smp-receive-8) iperf3 -J -c "$host" -p "$iperf" -t "$seconds" -R -P 8 ;;
        requests | connections) /work/load "$line" "$host" "$echo" "$seconds" ;;
    esac
done
