#!/bin/sh
# The first process of Holon's busybox guest. It runs one command, or a shell, on the serial port, and ends the machine with its
# exit code. Holon puts the command and the terminal's properties in /holon/session, in an archive unpacked over this one.

export PATH=/bin HOME=/root
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run

port=/dev/ttyS0
mode=terminal input=/run/input rows=24 columns=80 quiet=1 name=holon modules= network=0 TERM=linux complaint=
newline='
'
mount_shares() { :; } # the session's, if there are any
set --
[ -r /holon/session ] && . /holon/session
export TERM
hostname "$name"
cd /root

# Ends the machine at once, with what was printed so far: changing a terminal's settings first waits until all output is sent.
finish() {
    stty -F "$port" opost
    /holon/exit "$1"
    poweroff -f # no exit port on this board
}

# Drivers of the machine's devices; their disks are there when modprobe returns.
[ -z "$modules" ] || modprobe -a $modules

# Folders of the host. One that cannot be mounted is told of when the command begins.
mount_shares 2>/dev/null

# Every network card asks for its address. A network that answers none holds nothing up for longer than a second.
bring_up_networks() {
    ip link set lo up
    for card in /sys/class/net/eth*; do
        [ -e "$card" ] || continue
        card=${card##*/}
        ip link set "$card" up
        udhcpc -q -b -t 2 -T 1 -i "$card" -s /holon/dhcp -x "hostname:$name" >/dev/null 2>&1
    done
}
[ "$network" = 0 ] || bring_up_networks

# What poweroff, halt and reboot ask of the first process. It hears them only while it waits for something in the background.
trap 'finish 0' USR1 USR2
trap 'reboot -f' TERM

# Kernel messages are not the command's output.
[ "$quiet" = 1 ] && dmesg -n 1

# Tells the host that what follows on the port is the command's: an application program command, which terminals ignore.
announce() {
    printf '\033_holon-ready\033\\%s' "$complaint" >"$port"
}

# Somebody sits at the host's terminal: the command gets a controlling terminal of that size.
on_terminal() {
    stty -F "$port" sane crtscts rows "$rows" cols "$columns"
    announce
    /holon/foreground /bin/setsid -c "$@" <"$port" >"$port" 2>&1 &
    wait $!
}

# The host's standard input and output are files or pipes: bytes go through unchanged, and input ends. Holon sends input as lines
# that the line discipline takes apart again: \026 quotes a byte, \004 ends a piece, and an empty piece ends the input.
on_pipes() {
    stty -F "$port" raw icanon iexten -echo -isig -opost crtscts \
        eof '^D' lnext '^V' eol undef eol2 undef erase undef kill undef werase undef rprnt undef
    mkfifo /run/input
    announce
    # dd and not cat: cat would have the kernel move the bytes, and that holds the pipe's lock while it waits for input.
    dd bs=4k <"$port" >/run/input 2>/dev/null &
    { /holon/foreground /bin/setsid "$@" <"$input" 2>&1; echo $? >/run/status; } | dd bs=4k 2>/dev/null >"$port" &
    wait $!
    read -r status </run/status
    return "$status"
}

[ $# -gt 0 ] || set -- sh -l
"on_$mode" "$@"
finish $?
