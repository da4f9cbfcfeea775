using System.Numerics;
using System.Runtime.CompilerServices;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <summary>A change of one bit (BT, BTS, BTR, BTC).</summary>
internal interface IBitChange
{
    static abstract bool Writes { get; }

    static abstract T Apply<T>(T value, T mask)
        where T : unmanaged, IBinaryInteger<T>;
}

internal readonly struct Bt : IBitChange
{
    public static bool Writes => false;

    public static T Apply<T>(T value, T mask)
        where T : unmanaged, IBinaryInteger<T> => value;
}

internal readonly struct Bts : IBitChange
{
    public static bool Writes => true;

    public static T Apply<T>(T value, T mask)
        where T : unmanaged, IBinaryInteger<T> => value | mask;
}

internal readonly struct Btr : IBitChange
{
    public static bool Writes => true;

    public static T Apply<T>(T value, T mask)
        where T : unmanaged, IBinaryInteger<T> => value & ~mask;
}

internal readonly struct Btc : IBitChange
{
    public static bool Writes => true;

    public static T Apply<T>(T value, T mask)
        where T : unmanaged, IBinaryInteger<T> => value ^ mask;
}

/// <summary>A source-to-destination bit function (scans, counts, BMI1 group), flags included.</summary>
internal interface IBitFunction
{
    static abstract T Apply<T>(Interpreter cpu, T source, T destination)
        where T : unmanaged, IBinaryInteger<T>;
}

/// <summary>BSF; a zero source leaves the destination alone, as all processors do.</summary>
internal readonly struct Bsf : IBitFunction
{
    public static T Apply<T>(Interpreter cpu, T source, T destination)
        where T : unmanaged, IBinaryInteger<T>
    {
        cpu.SetFlagsLogic(source);
        return T.IsZero(source) ? destination : T.TrailingZeroCount(source);
    }
}

internal readonly struct Bsr : IBitFunction
{
    public static T Apply<T>(Interpreter cpu, T source, T destination)
        where T : unmanaged, IBinaryInteger<T>
    {
        cpu.SetFlagsLogic(source);
        return T.IsZero(source) ? destination : T.CreateTruncating((8 * Unsafe.SizeOf<T>()) - 1) - T.LeadingZeroCount(source);
    }
}

internal readonly struct Popcnt : IBitFunction
{
    public static T Apply<T>(Interpreter cpu, T source, T destination)
        where T : unmanaged, IBinaryInteger<T>
    {
        cpu.LoadStatusFlags(T.IsZero(source) ? X86.Rflags.ZF : 0);
        return T.PopCount(source);
    }
}

internal readonly struct Lzcnt : IBitFunction
{
    public static T Apply<T>(Interpreter cpu, T source, T destination)
        where T : unmanaged, IBinaryInteger<T>
    {
        var result = T.LeadingZeroCount(source);
        cpu.SetFlags(result, T.IsZero(source), false);
        return result;
    }
}

internal readonly struct Tzcnt : IBitFunction
{
    public static T Apply<T>(Interpreter cpu, T source, T destination)
        where T : unmanaged, IBinaryInteger<T>
    {
        var result = T.TrailingZeroCount(source);
        cpu.SetFlags(result, T.IsZero(source), false);
        return result;
    }
}

internal readonly struct Blsi : IBitFunction
{
    public static T Apply<T>(Interpreter cpu, T source, T destination)
        where T : unmanaged, IBinaryInteger<T>
    {
        var result = source & (T.Zero - source);
        cpu.SetFlags(result, !T.IsZero(source), false);
        return result;
    }
}

internal readonly struct Blsr : IBitFunction
{
    public static T Apply<T>(Interpreter cpu, T source, T destination)
        where T : unmanaged, IBinaryInteger<T>
    {
        var result = source & (source - T.One);
        cpu.SetFlags(result, T.IsZero(source), false);
        return result;
    }
}

internal readonly struct Blsmsk : IBitFunction
{
    public static T Apply<T>(Interpreter cpu, T source, T destination)
        where T : unmanaged, IBinaryInteger<T>
    {
        var result = source ^ (source - T.One);
        cpu.SetFlags(result, T.IsZero(source), false);
        return result;
    }
}

/// <summary>ADCX: unsigned add with carry that touches CF only.</summary>
internal readonly struct Adcx : IBitFunction
{
    public static T Apply<T>(Interpreter cpu, T source, T destination)
        where T : unmanaged, IBinaryInteger<T>
    {
        var sum = new UInt128(0, ulong.CreateTruncating(source)) + ulong.CreateTruncating(destination) + (cpu.CarryFlag ? 1u : 0u);
        var overflow = cpu.OverflowFlag;
        cpu.CarryFlag = sum >> (8 * Unsafe.SizeOf<T>()) != 0;
        cpu.OverflowFlag = overflow;
        return T.CreateTruncating(sum);
    }
}

