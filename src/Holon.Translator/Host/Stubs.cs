using Holon.Interpreter;
using Holon.Translator.Blocks;

namespace Holon.Translator.Host;

/// <summary>
/// The code that all translated blocks share: entry, exits, and calls into managed code. It lies at the start of the code memory and is never dropped.
/// </summary>
internal sealed unsafe partial class Stubs
{
    /// <summary>The host's stack below the entry frame: return addresses of guest calls, two words each.</summary>
    public const int ShadowBytes = 64 << 10;

    // System V: RBX, RBP and R12–R15 belong to the caller.
    private static ReadOnlySpan<byte> CalleeSaved => [3, 5, 12, 13, 14, 15];

    private const int Rax = 0, HostStackPointer = 4;

    private readonly HostAssembler _asm;

    /// <summary>Writes the stubs at the assembler's position.</summary>
    public Stubs(HostAssembler assembler)
    {
        _asm = assembler;
        EmitEpilogue();
        EmitExit();
        EmitNoReturn();
        EmitEntry();
        EmitMiss();
        EmitX87();
        EmitWindowOwner();
        for (var set = 0; set < 3; set++)
        {
            Refill[set] = EmitRefill(set);
            StackMiss[set] = EmitStackMiss(set);
        }

        for (var kind = 0; kind < Tlb.SiteKinds; kind++)
        {
            SiteMiss[kind] = EmitSiteMiss(kind, group: false);
            GroupMiss[kind] = EmitSiteMiss(kind, group: true);
            WindowMiss[kind] = EmitWindowMiss(kind);
        }

        WindowGroupMiss = _asm.Position;
        EmitCountWindowMiss();
        _asm.Ret();

        for (var mode = 0; mode < TranslationMode.Count; mode++) EmitFind(mode);
        for (var mode = 0; mode < TranslationMode.Count; mode++) Jump[mode] = EmitJump(mode);
        for (var mode = 0; mode < TranslationMode.Count; mode++) ReturnMiss[mode] = EmitReturnMiss(mode);
    }

    /// <summary>void Enter(code): runs translated code until it exits.</summary>
    public byte* Enter { get; private set; }

    /// <summary>Jumped to with RIP stored and the exit's value in the scratch register; every register is the guest's.</summary>
    public byte* Exit { get; private set; }

    /// <summary>Called with RIP stored, a linear address in the address register and size and kind in scratch: host address in the address register.</summary>
    public byte* Miss { get; private set; }

    /// <summary>Called to make the host's x87 state the guest's.</summary>
    public byte* LoadX87 { get; private set; }

    /// <summary>Like <see cref="Miss"/>, by TLB set: for an access that looked only at the entry for the stack.</summary>
    public byte*[] StackMiss { get; } = new byte*[3];

    /// <summary>Like <see cref="Miss"/>, by kind of site: for an access whose site has another page.</summary>
    public byte*[] SiteMiss { get; } = new byte*[Tlb.SiteKinds];

    /// <summary>The same for a group of accesses: leaves zero in the address register when the TLB does not know the page either.</summary>
    public byte*[] GroupMiss { get; } = new byte*[Tlb.SiteKinds];

    /// <summary>Like <see cref="Miss"/>, by kind of site: for an access that a window did not let through.</summary>
    public byte*[] WindowMiss { get; } = new byte*[Tlb.SiteKinds];

    /// <summary>For a group of accesses that a window did not let through: only notes it.</summary>
    public byte* WindowGroupMiss { get; private set; }

    /// <summary>By mode: jumped to with a linear address in the address register and the status flags saved: goes on there.</summary>
    public byte*[] Jump { get; } = new byte*[TranslationMode.Count];

    /// <summary>By mode: like <see cref="Jump"/>, for a return that its call does not match.</summary>
    public byte*[] ReturnMiss { get; } = new byte*[TranslationMode.Count];

    private byte* Epilogue { get; set; }

    private byte* NoReturn { get; set; }

    private byte* WindowOwner { get; set; }

    /// <summary>Which bit of a miss says that it writes; the size is below.</summary>
    public const int MissWrites = 0x100;

