using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <summary>Data transfer: MOV and its relatives, XCHG, XADD, CMPXCHG, LEA, extensions and byte swaps.</summary>
internal static unsafe class Moves
{
    public static Handler BindMov(in Instruction instruction, Op* op)
    {
        if (instruction.Op0Kind == OpKind.Register && instruction.Op0Register.IsSegmentRegister()) return &SystemInstructions.MovToSegment;
        if (instruction.Op1Kind == OpKind.Register && instruction.Op1Register.IsSegmentRegister()) return BindMovFromSegment(instruction);
        if (SystemInstructions.IsSystemMove(instruction)) return SystemInstructions.BindSystemMove(instruction);
        return Alu.OperandSize(instruction) switch
        {
            1 => Select<byte>(instruction),
            2 => Select<ushort>(instruction),
            4 => Select<uint>(instruction),
            _ => Select<ulong>(instruction),
        };
    }

    /// <summary>MOVZX, MOVSX and MOVSXD.</summary>
    public static Handler BindExtend<TSigned>(in Instruction instruction, Op* op)
        where TSigned : struct, IFlag
    {
        var source = instruction.Op1Kind == OpKind.Register ? instruction.Op1Register.GetSize() : instruction.MemorySize.GetSize();
        var register = instruction.Op1Kind == OpKind.Register;
        return (instruction.Op0Register.GetSize(), source) switch
        {
            (2, 1) => register ? &ExtendRegister<ushort, byte, TSigned> : &ExtendMemory<ushort, byte, TSigned>,
            (2, 2) => register ? &ExtendRegister<ushort, ushort, TSigned> : &ExtendMemory<ushort, ushort, TSigned>,
            (4, 1) => register ? &ExtendRegister<uint, byte, TSigned> : &ExtendMemory<uint, byte, TSigned>,
            (4, 2) => register ? &ExtendRegister<uint, ushort, TSigned> : &ExtendMemory<uint, ushort, TSigned>,
            (4, 4) => register ? &ExtendRegister<uint, uint, TSigned> : &ExtendMemory<uint, uint, TSigned>,
            (8, 1) => register ? &ExtendRegister<ulong, byte, TSigned> : &ExtendMemory<ulong, byte, TSigned>,
            (8, 2) => register ? &ExtendRegister<ulong, ushort, TSigned> : &ExtendMemory<ulong, ushort, TSigned>,
            _ => register ? &ExtendRegister<ulong, uint, TSigned> : &ExtendMemory<ulong, uint, TSigned>,
        };
    }

    public static Handler BindLea(in Instruction instruction, Op* op) => instruction.Op0Register.GetSize() switch
    {
        2 => &Lea<ushort>,
        4 => &Lea<uint>,
        _ when op->AddressForm is AddressForm.Flat64 or AddressForm.Based64 => &Lea64,
        _ => &Lea<ulong>,
    };

    public static Handler BindXchg(in Instruction instruction, Op* op) => Alu.OperandSize(instruction) switch
    {
        1 => Exchange<byte>(instruction, op),
        2 => Exchange<ushort>(instruction, op),
        4 => Exchange<uint>(instruction, op),
        _ => Exchange<ulong>(instruction, op),
    };

    public static Handler BindXadd(in Instruction instruction, Op* op)
    {
        var register = instruction.Op0Kind == OpKind.Register;
        return Alu.OperandSize(instruction) switch
        {
            1 => register ? &XaddRegister<byte> : &XaddMemory<byte>,
            2 => register ? &XaddRegister<ushort> : &XaddMemory<ushort>,
            4 => register ? &XaddRegister<uint> : &XaddMemory<uint>,
            _ => register ? &XaddRegister<ulong> : &XaddMemory<ulong>,
        };
    }

    public static Handler BindCmpxchg(in Instruction instruction, Op* op)
    {
        var register = instruction.Op0Kind == OpKind.Register;
        return Alu.OperandSize(instruction) switch
        {
            1 => register ? &CmpxchgRegister<byte> : &CmpxchgMemory<byte>,
            2 => register ? &CmpxchgRegister<ushort> : &CmpxchgMemory<ushort>,
            4 => register ? &CmpxchgRegister<uint> : &CmpxchgMemory<uint>,
            _ => register ? &CmpxchgRegister<ulong> : &CmpxchgMemory<ulong>,
        };
    }

    public static Handler BindCmpxchg8b(in Instruction instruction, Op* op) => &Cmpxchg8b;

    public static Handler BindCmpxchg16b(in Instruction instruction, Op* op) => &Cmpxchg16b;

    public static Handler BindBswap(in Instruction instruction, Op* op) => instruction.Op0Register.GetSize() switch
    {
        2 => &Bswap16,
        4 => &Bswap<uint>,
        _ => &Bswap<ulong>,
    };

