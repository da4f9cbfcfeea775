using Holon.X86.SoftFloat;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <content>FLD, FILD, FBLD and the constants.</content>
internal static unsafe partial class X87Instructions
{
    private static Handler BindLoad(in Instruction instruction, Op* op)
    {
        if (instruction.Op0Kind == OpKind.Register) return &LoadRegister;
        return instruction.MemorySize switch
        {
            MemorySize.Float32 => &LoadFloat32,
            MemorySize.Float64 => &LoadFloat64,
            MemorySize.Float80 => &LoadFloat80,
            MemorySize.Int16 => &LoadInteger<short>,
            MemorySize.Int32 => &LoadInteger<int>,
            MemorySize.Int64 => &LoadInteger<long>,
            _ => &LoadDecimal,
        };
    }

    private static Handler BindConstant(in Instruction instruction, Op* op) => instruction.Mnemonic switch
    {
        Mnemonic.Fld1 => &Load1,
        Mnemonic.Fldz => &LoadZero,
        Mnemonic.Fldpi => &LoadPi,
        Mnemonic.Fldl2t => &LoadLog2Of10,
        Mnemonic.Fldl2e => &LoadLog2OfE,
        Mnemonic.Fldlg2 => &LoadLog10Of2,
        _ => &LoadLnOf2,
    };

    private static Op* LoadRegister(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        var underflow = X87.IsEmpty(cpu, op->Reg0);
        if (underflow || !X87.IsEmpty(cpu, -1))
        {
            if (X87.FinishStackFault(cpu, op, overflow: !underflow)) X87.Push(cpu, Float80.Indefinite);
            return op + 1;
        }

        var value = X87.Get(cpu, op->Reg0);
        X87.Finish(cpu, op);
        X87.Push(cpu, value);
        return op + 1;
    }

    private static Op* LoadFloat32(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        var bits = cpu.Read<uint>(cpu.Address(op, 4));
        if (PushFaults(cpu, op)) return op + 1;
        var context = X87.Context(cpu);
        var value = Float80.FromFloat32(bits, ref context);
        if (X87.Finish(cpu, op, context) || IsDenormalOnly(context)) X87.Push(cpu, value);
        return op + 1;
    }

    private static Op* LoadFloat64(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        var bits = cpu.Read<ulong>(cpu.Address(op, 8));
        if (PushFaults(cpu, op)) return op + 1;
        var context = X87.Context(cpu);
        var value = Float80.FromFloat64(bits, ref context);
        if (X87.Finish(cpu, op, context) || IsDenormalOnly(context)) X87.Push(cpu, value);
        return op + 1;
    }

    private static Op* LoadFloat80(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        var (low, high) = ReadTenBytes(cpu, op);
        return PushExact(cpu, op, new Float80(high, low));
    }

    private static Op* LoadInteger<T>(Interpreter cpu, Op* op)
        where T : unmanaged, System.Numerics.IBinaryInteger<T>
    {
        X87.Begin(cpu);
        return PushExact(cpu, op, Float80.FromInt64(long.CreateTruncating(cpu.Read<T>(cpu.Address(op, sizeof(T))))));
    }

    private static Op* LoadDecimal(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        var (low, high) = ReadTenBytes(cpu, op);
        return PushExact(cpu, op, Float80.FromPackedDecimal(low, high));
    }

    /// <summary>Processors read ten bytes as eight and two, which matters for alignment checks.</summary>
    private static (ulong Low, ushort High) ReadTenBytes(Interpreter cpu, Op* op)
    {
        var address = cpu.Address(op, sizeof(TenBytes));
        return (cpu.Read<ulong>(address), cpu.Read<ushort>(address + 8));
    }

    private static Op* Load1(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        return PushExact(cpu, op, Float80.One);
    }

    private static Op* LoadZero(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        return PushExact(cpu, op, Float80.Zero);
    }

    private static Op* LoadPi(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        return PushExact(cpu, op, Float80.Pi(X87.Context(cpu).Rounding));
    }

    private static Op* LoadLog2Of10(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        return PushExact(cpu, op, Float80.Log2Of10(X87.Context(cpu).Rounding));
    }

    private static Op* LoadLog2OfE(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        return PushExact(cpu, op, Float80.Log2OfE(X87.Context(cpu).Rounding));
    }

    private static Op* LoadLog10Of2(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        return PushExact(cpu, op, Float80.Log10Of2(X87.Context(cpu).Rounding));
    }

    private static Op* LoadLnOf2(Interpreter cpu, Op* op)
    {
        X87.Begin(cpu);
        return PushExact(cpu, op, Float80.LnOf2(X87.Context(cpu).Rounding));
    }

    private static Op* PushExact(Interpreter cpu, Op* op, Float80 value)
    {
        if (PushFaults(cpu, op)) return op + 1;
        X87.Finish(cpu, op);
        X87.Push(cpu, value);
        return op + 1;
    }

    /// <summary>A load delivers a denormal even while that exception is unmasked, having made it normal (SDM vol. 1 §8.5.2).</summary>
    private static bool IsDenormalOnly(in FloatContext context) => context.Raised == FloatExceptions.Denormal;

    /// <summary>Deals with a stack that is full: true when the instruction is over.</summary>
    private static bool PushFaults(Interpreter cpu, Op* op)
    {
        if (X87.IsEmpty(cpu, -1)) return false;
        if (X87.FinishStackFault(cpu, op, overflow: true)) X87.Push(cpu, Float80.Indefinite);
        return true;
    }
}
