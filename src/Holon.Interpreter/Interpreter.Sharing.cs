using Holon.Memory;

namespace Holon.Interpreter;

// What other vCPUs ask of this one, and this one of them, so that each may keep code and a TLB of its own: docs/translator.md, "Code that several
// processors change". They ask from their threads; it answers between two blocks. While it stands still (outside Run, asleep in HLT, or itself waiting for an
// answer) they take what they ask for.
public sealed unsafe partial class Interpreter : ICodeHolder
{
    /// <summary>Other vCPUs wait for an answer, or have overwritten code.</summary>
    private const int EventRequests = 16;

    /// <summary>Overwritten pages that are remembered one by one: when more wait, all code goes.</summary>
    private const int MostOverwritten = 256;

    private const ulong NoPage = ulong.MaxValue;

    private readonly Lock _requests = new(); // guards the five below; nobody waits under it
    private readonly List<ulong> _taken = [];
    private readonly List<ulong> _overwritten = [];
    private long _asked, _answered;
    private bool _still = true;

    private readonly List<ulong> _dropping = [];
    private readonly int _holder;
    private ulong _storePage = NoPage; // the page that a store without a writable translation is on its way to
    private ulong _atomicStore = NoPage; // physical address of an atomic operation on a page with code, until AtomicDone

    /// <summary>By which it is known to <see cref="CodePageMap"/>.</summary>
    internal int Holder => _holder;

    bool ICodeHolder.MayWrite(ulong page) => Volatile.Read(ref _storePage) == page || _tlb.MayWrite(page << 12, _memory.PagePointer(page << 12));

    long ICodeHolder.TakeWrite(ulong page)
    {
        lock (_requests)
        {
            if (_still)
            {
                _tlb.ProtectPage(_memory.PagePointer(page << 12));
                _storePage = NoPage;
                return 0;
            }

            _taken.Add(page);
            Interlocked.Or(ref Events, EventRequests);
            return ++_asked;
        }
    }

    bool ICodeHolder.HasGivenUp(long number) => Volatile.Read(ref _answered) >= number;

    void ICodeHolder.Overwritten(ulong page)
    {
        lock (_requests)
        {
            if (_overwritten.Count <= MostOverwritten) _overwritten.Add(page);
            Interlocked.Or(ref Events, EventRequests); // it need not be woken for this: it looks before it executes anything
        }
    }

    /// <summary>Marks a page as one that code is made of. Between two blocks only. When it returns, the page can be read: nobody changes it without telling.</summary>
    internal void MarkCodePage(ulong page)
    {
        var still = StandStill(); // so that two that wait for each other do not wait for ever
        _memory.CodePages.Mark(page, _holder);
        if (!still) GoOn();
        _tlb.ProtectPage(_memory.PagePointer(page << 12));
    }

    /// <summary>After code was made of a copy of a page: notes of which pieces, and sees to it that it does not stay if they were changed meanwhile.</summary>
    internal void NoteCode(ulong page, ulong pieces, ReadOnlySpan<byte> copy)
    {
        _memory.CodePages.AddPieces(page, pieces);
        var now = new ReadOnlySpan<byte>(_memory.PagePointer(page << 12), GuestMemory.PageSize);
        while (pieces != 0)
        {
            var offset = System.Numerics.BitOperations.TrailingZeroCount(pieces) * 64;
            pieces &= pieces - 1;
            if (offset >= copy.Length || now.Slice(offset, 64).SequenceEqual(copy.Slice(offset, 64))) continue;
            ((ICodeHolder)this).Overwritten(page); // as if the writer had told us
            return;
        }
    }

    /// <summary>From now on others may do to the TLB what they ask for. Returns whether that was so before.</summary>
    private bool StandStill()
    {
        lock (_requests)
        {
            var still = _still;
            if (!still) AnswerLocked();
            _still = true;
            return still;
        }
    }

    /// <summary>From now on nobody else touches the TLB.</summary>
    private void GoOn()
    {
        lock (_requests) _still = false;
    }

    private void AnswerLocked()
    {
        foreach (var page in _taken) _tlb.ProtectPage(_memory.PagePointer(page << 12));
        _taken.Clear();
        _storePage = NoPage; // between two blocks it has arrived
        Volatile.Write(ref _answered, _asked);
    }

    /// <summary>Between two blocks: gives up what others have asked for, and drops code that they have overwritten.</summary>
    private void AnswerRequests()
    {
        bool all;
        lock (_requests)
        {
            AnswerLocked();
            all = _overwritten.Count > MostOverwritten;
            if (!all) _dropping.AddRange(_overwritten);
            _overwritten.Clear();
        }

        if (all)
        {
            _code.FlushAll();
            CodeListener?.Invalidated();
            return;
        }

        foreach (var page in _dropping)
        {
            _code.Drop(page);
            CodeListener?.Drop(page);
            _memory.CodePages.Release(page, _holder); // if it was marked again since
        }

        _dropping.Clear();
    }

    /// <summary>Enters RAM into the TLB. Returns whether it may be written through the entry.</summary>
    private bool Enter(int set, ulong linear, byte* page, ulong physical, bool writable, bool global)
    {
        writable &= IsDirectlyWritable(physical);
        _tlb.Fill(set, linear, page, physical & ~0xFFFul, writable, global);
        if (!writable || !_memory.CodePages.IsShared) return writable;
        // Whoever marks the page from now on sees the entry and asks for it; who has marked it before is seen here.
        Interlocked.MemoryBarrier();
        if (!_memory.CodePages.HasCode(physical >> 12)) return true;
        _tlb.ProtectEntry(set, linear);
        return false;
    }

    /// <summary>Announces a store that does not go through a writable translation. False when others have code of the page and must be told of the store.</summary>
    private bool AnnounceStore(ulong physical)
    {
        if (!_memory.CodePages.IsShared) return true;
        Volatile.Write(ref _storePage, physical >> 12);
        Interlocked.MemoryBarrier(); // as in Enter
        return !_memory.CodePages.HasCodeOfOthers(physical >> 12, _holder);
    }

    /// <summary>
    /// Host address for an atomic operation, or null when it crosses pages or is not RAM: then the operation is done under <see cref="Instructions.Atomic.BusLock"/>.
    /// Raises the guest's faults of a write. <see cref="AtomicDone{T}"/> must follow the operation.
    /// </summary>
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveInlining)]
    internal T* TryAtomicPointer<T>(ulong linear)
        where T : unmanaged
    {
        var entry = Tlb.Entry(_tlbSet, linear);
        return entry->WriteTag == ((linear + (ulong)(sizeof(T) - 1)) & ~0xFFFul) ? (T*)(linear + (ulong)entry->Addend) : TryAtomicPointerSlow<T>(linear);
    }

    /// <summary>Ends what <see cref="TryAtomicPointer{T}"/> began.</summary>
    internal void AtomicDone<T>()
        where T : unmanaged
    {
        if (_atomicStore == NoPage) return;
        var physical = _atomicStore;
        _atomicStore = NoPage;
        CodeWritten(physical, sizeof(T));
    }

    private T* TryAtomicPointerSlow<T>(ulong linear)
        where T : unmanaged
    {
        linear = CheckLinear<T>(linear, X86.Paging.PageAccess.Write);
        if (((linear ^ (linear + (ulong)sizeof(T) - 1)) & ~0xFFFul) != 0) return null;
        var host = Resolve(linear, X86.Paging.PageAccess.Write, out var physical);
        if (host == null || _memory.IsReadOnly(physical)) return null;
        _atomicStore = physical;
        return (T*)host;
    }
}
