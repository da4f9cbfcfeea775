using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Holon.Interpreter.Decoding;
using Holon.Memory;
using Holon.X86;
using Holon.X86.Paging;
using Iced.Intel;

namespace Holon.Interpreter;

/// <summary>
/// Decoded code of one vCPU: blocks by physical page, and in front of them a direct-mapped cache by linear address,
/// valid for one combination of address space and mode.
/// </summary>
internal sealed unsafe class CodeCache : IDisposable
{
    /// <summary>Instructions in a block at most: bounds how long an interrupt can wait.</summary>
    public const int MaxBlock = 64;

    /// <summary>Native memory for decoded code at most; when a guest needs more, everything is decoded anew.</summary>
    public const long MaxBytes = 64 << 20;

    private const int JumpEntries = 16384;
    private const int MaxInstruction = 15;

    private readonly Interpreter _cpu;
    private readonly GuestMemory _memory;
    private readonly CodePage?[] _pages;
    private readonly OpArena _arena = new();
    private readonly JumpEntry* _jump = (JumpEntry*)NativeMemory.AlignedAlloc((nuint)(JumpEntries * sizeof(JumpEntry)), 64);
    private readonly PageReader _reader = new();
    private readonly Decoder _decoder16, _decoder32, _decoder64;
    private readonly byte* _copy = (byte*)NativeMemory.AllocZeroed(4096 + 64); // what code is decoded from: a page, and the beginning of the next one
    private ulong _generation = 1, _context;
    private ulong _executedPages; // a Bloom filter of the linear pages that jump-cache entries of this generation come from
    private uint _mode;
    private int _bitness;
    private bool _user, _protected, _limited;

    public CodeCache(Interpreter cpu, GuestMemory memory)
    {
        _cpu = cpu;
        _memory = memory;
        _pages = new CodePage?[memory.PageCount];
        NativeMemory.Clear(_jump, (nuint)(JumpEntries * sizeof(JumpEntry)));
        var options = DecoderOptionsFor(cpu.Model);
        _decoder16 = Decoder.Create(16, _reader, options);
        _decoder32 = Decoder.Create(32, _reader, options);
        _decoder64 = Decoder.Create(64, _reader, options);
    }

    /// <summary>Sets what code means from now on.</summary>
    /// <param name="bitness">16, 32 or 64.</param>
    /// <param name="protectedMode">Neither real nor virtual-8086 mode: VEX-encoded instructions exist.</param>
    /// <param name="limited">The code segment ends before its offsets do.</param>
    /// <param name="user">At privilege level 3.</param>
    public void SetMode(int bitness, bool protectedMode, bool limited, bool user)
    {
        _bitness = bitness;
        _user = user;
        _protected = protectedMode;
        _limited = limited;
        _mode = (bitness switch { 16 => 0u, 32 => 1u, _ => 2u }) | (protectedMode ? 4u : 0u) | (limited ? 8u : 0u);
        SetContext();
    }

    /// <summary>Forgets which linear addresses lead where: translations changed.</summary>
    public void ForgetTranslations()
    {
        _generation++;
        _executedPages = 0;
        SetContext();
    }

    /// <summary>Forgets where one linear page leads.</summary>
    public void ForgetTranslation(ulong linear)
    {
        if ((_executedPages & (1ul << (int)((linear >> 12) & 63))) != 0) ForgetTranslations();
    }

    /// <summary>The block at CS:RIP. Raises the guest's faults of the fetch.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Block* Lookup()
    {
        var context = _cpu.Context;
        var rip = context->State.Rip;
        var linear = rip;
        if (_bitness != 64) linear = SegmentedRip(rip);
        var entry = _jump + ((linear ^ (linear >> 14)) & (JumpEntries - 1));
        context->RipPage = (linear & ~0xFFFul) + (rip - linear);
        var block = entry->Linear == linear && entry->Context == _context ? entry->Block : LookupSlow(linear, entry);
        return _limited ? WithinLimit(block, rip, linear, entry) : block;
    }

