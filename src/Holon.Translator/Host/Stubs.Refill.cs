using Holon.Interpreter;

namespace Holon.Translator.Host;

// A miss of the TLB without managed code: walks 4-level page tables (SDM vol. 3 §4.5) as PageWalk does, and fills the entry as Tlb.Fill does. Whatever is not
// the usual case - faults, accessed and dirty bits to be set, devices, read-only memory, code being overwritten - is left to managed code, with nothing changed.
internal sealed unsafe partial class Stubs
{
    private const int Present = 1, Writable = 2, UserPage = 4, Accessed = 0x20, Dirty = 0x40, Large = 0x80, Global = 0x100;
    private const int A = 0, C = 1, D = 2, B = 3;

    private readonly List<nint> _slow = [];
    private readonly List<(nint From, nint Back, int Physical, int Host)> _upper = [];

    /// <summary>Like <see cref="Miss"/>, by TLB set.</summary>
    public byte*[] Refill { get; } = new byte*[3];

    private byte* EmitRefill(int set)
    {
        var start = _asm.Position;
        KeepRegisters();
        _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.FastWalk), 0);
        SlowIf(Condition.Equal);
        EmitCheckOperand();
        EmitWalk();

        // A: the entry that maps the page. B: its physical page. C: where that is in the host. D: rights, as the AND over all levels.
        if (set == Tlb.User) SlowUnless(D, UserPage);
        else if (set == Tlb.SupervisorWithSmap) SlowIfAny(D, UserPage);
        _asm.AluImmediate(false, AluOp.And, D, Writable);
        _asm.Mov32(C, A);
        _asm.AluImmediate(false, AluOp.And, C, Dirty);
        _asm.Shift(false, 5, C, 5); // the dirty bit is where the bit for writable is
        _asm.Alu32(AluOp.And, D, C);
        EmitTestCode();
        _asm.TestImmediate(Homes.Scratch, MissWrites);
        var reads = _asm.Jcc(Condition.Equal);
        SlowUnless(D, Writable);
        _asm.Land(reads);
        EmitFill(set);
        EmitLookAgain(set);

        _asm.Alu(AluOp.Add, Homes.Address, Mem.Context(Offsets.TlbField(set, Offsets.Addend), B, 0));
        _asm.Increment(Mem.Context(Offsets.Refills));
        TakeRegistersBack();
        _asm.Ret();
        EmitUpper();
        foreach (var jump in _slow) _asm.Land((byte*)jump);
        _slow.Clear();
        TakeRegistersBack();
        _asm.JmpTo(Miss);
        return start;
    }

    /// <summary>Keeps the guest registers that the code works with on the host's stack.</summary>
    private void KeepRegisters()
    {
        foreach (var register in (ReadOnlySpan<int>)[A, C, D, B]) _asm.Push(register);
    }

    /// <summary>Undoes <see cref="KeepRegisters"/>.</summary>
    private void TakeRegistersBack()
    {
        foreach (var register in (ReadOnlySpan<int>)[B, D, C, A]) _asm.Pop(register);
    }

    private void SlowIf(int condition) => _slow.Add((nint)_asm.Jcc(condition));

    private void SlowIfAny(int register, int mask)
    {
        _asm.TestImmediate(register, mask);
        SlowIf(Condition.NotEqual);
    }

    private void SlowUnless(int register, int mask)
    {
        _asm.TestImmediate(register, mask);
        SlowIf(Condition.Equal);
    }

    /// <summary>The operand is in one page, as aligned as it must be, and its address is canonical.</summary>
    private void EmitCheckOperand()
    {
        _asm.Mov32(A, Homes.Address);
        _asm.AluImmediate(false, AluOp.And, A, 4095);
        _asm.RegReg(false, 0x0FB6, C, Homes.Scratch); // MOVZX: the size
        _asm.Alu32(AluOp.Add, A, C);
        _asm.AluImmediate(false, AluOp.Cmp, A, 4096);
        SlowIf(Condition.Above);
        _asm.TestImmediate(Homes.Scratch, MissAligned);
        var any = _asm.Jcc(Condition.Equal);
        _asm.Lea32(C, Mem.At(C, -1));
        _asm.Test(C, Homes.Address);
        SlowIf(Condition.NotEqual);
        _asm.Land(any);
        _asm.Mov(A, Homes.Address);
        _asm.Shift(true, 4, A, 16);
        _asm.Shift(true, 7, A, 16);
        _asm.Alu(AluOp.Cmp, A, Homes.Address);
        SlowIf(Condition.NotEqual);
    }

    /// <summary>
    /// Walks the tables for the address register, and leaves the entry found in A, the physical page in B, and the AND of all levels' entries in D.
    /// </summary>
    /// <param name="execute">Only where instructions may be fetched from.</param>
    private void EmitWalk(bool execute = false)
    {
        _asm.Load(A, Mem.Context(Offsets.WalkRoot));
        _asm.MovImmediate(D, unchecked((ulong)-1L));
        var found = stackalloc byte*[4];
        for (var level = 4; level >= 1; level--)
        {
            EmitHost(A, C);
            _asm.Mov(B, Homes.Address);
            _asm.Shift(true, 5, B, 9 * level);
            _asm.AluImmediate(false, AluOp.And, B, 511 << 3);
            _asm.Load(A, new Mem(C, B, 0, 0, false));
            _asm.Mov32(C, A);
            _asm.RegReg(false, 0xF7, 2, C); // NOT
            SlowIfAny(C, Present | Accessed);
            _asm.Mov(C, A);
            _asm.Alu(AluOp.And, C, Mem.Context(Offsets.ReservedBits));
            SlowIf(Condition.NotEqual);
            _asm.Alu(AluOp.And, D, A);
            if (execute)
            {
                _asm.Test(A, A);
                SlowIf(Condition.Sign); // XD
            }

            if (level == 4) SlowIfAny(A, Large);
            if (level is 2 or 3)
            {
                _asm.TestImmediate(A, Large);
                found[level] = _asm.Jcc(Condition.NotEqual);
            }

            if (level > 1) _asm.Alu(AluOp.And, A, Mem.Context(Offsets.AddressBits));
        }

        _asm.Mov(B, A);
        _asm.Alu(AluOp.And, B, Mem.Context(Offsets.AddressBits));
        var done = stackalloc byte*[2];
        done[0] = _asm.Jmp();
        for (var level = 3; level >= 2; level--)
        {
            _asm.Land(found[level]);
            EmitLargePage(level == 2 ? 21 : 30);
            if (level == 3) done[1] = _asm.Jmp();
        }

        _asm.Land(done[0]);
        _asm.Land(done[1]);
    }

    /// <summary>The physical page of the address register in B, in the large page whose entry is in A.</summary>
    private void EmitLargePage(int shift)
    {
        SlowIfAny(A, (1 << shift) - (1 << 13)); // reserved; bit 12 is the page attribute
        // INVLPG must know of the large page: managed code notes it when it is met first.
        _asm.Mov(B, Homes.Address);
        _asm.Shift(true, 5, B, 21);
        _asm.Mov32(C, B);
        _asm.AluImmediate(false, AluOp.And, B, 63);
        _asm.Shift(false, 5, C, 6);
        _asm.Load(B, Mem.Context(Offsets.LargeRegions, B, 3));
        _asm.RegReg(true, 0x0FA3, C, B); // BT
        SlowIf(Condition.AboveOrEqual);
        if (shift == 30)
        {
            _asm.Mov(C, Homes.Address);
            _asm.Shift(true, 5, C, 30);
            _asm.Load(B, Mem.Context(Offsets.GigabyteRegions));
            _asm.RegReg(true, 0x0FA3, C, B);
            SlowIf(Condition.AboveOrEqual);
        }

        _asm.Mov(B, A);
        _asm.Alu(AluOp.And, B, Mem.Context(Offsets.AddressBits));
        _asm.Shift(true, 5, B, shift);
        _asm.Shift(true, 4, B, shift);
        _asm.Mov32(C, Homes.Address);
        _asm.AluImmediate(false, AluOp.And, C, (1 << shift) - 4096);
        _asm.Alu(AluOp.Add, B, C);
    }

    /// <summary>Where a physical page is in the host; only RAM that is not read-only has such a place here.</summary>
    private void EmitHost(int physical, int host)
    {
        _asm.Mov(host, physical);
        _asm.Alu(AluOp.Sub, host, Mem.Context(Offsets.LowStart));
        _asm.Alu(AluOp.Cmp, host, Mem.Context(Offsets.LowLength));
        var from = (nint)_asm.Jcc(Condition.AboveOrEqual);
        _asm.Alu(AluOp.Add, host, Mem.Context(Offsets.LowHost));
        _upper.Add((from, (nint)_asm.Position, physical, host));
    }

    /// <summary>The same for RAM above 4 GiB.</summary>
    private void EmitUpper()
    {
        foreach (var (from, back, physical, host) in _upper)
        {
            _asm.Land((byte*)from);
            _asm.Mov(host, physical);
            _asm.Alu(AluOp.Sub, host, Mem.Context(Offsets.HighStart));
            _asm.Alu(AluOp.Cmp, host, Mem.Context(Offsets.HighLength));
            SlowIf(Condition.AboveOrEqual);
            _asm.Alu(AluOp.Add, host, Mem.Context(Offsets.HighHost));
            _asm.JmpTo((byte*)back);
        }

        _upper.Clear();
    }

    /// <summary>Puts the host's place of the physical page B into C; in D, the right to write goes when anybody has code of the page.</summary>
    private void EmitTestCode()
    {
        EmitHost(B, C);
        _asm.Push(A);
        _asm.Push(B);
        _asm.Shift(true, 5, B, 12);
        EmitTestMark(B, A);
        _asm.Pop(B);
        _asm.Pop(A);
        var none = _asm.Jcc(Condition.AboveOrEqual);
        _asm.MovImmediate(D, 0);
        _asm.Land(none);
    }

    /// <summary>The carry flag is set when anybody has code of a page, whose number is in a register.</summary>
    private void EmitTestMark(int page, int scratch)
    {
        _asm.Load(scratch, Mem.Context(Offsets.CodeMarks));
        _asm.Push(page);
        _asm.Shift(true, 5, page, 6);
        _asm.Load(scratch, new Mem(scratch, page, 3, 0, false));
        _asm.Pop(page);
        _asm.RegReg(true, 0x0FA3, page, scratch); // BT
    }

    /// <summary>Fills the entry of the address register: physical page B, with the global bit of A, at C in the host; writable when D is not zero. B is its number, times its size, afterwards.</summary>
    private void EmitFill(int set)
    {
        _asm.Alu(AluOp.And, A, Mem.Context(Offsets.GlobalMask));
        _asm.Shift(false, 5, A, 7);
        _asm.AluImmediate(false, AluOp.Or, A, Tlb.Filled); // with the global bit where Tlb.FilledGlobally has it
        _asm.Push(A);
        _asm.Mov(A, B);
        EmitEntryNumber(B);
        _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.SharesMemory), 0);
        var alone = _asm.Jcc(Condition.Equal);
        _asm.Push(B);
        _asm.Shift(false, 5, B, 2);
        _asm.Store(Mem.Context(Offsets.Physical + (set * Tlb.Entries * 8), B, 0), A);
        _asm.Pop(B);
        _asm.Land(alone);

        // The page, and the tag that stands for none: see Tlb.NoPage.
        _asm.Mov(A, Homes.Address);
        _asm.AluImmediate(true, AluOp.And, A, -4096);
        _asm.Test(D, D);
        var writable = _asm.Jcc(Condition.NotEqual);
        EmitNoPage(D);
        var tagged = _asm.Jmp();
        _asm.Land(writable);
        _asm.Mov(D, A);
        _asm.Land(tagged);
        _asm.Store(Mem.Context(Offsets.TlbField(set, Offsets.WriteTag), B, 0), D); // in this order: see Tlb.Fill
        _asm.Store(Mem.Context(Offsets.TlbField(set, Offsets.ReadTag), B, 0), A);
        _asm.Store(Mem.Context(Offsets.TlbField(set, Offsets.Host), B, 0), C);
        _asm.Alu(AluOp.Sub, C, A);
        _asm.Store(Mem.Context(Offsets.TlbField(set, Offsets.Addend), B, 0), C);

        _asm.Mov32(C, B);
        _asm.Shift(false, 5, C, 5);
        _asm.Pop(A);
        var use = Mem.Context(Offsets.Uses + (set * Tlb.Entries), C, 0);
        _asm.CmpImmediate8(use, 0);
        _asm.RegMem(false, 0x88, A, use); // MOV byte
        var known = _asm.Jcc(Condition.NotEqual);
        _asm.Load32(A, Mem.Context(Offsets.FilledCount + (4 * set)));
        _asm.Store16(Mem.Context(Offsets.Filled + (set * Tlb.Entries * 2), A, 1), C);
        _asm.AluImmediate32(AluOp.Add, Mem.Context(Offsets.FilledCount + (4 * set)), 1);
        _asm.Land(known);
    }

    private void EmitEntryNumber(int to)
    {
        _asm.Mov32(to, Homes.Address);
        _asm.Shift(false, 5, to, 7);
        _asm.AluImmediate(false, AluOp.And, to, TlbIndexMask);
    }

    private void EmitNoPage(int to)
    {
        _asm.Mov32(to, Homes.Address);
        _asm.RegReg(false, 0xF7, 2, to); // NOT
        _asm.AluImmediate(false, AluOp.And, to, 0x1000);
        _asm.AluImmediate(false, AluOp.Or, to, 0xFFF);
    }

    /// <summary>With several vCPUs: after the entry could be seen, whether somebody has made code of the page meanwhile; see Interpreter.Enter.</summary>
    private void EmitLookAgain(int set)
    {
        _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.SharesMemory), 0);
        var alone = _asm.Jcc(Condition.Equal);
        _asm.Bytes([0x0F, 0xAE, 0xF0]); // MFENCE
        _asm.Mov32(C, B);
        _asm.Shift(false, 5, C, 2);
        _asm.Load(C, Mem.Context(Offsets.Physical + (set * Tlb.Entries * 8), C, 0));
        _asm.Shift(true, 5, C, 12);
        EmitTestMark(C, A);
        var none = _asm.Jcc(Condition.AboveOrEqual);
        EmitNoPage(D);
        _asm.Store(Mem.Context(Offsets.TlbField(set, Offsets.WriteTag), B, 0), D);
        SlowIfAny(Homes.Scratch, MissWrites);
        _asm.Land(none);
        _asm.Land(alone);
    }
}
