namespace Holon.EndToEnd;

/// <summary>Folders of the host, as guests with Debian's own drivers see them.</summary>
public sealed class ShareTests(Busybox busybox) : IClassFixture<Busybox>
{
    private const string Limit = "180s";

    [Fact]
    public async Task Guest_and_host_see_each_other_s_files_and_a_read_only_folder_stays_as_it_is()
    {
        busybox.Require();
        using var folder = new TemporaryFolder();
        var (work, data) = (Directory.CreateDirectory(Path.Combine(folder.Path, "my work")).FullName, Directory.CreateDirectory(Path.Combine(folder.Path, "data")).FullName);
        await File.WriteAllTextAsync(Path.Combine(work, "from-host"), "hello\n", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(data, "kept"), "kept\n", TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(Path.Combine(work, "out"), "/etc/passwd");
        const string Script = """
            cat from-host
            mkdir -p a/b && echo guest >a/b/from-guest && ln a/b/from-guest a/hard && mv a/b a/c && chmod 750 a/c && stat -c '%a %h' a/c a/hard
            cat out | head -n 1
            dd if=/dev/zero of=big bs=1M count=8 2>/dev/null && dd if=big bs=1M 2>/dev/null | sha256sum | cut -c1-16
            exec 3<>a/c/from-guest && rm a/c/from-guest a/hard && cat <&3
            cat /data/kept && ! echo x >/data/kept && mount -o remount,rw /data && ! echo x >/data/new && ls /data
            """;
        var outcome = await HolonProgram.RunAsync("run", "busybox", "--timeout", Limit, "--share", $"{work}:/my work", "--share", $"{data}:/data:ro", "--", "sh", "-c", $"cd '/my work' && {{ {Script} ; }} 2>/dev/null");
        Assert.Empty(outcome.Error);
        Assert.Equal("hello\n750 2\n644 2\nroot:x:0:0:root:/root:/bin/sh\n2daeb1f36095b44b\nguest\nkept\nkept\n", outcome.Output); // the link led to the guest's own file
        Assert.Equal(8 << 20, new FileInfo(Path.Combine(work, "big")).Length);
        Assert.True(Directory.Exists(Path.Combine(work, "a/c")));
        Assert.Equal(["kept"], Directory.GetFiles(data).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("/nowhere-at-all:/src", "There is no folder")]
    [InlineData("/etc/passwd:/src", "is not a folder")]
    [InlineData("/etc:src", "not an absolute path")]
    [InlineData("/etc", "does not say where")]
    public async Task What_cannot_be_shared_is_said_at_once(string share, string problem)
    {
        var outcome = await HolonProgram.RunAsync("run", "busybox", "--share", share, "--", "true");
        Assert.Equal(125, outcome.ExitCode);
        Assert.Contains(problem, outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Debian_finds_its_folders_mounted()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1", "It takes minutes; ./holon test --all runs it.");
        Assert.SkipUnless(File.Exists("/usr/bin/mmdebstrap"), "It needs mmdebstrap; it comes with: apt-get install mmdebstrap");
        var image = await HolonProgram.RunAsync("image", "build", "debian");
        Assert.SkipUnless(image.ExitCode == 0, $"The image cannot be made here: {image.Error}");
        using var folder = new TemporaryFolder();
        var (work, data) = (Directory.CreateDirectory(Path.Combine(folder.Path, "work")).FullName, Directory.CreateDirectory(Path.Combine(folder.Path, "data")).FullName);
        await File.WriteAllTextAsync(Path.Combine(data, "kept"), "kept\n", TestContext.Current.CancellationToken);
        const string Script = """
            cd '/srv/my data-100%' && findmnt -no FSTYPE,SOURCE /src && systemctl is-active src.mount && cat kept && ! echo x 2>/dev/null >new
            for share in /src .; do cat /sys/class/bdi/0:$(stat -c %d $share)/read_ahead_kb; done
            systemctl --failed --no-legend | wc -l; systemctl is-system-running; echo from-debian >/src/answer
            """;
        await File.WriteAllTextAsync(Path.Combine(work, "run"), Script, TestContext.Current.CancellationToken);
        string[] arguments = ["run", "debian", "--timeout", "180s", "--network", "none", "--share", $"{work}:/src", "--share", $"{data}:/srv/my data-100%:ro"]; // a name that systemd would take apart
        var outcome = await HolonProgram.RunAsync(arguments, input: null, environment: new Dictionary<string, string> { ["XDG_DATA_HOME"] = folder.Path }, meanwhile: async machine =>
        {
            await machine.InDebianAsync("sh /src/run; echo do\"\"ne\n", "virtiofs src\r\nactive\r\nkept\r\n1024\r\n1024\r\n0\r\nrunning\r\ndone");
            await machine.WaitForAsync("Power down");
        });
        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal("from-debian\n", await File.ReadAllTextAsync(Path.Combine(work, "answer"), TestContext.Current.CancellationToken));
        Assert.False(File.Exists(Path.Combine(data, "new")));
    }
}
