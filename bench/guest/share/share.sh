#!/bin/sh
# What a folder of the host is for, in a guest: large files, small files, a source tree, git. Each load prints "name rate unit".
# Usage: share.sh FILES MEGABYTES TREE_FILES
files=$1 megabytes=$2 tree=$3
modprobe -a virtio_pci virtiofs
mkdir -p /shared /tmp
if mount -t virtiofs shared /shared 2>/dev/null; then
    echo 1024 >"/sys/class/bdi/0:$(stat -c %d /shared)/read_ahead_kb" # as in the guests that holon run makes; 9p reads what it is asked for
else
    for module in netfs fscache 9pnet 9pnet_virtio 9p; do insmod /share/$module.ko 2>/dev/null; done
    mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000${options:+,$options}" shared /shared || exit 1
fi
export LD_LIBRARY_PATH=/share/lib PATH=/share:$PATH HOME=/root GIT_OPTIONAL_LOCKS=0
cd /shared || exit 1

share timed sequential-write "$megabytes" MB dd if=/dev/zero of=big bs=1M count="$megabytes" 2>/tmp/problem || cat /tmp/problem
share timed sequential-write-and-sync "$megabytes" MB dd if=/dev/zero of=big bs=1M count="$megabytes" conv=fsync 2>/tmp/problem || cat /tmp/problem
share timed sequential-read "$megabytes" MB dd if=big of=/dev/null bs=1M 2>/tmp/problem || cat /tmp/problem
share random big "$files" 2>&1
rm big
share files /shared/many "$files" 2>&1
share timed untar "$tree" files tar -x -f tree.tar 2>&1
share timed git-status "$tree" files git -C repository status --porcelain 2>&1
share timed find-and-read "$tree" files sh -c 'find repository -type f -exec cat {} + >/dev/null' 2>&1
share timed remove-tree "$tree" files rm -r tree 2>&1
cd /
umount /shared
