using System.Numerics;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <summary>MUL, IMUL, DIV, IDIV, MULX.</summary>
internal static unsafe class Multiply
{
    private const ushort Rax = 0, Rdx = 16;

    public static Handler BindMul(in Instruction instruction, Op* op) => BindOne<Mul1>(instruction);

    public static Handler BindDiv(in Instruction instruction, Op* op) => BindOne<Div1>(instruction);

    public static Handler BindIdiv(in Instruction instruction, Op* op) => BindOne<Idiv1>(instruction);

    public static Handler BindImul(in Instruction instruction, Op* op)
    {
        if (instruction.OpCount == 1) return BindOne<Imul1>(instruction);
        var memory = instruction.Op1Kind == OpKind.Memory;
        var immediate = instruction.OpCount == 3;
        return instruction.Op0Register.GetSize() switch
        {
            2 => SelectImul<ushort>(memory, immediate),
            4 => SelectImul<uint>(memory, immediate),
            _ => SelectImul<ulong>(memory, immediate),
        };
    }

    public static Handler BindMulx(in Instruction instruction, Op* op) =>
        (instruction.Op0Register.GetSize(), instruction.Op2Kind) switch
        {
            (4, OpKind.Register) => &Mulx32<False>,
            (4, _) => &Mulx32<True>,
            (_, OpKind.Register) => &Mulx64<False>,
            _ => &Mulx64<True>,
        };

    private interface IOneOperand
    {
        static abstract void Apply<T>(Interpreter cpu, T value)
            where T : unmanaged, IBinaryInteger<T>;
    }

    private static Handler BindOne<TOp>(in Instruction instruction)
        where TOp : struct, IOneOperand
    {
        var register = instruction.Op0Kind == OpKind.Register;
        return Alu.OperandSize(instruction) switch
        {
            1 => register ? &OneRegister<TOp, byte> : &OneMemory<TOp, byte>,
            2 => register ? &OneRegister<TOp, ushort> : &OneMemory<TOp, ushort>,
            4 => register ? &OneRegister<TOp, uint> : &OneMemory<TOp, uint>,
            _ => register ? &OneRegister<TOp, ulong> : &OneMemory<TOp, ulong>,
        };
    }

    private static Handler SelectImul<T>(bool memory, bool immediate)
        where T : unmanaged, IBinaryInteger<T> => (memory, immediate) switch
        {
            (false, false) => &ImulRegister<T, False>,
            (false, true) => &ImulRegister<T, True>,
            (true, false) => &ImulMemory<T, False>,
            _ => &ImulMemory<T, True>,
        };

    private static Op* OneRegister<TOp, T>(Interpreter cpu, Op* op)
        where TOp : struct, IOneOperand
        where T : unmanaged, IBinaryInteger<T>
    {
        TOp.Apply(cpu, cpu.Reg<T>(op->Reg0));
        return op + 1;
    }

    private static Op* OneMemory<TOp, T>(Interpreter cpu, Op* op)
        where TOp : struct, IOneOperand
        where T : unmanaged, IBinaryInteger<T>
    {
        TOp.Apply(cpu, cpu.Read<T>(cpu.Address(op, sizeof(T))));
        return op + 1;
    }

    private static Op* ImulRegister<T, TImmediate>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
        where TImmediate : struct, IFlag
    {
        var right = TImmediate.Value ? T.CreateTruncating(op->Immediate) : cpu.Reg<T>(op->Reg0);
        cpu.SetReg(op->Reg0, SignedProduct(cpu, cpu.Reg<T>(op->Reg1), right));
        return op + 1;
    }

    private static Op* ImulMemory<T, TImmediate>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
        where TImmediate : struct, IFlag
    {
        var right = TImmediate.Value ? T.CreateTruncating(op->Immediate) : cpu.Reg<T>(op->Reg0);
        cpu.SetReg(op->Reg0, SignedProduct(cpu, cpu.Read<T>(cpu.Address(op, sizeof(T))), right));
        return op + 1;
    }

    private static T SignedProduct<T>(Interpreter cpu, T left, T right)
        where T : unmanaged, IBinaryInteger<T>
    {
        T result;
        bool overflow;
        if (sizeof(T) == 8)
        {
            var high = Math.BigMul(Interpreter.SignExtend(left), Interpreter.SignExtend(right), out var low);
            result = T.CreateTruncating(low);
            overflow = high != low >> 63;
        }
        else
        {
            var product = Interpreter.SignExtend(left) * Interpreter.SignExtend(right);
            result = T.CreateTruncating(product);
            overflow = Interpreter.SignExtend(result) != product;
        }

        cpu.SetFlags(result, overflow, overflow);
        return result;
    }

    /// <summary>The double-width value in AX, DX:AX, EDX:EAX or RDX:RAX.</summary>
    private static UInt128 Double<T>(Interpreter cpu)
        where T : unmanaged
    {
        if (sizeof(T) == 1) return cpu.Reg<ushort>(Rax);
        if (sizeof(T) == 2) return ((uint)cpu.Reg<ushort>(Rdx) << 16) | cpu.Reg<ushort>(Rax);
        if (sizeof(T) == 4) return ((ulong)cpu.Reg<uint>(Rdx) << 32) | cpu.Reg<uint>(Rax);
        return new UInt128(cpu.Reg<ulong>(Rdx), cpu.Reg<ulong>(Rax));
    }

    private static void SetDouble<T>(Interpreter cpu, T low, T high)
        where T : unmanaged, IBinaryInteger<T>
    {
        if (sizeof(T) == 1)
        {
            cpu.SetReg(Rax, (ushort)(ushort.CreateTruncating(low) | (ushort.CreateTruncating(high) << 8)));
            return;
        }

        cpu.SetReg(Rax, low);
        cpu.SetReg(Rdx, high);
    }

