using Holon.Interpreter;
using Holon.Memory;
using Holon.Translator.Emit;
using Holon.Translator.Guest;
using Holon.Translator.Host;
using Holon.X86;

namespace Holon.Translator.Blocks;

/// <summary>
/// All translated code of one vCPU: blocks by physical page, the jump cache by linear address in front of them, and the links between them.
/// Knows when code may no longer be used.
/// </summary>
internal sealed unsafe class BlockCache : ICodeListener, IDisposable
{
    private readonly Interpreter.Interpreter _cpu;
    private readonly GuestMemory _memory;
    private readonly TranslatorContext* _context;
    private readonly CodePage* _codePages;
    private readonly BlockTable _table;
    private readonly TranslatedPage?[] _pages;
    private readonly CodeMemory _code;
    private readonly HostAssembler _asm = new();
    private readonly BlockEmitter _emitter;
    private readonly GuestBlock _guest;
    private readonly CodeSegments _segments;
    private readonly KernelMappings _kernel;
    private readonly HotCode _hot;
    private readonly Func<ulong, bool> _stopAt;
    private readonly UserGenerations _user;
    private TranslatedPage? _decodingPage;
    private int _decodingMode;
    private bool _decodingHot;
    private bool _smap, _alone;

    public BlockCache(Interpreter.Interpreter cpu, GuestMemory memory, CpuModel model, int codeBytes)
    {
        _cpu = cpu;
        _memory = memory;
        _context = (TranslatorContext*)((byte*)cpu.Context + Offsets.Engine);
        _codePages = (CodePage*)((byte*)cpu.Context + Offsets.CodePages);
        _table = new BlockTable((byte*)cpu.Context + Offsets.BlockTable);
        Exits = new ExitTable((byte*)cpu.Context);
        _context->FastFind = 1;
        _user = new UserGenerations(&_context->ExecutedUserPages[0]);
        _pages = new TranslatedPage?[memory.PageCount];
        _code = new CodeMemory(codeBytes);
        _asm.Position = _code.Writable;
        Stubs = new Stubs(_asm);
        _segments = new CodeSegments(_code, _asm.Position);
        Windows = new AccessWindows(cpu, memory, _context, Statistics);
        _hot = new HotCode(cpu.Tlb, Windows, (ulong*)((byte*)cpu.Context + Offsets.Runs));
        _emitter = new BlockEmitter(_asm, Stubs, Exits, _hot);
        _guest = new GuestBlock(model);
        _kernel = new KernelMappings(cpu, memory);
        _stopAt = linear => _decodingPage?.Find(linear, _decodingMode) is { } found && found.IsHot == _decodingHot;
        _context->UserGeneration = _context->KernelGeneration = 1;
        UpdateMix();
    }

    /// <summary>The windows of hot code's accesses.</summary>
    public AccessWindows Windows { get; }

    /// <summary>The shared code.</summary>
    public Stubs Stubs { get; }

    /// <summary>The direct exits of all blocks.</summary>
    public ExitTable Exits { get; }

    /// <summary>Bytes of host code kept now, those of dropped blocks included.</summary>
    public long CodeBytes => _segments.Bytes;

    /// <summary>What must be added to an address in a block to execute it.</summary>
    public nint Distance => _code.Distance;

    /// <summary>Keep status flags exact wherever a fault could show them.</summary>
    public bool PreciseFlags
    {
        get => _guest.PreciseFlags;
        set => _guest.PreciseFlags = value;
    }

    /// <summary>Instructions in a block at most.</summary>
    public int MaxBlockInstructions
    {
        get => _guest.Most;
        set => _guest.Most = value;
    }

    /// <summary>Every block is translated as hot ones are: for comparing engines, and to look at it.</summary>
    public bool HotByDefault { get; set; }

    /// <summary>See <see cref="BlockEmitter.ReadsHostCounter"/>.</summary>
    public bool ReadsHostCounter
    {
        get => _emitter.ReadsHostCounter;
        set => _emitter.ReadsHostCounter = value;
    }

