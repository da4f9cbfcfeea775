using System.Security.Cryptography;

namespace Holon.EndToEnd;

/// <summary>Disks and other virtio devices, as guests with Debian's own drivers see them.</summary>
public sealed class DiskTests(Busybox busybox) : IClassFixture<Busybox>
{
    private const string Limit = "180s";

    /// <summary>Drivers complain in the kernel's log with these words.</summary>
    private const string Complaints = "dmesg | grep -iE 'virtio|pci|acpi|vda|sda|ata[0-9]' | grep -iE 'error|fail|warn|bug|invalid|unable|timeout|conflict' | grep -v 'report a bug'";

    [Fact]
    public async Task A_guest_writes_and_reads_a_disk_and_the_host_finds_what_it_wrote()
    {
        busybox.Require();
        using var folder = new TemporaryFolder();
        var content = RandomNumberGenerator.GetBytes(8 << 20);
        var disk = folder.File("disk", content);
        var script = $"""
            dd if=/dev/vda bs=1M count=4 of=/tmp/a 2>/dev/null
            dd if=/tmp/a of=/dev/vda bs=64k seek=64 2>/dev/null; sync
            echo 3 >/proc/sys/vm/drop_caches
            sha256sum /dev/vda | cut -d' ' -f1
            cat /sys/block/vda/serial; echo; cat /sys/block/vda/queue/write_cache
            {Complaints}
            """;
        var outcome = await HolonProgram.RunAsync("run", "busybox", "--timeout", Limit, "--disk", $"{disk},serial=disk-1", "--", "sh", "-c", script);
        Assert.Empty(outcome.Error);
        content.AsSpan(0, 4 << 20).CopyTo(content.AsSpan(4 << 20));
#pragma warning disable CA1308 // sha256sum prints lower case
        Assert.Equal($"{Convert.ToHexString(SHA256.HashData(content)).ToLowerInvariant()}\ndisk-1\nwrite back\n", outcome.Output);
#pragma warning restore CA1308
        Assert.Equal(content, await File.ReadAllBytesAsync(disk, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_read_only_disk_stays_as_it_is()
    {
        busybox.Require();
        using var folder = new TemporaryFolder();
        var disk = folder.File("disk", new byte[1 << 20]);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(disk, UnixFileMode.UserRead);
        var outcome = await HolonProgram.RunAsync("run", "busybox", "--timeout", Limit, "--disk", $"{disk},ro", "--", "sh", "-c", "cat /sys/block/vda/ro; echo x 2>/dev/null >/dev/vda || echo refused");
        Assert.Equal("1\nrefused\n", outcome.Output);
    }

    [Fact]
    public async Task A_sata_disk_works_with_the_full_kernel()
    {
        busybox.Require();
        using var folder = new TemporaryFolder();
        var content = RandomNumberGenerator.GetBytes(4 << 20);
        var disk = folder.File("disk", content);
        var script = $"""
            for i in 1 2 3 4 5 6 7 8 9 10; do [ -e /dev/sda ] && break; sleep 1; done
            cmp -n 2097152 /dev/sda /dev/sda && dd if=/dev/sda of=/dev/sda bs=1M count=2 seek=2 2>/dev/null; sync
            echo 3 >/proc/sys/vm/drop_caches
            sha256sum /dev/sda | cut -d' ' -f1
            {Complaints}
            """;
        var outcome = await HolonProgram.RunAsync("run", "busybox-full", "--timeout", Limit, "--disk", $"{disk},bus=ahci", "--", "sh", "-c", script);
        content.AsSpan(0, 2 << 20).CopyTo(content.AsSpan(2 << 20));
#pragma warning disable CA1308 // sha256sum prints lower case
        Assert.Equal($"{Convert.ToHexString(SHA256.HashData(content)).ToLowerInvariant()}\n", outcome.Output);
#pragma warning restore CA1308
    }

    [Fact]
    public async Task Random_numbers_and_a_balloon_are_there()
    {
        busybox.Require();
        var outcome = await HolonProgram.RunAsync("run", "busybox", "--timeout", Limit, "--device", "rng", "--device", "balloon", "--", "sh", "-c",
            $"dd if=/dev/hwrng bs=64 count=1 2>/dev/null | wc -c; cat /sys/bus/virtio/devices/*/device; cat /sys/class/misc/hw_random/rng_current; {Complaints}");
        Assert.Equal("64\n0x0004\n0x0005\nvirtio_rng.0\n", outcome.Output);
    }

    [Theory]
    [InlineData("disk.raw")]
    [InlineData("disk.qcow2")]
    public async Task A_full_host_disk_pauses_the_machine_until_there_is_space(string name)
    {
        busybox.Require();
        using var folder = new TemporaryFolder();
        using var elsewhere = new TemporaryFolder();
        var messages = elsewhere.File("messages", []); // not on the full disk
        var guest = "dd if=/dev/zero bs=64k count=160 2>/dev/null | tr '\\0' x >/dev/vda; sync; echo 3 >/proc/sys/vm/drop_caches; tr -d x </dev/vda | head -c 10485760 | wc -c; dmesg | grep -c 'I/O error'";
        // Ten MiB are written where four are free. When Holon says so, what fills the rest goes away.
        var outcome = await HolonProgram.RunWithMountsAsync($"""
            mount -t tmpfs -o size=20m none '{folder.Path}' || exit 77
            cd '{folder.Path}'
            '{HolonProgram.Path}' disk create {name} 10M{(name.EndsWith("raw", StringComparison.Ordinal) ? " --format raw" : "")} >/dev/null || exit 78
            head -c 16777216 /dev/zero >filler
            (for i in $(seq 600); do grep -q 'no space' '{messages}' && break; sleep 0.1; done; sleep 1; rm filler) &
            '{HolonProgram.Path}' run busybox --timeout {Limit} --disk {name} -- sh -c "{guest}" 2>'{messages}'
            code=$?
            cat '{messages}' >&2
            exit $code
            """);
        Assert.SkipWhen(outcome.ExitCode is 1 or 77 && !outcome.Error.Contains("holon:", StringComparison.Ordinal), $"Nothing can be mounted here: {outcome.Error}");
        Assert.Equal("0\n0\n", outcome.Output); // every byte is there, and the guest has seen no error
        Assert.Matches($"^holon: The host has no space left for what the guest writes to '{name}'.*\nholon: There is space again for {name}\\.\n$", outcome.Error);
    }

    [Fact]
    public async Task Disks_that_cannot_be_are_refused()
    {
        var outcome = await HolonProgram.RunAsync("run", "busybox", "--disk", "/nonexistent/disk", "--", "true");
        Assert.Equal(125, outcome.ExitCode);
        Assert.Contains("/nonexistent/disk", outcome.Error, StringComparison.Ordinal);
        outcome = await HolonProgram.RunAsync("run", "busybox", "--disk", "x,speed=9", "--", "true");
        Assert.Equal(125, outcome.ExitCode);
        Assert.Contains("speed=9", outcome.Error, StringComparison.Ordinal);
    }
}
