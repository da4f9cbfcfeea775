using Holon.Memory;
using Holon.X86.Paging;

namespace Holon.Translator.Blocks;

/// <summary>
/// Where supervisor code was found: linear pages and the physical pages behind them. Kernels drop translations far more often than they
/// move their code; as long as all of these still hold, links between pages and the jump cache may stay.
/// </summary>
internal sealed class KernelMappings
{
    /// <summary>Checking more than this at each flush costs more than finding code again.</summary>
    private const int Most = 4096;

    private readonly Interpreter.Interpreter _cpu;
    private readonly GuestMemory _memory;
    private readonly Dictionary<ulong, ulong> _pages = [];
    private bool _hasLocal;

    public KernelMappings(Interpreter.Interpreter cpu, GuestMemory memory)
    {
        _cpu = cpu;
        _memory = memory;
    }

    /// <summary>Notes where code was found. False when the page was known elsewhere, or when there is no room: everything derived must go.</summary>
    public bool Note(ulong linear, in Translation translation)
    {
        var page = linear >> 12;
        var physical = translation.PhysicalAddress >> 12;
        if (_pages.TryGetValue(page, out var known)) return known == physical;
        if (_pages.Count == Most) return false;
        _pages[page] = physical;
        if (!translation.Global) _hasLocal = true;
        return true;
    }

    /// <summary>After translations were dropped: whether all code is still where it was.</summary>
    /// <param name="global">Global translations were dropped, too.</param>
    public bool StillHold(bool global)
    {
        if (!global && !_hasLocal) return true;
        foreach (var (page, physical) in _pages)
        {
            if (!Holds(page, physical)) return false;
        }

        return true;
    }

    /// <summary>After the translation of one page was dropped.</summary>
    public bool StillHolds(ulong linear) => !_pages.TryGetValue(linear >> 12, out var physical) || Holds(linear >> 12, physical);

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        _pages.Clear();
        _hasLocal = false;
    }

    private bool Holds(ulong page, ulong physical)
    {
        var translation = PageWalk.Walk(ref _cpu.State, _memory, page << 12, PageAccess.Execute | PageAccess.Peek);
        return !translation.Faulted && translation.PhysicalAddress >> 12 == physical;
    }
}
