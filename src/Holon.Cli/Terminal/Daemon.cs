using System.Runtime.InteropServices;

namespace Holon.Cli.Terminal;

/// <summary>What lets a process go on when the terminal that it was started from is gone.</summary>
internal static partial class Daemon
{
    private const int ReadWrite = 2;

    /// <summary>Leaves the session of the terminal: its keys and its end reach this process no more. See setsid(2).</summary>
    public static void LeaveSession() => _ = SetSession();

    /// <summary>Puts nothing in the place of the standard streams, so that whoever reads them sees their end.</summary>
    public static void LetGoOfStandardStreams()
    {
        var nothing = Open("/dev/null", ReadWrite);
        if (nothing < 0) return;
        for (var descriptor = HostTerminal.StandardInput; descriptor <= HostTerminal.StandardError; descriptor++) _ = Duplicate(nothing, descriptor);
        if (nothing > HostTerminal.StandardError) _ = Close(nothing);
    }

    [LibraryImport("libc", EntryPoint = "setsid")]
    private static partial int SetSession();

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "dup2")]
    private static partial int Duplicate(int from, int to);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
