using System.Numerics;
using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>
/// Loads and stores of the elements that a mask's sign bits choose. The others are not accessed, so they cannot fault;
/// a store checks all that are chosen before it writes any.
/// </summary>
internal static unsafe class MaskedMoves
{
    public static void Declare(InstructionTable table)
    {
        table.Add(Mnemonic.Vmaskmovps, &Bind<uint>);
        table.Add(Mnemonic.Vmaskmovpd, &Bind<ulong>);
        table.Add(Mnemonic.Vpmaskmovd, &Bind<uint>);
        table.Add(Mnemonic.Vpmaskmovq, &Bind<ulong>);
        table.Add(Mnemonic.Maskmovdqu, &BindBytes);
        table.Add(Mnemonic.Vmaskmovdqu, &BindBytes);
        table.Add(Mnemonic.Maskmovq, &BindBytes);
    }

    private static Handler Bind<T>(in Instruction instruction, Op* op)
        where T : unmanaged
    {
        if (instruction.Op0Kind == OpKind.Memory) return VectorOperands.IsWide(instruction) ? &Store256<T> : &Store128<T>;
        return VectorOperands.IsWide(instruction) ? &Load256<T> : &Load128<T>;
    }

    private static Handler BindBytes(in Instruction instruction, Op* op) => instruction.Mnemonic switch
    {
        Mnemonic.Maskmovq => &Maskmovq,
        Mnemonic.Maskmovdqu => &Maskmovdqu<Legacy>,
        _ => &Maskmovdqu<Vex>,
    };

    private static Op* Load128<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        cpu.RequireAvx();
        var chosen = cpu.Xmm(op->Reg1).As<byte, T>().ExtractMostSignificantBits();
        cpu.SetXmmZeroUpper(op->Reg0, Load<T>(cpu, op, chosen, Vector128<T>.Count).GetLower().AsByte());
        return op + 1;
    }

    private static Op* Load256<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        cpu.RequireAvx();
        var chosen = cpu.Ymm(op->Reg1).As<byte, T>().ExtractMostSignificantBits();
        cpu.Ymm(op->Reg0) = Load<T>(cpu, op, chosen, Vector256<T>.Count).AsByte();
        return op + 1;
    }

    private static Op* Store128<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        cpu.RequireAvx();
        Store<T>(cpu, op, cpu.Xmm(op->Reg1).As<byte, T>().ExtractMostSignificantBits(), cpu.Ymm(op->Reg2).As<byte, T>());
        return op + 1;
    }

    private static Op* Store256<T>(Interpreter cpu, Op* op)
        where T : unmanaged
    {
        cpu.RequireAvx();
        Store<T>(cpu, op, cpu.Ymm(op->Reg1).As<byte, T>().ExtractMostSignificantBits(), cpu.Ymm(op->Reg2).As<byte, T>());
        return op + 1;
    }

    private static Vector256<T> Load<T>(Interpreter cpu, Op* op, uint chosen, int count)
        where T : unmanaged
    {
        var result = Vector256<T>.Zero;
        for (var i = 0; i < count; i++)
        {
            if ((chosen >> i & 1) != 0) result = result.WithElement(i, cpu.ReadElement<T>(cpu.AddressAt(op, (ulong)(i * sizeof(T)), sizeof(T))));
        }

        return result;
    }

    private static void Store<T>(Interpreter cpu, Op* op, uint chosen, Vector256<T> value)
        where T : unmanaged
    {
        if (chosen == 0) return;
        // The bytes in between lie in the pages of the first and the last one. No element raises #AC.
        cpu.ProbeWrite(cpu.AddressAt(op, (ulong)(BitOperations.TrailingZeroCount(chosen) * sizeof(T)), 1, true), 1);
        cpu.ProbeWrite(cpu.AddressAt(op, (ulong)((BitOperations.Log2(chosen) + 1) * sizeof(T)) - 1, 1, true), 1);
        for (var bits = chosen; bits != 0; bits &= bits - 1)
        {
            var place = BitOperations.TrailingZeroCount(bits);
            cpu.WriteElement(cpu.AddressAt(op, (ulong)(place * sizeof(T)), sizeof(T), true), value[place]);
        }
    }

    private static Op* Maskmovdqu<TEncoding>(Interpreter cpu, Op* op)
        where TEncoding : struct, IVectorEncoding
    {
        TEncoding.Require(cpu);
        ProbeHalf(cpu, op, 8);
        ProbeHalf(cpu, op, 0);
        StoreBytes(cpu, op, cpu.Xmm(op->Reg2).ExtractMostSignificantBits(), cpu.Xmm(op->Reg1));
        return op + 1;
    }

    private static Op* Maskmovq(Interpreter cpu, Op* op)
    {
        cpu.RequireMmx();
        cpu.EnterMmx(); // even when the store faults, as processors do
        ProbeHalf(cpu, op, 0);
        var mask = Vector128.CreateScalar(cpu.Slot<ulong>(op->Reg2)).AsByte();
        StoreBytes(cpu, op, mask.ExtractMostSignificantBits(), Vector128.CreateScalar(cpu.Slot<ulong>(op->Reg1)).AsByte());
        return op + 1;
    }

    /// <summary>The byte stores fault whatever the mask, by eight bytes from above, as processors of Intel do.</summary>
    private static void ProbeHalf(Interpreter cpu, Op* op, int distance) => cpu.ProbeWrite(Destination(cpu, op, distance, 8), 8);

    /// <summary>Stores bytes at DS:rDI.</summary>
    private static void StoreBytes(Interpreter cpu, Op* op, uint chosen, Vector128<byte> value)
    {
        for (var bits = chosen; bits != 0; bits &= bits - 1)
        {
            var place = BitOperations.TrailingZeroCount(bits);
            cpu.Write(Destination(cpu, op, place, 1), value[place]);
        }
    }

    private static ulong Destination(Interpreter cpu, Op* op, int distance, int size)
    {
        const int rdi = 7;
        var offset = cpu.Gpr(rdi) + (ulong)distance;
        return cpu.Linear(op->Segment, op->AddressSize switch { 8 => offset, 4 => (uint)offset, _ => (ushort)offset }, size, true);
    }
}