/// <summary>ADOX: unsigned add with carry in OF.</summary>
internal readonly struct Adox : IBitFunction
{
    public static T Apply<T>(Interpreter cpu, T source, T destination)
        where T : unmanaged, IBinaryInteger<T>
    {
        var sum = new UInt128(0, ulong.CreateTruncating(source)) + ulong.CreateTruncating(destination) + (cpu.OverflowFlag ? 1u : 0u);
        cpu.OverflowFlag = sum >> (8 * Unsafe.SizeOf<T>()) != 0;
        return T.CreateTruncating(sum);
    }
}

/// <summary>A three-operand BMI function of a source and a control register, without or with flags.</summary>
internal interface IBitControl
{
    static abstract T Apply<T>(Interpreter cpu, T source, T control)
        where T : unmanaged, IBinaryInteger<T>;
}

internal readonly struct Bextr : IBitControl
{
    public static T Apply<T>(Interpreter cpu, T source, T control)
        where T : unmanaged, IBinaryInteger<T>
    {
        var bits = ulong.CreateTruncating(control);
        int start = (byte)bits, length = (byte)(bits >> 8);
        var value = start < 64 ? ulong.CreateTruncating(source) >> start : 0;
        if (length < 64) value &= (1ul << length) - 1;
        var result = T.CreateTruncating(value);
        cpu.SetFlagsLogic(result);
        return result;
    }
}

internal readonly struct Bzhi : IBitControl
{
    public static T Apply<T>(Interpreter cpu, T source, T control)
        where T : unmanaged, IBinaryInteger<T>
    {
        int index = (byte)ulong.CreateTruncating(control), width = 8 * Unsafe.SizeOf<T>();
        var result = index < width ? source & T.CreateTruncating((1ul << index) - 1) : source;
        cpu.SetFlags(result, index >= width, false);
        return result;
    }
}

internal readonly struct Shlx : IBitControl
{
    public static T Apply<T>(Interpreter cpu, T source, T control)
        where T : unmanaged, IBinaryInteger<T> => source << (int)(ulong.CreateTruncating(control) & (ulong)((8 * Unsafe.SizeOf<T>()) - 1));
}

internal readonly struct Shrx : IBitControl
{
    public static T Apply<T>(Interpreter cpu, T source, T control)
        where T : unmanaged, IBinaryInteger<T> => source >>> (int)(ulong.CreateTruncating(control) & (ulong)((8 * Unsafe.SizeOf<T>()) - 1));
}

internal readonly struct Sarx : IBitControl
{
    public static T Apply<T>(Interpreter cpu, T source, T control)
        where T : unmanaged, IBinaryInteger<T> =>
        T.CreateTruncating(Interpreter.SignExtend(source) >> (int)(ulong.CreateTruncating(control) & (ulong)((8 * Unsafe.SizeOf<T>()) - 1)));
}

/// <summary>RORX: the control is an immediate.</summary>
internal readonly struct Rorx : IBitControl
{
    public static T Apply<T>(Interpreter cpu, T source, T control)
        where T : unmanaged, IBinaryInteger<T> => T.RotateRight(source, (int)(ulong.CreateTruncating(control) & (ulong)((8 * Unsafe.SizeOf<T>()) - 1)));
}

/// <summary>ANDN, with the inverted first source in the place of the control.</summary>
internal readonly struct Andn : IBitControl
{
    public static T Apply<T>(Interpreter cpu, T source, T control)
        where T : unmanaged, IBinaryInteger<T>
    {
        var result = ~control & source;
        cpu.SetFlagsLogic(result);
        return result;
    }
}

/// <summary>PDEP: deposits low bits at the places of a mask.</summary>
internal readonly struct Pdep : IBitControl
{
    public static T Apply<T>(Interpreter cpu, T source, T control)
        where T : unmanaged, IBinaryInteger<T>
    {
        ulong mask = ulong.CreateTruncating(source), value = ulong.CreateTruncating(control), result = 0;
        for (; mask != 0; mask &= mask - 1, value >>= 1)
        {
            if ((value & 1) != 0) result |= mask & (0 - mask);
        }

        return T.CreateTruncating(result);
    }
}

