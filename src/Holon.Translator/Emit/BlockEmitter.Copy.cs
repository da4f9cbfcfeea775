using Holon.Translator.Guest;
using Holon.Translator.Host;
using Iced.Intel;

namespace Holon.Translator.Emit;

// Instructions that run as themselves.
internal sealed unsafe partial class BlockEmitter
{
    private void EmitCopy(ref GuestInstruction instruction)
    {
        var traits = instruction.Class.Traits;
        if ((traits & (Traits.Vector | Traits.X87)) != 0 && (_mode & TranslationMode.NativeVectors) == 0)
        {
            EmitInterpret(ref instruction);
            return;
        }

        var bytes = _guest.BytesOf(instruction);
        var encoding = new InstructionEncoding(bytes);
        var size = encoding.HasMemory ? instruction.Iced.MemorySize.GetSize() : 0;
        if (!Agrees(encoding, instruction) || !Plan(encoding, traits, _group is not null, out var plan) || (encoding.HasMemory && size is 0 or > 32))
        {
            EmitInterpret(ref instruction);
            return;
        }

        if ((traits & Traits.X87) != 0) EmitEnsureX87(ref instruction);
        if (encoding.HasMemory)
        {
            if (IsInGroup(instruction)) _operand = GroupOperand;
            else EmitAccess(ref instruction, size, (traits & Traits.WritesMemory) != 0, (traits & Traits.Aligned) != 0, plain: plan.SwapHigh >= 0);
        }

        PrepareFlags(instruction);
        EmitLoads(plan);
        if (plan.IsVerbatim) _asm.Bytes(bytes);
        else EmitEncoded(encoding, traits, plan);
        EmitStores(plan, traits, encoding.HasMemory);
        FlagsWritten(instruction);
    }

    /// <summary>
    /// Whether the bytes were understood as Iced understands them. They always are, as far as is known; but an operand that we overlooked would
    /// be the host's memory.
    /// </summary>
    private static bool Agrees(in InstructionEncoding encoding, in GuestInstruction instruction)
    {
        var mask = (instruction.Class.Traits & Traits.OpcodeIsGpr) != 0 ? 0xF8 : 0xFF;
        // With a prefix that the guest's processor ignores these are TZCNT and LZCNT on the host.
        if (encoding.Repeat != 0 && instruction.Iced.Mnemonic is (Mnemonic.Bsf or Mnemonic.Bsr)) return false;
        var hasMemory = false;
        for (var i = 0; i < instruction.Iced.OpCount; i++) hasMemory |= instruction.Iced.GetOpKind(i) == OpKind.Memory;
        return encoding.Map == instruction.Class.Map && (encoding.Opcode & mask) == instruction.Class.Opcode && encoding.HasMemory == hasMemory;
    }

    /// <summary>Decides which host register stands for each register field; false when there are not enough.</summary>
    private static bool Plan(in InstructionEncoding encoding, Traits traits, bool keepAddress, out RegisterPlan plan)
    {
        plan = new RegisterPlan { Reg = encoding.HasModRm ? encoding.Reg : 0, Rm = encoding.Rm, Vvvv = encoding.Vvvv, Opcode = encoding.OpcodeRegister, SwapHigh = -1, IsVerbatim = !encoding.HasMemory };
        // BT, BTS, BTR and BTC of memory by a register: a bit string, in which the register moves the address.
        if (encoding.HasMemory && encoding.Map == 1 && !encoding.IsVex && encoding.Opcode is (0xA3 or 0xAB or 0xB3 or 0xBB)) return false;
        var free = encoding.HasMemory || keepAddress ? 1 : 2;
        var isHigh = false;
        if ((traits & Traits.RegIsGpr) != 0 && !Place(encoding, (traits & Traits.RegIsByte) != 0, ref plan.Reg, ref plan, ref free, ref isHigh)) return false;
        if ((traits & Traits.VvvvIsGpr) != 0 && !Place(encoding, false, ref plan.Vvvv, ref plan, ref free, ref isHigh)) return false;
        if ((traits & Traits.RmIsGpr) != 0 && encoding.HasModRm && !encoding.HasMemory && !Place(encoding, (traits & Traits.RmIsByte) != 0, ref plan.Rm, ref plan, ref free, ref isHigh)) return false;
        if ((traits & Traits.OpcodeIsGpr) != 0 && !Place(encoding, (traits & Traits.RmIsByte) != 0, ref plan.Opcode, ref plan, ref free, ref isHigh)) return false;
        if (!isHigh || plan.IsVerbatim) return true;
        // AH, CH, DH and BH cannot be encoded beside the address register: exchange them with the low byte meanwhile.
        var isCmpxchg = encoding.Map == 1 && encoding.Opcode == 0xB0; // which uses AL, too
        if (!encoding.HasMemory || (traits & Traits.RegIsByte) == 0 || isCmpxchg) return false;
        plan.SwapHigh = plan.Reg = encoding.Reg & 3;
        return true;
    }

