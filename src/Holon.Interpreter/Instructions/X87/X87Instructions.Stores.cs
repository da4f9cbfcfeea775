using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Holon.X86.SoftFloat;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <content>FST, FIST, FISTTP, FBSTP. Memory is written before any register changes, since the write may fault.</content>
internal static unsafe partial class X87Instructions
{
    // Unmasked, these keep a store from storing and popping; an inexact result is stored.
    private const FloatExceptions PreventsStore = FloatExceptions.All & ~FloatExceptions.Precision;

    private interface IInteger<T>
        where T : unmanaged
    {
        static abstract T Indefinite { get; }

        static abstract T Convert(Float80 value, RoundingMode mode, ref FloatContext context);
    }

    private static Handler BindStore(in Instruction instruction, Op* op)
    {
        var pops = instruction.Mnemonic != Mnemonic.Fst;
        if (instruction.Op0Kind == OpKind.Register)
        {
            return instruction.Mnemonic == Mnemonic.Fstpnce ? &MoveToRegisterUnchecked : pops ? &StoreRegister<Pops> : &StoreRegister<Keeps>;
        }

        return instruction.MemorySize switch
        {
            MemorySize.Float32 => pops ? &StoreFloat32<Pops> : &StoreFloat32<Keeps>,
            MemorySize.Float64 => pops ? &StoreFloat64<Pops> : &StoreFloat64<Keeps>,
            _ => &StoreFloat80,
        };
    }

    private static Handler BindStoreInteger(in Instruction instruction, Op* op) => (instruction.Mnemonic, instruction.MemorySize) switch
    {
        (Mnemonic.Fist, MemorySize.Int16) => &StoreInteger<short, ToInt16, Keeps, Keeps>,
        (Mnemonic.Fist, _) => &StoreInteger<int, ToInt32, Keeps, Keeps>,
        (Mnemonic.Fistp, MemorySize.Int16) => &StoreInteger<short, ToInt16, Pops, Keeps>,
        (Mnemonic.Fistp, MemorySize.Int32) => &StoreInteger<int, ToInt32, Pops, Keeps>,
        (Mnemonic.Fistp, _) => &StoreInteger<long, ToInt64, Pops, Keeps>,
        (_, MemorySize.Int16) => &StoreInteger<short, ToInt16, Pops, Truncates>,
        (_, MemorySize.Int32) => &StoreInteger<int, ToInt32, Pops, Truncates>,
        _ => &StoreInteger<long, ToInt64, Pops, Truncates>,
    };

    private static Handler BindStoreDecimal(in Instruction instruction, Op* op) => &StoreDecimal;

    private static Op* StoreRegister<TPop>(Interpreter cpu, Op* op)
        where TPop : struct, IFlag
    {
        X87.Begin(cpu);
        var value = X87.Get(cpu, 0);
        if (X87.IsEmpty(cpu, 0))
        {
            if (!X87.FinishStackFault(cpu, op, overflow: false)) return op + 1;
            value = Float80.Indefinite;
        }
        else
        {
            X87.Finish(cpu, op);
        }

        X87.Set(cpu, op->Reg0, value);
        if (TPop.Value) X87.Pop(cpu);
        return op + 1;
    }

    /// <summary>FSTPNCE, an undocumented FSTP ST(i) that takes an empty ST0 without a stack fault.</summary>
    private static Op* MoveToRegisterUnchecked(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        X87.Finish(cpu, op);
        if (!X87.IsEmpty(cpu, 0)) X87.Set(cpu, op->Reg0, X87.Get(cpu, 0));
        X87.Pop(cpu);
        return op + 1;
    }

    private static Op* StoreFloat32<TPop>(Interpreter cpu, Op* op)
        where TPop : struct, IFlag
    {
        const uint indefinite = 0xFFC00000;
        X87.Begin(cpu);
        if (X87.IsEmpty(cpu, 0)) return StoreIndefinite<uint, TPop>(cpu, op, indefinite);
        var context = X87.Context(cpu);
        return FinishStore<uint, TPop>(cpu, op, X87.Get(cpu, 0).ToFloat32(ref context), context);
    }