    /// <summary>Blocks count how often they are executed, and how many of their instructions access memory.</summary>
    public bool CountsExecution
    {
        get => _emitter.CountsExecution;
        set => _emitter.CountsExecution = value;
    }

    /// <summary>Blocks found are entered into the jump cache. Not so for who wants one block at a time.</summary>
    public bool RemembersJumps
    {
        get => _context->FastFind != 0;
        set => _context->FastFind = value ? 1u : 0;
    }

    /// <summary>What happened so far.</summary>
    public TranslatorStatistics Statistics { get; } = new();

    /// <summary>The block for an address that can be found without a walk of the page tables, as a place to enter; null when it cannot.</summary>
    public byte* FindEntry(ulong linear, int mode)
    {
        if (!Interpreter.Interpreter.IsCanonical(linear)) return null;
        ref var tag = ref JumpTag(linear, mode);
        ref var target = ref JumpTarget(linear, mode);
        if (tag == (linear ^ _context->Mix[mode])) return (byte*)target;
        ref var page = ref CodePageOf(linear, mode, out var pageTag);
        if (!RemembersJumps || page.Tag != pageTag) return null;
        var entry = _table.Find(linear, page.Physical | (linear & 0xFFF), mode);
        if (entry != null) (tag, target) = (linear ^ _context->Mix[mode], (ulong)entry);
        return entry;
    }

    private ref ulong JumpTag(ulong linear, int mode) => ref ((ulong*)((byte*)_cpu.Context + Offsets.JumpTags(mode)))[2 * (ushort)linear];

    private ref ulong JumpTarget(ulong linear, int mode) => ref ((ulong*)((byte*)_cpu.Context + Offsets.JumpTargets(mode)))[2 * (ushort)linear];

    /// <summary>Where a linear page of code is remembered, and the tag that it has there.</summary>
    private ref CodePage CodePageOf(ulong linear, int mode, out ulong tag)
    {
        tag = (linear & ~0xFFFul) ^ _context->Mix[mode];
        return ref _codePages[(linear >> 12) & (Offsets.CodePageEntries - 1)];
    }

    private byte* EntryOf(TranslatedBlock block) => block.PollMemory + _code.Distance;

    /// <summary>The block at an address, translated if need be; null when the fetch must be interpreted or has faulted, as the outcome says.</summary>
    public TranslatedBlock? Find(ulong linear, int mode, out MissOutcome outcome)
    {
        outcome = _cpu.Fetch(linear, out var translation);
        if (outcome != MissOutcome.Host) return null;
        var physical = translation.PhysicalAddress;
        var block = _pages[physical >> 12]?.Find(linear, mode) ?? Translate(linear, physical, mode, null, 0);
        if (block == null || block.Generation != null)
        {
            block = FindCrossing(linear, physical, mode, block, ref outcome);
            if (block == null) return null;
        }

        if (TranslationMode.IsUser(mode)) _user.Note(linear, translation.Global);
        else if (!_kernel.Note(linear, translation)) BumpKernel();
        if (!RemembersJumps) return block;
        JumpTag(linear, mode) = linear ^ _context->Mix[mode];
        JumpTarget(linear, mode) = (ulong)EntryOf(block);
        CodePageOf(linear, mode, out var pageTag) = new CodePage { Tag = pageTag, Physical = physical & ~0xFFFul };
        if (block.Generation == null) _table.Add(block, EntryOf(block)); // others must be told that their second page is where it was
        return block;
    }

    /// <summary>Translates the block at an address anew and returns, for each guest instruction, the host code made of it; empty when nothing can be translated there.</summary>
    public List<(Iced.Intel.Instruction Guest, nint Host)> List(ulong linear, int mode, out byte* start, out byte* end, out byte* seldom, out byte* seldomEnd)
    {
        _emitter.Listing = [];
        DropAll();
        var block = Find(linear, mode, out _);
        var listing = _emitter.Listing;
        _emitter.Listing = null;
        start = block != null ? block.PollHost : null;
        end = block != null ? block.CodeEnd : null;
        seldom = _segments.Current.FirstSeldom;
        seldomEnd = _segments.Current.Seldom;
        return listing;
    }

