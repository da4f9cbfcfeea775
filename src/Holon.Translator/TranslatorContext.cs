using System.Runtime.InteropServices;
using Holon.Interpreter;

namespace Holon.Translator;

/// <summary>
/// What translated code keeps beside <see cref="VcpuContext"/>, in the same native memory: generated code reaches all of it through the GS base.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TranslatorContext
{
    /// <summary>The context itself, for calls into managed code.</summary>
    public VcpuContext* Self;

    /// <summary>The host's stack pointer at entry; exits return to it. Host return addresses of guest calls lie below.</summary>
    public ulong HostStack;

    /// <summary>Where the stack of host return addresses begins, and how far down it may go.</summary>
    public ulong ShadowBase, ShadowLimit;

    /// <summary>Managed code that finds memory, and that loads the x87 state.</summary>
    public nint MissHandler, X87Handler, WindowHandler;

    /// <summary>A handle of the <see cref="Translator"/>.</summary>
    public nint Owner;

    /// <summary>For values between two parts of one instruction.</summary>
    public ulong Temporary, Temporary2;

    /// <summary>Masks for bit numbers in 64 and 32 bits.</summary>
    public ulong Mask63, Mask31;

    /// <summary>Where the host return addresses of user code end while supervisor code runs that it has called.</summary>
    public ulong UserShadowTop;

    /// <summary>Mixed into the address at which SYSCALL enters: of the mode that holds there.</summary>
    public ulong SyscallMix;

    /// <summary>CS and SS as SYSCALL and SYSRET load them.</summary>
    public X86.Segment SyscallCs, SyscallSs, SysretCs, SysretSs;

    /// <summary>Not zero when SYSCALL, or a return to user code, can be done without managed code.</summary>
    public uint FastSyscall, FastReturn;

    /// <summary>Mixed into a linear address to get the tag of the jump cache: by mode, see <see cref="TranslationMode"/>.</summary>
    public fixed ulong Mix[TranslationMode.Count];

    /// <summary>The status flags while they are not in the host's: as SETO AL and LAHF leave them in AX.</summary>
    public uint SavedFlags;

    /// <summary>MXCSR of managed code.</summary>
    public uint HostMxcsr;

    /// <summary>Why generated code came back: <see cref="Blocks.ExitKind"/>, or the number of an exit to link.</summary>
    public uint ExitValue;

    /// <summary>Of the address space's user half and of the kernel half: links between pages are valid while these stay.</summary>
    public uint UserGeneration, KernelGeneration;

    /// <summary>Not zero while the host's x87 registers hold the guest's.</summary>
    public uint X87Live;

    /// <summary>Not zero when an interrupt waits for IF.</summary>
    public uint InterruptWaits;

    /// <summary>x87 state as FNSAVE and FRSTOR have it.</summary>
    public fixed byte X87Image[112];

    /// <summary>Not zero while misses of the TLB may be walked without managed code: 4-level paging, CR0.WP set.</summary>
    public uint FastWalk;

    /// <summary>Not zero when there are other vCPUs.</summary>
    public uint SharesMemory;

    /// <summary>Misses of the TLB that were walked without managed code.</summary>
    public ulong Refills;

    /// <summary>Physical address of the first page table, and bits of entries: reserved ones, the address, G if it means something.</summary>
    public ulong WalkRoot, ReservedBits, AddressBits, GlobalMask;

    /// <summary>RAM that is not read-only, below and above 4 GiB: physical address, bytes, host address.</summary>
    public ulong LowStart, LowLength, LowHost, HighStart, HighLength, HighHost;

    /// <summary>A bit for each physical page, set while anybody has code of it.</summary>
    public ulong* CodeMarks;

    /// <summary>A Bloom filter of the linear pages that blocks of this user generation were found in; see <see cref="Blocks.UserGenerations"/>.</summary>
    public fixed ulong ExecutedUserPages[Blocks.PageFilter.Words];

    /// <summary>Not zero while code may be found without managed code.</summary>
    public uint FastFind;

    /// <summary>How often it was.</summary>
    public ulong Finds;

    /// <summary>See <see cref="X86.IVcpuClock.ProcessorEpoch"/>.</summary>
    public nint ClockEpoch;

    /// <summary>Blocks executed, and instructions in them that access memory; while these are counted.</summary>
    public ulong BlocksExecuted, MemoryAccesses;
}