/// <summary>PEXT: gathers the bits at the places of a mask.</summary>
internal readonly struct Pext : IBitControl
{
    public static T Apply<T>(Interpreter cpu, T source, T control)
        where T : unmanaged, IBinaryInteger<T>
    {
        ulong mask = ulong.CreateTruncating(source), value = ulong.CreateTruncating(control), result = 0;
        for (var bit = 0; mask != 0; mask &= mask - 1, bit++)
        {
            if ((value & mask & (0 - mask)) != 0) result |= 1ul << bit;
        }

        return T.CreateTruncating(result);
    }
}

/// <summary>Handlers of bit instructions.</summary>
internal static unsafe class Bits
{
    public static Handler BindTest<TChange>(in Instruction instruction, Op* op)
        where TChange : struct, IBitChange => Alu.OperandSize(instruction) switch
        {
            2 => SelectTest<TChange, ushort>(instruction),
            4 => SelectTest<TChange, uint>(instruction),
            _ => SelectTest<TChange, ulong>(instruction),
        };

    public static Handler BindFunction<TFunction>(in Instruction instruction, Op* op)
        where TFunction : struct, IBitFunction
    {
        var memory = instruction.Op1Kind == OpKind.Memory;
        return instruction.Op0Register.GetSize() switch
        {
            2 => memory ? &Function<TFunction, ushort, MemoryOperand> : &Function<TFunction, ushort, RegisterOperand>,
            4 => memory ? &Function<TFunction, uint, MemoryOperand> : &Function<TFunction, uint, RegisterOperand>,
            _ => memory ? &Function<TFunction, ulong, MemoryOperand> : &Function<TFunction, ulong, RegisterOperand>,
        };
    }

    /// <summary>Source in operand 1, control in operand 2 (BEXTR, BZHI, SHLX, SARX, SHRX, RORX).</summary>
    public static Handler BindControl<TControl>(in Instruction instruction, Op* op)
        where TControl : struct, IBitControl
    {
        var memory = instruction.Op1Kind == OpKind.Memory;
        if (instruction.Op2Kind == OpKind.Register)
            return memory ? SelectControl<TControl, MemoryOperand, ThirdOperand>(instruction) : SelectControl<TControl, RegisterOperand, ThirdOperand>(instruction);
        return memory ? SelectControl<TControl, MemoryOperand, ImmediateOperand>(instruction) : SelectControl<TControl, RegisterOperand, ImmediateOperand>(instruction);
    }

    /// <summary>Control in operand 1, source or mask in operand 2 (ANDN, PDEP, PEXT).</summary>
    public static Handler BindMask<TControl>(in Instruction instruction, Op* op)
        where TControl : struct, IBitControl
    {
        return instruction.Op2Kind == OpKind.Memory
            ? SelectControl<TControl, MemoryOperand, RegisterOperand>(instruction)
            : SelectControl<TControl, ThirdOperand, RegisterOperand>(instruction);
    }

    /// <summary>CRC32 with the Castagnoli polynomial.</summary>
    public static Handler BindCrc32(in Instruction instruction, Op* op)
    {
        var memory = instruction.Op1Kind == OpKind.Memory;
        var size = memory ? instruction.MemorySize.GetSize() : instruction.Op1Register.GetSize();
        return size switch
        {
            1 => memory ? &Crc32<byte, MemoryOperand> : &Crc32<byte, RegisterOperand>,
            2 => memory ? &Crc32<ushort, MemoryOperand> : &Crc32<ushort, RegisterOperand>,
            4 => memory ? &Crc32<uint, MemoryOperand> : &Crc32<uint, RegisterOperand>,
            _ => memory ? &Crc32<ulong, MemoryOperand> : &Crc32<ulong, RegisterOperand>,
        };
    }

    private static Handler SelectTest<TChange, T>(in Instruction instruction)
        where TChange : struct, IBitChange
        where T : unmanaged, IBinaryInteger<T> => (instruction.Op0Kind, instruction.Op1Kind) switch
        {
            (OpKind.Register, OpKind.Register) => &TestRegister<TChange, T, RegisterOperand>,
            (OpKind.Register, _) => &TestRegister<TChange, T, ImmediateOperand>,
            (_, OpKind.Register) => &TestMemory<TChange, T, RegisterOperand>,
            _ => &TestMemory<TChange, T, ImmediateOperand>,
        };

    private static Op* TestRegister<TChange, T, TOperand>(Interpreter cpu, Op* op)
        where TChange : struct, IBitChange
        where T : unmanaged, IBinaryInteger<T>
        where TOperand : struct, IOperand
    {
        var mask = T.One << (int.CreateTruncating(TOperand.Get<T>(cpu, op)) & ((8 * sizeof(T)) - 1));
        var value = cpu.Reg<T>(op->Reg0);
        if (TChange.Writes) cpu.SetReg(op->Reg0, TChange.Apply(value, mask));
        SetCarryOnly(cpu, !T.IsZero(value & mask));
        return op + 1;
    }

