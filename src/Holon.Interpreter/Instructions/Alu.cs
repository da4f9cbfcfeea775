using System.Numerics;
using System.Runtime.CompilerServices;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <summary>A two-operand operation on integers of any width, flags included.</summary>
internal interface IBinaryOperation
{
    /// <summary>False when only the flags matter (CMP, TEST).</summary>
    static abstract bool WritesResult { get; }

    /// <summary>The result; sets the flags.</summary>
    static abstract T Apply<T>(Interpreter cpu, T left, T right)
        where T : unmanaged, IBinaryInteger<T>;
}

/// <summary>A one-operand operation on integers of any width, flags included.</summary>
internal interface IUnaryOperation
{
    /// <summary>The result; sets the flags.</summary>
    static abstract T Apply<T>(Interpreter cpu, T value)
        where T : unmanaged, IBinaryInteger<T>;
}

internal readonly struct Add : IBinaryOperation
{
    public static bool WritesResult => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(Interpreter cpu, T left, T right)
        where T : unmanaged, IBinaryInteger<T>
    {
        var result = left + right;
        cpu.SetFlags(result, (left & right) | ((left | right) & ~result));
        return result;
    }
}

internal readonly struct Adc : IBinaryOperation
{
    public static bool WritesResult => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(Interpreter cpu, T left, T right)
        where T : unmanaged, IBinaryInteger<T>
    {
        var result = left + right + (cpu.CarryFlag ? T.One : T.Zero);
        cpu.SetFlags(result, (left & right) | ((left | right) & ~result));
        return result;
    }
}

internal readonly struct Sub : IBinaryOperation
{
    public static bool WritesResult => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(Interpreter cpu, T left, T right)
        where T : unmanaged, IBinaryInteger<T>
    {
        var result = left - right;
        cpu.SetFlags(result, (~left & right) | ((~left | right) & result));
        return result;
    }
}

internal readonly struct Sbb : IBinaryOperation
{
    public static bool WritesResult => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(Interpreter cpu, T left, T right)
        where T : unmanaged, IBinaryInteger<T>
    {
        var result = left - right - (cpu.CarryFlag ? T.One : T.Zero);
        cpu.SetFlags(result, (~left & right) | ((~left | right) & result));
        return result;
    }
}

internal readonly struct Cmp : IBinaryOperation
{
    public static bool WritesResult => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(Interpreter cpu, T left, T right)
        where T : unmanaged, IBinaryInteger<T> => Sub.Apply(cpu, left, right);
}

internal readonly struct And : IBinaryOperation
{
    public static bool WritesResult => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(Interpreter cpu, T left, T right)
        where T : unmanaged, IBinaryInteger<T>
    {
        var result = left & right;
        cpu.SetFlagsLogic(result);
        return result;
    }
}

internal readonly struct Or : IBinaryOperation
{
    public static bool WritesResult => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(Interpreter cpu, T left, T right)
        where T : unmanaged, IBinaryInteger<T>
    {
        var result = left | right;
        cpu.SetFlagsLogic(result);
        return result;
    }
}

internal readonly struct Xor : IBinaryOperation
{
    public static bool WritesResult => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(Interpreter cpu, T left, T right)
        where T : unmanaged, IBinaryInteger<T>
    {
        var result = left ^ right;
        cpu.SetFlagsLogic(result);
        return result;
    }
}

internal readonly struct Test : IBinaryOperation
{
    public static bool WritesResult => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(Interpreter cpu, T left, T right)
        where T : unmanaged, IBinaryInteger<T> => And.Apply(cpu, left, right);
}

internal readonly struct Inc : IUnaryOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(Interpreter cpu, T value)
        where T : unmanaged, IBinaryInteger<T>
    {
        var carry = cpu.CarryFlag;
        var result = Add.Apply(cpu, value, T.One);
        cpu.CarryFlag = carry;
        return result;
    }
}

internal readonly struct Dec : IUnaryOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(Interpreter cpu, T value)
        where T : unmanaged, IBinaryInteger<T>
    {
        var carry = cpu.CarryFlag;
        var result = Sub.Apply(cpu, value, T.One);
        cpu.CarryFlag = carry;
        return result;
    }
}

