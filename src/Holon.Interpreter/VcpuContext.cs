using System.Runtime.InteropServices;
using Holon.X86;

namespace Holon.Interpreter;

/// <summary>
/// What an engine keeps in native memory for one vCPU: the architectural state, and beside it what only the
/// interpreter needs. Ops address registers by byte offset from its start. Behind it, in the same allocation, come
/// the software TLB at <see cref="TlbOffset"/> and, at <see cref="EngineOffset"/>, room for an engine built on top of the interpreter.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public struct VcpuContext
{
    /// <summary>The architectural state. While code runs, the status flags in RFLAGS are stale: see <see cref="FlagSign"/>.</summary>
    public CpuState State;

    /// <summary>Always zero: stands in for an absent base or index register.</summary>
    public ulong Zero;

    /// <summary>What must be added to an op's page offset to get its instruction pointer; the base of RIP-relative operands.</summary>
    public ulong RipPage;

    /// <summary>SF is bit 63; PF is the parity of the low byte.</summary>
    public long FlagSign;

    /// <summary>ZF is set when this is zero.</summary>
    public ulong FlagZero;

    /// <summary>CF is bit 63; OF is bit 63 xor bit 62; AF is bit 3: the carries out of each bit, moved to the top.</summary>
    public long FlagCarry;

    /// <summary>What wants attention between two blocks: 0 while nothing does. Other threads set bits in it.</summary>
    public int Events;

    /// <summary>PAUSE instructions left until the host's scheduler is asked whether somebody else has more to do.</summary>
    public int Pauses;

    /// <summary>Where the software TLB begins, in bytes from the start of the context.</summary>
    public const int TlbOffset = 8192;

    /// <summary>Where an engine built on top may keep its own state, in bytes from the start of the context.</summary>
    public const int EngineOffset = TlbOffset + Tlb.Bytes;
}
