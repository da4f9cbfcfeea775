using System.Numerics;
using System.Runtime.CompilerServices;
using Holon.Interpreter.Decoding;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <summary>Near control transfer, conditions, and the stack.</summary>
internal static unsafe partial class ControlInstructions
{
    public static void Declare(InstructionTable table)
    {
        table.Add(Mnemonic.Jmp, &BindJmp, FormFlags.EndsBlock);
        table.Add(Mnemonic.Call, &BindCall, FormFlags.EndsBlock);
        table.Add(Mnemonic.Ret, &BindRet, FormFlags.EndsBlock);
        table.Add(Mnemonic.Loop, &BindLoop);
        table.Add(Mnemonic.Loope, &BindLoop);
        table.Add(Mnemonic.Loopne, &BindLoop);
        table.Add(Mnemonic.Jcxz, &BindJcxz);
        table.Add(Mnemonic.Jecxz, &BindJcxz);
        table.Add(Mnemonic.Jrcxz, &BindJcxz);

        DeclareCondition<O>(table, Mnemonic.Jo, Mnemonic.Seto, Mnemonic.Cmovo);
        DeclareCondition<Not<O>>(table, Mnemonic.Jno, Mnemonic.Setno, Mnemonic.Cmovno);
        DeclareCondition<B>(table, Mnemonic.Jb, Mnemonic.Setb, Mnemonic.Cmovb);
        DeclareCondition<Not<B>>(table, Mnemonic.Jae, Mnemonic.Setae, Mnemonic.Cmovae);
        DeclareCondition<E>(table, Mnemonic.Je, Mnemonic.Sete, Mnemonic.Cmove);
        DeclareCondition<Not<E>>(table, Mnemonic.Jne, Mnemonic.Setne, Mnemonic.Cmovne);
        DeclareCondition<Be>(table, Mnemonic.Jbe, Mnemonic.Setbe, Mnemonic.Cmovbe);
        DeclareCondition<Not<Be>>(table, Mnemonic.Ja, Mnemonic.Seta, Mnemonic.Cmova);
        DeclareCondition<S>(table, Mnemonic.Js, Mnemonic.Sets, Mnemonic.Cmovs);
        DeclareCondition<Not<S>>(table, Mnemonic.Jns, Mnemonic.Setns, Mnemonic.Cmovns);
        DeclareCondition<P>(table, Mnemonic.Jp, Mnemonic.Setp, Mnemonic.Cmovp);
        DeclareCondition<Not<P>>(table, Mnemonic.Jnp, Mnemonic.Setnp, Mnemonic.Cmovnp);
        DeclareCondition<L>(table, Mnemonic.Jl, Mnemonic.Setl, Mnemonic.Cmovl);
        DeclareCondition<Not<L>>(table, Mnemonic.Jge, Mnemonic.Setge, Mnemonic.Cmovge);
        DeclareCondition<Le>(table, Mnemonic.Jle, Mnemonic.Setle, Mnemonic.Cmovle);
        DeclareCondition<Not<Le>>(table, Mnemonic.Jg, Mnemonic.Setg, Mnemonic.Cmovg);

        table.Add(Mnemonic.Push, &BindPush);
        table.Add(Mnemonic.Pop, &BindPop);
        table.Add(Mnemonic.Pusha, &BindPusha);
        table.Add(Mnemonic.Pushad, &BindPusha);
        table.Add(Mnemonic.Popa, &BindPopa);
        table.Add(Mnemonic.Popad, &BindPopa);
        table.Add(Mnemonic.Enter, &BindEnter);
        table.Add(Mnemonic.Leave, &BindLeave);
    }

    private static void DeclareCondition<TCondition>(InstructionTable table, Mnemonic jump, Mnemonic set, Mnemonic move)
        where TCondition : struct, ICondition
    {
        table.Add(jump, &BindJcc<TCondition>);
        table.Add(set, &BindSetcc<TCondition>);
        table.Add(move, &BindCmov<TCondition>);
    }

    private static Handler BindJcc<TCondition>(in Instruction instruction, Op* op)
        where TCondition : struct, ICondition => &Jcc<TCondition>;

    private static Handler BindSetcc<TCondition>(in Instruction instruction, Op* op)
        where TCondition : struct, ICondition => instruction.Op0Kind == OpKind.Register ? &SetccRegister<TCondition> : &SetccMemory<TCondition>;

    private static Handler BindCmov<TCondition>(in Instruction instruction, Op* op)
        where TCondition : struct, ICondition
    {
        var memory = instruction.Op1Kind == OpKind.Memory;
        return instruction.Op0Register.GetSize() switch
        {
            2 => memory ? &CmovMemory<TCondition, ushort> : &CmovRegister<TCondition, ushort>,
            4 => memory ? &CmovMemory<TCondition, uint> : &CmovRegister<TCondition, uint>,
            _ => memory ? &CmovMemory<TCondition, ulong> : &CmovRegister<TCondition, ulong>,
        };
    }

