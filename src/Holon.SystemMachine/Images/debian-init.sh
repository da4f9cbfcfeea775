#!/bin/sh
# The first process of a Debian machine that is booted without firmware: finds the disk and hands over to systemd on it.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
modprobe -a virtio_pci virtio_blk
mount -t ext4 -o ro /dev/vda1 /root || exec sh
if [ -d /holon/run ]; then # what sshd and systemd look for besides what is on the disk
    mount -t tmpfs -o mode=755,nosuid,nodev run /root/run
    cp -a /holon/run/. /root/run
fi
mount --move /dev /root/dev
mount --move /proc /root/proc
mount --move /sys /root/sys
exec switch_root /root /sbin/init
