using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Holon.Networking.Tests.Real;

/// <summary>A network namespace of our own, in which the real Linux stack plays the guest or the host. Needs root.</summary>
public sealed partial class NetworkNamespace : IDisposable
{
    private const int CloneNewNet = 0x40000000;

    /// <summary>Makes it, with its loopback up.</summary>
    public NetworkNamespace(string prefix)
    {
        Name = $"{prefix}-{Environment.ProcessId}-{Random.Shared.Next(0x10000):x}";
        Host("ip", "netns", "add", Name);
        Execute("ip", "link", "set", "lo", "up");
    }

    /// <summary>Its name for <c>ip netns</c>.</summary>
    public string Name { get; }

    /// <summary>Why there can be none here; null when there can.</summary>
    public static string? Unavailable { get; } = Probe();

    /// <summary>Runs something on a thread inside of the namespace; sockets and threads made there stay there.</summary>
    public T Run<T>(Func<T> function) => RunIn(Name, function);

    /// <summary>Runs something on a thread inside of a namespace that somebody else has made.</summary>
    public static T RunIn<T>(string name, Func<T> function)
    {
        T result = default!;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                using var file = File.OpenHandle($"/run/netns/{name}");
                if (SetNamespace((int)file.DangerousGetHandle(), CloneNewNet) != 0) throw new InvalidOperationException($"setns: error {Marshal.GetLastPInvokeError()}");
                result = function();
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? result : throw new InvalidOperationException("It failed inside of the namespace.", failure);
    }

    /// <summary>Starts a program inside.</summary>
    public Process Start(params string[] command) => Launch(["ip", "netns", "exec", Name, .. command]);

    /// <summary>Runs a program inside and returns what it printed; fails when it does.</summary>
    public string Execute(params string[] command)
    {
        var (code, output) = TryExecute(command);
        return code == 0 ? output : throw new InvalidOperationException($"'{string.Join(' ', command)}' ended with {code}: {output}");
    }

    /// <summary>Runs a program inside; returns its exit code and what it printed.</summary>
    public (int Code, string Output) TryExecute(params string[] command)
    {
        using var process = Start(command);
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        if (!process.WaitForExit(60_000)) process.Kill(entireProcessTree: true);
        return (process.ExitCode, output + error.GetAwaiter().GetResult());
    }

    /// <summary>Removes it; what runs inside must have ended.</summary>
    public void Dispose() => Host("ip", "netns", "del", Name);

    private static Process Launch(string[] command) =>
        Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true })!;

    private static void Host(params string[] command)
    {
        using var process = Launch(command);
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"'{string.Join(' ', command)}' failed: {error}");
    }

    private static string? Probe()
    {
        if (Environment.UserName != "root") return "network namespaces need root";
        if (!File.Exists("/dev/net/tun")) return "there is no /dev/net/tun";
        if (!File.Exists("/usr/sbin/ip") && !File.Exists("/usr/bin/ip") && !File.Exists("/sbin/ip")) return "ip (package iproute2) is not installed";
        try
        {
            using var probe = new NetworkNamespace("holon-probe");
            return null;
        }
        catch (InvalidOperationException exception)
        {
            return exception.Message;
        }
    }

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(int descriptor, int kind);
}
