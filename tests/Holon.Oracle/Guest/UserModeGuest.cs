using Holon.Memory;
using Holon.X86;

namespace Holon.Oracle.Guest;

/// <summary>
/// A guest with nothing but the <see cref="AddressLayout"/> address space in 64-bit user mode, as Linux sets it up: page
/// tables, descriptor tables, and exception gates to addresses that tell the vector. Engines under test run in it.
/// </summary>
public sealed class UserModeGuest : IDisposable
{
    /// <summary>Selectors, as on Linux.</summary>
    public const ushort KernelCode32 = 0x08, KernelCode = 0x10, KernelData = 0x18, UserCode32 = 0x23, UserData = 0x2B, UserCode = 0x33;

    /// <summary>Exception vector n has its handler at this address + 16 n. Nothing is there; nobody gets as far as to fetch it.</summary>
    public const ulong Handlers = 0xFFFF_8000_0020_0000;

    private const ulong Kernel = 0xFFFF_8000_0000_0000;
    private const ulong Present = 1, Writable = 2, User = 4, AccessedAndDirty = 0x60, NoExecute = 1ul << 63;
    private const ulong Pml4 = 0x1000, LowPdpt = 0x2000, LowDirectory = 0x3000, CodeTable = 0x4000, WindowTable = 0x5000, HighPdpt = 0x6000, HighDirectory = 0x7000, KernelTable = 0x8000;
    private const ulong Gdt = 0x9000, Tss = 0x9800, Idt = 0xA000, KernelStackTop = 0xC000;
    private const int KernelPages = 16, Vectors = 32;

    // Neighbours in the linear address space are no neighbours in memory, so that nobody can get away with assuming it.
    private static readonly ulong[] _codePages = [0x10000, 0x13000];
    private static readonly ulong[] _windowPages = [0x15000, 0x17000, 0x11000];

    /// <summary>Builds the guest's memory.</summary>
    public UserModeGuest()
    {
        Memory = new GuestMemory(new MemoryRange(0, 0x20000));
        Link(Pml4, 0, LowPdpt);
        Link(LowPdpt, 0, LowDirectory);
        Link(LowDirectory, (int)(AddressLayout.Code >> 21), CodeTable);
        Link(LowDirectory, (int)(AddressLayout.Window >> 21), WindowTable);
        Link(Pml4, (int)(Kernel >> 39) & 0x1FF, HighPdpt);
        Link(HighPdpt, 0, HighDirectory);
        Link(HighDirectory, 0, KernelTable);
        for (var i = 0; i < _codePages.Length; i++) Map(CodeTable, i, _codePages[i], User);
        for (var i = 0; i < _windowPages.Length; i++)
        {
            var writable = i < AddressLayout.WindowWritable / AddressLayout.PageSize ? Writable : 0;
            Map(WindowTable, i, _windowPages[i], User | NoExecute | writable);
        }

        for (var i = 0; i < KernelPages; i++) Map(KernelTable, i, (ulong)i * AddressLayout.PageSize, Writable | NoExecute);
        WriteDescriptors();
        foreach (var page in _codePages) Memory.Span(page, AddressLayout.PageSize).Fill(AddressLayout.CodeFiller);
    }

    /// <summary>The guest's RAM.</summary>
    public GuestMemory Memory { get; }