    /// <summary>Which bit of a miss says that the operand must be aligned.</summary>
    public const int MissAligned = 0x200;

    /// <summary>Where the number of the site, or of the window, begins.</summary>
    public const int MissSiteShift = 16;

    /// <summary>Which bit of a miss says that as many operands follow each other as <see cref="TranslatorContext.Temporary2"/> says, in one page.</summary>
    public const int MissRepeats = 0x400;

    /// <summary>Results of the miss handler below this are <see cref="ExitKind"/>; above are host addresses.</summary>
    public const int LowestAddress = 4096;

    private void EmitEntry()
    {
        Enter = _asm.Position;
        foreach (var register in CalleeSaved) _asm.Push(register);
        // Six pushes and the return address: RSP is 8 below a multiple of 16 here, and code expects it at one.
        _asm.AluImmediate(true, AluOp.Sub, 4, 8);
        _asm.Store(Mem.Context(Offsets.HostStack), 4);
        _asm.Mxcsr(3, Offsets.HostMxcsr);
        // A pair that matches no return but one to an address that is not canonical; and that return leads out, to where such an address is refused.
        _asm.MovImmediate(0, 0x5555_0000_0000_0000);
        _asm.Push(0);
        _asm.LeaHere(0, NoReturn);
        _asm.Push(0);
        _asm.Store(Mem.Context(Offsets.ShadowBase), 4);
        _asm.Store(Mem.Context(Offsets.UserShadowTop), 4);
        _asm.Lea(0, Mem.At(4, -ShadowBytes));
        _asm.Store(Mem.Context(Offsets.ShadowLimit), 0);
        _asm.Store(Mem.Context(Offsets.Temporary), 7);
        LoadGuest();
        _asm.JmpThrough(Mem.Context(Offsets.Temporary));
    }

    private void EmitExit()
    {
        Exit = _asm.Position;
        SaveGuest();
        _asm.Store32(Mem.Context(Offsets.ExitValue), Homes.Scratch);
        _asm.JmpTo(Epilogue);
    }

    private void EmitNoReturn()
    {
        NoReturn = _asm.Position;
        _asm.Store(Mem.Context(Offsets.Rip), Homes.Address);
        _asm.MovImmediate(Homes.Scratch, (uint)ExitKind.Lookup);
        _asm.JmpTo(Exit);
    }

    private void EmitEpilogue()
    {
        Epilogue = _asm.Position;
        _asm.Load(4, Mem.Context(Offsets.HostStack));
        _asm.CmpImmediate8(Mem.Context(Offsets.X87Live), 0);
        var skip = _asm.Jcc(Condition.Equal);
        _asm.RegMem(false, 0xDD, 6, Mem.Context(Offsets.X87Image)); // FNSAVE, which also leaves the unit as managed code expects it
        _asm.Land(skip);
        _asm.AluImmediate(true, AluOp.Add, 4, 8);
        for (var i = CalleeSaved.Length - 1; i >= 0; i--) _asm.Pop(CalleeSaved[i]);
        _asm.Ret();
    }

    private void EmitMiss()
    {
        Miss = _asm.Position;
        EmitCall(Offsets.MissHandler);
        _asm.AluImmediate(true, AluOp.Cmp, 0, LowestAddress);
        var found = _asm.Jcc(Condition.AboveOrEqual);
        _asm.Store32(Mem.Context(Offsets.ExitValue), Rax); // guest registers are as managed code left them
        _asm.JmpTo(Epilogue);
        _asm.Land(found);
        _asm.Mov(Homes.Address, 0);
        LoadGuest();
        _asm.Ret();
    }

    private void EmitX87()
    {
        LoadX87 = _asm.Position;
        EmitCall(Offsets.X87Handler);
        _asm.RegMem(false, 0xDD, 4, Mem.Context(Offsets.X87Image)); // FRSTOR
        LoadGuest();
        _asm.Ret();
    }

