#!/bin/sh
# Makes of the Debian system that mmdebstrap has just installed in $1 a disk image $2: settings, then a file system in a partition that
# begins at 1 MiB. Runs where mmdebstrap runs its hooks: as root, or as root of a user name space.
set -e
root=$1 disk=$2

# Nobody but whoever started the machine reaches its serial console, so root has no password there; the network never accepts that.
chroot "$root" passwd -d root >/dev/null
echo debian >"$root/etc/hostname"
printf '127.0.0.1\tlocalhost\n127.0.1.1\tdebian\n::1\tlocalhost ip6-localhost ip6-loopback\n' >"$root/etc/hosts"
printf '/dev/vda1\t/\text4\tdefaults,errors=remount-ro,discard\t0\t1\n' >"$root/etc/fstab"
printf 'deb http://deb.debian.org/debian bookworm main\ndeb http://deb.debian.org/debian bookworm-updates main\ndeb http://deb.debian.org/debian-security bookworm-security main\n' >"$root/etc/apt/sources.list"
rm -rf "$root"/etc/apt/sources.list.d/* "$root"/etc/apt/apt.conf.d/99mmdebstrap "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
: >"$root/etc/machine-id" # each machine makes its own

# Any network card asks for its address; a machine without one does not wait for it.
printf '[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n' >"$root/etc/systemd/network/80-dhcp.network"
chroot "$root" systemctl -q enable systemd-networkd
chroot "$root" systemctl -q mask systemd-networkd-wait-online

# A bind mount shows the file system alone, without what is mounted in it while packages are installed.
mkdir "$root.alone"
mount --bind "$root" "$root.alone"
mke2fs -q -t ext4 -L debian -E offset=1048576,lazy_itable_init=0,lazy_journal_init=0 -d "$root.alone" "$disk" 4193280K
umount "$root.alone"
rmdir "$root.alone"