    public static Handler BindMovbe(in Instruction instruction, Op* op)
    {
        var load = instruction.Op0Kind == OpKind.Register;
        return (load ? instruction.Op0Register : instruction.Op1Register).GetSize() switch
        {
            2 => load ? &MovbeLoad<ushort> : &MovbeStore<ushort>,
            4 => load ? &MovbeLoad<uint> : &MovbeStore<uint>,
            _ => load ? &MovbeLoad<ulong> : &MovbeStore<ulong>,
        };
    }

    /// <summary>CBW, CWDE, CDQE.</summary>
    public static Handler BindExtendAccumulator(in Instruction instruction, Op* op) => instruction.Mnemonic switch
    {
        Mnemonic.Cbw => &Cbw,
        Mnemonic.Cwde => &Cwde,
        _ => &Cdqe,
    };

    /// <summary>CWD, CDQ, CQO.</summary>
    public static Handler BindSignToD(in Instruction instruction, Op* op) => instruction.Mnemonic switch
    {
        Mnemonic.Cwd => &Cwd,
        Mnemonic.Cdq => &Cdq,
        _ => &Cqo,
    };

    /// <summary>XLATB.</summary>
    public static Handler BindXlat(in Instruction instruction, Op* op)
    {
        // The memory operand is [seg:rBX+AL]; Iced gives it with base and index registers.
        op->Reg0 = Decoding.StateOffsets.Of(Register.AL);
        op->Index = Decoding.StateOffsets.Zero;
        return &Xlat;
    }

    private static Handler Select<T>(in Instruction instruction)
        where T : unmanaged, IBinaryInteger<T> => (instruction.Op0Kind, instruction.Op1Kind) switch
        {
            (OpKind.Register, OpKind.Register) => &MovRegisterRegister<T>,
            (OpKind.Register, OpKind.Memory) => &MovLoad<T>,
            (OpKind.Register, _) => &MovRegisterImmediate<T>,
            (_, OpKind.Register) => &MovStore<T>,
            _ => &MovStoreImmediate<T>,
        };

    private static Handler BindMovFromSegment(in Instruction instruction) => instruction.Op0Kind == OpKind.Memory
        ? &MovSegmentToMemory
        : instruction.Op0Register.GetSize() switch
        {
            2 => &MovSegmentToRegister<ushort>,
            4 => &MovSegmentToRegister<uint>,
            _ => &MovSegmentToRegister<ulong>,
        };

    private static Handler Exchange<T>(in Instruction instruction, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        if (instruction.Op0Kind == OpKind.Register && instruction.Op1Kind == OpKind.Register) return &XchgRegisters<T>;
        if (instruction.Op0Kind == OpKind.Register) op->Reg1 = op->Reg0; // the memory operand may come second
        return &XchgMemory<T>;
    }

