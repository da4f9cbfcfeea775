using System.Globalization;
using System.Text;

namespace Holon.EndToEnd;

/// <summary>A cloud image that knows nothing of Holon becomes the machine that its seed describes.</summary>
public sealed class CloudImageTests
{
    private const string UserData = """
        #cloud-config
        write_files:
          - path: /root/written
            content: from user-data
        runcmd:
          - [ sh, -c, "echo run by $(hostname) > /root/ran" ]
        """;

    [Theory]
    [InlineData]
    [InlineData("--bios")]
    public async Task User_data_key_and_host_name_reach_the_guest(params string[] firmware)
    {
        ArgumentNullException.ThrowIfNull(firmware);
        Assert.SkipUnless(Environment.GetEnvironmentVariable("HOLON_TEST_ALL") is not null, "It takes minutes; ./holon test --all runs it.");
        using var folder = new TemporaryFolder();
        var disk = await GuestImages.CreateCloudDiskAsync(folder);
        var ssh = await GuestSsh.CreateAsync(folder, "debian");
        var userData = folder.File("seed.yaml", Encoding.UTF8.GetBytes(UserData));
        string[] options = ["--disk", disk, .. firmware, "--user-data", userData, "--ssh-key", ssh.PublicKey, "--hostname", "web"];
        await RunAsync(ssh, options, async () =>
        {
            await CheckAsync(ssh, "web");
            Assert.True(long.Parse((await ssh.TryAsync("df --output=size -B1M / | tail -1"))!, CultureInfo.InvariantCulture) > 3500, "The file system has not grown to the disk.");
            await ssh.TryAsync("sudo rm /root/ran");
        });

        if (firmware.Length > 0) return;

        // The next starts, in the other two ways, are the same instance, for which nothing is done again.
        string[] seed = [.. options.SkipWhile(option => option != "--user-data")];
        var (kernel, initrd) = await ExtractKernelAsync(folder, disk);
        foreach (var way in (string[][])[["--bios"], ["--kernel", kernel, "--initrd", initrd, "--append", "root=LABEL=cloud ro console=ttyS0"]])
        {
            await RunAsync(ssh, ["--disk", disk, .. way, .. seed], async () =>
            {
                Assert.Equal("done\n", await ssh.AskAsync("cloud-init status --wait >/dev/null; sudo test -e /root/ran || echo done"));
                Assert.Equal("no\n", await ssh.TryAsync("test -d /sys/firmware/efi || echo no"));
            });
        }
    }

    [Fact]
    public async Task Meta_data_of_the_users_own_say_who_the_guest_is()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("HOLON_TEST_ALL") is not null, "It takes minutes; ./holon test --all runs it.");
        using var folder = new TemporaryFolder();
        var disk = await GuestImages.CreateCloudDiskAsync(folder);
        var ssh = await GuestSsh.CreateAsync(folder, "debian");
        var key = (await File.ReadAllTextAsync(ssh.PublicKey, TestContext.Current.CancellationToken)).Trim();
        var metaData = folder.File("meta.yaml", Encoding.UTF8.GetBytes($"instance-id: mine-1\nlocal-hostname: database\npublic-keys:\n  - {key}\n"));
        await RunAsync(ssh, ["--disk", disk, "--user-data", folder.File("seed.yaml", Encoding.UTF8.GetBytes(UserData)), "--meta-data", metaData], async () =>
        {
            await CheckAsync(ssh, "database");
            Assert.Equal("mine-1\n", await ssh.TryAsync("cloud-init query instance_id"));
        });
    }

    private static async Task CheckAsync(GuestSsh ssh, string name)
    {
        var status = await ssh.AskAsync("cloud-init status --wait --long");
        Assert.True(status?.Contains("status: done", StringComparison.Ordinal) == true, $"cloud-init says: {status ?? await ssh.AskAsync("cloud-init status --long; sudo cat /run/cloud-init/result.json; sudo tail -50 /var/log/cloud-init.log; true")}");
        Assert.Equal($"{name}\n", await ssh.AskAsync("hostname"));
        Assert.Equal($"from user-data\nrun by {name}\n", (await ssh.TryAsync("sudo cat /root/written; echo; sudo cat /root/ran"))?.Replace("\n\n", "\n", StringComparison.Ordinal));
        Assert.Equal("[]\n", await ssh.TryAsync("python3 -c 'import json; print(json.load(open(\"/run/cloud-init/result.json\"))[\"v1\"][\"errors\"])'"));
        Assert.Equal("0\n", await ssh.TryAsync("systemctl --failed --no-legend | wc -l"));
    }

    /// <summary>The kernel and the initrd on the disk, as files of the host.</summary>
    private static async Task<(string Kernel, string Initrd)> ExtractKernelAsync(TemporaryFolder folder, string disk)
    {
        const int RootPartition = 139264 * 512;
        Assert.SkipUnless(File.Exists("/sbin/debugfs"), "There is no /sbin/debugfs (package e2fsprogs).");
        var raw = Path.Combine(folder.Path, "cloud.raw");
        var converted = await HolonProgram.RunAsync("disk", "convert", "--format", "raw", disk, raw);
        Assert.True(converted.ExitCode == 0, converted.Error);
        var listed = await HostTool.RunAsync("/sbin/debugfs", "-R", "ls -p /boot", $"{raw}?offset={RootPartition}");
        var names = listed.Output.Split('\n').Select(line => line.Split('/')).Where(fields => fields.Length > 5).Select(fields => fields[5]).ToList();
        async Task<string> ExtractAsync(string start)
        {
            var file = Path.Combine(folder.Path, start);
            await HostTool.RunAsync("/sbin/debugfs", "-R", $"dump /boot/{names.Single(name => name.StartsWith(start, StringComparison.Ordinal))} {file}", $"{raw}?offset={RootPartition}");
            return file;
        }

        var found = (await ExtractAsync("vmlinuz-"), await ExtractAsync("initrd.img-"));
        File.Delete(raw);
        return found;
    }

    private static async Task RunAsync(GuestSsh ssh, string[] options, Func<Task> check)
    {
        string[] arguments = ["run", .. options, "--memory", "1G", "--publish", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{ssh.Port}:22"), "--timeout", "15m"];
        var outcome = await HolonProgram.RunAsync(arguments, [], meanwhile: async machine =>
        {
            await ssh.WaitAsync();
            await check();
            await ssh.TryAsync("sudo systemctl poweroff");
            await machine.WaitForAsync("Power down");
        });
        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
    }
}
