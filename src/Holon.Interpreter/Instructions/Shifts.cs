using System.Numerics;
using System.Runtime.CompilerServices;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <summary>A shift or rotate of any width. A masked count of 0 never gets here, so flags always change (SDM vol. 2, SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR).</summary>
internal interface IShift
{
    /// <summary>The result; sets the flags. <paramref name="count"/> is 1–31, or 1–63 for 64-bit operands.</summary>
    static abstract T Apply<T>(Interpreter cpu, T value, int count)
        where T : unmanaged, IBinaryInteger<T>;
}

internal readonly struct Shl : IShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(Interpreter cpu, T value, int count)
        where T : unmanaged, IBinaryInteger<T>
    {
        var bits = 8 * Unsafe.SizeOf<T>();
        // Narrow operands are shifted in 64 bits, where counts beyond their width still mean something.
        var wide = bits == 64 ? ulong.CreateTruncating(value) : ulong.CreateTruncating(value) << count;
        var result = bits == 64 ? T.CreateTruncating(wide << count) : T.CreateTruncating(wide);
        var carry = bits == 64 ? ((wide >> (64 - count)) & 1) != 0 : ((wide >> bits) & 1) != 0;
        cpu.SetFlags(result, carry, carry ^ (Interpreter.SignExtend(result) < 0));
        return result;
    }
}

internal readonly struct Shr : IShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(Interpreter cpu, T value, int count)
        where T : unmanaged, IBinaryInteger<T>
    {
        var wide = ulong.CreateTruncating(value);
        var result = T.CreateTruncating(wide >> count);
        cpu.SetFlags(result, ((wide >> (count - 1)) & 1) != 0, Interpreter.SignExtend(value) < 0);
        return result;
    }
}

internal readonly struct Sar : IShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(Interpreter cpu, T value, int count)
        where T : unmanaged, IBinaryInteger<T>
    {
        var wide = Interpreter.SignExtend(value);
        var result = T.CreateTruncating(wide >> count);
        cpu.SetFlags(result, ((wide >> (count - 1)) & 1) != 0, false);
        return result;
    }
}

internal readonly struct Rol : IShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(Interpreter cpu, T value, int count)
        where T : unmanaged, IBinaryInteger<T>
    {
        var result = T.RotateLeft(value, count & ((8 * Unsafe.SizeOf<T>()) - 1));
        var carry = !T.IsZero(result & T.One);
        cpu.CarryFlag = carry;
        cpu.OverflowFlag = carry ^ (Interpreter.SignExtend(result) < 0);
        return result;
    }
}

internal readonly struct Ror : IShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(Interpreter cpu, T value, int count)
        where T : unmanaged, IBinaryInteger<T>
    {
        var result = T.RotateRight(value, count & ((8 * Unsafe.SizeOf<T>()) - 1));
        var sign = Interpreter.SignExtend(result);
        cpu.CarryFlag = sign < 0;
        cpu.OverflowFlag = (sign < 0) ^ (((sign >> ((8 * Unsafe.SizeOf<T>()) - 2)) & 1) != 0);
        return result;
    }
}

internal readonly struct Rcl : IShift
{
    public static T Apply<T>(Interpreter cpu, T value, int count)
        where T : unmanaged, IBinaryInteger<T>
    {
        var bits = 8 * Unsafe.SizeOf<T>();
        count %= bits + 1;
        var carry = cpu.CarryFlag;
        for (; count > 0; count--)
        {
            var next = Interpreter.SignExtend(value) < 0;
            value = (value << 1) | (carry ? T.One : T.Zero);
            carry = next;
        }

        cpu.CarryFlag = carry;
        cpu.OverflowFlag = carry ^ (Interpreter.SignExtend(value) < 0);
        return value;
    }
}

internal readonly struct Rcr : IShift
{
    public static T Apply<T>(Interpreter cpu, T value, int count)
        where T : unmanaged, IBinaryInteger<T>
    {
        var bits = 8 * Unsafe.SizeOf<T>();
        count %= bits + 1;
        var carry = cpu.CarryFlag;
        var overflow = carry ^ (Interpreter.SignExtend(value) < 0); // defined for a count of 1
        for (; count > 0; count--)
        {
            var next = !T.IsZero(value & T.One);
            value = T.CreateTruncating((ulong.CreateTruncating(value) >> 1) | (carry ? 1ul << (bits - 1) : 0));
            carry = next;
        }

        cpu.CarryFlag = carry;
        cpu.OverflowFlag = overflow;
        return value;
    }
}

/// <summary>Handlers of shifts and rotates.</summary>
internal static unsafe class Shifts
{
    public static Handler Bind<TShift>(in Instruction instruction, Op* op)
        where TShift : struct, IShift => Alu.OperandSize(instruction) switch
        {
            1 => Select<TShift, byte>(instruction),
            2 => Select<TShift, ushort>(instruction),
            4 => Select<TShift, uint>(instruction),
            _ => Select<TShift, ulong>(instruction),
        };

