using Holon.Interpreter;
using Holon.Translator.Blocks;
using Holon.Translator.Guest;
using Holon.Translator.Host;
using Iced.Intel;

namespace Holon.Translator.Emit;

// Memory operands: the linear address, the look into the TLB, and what happens when it fails.
internal sealed unsafe partial class BlockEmitter
{
    private Mem _operand;
    private bool _isHot;

    /// <summary>The host register with a guest register's value, loaded into a scratch register when it has no home.</summary>
    private int Value(int guest, int scratch)
    {
        var home = Homes.Of(guest);
        if (home != Homes.InContext) return home;
        if (scratch == Homes.Scratch)
        {
            if (_scratchGuest == guest) return scratch;
            _scratchGuest = guest;
        }

        _asm.Load(scratch, Mem.Context(Offsets.Gpr(guest)));
        return scratch;
    }

    private static int Number(Register register) => register.GetNumber();

    /// <summary>Whether the address of a memory operand is a constant, and which.</summary>
    private static bool IsConstant(in Instruction iced, out ulong linear)
    {
        linear = iced.MemoryDisplacement64;
        if (iced.MemorySegment is Register.FS or Register.GS) return false;
        if (iced.MemoryBase == Register.RIP) return true;
        return iced.MemoryBase == Register.None && iced.MemoryIndex == Register.None && iced.MemoryDisplSize == 8;
    }

    /// <summary>Puts the linear address of the memory operand into the address register. Changes no flags.</summary>
    private void EmitAddress(in Instruction iced)
    {
        EmitOffset(iced, Homes.Address);
        if (iced.MemorySegment is Register.FS or Register.GS)
        {
            _scratchGuest = NoGuest;
            _asm.Load(Homes.Scratch, Mem.Context(iced.MemorySegment == Register.FS ? Offsets.FsBase : Offsets.GsBase));
            _asm.Lea(Homes.Address, new Mem(Homes.Address, Homes.Scratch, 0, 0, false));
        }
    }

    /// <summary>Puts the offset of the memory operand, which LEA gives, into a register.</summary>
    private void EmitOffset(in Instruction iced, int to)
    {
        if (iced.MemoryBase is Register.RIP or Register.EIP || (iced.MemoryBase == Register.None && iced.MemoryIndex == Register.None))
        {
            _asm.MovImmediate(to, iced.MemoryBase == Register.EIP ? (uint)iced.MemoryDisplacement64 : iced.MemoryDisplacement64);
            return;
        }

        var narrow = iced.MemoryBase.IsGPR32() || iced.MemoryIndex.IsGPR32();

        var @base = iced.MemoryBase == Register.None ? -1 : Value(Number(iced.MemoryBase), Homes.Address);
        var index = iced.MemoryIndex == Register.None ? -1 : Value(Number(iced.MemoryIndex), Homes.Scratch);
        var displacement = (int)iced.MemoryDisplacement64;
        if (narrow) _asm.Lea32(to, new Mem(@base, index, Scale(iced), displacement, false));
        else if (index < 0 && displacement == 0) MovUnlessSame(to, @base);
        else _asm.Lea(to, new Mem(@base, index, Scale(iced), displacement, false));
    }

    private void MovUnlessSame(int to, int from)
    {
        if (to != from) _asm.Mov(to, from);
    }

    /// <summary>Whether an operand is on the stack, as code is usually written.</summary>
    private static bool IsOnStack(in Instruction iced) => iced.MemorySegment is not (Register.FS or Register.GS)
        && (iced.MemoryBase == Register.RSP || (iced.MemoryBase == Register.RBP && (long)iced.MemoryDisplacement64 < 0));

