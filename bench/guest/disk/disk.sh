#!/bin/sh
# What disks are for, in a guest: /dev/vda is raw and full of data, /dev/vdb has an ext4 file system. Each load prints "name rate unit".
# Usage: disk.sh SECONDS
seconds=$1
modprobe -a virtio_pci virtio_blk
export LD_LIBRARY_PATH=/disk/lib PATH=/disk:$PATH
mkdir -p /tmp /dev/shm /mnt
mount -t tmpfs shm /dev/shm
mount -t ext4 /dev/vdb /mnt || exit 1

# load NAME FIELD OPTIONS…: field 8 of fio's terse form is reads a second, 49 writes.
load() {
    name=$1 field=$2
    shift 2
    fio --name=load --filename=/dev/vda --size=100% --runtime="$seconds" --time_based --ramp_time=1 --direct=1 --ioengine=libaio --randseed=1 \
        --output-format=terse --terse-version=3 "$@" 2>/tmp/problem | cut -d';' -f"$field" >/tmp/rate
    echo "$name $(cat /tmp/rate) operations"
    cat /tmp/problem
}

load random-read-4k-depth-1 8 --rw=randread --bs=4k --iodepth=1
load random-read-4k-depth-32 8 --rw=randread --bs=4k --iodepth=32
load random-write-4k-depth-1 49 --rw=randwrite --bs=4k --iodepth=1
load random-write-4k-depth-32 49 --rw=randwrite --bs=4k --iodepth=32
load sequential-read-1M-depth-8 8 --rw=read --bs=1M --iodepth=8
load sequential-write-1M-depth-8 49 --rw=write --bs=1M --iodepth=8
load write-4k-and-sync 49 --rw=randwrite --bs=4k --iodepth=1 --fdatasync=1
stress-ng --temp-path /mnt --hdd 1 --hdd-bytes 64M --verify --timeout "${seconds}s" --metrics-brief >/tmp/stress 2>&1 || cat /tmp/stress
[ -n "$(awk '$4 == "hdd"' /tmp/stress)" ] || cat /tmp/stress
echo "files-written-and-verified $(awk '$4 == "hdd" && $5 > 0 { print $9; exit }' /tmp/stress) operations"
umount /mnt
