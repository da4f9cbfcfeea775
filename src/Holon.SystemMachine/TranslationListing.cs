using Holon.Machines;
using Holon.Machines.Host;
using Holon.Memory;
using Holon.X86;

namespace Holon.SystemMachine;

/// <summary>What the translator makes of a piece of guest code that runs nowhere.</summary>
public static class TranslationListing
{
    /// <summary>Bytes of code at most: a block never leaves its page.</summary>
    public const int MaxBytes = 4096;

    private const ulong Code = 0x1000, Tables = 0x10000, MemoryBytes = 2 << 20;

    /// <summary>The first block of a piece of code, each guest instruction above its host code.</summary>
    /// <param name="code">64-bit code, at most a page.</param>
    /// <param name="user">As code of privilege level 3.</param>
    /// <param name="hot">As code that is executed often.</param>
    /// <exception cref="HolonException">The translator does not work on this host.</exception>
    public static string Of(ReadOnlySpan<byte> code, bool user, bool hot = false)
    {
        if (EngineSelection.WhyNoTranslator() is { } problem) throw new HolonException($"The translator does not work on this host: {problem}.");
        using var memory = new GuestMemory(new MemoryRange(0, MemoryBytes));
        memory.Write(Code, code);
        const ulong present = 1, writable = 2, userPage = 4, large = 0x80;
        memory.Write(Tables, (Tables + 0x1000) | present | writable | userPage);
        memory.Write(Tables + 0x1000, (Tables + 0x2000) | present | writable | userPage);
        memory.Write(Tables + 0x2000, present | writable | userPage | large);

        var nothing = new Nothing();
        using var translator = new Translator.Translator(memory, nothing, nothing, nothing, CpuModel.X8664V3, Translator.Translator.LeastCodeBytes) { HotByDefault = hot };
        ref var state = ref translator.State;
        state.Cr0 = Cr0.PE | Cr0.PG | Cr0.WP | Cr0.NE | Cr0.MP | Cr0.ET;
        state.Cr4 = Cr4.Pae | Cr4.Osfxsr | Cr4.Osxmmexcpt | Cr4.Osxsave;
        state.Cr3 = Tables;
        state.Efer = Efer.Lme | Efer.Lma | Efer.Sce | Efer.Nxe;
        state.Xcr0 = 7;
        var level = (SegmentAttributes)((user ? 3 : 0) << 5);
        state.Segments[SegmentRegisters.Cs] = new Segment(0, 8, 0xFFFFFFFF, SegmentAttributes.RealModeCode | SegmentAttributes.Long | level);
        state.Segments[SegmentRegisters.Ss] = new Segment(0, 16, 0xFFFFFFFF, SegmentAttributes.RealModeData | SegmentAttributes.Big | level);
        state.Rip = Code;
        return translator.Disassemble();
    }

    /// <summary>No devices, no interrupts, no time: nothing is executed.</summary>
    private sealed class Nothing : IVcpuBus, IVcpuInterrupts, IVcpuClock
    {
        public bool HasInterrupt => false;

        public bool HasNmi => false;

        public bool HasStartup => false;

        public byte TaskPriority { get; set; }

        public ulong TscOffset { get; set; }

        public long Nanoseconds => 0;

        public ulong TscFrequency => 1;

        public ulong Tsc => 0;

        public uint ReadPort(ushort port, int size) => uint.MaxValue;

        public void WritePort(ushort port, int size, uint value)
        {
        }

        public ulong ReadMmio(ulong address, int size) => ulong.MaxValue;

        public void WriteMmio(ulong address, int size, ulong value)
        {
        }

        public int Acknowledge() => -1;

        public void AcknowledgeNmi()
        {
        }

        public int AcknowledgeStartup() => -1;

        public bool TryReadMsr(uint msr, out ulong value)
        {
            value = 0;
            return false;
        }

        public bool TryWriteMsr(uint msr, ulong value) => false;
    }
}