/// <summary>
/// What code means beside its bytes: the set of TLB entries that its accesses use, and whether it may use the host's vector and x87 units as they are.
/// </summary>
internal static class TranslationMode
{
    /// <summary>How many there are.</summary>
    public const int Count = 8;

    /// <summary>Sets of TLB entries: see <see cref="Tlb"/>.</summary>
    public const int User = Tlb.User, SupervisorWithSmap = Tlb.SupervisorWithSmap, Supervisor = Tlb.Supervisor;

    /// <summary>Vector and x87 instructions run as themselves.</summary>
    public const int NativeVectors = 4;

    /// <summary>The set of TLB entries.</summary>
    public static int TlbSet(int mode) => mode & 3;

    /// <summary>Privilege level 3.</summary>
    public static bool IsUser(int mode) => (mode & 3) == 0;
}

/// <summary>Byte offsets from the GS base of what generated code uses.</summary>
internal static unsafe class Offsets
{
    public const int Engine = VcpuContext.EngineOffset;

    /// <summary>Bytes an engine needs behind the context: <see cref="TranslatorContext"/>, and the tables below.</summary>
    public const int EngineBytes = FarLinks + (MostFarLinks * 16) - Engine;

    /// <summary>How often blocks on trial ran: see <see cref="Blocks.SiteTrials"/>.</summary>
    public const int Runs = BlockTable - (Blocks.SiteTrials.Most * 8);

    /// <summary>Entries of the jump cache: one for each value of the low 16 bits of a linear address.</summary>
    public const int JumpCacheEntries = 65536;

    /// <summary>Entries of the table of <see cref="Blocks.CodePage"/>s, and the table.</summary>
    public const int CodePageEntries = 512, CodePages = Engine + 4096 + (4 * JumpCacheEntries * 8);

    /// <summary>The <see cref="Blocks.BlockTable"/>.</summary>
    public const int BlockTable = CodePages + (CodePageEntries * 16) + (Blocks.SiteTrials.Most * 8);

    /// <summary>The <see cref="Blocks.FarLink"/>s, and how many there are.</summary>
    public const int FarLinks = BlockTable + (Blocks.BlockTable.Entries << Blocks.BlockTable.EntryShift), MostFarLinks = 1 << 18;

    /// <summary>
    /// Tags of the jump cache for code of a mode. User and supervisor code have a cache each: an address that is not canonical may equal a tag of another
    /// generation or mode, and user code must not find supervisor code by such an address.
    /// </summary>
    public static int JumpTags(int mode) => Engine + 4096 + (TranslationMode.IsUser(mode) ? 0 : 2 * JumpCacheEntries * 8);

    /// <summary>The code that the tags lead to: each beside its tag.</summary>
    public static int JumpTargets(int mode) => JumpTags(mode) + 8;

    public static readonly int SyscallCs, SyscallSs, SysretCs, SysretSs, FastSyscall, FastReturn, UserShadowTop, SyscallMix, Temporary2, Mask63, Mask31, Shadow, Selector;
    public static readonly int Rip, Rflags, Ymm, Mxcsr, Events, Pauses, FsBase, GsBase, KernelGsBase, Lstar, FmaskMsr, Segments, SegmentBytes;
    public static readonly int Self, HostStack, ShadowBase, ShadowLimit, MissHandler, X87Handler, WindowHandler, Temporary, Mix, SavedFlags, HostMxcsr, ExitValue, UserGeneration,
        KernelGeneration, X87Live, InterruptWaits, X87Image;
    public static readonly int FastWalk, SharesMemory, Refills, WalkRoot, ReservedBits, AddressBits, GlobalMask, LowStart, LowLength, LowHost, HighStart, HighLength, HighHost, CodeMarks, ExecutedUserPages, FastFind, Finds, BlocksExecuted, MemoryAccesses, ClockEpoch, Cr0, Cr2, Cr3, Cr4, TscOffset, TscAux;