    /// <summary>Links an exit to the block at its address, found just now.</summary>
    public void Link(int number, TranslatedBlock target)
    {
        ref var exit = ref Exits[number];
        if (exit.Owner is null || exit.Linear != target.Linear || exit.Mode != target.Mode) return;
        Statistics.Links++;
        Exits.Link(number, target, TranslationMode.IsUser(target.Mode) ? _context->UserGeneration : _context->KernelGeneration, EntryOf(target));
    }

    /// <summary>Notes that an event interrupted the code at an address; what turns out to be hot is translated again when it is met next.</summary>
    public void Sample(ulong linear, int mode)
    {
        if (!_hot.IsDue) return;
        Statistics.CountSample(linear);
        TranslatedBlock? block = null;
        if (_cpu.TryFetch(linear, out var physical)) block = _pages[physical >> 12]?.Find(linear, mode);
        foreach (var hot in _hot.Sample(block, Exits))
        {
            Statistics.HotBlocks++;
            Discard(hot);
        }
    }

    /// <summary>The value that tags of the jump cache have mixed in, for a mode.</summary>
    public ulong Mix(int mode) => _context->Mix[mode];

    /// <summary>Drops everything if CR4.SMAP is not what code was made for.</summary>
    public void UseSmap(bool smap)
    {
        if (smap == _smap) return;
        _smap = smap;
        DropAll();
    }

    /// <summary>Drops everything if there are other vCPUs now, or no longer, and code was made for the opposite. To be called before the vCPU runs.</summary>
    public void UseOthers(bool shared)
    {
        if (shared != _alone) return;
        _alone = !shared;
        DropAll();
    }

    /// <summary>Empties the jump cache.</summary>
    public void ForgetJumps()
    {
        new Span<ulong>((byte*)_cpu.Context + Offsets.JumpTags(TranslationMode.User), 2 * Offsets.JumpCacheEntries).Clear();
        new Span<ulong>((byte*)_cpu.Context + Offsets.JumpTags(TranslationMode.Supervisor), 2 * Offsets.JumpCacheEntries).Clear();
        new Span<CodePage>(_codePages, Offsets.CodePageEntries).Clear();
    }

    /// <inheritdoc/>
    public bool HasCode(ulong page) => _pages[page] != null;

    /// <inheritdoc/>
    public bool Overlaps(ulong physical, int size) => _pages[physical >> 12]?.Overlaps((int)(physical & 0xFFF), size) ?? false;

    /// <inheritdoc/>
    public bool Overwritten(ulong physical, int size)
    {
        if (_pages[physical >> 12] is not { } page) return false;
        if (!page.Overlaps((int)(physical & 0xFFF), size)) return true;
        DropPage(physical >> 12);
        return false;
    }

    /// <inheritdoc/>
    public void Drop(ulong page)
    {
        if (_pages[page] != null) DropPage(page);
    }

    /// <inheritdoc/>
    public void TranslationsForgotten(bool global)
    {
        _user.RenewAll();
        UseUserGeneration();
        if (!_kernel.StillHold(global)) BumpKernel();
    }

    /// <inheritdoc/>
    public void AddressSpaceLoaded(ulong cr3, bool kept)
    {
        _user.Load(cr3, kept);
        UseUserGeneration();
        if (!_kernel.StillHold(global: false)) BumpKernel();
    }

    /// <inheritdoc/>
    public void TranslationForgotten(ulong linear)
    {
        if (_user.Forget(linear)) UseUserGeneration();
        if (!_kernel.StillHolds(linear)) BumpKernel();
    }

    /// <inheritdoc/>
    public void Invalidated() => DropAll();

    public void Dispose()
    {
        _code.Dispose();
        Windows.Dispose();
    }