internal readonly struct Neg : IUnaryOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(Interpreter cpu, T value)
        where T : unmanaged, IBinaryInteger<T> => Sub.Apply(cpu, T.Zero, value);
}

internal readonly struct Not : IUnaryOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(Interpreter cpu, T value)
        where T : unmanaged, IBinaryInteger<T> => ~value;
}

/// <summary>Handlers of one- and two-operand integer instructions, for each shape of operands and each width.</summary>
internal static unsafe class Alu
{
    public static Handler BindBinary<TOp>(in Instruction instruction, Op* op)
        where TOp : struct, IBinaryOperation => OperandSize(instruction) switch
        {
            1 => Select<TOp, byte>(instruction),
            2 => Select<TOp, ushort>(instruction),
            4 => Select<TOp, uint>(instruction),
            _ => Select<TOp, ulong>(instruction),
        };

    public static Handler BindUnary<TOp>(in Instruction instruction, Op* op)
        where TOp : struct, IUnaryOperation => OperandSize(instruction) switch
        {
            1 => SelectUnary<TOp, byte>(instruction),
            2 => SelectUnary<TOp, ushort>(instruction),
            4 => SelectUnary<TOp, uint>(instruction),
            _ => SelectUnary<TOp, ulong>(instruction),
        };

    /// <summary>Bytes of the first operand.</summary>
    public static int OperandSize(in Instruction instruction) =>
        instruction.Op0Kind == OpKind.Register ? instruction.Op0Register.GetSize() : instruction.MemorySize.GetSize();

    private static Handler Select<TOp, T>(in Instruction instruction)
        where TOp : struct, IBinaryOperation
        where T : unmanaged, IBinaryInteger<T> => (instruction.Op0Kind, instruction.Op1Kind) switch
        {
            (OpKind.Register, OpKind.Register) => &ToRegister<TOp, T, RegisterOperand>,
            (OpKind.Register, OpKind.Memory) => &ToRegister<TOp, T, MemoryOperand>,
            (OpKind.Register, _) => &ToRegister<TOp, T, ImmediateOperand>,
            (_, OpKind.Register) when instruction.HasLockPrefix => &LockedMemory<TOp, T, RegisterOperand>,
            (_, OpKind.Register) => &ToMemory<TOp, T, RegisterOperand>,
            _ when instruction.HasLockPrefix => &LockedMemory<TOp, T, ImmediateOperand>,
            _ => &ToMemory<TOp, T, ImmediateOperand>,
        };

    private static Handler SelectUnary<TOp, T>(in Instruction instruction)
        where TOp : struct, IUnaryOperation
        where T : unmanaged, IBinaryInteger<T> => instruction.Op0Kind == OpKind.Register ? &UnaryRegister<TOp, T>
            : instruction.HasLockPrefix ? &UnaryLocked<TOp, T> : &UnaryMemory<TOp, T>;

    private static Op* ToRegister<TOp, T, TOperand>(Interpreter cpu, Op* op)
        where TOp : struct, IBinaryOperation
        where T : unmanaged, IBinaryInteger<T>
        where TOperand : struct, IOperand
    {
        var result = TOp.Apply(cpu, cpu.Reg<T>(op->Reg0), TOperand.Get<T>(cpu, op));
        if (TOp.WritesResult) cpu.SetReg(op->Reg0, result);
        return op + 1;
    }

    private static Op* ToMemory<TOp, T, TOperand>(Interpreter cpu, Op* op)
        where TOp : struct, IBinaryOperation
        where T : unmanaged, IBinaryInteger<T>
        where TOperand : struct, IOperand
    {
        var right = TOperand.Get<T>(cpu, op);
        var address = cpu.Address(op, sizeof(T), TOp.WritesResult);
        if (!TOp.WritesResult)
        {
            TOp.Apply(cpu, cpu.Read<T>(address), right);
            return op + 1;
        }

        var pointer = cpu.TryPointer<T>(address);
        if (pointer != null) Unsafe.WriteUnaligned(pointer, TOp.Apply(cpu, Unsafe.ReadUnaligned<T>(pointer), right));
        else cpu.Write(address, TOp.Apply(cpu, cpu.ReadForWrite<T>(address), right));
        return op + 1;
    }