    /// <summary>The block at an offset in the page being executed, or null when there is none yet or the target is elsewhere.</summary>
    public Block* LookupInSamePage(ulong offset)
    {
        if (offset >= 4096 || _limited) return null;
        var linear = _cpu.Context->RipPage + offset;
        if (_bitness != 64)
        {
            if ((linear & _cpu.RipMask) != linear) return null;
            linear = (uint)(linear + _cpu.State.Segments[SegmentRegisters.Cs].Base);
        }

        var entry = _jump + ((linear ^ (linear >> 14)) & (JumpEntries - 1));
        // Page-crossing blocks are known to the jump cache only and depend on the next page's mapping: never link them.
        return entry->Linear == linear && entry->Context == _context && entry->Block->PageOffset + entry->Block->Bytes <= 4096 ? entry->Block : null;
    }

    /// <summary>A store changed bytes of a page that holds code.</summary>
    /// <returns>Whether the page still has decoded code.</returns>
    public bool Overwritten(ulong physical, int size)
    {
        var page = _pages[physical >> 12];
        if (page == null) return false;
        if (!page.Overlaps((int)(physical & 0xFFF), size)) return true;
        Drop(physical >> 12);
        return false;
    }

    /// <summary>Whether a range touches a piece of a page that code was decoded from.</summary>
    public bool Overlaps(ulong physical, int size) => _pages[physical >> 12]?.Overlaps((int)(physical & 0xFFF), size) ?? false;

    /// <summary>Whether code of a page was decoded.</summary>
    public bool HasCode(ulong page) => _pages[page] != null;

    /// <summary>Drops the code of a page that somebody else has overwritten. Only between blocks.</summary>
    public void Drop(ulong page)
    {
        if (_pages[page] is not { } code) return;
        code.Retire(&LeaveRetired);
        _pages[page] = null;
        ForgetTranslations();
    }

    /// <summary>Drops everything if the cache is full. Only between blocks.</summary>
    public void Tidy()
    {
        if (_arena.Bytes > MaxBytes) FlushAll();
    }

    /// <summary>Drops all decoded code. Only between blocks.</summary>
    public void FlushAll()
    {
        for (var page = 0; page < _pages.Length; page++)
        {
            if (_pages[page] == null) continue;
            _pages[page] = null;
            if (_cpu.CodeListener?.HasCode((ulong)page) != true) _memory.CodePages.Release((ulong)page, _cpu.Holder);
        }

        _arena.Clear();
        ForgetTranslations();
    }

    public void Dispose()
    {
        _arena.Dispose();
        NativeMemory.AlignedFree(_jump);
        NativeMemory.Free(_copy);
    }

    /// <summary>Stands in a retired op's place: leaves the block before the instruction, which will be decoded anew.</summary>
    private static Op* LeaveRetired(Interpreter cpu, Op* op) => cpu.LeaveBefore(op);

    /// <summary>Encodings that mean something older on a processor without the feature: TZCNT is BSF there, LZCNT is BSR, and hints
    /// (0F 0D, 0F 18–1F, ENDBR64 among them) do nothing.</summary>
    public static DecoderOptions DecoderOptionsFor(CpuModel model) => DecoderOptions.ForceReservedNop | DecoderOptions.NoWbnoinvd
        | (model.Has(Code.Tzcnt_r64_rm64) ? 0 : DecoderOptions.NoMPFX_0FBC)
        | (model.Has(Code.Lzcnt_r64_rm64) ? 0 : DecoderOptions.NoMPFX_0FBD);

    private void SetContext() => _context = (_generation << 8) | (_mode << 1) | (_user ? 1u : 0u);

