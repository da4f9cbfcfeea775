namespace Holon.EndToEnd;

/// <summary>A qcow2 disk with an ext4 file system, on which a guest keeps what must not be lost.</summary>
internal sealed class DurableDisk
{
    private readonly TemporaryFolder _folder;

    private DurableDisk(TemporaryFolder folder) => _folder = folder;

    /// <summary>The image.</summary>
    public string Path => System.IO.Path.Combine(_folder.Path, "disk.qcow2");

    /// <summary>How often clusters were found that are counted and not used: they cost space until they are repaired, and nothing else.</summary>
    public int Leaks { get; private set; }

    /// <summary>Makes an empty one.</summary>
    public static async Task<DurableDisk> CreateAsync(TemporaryFolder folder, long length)
    {
        foreach (var program in (string[])["/usr/bin/qemu-img", "/sbin/mke2fs"]) Assert.SkipUnless(File.Exists(program), $"There is no {program} (packages qemu-utils, e2fsprogs).");
        var raw = folder.File("raw", []);
        await using (var file = File.OpenWrite(raw)) file.SetLength(length);
        Assert.Equal(0, (await HostTool.RunAsync("/sbin/mke2fs", "-q", "-t", "ext4", raw)).ExitCode);
        var disk = new DurableDisk(folder);
        Assert.Equal(0, (await HolonProgram.RunAsync("disk", "convert", raw, disk.Path)).ExitCode);
        return disk;
    }

    /// <summary>The image is sound to us and to QEMU; what a killed process may leave behind is repaired.</summary>
    public async Task CheckAsync(string when)
    {
        var check = await HolonProgram.RunAsync("disk", "check", Path);
        Assert.True(check.ExitCode is 0 or 3, $"{when}: {check.Output} {check.Error}");
        Assert.Equal(check.ExitCode, (await HostTool.RunAsync("qemu-img", "check", "-q", Path)).ExitCode);
        if (check.ExitCode != 3) return;
        Leaks++;
        Assert.Equal(0, (await HolonProgram.RunAsync("disk", "check", "--repair", "leaks", Path)).ExitCode);
        Assert.Equal(0, (await HostTool.RunAsync("qemu-img", "check", "-q", Path)).ExitCode);
    }

    /// <summary>In a copy the file system replays its journal and is then without fault.</summary>
    public async Task CheckFileSystemAsync(string when)
    {
        var raw = System.IO.Path.Combine(_folder.Path, "after");
        Assert.Equal(0, (await HolonProgram.RunAsync("disk", "convert", Path, raw, "--format", "raw")).ExitCode);
        Assert.InRange((await HostTool.RunAsync("/sbin/e2fsck", "-p", raw)).ExitCode, 0, 1); // 1: the journal was replayed
        var check = await HostTool.RunAsync("/sbin/e2fsck", "-fn", raw);
        Assert.True(check.ExitCode == 0, $"{when}: {check.Output}");
        File.Delete(raw);
    }
}
