using Holon.X86;

namespace Holon.Interpreter.Tests.Vector;

/// <summary>
/// A processor at privilege level 0 with 1 MiB of memory, all vector units switched on: in 32-bit mode with flat segments and
/// no paging, or in 64-bit mode with everything mapped to itself.
/// </summary>
internal sealed class FlatMachine : BareMachine
{
    /// <summary>Where tests keep data.</summary>
    public const int Data = 0x2000;

    private const ulong Pml4 = 0x4000, Pdpt = 0x5000, Directory = 0x6000;

    public FlatMachine(int bitness = 64)
        : base(bitness, 0x100000)
    {
        ref var state = ref Cpu.State;
        state.Cr0 = Cr0.PE | Cr0.ET | Cr0.NE;
        state.Cr4 = Cr4.Osfxsr | Cr4.Osxmmexcpt | Cr4.Osxsave;
        state.Xcr0 = 7;
        for (var i = 0; i < 6; i++) state.Segments[i] = Segment.FromDescriptor(0x10, 0x00CF93000000FFFF);
        state.Segments[SegmentRegisters.Cs] = Segment.FromDescriptor(8, bitness == 64 ? 0x00AF9B000000FFFFul : 0x00CF9B000000FFFFul);
        if (bitness != 64) return;
        const ulong rights = 0x63, large = 0x80;
        Ram.Write(Pml4, Pdpt | rights);
        Ram.Write(Pdpt, Directory | rights);
        Ram.Write(Directory, rights | large);
        state.Cr3 = Pml4;
        state.Cr4 |= Cr4.Pae;
        state.Cr0 |= Cr0.PG;
        state.Efer = Efer.Lme | Efer.Lma;
    }

    public ref CpuState State => ref Cpu.State;

    /// <summary>The 32 bytes of a YMM register.</summary>
    public unsafe Span<byte> Ymm(int number)
    {
        // Safe: the state lives in the interpreter's native memory as long as this machine does.
        fixed (byte* registers = State.Ymm) return new Span<byte>(registers + (32 * number), 32);
    }

    /// <summary>A general register by encoding number.</summary>
    public unsafe ulong Gpr(int number) => State.Gpr[number]; // safe: as above
}
