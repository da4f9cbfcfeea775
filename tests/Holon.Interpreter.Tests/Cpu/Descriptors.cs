using Holon.X86;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>Selectors of the descriptor table that every <see cref="GuestProgram"/> starts with.</summary>
public static class Selectors
{
    /// <summary>Flat segments: kernel code of the mode, kernel data, 32-bit kernel code; user ones in the order that SYSRET wants.</summary>
    public const ushort KernelCode = 0x08, KernelData = 0x10, KernelCode32 = 0x18, UserCode32 = 0x23, UserData = 0x2B, UserCode64 = 0x33;

    /// <summary>Conforming kernel code of the mode, and the task-state segment (two slots in long mode).</summary>
    public const ushort ConformingCode = 0x38, Tss = 0x40;

    /// <summary>The first slot that tests may fill.</summary>
    public const ushort Free = 0x50;
}

/// <summary>Makes descriptors (SDM vol. 3 §3.4.5, §3.5, §6.11).</summary>
public static class Descriptors
{
    /// <summary>Types of code and data segments, accessed bit set.</summary>
    public const int Data = 3, DataExpandDown = 7, ReadOnlyData = 1, Code = 0xB, ExecuteOnlyCode = 9, Conforming = 0xF;

    /// <summary>Types of system segments and gates.</summary>
    public const int Tss16 = 1, Ldt = 2, CallGate16 = 4, TaskGate = 5, InterruptGate16 = 6, TrapGate16 = 7, Tss32 = 9, TssBusy = 0xB, CallGate32 = 0xC, InterruptGate32 = 0xE, TrapGate32 = 0xF;

    /// <summary>A code or data segment.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="level">Its DPL.</param>
    /// <param name="start">Base.</param>
    /// <param name="limit">Limit in bytes; anything from 1 MiB on must be a multiple of 4 KiB minus 1.</param>
    /// <param name="attributes">Big or Long; Present unless said otherwise.</param>
    /// <param name="present">P.</param>
    public static ulong Segment(int type, int level = 0, uint start = 0, uint limit = 0xFFFFFFFF, SegmentAttributes attributes = SegmentAttributes.Big, bool present = true)
    {
        attributes |= SegmentAttributes.CodeOrData | (SegmentAttributes)type;
        return System(attributes, level, start, limit, present);
    }

    /// <summary>A task-state segment or local descriptor table.</summary>
    public static ulong System(int type, uint start, uint limit, int level = 0, bool present = true) => System((SegmentAttributes)type, level, start, limit, present);

    /// <summary>A call, interrupt, trap or task gate; in long mode the low half of one.</summary>
    public static ulong Gate(int type, ushort selector, ulong offset, int level = 0, int countOrStack = 0, bool present = true) =>
        (offset & 0xFFFF) | ((ulong)selector << 16) | ((ulong)countOrStack << 32) | ((ulong)type << 40) | ((ulong)level << 45)
            | (present ? 1ul << 47 : 0) | ((offset & 0xFFFF0000) << 32);

    private static ulong System(SegmentAttributes attributes, int level, uint start, uint limit, bool present)
    {
        if (limit >= 1 << 20)
        {
            attributes |= SegmentAttributes.Granular;
            limit >>= 12;
        }

        if (present) attributes |= SegmentAttributes.Present;
        return (limit & 0xFFFF) | ((ulong)(start & 0xFFFFFF) << 16) | ((ulong)attributes << 40) | ((ulong)level << 45)
            | ((ulong)(limit & 0xF0000) << 32) | ((ulong)(start & 0xFF000000) << 32);
    }
}
