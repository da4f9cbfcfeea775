using Holon.Translator.Guest;
using Holon.Translator.Host;
using Iced.Intel;

namespace Holon.Translator.Emit;

// Status flags: where they are, and how they get elsewhere.
internal sealed unsafe partial class BlockEmitter
{
    private FlagPlace _flags;
    private FlagRecipe _recipe; // while they are in FlagPlace.Recipe

    /// <summary>How to make the flags again.</summary>
    /// <param name="Index">The instruction that made them.</param>
    /// <param name="Inputs">General registers that it depends on, a bit each.</param>
    /// <param name="Moved">How far the stack pointer, which it adds a constant to, was moved since.</param>
    private readonly record struct FlagRecipe(int Index, uint Inputs, int Moved);

    /// <summary>Where the guest's status flags are while code is written.</summary>
    [Flags]
    private enum FlagPlace : byte
    {
        /// <summary>Nowhere, because nobody will ask.</summary>
        None = 0,

        /// <summary>In the host's flags.</summary>
        Host = 1,

        /// <summary>In the context.</summary>
        Memory = 2,

        /// <summary>
        /// Nowhere, but what made them can be done again: its operands have not changed, or can be changed back. That costs one or two instructions, and
        /// only where flags are looked at after a memory access or a call; keeping them costs five each time, and hardly anybody looks.
        /// </summary>
        Recipe = 4,
    }

    private void SaveFlags()
    {
        _scratchGuest = NoGuest;
        _asm.Mov(Homes.Scratch, 0);
        _asm.Lahf();
        _asm.SetoAl();
        _asm.Store16(Mem.Context(Offsets.SavedFlags), 0);
        _asm.Mov(0, Homes.Scratch);
    }

    private void RestoreFlags()
    {
        _scratchGuest = NoGuest;
        _asm.Mov(Homes.Scratch, 0);
        _asm.LoadZero16(0, Mem.Context(Offsets.SavedFlags));
        _asm.AddAl(0x7F); // overflows when OF was 1
        _asm.Sahf();
        _asm.Mov(0, Homes.Scratch);
    }

    /// <summary>Before something that changes the host's flags: keeps the guest's, if anybody needs them.</summary>
    private void LoseHostFlags(StatusFlags needed)
    {
        if (needed == 0)
        {
            _flags = FlagPlace.None;
            return;
        }

        if (_flags == FlagPlace.Host)
        {
            SaveFlags();
            _flags = FlagPlace.Memory;
        }

        _flags &= ~FlagPlace.Host;
    }

    /// <summary>Makes the context hold the flags, before an exit by which somebody may ask for them.</summary>
    private void FlagsToMemory(StatusFlags needed)
    {
        if (needed == 0 || _flags == FlagPlace.None || (_flags & FlagPlace.Memory) != 0) return;
        FlagsToHost();
        SaveFlags();
        _flags |= FlagPlace.Memory;
    }

    /// <summary>Makes the host's flags the guest's. Changes only flags and scratch.</summary>
    private void FlagsToHost()
    {
        if ((_flags & FlagPlace.Host) != 0) return;
        if ((_flags & FlagPlace.Recipe) != 0) EmitRecipe(_recipe);
        else if ((_flags & FlagPlace.Memory) != 0) RestoreFlags();
        _flags |= FlagPlace.Host;
    }

    /// <summary>The last step before an instruction's own host instruction: brings the flags that it needs, in itself or to leave some as they were.</summary>
    private void PrepareFlags(in GuestInstruction instruction)
    {
        if ((instruction.Reads | Passed(instruction)) != 0) FlagsToHost();
    }

    /// <summary>Flags that an instruction changes only sometimes, or not all of, and that are looked at after it.</summary>
    private static StatusFlags Passed(in GuestInstruction instruction) => instruction.Writes != 0 ? instruction.LiveAfter & ~instruction.Kills : StatusFlags.None;

    private void FlagsWritten(in GuestInstruction instruction, int index)
    {
        if (instruction.Writes == 0) return;
        _flags = FlagPlace.Host;
        if (!CanRepeat(instruction)) return;
        uint inputs = 0;
        for (var i = 0; i < instruction.Iced.OpCount; i++)
        {
            if (instruction.Iced.GetOpKind(i) == OpKind.Register) inputs |= 1u << Number(instruction.Iced.GetOpRegister(i).GetFullRegister());
        }

        _flags |= FlagPlace.Recipe;
        _recipe = new FlagRecipe(index, inputs, 0);
    }

    /// <summary>Before an instruction that changes what the recipe depends on.</summary>
    private void KeepFlagsFrom(in GuestInstruction instruction)
    {
        const uint stackPointer = 1 << 4;
        var changed = (_flags & FlagPlace.Recipe) == 0 ? 0 : WrittenRegisters.Of(instruction) & _recipe.Inputs;
        if (changed == 0) return;
        // What was added to the stack pointer can be undone when it has moved by a constant since.
        var moves = instruction.Class.Kind is InstructionKind.Push or InstructionKind.Call or InstructionKind.CallIndirect || (instruction.Class.Kind == InstructionKind.Pop && instruction.Iced.Op0Register != Register.RSP);
        if (moves && changed == stackPointer && AddsToRegister(_guest.Instructions[_recipe.Index])) return;
        if (_flags == FlagPlace.Recipe) FlagsToMemory(instruction.LiveBefore);
        _flags &= ~FlagPlace.Recipe;
    }