    private readonly struct Mul1 : IOneOperand
    {
        public static void Apply<T>(Interpreter cpu, T value)
            where T : unmanaged, IBinaryInteger<T>
        {
            T low, high;
            if (sizeof(T) == 8)
            {
                high = T.CreateTruncating(Math.BigMul(ulong.CreateTruncating(value), cpu.Reg<ulong>(Rax), out var bits));
                low = T.CreateTruncating(bits);
            }
            else
            {
                var product = ulong.CreateTruncating(value) * ulong.CreateTruncating(cpu.Reg<T>(Rax));
                low = T.CreateTruncating(product);
                high = T.CreateTruncating(product >> (8 * sizeof(T)));
            }

            SetDouble(cpu, low, high);
            cpu.SetFlags(low, !T.IsZero(high), !T.IsZero(high));
        }
    }

    private readonly struct Imul1 : IOneOperand
    {
        public static void Apply<T>(Interpreter cpu, T value)
            where T : unmanaged, IBinaryInteger<T>
        {
            T low, high;
            if (sizeof(T) == 8)
            {
                high = T.CreateTruncating(Math.BigMul(Interpreter.SignExtend(value), (long)cpu.Reg<ulong>(Rax), out var bits));
                low = T.CreateTruncating(bits);
            }
            else
            {
                var product = Interpreter.SignExtend(value) * Interpreter.SignExtend(cpu.Reg<T>(Rax));
                low = T.CreateTruncating(product);
                high = T.CreateTruncating(product >> (8 * sizeof(T)));
            }

            SetDouble(cpu, low, high);
            var overflow = Interpreter.SignExtend(high) != Interpreter.SignExtend(low) >> 63;
            cpu.SetFlags(low, overflow, overflow);
        }
    }

    private readonly struct Div1 : IOneOperand
    {
        public static void Apply<T>(Interpreter cpu, T value)
            where T : unmanaged, IBinaryInteger<T>
        {
            if (T.IsZero(value)) cpu.Raise(ExceptionVector.DivideError, 0);
            if (sizeof(T) <= 4)
            {
                var dividend = (ulong)Double<T>(cpu);
                var divisor = ulong.CreateTruncating(value);
                var quotient = dividend / divisor;
                if (quotient >> (8 * sizeof(T)) != 0) cpu.Raise(ExceptionVector.DivideError, 0);
                SetDouble(cpu, T.CreateTruncating(quotient), T.CreateTruncating(dividend - (quotient * divisor)));
                return;
            }

            var wideDivisor = ulong.CreateTruncating(value);
            if (cpu.Reg<ulong>(Rdx) >= wideDivisor) cpu.Raise(ExceptionVector.DivideError, 0);
            if (cpu.Reg<ulong>(Rdx) == 0)
            {
                var (narrow, rest) = Math.DivRem(cpu.Reg<ulong>(Rax), wideDivisor);
                SetDouble(cpu, narrow, rest);
                return;
            }

            var (wide, remainder) = UInt128.DivRem(Double<T>(cpu), wideDivisor);
            SetDouble(cpu, (ulong)wide, (ulong)remainder);
        }
    }

    private readonly struct Idiv1 : IOneOperand
    {
        public static void Apply<T>(Interpreter cpu, T value)
            where T : unmanaged, IBinaryInteger<T>
        {
            if (T.IsZero(value)) cpu.Raise(ExceptionVector.DivideError, 0);
            var bits = 16 * sizeof(T);
            var dividend = (Int128)(Double<T>(cpu) << (128 - bits)) >> (128 - bits);
            var divisor = (Int128)Interpreter.SignExtend(value);
            if (divisor == Int128.NegativeOne && dividend == Int128.MinValue) cpu.Raise(ExceptionVector.DivideError, 0);
            var (quotient, remainder) = sizeof(T) <= 4
                ? ((Int128)((long)dividend != long.MinValue || divisor != Int128.NegativeOne ? (long)dividend / (long)divisor : long.MaxValue), Int128.Zero)
                : Int128.DivRem(dividend, divisor);
            if (sizeof(T) <= 4) remainder = dividend - (quotient * divisor);
            var result = T.CreateTruncating(quotient);
            if (Interpreter.SignExtend(result) != quotient) cpu.Raise(ExceptionVector.DivideError, 0);
            SetDouble(cpu, result, T.CreateTruncating(remainder));
        }
    }

    private static Op* Mulx32<TMemory>(Interpreter cpu, Op* op)
        where TMemory : struct, IFlag
    {
        var product = (ulong)(TMemory.Value ? cpu.Read<uint>(cpu.Address(op, 4)) : cpu.Reg<uint>(op->Reg2)) * cpu.Reg<uint>(Rdx);
        cpu.SetReg(op->Reg1, (uint)product);
        cpu.SetReg(op->Reg0, (uint)(product >> 32)); // second: with equal registers the high half wins
        return op + 1;
    }

    private static Op* Mulx64<TMemory>(Interpreter cpu, Op* op)
        where TMemory : struct, IFlag
    {
        var high = Math.BigMul(TMemory.Value ? cpu.Read<ulong>(cpu.Address(op, 8)) : cpu.Reg<ulong>(op->Reg2), cpu.Reg<ulong>(Rdx), out var low);
        cpu.SetReg(op->Reg1, low);
        cpu.SetReg(op->Reg0, high);
        return op + 1;
    }
}