    /// <summary>The block of an instruction across two pages, after the second one was looked up.</summary>
    private TranslatedBlock? FindCrossing(ulong linear, ulong physical, int mode, TranslatedBlock? block, ref MissOutcome outcome)
    {
        var next = (linear & ~0xFFFul) + 4096;
        if (block == null && !_guest.RunsOut) return Refuse(out outcome);
        outcome = _cpu.Fetch(next, out var second);
        if (outcome != MissOutcome.Host) return null;
        var page = second.PhysicalAddress & ~0xFFFul;
        if (block != null && block.SecondPage != page)
        {
            Discard(block);
            block = null;
        }

        block ??= Translate(linear, physical, mode, _memory.PagePointer(page), page);
        if (block == null) return Refuse(out outcome);
        if (block.Generation != null)
        {
            *(uint*)block.Generation = TranslationMode.IsUser(mode) ? _context->UserGeneration : _context->KernelGeneration;
            if (TranslationMode.IsUser(mode)) _user.Note(next, second.Global);
            else if (!_kernel.Note(next, second)) BumpKernel();
        }

        return block;

        static TranslatedBlock? Refuse(out MissOutcome outcome)
        {
            outcome = MissOutcome.Interpret;
            return null;
        }
    }

    private TranslatedBlock? Translate(ulong linear, ulong physical, int mode, byte* next, ulong nextPhysical)
    {
        if (!_segments.Current.HasRoom) MakeRoom();
        var started = TranslatorStatistics.Now;
        Statistics.Work = VcpuWork.Translation;
        var page = PageOf(physical); // before it is read: from now on whoever changes it tells
        if (next != null) PageOf(nextPhysical);
        _decodingPage = page;
        _decodingMode = mode;
        _decodingHot = HotByDefault || _hot.IsHot(physical, mode);
        _guest.Decode(linear, _memory.PagePointer(physical), next, _stopAt);
        if (_guest.Count == 0) return null;
        var block = new TranslatedBlock { Linear = linear, Physical = physical, Mode = mode, GuestBytes = (int)(_guest.End - linear), Instructions = _guest.Count, IsHot = _decodingHot };
        if (block.IsHot && !HotByDefault) block.RunCounter = _hot.BeginTrial(block);
        var segment = _segments.Current;
        _asm.Position = (byte*)(((nint)segment.Often + 15) & ~15);
        var (start, seldom) = ((nint)_asm.Position, (nint)segment.Seldom);
        _emitter.Emit(_guest, block, mode, (_cpu.State.Cr4 & Cr4.Smap) != 0, _alone, ref segment.Seldom);
        segment.Often = _asm.Position;
        segment.Blocks.Add(block);
        block.Segment = segment;
        page.Add(block);
        if (_guest.Crosses)
        {
            block.SecondPage = nextPhysical;
            var second = PageOf(nextPhysical);
            second.MarkCode(0, (int)(_guest.End & 0xFFF));
            second.Guests.Add(block);
            _cpu.NoteCode(nextPhysical >> 12, CodePageMap.PiecesOf(0, (int)(_guest.End & 0xFFF)), _guest.Copy[4096..]);
        }

        var pieces = CodePageMap.PiecesOf((int)(physical & 0xFFF), block.GuestBytes);
        foreach (var (offset, length) in _guest.Peeked)
        {
            page.MarkCode(offset, length);
            pieces |= CodePageMap.PiecesOf(offset, length);
        }

        _cpu.NoteCode(physical >> 12, pieces, _guest.Copy[..4096]);
        Statistics.Blocks++;
        Statistics.GuestInstructions += _guest.Count;
        Statistics.GuestBytes += block.GuestBytes;
        Statistics.HostBytes += (nint)block.CodeEnd - start + (nint)segment.Seldom - seldom;
        Statistics.TranslationTicks += TranslatorStatistics.Now - started;
        Statistics.Work = VcpuWork.Engine;
        return block;
    }

