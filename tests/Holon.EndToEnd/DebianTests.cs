namespace Holon.EndToEnd;

/// <summary>Debian on a disk, from power-on to power-off.</summary>
public sealed class DebianTests
{
    /// <summary>The same disk boots in all three ways, one after the other, and systemd is content each time.</summary>
    [Fact]
    public async Task It_boots_directly_by_bios_and_by_uefi_from_one_disk()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("HOLON_TEST_ALL") is not null, "Takes a minute, and makes an image of 500 MB; ./holon test --all runs it.");
        Assert.SkipUnless(File.Exists("/usr/bin/mmdebstrap"), "There is no mmdebstrap, which makes the image.");
        // Before, since making it tells of its progress.
        var image = await HolonProgram.RunAsync("image", "build", "debian");
        Assert.True(image.ExitCode == 0, image.Error);
        using var folder = new TemporaryFolder();
        await Boot(folder, "[ -d /sys/firmware/efi ] || echo no-firmware-runs; touch /root/kept");
        if (File.Exists("/usr/share/seabios/bios-256k.bin")) await Boot(folder, "[ -d /sys/firmware/efi ] || [ -e /root/kept ] && echo no-firmware-runs", "--bios");
        if (File.Exists("/usr/share/OVMF/OVMF_CODE_4M.fd")) await Boot(folder, "[ -d /sys/firmware/efi/efivars ] && [ -e /root/kept ] && echo no-firmware-runs", "--uefi");
        Assert.True(File.Exists(Path.Combine(folder.Path, "holon/machines/debian/disk.qcow2")));
    }

    private static async Task Boot(TemporaryFolder folder, string check, params string[] options)
    {
        string[] arguments = ["run", "debian", "--memory", "1G", "--timeout", "180s", .. options];
        var outcome = await HolonProgram.RunAsync(arguments, input: null, environment: new Dictionary<string, string> { ["XDG_DATA_HOME"] = folder.Path }, meanwhile: async machine =>
        {
            await machine.WaitForAsync("login: ");
            await machine.TypeAsync("root\n");
            await machine.WaitForAsync(":~#");
            await machine.TypeAsync($"{check}; systemctl --failed --no-legend | wc -l; systemctl is-system-running; echo do\"\"ne\n");
            await machine.WaitForAsync("no-firmware-runs\r\n0\r\nrunning\r\ndone");
            await machine.TypeAsync("poweroff\n");
            await machine.WaitForAsync("Power down");
        });
        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
    }
}
