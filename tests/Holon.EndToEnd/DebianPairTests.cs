namespace Holon.EndToEnd;

/// <summary>Two Debian machines on a named network, as people start them: one in the background, one on the terminal.</summary>
public sealed class DebianPairTests
{
    [Fact]
    public async Task Two_machines_on_a_network_ping_and_ssh_each_other_by_name()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1", "It takes minutes; ./holon test --all runs it.");
        foreach (var (file, package) in new[] { ("/usr/bin/ssh-keygen", "openssh-client"), ("/usr/bin/mmdebstrap", "mmdebstrap") })
            Assert.SkipUnless(File.Exists(file), $"It needs {file}, which comes with: apt-get install {package}");
        if (!await GuestImages.IsMadeAsync("debian"))
        {
            var image = await HolonProgram.RunAsync("image", "build", "debian");
            Assert.SkipUnless(image.ExitCode == 0, $"The image cannot be made here: {image.Error}");
        }

        using var folder = new TemporaryFolder();
        var environment = new[] { "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_DATA_HOME" }.ToDictionary(each => each, _ => folder.Path); // one folder for all must do
        Task<Outcome> RunAsync(params string[] arguments) => HolonProgram.RunAsync(arguments, [], environment: environment);
        var key = Path.Combine(Directory.CreateDirectory(Path.Combine(folder.Path, "keys")).FullName, "key");
        Assert.Equal(0, (await HostTool.RunAsync("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)).ExitCode);
        const string Script = """
            ssh="ssh -q -i /keys/key -o StrictHostKeyChecking=accept-new -o ConnectTimeout=10"
            until $ssh root@a true; do :; done
            for family in -4 -6; do until ping $family -qc 3 -i 0.2 a | grep -o '3 received'; do :; done; done
            echo "$($ssh root@a hostname) and $(hostname)"
            $ssh root@a 'ping -qc 1 b | grep -o "1 received"; ping -6 -qc 1 b.holon | grep -o "1 received"'
            head -c 5000000 /dev/urandom >/root/file; [ "$($ssh root@a sha256sum </root/file)" = "$(sha256sum </root/file)" ] && echo same
            """;
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "keys/run"), Script, TestContext.Current.CancellationToken);
        Assert.Equal((0, ""), await StatusAsync("network", "create", "lab", "--subnet", "10.7.0.0/24"));
        try
        {
            Assert.Equal((0, ""), await StatusAsync("run", "debian", "--network", "lab", "--name", "a", "--detach", "--ssh-key", key + ".pub", "--timeout", "15m"));
            string[] second = ["run", "debian", "--network", "lab", "--name", "b", "--ssh-key", key + ".pub", "--share", $"{folder.Path}/keys:/keys:ro", "--timeout", "15m"];
            var outcome = await HolonProgram.RunAsync(second, input: null, environment: environment, meanwhile: machine =>
                machine.InDebianAsync("sh /keys/run; echo do\"\"ne\n", "3 received\r\n3 received\r\na and b\r\n1 received\r\n1 received\r\nsame\r\ndone"));
            Assert.Equal(0, outcome.ExitCode);
            Assert.Equal((0, ""), await StatusAsync("stop", "a"));
        }
        finally
        {
            await RunAsync("kill", "a");
        }

        Assert.DoesNotContain("running", (await RunAsync("ps")).Output, StringComparison.Ordinal);

        async Task<(int ExitCode, string Error)> StatusAsync(params string[] arguments)
        {
            var outcome = await RunAsync(arguments);
            return (outcome.ExitCode, outcome.Error);
        }
    }
}