    private static Op* StoreFloat64<TPop>(Interpreter cpu, Op* op)
        where TPop : struct, IFlag
    {
        const ulong indefinite = 0xFFF8000000000000;
        X87.Begin(cpu);
        if (X87.IsEmpty(cpu, 0)) return StoreIndefinite<ulong, TPop>(cpu, op, indefinite);
        var context = X87.Context(cpu);
        return FinishStore<ulong, TPop>(cpu, op, X87.Get(cpu, 0).ToFloat64(ref context), context);
    }

    private static Op* StoreFloat80(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        if (X87.IsEmpty(cpu, 0)) return StoreIndefinite<TenBytes, Pops>(cpu, op, new TenBytes(Float80.Indefinite.Significand, Float80.Indefinite.SignExponent));
        var value = X87.Get(cpu, 0);
        return FinishStore<TenBytes, Pops>(cpu, op, new TenBytes(value.Significand, value.SignExponent), X87.Context(cpu));
    }

    private static Op* StoreInteger<T, TInteger, TPop, TTruncate>(Interpreter cpu, Op* op)
        where T : unmanaged
        where TInteger : struct, IInteger<T>
        where TPop : struct, IFlag
        where TTruncate : struct, IFlag
    {
        X87.Begin(cpu);
        if (X87.IsEmpty(cpu, 0)) return StoreIndefinite<T, TPop>(cpu, op, TInteger.Indefinite);
        var context = X87.Context(cpu);
        var value = TInteger.Convert(X87.Get(cpu, 0), TTruncate.Value ? RoundingMode.Zero : context.Rounding, ref context);
        return FinishStore<T, TPop>(cpu, op, value, context);
    }

    private static Op* StoreDecimal(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        if (X87.IsEmpty(cpu, 0)) return StoreIndefinite<TenBytes, Pops>(cpu, op, new TenBytes(0xC000000000000000, 0xFFFF));
        var context = X87.Context(cpu);
        var (digits, top) = X87.Get(cpu, 0).ToPackedDecimal(ref context);
        return FinishStore<TenBytes, Pops>(cpu, op, new TenBytes(digits, top), context);
    }

    private static Op* FinishStore<T, TPop>(Interpreter cpu, Op* op, T value, in FloatContext context)
        where T : unmanaged
        where TPop : struct, IFlag
    {
        var stores = (context.Unmasked & PreventsStore) == 0;
        if (stores) Write(cpu, cpu.Address(op, sizeof(T), write: true), value);
        X87.Finish(cpu, op, context);
        if (stores && TPop.Value) X87.Pop(cpu);
        return op + 1;
    }

    private static Op* StoreIndefinite<T, TPop>(Interpreter cpu, Op* op, T value)
        where T : unmanaged
        where TPop : struct, IFlag
    {
        if ((cpu.State.FpuControl & (int)FloatExceptions.Invalid) != 0) Write(cpu, cpu.Address(op, sizeof(T), write: true), value);
        if (X87.FinishStackFault(cpu, op, overflow: false) && TPop.Value) X87.Pop(cpu);
        return op + 1;
    }

    /// <summary>Processors store ten bytes as eight and two: if only the two fault, the eight are written.</summary>
    private static void Write<T>(Interpreter cpu, ulong address, T value)
        where T : unmanaged
    {
        if (typeof(T) == typeof(TenBytes))
        {
            var image = Unsafe.BitCast<T, TenBytes>(value);
            cpu.Write(address, image.Low);
            cpu.Write(address + 8, image.High);
        }
        else
        {
            cpu.Write(address, value);
        }
    }

    /// <summary>A double extended-precision number or a packed decimal in memory.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private readonly record struct TenBytes(ulong Low, ushort High);

    private readonly struct ToInt16 : IInteger<short>
    {
        public static short Indefinite => short.MinValue;

        public static short Convert(Float80 value, RoundingMode mode, ref FloatContext context) => value.ToInt16(mode, ref context);
    }

    private readonly struct ToInt32 : IInteger<int>
    {
        public static int Indefinite => int.MinValue;

        public static int Convert(Float80 value, RoundingMode mode, ref FloatContext context) => value.ToInt32(mode, ref context);
    }

    private readonly struct ToInt64 : IInteger<long>
    {
        public static long Indefinite => long.MinValue;

        public static long Convert(Float80 value, RoundingMode mode, ref FloatContext context) => value.ToInt64(mode, ref context);
    }

    private readonly struct Truncates : IFlag
    {
        public static bool Value => true;
    }
}
