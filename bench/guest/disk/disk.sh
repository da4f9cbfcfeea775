#!/bin/sh
# What disks are for, in a guest: /dev/vda is raw and full of data, /dev/vdb has an ext4 file system. Each load prints "name rate unit".
# Usage: disk.sh SECONDS [NAME [FILE]]: NAME for the loads with it in their names. On the host FILE is vda's, and written through the page cache, as
# for guests; of one thread and one a processor the better counts, since loads that a guest has in flight together the host can do so, too.
seconds=$1 only=${2-} file=${3-}
scratch=/tmp
if [ "$file" ]; then
    scratch=$(mktemp -d) || exit 1
    trap 'rm -rf "$scratch"' EXIT
else
    modprobe -a virtio_pci virtio_blk
    export LD_LIBRARY_PATH=/disk/lib PATH=/disk:$PATH
    mkdir -p /tmp /dev/shm /mnt
    mount -t tmpfs shm /dev/shm
    mount -t ext4 /dev/vdb /mnt || exit 1
fi

wanted() { case $1 in *"$only"*) ;; *) return 1 ;; esac; }

# measure FIELD OPTIONS…: field 8 of fio's terse form is reads a second, 49 writes.
measure() {
    field=$1
    shift
    fio --name=load --size=100% --runtime="$seconds" --time_based --ramp_time=1 --randseed=1 --group_reporting --output-format=terse --terse-version=3 "$@" 2>"$scratch/problem" | cut -d';' -f"$field"
    cat "$scratch/problem" >&2
}

# load NAME FIELD DEPTH OPTIONS…
load() {
    name=$1 field=$2 depth=$3
    wanted "$name" || return
    shift 3
    if [ "$file" ]; then
        set -- "$field" --filename="$file" --ioengine=psync --invalidate=0 "$@"
        rate=$(measure "$@")
        [ "$depth" = 1 ] || rate=$(printf '%s\n' "$rate" "$(measure "$@" --numjobs="$(nproc)")" | sort -n | tail -n 1)
    else
        rate=$(measure "$field" --filename=/dev/vda --direct=1 --ioengine=libaio --iodepth="$depth" "$@" 2>&1)
    fi
    echo "$name $rate operations"
}

load random-read-4k-depth-1 8 1 --rw=randread --bs=4k
load random-read-4k-depth-32 8 32 --rw=randread --bs=4k
load random-write-4k-depth-1 49 1 --rw=randwrite --bs=4k
load random-write-4k-depth-32 49 32 --rw=randwrite --bs=4k
load sequential-read-1M-depth-8 8 8 --rw=read --bs=1M
load sequential-write-1M-depth-8 49 8 --rw=write --bs=1M
load write-4k-and-sync 49 1 --rw=randwrite --bs=4k --fdatasync=1
[ "$file" ] && exit
if wanted files-written-and-verified; then
    stress-ng --temp-path /mnt --hdd 1 --hdd-bytes 64M --verify --timeout "${seconds}s" --metrics-brief >/tmp/stress 2>&1 || cat /tmp/stress
    [ -n "$(awk '$4 == "hdd"' /tmp/stress)" ] || cat /tmp/stress
    echo "files-written-and-verified $(awk '$4 == "hdd" && $5 > 0 { print $9; exit }' /tmp/stress) operations"
fi
umount /mnt
