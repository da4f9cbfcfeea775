# Part of ./holon test: builds the solution once and runs every test project's program. Sourced by the root script.

results=$out/test-results
limit=900 # seconds for one project; the longest takes far less

if [ "${1-}" = --all ]; then
    export HOLON_TEST_ALL=1 HOLON_ORACLE_CASES=20000
    limit=7200
    shift
fi
[ $# = 0 ] || fail "test takes no '$1'; it takes --all or nothing."

cd "$root" || exit 125
require_sdk

# Tests that compare with the host's processor, and with what others write, skip what is not there.
while read -r file packages; do
    if [ "$(id -u)" = 0 ]; then
        require "$file" "$packages" test
    elif [ ! -e "$file" ] && ! command -v "$file" >/dev/null 2>&1; then
        echo "holon: there is no $file, so some tests will be skipped; it comes with: sudo apt-get install $packages" >&2
    fi
done <<END
gcc gcc libc6-dev
iasl acpica-tools
xz xz-utils
script bsdutils
sfdisk fdisk
isoinfo genisoimage
sqlite3 sqlite3
/usr/share/seabios/bios-256k.bin seabios
/usr/share/OVMF/OVMF_CODE_4M.fd ovmf
javac openjdk-17-jdk-headless
qemu-img qemu-utils
/usr/bin/python3.11 python3.11
/usr/lib/python3.11/test/test_syntax.py libpython3.11-testsuite
/usr/share/unicode/UnicodeData.txt unicode-data
ip iproute2
curl curl
dig bind9-dnsutils
ping iputils-ping
traceroute traceroute
nc netcat-openbsd
busybox busybox-static
iperf3 iperf3
ssh openssh-client
END

open_lock
mkdir -p "$results"
flock 9
say "building everything"
touch "$stamp.new"
if ! dotnet_command build Holon.slnx >"$log" 2>&1 || ! publish_cli; then
    say ""
    grep -E 'error|warning' "$log" | sort -u >&2 || cat "$log" >&2
    fail "the build failed; the full log is $log"
fi
mv "$stamp.new" "$stamp"
exec 9>&-
say ""

passed=0 failed=0 skipped=0
for project in tests/*/*.csproj; do
    name=$(basename "$project" .csproj)
    grep -q '<IsTestProject>false' "$project" && continue # a library that tests share
    report=$results/$name.txt
    started=$(date +%s)
    timeout -k 10 "$limit" "$out/bin/$name/release/$name" -noColor -noLogo >"$report" 2>&1 </dev/null
    code=$?
    took=$(($(date +%s) - started))

    # "   Name  Total: 30, Errors: 0, Failed: 0, Skipped: 0, Not Run: 0, Time: 0.937s", printed last
    set -- $(sed -n 's/^.*Total: \([0-9]*\), Errors: \([0-9]*\), Failed: \([0-9]*\), Skipped: \([0-9]*\), Not Run: \([0-9]*\),.*$/\1 \2 \3 \4 \5/p' "$report" | tail -n 1)
    total=${1-0} bad=$((${2-0} + ${3-0})) left=$((${4-0} + ${5-0}))
    why=
    if [ $# != 5 ]; then
        bad=1 total=1
        [ "$code" = 124 ] && why=" (stopped after ${limit} s)" || why=" (ended with code $code before its summary)"
        grep -q 'No tests\|found no tests' "$report" && bad=0 total=0 why=" (no tests)"
    elif [ "$code" != 0 ] && [ "$bad" = 0 ] && [ "$total" != 0 ]; then
        bad=1 total=$((total + 1)) why=" (ended with code $code)"
    fi
    passed=$((passed + total - bad - left)) failed=$((failed + bad)) skipped=$((skipped + left))
    printf '%-32s %5d passed, %d failed, %d skipped, %d s%s\n' "$name" $((total - bad - left)) "$bad" "$left" "$took" "$why"
    if [ "$bad" != 0 ]; then sed 's/^/    /' "$report"; elif [ "$left" != 0 ]; then grep -A 1 '\[SKIP\]' "$report" | sed 's/^/    /'; fi
done

started=$(date +%s)
# In the configuration that was built: some sources are made while building.
if Configuration=Release quiet_dotnet format Holon.slnx --no-restore --verify-no-changes >"$results/format.txt" 2>&1 </dev/null; then
    passed=$((passed + 1))
    echo "format                           as it should be, $(($(date +%s) - started)) s"
else
    failed=$((failed + 1))
    echo "format                           differs; dotnet format puts it right:"
    sed 's/^/    /' "$results/format.txt"
fi

summary="$passed passed, $failed failed"
[ "$skipped" = 0 ] || summary="$summary, $skipped skipped"
echo "$summary"
[ "$failed" = 0 ]
exit
