using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Holon.EndToEnd;

/// <summary>The network of the Debian image, reached by SSH through a published port. It is long: the image is made and booted.</summary>
public sealed class DebianNetworkTests
{
    [Fact]
    public async Task Ssh_files_and_a_thousand_connections_pass_through_published_ports_and_the_NAT()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1", "It takes minutes; ./holon test --all runs it.");
        Assert.SkipUnless(File.Exists("/usr/bin/ssh") && File.Exists("/usr/bin/mmdebstrap"), "It needs ssh and mmdebstrap; they come with: apt-get install openssh-client mmdebstrap");
        var image = await HolonProgram.RunAsync("image", "build", "debian");
        Assert.SkipUnless(image.ExitCode == 0, $"The image cannot be made here: {image.Error}");
        using var folder = new TemporaryFolder();
        var ssh = await GuestSsh.CreateAsync(folder);
        using var server = new EchoServer();
        string[] arguments =
        [
            "run", "debian", "--rm", "--name", $"test-{Environment.ProcessId}", "--ssh-key", ssh.PublicKey, "-p", $"127.0.0.1:{ssh.Port}:22",
            "--host-access", $"{server.Port}", "--timeout", "10m",
        ];
        var outcome = await HolonProgram.RunAsync(arguments, [], meanwhile: async _ =>
        {
            await ssh.WaitAsync();

            // 1,000 connections, all open at a time, each with an answer of its own.
            Assert.Equal("1000\n", await ssh.TryAsync($$"""
                bash -c 'ulimit -n 4096
                for i in $(seq 1000); do exec {fd}<>/dev/tcp/10.0.2.1/{{server.Port}} || echo failed; fds+=($fd); done
                for fd in "${fds[@]}"; do echo $fd >&$fd; done
                for fd in "${fds[@]}"; do read -r line <&$fd; [ "$line" = $fd ] && echo same; done | wc -l'
                """));

            var content = RandomNumberGenerator.GetBytes(50 << 20);
            var answer = await ssh.TryAsync("sha256sum", content);
#pragma warning disable CA1308 // sha256sum prints lower case
            Assert.StartsWith(Convert.ToHexString(SHA256.HashData(content)).ToLowerInvariant(), answer, StringComparison.Ordinal);
#pragma warning restore CA1308
            Assert.Equal("0\n", await ssh.TryAsync("systemctl --failed --quiet | wc -l; [ ! -e /usr/sbin/policy-rc.d ]"));
            await ssh.TryAsync("systemctl poweroff");
        });
        Assert.Equal(0, outcome.ExitCode);
    }

    /// <summary>Sends back what comes, on the host's loopback.</summary>
    private sealed class EchoServer : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

        public EchoServer()
        {
            _listener.Start(1024);
            _ = AcceptAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public void Dispose() => _listener.Dispose();

        private async Task AcceptAsync()
        {
            try
            {
                while (true) _ = EchoAsync(await _listener.AcceptTcpClientAsync());
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                // the test has ended
            }
        }

        private static async Task EchoAsync(TcpClient client)
        {
            using (client)
            {
                try
                {
                    var stream = client.GetStream();
                    await stream.CopyToAsync(stream);
                }
                catch (IOException)
                {
                    // the guest has gone
                }
            }
        }
    }
}
