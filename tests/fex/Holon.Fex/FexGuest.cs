using Holon.Memory;
using Holon.X86;

namespace Holon.Fex;

/// <summary>
/// A guest that runs one test in user mode: pages at the addresses that the suite's own runner gives, readable, writable and
/// executable, and a kernel in the upper half whose exception handlers only tell that they were reached, by a port write.
/// </summary>
internal sealed class FexGuest : IDisposable
{
    /// <summary>Where a test's code begins.</summary>
    public const ulong Code = 0x1_0000;

    /// <summary>Selectors in the local descriptor table that 32-bit tests know: code, data and stack.</summary>
    public const ushort UserCode32 = 0x0F, UserData32 = 0x17, UserStack32 = 0x1F;

    /// <summary>The port that handlers write to.</summary>
    public const ushort Port = 0xF4;

    /// <summary>The handler of exception n is at this address + 16 n.</summary>
    public const ulong Handlers = Kernel + HandlerCode;

    private const ulong Kernel = 0xFFFF_8000_0000_0000;
    private const ulong Pml4 = 0x1000, Gdt = 0x2000, Tss = 0x2800, Ldt = 0x2900, Idt = 0x3000, HandlerCode = 0x4000, StackTop = 0x7000, FirstTable = 0x8000, KernelEnd = 0x20_0000;
    private const ulong Present = 1, Writable = 2, User = 4, Accessed = 0x20, Dirty = 0x40, Large = 0x80, AddressBits = 0x000F_FFFF_FFFF_F000;
    private const ulong PageSize = GuestMemory.PageSize, LargePageSize = 0x20_0000;
    private const int Vectors = 32;
    private const ushort KernelCode = 0x10, UserData = 0x2B, UserCode = 0x33;

    // What every test has besides its own regions: scratch memory, and two pages around an address of which displacements are tested.
    private static readonly FexRegion[] _always = [new(0xE000_0000, 10 * PageSize), new(0xE800_0000 - PageSize, 2 * PageSize)];

    // By index: the flat segments of Linux (arch/x86/kernel/cpu/common.c).
    private static readonly ulong[] _descriptors =
    [
        0, 0x00CF9B000000FFFF, 0x00AF9B000000FFFF, 0x00CF93000000FFFF, FlatCode32, FlatData, 0x00AFFB000000FFFF,
    ];

    private const ulong FlatCode32 = 0x00CFFB000000FFFF, FlatData = 0x00CFF3000000FFFF;

    private ulong _nextTable = FirstTable;
    private ulong _nextPage;

    /// <summary>Builds the guest's memory.</summary>
    public FexGuest(FexTest test, ReadOnlySpan<byte> code)
    {
        List<FexRegion> regions = [new(Code, RoundUp((ulong)code.Length, PageSize)), .. _always, .. test.Regions];
        _nextPage = regions.Aggregate(KernelEnd, (sum, region) => sum + RoundUp(region.Length, LargePageSize) + LargePageSize);
        Memory = new GuestMemory(new MemoryRange(0, _nextPage));
        foreach (var region in regions) Map(region);
        Memory.Write(Slot(Next(Next(Pml4, Kernel, 39), Kernel, 30), Kernel, 21), Present | Writable | Accessed | Dirty | Large);
        WriteDescriptors();
        Write(Code, code);
        foreach (var (address, bytes) in test.Data) Write(address, bytes);
    }

    /// <summary>The guest's RAM.</summary>
    public GuestMemory Memory { get; }

    /// <summary>The state in which a test begins: what the suite's own runner sets up on a host.</summary>
    public static void SetState(ref CpuState state, bool is32Bit)
    {
        state.Cr0 = Cr0.PE | Cr0.MP | Cr0.ET | Cr0.NE | Cr0.WP | Cr0.AM | Cr0.PG;
        state.Cr3 = Pml4;
        state.Cr4 = Cr4.Pae | Cr4.Osfxsr | Cr4.Osxmmexcpt | Cr4.Fsgsbase | Cr4.Osxsave;
        state.Efer = Efer.Sce | Efer.Lme | Efer.Lma | Efer.Nxe;
        state.Xcr0 = 7;
        state.Gdtr = new DescriptorTable(Kernel + Gdt, 0x7F);
        state.Idtr = new DescriptorTable(Kernel + Idt, (Vectors * 16) - 1);
        state.Tr = new Segment(Kernel + Tss, 0x40, 0x67, SegmentAttributes.Present | (SegmentAttributes)0xB);
        state.Ldtr = new Segment(Kernel + Ldt, 0x48, 31, SegmentAttributes.Present | (SegmentAttributes)2);
        for (var i = 0; i < 6; i++) state.Segments[i] = default;
        state.Segments[SegmentRegisters.Cs] = is32Bit ? Segment.FromDescriptor(UserCode32, FlatCode32) : Segment.FromDescriptor(UserCode, _descriptors[UserCode >> 3]);
        state.Segments[SegmentRegisters.Ss] = Segment.FromDescriptor(is32Bit ? UserStack32 : UserData, FlatData);
        unsafe
        {
            for (var i = 0; i < 16; i++) state.Gpr[i] = 0; // safe: 16 is the buffer's length
        }

        state.Rip = Code;
        state.Rflags = 0x202;
        state.Activity = VcpuActivity.Active;
        state.Shadow = InterruptShadow.None;
    }