    /// <summary>Calls managed code with the context, the address register and scratch. The caller's call and 8 more bytes keep RSP aligned.</summary>
    private void EmitCall(int handler)
    {
        SaveGuest();
        _asm.Load(7, Mem.Context(Offsets.Self));
        _asm.Mov(6, Homes.Address);
        _asm.Mov32(2, Homes.Scratch);
        _asm.AluImmediate(true, AluOp.Sub, 4, 8);
        _asm.CallThrough(Mem.Context(handler));
        _asm.AluImmediate(true, AluOp.Add, 4, 8);
    }

    /// <summary>
    /// Keeps three registers on the stack; puts into them the TLB entry of the address register, the offset behind the bytes, and their number. Jumps away
    /// when the entry is another page's, or when they go on in the next one.
    /// </summary>
    private byte* EmitFindEntry(int entry, int offset, int size, int tag, out byte* crosses)
    {
        _asm.Push(entry);
        _asm.Push(offset);
        _asm.Push(size);
        _asm.Mov32(entry, Homes.Address);
        _asm.Shift(false, 5, entry, 7);
        _asm.AluImmediate(false, AluOp.And, entry, TlbIndexMask);
        _asm.Mov(offset, Homes.Address);
        _asm.Alu(AluOp.Xor, offset, Mem.Context(tag, entry, 0));
        _asm.RegReg(false, 0x0FB6, size, Homes.Scratch); // MOVZX
        return EmitWithin(offset, size, out crosses);
    }

    /// <summary>Undoes what <see cref="EmitFindEntry"/> did to registers.</summary>
    private void TakeEntryBack(int entry, int offset, int size)
    {
        _asm.Pop(size);
        _asm.Pop(offset);
        _asm.Pop(entry);
    }

    private byte* EmitStackMiss(int set)
    {
        var start = _asm.Position;
        const int a = 0, c = 1, d = 2;
        var other = EmitFindEntry(a, c, d, Offsets.TlbField(set, Offsets.WriteTag), out var crosses);
        var misaligned = EmitAlignmentCheck(c, d);
        _asm.Load(c, Mem.Context(Offsets.TlbField(set, Offsets.WriteTag), a, 0));
        _asm.Store(Mem.Context(Offsets.StackField(set, Offsets.WriteTag)), c);
        _asm.Load(c, Mem.Context(Offsets.TlbField(set, Offsets.Addend), a, 0));
        _asm.Store(Mem.Context(Offsets.StackField(set, Offsets.Addend)), c);
        var known = _asm.Jmp();
        _asm.Land(other);
        _asm.Land(crosses);
        // Not writable directly; a read may do all the same.
        _asm.TestImmediate(Homes.Scratch, MissWrites);
        var writes = _asm.Jcc(Condition.NotEqual);
        _asm.Mov(c, Homes.Address);
        _asm.Alu(AluOp.Xor, c, Mem.Context(Offsets.TlbField(set, Offsets.ReadTag), a, 0));
        var unknown = EmitWithin(c, d, out crosses);
        var misread = EmitAlignmentCheck(c, d);
        _asm.Load(c, Mem.Context(Offsets.TlbField(set, Offsets.Addend), a, 0));
        _asm.Land(known);
        _asm.Alu(AluOp.Add, Homes.Address, c);
        TakeEntryBack(a, c, d);
        _asm.Ret();
        _asm.Land(misaligned);
        _asm.Land(misread);
        _asm.Land(writes);
        _asm.Land(unknown);
        _asm.Land(crosses);
        TakeEntryBack(a, c, d);
        _asm.JmpTo(Refill[set]);
        return start;
    }

