using Holon.Interpreter.Decoding;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <summary>Rows of the integer instructions, and the handlers of those too small for a file of their own.</summary>
internal static unsafe class IntegerInstructions
{
    public static void Declare(InstructionTable table)
    {
        table.Add(Mnemonic.Add, &Alu.BindBinary<Add>);
        table.Add(Mnemonic.Adc, &Alu.BindBinary<Adc>);
        table.Add(Mnemonic.Sub, &Alu.BindBinary<Sub>);
        table.Add(Mnemonic.Sbb, &Alu.BindBinary<Sbb>);
        table.Add(Mnemonic.Cmp, &Alu.BindBinary<Cmp>);
        table.Add(Mnemonic.And, &Alu.BindBinary<And>);
        table.Add(Mnemonic.Or, &Alu.BindBinary<Or>);
        table.Add(Mnemonic.Xor, &Alu.BindBinary<Xor>);
        table.Add(Mnemonic.Test, &Alu.BindBinary<Test>);
        table.Add(Mnemonic.Inc, &Alu.BindUnary<Inc>);
        table.Add(Mnemonic.Dec, &Alu.BindUnary<Dec>);
        table.Add(Mnemonic.Neg, &Alu.BindUnary<Neg>);
        table.Add(Mnemonic.Not, &Alu.BindUnary<Not>);

        table.Add(Mnemonic.Sal, &Shifts.Bind<Shl>);
        table.Add(Mnemonic.Shl, &Shifts.Bind<Shl>);
        table.Add(Mnemonic.Shr, &Shifts.Bind<Shr>);
        table.Add(Mnemonic.Sar, &Shifts.Bind<Sar>);
        table.Add(Mnemonic.Rol, &Shifts.Bind<Rol>);
        table.Add(Mnemonic.Ror, &Shifts.Bind<Ror>);
        table.Add(Mnemonic.Rcl, &Shifts.Bind<Rcl>);
        table.Add(Mnemonic.Rcr, &Shifts.Bind<Rcr>);
        table.Add(Mnemonic.Shld, &Shifts.BindDouble);
        table.Add(Mnemonic.Shrd, &Shifts.BindDouble);

        table.Add(Mnemonic.Mul, &Multiply.BindMul);
        table.Add(Mnemonic.Imul, &Multiply.BindImul);
        table.Add(Mnemonic.Div, &Multiply.BindDiv);
        table.Add(Mnemonic.Idiv, &Multiply.BindIdiv);
        table.Add(Mnemonic.Mulx, &Multiply.BindMulx);

        table.Add(Mnemonic.Mov, &Moves.BindMov); // moves to segment and control registers end their block themselves
        table.Add(Mnemonic.Movzx, &Moves.BindExtend<False>);
        table.Add(Mnemonic.Movsx, &Moves.BindExtend<True>);
        table.Add(Mnemonic.Movsxd, &Moves.BindExtend<True>);
        table.Add(Mnemonic.Lea, &Moves.BindLea);
        table.Add(Mnemonic.Xchg, &Moves.BindXchg);
        table.Add(Mnemonic.Xadd, &Moves.BindXadd);
        table.Add(Mnemonic.Cmpxchg, &Moves.BindCmpxchg);
        table.Add(Mnemonic.Cmpxchg8b, &Moves.BindCmpxchg8b);
        table.Add(Mnemonic.Cmpxchg16b, &Moves.BindCmpxchg16b);
        table.Add(Mnemonic.Bswap, &Moves.BindBswap);
        table.Add(Mnemonic.Movbe, &Moves.BindMovbe);
        table.Add(Mnemonic.Cbw, &Moves.BindExtendAccumulator);
        table.Add(Mnemonic.Cwde, &Moves.BindExtendAccumulator);
        table.Add(Mnemonic.Cdqe, &Moves.BindExtendAccumulator);
        table.Add(Mnemonic.Cwd, &Moves.BindSignToD);
        table.Add(Mnemonic.Cdq, &Moves.BindSignToD);
        table.Add(Mnemonic.Cqo, &Moves.BindSignToD);
        table.Add(Mnemonic.Xlatb, &Moves.BindXlat);

        table.Add(Mnemonic.Bt, &Bits.BindTest<Bt>);
        table.Add(Mnemonic.Bts, &Bits.BindTest<Bts>);
        table.Add(Mnemonic.Btr, &Bits.BindTest<Btr>);
        table.Add(Mnemonic.Btc, &Bits.BindTest<Btc>);
        table.Add(Mnemonic.Bsf, &Bits.BindFunction<Bsf>);
        table.Add(Mnemonic.Bsr, &Bits.BindFunction<Bsr>);
        table.Add(Mnemonic.Popcnt, &Bits.BindFunction<Popcnt>);
        table.Add(Mnemonic.Lzcnt, &Bits.BindFunction<Lzcnt>);
        table.Add(Mnemonic.Tzcnt, &Bits.BindFunction<Tzcnt>);
        table.Add(Mnemonic.Blsi, &Bits.BindFunction<Blsi>);
        table.Add(Mnemonic.Blsr, &Bits.BindFunction<Blsr>);
        table.Add(Mnemonic.Blsmsk, &Bits.BindFunction<Blsmsk>);
        table.Add(Mnemonic.Adcx, &Bits.BindFunction<Adcx>);
        table.Add(Mnemonic.Adox, &Bits.BindFunction<Adox>);
        table.Add(Mnemonic.Bextr, &Bits.BindControl<Bextr>);
        table.Add(Mnemonic.Bzhi, &Bits.BindControl<Bzhi>);
        table.Add(Mnemonic.Shlx, &Bits.BindControl<Shlx>);
        table.Add(Mnemonic.Shrx, &Bits.BindControl<Shrx>);
        table.Add(Mnemonic.Sarx, &Bits.BindControl<Sarx>);
        table.Add(Mnemonic.Rorx, &Bits.BindControl<Rorx>);
        table.Add(Mnemonic.Andn, &Bits.BindMask<Andn>);
        table.Add(Mnemonic.Pdep, &Bits.BindMask<Pdep>);
        table.Add(Mnemonic.Pext, &Bits.BindMask<Pext>);
        table.Add(Mnemonic.Crc32, &Bits.BindCrc32);

        table.Add(Mnemonic.Nop, &BindNop);
        table.Add(Mnemonic.Endbr64, &BindNop);
        table.Add(Mnemonic.Endbr32, &BindNop);
        table.Add(Mnemonic.Reservednop, &BindNop);
        table.Add(Mnemonic.Prefetchnta, &BindNop);
        table.Add(Mnemonic.Prefetcht0, &BindNop);
        table.Add(Mnemonic.Prefetcht1, &BindNop);
        table.Add(Mnemonic.Prefetcht2, &BindNop);
        table.Add(Mnemonic.Prefetchw, &BindNop);
        table.Add(Mnemonic.Prefetch, &BindNop);
        table.Add(Mnemonic.Lfence, &BindFence);
        table.Add(Mnemonic.Sfence, &BindFence);
        table.Add(Mnemonic.Mfence, &BindFence);
        table.Add(Mnemonic.Clflush, &BindTouch);
        table.Add(Mnemonic.Clflushopt, &BindTouch);
        table.Add(Mnemonic.Clwb, &BindTouch);
        table.Add(Mnemonic.Movnti, &Moves.BindMov);

        table.Add(Mnemonic.Clc, &BindFlag);
        table.Add(Mnemonic.Stc, &BindFlag);
        table.Add(Mnemonic.Cmc, &BindFlag);
        table.Add(Mnemonic.Cld, &BindFlag);
        table.Add(Mnemonic.Std, &BindFlag);
        table.Add(Mnemonic.Lahf, &BindFlag);
        table.Add(Mnemonic.Sahf, &BindFlag);
        table.Add(Mnemonic.Salc, &BindFlag);

        table.Add(Mnemonic.Aaa, &BindDecimal);
        table.Add(Mnemonic.Aas, &BindDecimal);
        table.Add(Mnemonic.Daa, &BindDecimal);
        table.Add(Mnemonic.Das, &BindDecimal);
        table.Add(Mnemonic.Aam, &BindDecimal);
        table.Add(Mnemonic.Aad, &BindDecimal);
        table.Add(Mnemonic.Bound, &BindBound);
        table.Add(Mnemonic.Ud0, &BindUd);
        table.Add(Mnemonic.Ud1, &BindUd);
        table.Add(Mnemonic.Ud2, &BindUd);
    }