    private static Handler BindJmp(in Instruction instruction, Op* op)
    {
        if (instruction.Op0Kind is OpKind.FarBranch16 or OpKind.FarBranch32 || IsFarMemory(instruction)) return SystemInstructions.BindFarJmp(instruction);
        if (instruction.Op0Kind is OpKind.NearBranch16 or OpKind.NearBranch32 or OpKind.NearBranch64) return NarrowBranch(instruction) ? &JmpTruncated : &JmpDirect;
        var register = instruction.Op0Kind == OpKind.Register;
        return Alu.OperandSize(instruction) switch
        {
            2 => register ? &JmpRegister<ushort> : &JmpMemory<ushort>,
            4 => register ? &JmpRegister<uint> : &JmpMemory<uint>,
            _ => register ? &JmpRegister<ulong> : &JmpMemory<ulong>,
        };
    }

    private static Handler BindCall(in Instruction instruction, Op* op)
    {
        if (instruction.Op0Kind is OpKind.FarBranch16 or OpKind.FarBranch32 || IsFarMemory(instruction)) return SystemInstructions.BindFarCall(instruction);
        switch (instruction.Op0Kind)
        {
            case OpKind.NearBranch16: return &CallDirect<ushort>;
            case OpKind.NearBranch32: return &CallDirect<uint>;
            case OpKind.NearBranch64: return &CallDirect64;
        }

        var register = instruction.Op0Kind == OpKind.Register;
        return Alu.OperandSize(instruction) switch
        {
            2 => register ? &CallRegister<ushort> : &CallMemory<ushort>,
            4 => register ? &CallRegister<uint> : &CallMemory<uint>,
            _ => register ? &CallRegister<ulong> : &CallMemory<ulong>,
        };
    }

    private static Handler BindRet(in Instruction instruction, Op* op)
    {
        return instruction.Code switch
        {
            Code.Retnw or Code.Retnw_imm16 => &Ret<ushort>,
            Code.Retnd or Code.Retnd_imm16 => &Ret<uint>,
            _ => &Ret<ulong>,
        };
    }

    private static Handler BindLoop(in Instruction instruction, Op* op)
    {
        op->AddressSize = CountSize(instruction);
        return instruction.Mnemonic switch
        {
            Mnemonic.Loop => &Loop<Always>,
            Mnemonic.Loope => &Loop<E>,
            _ => &Loop<Not<E>>,
        };
    }

    private static Handler BindJcxz(in Instruction instruction, Op* op)
    {
        op->AddressSize = CountSize(instruction);
        return &Jcxz;
    }

    private static byte CountSize(in Instruction instruction) => instruction.Code switch
    {
        Code.Loop_rel8_16_CX or Code.Loop_rel8_32_CX or Code.Loope_rel8_16_CX or Code.Loope_rel8_32_CX or Code.Loopne_rel8_16_CX or Code.Loopne_rel8_32_CX
            or Code.Jcxz_rel8_16 or Code.Jcxz_rel8_32 => 2,
        Code.Loop_rel8_16_RCX or Code.Loop_rel8_64_RCX or Code.Loope_rel8_16_RCX or Code.Loope_rel8_64_RCX or Code.Loopne_rel8_16_RCX or Code.Loopne_rel8_64_RCX
            or Code.Jrcxz_rel8_16 or Code.Jrcxz_rel8_64 => 8,
        _ => 4,
    };

    private static bool IsFarMemory(in Instruction instruction) => instruction.IsJmpFarIndirect || instruction.IsCallFarIndirect;

    /// <summary>A branch whose operand size is narrower than the code's: the target is truncated (16-bit branches in 32-bit code).</summary>
    private static bool NarrowBranch(in Instruction instruction) => instruction.Op0Kind == OpKind.NearBranch16;

    private static ulong Count(Interpreter cpu, Op* op) => op->AddressSize switch { 2 => (ushort)cpu.Gpr(1), 4 => (uint)cpu.Gpr(1), _ => cpu.Gpr(1) };

    private static Op* JmpDirect(Interpreter cpu, Op* op) => cpu.Follow(op);

    private static Op* JmpTruncated(Interpreter cpu, Op* op) => JumpTo(cpu, op, (ushort)(cpu.Context->RipPage + op->Immediate));

    private static Op* Jcc<TCondition>(Interpreter cpu, Op* op)
        where TCondition : struct, ICondition => TCondition.Test(cpu) ? cpu.FollowTaken(op) : op + 1;

    private static Op* JmpRegister<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T> => JumpTo(cpu, op, ulong.CreateTruncating(cpu.Reg<T>(op->Reg0)));

