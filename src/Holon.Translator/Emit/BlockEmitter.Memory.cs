using Holon.Translator.Guest;
using Holon.Translator.Host;
using Iced.Intel;

namespace Holon.Translator.Emit;

// Memory operands: the linear address, the look into the TLB, and what happens when it fails.
internal sealed unsafe partial class BlockEmitter
{
    /// <summary>The host register with a guest register's value, loaded into a scratch register when it has no home.</summary>
    private int Value(int guest, int scratch)
    {
        var home = Homes.Of(guest);
        if (home != Homes.InContext) return home;
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
        var scale = iced.MemoryIndexScale switch { 2 => 1, 4 => 2, 8 => 3, _ => 0 };
        var displacement = (int)iced.MemoryDisplacement64;
        if (narrow) _asm.Lea32(to, new Mem(@base, index, scale, displacement, false));
        else if (index < 0 && displacement == 0) MovUnlessSame(to, @base);
        else _asm.Lea(to, new Mem(@base, index, scale, displacement, false));
    }

    private void MovUnlessSame(int to, int from)
    {
        if (to != from) _asm.Mov(to, from);
    }

    /// <summary>Whether an operand is on the stack, as code is usually written.</summary>
    private static bool IsOnStack(in Instruction iced) => iced.MemorySegment is not (Register.FS or Register.GS)
        && (iced.MemoryBase == Register.RSP || (iced.MemoryBase == Register.RBP && (long)iced.MemoryDisplacement64 < 0));

    /// <summary>Exchanges the memory operand's address for the host's: afterwards the address register points to the bytes. Changes flags and scratch.</summary>
    private void EmitAccess(ref GuestInstruction instruction, int size, bool write, bool aligned)
    {
        ref var iced = ref instruction.Iced;
        LoseHostFlags(instruction.LiveBefore);
        if (IsConstant(iced, out var linear))
        {
            EmitConstantLookup(ref instruction, linear, size, write, aligned);
            return;
        }

        if (IsPlainRegister(iced, out var register) && !IsOnStack(iced))
        {
            EmitLookup(ref instruction, size, write, aligned, register);
            return;
        }

        EmitAddress(iced);
        if (IsOnStack(iced)) EmitStackLookup(ref instruction, size, write, aligned);
        else EmitLookup(ref instruction, size, write, aligned);
    }

    /// <summary>Whether an address is what a host register holds.</summary>
    private static bool IsPlainRegister(in Instruction iced, out int register)
    {
        register = iced.MemoryBase.IsGPR64() && iced.MemoryIndex == Register.None && iced.MemoryDisplacement64 == 0 && iced.MemorySegment is not (Register.FS or Register.GS)
            ? Homes.Of(Number(iced.MemoryBase))
            : Homes.InContext;
        return register != Homes.InContext;
    }

    /// <summary>Looks the address register up in the TLB.</summary>
    private void EmitLookup(ref GuestInstruction instruction, int size, bool write, bool aligned, int from = Homes.Address)
    {
        var fail = EmitThroughTlb(from, size, write, aligned, out var tag);
        _deferred.Add(new Deferred(DeferredKind.Miss, fail, _asm.Position, instruction.Iced.IP, MissInfo(size, write, aligned), tag, 0, default));
    }

    /// <summary>The way through the TLB: exchanges the address in a register for the host's, in the address register. Returns the jump of those that fail.</summary>
    private byte* EmitThroughTlb(int from, int size, bool write, bool aligned, out int tag)
    {
        var set = TranslationMode.TlbSet(_mode);
        tag = Offsets.TlbField(set, write ? Offsets.WriteTag : Offsets.ReadTag);
        MovUnlessSame(Homes.Address, from);
        _asm.Rorx32(Homes.Scratch, from, 7);
        _asm.AluImmediate(false, AluOp.And, Homes.Scratch, Stubs.TlbIndexMask);
        _asm.Alu(AluOp.Xor, Homes.Address, Mem.Context(tag, Homes.Scratch, 0)); // the offset in the page, if it is the page
        var fail = Check(size, aligned);
        _asm.Alu(AluOp.Add, Homes.Address, Mem.Context(Offsets.TlbField(set, Offsets.Host), Homes.Scratch, 0));
        return fail;
    }

    /// <summary>The same through the entry for the stack, for the address register.</summary>
    private byte* EmitThroughStackEntry(int size, bool aligned)
    {
        var set = TranslationMode.TlbSet(_mode);
        _asm.Alu(AluOp.Xor, Homes.Address, Mem.Context(Offsets.StackField(set, Offsets.WriteTag)));
        var fail = Check(size, aligned);
        _asm.Alu(AluOp.Add, Homes.Address, Mem.Context(Offsets.StackField(set, Offsets.Host)));
        return fail;
    }

    /// <summary>Looks a constant address up: its entry is known.</summary>
    private void EmitConstantLookup(ref GuestInstruction instruction, ulong linear, int size, bool write, bool aligned)
    {
        var set = TranslationMode.TlbSet(_mode);
        var entry = (int)(linear >> 7) & Stubs.TlbIndexMask;
        _asm.MovImmediate(Homes.Address, linear);
        _asm.Alu(AluOp.Xor, Homes.Address, Mem.Context(Offsets.TlbField(set, write ? Offsets.WriteTag : Offsets.ReadTag) + entry));
        var fail = Check(size, aligned);
        _asm.Alu(AluOp.Add, Homes.Address, Mem.Context(Offsets.TlbField(set, Offsets.Host) + entry));
        _deferred.Add(new Deferred(DeferredKind.ConstantMiss, fail, _asm.Position, instruction.Iced.IP, MissInfo(size, write, aligned), 0, linear, default));
    }

    /// <summary>Looks the address register up in the entry for the stack. Leaves scratch alone unless it fails.</summary>
    private void EmitStackLookup(ref GuestInstruction instruction, int size, bool write, bool aligned)
    {
        var fail = EmitThroughStackEntry(size, aligned);
        var set = TranslationMode.TlbSet(_mode);
        _deferred.Add(new Deferred(DeferredKind.StackMiss, fail, _asm.Position, instruction.Iced.IP, MissInfo(size, write, aligned), Offsets.StackField(set, Offsets.WriteTag), 0, default));
    }

    /// <summary>Compares the offset in the page: one comparison catches another page, a page boundary inside and a misaligned operand that must not be.</summary>
    private byte* Check(int size, bool aligned)
    {
        if (aligned)
        {
            _asm.TestImmediate(Homes.Address, ~0xFFF | (size - 1));
            return _asm.Jcc(Condition.NotEqual);
        }

        _asm.AluImmediate(true, AluOp.Cmp, Homes.Address, 4096 - size);
        return _asm.Jcc(Condition.Above);
    }

    private static uint MissInfo(int size, bool write, bool aligned) => (uint)size | (write ? (uint)Stubs.MissWrites : 0) | (aligned ? (uint)Stubs.MissAligned : 0);
}
