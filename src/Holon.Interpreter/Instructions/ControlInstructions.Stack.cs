using System.Numerics;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

// PUSH, POP and frames. Flags transfers (PUSHF, POPF) are with the system instructions: they change the mode.
internal static unsafe partial class ControlInstructions
{
    private static Handler BindPush(in Instruction instruction, Op* op)
    {
        var size = instruction.StackPointerIncrement switch { -2 => 2, -4 => 4, _ => 8 };
        if (instruction.Op0Kind == OpKind.Register && instruction.Op0Register.IsSegmentRegister())
            return size switch { 2 => &PushSegment<ushort>, 4 => &PushSegment<uint>, _ => &PushSegment<ulong> };
        return instruction.Op0Kind switch
        {
            OpKind.Register => size switch { 2 => &PushRegister<ushort>, 4 => &PushRegister<uint>, _ => &PushRegister<ulong> },
            OpKind.Memory => size switch { 2 => &PushMemory<ushort>, 4 => &PushMemory<uint>, _ => &PushMemory<ulong> },
            _ => size switch { 2 => &PushImmediate<ushort>, 4 => &PushImmediate<uint>, _ => &PushImmediate<ulong> },
        };
    }

    private static Handler BindPop(in Instruction instruction, Op* op)
    {
        var size = instruction.StackPointerIncrement switch { 2 => 2, 4 => 4, _ => 8 };
        if (instruction.Op0Kind == OpKind.Register && instruction.Op0Register.IsSegmentRegister())
        {
            op->Immediate = (ulong)size;
            return &SystemInstructions.PopSegment;
        }

        if (instruction.Op0Kind == OpKind.Register) return size switch { 2 => &PopRegister<ushort>, 4 => &PopRegister<uint>, _ => &PopRegister<ulong> };
        // An operand based on RSP is addressed after RSP has moved (SDM vol. 2, POP).
        if (instruction.MemoryBase is Register.RSP or Register.ESP) op->Displacement += size;
        return size switch { 2 => &PopMemory<ushort>, 4 => &PopMemory<uint>, _ => &PopMemory<ulong> };
    }

    private static Handler BindPusha(in Instruction instruction, Op* op) => instruction.Mnemonic == Mnemonic.Pusha ? &Pusha<ushort> : &Pusha<uint>;

    private static Handler BindPopa(in Instruction instruction, Op* op) => instruction.Mnemonic == Mnemonic.Popa ? &Popa<ushort> : &Popa<uint>;

    private static Handler BindEnter(in Instruction instruction, Op* op) => instruction.Code switch
    {
        Code.Enterw_imm16_imm8 => &Enter<ushort>,
        Code.Enterd_imm16_imm8 => &Enter<uint>,
        _ => &Enter<ulong>,
    };

    private static Handler BindLeave(in Instruction instruction, Op* op) => instruction.Code switch
    {
        Code.Leavew => &Leave<ushort>,
        Code.Leaved => &Leave<uint>,
        _ => &Leave<ulong>,
    };

    private static Op* PushRegister<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        cpu.Push(cpu.Reg<T>(op->Reg0));
        return op + 1;
    }

    private static Op* PushImmediate<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        cpu.Push(T.CreateTruncating(op->Immediate));
        return op + 1;
    }

    private static Op* PushMemory<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        cpu.Push(cpu.Read<T>(cpu.Address(op, sizeof(T))));
        return op + 1;
    }

    private static Op* PushSegment<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        cpu.Push(T.CreateTruncating(cpu.State.Segments[op->Reg0].Selector));
        return op + 1;
    }

    private static Op* PopRegister<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        var value = cpu.Pop<T>();
        cpu.SetReg(op->Reg0, value); // after RSP has moved: POP RSP gives the value read
        return op + 1;
    }

    private static Op* PopMemory<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        var value = cpu.Peek<T>(0);
        cpu.Write(cpu.Address(op, sizeof(T), true), value);
        cpu.AddToStackPointer((ulong)sizeof(T));
        return op + 1;
    }

    private static Op* Pusha<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        var old = cpu.Gpr(4);
        try
        {
            for (var i = 0; i < 8; i++) cpu.Push(i == 4 ? T.CreateTruncating(old) : cpu.Reg<T>((ushort)(8 * i)));
        }
        catch (GuestFault)
        {
            cpu.Gpr(4) = old;
            throw;
        }

        return op + 1;
    }

    private static Op* Popa<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        Span<T> values = stackalloc T[8];
        for (var i = 0; i < 8; i++) values[7 - i] = cpu.Peek<T>((ulong)(i * sizeof(T)));
        cpu.AddToStackPointer(8 * (ulong)sizeof(T));
        for (var i = 0; i < 8; i++)
        {
            if (i != 4) cpu.SetReg((ushort)(8 * i), values[i]);
        }

        return op + 1;
    }

    /// <summary>ENTER (SDM vol. 2): the frame size is operand 0, the nesting level operand 1.</summary>
    private static Op* Enter<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        var level = op->Reg3 & 31;
        var size = (ushort)op->Immediate;
        var old = cpu.Gpr(4);
        try
        {
            cpu.Push(cpu.Reg<T>(40));
            var frame = cpu.Gpr(4);
            if (level > 0)
            {
                var link = cpu.Gpr(5);
                for (var i = 1; i < level; i++)
                {
                    link -= (ulong)sizeof(T);
                    cpu.Push(cpu.ReadStack<T>(cpu.Linear(SegmentRegisters.Ss, link & cpu.StackMask, sizeof(T), false)));
                }

                cpu.Push(T.CreateTruncating(frame));
            }

            var top = (cpu.StackPointer - size) & cpu.StackMask;
            cpu.CheckStackAddress(top, sizeof(T));
            cpu.ProbeWrite(cpu.Linear(SegmentRegisters.Ss, top, sizeof(T), true), sizeof(T)); // the new top must be writable
            cpu.StackPointer = top;
            cpu.SetReg(40, T.CreateTruncating(frame));
        }
        catch (GuestFault)
        {
            cpu.Gpr(4) = old;
            throw;
        }

        return op + 1;
    }

    private static Op* Leave<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        var frame = cpu.Gpr(5) & cpu.StackMask;
        var value = cpu.ReadStack<T>(cpu.Linear(SegmentRegisters.Ss, frame, sizeof(T), false));
        cpu.StackPointer = frame + (ulong)sizeof(T);
        cpu.SetReg(40, value);
        return op + 1;
    }
}
