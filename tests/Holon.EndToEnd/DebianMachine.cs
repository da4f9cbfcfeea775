using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Holon.EndToEnd;

/// <summary>
/// A Debian machine with four processors, reached by SSH through a published port, and what it reaches on the host's loopback. It is made
/// when the first test asks for it: the image is made and booted, which takes minutes.
/// </summary>
public sealed class DebianMachine : IAsyncLifetime
{
    /// <summary>What the tests use in the machine, installed from a repository that the host's loopback serves.</summary>
    public static readonly IReadOnlyList<string> Packages = ["curl", "rsync", "bind9-dnsutils", "traceroute", "ethtool"];

    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(10); // a busy host may be slow

    private readonly TemporaryFolder _folder = new();
    private readonly TaskCompletionSource _ended = new();
    private readonly List<IDisposable> _services = [];
    private readonly int _port = LoopbackServer.FreePort();
    private string? _whyNot;
    private Task<Outcome>? _run;
    private Task? _starting;

    private const string Name = "debian-test";

    /// <summary>Its disk, its socket and what is remembered of it are in the test's own folder: others may run at the same time.</summary>
    private Dictionary<string, string> Environment => new[] { "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_DATA_HOME" }.ToDictionary(each => each, each => Directory.CreateDirectory(Path.Combine(_folder.Path, each)).FullName);

    private string Key => Path.Combine(_folder.Path, "key");

    /// <summary>A gigabyte for everybody who asks.</summary>
    internal LoopbackServer Gigabyte { get; private set; } = null!;

    /// <summary>Sends back what comes.</summary>
    internal EchoServer Echo { get; private set; } = null!;

    /// <summary>Answers questions.</summary>
    internal NameServer Names { get; private set; } = null!;

    /// <summary>A folder as a web site: the repository.</summary>
    internal LoopbackFiles Repository { get; private set; } = null!;

    /// <summary>What <c>apt-get update</c> and <c>apt-get install</c> said in the machine.</summary>
    public string Installation { get; private set; } = "";

    /// <summary>The options with which the host's own ssh and rsync reach the machine.</summary>
    public IReadOnlyList<string> SshOptions =>
    [
        "-q", "-p", _port.ToString(CultureInfo.InvariantCulture), "-i", Key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=5",
    ];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>Waits for the machine, or skips the test where there cannot be one.</summary>
    public async Task RequireAsync()
    {
        Assert.SkipUnless(System.Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1", "It takes minutes; ./holon test --all runs it.");
        foreach (var (file, package) in new[] { ("/usr/bin/ssh", "openssh-client"), ("/usr/bin/rsync", "rsync"), ("/usr/bin/mmdebstrap", "mmdebstrap"), ("/usr/bin/apt-get", "apt"), ("/usr/bin/dpkg-deb", "dpkg") })
            Assert.SkipUnless(File.Exists(file), $"It needs {file}, which comes with: apt-get install {package}");
        await (_starting ??= StartAsync());
        Assert.SkipWhen(_whyNot is not null, _whyNot ?? "");
    }

    /// <summary>Runs a command in the machine; its output when it ended well.</summary>
    public async Task<string> SshAsync(string command, byte[]? input = null)
    {
        var outcome = await TrySshAsync(command, input);
        Assert.True(outcome.ExitCode == 0, $"{command}\nended with {outcome.ExitCode}: {outcome.Output}{outcome.Error}");
        return outcome.Output;
    }

    /// <summary>Runs a command in the machine.</summary>
    internal Task<Outcome> TrySshAsync(string command, byte[]? input = null) => HostRunAsync("ssh", [.. SshOptions, "root@127.0.0.1", command], input);

    /// <summary>Runs a program of the host.</summary>
    internal static async Task<Outcome> HostRunAsync(string program, IReadOnlyList<string> arguments, byte[]? input = null)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var watch = Stopwatch.StartNew();
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellation);
            var error = process.StandardError.ReadToEndAsync(cancellation);
            if (input is not null) await process.StandardInput.BaseStream.WriteAsync(input, cancellation);
            process.StandardInput.Close();
            await process.WaitForExitAsync(cancellation).WaitAsync(_patience, cancellation);
            // Whoever still holds the other end of its output must not hold us.
            return new Outcome(process.ExitCode, Encoding.UTF8.GetBytes(await output.WaitAsync(_patience, cancellation)), await error.WaitAsync(_patience, cancellation), watch.Elapsed);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_run is not null)
        {
            var ended = !_run.IsCompleted && (await TrySshAsync("systemctl poweroff")).ExitCode == 0;
            if (!ended) await HolonProgram.RunAsync(["kill", Name], [], environment: Environment); // it never came so far, or hangs
            _ended.TrySetResult();
            await _run;
        }

        foreach (var service in _services) service.Dispose();
        _folder.Dispose();
    }

    private async Task StartAsync()
    {
        if (!await GuestImages.IsMadeAsync("debian"))
        {
            var image = await HolonProgram.RunAsync("image", "build", "debian");
            if (image.ExitCode != 0)
            {
                _whyNot = $"The image cannot be made here: {image.Error}";
                return;
            }
        }

        await HostRunAsync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", Key]);
        var site = Directory.CreateDirectory(Path.Combine(_folder.Path, "site")).FullName;
        _services.AddRange([Gigabyte = new LoopbackServer(1024), Echo = new EchoServer(), Names = new NameServer(), Repository = new LoopbackFiles(site)]);
        string[] arguments =
        [
            "run", "debian", "--rm", "--name", Name, "--cpus", "4", "--memory", "1G", "--ssh-key", Key + ".pub", "-p", $"127.0.0.1:{_port}:22",
            .. new[] { Gigabyte.Port, Echo.Port, Names.Port, Repository.Port }.SelectMany(port => new[] { "--host-access", $"{port}" }),
            "--host-access", $"{Names.Port}/udp", "--timeout", "20m",
        ];
        _run = HolonProgram.RunAsync(arguments, [], meanwhile: _ => _ended.Task, environment: Environment);
        var waited = Stopwatch.StartNew();
        while ((await TrySshAsync("true")).ExitCode != 0) Assert.True(waited.Elapsed < _patience && !_run.IsCompleted, "The machine's SSH server does not answer.");

        if (await AptRepository.TryMakeAsync(site, await SshAsync("cat /var/lib/dpkg/status"), Packages) is { } problem)
        {
            _whyNot = problem;
            return;
        }

        Installation = await SshAsync(
            $"echo 'deb [trusted=yes] http://10.0.2.1:{Repository.Port}/ ./' >/etc/apt/sources.list; export DEBIAN_FRONTEND=noninteractive; apt-get update 2>&1 && apt-get install -y --no-install-recommends {string.Join(' ', Packages)} 2>&1");
    }
}
