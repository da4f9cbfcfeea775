using Holon.Machines;

namespace Holon.Cli.Running;

/// <summary>What the <c>holon</c> command returns beside the guest command's own exit code; the numbers are those of env, timeout and the shells.</summary>
internal static class ExitCodes
{
    /// <summary>The time limit ran out.</summary>
    public const int TimedOut = 124;

    /// <summary>Holon itself failed, or the guest did not get as far as an exit code.</summary>
    public const int HolonError = 125;

    /// <summary>Added to the number of the signal that ended Holon.</summary>
    public const int Signal = 128;

    /// <summary>Ended by the user: Ctrl-C, or Ctrl-A X.</summary>
    public const int Interrupted = Signal + 2;

    /// <summary>Nobody reads the output any more.</summary>
    public const int BrokenPipe = Signal + 13;

    /// <summary>What a machine's end makes of it.</summary>
    public static int Of(MachineExitReason reason, int code) => reason switch
    {
        MachineExitReason.PowerOff => 0,
        MachineExitReason.DebugExit => code,
        MachineExitReason.TimedOut => TimedOut,
        MachineExitReason.Stopped => Interrupted,
        _ => HolonError,
    };
}
