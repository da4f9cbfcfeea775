using System.Globalization;

namespace Holon.EndToEnd;

/// <summary>Debian on a disk, from power-on to power-off.</summary>
public sealed class DebianTests
{
    private const string Content = "systemctl --failed --no-legend | wc -l; systemctl is-system-running --wait; echo do\"\"ne\n", IsContent = "0\r\nrunning\r\ndone";

    /// <summary>The same disk boots in all three ways, one after the other, and systemd is content each time.</summary>
    [Fact]
    public async Task It_boots_directly_by_bios_and_by_uefi_from_one_disk()
    {
        await MakeImageAsync();
        using var folder = new TemporaryFolder();
        await BootAsync(folder, ["debian"], "[ -d /sys/firmware/efi ] || echo as-it-should-be; touch /root/kept");
        if (File.Exists("/usr/share/seabios/bios-256k.bin")) await BootAsync(folder, ["debian", "--bios"], "[ -d /sys/firmware/efi ] || [ -e /root/kept ] && echo as-it-should-be");
        if (File.Exists("/usr/share/OVMF/OVMF_CODE_4M.fd")) await BootAsync(folder, ["debian", "--uefi"], "[ -d /sys/firmware/efi/efivars ] && [ -e /root/kept ] && echo as-it-should-be");
        Assert.True(File.Exists(Path.Combine(folder.Path, "holon/machines/debian/disk.qcow2")));
    }

    /// <summary>The file system is as clean after the shutdown as only a clean shutdown leaves it.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public async Task Systemd_starts_and_ends_cleanly_on_several_processors(int cpus)
    {
        await MakeImageAsync();
        using var folder = new TemporaryFolder();
        await BootAsync(folder, ["debian", "--cpus", cpus.ToString(CultureInfo.InvariantCulture)], "[ $(nproc) = EXPECTED ] && echo as-it-should-be".Replace("EXPECTED", $"{cpus}", StringComparison.Ordinal));

        const int RootPartition = 128 << 20;
        var raw = Path.Combine(folder.Path, "raw");
        var converted = await HolonProgram.RunAsync("disk", "convert", Path.Combine(folder.Path, "holon/machines/debian/disk.qcow2"), raw, "--format", "raw");
        Assert.True(converted.ExitCode == 0, converted.Error);
        var check = await HostTool.RunAsync("/sbin/e2fsck", "-n", $"{raw}?offset={RootPartition}");
        Assert.True(check.ExitCode == 0 && check.Output.Contains("clean", StringComparison.Ordinal) && !check.Output.Contains("recover", StringComparison.Ordinal), check.Output + check.Error);
    }

    [Fact]
    public async Task An_ordinary_user_makes_the_image_and_runs_it_with_disks_of_his_own()
    {
        RequireAll();
        Assert.SkipUnless(Environment.UserName == "root" && File.Exists("/usr/sbin/useradd"), "It makes a user, which only root can.");
        Assert.SkipUnless(File.Exists("/usr/bin/newuidmap"), "Without root mmdebstrap needs newuidmap; it comes with: apt-get install uidmap");
        var user = $"holon-test-{Environment.ProcessId}";
        Assert.Equal(0, (await HostTool.RunAsync("/usr/sbin/useradd", "--create-home", "--shell", "/bin/sh", user)).ExitCode);
        try
        {
            var readable = await HolonProgram.RunAsUserAsync(user, $"test -x {HolonProgram.Path}");
            Assert.SkipUnless(readable.ExitCode == 0, $"Other users cannot reach {HolonProgram.Path}.");
            var prepared = await HolonProgram.RunAsUserAsync(user, $"{HolonProgram.Path} disk create data.qcow2 1G && truncate -s 1M scratch.raw && {HolonProgram.Path} image build debian");
            Assert.True(prepared.ExitCode == 0, prepared.Error);
            var outcome = await HolonProgram.RunAsUserAsync(user, $"{HolonProgram.Path} run debian --cpus 4 --memory 2G --disk data.qcow2 --disk scratch.raw,ro --rm --timeout 600s", machine => ShellAsync(
                machine, "[ $(nproc) = 4 ] && [ $(cat /sys/block/vd[bc]/ro | tr '\\n' ,) = 0,1, ] && mke2fs -q /dev/vdb && mount /dev/vdb /mnt && echo as-it-should-be"));
            Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
            Assert.Equal("", (await HolonProgram.RunAsUserAsync(user, "ls -A .local/share/holon/machines")).Output); // --rm
        }
        finally
        {
            await HostTool.RunAsync("/usr/sbin/userdel", "--remove", "--force", user);
        }
    }

    private static void RequireAll()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("HOLON_TEST_ALL") is not null, "Takes minutes, and makes an image of 500 MB; ./holon test --all runs it.");
        Assert.SkipUnless(File.Exists("/usr/bin/mmdebstrap"), "There is no mmdebstrap, which makes the image.");
    }

    /// <summary>Before a machine is run, since making the image tells of its progress.</summary>
    private static async Task MakeImageAsync()
    {
        RequireAll();
        if (await GuestImages.IsMadeAsync("debian")) return;
        var image = await HolonProgram.RunAsync("image", "build", "debian");
        Assert.True(image.ExitCode == 0, image.Error);
    }

    private static async Task BootAsync(TemporaryFolder folder, string[] options, string check)
    {
        string[] arguments = ["run", .. options, "--memory", "1G", "--timeout", "600s"];
        var outcome = await HolonProgram.RunAsync(arguments, input: null, environment: new Dictionary<string, string> { ["XDG_DATA_HOME"] = folder.Path }, meanwhile: machine => ShellAsync(machine, check));
        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        Assert.DoesNotContain("FAILED", outcome.Output, StringComparison.Ordinal);
    }

    /// <summary>Logs in, runs a check that prints "as-it-should-be", asks whether systemd is content, and powers off.</summary>
    private static async Task ShellAsync(RunningProgram machine, string check)
    {
        await machine.InDebianAsync($"{check}; {Content}", $"as-it-should-be\r\n{IsContent}");
        await machine.WaitForAsync("Power down");
    }
}
