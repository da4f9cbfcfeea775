namespace Holon.Jvm;

/// <summary>What a Java machine may do outside itself. A machine without a grant sees what a program without the permission would see.</summary>
public sealed record JavaGrants
{
    /// <summary>Nothing but the class library and the class path.</summary>
    public static JavaGrants None { get; } = new();

    /// <summary>What <c>java</c> lets every program do.</summary>
    public static JavaGrants All { get; } = new() { Read = ["/"], Write = ["/"], Net = ["*"], Environment = ["*"], Run = true, Exit = true, Unsafe = true };

    /// <summary>Files and folders that may be read; symbolic links count as what they lead to.</summary>
    public IReadOnlyList<string> Read { get; init; } = [];

    /// <summary>Files and folders that may be written (and read).</summary>
    public IReadOnlyList<string> Write { get; init; } = [];

    /// <summary>Hosts, or host:port, to connect to and to listen on; <c>*</c> is all.</summary>
    public IReadOnlyList<string> Net { get; init; } = [];

    /// <summary>Environment variables that are seen; <c>*</c> is all.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>Whether processes may be started.</summary>
    public bool Run { get; init; }

    /// <summary>Whether <c>System.exit</c> ends the machine.</summary>
    public bool Exit { get; init; }

    /// <summary>
    /// Whether <c>sun.misc.Unsafe</c> is there and modules may be opened by options and jars. It writes anywhere in the process: for trusted programs only.
    /// </summary>
    public bool Unsafe { get; init; }
}
