namespace Holon.Machines;

/// <summary>Why a machine ended.</summary>
public enum MachineExitReason
{
    /// <summary>The guest switched itself off.</summary>
    PowerOff,

    /// <summary>The guest asked for a reset and the spec says to stop then.</summary>
    Reset,

    /// <summary>The guest wrote an exit code to the debug exit port.</summary>
    DebugExit,

    /// <summary>The user or the host stopped it.</summary>
    Stopped,

    /// <summary>Its time limit ran out.</summary>
    TimedOut,

    /// <summary>It failed; see <see cref="MachineExit.Failure"/>.</summary>
    Failed,
}

/// <summary>How a machine ended.</summary>
/// <param name="Reason">What ended it.</param>
/// <param name="Code">The exit code the guest gave, 0 when it gave none.</param>
/// <param name="Failure">For <see cref="MachineExitReason.Failed"/>: what happened, with address, bytes and mode where they matter.</param>
public sealed record MachineExit(MachineExitReason Reason, int Code = 0, string? Failure = null);
