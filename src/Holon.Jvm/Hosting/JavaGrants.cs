using Holon.Machines;

namespace Holon.Jvm;

/// <summary>What a Java machine may do outside itself. <see cref="MachineGrants.Exit"/> is about <c>System.exit</c>.</summary>
public sealed record JavaGrants : MachineGrants
{
    /// <summary>Nothing but the class library and the class path.</summary>
    public static new JavaGrants None { get; } = new();

    /// <summary>What <c>java</c> lets every program do.</summary>
    public static new JavaGrants All { get; } = new() { Read = ["/"], Write = ["/"], Net = ["*"], Environment = ["*"], Run = true, Exit = true, Unsafe = true };

    /// <summary>
    /// Whether <c>sun.misc.Unsafe</c> is there and modules may be opened by options and jars. It writes anywhere in the process: for trusted programs only.
    /// </summary>
    public bool Unsafe { get; init; }
}
