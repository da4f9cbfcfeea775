namespace Holon.Bench.Engine;

/// <summary>Kernels that share a target.</summary>
/// <param name="Name">As the C program calls it.</param>
/// <param name="Title">For people.</param>
/// <param name="OverPeer">How many times as fast as QEMU's TCG Holon is to be, in the geometric mean.</param>
/// <param name="OverNative">How many times native's time Holon may take, in the geometric mean.</param>
internal sealed record KernelGroup(string Name, string Title, double OverPeer, double? OverNative = null)
{
    /// <summary>Where neither engine can gain: reported apart, and left out of the mean of all.</summary>
    public const string Apart = "apart";

    /// <summary>The least that all groups but the last must reach together.</summary>
    public const double AllOverPeer = 5;

    /// <summary>The groups, in the order of the report.</summary>
    public static IReadOnlyList<KernelGroup> All { get; } =
    [
        new("vector", "Floating point, vectors, x87, REP", 15, 1.5),
        new("integer", "Integer compute", 3, 2.4),
        new("calls", "Calls and indirect jumps", 3),
        new("system", "System calls, faults, processes, switches", 2),
        new(Apart, "Apart: memory latency and locks", 1),
    ];
}
