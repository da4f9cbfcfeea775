namespace Holon.Memory;

/// <summary>
/// Which guest pages hold instructions that a vCPU has decoded or translated, and which vCPUs: a bit for each. vCPUs consult it before they let a
/// page be written directly; everyone else who writes guest memory (loaders, device DMA) reports through <see cref="NotifyWrite"/>.
/// </summary>
/// <remarks>
/// Who holds what changes under one lock, and is read without it. What makes this sound is written down in docs/translator.md: a reader first does what others
/// must see (a store, a writable translation), then has a full fence, then reads; one who marks a page first marks it, then looks at what others did.
/// </remarks>
public sealed unsafe class CodePageMap
{
    /// <summary>vCPUs at most: a bit of a word for each.</summary>
    public const int MostHolders = 64;

    private readonly ulong[] _holders; // by page: a bit for each vCPU
    private readonly ulong[] _marks; // a bit for each page that has a holder: small enough to stay in the host's caches
    private readonly ulong[] _pieces; // by page: a bit for each 64 bytes that anybody made code of
    private readonly Lock _lock = new();
    private volatile ICodeHolder?[] _registered = [];

    /// <summary>An empty map for a number of page frames.</summary>
    public CodePageMap(ulong pageCount)
    {
        _holders = new ulong[pageCount];
        _marks = GC.AllocateArray<ulong>((int)((pageCount + 63) / 64), pinned: true); // vCPUs look without asking
        _pieces = new ulong[pageCount];
    }

    /// <summary>A bit for each page, set while anybody has code of it: for generated code to look at, as long as the map lives.</summary>
    public ulong* Marks => (ulong*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref System.Runtime.InteropServices.MemoryMarshal.GetArrayDataReference(_marks));

    /// <summary>There is more than one vCPU.</summary>
    public bool IsShared { get; private set; }

    /// <summary>Adds a vCPU, before any of them runs.</summary>
    /// <returns>The number by which it is known here.</returns>
    public int Register(ICodeHolder holder)
    {
        lock (_lock)
        {
            var number = Array.IndexOf(_registered, null);
            if (number < 0)
            {
                number = _registered.Length;
                if (number == MostHolders) throw new InvalidOperationException($"A guest's memory is shared by {MostHolders} vCPUs at most.");
                _registered = [.. _registered, holder];
            }
            else
            {
                _registered[number] = holder;
            }

            IsShared = _registered.Count(one => one is not null) > 1;
            return number;
        }
    }

    /// <summary>Takes a vCPU out that has stopped for good.</summary>
    public void Unregister(int number)
    {
        lock (_lock)
        {
            _registered[number] = null;
            IsShared = _registered.Count(one => one is not null) > 1;
            for (var page = 0ul; page < (ulong)_holders.Length; page++) SetHolders(page, _holders[page] & ~Bit(number));
        }
    }

    /// <summary>True when anybody has code of this page.</summary>
    public bool HasCode(ulong page) => page < (ulong)_holders.Length && (Volatile.Read(ref _marks[page / 64]) & (1ul << (int)(page % 64))) != 0;

    /// <summary>True when a vCPU other than this one has code of this page.</summary>
    public bool HasCodeOfOthers(ulong page, int number) => page < (ulong)_holders.Length && (Volatile.Read(ref _holders[page]) & ~Bit(number)) != 0;

