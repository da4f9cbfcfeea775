using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Holon.Networking.Tests.Real;

namespace Holon.NetBench;

/// <summary>What the guest connects to on the host's loopback: iperf3, and an echo of single bytes.</summary>
internal sealed class LoadServer : IDisposable
{
    public const int IperfPort = 5991, EchoPort = 5992;

    private readonly Process _iperf = Process.Start(new ProcessStartInfo("iperf3", ["-s", "-B", "127.0.0.1", "-p", $"{IperfPort}"]) { RedirectStandardOutput = true })!;
    private readonly TcpListener _echo = new(IPAddress.Loopback, EchoPort);

    public LoadServer()
    {
        _ = _iperf.StandardOutput.ReadToEndAsync();
        _echo.Start(1024);
        new Thread(Accept) { IsBackground = true }.Start();
    }

    public void Dispose()
    {
        _iperf.Kill();
        _iperf.Dispose();
        _echo.Dispose();
    }

    private void Accept()
    {
        while (true)
        {
            try
            {
                var client = _echo.AcceptSocket();
                client.NoDelay = true;
                new Thread(() => Echo(client)) { IsBackground = true }.Start();
            }
            catch (SocketException)
            {
                return;
            }
        }
    }

    private static void Echo(Socket client)
    {
        using (client)
        {
            var buffer = new byte[64];
            try
            {
                for (int count; (count = client.Receive(buffer)) > 0;) client.Send(buffer, count, SocketFlags.None);
            }
            catch (SocketException)
            {
                // the client has gone
            }
        }
    }
}

/// <summary>What is measured from inside of the guest.</summary>
internal sealed class Load(NetworkNamespace guest, string host, int seconds)
{
    public IReadOnlyList<(string Name, Func<double> Measure)> Measures =>
    [
        ("guest to host, 1 stream, Gbit/s", () => Iperf("-P", "1")),
        ("guest to host, 8 streams, Gbit/s", () => Iperf("-P", "8")),
        ("host to guest, 1 stream, Gbit/s", () => Iperf("-P", "1", "-R")),
        ("host to guest, 8 streams, Gbit/s", () => Iperf("-P", "8", "-R")),
        ("UDP guest to host, Gbit/s received", () => Iperf("-u", "-b", "0", "-l", "1400")),
        ("requests/s, one connection", Requests),
        ("connections/s", Connections),
    ];

    private double Iperf(params string[] options)
    {
        var output = guest.Execute(["timeout", $"{seconds + 10}", "iperf3", "-J", "-c", host, "-p", $"{LoadServer.IperfPort}", "-t", $"{seconds}", .. options]);
        var root = JsonDocument.Parse(output).RootElement;
        if (root.TryGetProperty("error", out var error)) throw new InvalidOperationException(error.GetString());
        var end = root.GetProperty("end");
        var sum = end.TryGetProperty("sum_received", out var tcp) ? tcp : end.GetProperty("sum");
        var lost = sum.TryGetProperty("lost_percent", out var percent) ? percent.GetDouble() : 0;
        return sum.GetProperty("bits_per_second").GetDouble() / 1e9 * (end.TryGetProperty("sum_received", out _) ? 1 : 1 - (lost / 100));
    }

    private double Requests() => guest.Run(() =>
    {
        using var client = Connect();
        var buffer = new byte[1];
        var count = 0;
        var time = Stopwatch.StartNew();
        for (; time.Elapsed.TotalSeconds < seconds; count++)
        {
            client.Send(buffer);
            client.Receive(buffer);
        }

        return count / time.Elapsed.TotalSeconds;
    });

    private double Connections() => guest.Run(() =>
    {
        var count = 0;
        var time = Stopwatch.StartNew();
        for (; time.Elapsed.TotalSeconds < seconds; count++)
        {
            using var client = Connect();
            client.LingerState = new LingerOption(true, 0); // no ports in TIME-WAIT: a guest has 28,000
        }

        return count / time.Elapsed.TotalSeconds;
    });

    private Socket Connect()
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.Connect(host, LoadServer.EchoPort);
        return client;
    }
}
