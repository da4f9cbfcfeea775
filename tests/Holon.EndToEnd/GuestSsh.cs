using System.Diagnostics;
using System.Globalization;

namespace Holon.EndToEnd;

/// <summary>A guest's shell by SSH through a published port, with a key made for it.</summary>
internal sealed class GuestSsh
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(10); // a busy host may be slow
    private readonly string _key;

    private GuestSsh(string key) => _key = key;

    /// <summary>The file of the public key.</summary>
    public string PublicKey => _key + ".pub";

    /// <summary>The port of the host's loopback that leads to the guest's port 22.</summary>
    public int Port { get; } = LoopbackServer.FreePort();

    /// <summary>The user who logs in.</summary>
    public string User { get; init; } = "root";

    /// <summary>Makes a key.</summary>
    public static async Task<GuestSsh> CreateAsync(TemporaryFolder folder, string user = "root")
    {
        Assert.SkipUnless(File.Exists("/usr/bin/ssh"), "It needs ssh; it comes with: apt-get install openssh-client");
        var key = Path.Combine(folder.Path, "key");
        if (!File.Exists(key)) Assert.Equal(0, (await HostTool.RunAsync("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)).ExitCode);
        return new GuestSsh(key) { User = user };
    }

    /// <summary>Waits until the guest lets its user in.</summary>
    public async Task WaitAsync()
    {
        var waited = Stopwatch.StartNew();
        while (await TryAsync("true") is null) Assert.True(waited.Elapsed < _patience, "The machine's SSH server does not answer.");
    }

    /// <summary>Runs a command that does no harm when it is run again: while a guest starts, it may restart its network.</summary>
    public async Task<string?> AskAsync(string command)
    {
        if (await TryAsync(command) is { } answer) return answer;
        await WaitAsync();
        return await TryAsync(command);
    }

    /// <summary>Runs a command.</summary>
    /// <returns>What it printed; null when it failed, or nobody could log in.</returns>
    public async Task<string?> TryAsync(string command, byte[]? input = null)
    {
        var start = new ProcessStartInfo("ssh",
            ["-q", "-p", Port.ToString(CultureInfo.InvariantCulture), "-i", _key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=5", "-o", "BatchMode=yes", $"{User}@127.0.0.1", command])
        { RedirectStandardOutput = true, RedirectStandardInput = true };
        using var ssh = Process.Start(start)!;
        var output = ssh.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        if (input is not null) await ssh.StandardInput.BaseStream.WriteAsync(input, TestContext.Current.CancellationToken);
        ssh.StandardInput.Close();
        await ssh.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(_patience, TestContext.Current.CancellationToken);
        return ssh.ExitCode == 0 ? await output : null;
    }
}