    /// <summary>Exchanges the memory operand for the host's: afterwards <see cref="_operand"/> is where the bytes are. Changes flags and scratch.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="write">It writes.</param>
    /// <param name="aligned">The address must be a multiple of the size.</param>
    /// <param name="plain">The operand may name no register but the address register.</param>
    private void EmitAccess(ref GuestInstruction instruction, int size, bool write, bool aligned, bool plain = false)
    {
        ref var iced = ref instruction.Iced;
        LoseHostFlags(instruction.LiveBefore);
        if (IsConstant(iced, out var linear))
        {
            EmitConstantLookup(ref instruction, linear, size, write, aligned);
            return;
        }

        // In hot code the entry for the stack is the stack pointer's own: groups rely on it.
        var isStack = _isHot ? iced.MemoryBase == Register.RSP && iced.MemoryIndex == Register.None && IsOnStack(iced) : IsOnStack(iced);
        var page = isStack ? KnownPage.Stack(TranslationMode.TlbSet(_mode)) : NextSite(instruction, write);
        var direct = DirectBase(iced);
        if (page is { } known)
        {
            if (direct >= 0 && !plain) EmitBasedLookup(ref instruction, known, direct, size, write, aligned);
            else EmitKnownLookup(ref instruction, known, size, write, aligned);
            return;
        }

        if (direct >= 0 && iced.MemoryIndex == Register.None && !plain)
        {
            EmitBasedLookup(ref instruction, direct, (int)iced.MemoryDisplacement64, size, write, aligned);
        }
        else
        {
            EmitAddress(iced);
            EmitLookup(ref instruction, size, write, aligned);
        }
    }

    /// <summary>The host register with the base of a 64-bit operand that has nothing but base, index and displacement in host registers; or -1.</summary>
    private static int DirectBase(in Instruction iced)
    {
        if (!iced.MemoryBase.IsGPR64() || iced.MemorySegment is Register.FS or Register.GS) return -1;
        if (iced.MemoryIndex != Register.None && (!iced.MemoryIndex.IsGPR64() || Homes.Of(Number(iced.MemoryIndex)) == Homes.InContext)) return -1;
        var home = Homes.Of(Number(iced.MemoryBase));
        return home == Homes.InContext ? -1 : home;
    }

    private static int Scale(in Instruction iced) => iced.MemoryIndexScale switch { 2 => 1, 4 => 2, 8 => 3, _ => 0 };

    /// <summary>Looks an address up in the page that is known: for an operand with its base, and perhaps an index, in host registers, which it keeps naming.</summary>
    private void EmitBasedLookup(ref GuestInstruction instruction, in KnownPage page, int @base, int size, bool write, bool aligned)
    {
        ref var iced = ref instruction.Iced;
        var displacement = (int)iced.MemoryDisplacement64;
        var index = iced.MemoryIndex == Register.None ? -1 : Homes.Of(Number(iced.MemoryIndex));
        var from = new Mem(@base, index, Scale(iced), displacement, false);
        if (index < 0 && displacement == 0) _asm.Mov(Homes.Address, @base);
        else _asm.Lea(Homes.Address, from);
        var fail = CheckKnown(page, size, aligned, Homes.Address, out var misaligned);
        _asm.Load(Homes.Address, Mem.Context(page.Addend));
        var back = _asm.Position;
        if (index >= 0) _asm.Alu(AluOp.Add, Homes.Address, @base); // no room for three registers
        _operand = index >= 0 ? new Mem(Homes.Address, index, Scale(iced), displacement, false) : new Mem(Homes.Address, @base, 0, displacement, false);
        Defer(new Deferred(DeferredKind.KnownPageMiss, fail, back, iced.IP, MissInfo(size, write, aligned), 0, 0) { Page = page, Operand = from, Second = misaligned });
    }

    /// <summary>The same for any operand; afterwards the address register points to the bytes.</summary>
    private void EmitKnownLookup(ref GuestInstruction instruction, in KnownPage page, int size, bool write, bool aligned)
    {
        EmitAddress(instruction.Iced);
        _scratchGuest = NoGuest;
        _asm.Mov(Homes.Scratch, Homes.Address);
        var fail = CheckKnown(page, size, aligned, Homes.Scratch, out var misaligned);
        _asm.Alu(AluOp.Add, Homes.Address, Mem.Context(page.Addend));
        _operand = Mem.At(Homes.Address);
        Defer(new Deferred(DeferredKind.KnownPageMiss, fail, _asm.Position, instruction.Iced.IP, MissInfo(size, write, aligned), 0, 0) { Page = page, Second = misaligned });
    }