    private static bool Place(in InstructionEncoding encoding, bool isByte, ref int register, ref RegisterPlan plan, ref int free, ref bool isHigh)
    {
        if (isByte && !encoding.HasRex && register is >= 4 and < 8)
        {
            isHigh = true;
            return true;
        }

        var home = Homes.Of(register);
        if (home == register) return true;
        plan.IsVerbatim = false;
        if (home != Homes.InContext)
        {
            register = home;
            return true;
        }

        // The same guest register twice takes one scratch register.
        if (plan.Scratch1Guest == register + 1)
        {
            register = Homes.Scratch;
            return true;
        }

        if (plan.Scratch2Guest == register + 1)
        {
            register = Homes.Address;
            return true;
        }

        if (free-- == 0) return false;
        if (plan.Scratch1Guest == 0)
        {
            plan.Scratch1Guest = register + 1;
            register = Homes.Scratch;
        }
        else
        {
            plan.Scratch2Guest = register + 1;
            register = Homes.Address;
        }

        return true;
    }

    private void EmitLoads(in RegisterPlan plan)
    {
        if (plan.Scratch1Guest != 0) _asm.Load(Homes.Scratch, Mem.Context(Offsets.Gpr(plan.Scratch1Guest - 1)));
        if (plan.Scratch2Guest != 0) _asm.Load(Homes.Address, Mem.Context(Offsets.Gpr(plan.Scratch2Guest - 1)));
        if (plan.SwapHigh >= 0) EmitSwapHigh(plan.SwapHigh);
    }

    private void EmitStores(in RegisterPlan plan, Traits traits, bool hasMemory)
    {
        if (plan.SwapHigh >= 0) EmitSwapHigh(plan.SwapHigh);
        if ((traits & Traits.ReadsFirst) != 0 || (hasMemory && (traits & (Traits.WritesMemory | Traits.WritesSecond)) == Traits.WritesMemory)) return;
        if (plan.Scratch1Guest != 0) _asm.Store(Mem.Context(Offsets.Gpr(plan.Scratch1Guest - 1)), Homes.Scratch);
        if (plan.Scratch2Guest != 0) _asm.Store(Mem.Context(Offsets.Gpr(plan.Scratch2Guest - 1)), Homes.Address);
    }

    /// <summary>XCHG of the two low bytes of RAX, RCX, RDX or RBX.</summary>
    private void EmitSwapHigh(int register)
    {
        _asm.Byte(0x86);
        _asm.Byte(0xC0 | ((register + 4) << 3) | register);
    }

    /// <summary>Writes an instruction with the planned registers, and with the address register's target as memory operand.</summary>
    private void EmitEncoded(in InstructionEncoding encoding, Traits traits, in RegisterPlan plan)
    {
        var memory = encoding.HasMemory;
        var rm = memory ? _operand.Base : plan.Rm;
        var opcode = encoding.Opcode;
        var rex = encoding.Rex & 8;
        if (encoding.HasModRm)
        {
            rex |= ((plan.Reg >> 3) << 2) | (rm >> 3);
            if (memory && _operand.Index >= 8) rex |= 2;
        }
        else if ((traits & Traits.OpcodeIsGpr) != 0)
        {
            rex |= plan.Opcode >> 3;
            opcode = (byte)((opcode & ~7) | (plan.Opcode & 7));
        }

        if (encoding.IsVex)
        {
            _asm.Byte(0xC4);
            _asm.Byte((~rex & 7) << 5 | encoding.Map);
            _asm.Byte((encoding.VexLast & 7) | ((~plan.Vvvv & 15) << 3) | ((rex & 8) << 4));
        }
        else
        {
            if (encoding.HasLock) _asm.Byte(0xF0);
            if (encoding.Repeat != 0) _asm.Byte(encoding.Repeat);
            if (encoding.HasOperandSize) _asm.Byte(0x66);
            if (rex != 0 || encoding.HasRex) _asm.Byte(0x40 | rex);
            if (encoding.Map != 0) _asm.Byte(0x0F);
            if (encoding.Map == 2) _asm.Byte(0x38);
            else if (encoding.Map == 3) _asm.Byte(0x3A);
        }

        _asm.Byte(opcode);
        if (memory) _asm.ModRm(plan.Reg, _operand);
        else if (encoding.HasModRm) _asm.Byte(0xC0 | ((plan.Reg & 7) << 3) | (rm & 7));
        _asm.Bytes(encoding.Immediate);
    }

    private void EmitLea(ref GuestInstruction instruction)
    {
        ref var iced = ref instruction.Iced;
        var guest = Number(iced.Op0Register);
        var home = Homes.Of(guest);
        var to = home == Homes.InContext ? Homes.Address : home;
        if (iced.Op0Register.IsGPR32() && iced.MemoryBase is not (Register.RIP or Register.EIP))
        {
            EmitOffset(iced, Homes.Address);
            _asm.Mov32(to, Homes.Address);
        }
        else
        {
            EmitOffset(iced, to);
            if (iced.Op0Register.IsGPR32()) _asm.Mov32(to, to);
        }

        if (home == Homes.InContext) _asm.Store(Mem.Context(Offsets.Gpr(guest)), to);
    }

