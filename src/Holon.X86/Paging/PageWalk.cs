using Holon.Memory;

namespace Holon.X86.Paging;

/// <summary>What an access wants to do with a page.</summary>
[Flags]
public enum PageAccess
{
    /// <summary>Read data.</summary>
    Read = 0,

    /// <summary>Write data.</summary>
    Write = 1,

    /// <summary>Fetch an instruction.</summary>
    Execute = 2,

    /// <summary>At privilege level 3.</summary>
    User = 4,

    /// <summary>Supervisor access while SMAP forbids user pages (AC clear, or an implicit access).</summary>
    SmapEnforced = 8,

    /// <summary>Look only: set no accessed or dirty bit (for debuggers and introspection).</summary>
    Peek = 16,
}

/// <summary>The outcome of a page walk.</summary>
/// <param name="PhysicalAddress">Physical address of the byte asked for.</param>
/// <param name="Writable">A write at the same privilege would succeed now, with nothing left to set in the tables.</param>
/// <param name="Executable">An instruction fetch at the same privilege would succeed.</param>
/// <param name="Global">The translation survives a CR3 write.</param>
/// <param name="PageBytes">Size of the page that maps it: 4 KiB, 2 MiB, 4 MiB or 1 GiB.</param>
/// <param name="Faulted">True when the access faults.</param>
/// <param name="ErrorCode">The page-fault error code when it does.</param>
public readonly record struct Translation(ulong PhysicalAddress, bool Writable, bool Executable, bool Global, uint PageBytes, bool Faulted, uint ErrorCode);

/// <summary>Linear to physical addresses by the guest's page tables (SDM vol. 3 ch. 4): none, 32-bit, PAE and 4-level.</summary>
public static unsafe class PageWalk
{
    private const ulong Present = 1, Writable = 2, User = 4, Accessed = 0x20, Dirty = 0x40, Large = 0x80, NoExecute = 1ul << 63;
    private const uint ErrorPresent = 1, ErrorWrite = 2, ErrorUser = 4, ErrorReserved = 8, ErrorFetch = 16;

    /// <summary>Physical address bits that the processor presented has; higher bits in an entry are reserved.</summary>
    public const int PhysicalAddressBits = 46;

    /// <summary>The physical address in an entry.</summary>
    public const ulong AddressMask = ((1ul << PhysicalAddressBits) - 1) & ~0xFFFul;

    /// <summary>Address bits of an entry that must be zero.</summary>
    public const ulong ReservedAddress = 0x000FFFFFFFFFF000 & ~AddressMask;

    /// <summary>Marks a translation that survives a CR3 write, if CR4.PGE is set.</summary>
    public const ulong GlobalBit = 0x100;

    /// <summary>Walks the tables for one access, setting accessed and dirty bits as the processor does.</summary>
    public static Translation Walk(ref CpuState state, GuestMemory memory, ulong linear, PageAccess access)
    {
        if ((state.Cr0 & Cr0.PG) == 0)
        {
            var physical = (uint)linear;
            return new Translation(physical, true, true, false, 4096, false, 0);
        }

        if ((state.Efer & Efer.Lma) != 0) return WalkLevels(ref state, memory, linear, access, state.Cr3 & AddressMask, 4);
        if ((state.Cr4 & Cr4.Pae) != 0) return WalkLevels(ref state, memory, (uint)linear, access, state.Cr3 & 0xFFFFFFE0, 3);
        return Walk32(ref state, memory, (uint)linear, access);
    }

    /// <summary>4-level and PAE paging: 8-byte entries, 9 bits a level (SDM vol. 3 §4.4, §4.5).</summary>
    private static Translation WalkLevels(ref CpuState state, GuestMemory memory, ulong linear, PageAccess access, ulong table, int levels)
    {
        var nxe = (state.Efer & Efer.Nxe) != 0;
        var rights = Writable | User; // the AND over all levels
        var noExecute = false;
        for (var level = levels; ; level--)
        {
            var shift = 3 + (9 * level);
            var entryAddress = table + (((linear >> shift) & (levels == 3 && level == 3 ? 3ul : 511ul)) * 8);
            if (!memory.Contains(entryAddress, 8)) return Fault(access, nxe, state.Cr4, 0); // tables outside RAM read as not present
            var entry = (ulong*)(memory.PagePointer(entryAddress) + (entryAddress & 0xFFF));
            var value = Volatile.Read(ref *entry);
            if ((value & Present) == 0) return Fault(access, nxe, state.Cr4, 0);

            var isPdpte = levels == 3 && level == 3; // PAE PDPTEs carry no rights and no accessed bit
            var isLeaf = level == 1 || ((value & Large) != 0 && level is 2 or 3 && !isPdpte);
            var reserved = (levels == 3 ? ReservedAddress | 0x7FF0000000000000 : ReservedAddress) | (nxe ? 0 : NoExecute);
            if (isPdpte) reserved |= NoExecute | 0x1E6;
            else if (level == 4) reserved |= Large;
            else if (level == 3 && isLeaf) reserved |= 0x3FFFE000;
            else if (level == 2 && isLeaf) reserved |= 0x1FE000;
            if ((value & reserved) != 0) return Fault(access, nxe, state.Cr4, ErrorPresent | ErrorReserved);

            var above = (rights, noExecute);
            if (!isPdpte)
            {
                rights &= value;
                noExecute |= (value & NoExecute) != 0;
            }

            if (!isLeaf)
            {
                if (!isPdpte && (value & Accessed) == 0 && (access & PageAccess.Peek) == 0 && !TrySet(entry, value, Accessed))
                {
                    (rights, noExecute) = above;
                    level++;
                    continue;
                }

                table = value & AddressMask;
                continue;
            }

            if (!Allowed(state.Cr0, state.Cr4, rights, noExecute, access)) return Fault(access, nxe, state.Cr4, ErrorPresent);
            var mark = Accessed | ((access & PageAccess.Write) != 0 ? Dirty : 0);
            if ((value & mark) != mark && (access & PageAccess.Peek) == 0)
            {
                if (!TrySet(entry, value, mark))
                {
                    (rights, noExecute) = above;
                    level++;
                    continue;
                }

                value |= mark;
            }

            var pageMask = (1ul << shift) - 1;
            return new Translation(
                (value & AddressMask & ~pageMask) | (linear & pageMask),
                (value & Dirty) != 0 && Allowed(state.Cr0, state.Cr4, rights, noExecute, (access & ~PageAccess.Execute) | PageAccess.Write),
                Allowed(state.Cr0, state.Cr4, rights, noExecute, (access & ~PageAccess.Write) | PageAccess.Execute),
                (value & GlobalBit) != 0 && (state.Cr4 & Cr4.Pge) != 0,
                1u << shift,
                false,
                0);
        }
    }