    /// <summary>Looks a base with a displacement up in the TLB; the operand keeps naming the base, whose user so waits for one addition less.</summary>
    private void EmitBasedLookup(ref GuestInstruction instruction, int @base, int displacement, int size, bool write, bool aligned)
    {
        var operand = Mem.At(@base, displacement);
        if (displacement != 0) _asm.Lea(Homes.Address, operand);
        var fail = EmitThroughTlb(displacement != 0 ? Homes.Address : @base, size, write, aligned, out var tag, toAddend: true);
        _operand = new Mem(Homes.Address, @base, 0, displacement, false);
        Defer(new Deferred(DeferredKind.Miss, fail, _asm.Position, instruction.Iced.IP, MissInfo(size, write, aligned), tag, 0) { Operand = operand });
    }

    /// <summary>Looks the address register up in the TLB.</summary>
    private void EmitLookup(ref GuestInstruction instruction, int size, bool write, bool aligned, int from = Homes.Address, bool repeats = false)
    {
        var fail = EmitThroughTlb(from, size, write, aligned, out var tag);
        _operand = Mem.At(Homes.Address);
        var info = MissInfo(size, write, aligned) | (repeats ? (uint)Stubs.MissRepeats : 0);
        Defer(new Deferred(DeferredKind.Miss, fail, _asm.Position, instruction.Iced.IP, info, tag, 0));
    }

    /// <summary>
    /// The way through the TLB: exchanges the address in a register for the host's, in the address register, or for what must be added to get it. Returns the
    /// jump of those that fail.
    /// </summary>
    private byte* EmitThroughTlb(int from, int size, bool write, bool aligned, out int tag, bool toAddend = false)
    {
        var set = TranslationMode.TlbSet(_mode);
        tag = Offsets.TlbField(set, write ? Offsets.WriteTag : Offsets.ReadTag);
        _scratchGuest = NoGuest;
        MovUnlessSame(Homes.Address, from);
        _asm.Rorx32(Homes.Scratch, from, 7);
        _asm.AluImmediate(false, AluOp.And, Homes.Scratch, Stubs.TlbIndexMask);
        _asm.Alu(AluOp.Xor, Homes.Address, Mem.Context(tag, Homes.Scratch, 0)); // the offset in the page, if it is the page
        var fail = Check(size, aligned);
        if (toAddend) _asm.Load(Homes.Address, Mem.Context(Offsets.TlbField(set, Offsets.Addend), Homes.Scratch, 0));
        else _asm.Alu(AluOp.Add, Homes.Address, Mem.Context(Offsets.TlbField(set, Offsets.Host), Homes.Scratch, 0));
        return fail;
    }

    /// <summary>Looks a constant address up: its entry is known, and where in the page it is.</summary>
    private void EmitConstantLookup(ref GuestInstruction instruction, ulong linear, int size, bool write, bool aligned)
    {
        var set = TranslationMode.TlbSet(_mode);
        var entry = (int)(linear >> 7) & Stubs.TlbIndexMask;
        var offset = (int)(linear & 0xFFF);
        if (offset + size > 4096 || (aligned && (offset & (size - 1)) != 0))
        {
            _asm.MovImmediate(Homes.Address, linear);
            EmitLookup(ref instruction, size, write, aligned);
            return;
        }

        var page = linear & ~0xFFFul;
        var tag = Mem.Context(Offsets.TlbField(set, write ? Offsets.WriteTag : Offsets.ReadTag) + entry);
        if ((long)page == (int)page)
        {
            _asm.CompareImmediate(tag, (int)page);
        }
        else
        {
            _asm.MovImmediate(Homes.Address, page);
            _asm.Alu(AluOp.Cmp, Homes.Address, tag);
        }

        var fail = _asm.Jcc(Condition.NotEqual);
        _asm.Load(Homes.Address, Mem.Context(Offsets.TlbField(set, Offsets.Host) + entry));
        _operand = Mem.At(Homes.Address, offset);
        Defer(new Deferred(DeferredKind.ConstantMiss, fail, _asm.Position, instruction.Iced.IP, MissInfo(size, write, aligned), offset, linear));
    }

    /// <summary>Looks an address on the stack up in the entry for the stack: of the stack pointer and a distance.</summary>
    private void EmitStackLookup(ref GuestInstruction instruction, int size, bool write, int displacement = 0, int register = Homes.StackPointer)
    {
        var page = KnownPage.Stack(TranslationMode.TlbSet(_mode));
        var from = Mem.At(register, displacement);
        if (displacement == 0) _asm.Mov(Homes.Address, register);
        else _asm.Lea(Homes.Address, from);
        _asm.Alu(AluOp.Xor, Homes.Address, Mem.Context(page.Tag));
        var fail = Check(size, false);
        _asm.Load(Homes.Address, Mem.Context(page.Addend));
        _operand = new Mem(Homes.Address, register, 0, displacement, false);
        Defer(new Deferred(DeferredKind.KnownPageMiss, fail, _asm.Position, instruction.Iced.IP, MissInfo(size, write, false), 0, 0) { Page = page, Operand = from });
    }