    private static Handler BindNop(in Instruction instruction, Op* op) => &Nop;

    private static Handler BindFence(in Instruction instruction, Op* op) => &Fence;

    private static Handler BindTouch(in Instruction instruction, Op* op) => &Touch;

    private static Handler BindUd(in Instruction instruction, Op* op) => &Ud;

    private static Handler BindFlag(in Instruction instruction, Op* op) => instruction.Mnemonic switch
    {
        Mnemonic.Clc => &Clc,
        Mnemonic.Stc => &Stc,
        Mnemonic.Cmc => &Cmc,
        Mnemonic.Cld => &Cld,
        Mnemonic.Std => &Std,
        Mnemonic.Lahf => &Lahf,
        Mnemonic.Sahf => &Sahf,
        _ => &Salc,
    };

    private static Handler BindDecimal(in Instruction instruction, Op* op) => instruction.Mnemonic switch
    {
        Mnemonic.Aaa => &Aaa,
        Mnemonic.Aas => &Aas,
        Mnemonic.Daa => &Daa,
        Mnemonic.Das => &Das,
        Mnemonic.Aam => &Aam,
        _ => &Aad,
    };

    private static Handler BindBound(in Instruction instruction, Op* op) => instruction.Op0Register.GetSize() == 2 ? &Bound16 : &Bound32;

    private static Op* Nop(Interpreter cpu, Op* op) => op + 1;

    private static Op* Fence(Interpreter cpu, Op* op)
    {
        Interlocked.MemoryBarrier();
        return op + 1;
    }

