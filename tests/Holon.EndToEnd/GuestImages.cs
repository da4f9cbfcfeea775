namespace Holon.EndToEnd;

/// <summary>Disks that Debian's own programs make (tests/guest-images), kept for the next run beside what was built.</summary>
internal static class GuestImages
{
    private static readonly string _artifacts = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", ".."));

    /// <summary>Whether Holon has an image of its own already.</summary>
    public static async Task<bool> IsMadeAsync(string image) =>
        (await HolonProgram.RunAsync("image", "ls")).Output.Split('\n').Any(line => line.StartsWith(image + " ", StringComparison.Ordinal) && line.Contains(" MB ", StringComparison.Ordinal));

    /// <summary>The disk that a script makes; nobody may change it.</summary>
    /// <param name="script">Its name.</param>
    /// <param name="file">What it makes.</param>
    public static async Task<string> GetAsync(string script, string file)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/mmdebstrap") && File.Exists("/usr/bin/qemu-img"), "The guest's disk is made by mmdebstrap and qemu-img; they come with: apt-get install mmdebstrap qemu-utils");
        var path = Path.Combine(Path.GetDirectoryName(_artifacts)!, "tests", "guest-images", script);
        var image = Path.Combine(Directory.CreateDirectory(Path.Combine(_artifacts, "guest-images")).FullName, file);
        if (File.Exists(image) && File.GetLastWriteTimeUtc(image) > File.GetLastWriteTimeUtc(path)) return image;
        var made = await HostTool.RunAsync("sh", path, image);
        Assert.SkipUnless(made.ExitCode == 0, $"The guest's disk cannot be made here: {made.Error}");
        return image;
    }

    /// <summary>A disk of 4 GiB over the cloud image, which a test may change.</summary>
    public static async Task<string> CreateCloudDiskAsync(TemporaryFolder folder)
    {
        var disk = Path.Combine(folder.Path, "cloud.qcow2");
        var created = await HolonProgram.RunAsync("disk", "create", "--backing", await GetAsync("cloud", "cloud.qcow2"), "--backing-format", "qcow2", disk, "4G");
        Assert.True(created.ExitCode == 0, created.Error);
        return disk;
    }
}