    /// <summary>Compares the offset in the page: one comparison catches another page, a page boundary inside and a misaligned operand that must not be.</summary>
    private byte* Check(int size, bool aligned, int register = Homes.Address)
    {
        if (aligned)
        {
            _asm.TestImmediate(register, ~0xFFF | (size - 1));
            return _asm.Jcc(Condition.NotEqual);
        }

        _asm.AluImmediate(true, AluOp.Cmp, register, 4096 - size);
        return _asm.Jcc(Condition.Above);
    }

    /// <summary>Compares the linear address in a register with a page, or with a window; the register is changed.</summary>
    /// <param name="page">What is known.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="aligned">The address must be a multiple of the size.</param>
    /// <param name="register">The address.</param>
    /// <param name="misaligned">Another jump of addresses that fail, or null.</param>
    private byte* CheckKnown(in KnownPage page, int size, bool aligned, int register, out byte* misaligned)
    {
        misaligned = null;
        if (!page.IsWindow)
        {
            _asm.Alu(AluOp.Xor, register, Mem.Context(page.Tag));
            return Check(size, aligned, register);
        }

        _asm.Alu(AluOp.Sub, register, Mem.Context(page.Tag));
        _asm.Alu(AluOp.Cmp, register, Mem.Context(page.Limit));
        var fail = _asm.Jcc(Condition.AboveOrEqual);
        if (!aligned) return fail;
        _asm.TestImmediate(register, size - 1);
        misaligned = _asm.Jcc(Condition.NotEqual);
        return fail;
    }

    private static uint MissInfo(int size, bool write, bool aligned) => (uint)size | (write ? (uint)Stubs.MissWrites : 0) | (aligned ? (uint)Stubs.MissAligned : 0);

    /// <summary>A site or a window for an access of a hot block; null for others.</summary>
    private KnownPage? NextSite(in GuestInstruction instruction, bool write)
    {
        if (!_isHot) return null;
        var site = _hot.NextSite(_block, instruction.Iced.IP, write);
        return site < 0 ? null : site >= HotCode.FirstWindow ? KnownPage.Window(site) : KnownPage.Site(site);
    }

    /// <summary>Where a page is remembered that need not be looked for: that of the stack, or that of a site; or several: those of a window.</summary>
    /// <param name="Number">Of the site, or of the window, from <see cref="HotCode.FirstWindow"/> on; -1 for the stack.</param>
    /// <param name="Tag">Offset of the tag in the context, or of where the window begins.</param>
    /// <param name="Addend">Offset of what makes a linear address one of the host.</param>
    private readonly record struct KnownPage(int Number, int Tag, int Addend)
    {
        /// <summary>None.</summary>
        public static KnownPage None => new(-1, 0, 0);

        public static KnownPage Stack(int set) => new(-1, Offsets.StackField(set, Offsets.WriteTag), Offsets.StackField(set, Offsets.Addend));

        public static KnownPage Window(int number) =>
            new(number, Offsets.WindowStart + ((number - HotCode.FirstWindow) * Tlb.WindowBytes), Offsets.WindowAddend + ((number - HotCode.FirstWindow) * Tlb.WindowBytes));

        /// <summary>It is a window's.</summary>
        public bool IsWindow => Number >= HotCode.FirstWindow;

        /// <summary>Offset of a window's limit.</summary>
        public int Limit => Tag + Offsets.WindowLimit - Offsets.WindowStart;

        /// <summary>What stubs are told of it.</summary>
        public uint MissInfo => Number < 0 ? 0 : (uint)(IsWindow ? Number - HotCode.FirstWindow : Number) << Stubs.MissSiteShift;

        public static KnownPage Site(int number) => new(number, Offsets.SiteTag + (number * Tlb.SiteBytes), Offsets.SiteAddend + (number * Tlb.SiteBytes));
    }
}
