using System.Text.Json;

namespace Holon.EndToEnd;

/// <summary><c>holon disk</c> as users call it.</summary>
public sealed class DiskCommandTests
{
    [Fact]
    public async Task A_disk_is_made_shown_changed_and_checked()
    {
        using var folder = new TemporaryFolder();
        var (disk, overlay, copy) = (Path.Combine(folder.Path, "disk.qcow2"), Path.Combine(folder.Path, "overlay.qcow2"), Path.Combine(folder.Path, "copy.raw"));
        await SucceedAsync("create", disk, "10M");
        await SucceedAsync("create", "--backing", "disk.qcow2", overlay);
        await SucceedAsync("resize", overlay, "+2M");
        await SucceedAsync("snapshot", "create", overlay, "before");
        using (var info = JsonDocument.Parse(await SucceedAsync("info", "--json", overlay)))
        {
            Assert.Equal(12 << 20, info.RootElement.GetProperty("virtual-size").GetInt64());
            Assert.Equal("disk.qcow2", info.RootElement.GetProperty("backing-filename").GetString());
            Assert.Equal("before", info.RootElement.GetProperty("snapshots")[0].GetProperty("name").GetString());
        }

        Assert.Contains("before", await SucceedAsync("snapshot", "ls", overlay), StringComparison.Ordinal);
        await SucceedAsync("snapshot", "apply", overlay, "before");
        await SucceedAsync("snapshot", "delete", overlay, "before");
        await SucceedAsync("map", "--json", overlay);
        await SucceedAsync("rebase", "--no-backing", overlay);
        await SucceedAsync("convert", overlay, copy); // raw, by its name
        Assert.Equal(12 << 20, new FileInfo(copy).Length);
        Assert.Contains("sound", await SucceedAsync("check", overlay), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_exit_code_of_a_check_says_what_it_found()
    {
        using var folder = new TemporaryFolder();
        var disk = Path.Combine(folder.Path, "disk.qcow2");
        await SucceedAsync("create", disk, "10M");
        using (var file = File.OpenHandle(disk, access: FileAccess.ReadWrite)) RandomAccess.Write(file, [9], 0x20000 + 1); // the header's own count
        Assert.Equal(3, (await HolonProgram.RunAsync("disk", "check", disk)).ExitCode);
        using (var file = File.OpenHandle(disk, access: FileAccess.ReadWrite)) RandomAccess.Write(file, [0], 0x20000 + 1);
        Assert.Equal(2, (await HolonProgram.RunAsync("disk", "check", disk)).ExitCode);
        Assert.Equal(0, (await HolonProgram.RunAsync("disk", "check", "--repair", "all", disk)).ExitCode);
        Assert.Equal(0, (await HolonProgram.RunAsync("disk", "check", disk)).ExitCode);
        Assert.Equal(63, (await HolonProgram.RunAsync("disk", "check", folder.File("raw", new byte[4096]))).ExitCode);
    }

    [Theory]
    [InlineData("There is no file /no/such/disk", "info", "/no/such/disk")]
    [InlineData("'lots' is not a size", "create", "/tmp/unused", "lots")]
    [InlineData("There is no disk format 'vmdk'", "info", "--format", "vmdk", "/dev/null")]
    [InlineData("holon disk snapshot --help lists them", "snapshot", "everything")]
    [InlineData("needs a size", "create", "/tmp/unused")]
    [InlineData("its folder does not exist", "create", "/no/such/folder/disk", "1G")]
    public async Task What_is_wrong_is_said_in_one_sentence(string expected, params string[] arguments)
    {
        var outcome = await HolonProgram.RunAsync(["disk", .. arguments]);
        Assert.Equal((125, ""), (outcome.ExitCode, outcome.Output));
        Assert.Contains(expected, outcome.Error.Split('\n')[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_verb_has_help_with_examples()
    {
        foreach (var verb in (string[])["create", "info", "map", "check", "convert", "resize", "snapshot", "commit", "rebase"])
            Assert.Contains("Examples:", await SucceedAsync(verb, "--help"), StringComparison.Ordinal);
    }

    private static async Task<string> SucceedAsync(params string[] arguments)
    {
        var outcome = await HolonProgram.RunAsync(["disk", .. arguments]);
        Assert.True(outcome.ExitCode == 0, $"holon disk {string.Join(' ', arguments)}: {outcome.ExitCode} {outcome.Error}");
        return outcome.Output;
    }
}