    /// <summary>Whether an instruction can be done again, for its flags alone.</summary>
    private bool CanRepeat(in GuestInstruction instruction)
    {
        ref readonly var iced = ref instruction.Iced;
        if ((instruction.Reads | Passed(instruction)) != 0 || iced.OpCount == 0 || iced.Op0Kind != OpKind.Register || !iced.Op0Register.IsGPR()) return false;
        switch (iced.Mnemonic)
        {
            case Mnemonic.Cmp or Mnemonic.Test or Mnemonic.And or Mnemonic.Or or Mnemonic.Xor:
                break;
            case Mnemonic.Add or Mnemonic.Sub: // undone first, which needs the other operand
                if (iced.Op1Kind == OpKind.Register && iced.Op1Register.GetFullRegister() == iced.Op0Register.GetFullRegister()) return false;
                break;
            case Mnemonic.Neg or Mnemonic.Inc or Mnemonic.Dec:
                break;
            default:
                return false;
        }

        var encoding = new InstructionEncoding(_guest.BytesOf(instruction));
        return !encoding.HasMemory && Plan(encoding, instruction, keepAddress: true, out var plan) && plan.Scratch1Guest == 0 && plan.Scratch2Guest == 0 && plan.SwapHigh < 0;
    }

    /// <summary>Makes flags again as an instruction made them. Its registers are as they were after it.</summary>
    private void EmitRecipe(in FlagRecipe recipe)
    {
        ref var instruction = ref _guest.Instructions[recipe.Index];
        var encoding = new InstructionEncoding(_guest.BytesOf(instruction));
        Plan(encoding, instruction, keepAddress: true, out var plan);
        var traits = instruction.Class.Traits;
        switch (instruction.Iced.Mnemonic)
        {
            case Mnemonic.Cmp or Mnemonic.Test:
                EmitEncoded(encoding, traits, plan);
                break;
            case Mnemonic.And or Mnemonic.Or or Mnemonic.Xor:
                EmitCompareWithZero(instruction.Iced.Op0Register); // CF and OF are 0 either way, and AF is undefined
                break;
            case Mnemonic.Neg:
                EmitEncoded(encoding, traits, plan);
                EmitEncoded(encoding, traits, plan);
                break;
            case Mnemonic.Add or Mnemonic.Sub when AddsToRegister(instruction):
                // On a copy, so that nobody waits for it.
                _scratchGuest = NoGuest;
                var immediate = (int)instruction.Iced.GetImmediate(1);
                var isAdd = instruction.Iced.Mnemonic == Mnemonic.Add;
                _asm.Lea(Homes.Scratch, Mem.At(Homes.Of(Number(instruction.Iced.Op0Register)), (isAdd ? -immediate : immediate) - recipe.Moved));
                _asm.AluImmediate(true, isAdd ? AluOp.Add : AluOp.Sub, Homes.Scratch, immediate);
                break;
            default:
                EmitEncoded(encoding, traits, Inverse(encoding, plan));
                EmitEncoded(encoding, traits, plan);
                break;
        }
    }

    /// <summary>Whether an instruction adds a constant to, or subtracts it from, 64 bits of a register with a home.</summary>
    private static bool AddsToRegister(in GuestInstruction instruction) => instruction.Iced.Code
        is Code.Add_rm64_imm8 or Code.Add_rm64_imm32 or Code.Sub_rm64_imm8 or Code.Sub_rm64_imm32 or Code.Add_RAX_imm32 or Code.Sub_RAX_imm32
        && instruction.Iced.Op0Kind == OpKind.Register && Homes.Of(Number(instruction.Iced.Op0Register)) != Homes.InContext
        && (int)instruction.Iced.GetImmediate(1) is > -(1 << 30) and < 1 << 30; // so that what is moved beside it fits

    /// <summary>Moves the stack pointer by a constant; changes no flags.</summary>
    private void MoveStackPointer(int by)
    {
        _asm.Lea(Homes.StackPointer, Mem.At(Homes.StackPointer, by));
        if ((_recipe.Inputs & (1u << 4)) != 0) _recipe = _recipe with { Moved = _recipe.Moved + by };
    }

    /// <summary>SUB for ADD, DEC for INC, and the other way round: one bit of the opcode, or of the opcode's extension in ModRM.reg.</summary>
    private static RegisterPlan Inverse(in InstructionEncoding encoding, RegisterPlan plan)
    {
        if (encoding.Opcode is 0x80 or 0x81 or 0x83) plan.Reg ^= 5;
        else if (encoding.Opcode is 0xFE or 0xFF) plan.Reg ^= 1;
        else plan.OpcodeByte ^= 0x28;
        return plan;
    }

    private void EmitCompareWithZero(Register register)
    {
        var isByte = register.IsGPR8();
        var isHigh = register is Register.AH or Register.BH or Register.CH or Register.DH;
        var home = isHigh ? Number(register) : Homes.Of(Number(register.GetFullRegister()));
        if (home == Homes.InContext) _asm.Byte(0x65);
        if (register.IsGPR16()) _asm.Byte(0x66);
        var rex = (register.IsGPR64() ? 8 : 0) | (home >= 8 ? 1 : 0);
        if (rex != 0 || (isByte && !isHigh && home is >= 4 and < 8)) _asm.Byte(0x40 | rex);
        _asm.Byte(isByte ? 0x80 : 0x83);
        if (home == Homes.InContext) _asm.ModRm(7, Mem.Context(Offsets.Gpr(Number(register.GetFullRegister()))));
        else _asm.Byte(0xC0 | (7 << 3) | (home & 7));
        _asm.Byte(0);
    }
}