    private static Op* LockedMemory<TOp, T, TOperand>(Interpreter cpu, Op* op)
        where TOp : struct, IBinaryOperation
        where T : unmanaged, IBinaryInteger<T>
        where TOperand : struct, IOperand
    {
        var right = TOperand.Get<T>(cpu, op);
        var address = cpu.Address(op, sizeof(T), true);
        var pointer = cpu.TryAtomicPointer<T>(address);
        if (pointer == null)
        {
            lock (Atomic.BusLock) cpu.Write(address, TOp.Apply(cpu, cpu.ReadForWrite<T>(address), right));
            return op + 1;
        }

        var flags = cpu.Context->FlagCarry;
        T old;
        do
        {
            cpu.Context->FlagCarry = flags; // ADC and SBB read the carry again on each attempt
            old = Unsafe.ReadUnaligned<T>(pointer);
        }
        while (!Atomic.TryExchange(pointer, old, TOp.Apply(cpu, old, right)));
        cpu.AtomicDone<T>();
        return op + 1;
    }

    private static Op* UnaryRegister<TOp, T>(Interpreter cpu, Op* op)
        where TOp : struct, IUnaryOperation
        where T : unmanaged, IBinaryInteger<T>
    {
        cpu.SetReg(op->Reg0, TOp.Apply(cpu, cpu.Reg<T>(op->Reg0)));
        return op + 1;
    }

    private static Op* UnaryMemory<TOp, T>(Interpreter cpu, Op* op)
        where TOp : struct, IUnaryOperation
        where T : unmanaged, IBinaryInteger<T>
    {
        var address = cpu.Address(op, sizeof(T), true);
        var pointer = cpu.TryPointer<T>(address);
        if (pointer != null) Unsafe.WriteUnaligned(pointer, TOp.Apply(cpu, Unsafe.ReadUnaligned<T>(pointer)));
        else cpu.Write(address, TOp.Apply(cpu, cpu.ReadForWrite<T>(address)));
        return op + 1;
    }

    private static Op* UnaryLocked<TOp, T>(Interpreter cpu, Op* op)
        where TOp : struct, IUnaryOperation
        where T : unmanaged, IBinaryInteger<T>
    {
        var address = cpu.Address(op, sizeof(T), true);
        var pointer = cpu.TryAtomicPointer<T>(address);
        if (pointer == null)
        {
            lock (Atomic.BusLock) cpu.Write(address, TOp.Apply(cpu, cpu.ReadForWrite<T>(address)));
            return op + 1;
        }

        var flags = cpu.Context->FlagCarry;
        T old;
        do
        {
            cpu.Context->FlagCarry = flags;
            old = Unsafe.ReadUnaligned<T>(pointer);
        }
        while (!Atomic.TryExchange(pointer, old, TOp.Apply(cpu, old)));
        cpu.AtomicDone<T>();
        return op + 1;
    }
}

/// <summary>Where a source operand comes from.</summary>
internal unsafe interface IOperand
{
    static abstract T Get<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>;
}

/// <summary>The second operand is a register.</summary>
internal readonly unsafe struct RegisterOperand : IOperand
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Get<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T> => cpu.Reg<T>(op->Reg1);
}

/// <summary>The third operand is a register.</summary>
internal readonly unsafe struct ThirdOperand : IOperand
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Get<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T> => cpu.Reg<T>(op->Reg2);
}

/// <summary>The last operand is an immediate.</summary>
internal readonly unsafe struct ImmediateOperand : IOperand
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Get<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T> => T.CreateTruncating(op->Immediate);
}

/// <summary>The source operand is in memory.</summary>
internal readonly unsafe struct MemoryOperand : IOperand
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Get<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T> => cpu.Read<T>(cpu.Address(op, sizeof(T)));
}
