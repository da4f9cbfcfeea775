using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Holon.Bench.Net;

/// <summary>What guests connect to on the host's loopback: iperf3, and a server that sends back every byte.</summary>
internal sealed class LoadServers : IDisposable
{
    private readonly List<Process> _processes = [];

    /// <summary>Starts both.</summary>
    /// <param name="load">The program <c>load</c>, compiled.</param>
    public LoadServers(string load)
    {
        (IperfPort, EchoPort) = FreePorts();
        Start("iperf3", "-s", "-B", "127.0.0.1", "-p", $"{IperfPort}");
        Start(load, "echo", $"{EchoPort}");
    }

    public int IperfPort { get; }

    public int EchoPort { get; }

    public void Dispose()
    {
        foreach (var process in _processes)
        {
            process.Kill();
            process.Dispose();
        }
    }

    private void Start(string program, params string[] arguments)
    {
        var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true }) ?? throw new BenchException($"{program} did not start.");
        _ = process.StandardOutput.ReadToEndAsync();
        _processes.Add(process);
    }

    /// <summary>Two ports that nobody listens on.</summary>
    public static (int First, int Second) FreePorts()
    {
        using TcpListener first = new(IPAddress.Loopback, 0), second = new(IPAddress.Loopback, 0);
        first.Start();
        second.Start();
        return (((IPEndPoint)first.LocalEndpoint).Port, ((IPEndPoint)second.LocalEndpoint).Port);
    }
}
