using Holon.X86;

namespace Holon.Interpreter;

/// <summary>
/// An exception of the guest on its way to the guest's handler. Thrown by handlers, caught by the run loop. One object per vCPU
/// is reused, so a fault costs no allocation of ours; see docs/decisions/0001-exceptions-for-guest-faults.md.
/// </summary>
#pragma warning disable CA1032, CA1064 // never leaves the interpreter
internal sealed class GuestFault : Exception
#pragma warning restore CA1032, CA1064
{
    public ExceptionVector Vector { get; set; }

    public uint ErrorCode { get; set; }

    /// <summary>The error code is a selector's or 0, with bit 0 for EXT (SDM vol. 3 §6.13).</summary>
    public bool HasSelector => Vector is >= ExceptionVector.InvalidTss and <= ExceptionVector.GeneralProtection;

    /// <summary>Vectors that push an error code (SDM vol. 3 §6.13).</summary>
    public static bool HasErrorCode(ExceptionVector vector) => vector is ExceptionVector.DoubleFault or ExceptionVector.InvalidTss
        or ExceptionVector.SegmentNotPresent or ExceptionVector.StackFault or ExceptionVector.GeneralProtection
        or ExceptionVector.PageFault or ExceptionVector.AlignmentCheck;
}