    /// <summary>Lets a site have the page that the TLB knows, and counts that it had another one.</summary>
    private byte* EmitSiteMiss(int kind, bool group)
    {
        var set = kind >> 1;
        var tag = Offsets.TlbField(set, (kind & 1) != 0 ? Offsets.WriteTag : Offsets.ReadTag);
        var start = _asm.Position;
        const int a = 0, c = 1, d = 2;
        var other = EmitFindEntry(a, c, d, tag, out var crosses);
        var misaligned = group ? null : EmitAlignmentCheck(c, d);

        const int numberToBytes = 4; // a site has 16 bytes
        _asm.Mov32(d, Homes.Scratch);
        _asm.Shift(false, 5, d, MissSiteShift);
        _asm.Shift(false, 4, d, numberToBytes);
        _asm.Load(c, Mem.Context(Offsets.SiteTag, d, 0));
        _asm.Alu(AluOp.Add, c, c); // nothing is left of the tag that stands for none
        var used = _asm.Jcc(Condition.NotEqual);
        _asm.Load32(c, Mem.Context(Offsets.UsedSites));
        _asm.Store32(Mem.Context(Offsets.UsedSiteList, c, 2), d);
        _asm.AluImmediate32(AluOp.Add, Mem.Context(Offsets.UsedSites), 1);
        _asm.Land(used);
        _asm.Shift(false, 5, d, 2);
        _asm.AluImmediate32(AluOp.Add, Mem.Context(Offsets.SiteChanges, d, 0), 1);
        _asm.Shift(false, 4, d, 2);
        _asm.Load(c, Mem.Context(tag, a, 0));
        _asm.Store(Mem.Context(Offsets.SiteTag, d, 0), c);
        _asm.Load(c, Mem.Context(Offsets.TlbField(set, Offsets.Addend), a, 0));
        _asm.Store(Mem.Context(Offsets.SiteAddend, d, 0), c);
        _asm.Alu(AluOp.Add, Homes.Address, c);
        TakeEntryBack(a, c, d);
        _asm.Ret();
        _asm.Land(other);
        _asm.Land(crosses);
        if (misaligned != null) _asm.Land(misaligned);
        TakeEntryBack(a, c, d);
        if (group)
        {
            _asm.MovImmediate(Homes.Address, 0);
            _asm.Ret();
        }
        else
        {
            _asm.JmpTo(Refill[set]);
        }

        return start;
    }

    /// <summary>Jumps away when the address must be aligned and is not.</summary>
    private byte* EmitAlignmentCheck(int scratch, int size)
    {
        _asm.TestImmediate(Homes.Scratch, MissAligned);
        var any = _asm.Jcc(Condition.Equal);
        _asm.Lea32(scratch, Mem.At(size, -1));
        _asm.Test(scratch, Homes.Address);
        var misaligned = _asm.Jcc(Condition.NotEqual);
        _asm.Land(any);
        return misaligned;
    }

    /// <summary>Asks the owner of windows when there were enough failures, then looks into the TLB.</summary>
    private byte* EmitWindowMiss(int kind)
    {
        var set = kind >> 1;
        var start = _asm.Position;
        const int a = 0, c = 1, d = 2;
        EmitCountWindowMiss();
        var other = EmitFindEntry(a, c, d, Offsets.TlbField(set, (kind & 1) != 0 ? Offsets.WriteTag : Offsets.ReadTag), out var crosses);
        var misaligned = EmitAlignmentCheck(c, d);
        _asm.Alu(AluOp.Add, Homes.Address, Mem.Context(Offsets.TlbField(set, Offsets.Addend), a, 0));
        TakeEntryBack(a, c, d);
        _asm.Ret();
        _asm.Land(other);
        _asm.Land(crosses);
        _asm.Land(misaligned);
        TakeEntryBack(a, c, d);
        _asm.JmpTo(Refill[set]);
        return start;
    }

    private void EmitCountWindowMiss()
    {
        const int numberToBytes = 5; // a window has 32 bytes
        _asm.Push(Homes.Scratch);
        _asm.Shift(false, 5, Homes.Scratch, MissSiteShift);
        _asm.Shift(false, 4, Homes.Scratch, numberToBytes);
        _asm.AluImmediate32(AluOp.Sub, Mem.Context(Offsets.WindowLeft, Homes.Scratch, 0), 1);
        var enough = _asm.Jcc(Condition.AboveOrEqual);
        _asm.Load(Homes.Scratch, Mem.At(HostStackPointer));
        _asm.CallTo(WindowOwner);
        _asm.Land(enough);
        _asm.Pop(Homes.Scratch);
    }