    /// <summary>The state from which a case starts, but for what the case sets.</summary>
    public static void SetSystemState(ref CpuState state)
    {
        const ulong control4 = Cr4.Pae | Cr4.Osfxsr | Cr4.Osxmmexcpt | Cr4.Fsgsbase | Cr4.Osxsave;
        state.Cr0 = Cr0.PE | Cr0.MP | Cr0.ET | Cr0.NE | Cr0.WP | Cr0.AM | Cr0.PG;
        state.Cr2 = 0;
        state.Cr3 = Pml4;
        state.Cr4 = control4;
        state.Efer = Efer.Sce | Efer.Lme | Efer.Lma | Efer.Nxe;
        state.Xcr0 = 7;
        state.Gdtr = new DescriptorTable(Kernel + Gdt, 0x7F);
        state.Idtr = new DescriptorTable(Kernel + Idt, (Vectors * 16) - 1);
        state.Tr = new Segment(Kernel + Tss, 0x40, 0x67, SegmentAttributes.Present | (SegmentAttributes)0xB);
        state.Ldtr = default;
        state.Segments[SegmentRegisters.Cs] = SegmentOf(UserCode);
        state.Segments[SegmentRegisters.Ss] = SegmentOf(UserData);
        state.Activity = VcpuActivity.Active;
        state.Shadow = InterruptShadow.None;
    }

    /// <summary>A segment register loaded with a selector of a flat segment.</summary>
    public static Segment SegmentOf(ushort selector) => selector < 4 ? default : Segment.FromDescriptor(selector, _descriptors[selector >> 3]);

    /// <summary>The stack frame that the delivery of an exception pushed (SDM vol. 3 §6.14.2).</summary>
    /// <param name="stackPointer">RSP in the handler.</param>
    /// <param name="hasErrorCode">The vector pushes one.</param>
    public (uint ErrorCode, ulong Rip, ushort Cs, ulong Rflags, ulong Rsp, ushort Ss) ReadFrame(ulong stackPointer, bool hasErrorCode)
    {
        var at = stackPointer - Kernel;
        var errorCode = hasErrorCode ? Memory.Read<uint>(at) : 0;
        if (hasErrorCode) at += 8;
        return (errorCode, Memory.Read<ulong>(at), Memory.Read<ushort>(at + 8), Memory.Read<ulong>(at + 16), Memory.Read<ulong>(at + 24), Memory.Read<ushort>(at + 32));
    }

    /// <summary>A page of code.</summary>
    public Span<byte> CodePage(int index) => Memory.Span(_codePages[index], AddressLayout.PageSize);

    /// <summary>A page of the data window.</summary>
    public Span<byte> WindowPage(int index) => Memory.Span(_windowPages[index], AddressLayout.PageSize);

    /// <inheritdoc/>
    public void Dispose() => Memory.Dispose();

    // By index: the flat segments of Linux (arch/x86/kernel/cpu/common.c).
    private static readonly ulong[] _descriptors =
    [
        0, 0x00CF9B000000FFFF, 0x00AF9B000000FFFF, 0x00CF93000000FFFF, 0x00CFFB000000FFFF, 0x00CFF3000000FFFF, 0x00AFFB000000FFFF,
    ];

    private void WriteDescriptors()
    {
        for (var i = 0; i < _descriptors.Length; i++) Memory.Write(Gdt + ((ulong)i * 8), _descriptors[i]);
        Memory.Write(Tss + 4, Kernel + KernelStackTop);
        Memory.Write(Tss + 102, (ushort)0x68); // no I/O permission bitmap: the ports belong to the kernel
        for (var vector = 0; vector < Vectors; vector++)
        {
            const ulong interruptGate = 0x8E00ul << 32, breakpoint = 3, overflow = 4;
            var handler = Handlers + ((ulong)vector * 16);
            var privilege = (ulong)vector is breakpoint or overflow ? 3ul << 45 : 0;
            Memory.Write(Idt + ((ulong)vector * 16), (handler & 0xFFFF) | ((ulong)KernelCode << 16) | interruptGate | privilege | ((handler & 0xFFFF0000) << 32));
            Memory.Write(Idt + ((ulong)vector * 16) + 8, handler >> 32);
        }
    }

    private void Link(ulong table, int index, ulong next) => Memory.Write(table + ((ulong)index * 8), next | Present | Writable | User | AccessedAndDirty);

    private void Map(ulong table, int index, ulong page, ulong rights) => Memory.Write(table + ((ulong)index * 8), page | Present | rights | AccessedAndDirty);
}
