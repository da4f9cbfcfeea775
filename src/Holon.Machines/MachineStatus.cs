namespace Holon.Machines;

/// <summary>Where a machine is in its life: <c>Created → Running ⇄ Paused → Stopped</c>, or <c>Failed</c> with a cause.</summary>
public enum MachineStatus
{
    /// <summary>Built and checked; has not run yet.</summary>
    Created,

    /// <summary>Its vCPUs execute, or sleep in HLT.</summary>
    Running,

    /// <summary>Its vCPUs and its clock stand still; it can go on.</summary>
    Paused,

    /// <summary>It ended by its own will or by ours; it will not run again.</summary>
    Stopped,

    /// <summary>It could not go on; <see cref="MachineExit.Failure"/> says why.</summary>
    Failed,
}