    /// <summary>32-bit paging: 4-byte entries, two levels, 4 MiB pages with PSE-36 (SDM vol. 3 §4.3).</summary>
    private static Translation Walk32(ref CpuState state, GuestMemory memory, uint linear, PageAccess access)
    {
        var table = state.Cr3 & 0xFFFFF000;
        var rights = Writable | User;
        for (var level = 2; ; level--)
        {
            var shift = level == 2 ? 22 : 12;
            var entryAddress = table + (((linear >> shift) & 1023) * 4);
            if (!memory.Contains(entryAddress, 4)) return Fault(access, false, state.Cr4, 0);
            var entry = (uint*)(memory.PagePointer(entryAddress) + (entryAddress & 0xFFF));
            ulong value = Volatile.Read(ref *entry);
            if ((value & Present) == 0) return Fault(access, false, state.Cr4, 0);
            var isLeaf = level == 1 || ((value & Large) != 0 && (state.Cr4 & Cr4.Pse) != 0);
            if (level == 2 && isLeaf && (value & (1u << 21)) != 0) return Fault(access, false, state.Cr4, ErrorPresent | ErrorReserved);
            var above = rights;
            rights &= value;
            if (!isLeaf)
            {
                if ((value & Accessed) == 0 && (access & PageAccess.Peek) == 0 && !TrySet(entry, (uint)value, (uint)Accessed))
                {
                    rights = above;
                    level++;
                    continue;
                }

                table = value & 0xFFFFF000;
                continue;
            }

            if (!Allowed(state.Cr0, state.Cr4, rights, false, access)) return Fault(access, false, state.Cr4, ErrorPresent);
            var mark = Accessed | ((access & PageAccess.Write) != 0 ? Dirty : 0);
            if ((value & mark) != mark && (access & PageAccess.Peek) == 0)
            {
                if (!TrySet(entry, (uint)value, (uint)mark))
                {
                    rights = above;
                    level++;
                    continue;
                }

                value |= mark;
            }

            var page = level == 1 ? value & 0xFFFFF000 : (value & 0xFFC00000) | (((value >> 13) & 0xFF) << 32);
            var pageMask = (1u << shift) - 1;
            return new Translation(
                page | (linear & pageMask),
                (value & Dirty) != 0 && Allowed(state.Cr0, state.Cr4, rights, false, (access & ~PageAccess.Execute) | PageAccess.Write),
                Allowed(state.Cr0, state.Cr4, rights, false, (access & ~PageAccess.Write) | PageAccess.Execute),
                (value & GlobalBit) != 0 && (state.Cr4 & Cr4.Pge) != 0,
                1u << shift,
                false,
                0);
        }
    }

    /// <summary>The access rights of SDM vol. 3 §4.6.1.</summary>
    private static bool Allowed(ulong cr0, ulong cr4, ulong rights, bool noExecute, PageAccess access)
    {
        var userPage = (rights & User) != 0;
        if ((access & PageAccess.User) != 0)
        {
            if (!userPage) return false;
            if ((access & PageAccess.Write) != 0 && (rights & Writable) == 0) return false;
            return (access & PageAccess.Execute) == 0 || !noExecute;
        }

        if ((access & PageAccess.Execute) != 0) return !noExecute && !(userPage && (cr4 & Cr4.Smep) != 0);
        if (userPage && (access & PageAccess.SmapEnforced) != 0) return false;
        return (access & PageAccess.Write) == 0 || (rights & Writable) != 0 || (cr0 & Cr0.WP) == 0;
    }

    private static Translation Fault(PageAccess access, bool nxe, ulong cr4, uint code)
    {
        if ((access & PageAccess.Write) != 0) code |= ErrorWrite;
        if ((access & PageAccess.User) != 0) code |= ErrorUser;
        if ((access & PageAccess.Execute) != 0 && (nxe || (cr4 & Cr4.Smep) != 0)) code |= ErrorFetch;
        return new Translation(0, false, false, false, 0, true, code);
    }

    /// <summary>Sets accessed and dirty bits in an entry that still is what it was when it was read; when it is not, another processor changed it, and it is read again.</summary>
    private static bool TrySet(ulong* entry, ulong value, ulong bits) => Interlocked.CompareExchange(ref *entry, value | bits, value) == value;

    /// <inheritdoc cref="TrySet(ulong*, ulong, ulong)"/>
    private static bool TrySet(uint* entry, uint value, uint bits) => Interlocked.CompareExchange(ref *entry, value | bits, value) == value;
}
