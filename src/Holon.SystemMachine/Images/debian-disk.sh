#!/bin/sh
# Makes of the Debian system that mmdebstrap has just installed in $1 what a disk consists of, in folder $2: settings and a boot loader,
# then a file system in the file disk from byte $3 of $4 KiB, a partition for UEFI firmware in efi of $5 KiB, and GRUB for the BIOS in boot and core.
# Runs where mmdebstrap runs its hooks: as root, or as root of a user name space.
set -e
PATH=$PATH:/usr/sbin:/sbin # an ordinary user's PATH ends before them
root=$1 out=$2

# Nobody but whoever started the machine reaches its serial console, so root has no password there; the network never accepts that.
chroot "$root" passwd -d root >/dev/null
echo debian >"$root/etc/hostname"
printf '127.0.0.1\tlocalhost\n127.0.1.1\tdebian\n::1\tlocalhost ip6-localhost ip6-loopback\n' >"$root/etc/hosts"
printf 'LABEL=debian\t/\text4\tdefaults,errors=remount-ro,discard\t0\t1\n' >"$root/etc/fstab"
printf 'deb http://deb.debian.org/debian bookworm main\ndeb http://deb.debian.org/debian bookworm-updates main\ndeb http://deb.debian.org/debian-security bookworm-security main\n' >"$root/etc/apt/sources.list"
rm -rf "$root"/etc/apt/sources.list.d/* "$root"/etc/apt/apt.conf.d/99mmdebstrap "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
: >"$root/etc/machine-id" # each machine makes its own

# mmdebstrap keeps services from starting while it installs, and would take that back only after this script.
rm -f "$root/usr/sbin/policy-rc.d"
[ ! -e "$root/sbin/start-stop-daemon.REAL" ] || mv "$root/sbin/start-stop-daemon.REAL" "$root/sbin/start-stop-daemon"

# A machine makes its host key when it first starts; one that the host trusts by a key of its own is told so at boot (--ssh-key).
rm -f "$root"/etc/ssh/ssh_host_*
printf 'HostKey /etc/ssh/ssh_host_ed25519_key\nAuthorizedKeysFile .ssh/authorized_keys /run/holon/authorized_keys\n' >"$root/etc/ssh/sshd_config.d/holon.conf"
mkdir -p "$root/etc/systemd/system/ssh.service.d"
printf '[Service]\nExecStartPre=\nExecStartPre=/bin/sh -c "[ -e /etc/ssh/ssh_host_ed25519_key ] || ssh-keygen -q -t ed25519 -N \\"\\" -f /etc/ssh/ssh_host_ed25519_key"\n' >"$root/etc/systemd/system/ssh.service.d/host-key.conf"

# Any network card asks for its address; a machine without one does not wait for it.
# The network's own domain is searched, so that other machines are found by their bare names.
printf '[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n[DHCPv4]\nUseDomains=yes\n[IPv6AcceptRA]\nUseDomains=yes\n' >"$root/etc/systemd/network/80-dhcp.network"
chroot "$root" systemctl -q enable systemd-networkd
chroot "$root" systemctl -q mask systemd-networkd-wait-online

# GRUB for the BIOS and for UEFI reads the same file, which update-grub renews when a kernel is installed. Both look for the file system
# by its label, wherever the disk is.
printf 'GRUB_DEFAULT=0\nGRUB_TIMEOUT=0\nGRUB_DISTRIBUTOR=Debian\nGRUB_CMDLINE_LINUX="console=ttyS0 quiet"\nGRUB_DISABLE_OS_PROBER=true\n' >"$root/etc/default/grub"
kernel=$(cd "$root/boot" && ls vmlinuz-*)
mkdir -p "$root/boot/grub"
cat >"$root/boot/grub/grub.cfg" <<END
set timeout=0
menuentry 'Debian GNU/Linux' {
    linux /boot/$kernel root=LABEL=debian ro console=ttyS0 quiet
    initrd /boot/initrd.img-${kernel#vmlinuz-}
}
END
printf 'search --no-floppy --label debian --set root\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n' >"$root/tmp/start.cfg"
modules='part_gpt part_msdos ext2 search search_label normal configfile linux echo test ls cat gzio reboot halt all_video'
for platform in i386-pc x86_64-efi; do
    mkdir "$root/boot/grub/$platform"
    cp "$root/usr/lib/grub/$platform"/*.mod "$root/usr/lib/grub/$platform"/*.lst "$root/boot/grub/$platform"
done
chroot "$root" grub-mkimage -O i386-pc -o /tmp/core -p /boot/grub -c /tmp/start.cfg biosdisk $modules
chroot "$root" grub-mkimage -O x86_64-efi -o /tmp/bootx64.efi -p /boot/grub -c /tmp/start.cfg fat $modules
cat "$root/tmp/core" >"$out/core"
cat "$root/usr/lib/grub/i386-pc/boot.img" >"$out/boot"

# The partition where UEFI firmware looks for a boot loader by a name of its own.
truncate -s "$5K" "$root/tmp/efi"
chroot "$root" mformat -i /tmp/efi -v EFI -F ::
chroot "$root" mmd -i /tmp/efi ::/EFI ::/EFI/BOOT
chroot "$root" mcopy -i /tmp/efi /tmp/bootx64.efi ::/EFI/BOOT/BOOTX64.EFI
cat "$root/tmp/efi" >"$out/efi"
# A bind mount shows the file system alone, without what is mounted in it while packages are installed. mmdebstrap has files in /tmp, which it
# still needs: they are covered.
mkdir "$root.alone"
mount --bind "$root" "$root.alone"
mount -t tmpfs -o mode=1777 none "$root.alone/tmp"
mke2fs -q -t ext4 -L debian -E offset="$3",lazy_itable_init=0,lazy_journal_init=0 -d "$root.alone" "$out/disk" "$4K"
umount "$root.alone/tmp" "$root.alone"
rmdir "$root.alone"
