#!/bin/sh
# The first process of a Debian machine that is booted without firmware: finds the disk and hands over to systemd on it.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
modprobe -a virtio_pci virtio_blk
mount -t ext4 -o ro /dev/vda1 /root || exec sh
if [ -e /holon/authorized_keys ]; then # where sshd looks besides the users' own folders
    mount -t tmpfs -o mode=755,nosuid,nodev run /root/run
    mkdir /root/run/holon
    cp /holon/authorized_keys /root/run/holon
fi
mount --move /dev /root/dev
mount --move /proc /root/proc
mount --move /sys /root/sys
exec switch_root /root /sbin/init
