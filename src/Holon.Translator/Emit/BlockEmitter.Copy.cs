using Holon.Translator.Guest;
using Holon.Translator.Host;
using Iced.Intel;

namespace Holon.Translator.Emit;

// Instructions that run as themselves.
internal sealed unsafe partial class BlockEmitter
{
    private void EmitCopy(ref GuestInstruction instruction, int index)
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
        if (IsMulxIntoContext(encoding, instruction))
        {
            EmitMulxIntoContext(ref instruction, encoding, size);
            return;
        }

        if (!Agrees(encoding, instruction) || !Plan(encoding, instruction, _group is not null, out var plan) || (encoding.HasMemory && size is 0 or > 32))
        {
            EmitInterpret(ref instruction);
            return;
        }

        if ((traits & Traits.X87) != 0) EmitEnsureX87(ref instruction);
        if (encoding.HasMemory)
        {
            if (!TakeFromGroup(instruction, plan.SwapHigh >= 0)) EmitAccess(ref instruction, size, (traits & Traits.WritesMemory) != 0, (traits & Traits.Aligned) != 0, plain: plan.SwapHigh >= 0);
        }

        else
        {
            _keepsHeld = plan.Scratch2Guest == 0 && (traits & Traits.X87) == 0;
        }

        PrepareFlags(instruction);
        if (plan.RmInContext && plan.Rm == _scratchGuest && plan.Scratch1Guest == 0)
        {
            // Scratch has it: that is a register operand again, and nobody waits for the context.
            (plan.Scratch1Guest, plan.Rm, plan.RmInContext) = (plan.Rm + 1, Homes.Scratch, false);
        }

