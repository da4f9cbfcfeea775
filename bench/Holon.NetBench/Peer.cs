using System.Diagnostics;
using Holon.Networking.Tests.Real;

namespace Holon.NetBench;

/// <summary>A program that gives a namespace a way to the outside without privilege.</summary>
/// <param name="Name">What the table says.</param>
/// <param name="HostAddress">Where the guest finds the host's loopback.</param>
/// <param name="Program">Its file.</param>
/// <param name="Arguments">Its arguments, NAME standing for the namespace.</param>
internal sealed record Peer(string Name, string HostAddress, string Program, params string[] Arguments)
{
    /// <summary>Ours and the two that people use; each with the frame size that it is fastest with.</summary>
    public static IReadOnlyList<Peer> All { get; } =
    [
        new("holon", "10.0.2.1", Environment.ProcessPath!, "serve", "NAME"),
        new("slirp4netns", "10.0.2.2", "/usr/bin/slirp4netns", "--configure", "--mtu=65520", "--netns-type=path", "/run/netns/NAME", "tap0"),
        new("passt", "10.0.2.1", "/usr/bin/pasta", "-f", "--config-net", "--runas", "0", "-I", "tap0", "-a", "10.0.2.15", "-n", "24", "-g", "10.0.2.1", "-t", "none", "-u", "none", "-T", "none", "-U", "none", "--netns", "/run/netns/NAME"),
    ];

    public bool IsInstalled => File.Exists(Program);

    /// <summary>Starts it and waits until the guest has its address.</summary>
    public Process Start(NetworkNamespace guest)
    {
        var process = Process.Start(new ProcessStartInfo(Program, Arguments.Select(argument => argument.Replace("NAME", guest.Name, StringComparison.Ordinal)))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var waited = Stopwatch.StartNew();
        while (guest.TryExecute("ip", "link", "show", "tap0").Code != 0 && waited.Elapsed < TimeSpan.FromSeconds(10)) Thread.Sleep(50);
        if (Name == "holon")
        {
            guest.Execute("ip", "addr", "add", "10.0.2.15/24", "dev", "tap0");
            guest.Execute("ip", "link", "set", "tap0", "up");
            guest.Execute("ip", "route", "add", "default", "via", "10.0.2.1");
        }

        while (!guest.TryExecute("ip", "addr", "show", "tap0").Output.Contains("inet 10.0.2", StringComparison.Ordinal) && waited.Elapsed < TimeSpan.FromSeconds(10)) Thread.Sleep(50);
        Thread.Sleep(500);
        return process;
    }
}