    static Offsets()
    {
        VcpuContext context;
        var start = (byte*)&context;
        Rip = (int)((byte*)&context.State.Rip - start);
        Rflags = (int)((byte*)&context.State.Rflags - start);
        Ymm = (int)(&context.State.Ymm[0] - start);
        Mxcsr = (int)((byte*)&context.State.Mxcsr - start);
        Events = (int)((byte*)&context.Events - start);
        Pauses = (int)((byte*)&context.Pauses - start);
        Segments = (int)((byte*)&context.State.Segments - start);
        SegmentBytes = sizeof(X86.Segment);
        var segmentBase = FieldOffset(new X86.Segment(0x123456789ABCDEF0, 0, 0, 0), 0x123456789ABCDEF0);
        Selector = FieldOffset(new X86.Segment(0, 0xABCD, 0, 0), 0xABCD);
        FsBase = SegmentOf(X86.SegmentRegisters.Fs) + segmentBase;
        GsBase = SegmentOf(X86.SegmentRegisters.Gs) + segmentBase;
        Cr0 = (int)((byte*)&context.State.Cr0 - start);
        Cr2 = (int)((byte*)&context.State.Cr2 - start);
        Cr3 = (int)((byte*)&context.State.Cr3 - start);
        Cr4 = (int)((byte*)&context.State.Cr4 - start);
        TscOffset = (int)((byte*)&context.State.TscOffset - start);
        TscAux = (int)((byte*)&context.State.TscAux - start);
        Shadow = (int)((byte*)&context.State.Shadow - start);
        KernelGsBase = (int)((byte*)&context.State.KernelGsBase - start);
        Lstar = (int)((byte*)&context.State.Lstar - start);
        FmaskMsr = (int)((byte*)&context.State.FmaskMsr - start);

        TranslatorContext own;
        var first = (byte*)&own - Engine;
        SyscallCs = (int)((byte*)&own.SyscallCs - first);
        SyscallSs = (int)((byte*)&own.SyscallSs - first);
        SysretCs = (int)((byte*)&own.SysretCs - first);
        SysretSs = (int)((byte*)&own.SysretSs - first);
        FastSyscall = (int)((byte*)&own.FastSyscall - first);
        FastReturn = (int)((byte*)&own.FastReturn - first);
        UserShadowTop = (int)((byte*)&own.UserShadowTop - first);
        SyscallMix = (int)((byte*)&own.SyscallMix - first);
        Mask63 = (int)((byte*)&own.Mask63 - first);
        Mask31 = (int)((byte*)&own.Mask31 - first);
        Temporary2 = (int)((byte*)&own.Temporary2 - first);
        Self = (int)((byte*)&own.Self - first);
        HostStack = (int)((byte*)&own.HostStack - first);
        ShadowBase = (int)((byte*)&own.ShadowBase - first);
        ShadowLimit = (int)((byte*)&own.ShadowLimit - first);
        MissHandler = (int)((byte*)&own.MissHandler - first);
        X87Handler = (int)((byte*)&own.X87Handler - first);
        WindowHandler = (int)((byte*)&own.WindowHandler - first);
        Temporary = (int)((byte*)&own.Temporary - first);
        Mix = (int)((byte*)&own.Mix[0] - first);
        SavedFlags = (int)((byte*)&own.SavedFlags - first);
        HostMxcsr = (int)((byte*)&own.HostMxcsr - first);
        ExitValue = (int)((byte*)&own.ExitValue - first);
        UserGeneration = (int)((byte*)&own.UserGeneration - first);
        KernelGeneration = (int)((byte*)&own.KernelGeneration - first);
        X87Live = (int)((byte*)&own.X87Live - first);
        InterruptWaits = (int)((byte*)&own.InterruptWaits - first);
        X87Image = (int)(&own.X87Image[0] - first);
        FastWalk = (int)((byte*)&own.FastWalk - first);
        SharesMemory = (int)((byte*)&own.SharesMemory - first);
        Refills = (int)((byte*)&own.Refills - first);
        WalkRoot = (int)((byte*)&own.WalkRoot - first);
        ReservedBits = (int)((byte*)&own.ReservedBits - first);
        AddressBits = (int)((byte*)&own.AddressBits - first);
        GlobalMask = (int)((byte*)&own.GlobalMask - first);
        LowStart = (int)((byte*)&own.LowStart - first);
        LowLength = (int)((byte*)&own.LowLength - first);
        LowHost = (int)((byte*)&own.LowHost - first);
        HighStart = (int)((byte*)&own.HighStart - first);
        HighLength = (int)((byte*)&own.HighLength - first);
        HighHost = (int)((byte*)&own.HighHost - first);
        CodeMarks = (int)((byte*)&own.CodeMarks - first);
        ExecutedUserPages = (int)((byte*)&own.ExecutedUserPages[0] - first);
        FastFind = (int)((byte*)&own.FastFind - first);
        Finds = (int)((byte*)&own.Finds - first);
        ClockEpoch = (int)((byte*)&own.ClockEpoch - first);
        BlocksExecuted = (int)((byte*)&own.BlocksExecuted - first);
        MemoryAccesses = (int)((byte*)&own.MemoryAccesses - first);
    }