    private static Op* MovRegisterRegister<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        cpu.SetReg(op->Reg0, cpu.Reg<T>(op->Reg1));
        return op + 1;
    }

    private static Op* MovRegisterImmediate<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        cpu.SetReg(op->Reg0, T.CreateTruncating(op->Immediate));
        return op + 1;
    }

    private static Op* MovLoad<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        cpu.SetReg(op->Reg0, cpu.Read<T>(cpu.Address(op, sizeof(T))));
        return op + 1;
    }

    private static Op* MovStore<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        cpu.Write(cpu.Address(op, sizeof(T), true), cpu.Reg<T>(op->Reg1));
        return op + 1;
    }

    private static Op* MovStoreImmediate<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        cpu.Write(cpu.Address(op, sizeof(T), true), T.CreateTruncating(op->Immediate));
        return op + 1;
    }

    private static Op* MovSegmentToRegister<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        cpu.SetReg(op->Reg0, T.CreateTruncating(cpu.State.Segments[op->Reg1].Selector));
        return op + 1;
    }

    private static Op* MovSegmentToMemory(Interpreter cpu, Op* op)
    {
        cpu.Write(cpu.Address(op, 2, true), cpu.State.Segments[op->Reg1].Selector);
        return op + 1;
    }

    private static Op* ExtendRegister<T, TSource, TSigned>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
        where TSource : unmanaged, IBinaryInteger<TSource>
        where TSigned : struct, IFlag
    {
        cpu.SetReg(op->Reg0, Extend<T, TSource, TSigned>(cpu.Reg<TSource>(op->Reg1)));
        return op + 1;
    }

    private static Op* ExtendMemory<T, TSource, TSigned>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
        where TSource : unmanaged, IBinaryInteger<TSource>
        where TSigned : struct, IFlag
    {
        cpu.SetReg(op->Reg0, Extend<T, TSource, TSigned>(cpu.Read<TSource>(cpu.Address(op, sizeof(TSource)))));
        return op + 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Extend<T, TSource, TSigned>(TSource value)
        where T : unmanaged, IBinaryInteger<T>
        where TSource : unmanaged, IBinaryInteger<TSource>
        where TSigned : struct, IFlag => TSigned.Value ? T.CreateTruncating(Interpreter.SignExtend(value)) : T.CreateTruncating(value);

    private static Op* Lea<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        cpu.SetReg(op->Reg0, T.CreateTruncating(cpu.EffectiveAddress(op)));
        return op + 1;
    }

    private static Op* Lea64(Interpreter cpu, Op* op)
    {
        cpu.Slot<ulong>(op->Reg0) = cpu.Reg<ulong>(op->Base) + (cpu.Reg<ulong>(op->Index) << op->Scale) + (ulong)op->Displacement;
        return op + 1;
    }

    private static Op* XchgRegisters<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        var (first, second) = (cpu.Reg<T>(op->Reg0), cpu.Reg<T>(op->Reg1));
        cpu.SetReg(op->Reg0, second);
        cpu.SetReg(op->Reg1, first);
        return op + 1;
    }

    /// <summary>XCHG with memory is atomic with or without LOCK.</summary>
    private static Op* XchgMemory<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        var address = cpu.Address(op, sizeof(T), true);
        var value = cpu.Reg<T>(op->Reg1);
        T old;
        var pointer = cpu.TryAtomicPointer<T>(address);
        if (pointer != null)
        {
            do
            {
                old = Unsafe.ReadUnaligned<T>(pointer);
            }
            while (!Atomic.TryExchange(pointer, old, value));
            cpu.AtomicDone<T>();
        }
        else
        {
            lock (Atomic.BusLock)
            {
                old = cpu.ReadForWrite<T>(address);
                cpu.Write(address, value);
            }
        }

        cpu.SetReg(op->Reg1, old);
        return op + 1;
    }

    private static Op* XaddRegister<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        var (destination, source) = (cpu.Reg<T>(op->Reg0), cpu.Reg<T>(op->Reg1));
        cpu.SetReg(op->Reg1, destination);
        cpu.SetReg(op->Reg0, Add.Apply(cpu, destination, source)); // second: with equal registers the sum wins
        return op + 1;
    }

    private static Op* XaddMemory<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        var address = cpu.Address(op, sizeof(T), true);
        var source = cpu.Reg<T>(op->Reg1);
        T old;
        var pointer = cpu.TryAtomicPointer<T>(address);
        if (pointer != null)
        {
            do
            {
                old = Unsafe.ReadUnaligned<T>(pointer);
            }
            while (!Atomic.TryExchange(pointer, old, old + source));
            cpu.AtomicDone<T>();
        }
        else
        {
            lock (Atomic.BusLock)
            {
                old = cpu.ReadForWrite<T>(address);
                cpu.Write(address, old + source);
            }
        }

        Add.Apply(cpu, old, source);
        cpu.SetReg(op->Reg1, old);
        return op + 1;
    }

    private static Op* CmpxchgRegister<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        var destination = cpu.Reg<T>(op->Reg0);
        var accumulator = cpu.Reg<T>(0);
        Cmp.Apply(cpu, accumulator, destination);
        // The half that does not match is left alone, upper half included; the other is written, so a 32-bit one is extended.
        if (accumulator == destination) cpu.SetReg(op->Reg0, cpu.Reg<T>(op->Reg1));
        else cpu.SetReg(0, destination);
        return op + 1;
    }

    private static Op* CmpxchgMemory<T>(Interpreter cpu, Op* op)
        where T : unmanaged, IBinaryInteger<T>
    {
        var address = cpu.Address(op, sizeof(T), true);
        var accumulator = cpu.Reg<T>(0);
        var value = cpu.Reg<T>(op->Reg1);
        T old;
        var pointer = cpu.TryAtomicPointer<T>(address);
        if (pointer != null)
        {
            do
            {
                old = Unsafe.ReadUnaligned<T>(pointer);
            }
            while (old == accumulator && !Atomic.TryExchange(pointer, old, value));
            cpu.AtomicDone<T>();
        }
        else
        {
            lock (Atomic.BusLock)
            {
                old = cpu.ReadForWrite<T>(address);
                cpu.Write(address, old == accumulator ? value : old); // the destination is written either way (SDM vol. 2)
            }
        }

        Cmp.Apply(cpu, accumulator, old);
        if (old != accumulator) cpu.SetReg(0, old);
        return op + 1;
    }

    private static Op* Cmpxchg8b(Interpreter cpu, Op* op)
    {
        var address = cpu.Address(op, 8, true);
        var expected = (cpu.Gpr(2) << 32) | (uint)cpu.Gpr(0);
        var value = (cpu.Gpr(1) << 32) | (uint)cpu.Gpr(3);
        ulong old;
        var pointer = cpu.TryAtomicPointer<ulong>(address);
        if (pointer != null)
        {
            old = Interlocked.CompareExchange(ref *pointer, value, expected);
            cpu.AtomicDone<ulong>();
        }
        else
        {
            lock (Atomic.BusLock)
            {
                old = cpu.ReadForWrite<ulong>(address);
                cpu.Write(address, old == expected ? value : old);
            }
        }

        cpu.ZeroFlag = old == expected;
        if (old == expected) return op + 1;
        cpu.Gpr(0) = (uint)old;
        cpu.Gpr(2) = old >> 32;
        return op + 1;
    }

    private static Op* Cmpxchg16b(Interpreter cpu, Op* op)
    {
        var address = cpu.Address(op, 16, true);
        if ((address & 15) != 0) cpu.RaiseGp();
        var expected = new UInt128(cpu.Gpr(2), cpu.Gpr(0));
        var value = new UInt128(cpu.Gpr(1), cpu.Gpr(3));
        UInt128 old;
        var pointer = cpu.TryAtomicPointer<UInt128>(address);
        if (pointer != null)
        {
            old = WideExchange.CompareExchange(pointer, expected, value);
            cpu.AtomicDone<UInt128>();
        }
        else
        {
            lock (Atomic.BusLock)
            {
                old = cpu.ReadForWrite<UInt128>(address);
                if (old == expected) cpu.Write(address, value);
            }
        }

        cpu.ZeroFlag = old == expected;
        if (old == expected) return op + 1;
        cpu.Gpr(0) = (ulong)old;
        cpu.Gpr(2) = (ulong)(old >> 64);
        return op + 1;
    }

    /// <summary>BSWAP of a 16-bit register is undefined; processors clear it.</summary>
    private static Op* Bswap16(Interpreter cpu, Op* op)
    {
        cpu.SetReg<ushort>(op->Reg0, 0);
        return op + 1;
    }

    private static Op* Bswap<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        cpu.SetReg(op->Reg0, Reverse(cpu.Reg<T>(op->Reg0)));
        return op + 1;
    }

    private static Op* MovbeLoad<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        cpu.SetReg(op->Reg0, Reverse(cpu.Read<T>(cpu.Address(op, sizeof(T)))));
        return op + 1;
    }

    private static Op* MovbeStore<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        cpu.Write(cpu.Address(op, sizeof(T), true), Reverse(cpu.Reg<T>(op->Reg1)));
        return op + 1;
    }

    private static T Reverse<T>(T value)
        where T : unmanaged
    {
        if (sizeof(T) == 2) return Unsafe.BitCast<ushort, T>(BinaryPrimitives.ReverseEndianness(Unsafe.BitCast<T, ushort>(value)));
        if (sizeof(T) == 4) return Unsafe.BitCast<uint, T>(BinaryPrimitives.ReverseEndianness(Unsafe.BitCast<T, uint>(value)));
        return Unsafe.BitCast<ulong, T>(BinaryPrimitives.ReverseEndianness(Unsafe.BitCast<T, ulong>(value)));
    }

    private static Op* Cbw(Interpreter cpu, Op* op)
    {
        cpu.SetReg<ushort>(0, (ushort)(sbyte)cpu.Gpr(0));
        return op + 1;
    }

    private static Op* Cwde(Interpreter cpu, Op* op)
    {
        cpu.Gpr(0) = (uint)(short)cpu.Gpr(0);
        return op + 1;
    }

    private static Op* Cdqe(Interpreter cpu, Op* op)
    {
        cpu.Gpr(0) = (ulong)(int)cpu.Gpr(0);
        return op + 1;
    }

    private static Op* Cwd(Interpreter cpu, Op* op)
    {
        cpu.SetReg<ushort>(16, (ushort)((short)cpu.Gpr(0) >> 15));
        return op + 1;
    }

    private static Op* Cdq(Interpreter cpu, Op* op)
    {
        cpu.Gpr(2) = (uint)((int)cpu.Gpr(0) >> 31);
        return op + 1;
    }

    private static Op* Cqo(Interpreter cpu, Op* op)
    {
        cpu.Gpr(2) = (ulong)((long)cpu.Gpr(0) >> 63);
        return op + 1;
    }

    private static Op* Xlat(Interpreter cpu, Op* op)
    {
        // Index was set to zero by the binder; the displacement is AL's value, added for this one access.
        op->Displacement = (byte)cpu.Gpr(0);
        cpu.SetReg(op->Reg0, cpu.Read<byte>(cpu.Address(op, 1)));
        return op + 1;
    }
}