        EmitLoads(plan, instruction);
        if (plan.IsVerbatim) _asm.Bytes(bytes);
        else EmitEncoded(encoding, traits, plan);
        EmitStores(plan, instruction);
        FlagsWritten(instruction, index);
    }

    /// <summary>MULX of memory into two registers without a home, of which <see cref="Plan"/> could place one. Arithmetic on long numbers is full of them.</summary>
    private static bool IsMulxIntoContext(in InstructionEncoding encoding, in GuestInstruction instruction) => instruction.Iced.Mnemonic == Mnemonic.Mulx && encoding.HasMemory
        && Homes.Of(encoding.Reg) == Homes.InContext && Homes.Of(encoding.Vvvv) == Homes.InContext && encoding.Reg != encoding.Vvvv && Agrees(encoding, instruction);

    /// <summary>The address register takes one of the results, since the operand has been read before it is written; whoever needs it afterwards gets it back.</summary>
    private void EmitMulxIntoContext(ref GuestInstruction instruction, in InstructionEncoding encoding, int size)
    {
        if (!TakeFromGroup(instruction)) EmitAccess(ref instruction, size, write: false, aligned: false);
        var keep = _group is not null;
        if (keep) _asm.Store(Mem.Context(Offsets.Temporary), Homes.Address);
        var plan = new RegisterPlan { Reg = Homes.Scratch, Vvvv = Homes.Address, OpcodeByte = encoding.Opcode, SwapHigh = -1 };
        EmitEncoded(encoding, instruction.Class.Traits, plan);
        _asm.Store(Mem.Context(Offsets.Gpr(encoding.Reg)), Homes.Scratch);
        _asm.Store(Mem.Context(Offsets.Gpr(encoding.Vvvv)), Homes.Address);
        if (keep) _asm.Load(Homes.Address, Mem.Context(Offsets.Temporary));
        _keepsHeld = false;
        _scratchGuest = encoding.Reg;
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
    private static bool Plan(in InstructionEncoding encoding, in GuestInstruction instruction, bool keepAddress, out RegisterPlan plan)
    {
        var traits = instruction.Class.Traits;
        plan = new RegisterPlan
        {
            Reg = encoding.HasModRm ? encoding.Reg : 0,
            Rm = encoding.Rm,
            Vvvv = encoding.Vvvv,
            Opcode = encoding.OpcodeRegister,
            OpcodeByte = encoding.Opcode,
            SwapHigh = -1,
            IsVerbatim = !encoding.HasMemory,
        };
        // BT, BTS, BTR and BTC of memory by a register: a bit string, in which the register moves the address.
        if (encoding.HasMemory && encoding.Map == 1 && !encoding.IsVex && encoding.Opcode is (0xA3 or 0xAB or 0xB3 or 0xBB)) return false;
        var free = encoding.HasMemory || keepAddress ? 1 : 2;
        var isHigh = false;
        PlaceInContext(encoding, instruction, ref plan);
        if ((traits & Traits.RegIsGpr) != 0 && !Place(encoding, (traits & Traits.RegIsByte) != 0, ref plan.Reg, ref plan, ref free, ref isHigh)) return false;
        if ((traits & Traits.VvvvIsGpr) != 0 && !Place(encoding, false, ref plan.Vvvv, ref plan, ref free, ref isHigh)) return false;
        if ((traits & Traits.RmIsGpr) != 0 && encoding.HasModRm && !encoding.HasMemory && !plan.RmInContext && !Place(encoding, (traits & Traits.RmIsByte) != 0, ref plan.Rm, ref plan, ref free, ref isHigh)) return false;
        if ((traits & Traits.OpcodeIsGpr) != 0 && !Place(encoding, (traits & Traits.RmIsByte) != 0, ref plan.Opcode, ref plan, ref free, ref isHigh)) return false;
        if (!isHigh || plan.IsVerbatim) return true;
        // AH, CH, DH and BH cannot be encoded beside the address register: exchange them with the low byte meanwhile.
        var isCmpxchg = encoding.Map == 1 && encoding.Opcode == 0xB0; // which uses AL, too
        if (!encoding.HasMemory || (traits & Traits.RegIsByte) == 0 || isCmpxchg) return false;
        plan.SwapHigh = plan.Reg = encoding.Reg & 3;
        return true;
    }

    /// <summary>
    /// A register operand without a home can be a memory operand, the context, where the instruction has such a form that does the same: then it needs
    /// no scratch register, and neither load nor store. Operands that can change places do, so that it is the one which may be memory.
    /// </summary>
    private static void PlaceInContext(in InstructionEncoding encoding, in GuestInstruction instruction, ref RegisterPlan plan)
    {
        const Traits both = Traits.RegIsGpr | Traits.RmIsGpr;
        if (encoding.HasMemory || !encoding.HasModRm || (instruction.Class.Traits & Traits.RmIsGpr) == 0) return;
        if (!encoding.IsVex && encoding.Map == 0 && (instruction.Class.Traits & both) == both && Homes.Of(plan.Reg) == Homes.InContext && Homes.Of(plan.Rm) != Homes.InContext)
        {
            // R13–R15 need REX, so that neither operand is one of the legacy high bytes.
            var isTest = encoding.Opcode is 0x84 or 0x85;
            var hasDirection = encoding.Opcode is < 0x40 or (>= 0x88 and <= 0x8B);
            if (isTest || hasDirection)
            {
                (plan.Reg, plan.Rm) = (plan.Rm, plan.Reg);
                if (hasDirection) plan.OpcodeByte ^= 2;
                plan.IsVerbatim = false;
            }
        }

        if (Homes.Of(plan.Rm) != Homes.InContext || !HasSameMemoryForm(encoding)) return;
        if ((instruction.Class.Traits & Traits.RegIsGpr) != 0 && plan.Reg == plan.Rm) return; // one register in one place
        // 32 bits written to a register clear the others, which memory would keep.
        if (IsWritten(instruction, plan.Rm) && instruction.Iced.Op0Register.IsGPR32()) return;
        plan.RmInContext = true;
        plan.IsVerbatim = false;
    }

    /// <summary>Whether an instruction does to memory exactly what it does to a register: same width, no lock, no bit string.</summary>
    private static bool HasSameMemoryForm(in InstructionEncoding encoding)
    {
        var opcode = encoding.Opcode;
        if (encoding.IsVex) return (encoding.Map == 2 && opcode is 0xF2 or 0xF3 or 0xF5 or 0xF6 or 0xF7) || (encoding.Map == 3 && opcode == 0xF0); // BMI
        return encoding.Map switch
        {
            0 => opcode is not (0x86 or 0x87), // XCHG would lock
            1 => opcode is (>= 0x40 and <= 0x4F) or 0xA4 or 0xA5 or 0xAC or 0xAD or 0xAF or 0xB6 or 0xB7 or 0xB8 or 0xBA or 0xBC or 0xBD or 0xBE or 0xBF,
            _ => false,
        };
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

    private void EmitLoads(in RegisterPlan plan, in GuestInstruction instruction)
    {
        if (plan.Scratch1Guest != 0)
        {
            var guest = plan.Scratch1Guest - 1;
            if (guest != _scratchGuest && !IsOnlyWritten(instruction, guest)) _asm.Load(Homes.Scratch, Mem.Context(Offsets.Gpr(guest)));
            _scratchGuest = guest;
        }

        if (plan.Scratch2Guest != 0 && !IsOnlyWritten(instruction, plan.Scratch2Guest - 1)) _asm.Load(Homes.Address, Mem.Context(Offsets.Gpr(plan.Scratch2Guest - 1)));
        if (plan.SwapHigh >= 0) EmitSwapHigh(plan.SwapHigh);
    }

    private void EmitStores(in RegisterPlan plan, in GuestInstruction instruction)
    {
        if (plan.SwapHigh >= 0) EmitSwapHigh(plan.SwapHigh);
        if (plan.Scratch1Guest != 0 && IsWritten(instruction, plan.Scratch1Guest - 1)) _asm.Store(Mem.Context(Offsets.Gpr(plan.Scratch1Guest - 1)), Homes.Scratch);
        if (plan.Scratch2Guest != 0 && IsWritten(instruction, plan.Scratch2Guest - 1)) _asm.Store(Mem.Context(Offsets.Gpr(plan.Scratch2Guest - 1)), Homes.Address);
        // What scratch has is a copy no longer when the context was written past it.
        if (plan.Scratch1Guest == 0 && _scratchGuest != NoGuest && IsWritten(instruction, _scratchGuest)) _scratchGuest = NoGuest;
    }

    /// <summary>Whether a copied instruction writes a register that it names. MULX, XCHG and XADD write their second operand, too.</summary>
    private static bool IsWritten(in GuestInstruction instruction, int guest)
    {
        var traits = instruction.Class.Traits;
        ref readonly var iced = ref instruction.Iced;
        if ((traits & Traits.ReadsFirst) == 0 && iced.Op0Kind == OpKind.Register && IsGeneral(iced.Op0Register, guest)) return true;
        return (traits & Traits.WritesSecond) != 0 && iced.Op1Kind == OpKind.Register && IsGeneral(iced.Op1Register, guest);
    }

    /// <summary>Whether what was in a register before a copied instruction does not matter to it.</summary>
    private static bool IsOnlyWritten(in GuestInstruction instruction, int guest)
    {
        ref readonly var iced = ref instruction.Iced;
        if (iced.Mnemonic is not (Mnemonic.Mov or Mnemonic.Movzx or Mnemonic.Movsx or Mnemonic.Movsxd or Mnemonic.Movd or Mnemonic.Movq)) return false;
        if (iced.Op0Kind != OpKind.Register || !(iced.Op0Register.IsGPR64() || iced.Op0Register.IsGPR32()) || !IsGeneral(iced.Op0Register, guest)) return false;
        return iced.Op1Kind != OpKind.Register || !IsGeneral(iced.Op1Register, guest);
    }

    private static bool IsGeneral(Register register, int guest) => register.IsGPR() && Number(register.GetFullRegister()) == guest;

    /// <summary>XCHG of the two low bytes of RAX, RCX, RDX or RBX.</summary>
    private void EmitSwapHigh(int register)
    {
        _asm.Byte(0x86);
        _asm.Byte(0xC0 | ((register + 4) << 3) | register);
    }

    /// <summary>Writes an instruction with the planned registers, and with the address register's target as memory operand.</summary>
    private void EmitEncoded(in InstructionEncoding encoding, Traits traits, in RegisterPlan plan)
    {
        var memory = encoding.HasMemory || plan.RmInContext;
        var operand = plan.RmInContext ? Mem.Context(Offsets.Gpr(plan.Rm)) : _operand;
        var rm = memory ? Math.Max(operand.Base, 0) : plan.Rm;
        var opcode = plan.OpcodeByte;
        var rex = encoding.Rex & 8;
        if (encoding.HasModRm)
        {
            rex |= ((plan.Reg >> 3) << 2) | (rm >> 3);
            if (memory && operand.Index >= 8) rex |= 2;
        }
        else if ((traits & Traits.OpcodeIsGpr) != 0)
        {
            rex |= plan.Opcode >> 3;
            opcode = (byte)((opcode & ~7) | (plan.Opcode & 7));
        }

        if (plan.RmInContext) _asm.Byte(0x65);
        if (encoding.IsVex)
        {
            _asm.Byte(0xC4);
            _asm.Byte((~rex & 7) << 5 | encoding.Map);
            _asm.Byte((encoding.VexLast & 7) | ((~plan.Vvvv & 15) << 3) | ((rex & 8) << 4));
        }
        else
        {
            if (encoding.HasLock && !CanDropLock(encoding)) _asm.Byte(0xF0);
            if (encoding.Repeat != 0) _asm.Byte(encoding.Repeat);
            if (encoding.HasOperandSize) _asm.Byte(0x66);
            if (rex != 0 || encoding.HasRex) _asm.Byte(0x40 | rex);
            if (encoding.Map != 0) _asm.Byte(0x0F);
            if (encoding.Map == 2) _asm.Byte(0x38);
            else if (encoding.Map == 3) _asm.Byte(0x3A);
        }

        _asm.Byte(opcode);
        if (memory) _asm.ModRm(plan.Reg, operand);
        else if (encoding.HasModRm) _asm.Byte(0xC0 | ((plan.Reg & 7) << 3) | (rm & 7));
        _asm.Bytes(encoding.Immediate);
    }

    /// <summary>
    /// With one vCPU an instruction is atomic as it is, since interrupts come between instructions: LOCK would order it against devices only. Where that is the
    /// purpose, the operation itself does nothing (ADD or OR of 0), or it is XCHG, which locks by itself; see decision 38.
    /// </summary>
    private bool CanDropLock(in InstructionEncoding encoding) => _alone && (encoding.Immediate.IsEmpty || encoding.Immediate.ContainsAnyExcept((byte)0));

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
            _keepsHeld = home != Homes.InContext && DirectBase(iced) >= 0;
            EmitOffset(iced, to);
            if (iced.Op0Register.IsGPR32()) _asm.Mov32(to, to);
        }

        if (home != Homes.InContext) return;
        _asm.Store(Mem.Context(Offsets.Gpr(guest)), to);
        if (_scratchGuest == guest) _scratchGuest = NoGuest;
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
        Defer(new Deferred(DeferredKind.LoadX87, fail, _asm.Position, instruction.Iced.IP, 0, 0, 0));
    }

    /// <summary>Host registers for the register fields of a copied instruction.</summary>
    private struct RegisterPlan
    {
        public int Reg, Rm, Vvvv, Opcode;

        /// <summary>Guest registers plus 1 that stand in the scratch and in the address register.</summary>
        public int Scratch1Guest, Scratch2Guest;

        /// <summary>The register whose bytes change places, or -1.</summary>
        public int SwapHigh;

        /// <summary>The opcode: another one when operands change places.</summary>
        public byte OpcodeByte;

        /// <summary>Rm, a guest register, is the context's.</summary>
        public bool RmInContext;

        /// <summary>The instruction can stay as it is.</summary>
        public bool IsVerbatim;
    }
}