    private static Op* JmpMemory<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T> => JumpTo(cpu, op, ulong.CreateTruncating(cpu.Read<T>(cpu.Address(op, sizeof(T)))));

    private static Op* CallDirect64(Interpreter cpu, Op* op)
    {
        var target = cpu.Context->RipPage + op->Immediate;
        if (!Interpreter.IsCanonical(target)) cpu.RaiseGp();
        cpu.Push(cpu.NextRip(op));
        return cpu.Follow(op);
    }

    private static Op* CallDirect<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        var target = ulong.CreateTruncating(T.CreateTruncating(cpu.Context->RipPage + op->Immediate));
        CheckTarget(cpu, target);
        cpu.Push(T.CreateTruncating(cpu.NextRip(op)));
        cpu.State.Rip = target;
        return null;
    }

    private static Op* CallRegister<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        var target = ulong.CreateTruncating(cpu.Reg<T>(op->Reg0));
        PushReturn<T>(cpu, op, target);
        cpu.State.Rip = target;
        return null;
    }

    private static Op* CallMemory<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        var target = ulong.CreateTruncating(cpu.Read<T>(cpu.Address(op, sizeof(T))));
        PushReturn<T>(cpu, op, target);
        cpu.State.Rip = target;
        return null;
    }

    /// <summary>Pushes the return address. In 64-bit mode Intel's processors do that before they look at an indirect target.</summary>
    private static void PushReturn<T>(Interpreter cpu, Op* op, ulong target)
        where T : unmanaged, IBinaryInteger<T>
    {
        if (!cpu.Code64) CheckTarget(cpu, target);
        cpu.Push(T.CreateTruncating(cpu.NextRip(op)));
        if (!cpu.Code64 || Interpreter.IsCanonical(target)) return;
        cpu.AddToStackPointer((ulong)sizeof(T));
        cpu.RaiseGp();
    }

    private static Op* Ret<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        var target = ulong.CreateTruncating(cpu.Peek<T>(0));
        CheckTarget(cpu, target);
        cpu.AddToStackPointer((ulong)sizeof(T) + op->Immediate);
        cpu.State.Rip = target;
        return null;
    }

    private static Op* Loop<TCondition>(Interpreter cpu, Op* op)
        where TCondition : struct, ICondition
    {
        var old = Count(cpu, op);
        var taken = old != 1 && TCondition.Test(cpu);
        if (taken) cpu.CheckBranch(op); // before the count changes
        switch (op->AddressSize)
        {
            case 2:
                cpu.SetReg(8, (ushort)(old - 1));
                break;
            case 4:
                cpu.SetReg(8, (uint)(old - 1));
                break;
            default:
                cpu.Gpr(1) = old - 1;
                break;
        }

        return taken ? cpu.FollowTaken(op) : op + 1;
    }

    private static Op* Jcxz(Interpreter cpu, Op* op) => Count(cpu, op) == 0 ? cpu.FollowTaken(op) : op + 1;

    private static Op* JumpTo(Interpreter cpu, Op* op, ulong target)
    {
        CheckTarget(cpu, target);
        cpu.State.Rip = target;
        return null;
    }

    /// <summary>A branch to a bad address faults at the branch (SDM vol. 2, JMP).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CheckTarget(Interpreter cpu, ulong target)
    {
        if (cpu.Code64 ? !Interpreter.IsCanonical(target) : target > cpu.State.Segments[SegmentRegisters.Cs].Limit) cpu.RaiseGp();
    }

    private static Op* SetccRegister<TCondition>(Interpreter cpu, Op* op)
        where TCondition : struct, ICondition
    {
        cpu.SetReg(op->Reg0, TCondition.Test(cpu) ? (byte)1 : (byte)0);
        return op + 1;
    }

    private static Op* SetccMemory<TCondition>(Interpreter cpu, Op* op)
        where TCondition : struct, ICondition
    {
        cpu.Write(cpu.Address(op, 1, true), TCondition.Test(cpu) ? (byte)1 : (byte)0);
        return op + 1;
    }

    /// <summary>A 32-bit CMOV clears the upper half even when it does not move.</summary>
    private static Op* CmovRegister<TCondition, T>(Interpreter cpu, Op* op)
        where TCondition : struct, ICondition
        where T : unmanaged
    {
        cpu.SetReg(op->Reg0, TCondition.Test(cpu) ? cpu.Reg<T>(op->Reg1) : cpu.Reg<T>(op->Reg0));
        return op + 1;
    }

    private static Op* CmovMemory<TCondition, T>(Interpreter cpu, Op* op)
        where TCondition : struct, ICondition
        where T : unmanaged
    {
        var value = cpu.Read<T>(cpu.Address(op, sizeof(T))); // faults whether it moves or not
        cpu.SetReg(op->Reg0, TCondition.Test(cpu) ? value : cpu.Reg<T>(op->Reg0));
        return op + 1;
    }
}
