using Holon.Translator.Guest;
using Holon.Translator.Host;
using Iced.Intel;

namespace Holon.Translator.Emit;

// REP MOVS and REP STOS: by the host's own, as far as both pages go at a time, with registers complete and a look at events between.
internal sealed unsafe partial class BlockEmitter
{
    private void EmitRepeatedString(ref GuestInstruction instruction)
    {
        const int rcx = 1, rsi = 6, rdi = 7;
        ref var iced = ref instruction.Iced;
        var copies = iced.Mnemonic is Mnemonic.Movsb or Mnemonic.Movsw or Mnemonic.Movsd or Mnemonic.Movsq;
        if (!iced.HasRepPrefix || iced.Op0Kind != OpKind.MemoryESRDI || (copies && iced.MemorySegment is Register.FS or Register.GS))
        {
            EmitInterpret(ref instruction);
            return;
        }

        var size = iced.MemorySize.GetSize();
        var shift = size switch { 1 => 0, 2 => 1, 4 => 2, _ => 3 };
        FlagsToMemory(instruction.LiveBefore);
        _flags &= ~FlagPlace.Host;
        _asm.TestImmediate32(Mem.Context(Offsets.Rflags), Direction);
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.NotEqual), iced.IP);

        var loop = _asm.Position;
        _asm.Test(rcx, rcx);
        var done = _asm.Jcc(Condition.Equal);
        EmitRoom(rdi);
        if (copies)
        {
            _asm.Store(Mem.Context(Offsets.Temporary2), Homes.Scratch);
            EmitRoom(rsi);
            _asm.Alu(AluOp.Cmp, Homes.Scratch, Mem.Context(Offsets.Temporary2));
            _asm.RegMem(true, 0x0F47, Homes.Scratch, Mem.Context(Offsets.Temporary2)); // CMOVA: the lesser
        }

        if (shift > 0) _asm.Shift(false, 5, Homes.Scratch, shift);
        _asm.Alu(AluOp.Cmp, Homes.Scratch, rcx);
        _asm.RegReg(true, 0x0F47, Homes.Scratch, rcx);
        _asm.Test(Homes.Scratch, Homes.Scratch);
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.Equal), iced.IP); // an element across two pages
        _asm.Store(Mem.Context(Offsets.Temporary2), Homes.Scratch);
        if (copies)
        {
            _asm.Mov(Homes.Address, rsi);
            EmitLookup(ref instruction, size, false, false);
            _asm.Store(Mem.Context(Offsets.Temporary), Homes.Address);
        }

        _asm.Mov(Homes.Address, rdi);
        EmitLookup(ref instruction, size, true, false, repeats: true); // none of them may overwrite code

        _asm.Mov(Homes.Scratch, rcx);
        _asm.Load(rcx, Mem.Context(Offsets.Temporary2));
        _asm.Alu(AluOp.Sub, Homes.Scratch, rcx); // what remains
        _asm.Push(rdi);
        _asm.Mov(rdi, Homes.Address);
        if (copies)
        {
            _asm.Push(rsi);
            _asm.Load(rsi, Mem.Context(Offsets.Temporary));
        }

        _asm.Byte(0xF3);
        if (size == 2) _asm.Byte(0x66);
        if (size == 8) _asm.Byte(0x48);
        _asm.Byte((copies ? 0xA4 : 0xAA) | (size > 1 ? 1 : 0));
        _asm.Alu(AluOp.Sub, rdi, Homes.Address); // bytes done
        if (copies)
        {
            _asm.Pop(rsi);
            _asm.Alu(AluOp.Add, rsi, rdi);
        }

        _asm.Alu(AluOp.Add, rdi, Mem.At(HostStackPointer));
        _asm.Lea(HostStackPointer, Mem.At(HostStackPointer, 8));
        _asm.Mov(rcx, Homes.Scratch);
        _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.Events), 0);
        _asm.JccTo(Condition.Equal, loop);
        _asm.Test(rcx, rcx);
        Defer(DeferredKind.Events, _asm.Jcc(Condition.NotEqual), iced.IP);
        _asm.Land(done);
    }

    /// <summary>Bytes from an address to the end of its page, into scratch; changes the address register.</summary>
    private void EmitRoom(int register)
    {
        _asm.Mov32(Homes.Address, register);
        _asm.AluImmediate(false, AluOp.And, Homes.Address, 0xFFF);
        _asm.MovImmediate(Homes.Scratch, 4096);
        _asm.Alu32(AluOp.Sub, Homes.Scratch, Homes.Address);
    }

    /// <summary>BT, BTS, BTR and BTC of a bit string in memory by a register: the register's upper bits move the address.</summary>
    private void EmitBitString(ref GuestInstruction instruction)
    {
        ref var iced = ref instruction.Iced;
        var wide = iced.Op1Register.IsGPR64();
        var narrow = iced.MemoryBase.IsGPR32() || iced.MemoryIndex.IsGPR32() || iced.MemoryBase == Register.EIP; // the moved address would have to be cut to 32 bits
        if (narrow || (!wide && !iced.Op1Register.IsGPR32()))
        {
            EmitInterpret(ref instruction);
            return;
        }

        var write = iced.Mnemonic != Mnemonic.Bt;
        LoseHostFlags(instruction.LiveBefore);
        EmitAddress(iced);
        var guest = Number(iced.Op1Register);
        if (wide) MovUnlessSame(Homes.Scratch, Value(guest, Homes.Scratch));
        else _asm.RegReg(true, 0x63, Homes.Scratch, Value(guest, Homes.Scratch)); // MOVSXD
        _asm.Shift(true, 7, Homes.Scratch, wide ? 6 : 5);
        _asm.Lea(Homes.Address, new Mem(Homes.Address, Homes.Scratch, wide ? 3 : 2, 0, false));
        EmitLookup(ref instruction, wide ? 8 : 4, write, false);
        PrepareFlags(instruction);
        _asm.Pext(Homes.Scratch, Value(guest, Homes.Scratch), Mem.Context(wide ? Offsets.Mask63 : Offsets.Mask31)); // AND would change flags
        if (iced.HasLockPrefix && !_alone) _asm.Byte(0xF0);
        _asm.RegMem(wide, iced.Mnemonic switch { Mnemonic.Bt => 0x0FA3, Mnemonic.Bts => 0x0FAB, Mnemonic.Btr => 0x0FB3, _ => 0x0FBB }, Homes.Scratch, Mem.At(Homes.Address));
        _flags = FlagPlace.Host;
    }
}
