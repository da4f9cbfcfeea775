#!/bin/sh
# What busybox's DHCP client calls with what it was told: $1 is what happened, the rest is in the environment.
case $1 in
    bound | renew) ;;
    *) exit 0 ;;
esac
ip addr replace "$ip/$mask" dev "$interface"
[ -z "$mtu" ] || ip link set "$interface" mtu "$mtu"
for address in $router; do
    ip route replace default via "$address" dev "$interface" && break
done
: >/etc/resolv.conf
[ -z "$domain" ] || echo "search $domain" >>/etc/resolv.conf
for address in $dns; do
    echo "nameserver $address" >>/etc/resolv.conf
done