    private void EmitWindowOwner()
    {
        WindowOwner = _asm.Position;
        EmitCall(Offsets.WindowHandler);
        _asm.Mov(Homes.Address, Rax);
        LoadGuest();
        _asm.Ret();
    }

    /// <summary>Jumps away unless an offset is within a page, and with it the bytes behind it.</summary>
    private byte* EmitWithin(int offset, int size, out byte* crosses)
    {
        _asm.AluImmediate(true, AluOp.Cmp, offset, 4095);
        var other = _asm.Jcc(Condition.Above);
        _asm.Alu(AluOp.Add, offset, size);
        _asm.AluImmediate(true, AluOp.Cmp, offset, 4096);
        crosses = _asm.Jcc(Condition.Above);
        return other;
    }

    private byte* EmitJump(int mode)
    {
        var start = _asm.Position;
        _asm.JumpCacheIndex(Homes.Scratch, Homes.Address);
        _asm.Alu(AluOp.Xor, Homes.Address, Mem.Context(Offsets.Mix + (8 * mode)));
        _asm.Alu(AluOp.Cmp, Homes.Address, Mem.Context(Offsets.JumpTags(mode), Homes.Scratch, 3));
        var miss = _asm.Jcc(Condition.NotEqual);
        _asm.JmpThrough(Mem.Context(Offsets.JumpTargets(mode), Homes.Scratch, 3));
        _asm.Land(miss);
        _asm.Alu(AluOp.Xor, Homes.Address, Mem.Context(Offsets.Mix + (8 * mode)));
        _asm.MovImmediate(Homes.Scratch, 0);
        _asm.JmpTo(Find[mode]);
        return start;
    }

    private byte* EmitReturnMiss(int mode)
    {
        var start = _asm.Position;
        _asm.Load(4, Mem.Context(Offsets.ShadowBase)); // what is on the stack belongs to calls that do not return this way
        _asm.JmpTo(Jump[mode]);
        return start;
    }

    private void SaveGuest()
    {
        foreach (var guest in Homes.InRegisters) _asm.Store(Mem.Context(Offsets.Gpr(guest)), Homes.Of(guest));
        for (var i = 0; i < 16; i++) _asm.StoreYmm(i, Offsets.Ymm + (32 * i));
        _asm.Mxcsr(3, Offsets.Mxcsr);
        _asm.Mxcsr(2, Offsets.HostMxcsr);
        _asm.Vzeroupper();
    }

    private void LoadGuest()
    {
        _asm.Mxcsr(2, Offsets.Mxcsr);
        // Upper halves that are zero must be known to be: else each SSE instruction, which keeps them, waits for the one before it that wrote the
        // register, and loops run up to four times slower. Loads of 16 bytes say so; loads of 32 do not, whatever they load.
        _asm.LoadXmm(0, Offsets.Ymm + 16);
        for (var i = 1; i < 16; i++) _asm.OrXmm0(Offsets.Ymm + (32 * i) + 16);
        _asm.TestXmm0();
        var used = _asm.Jcc(Condition.NotEqual);
        for (var i = 0; i < 16; i++) _asm.LoadXmm(i, Offsets.Ymm + (32 * i));
        var loaded = _asm.Jmp();
        _asm.Land(used);
        for (var i = 0; i < 16; i++) _asm.LoadYmm(i, Offsets.Ymm + (32 * i));
        _asm.Land(loaded);
        foreach (var guest in Homes.InRegisters) _asm.Load(Homes.Of(guest), Mem.Context(Offsets.Gpr(guest)));
    }

    /// <summary>What is left of a linear address shifted right by 7: the entry's number times its size.</summary>
    public const int TlbIndexMask = (Tlb.Entries - 1) * Tlb.EntryBytes;
}

/// <summary>Conditions by their number in Jcc, SETcc and CMOVcc.</summary>
internal static class Condition
{
    public const int Below = 2, AboveOrEqual = 3, Equal = 4, NotEqual = 5, BelowOrEqual = 6, Above = 7, Sign = 8;
}
