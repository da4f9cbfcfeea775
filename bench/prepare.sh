# What every benchmark needs before it runs; sourced by bench/run-*, which sets root.

fail() {
    echo "holon: $*" >&2
    exit 125
}

# require FILE PACKAGES: installs Debian's PACKAGES unless FILE, a path or a program, is there.
require() {
    { [ -e "$1" ] || command -v "$1" >/dev/null 2>&1; } && return
    [ "$(id -u)" = 0 ] || fail "this benchmark needs $1; install it with: sudo apt-get install -y $2"
    echo "holon: installing $2, which this benchmark needs" >&2
    # shellcheck disable=SC2086 # several packages
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $2 >/dev/null 2>&1 </dev/null ||
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $2; } >/dev/null </dev/null ||
        fail "apt-get could not install $2; try: apt-get install $2"
}

# measure NAME …: builds the program that measures and becomes it.
measure() {
    DOTNET_NOLOGO=1 dotnet build "$root/bench/Holon.Bench" -c Release -v q --nologo -nodeReuse:false -p:UseSharedCompilation=false >&2 || exit 125
    exec "$root/artifacts/bin/Holon.Bench/release/Holon.Bench" "$root" "$@"
}