    /// <summary>With a register as bit number, memory is a bit string that the number, signed, reaches into (SDM vol. 2, BT).</summary>
    private static Op* TestMemory<TChange, T, TOperand>(Interpreter cpu, Op* op)
        where TChange : struct, IBitChange
        where T : unmanaged, IBinaryInteger<T>
        where TOperand : struct, IOperand
    {
        var bits = 8 * sizeof(T);
        var index = Interpreter.SignExtend(TOperand.Get<T>(cpu, op));
        var displacement = op->Displacement;
        ulong address;
        if (typeof(TOperand) == typeof(RegisterOperand))
        {
            // Added to the displacement for this one access, so that address size and segment apply to the whole.
            op->Displacement += (index >> BitOperations.Log2((uint)bits)) * sizeof(T);
            try
            {
                address = cpu.Address(op, sizeof(T), TChange.Writes);
            }
            finally
            {
                op->Displacement = displacement;
            }
        }
        else
        {
            address = cpu.Address(op, sizeof(T), TChange.Writes);
        }

        var mask = T.One << (int)(index & (bits - 1));
        T value;
        if (!TChange.Writes)
        {
            value = cpu.Read<T>(address);
        }
        else
        {
            var locked = (op->Prefixes & OpPrefixes.Lock) != 0;
            var pointer = locked ? cpu.TryAtomicPointer<T>(address) : cpu.TryPointer<T>(address);
            if (pointer == null && locked)
            {
                lock (Atomic.BusLock)
                {
                    value = cpu.ReadForWrite<T>(address);
                    cpu.Write(address, TChange.Apply(value, mask));
                }
            }
            else if (pointer == null)
            {
                value = cpu.ReadForWrite<T>(address);
                cpu.Write(address, TChange.Apply(value, mask));
            }
            else if (locked)
            {
                do
                {
                    value = Unsafe.ReadUnaligned<T>(pointer);
                }
                while (!Atomic.TryExchange(pointer, value, TChange.Apply(value, mask)));
                cpu.AtomicDone<T>();
            }
            else
            {
                value = Unsafe.ReadUnaligned<T>(pointer);
                Unsafe.WriteUnaligned(pointer, TChange.Apply(value, mask));
            }
        }

        SetCarryOnly(cpu, !T.IsZero(value & mask));
        return op + 1;
    }

    /// <summary>CF changes, ZF stays, the rest is undefined: processors leave it.</summary>
    private static void SetCarryOnly(Interpreter cpu, bool carry)
    {
        if (carry != cpu.CarryFlag) cpu.CarryFlag = carry;
    }

    private static Handler SelectControl<TControl, TSource, TSelector>(in Instruction instruction)
        where TControl : struct, IBitControl
        where TSource : struct, IOperand
        where TSelector : struct, IOperand => instruction.Op0Register.GetSize() == 4
            ? &Control<TControl, uint, TSource, TSelector>
            : &Control<TControl, ulong, TSource, TSelector>;

    private static Op* Function<TFunction, T, TSource>(Interpreter cpu, Op* op)
        where TFunction : struct, IBitFunction
        where T : unmanaged, IBinaryInteger<T>
        where TSource : struct, IOperand
    {
        cpu.SetReg(op->Reg0, TFunction.Apply(cpu, TSource.Get<T>(cpu, op), cpu.Reg<T>(op->Reg0)));
        return op + 1;
    }

    private static Op* Control<TControl, T, TSource, TSelector>(Interpreter cpu, Op* op)
        where TControl : struct, IBitControl
        where T : unmanaged, IBinaryInteger<T>
        where TSource : struct, IOperand
        where TSelector : struct, IOperand
    {
        cpu.SetReg(op->Reg0, TControl.Apply(cpu, TSource.Get<T>(cpu, op), TSelector.Get<T>(cpu, op)));
        return op + 1;
    }

    private static Op* Crc32<T, TSource>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
        where TSource : struct, IOperand
    {
        cpu.SetReg(op->Reg0, Crc(cpu.Reg<uint>(op->Reg0), TSource.Get<T>(cpu, op)));
        return op + 1;
    }

    private static uint Crc<T>(uint crc, T data)
        where T : unmanaged, IBinaryInteger<T> => sizeof(T) switch
        {
            1 => BitOperations.Crc32C(crc, byte.CreateTruncating(data)),
            2 => BitOperations.Crc32C(crc, ushort.CreateTruncating(data)),
            4 => BitOperations.Crc32C(crc, uint.CreateTruncating(data)),
            _ => BitOperations.Crc32C(crc, ulong.CreateTruncating(data)),
        };
}