    /// <summary>Cache-line instructions: caches are coherent, but the address must be readable.</summary>
    private static Op* Touch(Interpreter cpu, Op* op)
    {
        cpu.ProbeRead(cpu.Address(op, 1), 1);
        return op + 1;
    }

    private static Op* Ud(Interpreter cpu, Op* op)
    {
        cpu.RaiseUd();
        return null;
    }

    private static Op* Clc(Interpreter cpu, Op* op)
    {
        cpu.CarryFlag = false;
        return op + 1;
    }

    private static Op* Stc(Interpreter cpu, Op* op)
    {
        cpu.CarryFlag = true;
        return op + 1;
    }

    private static Op* Cmc(Interpreter cpu, Op* op)
    {
        cpu.CarryFlag = !cpu.CarryFlag;
        return op + 1;
    }

    private static Op* Cld(Interpreter cpu, Op* op)
    {
        cpu.State.Rflags &= ~Rflags.DF;
        return op + 1;
    }

    private static Op* Std(Interpreter cpu, Op* op)
    {
        cpu.State.Rflags |= Rflags.DF;
        return op + 1;
    }

    private static Op* Lahf(Interpreter cpu, Op* op)
    {
        cpu.SetReg<byte>(1, (byte)((cpu.GetRflags() & 0xD5) | 2));
        return op + 1;
    }

    private static Op* Sahf(Interpreter cpu, Op* op)
    {
        cpu.LoadStatusFlags((cpu.Reg<byte>(1) & (Rflags.Status & 0xFF)) | (cpu.OverflowFlag ? Rflags.OF : 0));
        return op + 1;
    }

    private static Op* Salc(Interpreter cpu, Op* op)
    {
        cpu.SetReg(0, cpu.CarryFlag ? (byte)0xFF : (byte)0);
        return op + 1;
    }

    private static Op* Aaa(Interpreter cpu, Op* op) => AdjustAscii(cpu, op, 1);

    private static Op* Aas(Interpreter cpu, Op* op) => AdjustAscii(cpu, op, -1);

    private static Op* AdjustAscii(Interpreter cpu, Op* op, int sign)
    {
        var ax = cpu.Reg<ushort>(0);
        var adjust = (ax & 0xF) > 9 || cpu.AuxiliaryFlag;
        if (adjust) ax = (ushort)(ax + (sign * 0x106));
        cpu.SetReg(0, (ushort)(ax & 0xFF0F));
        cpu.LoadStatusFlags(adjust ? Rflags.CF | Rflags.AF : 0);
        return op + 1;
    }

    private static Op* Daa(Interpreter cpu, Op* op) => AdjustDecimal(cpu, op, 1);

    private static Op* Das(Interpreter cpu, Op* op) => AdjustDecimal(cpu, op, -1);

    private static Op* AdjustDecimal(Interpreter cpu, Op* op, int sign)
    {
        int al = cpu.Reg<byte>(0), old = al;
        var carry = cpu.CarryFlag;
        var auxiliary = (al & 0xF) > 9 || cpu.AuxiliaryFlag;
        var newCarry = false;
        if (auxiliary)
        {
            al += sign * 6;
            newCarry = carry || al is < 0 or > 0xFF;
        }

        if (old > 0x99 || carry)
        {
            al += sign * 0x60;
            newCarry = true;
        }

        cpu.SetReg(0, (byte)al);
        cpu.SetFlagsLogic((byte)al);
        cpu.LoadStatusFlags((cpu.GetRflags() & ~(Rflags.CF | Rflags.AF)) | (newCarry ? Rflags.CF : 0) | (auxiliary ? Rflags.AF : 0));
        return op + 1;
    }

    private static Op* Aam(Interpreter cpu, Op* op)
    {
        var divisor = (byte)op->Immediate;
        if (divisor == 0) cpu.Raise(ExceptionVector.DivideError, 0);
        var al = cpu.Reg<byte>(0);
        cpu.SetReg(0, (ushort)((al / divisor << 8) | (al % divisor)));
        cpu.SetFlagsLogic((byte)(al % divisor));
        return op + 1;
    }

    private static Op* Aad(Interpreter cpu, Op* op)
    {
        var ax = cpu.Reg<ushort>(0);
        var al = (byte)((byte)ax + ((ax >> 8) * (byte)op->Immediate));
        cpu.SetReg(0, (ushort)al);
        cpu.SetFlagsLogic(al);
        return op + 1;
    }

    private static Op* Bound16(Interpreter cpu, Op* op)
    {
        var address = cpu.Address(op, 4);
        var index = cpu.Reg<short>(op->Reg0);
        if (index < cpu.Read<short>(address) || index > cpu.Read<short>(address + 2)) cpu.Raise(ExceptionVector.BoundRange, 0);
        return op + 1;
    }

    private static Op* Bound32(Interpreter cpu, Op* op)
    {
        var address = cpu.Address(op, 8);
        var index = cpu.Reg<int>(op->Reg0);
        if (index < cpu.Read<int>(address) || index > cpu.Read<int>(address + 4)) cpu.Raise(ExceptionVector.BoundRange, 0);
        return op + 1;
    }
}
