using Holon.Memory;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>Paging structures in guest memory, for any of the three paging modes (SDM vol. 3 ch. 4).</summary>
public sealed class GuestPageTables
{
    private readonly GuestMemory _memory;
    private readonly int _levels, _entryBytes, _bitsPerLevel;
    private ulong _next;

    /// <summary>Empty tables.</summary>
    /// <param name="memory">Guest memory.</param>
    /// <param name="mode">A mode with paging.</param>
    /// <param name="start">Where tables may be made, upwards.</param>
    public GuestPageTables(GuestMemory memory, GuestMode mode, ulong start)
    {
        _memory = memory;
        _next = start;
        (_levels, _entryBytes, _bitsPerLevel) = mode switch
        {
            GuestMode.Paging32 => (2, 4, 10),
            GuestMode.Pae => (3, 8, 9),
            _ => (4, 8, 9),
        };
        Root = NewTable();
    }

    /// <summary>What CR3 gets.</summary>
    public ulong Root { get; }

    /// <summary>Maps one page; tables on the way are made with all rights.</summary>
    /// <param name="linear">Its linear address.</param>
    /// <param name="physical">Its physical address.</param>
    /// <param name="bits">The entry's other bits.</param>
    /// <param name="level">1 for 4 KiB, 2 for 2 or 4 MiB, 3 for 1 GiB.</param>
    public void Map(ulong linear, ulong physical, PageBits bits, int level = 1)
    {
        var table = Root;
        for (var at = _levels; at > level; at--)
        {
            var address = table + Offset(linear, at);
            var next = Read(address) & 0x000FFFFFFFFFF000;
            if ((Read(address) & 1) == 0)
            {
                next = NewTable();
                // PDPTEs of PAE paging have no rights (SDM vol. 3, table 4-8).
                Write(address, next | (ulong)(_levels == 3 && at == 3 ? PageBits.Present : PageBits.UserPage));
            }

            table = next;
        }

        Write(table + Offset(linear, level), physical | (ulong)bits | (level > 1 ? (ulong)PageBits.Large : 0));
    }

    /// <summary>Physical address of the entry of some level that translates an address.</summary>
    public ulong EntryAddress(ulong linear, int level = 1)
    {
        var table = Root;
        for (var at = _levels; at > level; at--) table = Read(table + Offset(linear, at)) & 0x000FFFFFFFFFF000;
        return table + Offset(linear, level);
    }

    /// <summary>The entry of some level that translates an address.</summary>
    public PageBits this[ulong linear, int level = 1]
    {
        get => (PageBits)Read(EntryAddress(linear, level));
        set => Write(EntryAddress(linear, level), (ulong)value);
    }

    /// <summary>Another empty root: for a second address space.</summary>
    public ulong NewTable()
    {
        var table = _next;
        _next += GuestMemory.PageSize;
        return table;
    }

    private ulong Offset(ulong linear, int level) =>
        ((linear >> (12 + (_bitsPerLevel * (level - 1)))) & ((1ul << _bitsPerLevel) - 1) & (_levels == 3 && level == 3 ? 3ul : ulong.MaxValue)) * (ulong)_entryBytes;

    private ulong Read(ulong address) => _entryBytes == 8 ? _memory.Read<ulong>(address) : _memory.Read<uint>(address);

    private void Write(ulong address, ulong entry)
    {
        if (_entryBytes == 8) _memory.Write(address, entry);
        else _memory.Write(address, (uint)entry);
    }
}