    /// <summary>DIV and IDIV fault on the host where they would on the guest: such operands are left to the interpreter.</summary>
    private void EmitDivide(ref GuestInstruction instruction)
    {
        ref var iced = ref instruction.Iced;
        var wide = iced.Code is Code.Div_rm64 or Code.Idiv_rm64;
        const int rax = 0, rdx = 2;
        if (iced.Op0Kind == OpKind.Memory)
        {
            EmitAccess(ref instruction, wide ? 8 : 4, false, false);
            if (wide) _asm.Load(Homes.Scratch, _operand);
            else _asm.Load32(Homes.Scratch, _operand);
        }
        else
        {
            LoseHostFlags(instruction.LiveBefore);
            MovUnlessSame(Homes.Scratch, Value(Number(iced.Op0Register), Homes.Scratch));
        }

        var signed = iced.Mnemonic == Mnemonic.Idiv;
        if (signed)
        {
            // RDX:RAX must be RAX sign-extended, as it nearly always is, and the divisor neither 0 nor -1.
            _asm.Mov(Homes.Address, rax);
            _asm.Shift(wide, 7, Homes.Address, wide ? 63 : 31);
            _asm.RegReg(wide, 0x3B, Homes.Address, rdx);
            Defer(DeferredKind.Interpret, _asm.Jcc(Condition.NotEqual), iced.IP);
            _asm.RegMem(wide, 0x8D, Homes.Address, Mem.At(Homes.Scratch, 1));
            _asm.AluImmediate(wide, AluOp.Cmp, Homes.Address, 1);
            Defer(DeferredKind.Interpret, _asm.Jcc(Condition.BelowOrEqual), iced.IP);
        }
        else
        {
            _asm.RegReg(wide, 0x3B, rdx, Homes.Scratch);
            Defer(DeferredKind.Interpret, _asm.Jcc(Condition.AboveOrEqual), iced.IP); // the quotient would not fit
        }

        _asm.RegReg(wide, 0xF7, signed ? 7 : 6, Homes.Scratch);
        _flags = FlagPlace.Host;
    }

    /// <summary>FLDCW and LDMXCSR. A value that lets an exception through would raise it on the host: the interpreter takes that, and all such code after it.</summary>
    private void EmitLoadControl(ref GuestInstruction instruction)
    {
        if ((_mode & TranslationMode.NativeVectors) == 0)
        {
            EmitInterpret(ref instruction);
            return;
        }

        var x87 = instruction.Iced.Code == Code.Fldcw_m2byte;
        if (x87) EmitEnsureX87(ref instruction);
        EmitAccess(ref instruction, x87 ? 2 : 4, false, false);
        if (x87) _asm.LoadZero16(Homes.Scratch, _operand);
        else _asm.Load32(Homes.Scratch, _operand);
        _asm.Store32(Mem.Context(Offsets.Temporary), Homes.Scratch);
        // Masks set and nothing reserved: bits 0–5 of the x87's, bits 7–12 of MXCSR with 16–31 clear.
        var (mask, value) = x87 ? (0x3F, 0x3F) : (unchecked((int)0xFFFF1F80), 0x1F80);
        _asm.AluImmediate(false, AluOp.And, Homes.Scratch, mask);
        _asm.AluImmediate(false, AluOp.Cmp, Homes.Scratch, value);
        Defer(DeferredKind.Interpret, _asm.Jcc(Condition.NotEqual), instruction.Iced.IP);
        if (x87) _asm.RegMem(false, 0xD9, 5, Mem.Context(Offsets.Temporary));
        else _asm.Mxcsr(2, Offsets.Temporary);
    }

    /// <summary>Before the first x87 or MMX instruction of a block.</summary>
    private void EmitEnsureX87(ref GuestInstruction instruction)
    {
        if (_x87Ready) return;
        _x87Ready = true;
        LoseHostFlags(instruction.LiveBefore);
        _asm.AluImmediate32(AluOp.Cmp, Mem.Context(Offsets.X87Live), 0);
        var fail = _asm.Jcc(Condition.Equal);
        _deferred.Add(new Deferred(DeferredKind.LoadX87, fail, _asm.Position, instruction.Iced.IP, 0, 0, 0, default));
    }

    /// <summary>Host registers for the register fields of a copied instruction.</summary>
    private struct RegisterPlan
    {
        public int Reg, Rm, Vvvv, Opcode;

        /// <summary>Guest registers plus 1 that stand in the scratch and in the address register.</summary>
        public int Scratch1Guest, Scratch2Guest;

        /// <summary>The register whose bytes change places, or -1.</summary>
        public int SwapHigh;

        /// <summary>The instruction can stay as it is.</summary>
        public bool IsVerbatim;
    }
}