    /// <summary>SHLD and SHRD (SDM vol. 2): 16-bit operands with counts above 16 are undefined; this does what current processors do.</summary>
    public static Handler BindDouble(in Instruction instruction, Op* op)
    {
        var left = instruction.Mnemonic == Mnemonic.Shld;
        var register = instruction.Op2Kind == OpKind.Register;
        return (Alu.OperandSize(instruction), left, register) switch
        {
            (2, true, true) => &Double<ushort, True, True>,
            (2, true, false) => &Double<ushort, True, False>,
            (2, false, true) => &Double<ushort, False, True>,
            (2, false, false) => &Double<ushort, False, False>,
            (4, true, true) => &Double<uint, True, True>,
            (4, true, false) => &Double<uint, True, False>,
            (4, false, true) => &Double<uint, False, True>,
            (4, false, false) => &Double<uint, False, False>,
            (_, true, true) => &Double<ulong, True, True>,
            (_, true, false) => &Double<ulong, True, False>,
            (_, false, true) => &Double<ulong, False, True>,
            _ => &Double<ulong, False, False>,
        };
    }

    private static Handler Select<TShift, T>(in Instruction instruction)
        where TShift : struct, IShift
        where T : unmanaged, IBinaryInteger<T>
    {
        var register = instruction.Op0Kind == OpKind.Register;
        if (instruction.Op1Kind == OpKind.Register) return register ? &RegisterByCl<TShift, T> : &Memory<TShift, T, True>;
        return register ? &RegisterByImmediate<TShift, T> : &Memory<TShift, T, False>;
    }

    private static int CountMask<T>() => Unsafe.SizeOf<T>() == 8 ? 63 : 31;

    private static Op* RegisterByCl<TShift, T>(Interpreter cpu, Op* op)
        where TShift : struct, IShift
        where T : unmanaged, IBinaryInteger<T>
    {
        var count = (int)cpu.Gpr(1) & CountMask<T>();
        if (count != 0) cpu.SetReg(op->Reg0, TShift.Apply(cpu, cpu.Reg<T>(op->Reg0), count));
        else cpu.SetReg(op->Reg0, cpu.Reg<T>(op->Reg0)); // the upper half is cleared all the same
        return op + 1;
    }

    private static Op* RegisterByImmediate<TShift, T>(Interpreter cpu, Op* op)
        where TShift : struct, IShift
        where T : unmanaged, IBinaryInteger<T>
    {
        var count = (int)op->Immediate & CountMask<T>();
        if (count != 0) cpu.SetReg(op->Reg0, TShift.Apply(cpu, cpu.Reg<T>(op->Reg0), count));
        else cpu.SetReg(op->Reg0, cpu.Reg<T>(op->Reg0));
        return op + 1;
    }

    private static Op* Memory<TShift, T, TByCl>(Interpreter cpu, Op* op)
        where TShift : struct, IShift
        where T : unmanaged, IBinaryInteger<T>
        where TByCl : struct, IFlag
    {
        var count = (int)(TByCl.Value ? cpu.Gpr(1) : op->Immediate) & CountMask<T>();
        var address = cpu.Address(op, sizeof(T), true);
        var value = cpu.ReadForWrite<T>(address);
        cpu.Write(address, count != 0 ? TShift.Apply(cpu, value, count) : value);
        return op + 1;
    }

    private static Op* Double<T, TLeft, TByCl>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
        where TLeft : struct, IFlag
        where TByCl : struct, IFlag
    {
        var bits = 8 * sizeof(T);
        var count = (int)(TByCl.Value ? cpu.Gpr(1) : op->Immediate) & CountMask<T>();
        var inMemory = IsMemoryForm(op);
        var address = inMemory ? cpu.Address(op, sizeof(T), true) : 0;
        var value = inMemory ? cpu.ReadForWrite<T>(address) : cpu.Reg<T>(op->Reg0);
        var filler = cpu.Reg<T>(op->Reg1);
        if (count == 0)
        {
            if (!inMemory) cpu.SetReg(op->Reg0, value);
            return op + 1;
        }

        // As one double-width value: for 16 bits, the filler is followed by the value again.
        T result;
        bool carry;
        if (bits == 16)
        {
            ulong a = ulong.CreateTruncating(value), b = ulong.CreateTruncating(filler);
            if (TLeft.Value)
            {
                var wide = (a << 32) | (b << 16) | a;
                result = T.CreateTruncating((wide << count) >> 32);
                carry = ((wide >> (48 - count)) & 1) != 0;
            }
            else
            {
                var wide = (a << 32) | (b << 16) | a;
                result = T.CreateTruncating(wide >> count);
                carry = ((wide >> (count - 1)) & 1) != 0;
            }
        }
        else if (TLeft.Value)
        {
            result = (value << count) | (filler >>> (bits - count));
            carry = !T.IsZero((value >>> (bits - count)) & T.One);
        }
        else
        {
            result = (value >>> count) | (filler << (bits - count));
            carry = !T.IsZero((value >>> (count - 1)) & T.One);
        }

        if (inMemory) cpu.Write(address, result);
        else cpu.SetReg(op->Reg0, result);
        cpu.SetFlags(result, carry, Interpreter.SignExtend(result ^ value) < 0);
        return op + 1;
    }

    private static bool IsMemoryForm(Op* op) => op->AddressSize != 0;
}

/// <summary>A compile-time boolean.</summary>
internal interface IFlag
{
    static abstract bool Value { get; }
}

internal readonly struct True : IFlag
{
    public static bool Value => true;
}

internal readonly struct False : IFlag
{
    public static bool Value => false;
}