    /// <summary>
    /// Marks a page as one that a vCPU makes code of. When it returns, nobody can store to it without noticing, and the vCPU may read the code. Waits for
    /// other vCPUs that run, so the vCPU must stand still for them meanwhile, and hold no lock.
    /// </summary>
    public void Mark(ulong page, int number)
    {
        lock (_lock) SetHolders(page, _holders[page] | Bit(number));
        if (!IsShared) return;
        Interlocked.MemoryBarrier();
        var registered = _registered;
        Span<long> asked = stackalloc long[MostHolders];
        var open = 0ul;
        for (var other = 0; other < registered.Length; other++)
        {
            if (other == number || registered[other] is not { } holder || !holder.MayWrite(page)) continue;
            asked[other] = holder.TakeWrite(page);
            open |= Bit(other);
        }

        var spin = default(SpinWait);
        for (var other = 0; open != 0; other = (other + 1) % registered.Length)
        {
            if ((open & Bit(other)) == 0) continue;
            if (registered[other]!.HasGivenUp(asked[other])) open &= ~Bit(other);
            else spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    /// <summary>Notes which pieces of a marked page code was made of; see <see cref="PiecesOf"/>. Whoever calls it must then look whether they are still what it read.</summary>
    public void AddPieces(ulong page, ulong pieces)
    {
        if ((Volatile.Read(ref _pieces[page]) & pieces) != pieces) Interlocked.Or(ref _pieces[page], pieces);
        else Interlocked.MemoryBarrier();
    }

    /// <summary>A vCPU has no code of a page any more.</summary>
    public void Release(ulong page, int number)
    {
        lock (_lock) ReleaseLocked(page, Bit(number));
    }

    /// <summary>A vCPU has stored to a page, with a full fence behind it: tells the others that have code of what it overwrote.</summary>
    public void Overwritten(ulong page, ulong pieces, int number)
    {
        if ((Volatile.Read(ref _holders[page]) & ~Bit(number)) == 0 || (Volatile.Read(ref _pieces[page]) & pieces) == 0) return;
        lock (_lock) TellLocked(page, ~Bit(number));
    }

    /// <summary>Tells every vCPU with code of it that a range was written from outside a vCPU.</summary>
    public void NotifyWrite(ulong physicalAddress, ulong length)
    {
        if (length == 0) return;
        Interlocked.MemoryBarrier(); // the write is seen by whoever marks a page that we do not see marked
        var last = (physicalAddress + length - 1) >> GuestMemory.PageShift;
        last = Math.Min(last, (ulong)_holders.Length - 1);
        for (var page = physicalAddress >> GuestMemory.PageShift; page <= last; page++)
        {
            if (!HasCode(page)) continue;
            var from = Math.Max(physicalAddress, page << GuestMemory.PageShift);
            var to = Math.Min(physicalAddress + length - 1, (page << GuestMemory.PageShift) | (GuestMemory.PageSize - 1));
            if ((Volatile.Read(ref _pieces[page]) & PiecesOf((int)(from & (GuestMemory.PageSize - 1)), (int)(to - from) + 1)) == 0) continue;
            lock (_lock) TellLocked(page, ulong.MaxValue);
        }
    }

    /// <summary>The 64-byte pieces of a page that a range touches, a bit each.</summary>
    public static ulong PiecesOf(int offset, int length)
    {
        var first = offset >> 6;
        var last = Math.Min(offset + Math.Max(length, 1) - 1, GuestMemory.PageSize - 1) >> 6;
        return (ulong.MaxValue >> (63 - last)) & (ulong.MaxValue << first);
    }

    private static ulong Bit(int number) => 1ul << number;

    /// <summary>Tells holders, and only then takes the page from them: whoever sees that they do not hold it any more comes after what they were told.</summary>
    private void TellLocked(ulong page, ulong whom)
    {
        whom &= _holders[page];
        for (var number = 0; number < _registered.Length; number++)
        {
            if ((whom & Bit(number)) != 0) _registered[number]?.Overwritten(page);
        }

        ReleaseLocked(page, whom);
    }

    private void ReleaseLocked(ulong page, ulong whom)
    {
        SetHolders(page, _holders[page] & ~whom);
        if (_holders[page] == 0) _pieces[page] = 0;
    }

    private void SetHolders(ulong page, ulong holders)
    {
        Volatile.Write(ref _holders[page], holders);
        ref var mark = ref _marks[page / 64];
        var bit = 1ul << (int)(page % 64);
        Volatile.Write(ref mark, holders != 0 ? mark | bit : mark & ~bit);
    }
}