    /// <summary>A general register by encoding number.</summary>
    public static int Gpr(int number) => 8 * number;

    /// <summary>A segment register by encoding number.</summary>
    public static int SegmentOf(int number) => Segments + (number * SegmentBytes);

    /// <summary>A field of the TLB's set, for entry 0: see <see cref="TlbEntry"/>.</summary>
    public static int TlbField(int set, int field) => VcpuContext.TlbOffset + (set * Tlb.Entries * Tlb.EntryBytes) + field;

    /// <summary>A field of the entry for the stack.</summary>
    public static int StackField(int set, int field) => VcpuContext.TlbOffset + Tlb.StackOffset + (set * Tlb.EntryBytes) + field;

    /// <summary>Fields of an entry.</summary>
    public const int ReadTag = 0, WriteTag = 8, Addend = 16, Host = 24;

    /// <summary>The tag and the addend of site 0, how often it met other pages, and the list of sites in use.</summary>
    public const int SiteTag = VcpuContext.TlbOffset + Tlb.SitesOffset, SiteAddend = SiteTag + 8, SiteChanges = VcpuContext.TlbOffset + Tlb.SiteChangesOffset,
        UsedSites = VcpuContext.TlbOffset + Tlb.UsedSitesOffset, UsedSiteList = VcpuContext.TlbOffset + Tlb.UsedSiteListOffset;

    /// <summary>The fields of window 0: see <see cref="AccessWindow"/>.</summary>
    public const int WindowStart = VcpuContext.TlbOffset + Tlb.WindowsOffset, WindowLimit = WindowStart + 8, WindowAddend = WindowStart + 16, WindowLeft = WindowStart + 24;

    /// <summary>What else is known of TLB entries: see <see cref="Tlb.PhysicalOffset"/>.</summary>
    public const int Physical = VcpuContext.TlbOffset + Tlb.PhysicalOffset, Uses = VcpuContext.TlbOffset + Tlb.UsesOffset, Filled = VcpuContext.TlbOffset + Tlb.FilledOffset,
        FilledCount = VcpuContext.TlbOffset + Tlb.FilledCountOffset, LargeRegions = VcpuContext.TlbOffset + Tlb.LargeRegionsOffset, GigabyteRegions = LargeRegions + (64 * 8);

    // The compiler lays a record struct out; where a field is, is found by looking where its value lands.
    private static int FieldOffset(X86.Segment segment, ulong marker)
    {
        var bytes = (byte*)&segment;
        for (var offset = 0; offset < sizeof(X86.Segment); offset++)
        {
            var length = Math.Min(8, sizeof(X86.Segment) - offset);
            ulong value = 0;
            for (var i = 0; i < length; i++) value |= (ulong)bytes[offset + i] << (8 * i);
            if (value == marker || (marker <= ushort.MaxValue && (ushort)value == marker)) return offset;
        }

        throw new InvalidOperationException("A field of a segment was not found.");
    }
}