    /// <summary>Empties a piece of the code memory for what is translated next. Only while no translated code is being executed.</summary>
    private void MakeRoom()
    {
        var segment = _segments.Advance();
        if (segment.Blocks.Count > 0) Statistics.Evictions++;
        foreach (var block in segment.Blocks)
        {
            if (block.IsDropped) continue;
            Statistics.EvictedBlocks++;
            Discard(block);
        }

        segment.Clear();
    }

    /// <summary>Drops one block.</summary>
    private void Discard(TranslatedBlock block)
    {
        DropBlock(block);
        RemoveFromPage(block, block.Physical >> 12);
        if (block.Generation != null) RemoveFromPage(block, block.SecondPage >> 12);
    }

    private void RemoveFromPage(TranslatedBlock block, ulong number)
    {
        if (_pages[number] is not { } page) return;
        page.Remove(block);
        page.Guests.Remove(block);
        if (page.IsEmpty) ReleasePage(number);
    }

    /// <summary>A page of which there are no blocks any more may be written to again.</summary>
    private void ReleasePage(ulong number)
    {
        _pages[number] = null;
        if (!_cpu.HasDecoded(number)) _memory.CodePages.Release(number, _cpu.Holder);
    }

    private TranslatedPage PageOf(ulong physical)
    {
        ref var page = ref _pages[physical >> 12];
        if (page != null) return page;
        _cpu.MarkCodePage(physical >> 12);
        return page = new TranslatedPage();
    }

    private void DropBlock(TranslatedBlock block)
    {
        if (block.IsDropped) return;
        block.IsDropped = true;
        Exits.Drop(block);
        if (JumpTarget(block.Linear, block.Mode) == (ulong)EntryOf(block)) JumpTag(block.Linear, block.Mode) = 0;
        _table.Remove(block, EntryOf(block));
        block.Segment!.Drop(block);
        Statistics.DroppedBlocks++;
    }

    /// <summary>Drops every block of a physical page. Only while no translated code is being executed.</summary>
    private void DropPage(ulong number)
    {
        var page = _pages[number]!;
        foreach (var block in page.Blocks) DropBlock(block);
        foreach (var block in page.Guests)
        {
            if (!block.IsDropped) _pages[block.Physical >> 12]?.Remove(block);
            DropBlock(block);
        }

        _pages[number] = null;
    }

    private void DropAll()
    {
        for (var page = 0; page < _pages.Length; page++)
        {
            if (_pages[page] != null) ReleasePage((ulong)page);
        }

        Exits.Clear();
        _segments.Clear();
        ForgetJumps();
        _table.Clear();
        _kernel.Clear();
        _hot.Clear();
    }

    private void UseUserGeneration()
    {
        if (_context->UserGeneration == _user.Current) return;
        _context->UserGeneration = _user.Current;
        Statistics.UserGenerations++;
        UpdateMix();
    }

    private void BumpKernel()
    {
        _kernel.Clear();
        _context->KernelGeneration++;
        Statistics.KernelGenerations++;
        UpdateMix();
    }

    /// <summary>
    /// Tags of the jump cache are linear addresses with mode and generation in the bits that repeat bit 47. When the generations come round,
    /// what they marked before is forgotten.
    /// </summary>
    private void UpdateMix()
    {
        const int generationShift = 51, modeShift = 48;
        const uint mask = (1u << UserGenerations.TagBits) - 1;
        if (_user.TakeTurn() || (_context->KernelGeneration & mask) == 0)
        {
            ForgetJumps();
            if ((_context->KernelGeneration & mask) == 0) _context->KernelGeneration++;
        }

        for (var mode = 0; mode < TranslationMode.Count; mode++)
        {
            var generation = TranslationMode.IsUser(mode) ? _context->UserGeneration : _context->KernelGeneration;
            _context->Mix[mode] = ((ulong)(generation & mask) << generationShift) | ((ulong)(uint)mode << modeShift);
        }
    }
}