    private ulong SegmentedRip(ulong rip)
    {
        ref var cs = ref _cpu.State.Segments[SegmentRegisters.Cs];
        if (rip > cs.Limit) _cpu.Raise(ExceptionVector.GeneralProtection, 0);
        return (uint)(rip + cs.Base);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Block* LookupSlow(ulong linear, JumpEntry* entry)
    {
        if (_arena.Bytes > MaxBytes) FlushAll();
        var physical = Translate(linear);
        // Where there is no memory, all bits read as ones, which is no instruction; device memory is not executed either.
        if (_memory.PagePointer(physical) == null) _cpu.RaiseUd();
        var page = _pages[physical >> 12];
        var block = page != null ? page.Find((int)(physical & 0xFFF), _mode) : null;
        // Under an engine that translates, 64-bit code comes here an instruction at a time.
        if (block == null) block = Decode(linear, physical, _bitness == 64 && _cpu.CodeListener != null ? 1 : MaxBlock);
        *entry = new JumpEntry { Linear = linear, Context = _context, Block = block };
        _executedPages |= 1ul << (int)((linear >> 12) & 63);
        if (block->PageOffset + block->Bytes > 4096) _executedPages |= 1ul << (int)(((linear >> 12) + 1) & 63);
        return block;
    }

    /// <summary>A block that ends within the code segment: the one given, or one of its first instruction alone. #GP(0) when even that does not fit.</summary>
    private Block* WithinLimit(Block* block, ulong rip, ulong linear, JumpEntry* entry)
    {
        var limit = _cpu.State.Segments[SegmentRegisters.Cs].Limit;
        if (rip + (ulong)block->Bytes - 1 <= limit) return block;
        if (block->Count > 1)
        {
            block = Decode(linear, Translate(linear), 1);
            *entry = new JumpEntry { Linear = linear, Context = _context, Block = block };
        }

        if (rip + (ulong)block->Bytes - 1 > limit) _cpu.Raise(ExceptionVector.GeneralProtection, 0);
        return block;
    }

    /// <summary>Physical address of code. Raises the faults of an instruction fetch.</summary>
    private ulong Translate(ulong linear)
    {
        if (_cpu.LongModeActive && !Interpreter.IsCanonical(linear)) _cpu.Raise(ExceptionVector.GeneralProtection, 0);
        var translation = PageWalk.Walk(ref _cpu.State, _memory, linear, PageAccess.Execute | (_user ? PageAccess.User : 0));
        if (translation.Faulted) _cpu.RaisePageFault(linear, translation.ErrorCode);
        if (translation.PageBytes > 4096) _cpu.NoteLargePage(linear, translation.PageBytes);
        return translation.PhysicalAddress;
    }

    private Block* Decode(ulong linear, ulong physical, int most = MaxBlock)
    {
        var offset = (int)(physical & 0xFFF);
        var page = PageOf(physical); // before it is read: from now on whoever changes it tells
        new ReadOnlySpan<byte>(_memory.PagePointer(physical) + (offset & ~63), 4096 - (offset & ~63)).CopyTo(new Span<byte>(_copy + (offset & ~63), 4096 - (offset & ~63)));
        var decoder = _bitness switch { 16 => _decoder16, 32 => _decoder32, _ => _decoder64 };
        var block = (Block*)_arena.Reserve(sizeof(Block) + ((MaxBlock + 1) * sizeof(Op)));
        *block = new Block { PageOffset = offset, Mode = _mode };
        var op = Block.FirstOp(block);
        _reader.Reset(_copy + offset, 4096 - offset);
        decoder.IP = (ulong)offset;
        var crossing = false;
        var second = 0ul; // physical address of the next page, if an instruction goes on there
        var ended = false;
        while (block->Count < most && !ended)
        {
            decoder.Decode(out var instruction);
            if (instruction.IsInvalid && decoder.LastError == DecoderError.NoMoreBytes)
            {
                if (block->Count > 0) break;
                instruction = DecodeCrossing(linear, offset, decoder, out second);
                crossing = true;
            }

            ended = BuildOp(instruction, op) || crossing;
            block->Bytes += op->Length;
            block->Count++;
            op++;
        }

        // The op after the last ends a block that does not branch. It is no instruction: Remaining + 1 wraps to 0.
        var end = offset + block->Bytes;
        *op = new Op { Execute = &EndOfBlock, PageOffset = (ushort)end, Remaining = ushort.MaxValue };
        for (var i = 1; i <= block->Count; i++) Block.FirstOp(block)[block->Count - i].Remaining = (ushort)(i - 1);
        _arena.Commit(sizeof(Block) + ((block->Count + 1) * sizeof(Op)));

        if (crossing && end > 4096)
        {
            // Depends on two mappings: only the jump cache, which forgets when one changes, may know it.
            page.MarkCode(offset, 4096 - offset);
            if (_memory.PagePointer(second) != null)
            {
                PageOf(second).MarkCode(0, end - 4096);
                _cpu.NoteCode(second >> 12, CodePageMap.PiecesOf(0, end - 4096), new ReadOnlySpan<byte>(_copy + 4096, 64));
            }
        }
        else
        {
            page.Add(block);
        }

        _cpu.NoteCode(physical >> 12, CodePageMap.PiecesOf(offset, block->Bytes), new ReadOnlySpan<byte>(_copy, 4096));
        return block;
    }

    private bool BuildOp(in Instruction instruction, Op* op)
    {
        if (instruction.IsInvalid || !_cpu.Model.Has(instruction.Code) || (!_protected && instruction.Encoding == EncodingKind.VEX))
        {
            // Iced gives up at the 15th byte of an instruction that goes on; that is #GP, not #UD (SDM vol. 3 §6.15).
            var tooLong = instruction.IsInvalid && instruction.Length >= MaxInstruction;
            *op = new Op { Execute = tooLong ? &TooLong : &InvalidOpcode, PageOffset = (ushort)instruction.IP, Length = (byte)Math.Max(instruction.Length, 1) };
            return true;
        }

        var form = InstructionTable.Instance[instruction.Mnemonic];
        if (!form.IsImplemented)
        {
            *op = new Op { Execute = &Unimplemented, Code = (ushort)instruction.Code, PageOffset = (ushort)instruction.IP, Length = (byte)instruction.Length };
            return true;
        }

        OpBuilder.Build(instruction, op, form, _bitness);
        return (form.Flags & FormFlags.EndsBlock) != 0;
    }

    /// <summary>Decodes an instruction whose bytes go on in the next page. Raises the fetch faults of that page.</summary>
    private Instruction DecodeCrossing(ulong linear, int offset, Decoder decoder, out ulong second)
    {
        second = Translate(NextPage(linear));
        var next = new Span<byte>(_copy + 4096, 64);
        if (_memory.PagePointer(second) != null)
        {
            PageOf(second);
            new ReadOnlySpan<byte>(_memory.PagePointer(second), next.Length).CopyTo(next);
        }
        else
        {
            next.Fill(0xFF);
        }

        _reader.Reset(_copy + offset, MaxInstruction);
        decoder.IP = (ulong)offset;
        return decoder.Decode();
    }

    /// <summary>The start of the page behind an address, with the wrap-around of the mode.</summary>
    private ulong NextPage(ulong linear)
    {
        var next = (linear & ~0xFFFul) + 0x1000;
        return _bitness == 64 ? next : (uint)next;
    }

    private CodePage PageOf(ulong physical)
    {
        ref var page = ref _pages[physical >> 12];
        if (page != null) return page;
        page = new CodePage();
        _cpu.MarkCodePage(physical >> 12);
        return page;
    }

    private static Op* EndOfBlock(Interpreter cpu, Op* op)
    {
        cpu.State.Rip = (cpu.Context->RipPage + op->PageOffset) & cpu.RipMask;
        return null;
    }

    private static Op* InvalidOpcode(Interpreter cpu, Op* op)
    {
        cpu.Raise(ExceptionVector.InvalidOpcode, 0);
        return null;
    }

    private static Op* TooLong(Interpreter cpu, Op* op)
    {
        cpu.RaiseGp();
        return null;
    }

    private static Op* Unimplemented(Interpreter cpu, Op* op) =>
        throw new UnimplementedException($"The guest executes {(Code)op->Code} at 0x{cpu.RipOf(op):x}, which the interpreter does not implement.");

    [StructLayout(LayoutKind.Sequential)]
    private struct JumpEntry
    {
        public ulong Linear, Context;
        public Block* Block;
        public ulong Unused;
    }
}