    /// <summary>The stack frame that the delivery of an exception pushed (SDM vol. 3 §6.14.2).</summary>
    public (ulong Rip, ulong Rsp) ReadFrame(ulong stackPointer, int vector)
    {
        var at = stackPointer - Kernel + (vector is 8 or 10 or 11 or 12 or 13 or 14 or 17 ? 8ul : 0);
        return (Memory.Read<ulong>(at), Memory.Read<ulong>(at + 24));
    }

    /// <summary>A byte of the test's memory; null where it has none.</summary>
    public byte? Read(ulong address) => Translate(address) is { } physical ? Memory.Read<byte>(physical) : null;

    /// <inheritdoc/>
    public void Dispose() => Memory.Dispose();

    private static ulong RoundUp(ulong value, ulong size) => (value + size - 1) & ~(size - 1);

    private void WriteDescriptors()
    {
        for (var i = 0; i < _descriptors.Length; i++) Memory.Write(Gdt + ((ulong)i * 8), _descriptors[i]);
        foreach (var (selector, descriptor) in new[] { (UserCode32, FlatCode32), (UserData32, FlatData), (UserStack32, FlatData) }) Memory.Write(Ldt + (selector & ~7ul), descriptor);
        Memory.Write(Tss + 4, Kernel + StackTop);
        Memory.Write(Tss + 102, (ushort)0x68); // no I/O permission bitmap: the ports belong to the kernel
        for (var vector = 0ul; vector < Vectors; vector++)
        {
            const ulong interruptGate = 0x8E00ul << 32, breakpoint = 3, overflow = 4;
            var handler = Handlers + (vector * 16);
            var privilege = vector is breakpoint or overflow ? 3ul << 45 : 0;
            Memory.Write(Idt + (vector * 16), (handler & 0xFFFF) | ((ulong)KernelCode << 16) | interruptGate | privilege | ((handler & 0xFFFF0000) << 32));
            Memory.Write(Idt + (vector * 16) + 8, handler >> 32);
            Memory.Write(HandlerCode + (vector * 16), [0xE6, (byte)Port, 0xEB, 0xFE]); // out Port, al; jmp $
        }
    }

    // Pages are given out downwards, so that neighbours in the linear address space are no neighbours in memory.
    private void Map(FexRegion region)
    {
        const ulong rights = Present | Writable | User | Accessed | Dirty;
        var end = RoundUp(region.Start + region.Length, PageSize);
        for (var at = region.Start & ~(PageSize - 1); at < end;)
        {
            var directory = Next(Next(Pml4, at, 39), at, 30);
            if (at % LargePageSize == 0 && end - at >= LargePageSize)
            {
                _nextPage = (_nextPage - LargePageSize) & ~(LargePageSize - 1);
                Memory.Write(Slot(directory, at, 21), _nextPage | rights | Large);
                at += LargePageSize;
                continue;
            }

            var slot = Slot(Next(directory, at, 21), at, 12);
            if (Memory.Read<ulong>(slot) == 0) // tests may ask for what they have already
            {
                _nextPage -= PageSize;
                Memory.Write(slot, _nextPage | rights);
            }

            at += PageSize;
        }
    }

    private static ulong Slot(ulong table, ulong address, int shift) => table + (((address >> shift) & 0x1FF) * 8);

    /// <summary>The table that an entry points to; it is made when there is none.</summary>
    private ulong Next(ulong table, ulong address, int shift)
    {
        var slot = Slot(table, address, shift);
        if (Memory.Read<ulong>(slot) is var entry and not 0) return entry & AddressBits;
        if (_nextTable == KernelEnd) throw new FormatException("its memory needs more page tables than there is room for");
        Memory.Write(slot, _nextTable | Present | Writable | User | Accessed);
        _nextTable += PageSize;
        return _nextTable - PageSize;
    }

    private ulong? Translate(ulong address)
    {
        var table = Pml4;
        for (var shift = 39; shift >= 12; shift -= 9)
        {
            var entry = Memory.Read<ulong>(Slot(table, address, shift));
            if ((entry & Present) == 0) return null;
            if (shift == 12 || (entry & Large) != 0) return (entry & AddressBits & ~((1ul << shift) - 1)) | (address & ((1ul << shift) - 1));
            table = entry & AddressBits;
        }

        return null;
    }

    private void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++)
            Memory.Write(Translate(address + (ulong)i) ?? throw new FormatException($"it puts data at 0x{address:x}, where it has no memory"), bytes[i]);
    }
}
