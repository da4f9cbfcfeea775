using Holon.X86;

namespace Holon.SystemMachine.Boot;

/// <summary>How far the loader takes the processor before the guest's first instruction.</summary>
public enum EntryMode
{
    /// <summary>32-bit protected mode without paging.</summary>
    Protected,

    /// <summary>64-bit mode with an identity mapping.</summary>
    Long,
}

/// <summary>The processor state in which a loaded guest begins: everything that differs from reset.</summary>
public sealed record CpuEntry
{
    private const ushort CodeSelector = 0x10, DataSelector = 0x18; // __BOOT_CS and __BOOT_DS of the Linux boot protocol

    private static ReadOnlySpan<ulong> ProtectedDescriptors => [0, 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF];

    private static ReadOnlySpan<ulong> LongDescriptors => [0, 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF];

    private static ulong BusyTaskDescriptor => 0x00008B0000000067; // base 0, limit 0x67: the PVH and VMX requirement

    /// <summary>The mode.</summary>
    public required EntryMode Mode { get; init; }

    /// <summary>The first instruction.</summary>
    public required ulong Rip { get; init; }

    /// <summary>RAX, the magic number of Multiboot.</summary>
    public ulong Rax { get; init; }

    /// <summary>RBX, the address of Multiboot's and PVH's information.</summary>
    public ulong Rbx { get; init; }

    /// <summary>RSI, the address of Linux's boot parameters.</summary>
    public ulong Rsi { get; init; }

    /// <summary>Where the global descriptor table lies.</summary>
    public required ulong GdtAddress { get; init; }

    /// <summary>Where the top page table lies, for 64-bit mode.</summary>
    public ulong PageTableAddress { get; init; }

    /// <summary>Puts a descriptor table with flat segments into conventional memory, for an entry in a mode.</summary>
    internal static ulong PlaceDescriptors(GuestLayout layout, EntryMode mode)
    {
        var descriptors = Descriptors(mode);
        var address = layout.AllocateLow(descriptors.Length * sizeof(ulong), sizeof(ulong), "the descriptor table");
        for (var i = 0; i < descriptors.Length; i++) layout.Memory.Write(address + ((ulong)i * sizeof(ulong)), descriptors[i]);
        return address;
    }

    /// <summary>Takes a processor from reset to the guest's first instruction.</summary>
    public unsafe void ApplyTo(ref CpuState state)
    {
        // Fixed buffers of a ref are written by index below 16 only.
        state.Gpr[0] = Rax;
        state.Gpr[1] = state.Gpr[2] = 0;
        state.Gpr[3] = Rbx;
        state.Gpr[6] = Rsi;
        state.Rip = Rip;
        state.Rflags = Rflags.Fixed;

        var descriptors = Descriptors(Mode);
        var data = Segment.FromDescriptor(DataSelector, descriptors[DataSelector / 8]);
        for (var i = 0; i < 6; i++) state.Segments[i] = data;
        state.Segments[SegmentRegisters.Cs] = Segment.FromDescriptor(CodeSelector, descriptors[CodeSelector / 8]);
        state.Tr = Segment.FromDescriptor(0, BusyTaskDescriptor);
        state.Gdtr = new DescriptorTable(GdtAddress, (ushort)((descriptors.Length * sizeof(ulong)) - 1));
        state.Idtr = default;

        state.Cr0 = Cr0.PE | Cr0.ET;
        state.Cr4 = 0;
        state.Efer = 0;
        if (Mode == EntryMode.Long)
        {
            state.Cr0 |= Cr0.PG;
            state.Cr3 = PageTableAddress;
            state.Cr4 = Cr4.Pae;
            state.Efer = Efer.Lme | Efer.Lma;
        }

        state.Activity = VcpuActivity.Active;
    }

    private static ReadOnlySpan<ulong> Descriptors(EntryMode mode) => mode == EntryMode.Long ? LongDescriptors : ProtectedDescriptors;
}
