namespace Holon.Translator.Host;

// Finding the code at a linear address when the jump cache does not know it, without managed code: a small table leads from linear to physical pages and is filled by
// a walk of the guest's tables; another leads from physical addresses to blocks. After a CR3 write, most code is found again in this way.
internal sealed unsafe partial class Stubs
{
    /// <summary>
    /// By mode: called or jumped to with a canonical linear address in the address register, the status flags saved, and in scratch zero or the place of a
    /// <see cref="Blocks.FarLink"/> in the context: goes on there. A link that leads where the address is found holds from now on.
    /// </summary>
    public byte*[] Find { get; } = new byte*[TranslationMode.Count];

    /// <summary>The same for a link, which looks into the jump cache first.</summary>
    public byte*[] FindLinked { get; } = new byte*[TranslationMode.Count];

    private void EmitFind(int mode)
    {
        Find[mode] = _asm.Position;
        KeepRegisters();
        _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.FastFind), 0);
        SlowIf(Condition.Equal);
        EmitCodePage(mode, B);
        _asm.Alu(AluOp.Cmp, A, Mem.Context(Offsets.CodePages, B, 0));
        var unknown = _asm.Jcc(Condition.NotEqual);
        _asm.Load(A, Mem.Context(Offsets.CodePages + 8, B, 0));
        var found = _asm.Position;

        _asm.Mov32(C, Homes.Address);
        _asm.AluImmediate(false, AluOp.And, C, 4095);
        _asm.Alu(AluOp.Or, A, C);
        _asm.MovImmediate(C, Blocks.BlockTable.KeyOf(0, mode));
        _asm.Alu(AluOp.Or, A, C);
        _asm.RegReg(true, 0x69, C, A); // IMUL with a constant
        _asm.Int32(Blocks.BlockTable.Multiplier);
        _asm.Shift(true, 5, C, Blocks.BlockTable.HashShift);
        _asm.AluImmediate(false, AluOp.And, C, Blocks.BlockTable.Entries - 1);
        _asm.Shift(false, 4, C, Blocks.BlockTable.EntryShift);
        _asm.Alu(AluOp.Cmp, A, Mem.Context(Offsets.BlockTable, C, 0));
        SlowIf(Condition.NotEqual);
        _asm.Alu(AluOp.Cmp, Homes.Address, Mem.Context(Offsets.BlockTable + 8, C, 0));
        SlowIf(Condition.NotEqual);
        _asm.Load(A, Mem.Context(Offsets.BlockTable + 16, C, 0));

        _asm.JumpCacheIndex(C, Homes.Address);
        _asm.Mov(D, Homes.Address);
        _asm.Alu(AluOp.Xor, D, Mem.Context(Offsets.Mix + (8 * mode)));
        _asm.Store(Mem.Context(Offsets.JumpTargets(mode), C, 3), A);
        _asm.Store(Mem.Context(Offsets.JumpTags(mode), C, 3), D);
        _asm.Increment(Mem.Context(Offsets.Finds));
        _asm.Store(Mem.Context(Offsets.Temporary), A);
        _asm.Test(Homes.Scratch, Homes.Scratch);
        var go = _asm.Jcc(Condition.Equal);
        _asm.Alu(AluOp.Cmp, A, Mem.At(Homes.Scratch) with { InContext = true });
        SlowIf(Condition.NotEqual);
        HoldLink(mode, A);
        _asm.Land(go);
        TakeRegistersBack();
        _asm.JmpThrough(Mem.Context(Offsets.Temporary));

        _asm.Land(unknown);
        if (TranslationMode.IsUser(mode)) EmitWalkForCode(mode, found); // of the kernel's code, managed code keeps a list
        else _slow.Add((nint)_asm.Jmp());
        EmitUpper();
        foreach (var jump in _slow) _asm.Land((byte*)jump);
        _slow.Clear();
        TakeRegistersBack();
        var linked = _asm.Position;
        _asm.Store(Mem.Context(Offsets.Rip), Homes.Address);
        _asm.Test(Homes.Scratch, Homes.Scratch);
        var lookup = _asm.Jcc(Condition.Equal);
        _asm.Load32(Homes.Scratch, Mem.At(Homes.Scratch, Blocks.FarLink.NumberOffset) with { InContext = true });
        _asm.AluImmediate(false, AluOp.Add, Homes.Scratch, (int)Blocks.ExitKind.FirstLink);
        _asm.JmpTo(Exit);
        _asm.Land(lookup);
        _asm.MovImmediate(Homes.Scratch, (uint)Blocks.ExitKind.Lookup);
        _asm.JmpTo(Exit);

        FindLinked[mode] = _asm.Position;
        _asm.Push(A);
        _asm.Push(C);
        _asm.JumpCacheIndex(A, Homes.Address);
        _asm.Mov(C, Homes.Address);
        _asm.Alu(AluOp.Xor, C, Mem.Context(Offsets.Mix + (8 * mode)));
        _asm.Alu(AluOp.Cmp, C, Mem.Context(Offsets.JumpTags(mode), A, 3));
        var miss = _asm.Jcc(Condition.NotEqual);
        _asm.Load(A, Mem.Context(Offsets.JumpTargets(mode), A, 3));
        _asm.Alu(AluOp.Cmp, A, Mem.At(Homes.Scratch) with { InContext = true });
        var other = _asm.Jcc(Condition.NotEqual);
        HoldLink(mode, C);
        _asm.Store(Mem.Context(Offsets.Temporary), A);
        _asm.Pop(C);
        _asm.Pop(A);
        _asm.JmpThrough(Mem.Context(Offsets.Temporary));
        _asm.Land(miss);
        _asm.Pop(C);
        _asm.Pop(A);
        _asm.JmpTo(Find[mode]);
        _asm.Land(other);
        _asm.Pop(C);
        _asm.Pop(A);
        _asm.JmpTo(linked);
    }

    /// <summary>Lets the link at scratch hold for this generation. Changes the register.</summary>
    private void HoldLink(int mode, int register)
    {
        _asm.Load32(register, Mem.Context(TranslationMode.IsUser(mode) ? Offsets.UserGeneration : Offsets.KernelGeneration));
        _asm.Store32(Mem.At(Homes.Scratch, Blocks.FarLink.GenerationOffset) with { InContext = true }, register);
    }

    /// <summary>Which of the <see cref="Blocks.CodePage"/>s the address register has, in bytes from the first; and in A the tag that it would have.</summary>
    private void EmitCodePage(int mode, int entry)
    {
        _asm.Mov32(entry, Homes.Address);
        _asm.Shift(false, 5, entry, 12);
        _asm.AluImmediate(false, AluOp.And, entry, Offsets.CodePageEntries - 1);
        _asm.Shift(false, 4, entry, 4);
        _asm.Mov(A, Homes.Address);
        _asm.AluImmediate(true, AluOp.And, A, -4096);
        _asm.Alu(AluOp.Xor, A, Mem.Context(Offsets.Mix + (8 * mode)));
    }

    /// <summary>Finds the physical page of user code, and remembers it.</summary>
    private void EmitWalkForCode(int mode, byte* found)
    {
        _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.FastWalk), 0);
        SlowIf(Condition.Equal);
        EmitWalk(execute: true);
        SlowUnless(D, UserPage);
        SlowIfAny(A, Global); // managed code must know

        // So that INVLPG of the page is heeded.
        _asm.Mov(C, Homes.Address);
        _asm.Shift(true, 5, C, 12);
        _asm.MovImmediate(D, Blocks.PageFilter.Golden);
        _asm.RegReg(true, 0x0FAF, C, D); // IMUL
        _asm.Shift(true, 5, C, 64 - Blocks.PageFilter.Bits);
        _asm.RegMem(true, 0x0FAB, C, Mem.Context(Offsets.ExecutedUserPages)); // BTS: of a bit string

        EmitCodePage(mode, C);
        _asm.Store(Mem.Context(Offsets.CodePages + 8, C, 0), B);
        _asm.Store(Mem.Context(Offsets.CodePages, C, 0), A);
        _asm.Mov(A, B);
        _asm.JmpTo(found);
    }
}
