using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>Moves of whole vectors between registers and memory. Non-temporal ones differ in nothing that a guest can see.</summary>
internal static unsafe class VectorMoves
{
    public static void Declare(InstructionTable table)
    {
        Aligned(table, Mnemonic.Movaps, Mnemonic.Vmovaps);
        Aligned(table, Mnemonic.Movapd, Mnemonic.Vmovapd);
        Aligned(table, Mnemonic.Movdqa, Mnemonic.Vmovdqa);
        Aligned(table, Mnemonic.Movntps, Mnemonic.Vmovntps);
        Aligned(table, Mnemonic.Movntpd, Mnemonic.Vmovntpd);
        Aligned(table, Mnemonic.Movntdq, Mnemonic.Vmovntdq);
        Aligned(table, Mnemonic.Movntdqa, Mnemonic.Vmovntdqa);
        Unaligned(table, Mnemonic.Movups, Mnemonic.Vmovups);
        Unaligned(table, Mnemonic.Movupd, Mnemonic.Vmovupd);
        Unaligned(table, Mnemonic.Movdqu, Mnemonic.Vmovdqu);
        Unaligned(table, Mnemonic.Lddqu, Mnemonic.Vlddqu);
    }

    private static void Aligned(InstructionTable table, Mnemonic sse, Mnemonic vex)
    {
        table.Add(sse, &Bind<MustBeAligned>);
        table.Add(vex, &Bind<MustBeAligned>);
    }

    private static void Unaligned(InstructionTable table, Mnemonic sse, Mnemonic vex)
    {
        table.Add(sse, &Bind<MayBeUnaligned>);
        table.Add(vex, &Bind<MayBeUnaligned>);
    }

    private static Handler Bind<TAlignment>(in Instruction instruction, Op* op)
        where TAlignment : struct, IAlignment
    {
        if (instruction.Op0Kind == OpKind.Memory)
        {
            if (VectorOperands.IsWide(instruction)) return &Store<Vector256<byte>, Vex, TAlignment>;
            return VectorOperands.IsVex(instruction) ? &Store<Vector128<byte>, Vex, TAlignment> : &Store<Vector128<byte>, Legacy, TAlignment>;
        }

        var memory = instruction.Op1Kind == OpKind.Memory;
        if (VectorOperands.IsWide(instruction)) return memory ? &LoadWide<TAlignment> : &CopyWide;
        if (VectorOperands.IsVex(instruction)) return memory ? &Load<Vex, TAlignment> : &Copy<Vex>;
        return memory ? &Load<Legacy, TAlignment> : &Copy<Legacy>;
    }

    /// <summary>Whether an address that is not a multiple of the vector's size is an error.</summary>
    private interface IAlignment
    {
        static abstract bool IsRequired { get; }
    }

    private readonly struct MustBeAligned : IAlignment
    {
        public static bool IsRequired => true;
    }

    private readonly struct MayBeUnaligned : IAlignment
    {
        public static bool IsRequired => false;
    }

    private static ulong Address<T, TAlignment>(Interpreter cpu, Op* op, bool write)
        where T : unmanaged
        where TAlignment : struct, IAlignment
    {
        var address = cpu.Address(op, sizeof(T), write);
        if (TAlignment.IsRequired && (address & (ulong)(sizeof(T) - 1)) != 0) cpu.RaiseGp();
        return address;
    }

    private static Op* Copy<TEncoding>(Interpreter cpu, Op* op)
        where TEncoding : struct, IVectorEncoding
    {
        TEncoding.Require(cpu);
        TEncoding.Store(cpu, op->Reg0, cpu.Xmm(op->Reg1));
        return op + 1;
    }

    private static Op* CopyWide(Interpreter cpu, Op* op)
    {
        cpu.RequireAvx();
        cpu.Ymm(op->Reg0) = cpu.Ymm(op->Reg1);
        return op + 1;
    }

    private static Op* Load<TEncoding, TAlignment>(Interpreter cpu, Op* op)
        where TEncoding : struct, IVectorEncoding
        where TAlignment : struct, IAlignment
    {
        TEncoding.Require(cpu);
        TEncoding.Store(cpu, op->Reg0, cpu.Read<Vector128<byte>>(Address<Vector128<byte>, TAlignment>(cpu, op, false)));
        return op + 1;
    }

    private static Op* LoadWide<TAlignment>(Interpreter cpu, Op* op)
        where TAlignment : struct, IAlignment
    {
        cpu.RequireAvx();
        cpu.Ymm(op->Reg0) = cpu.Read<Vector256<byte>>(Address<Vector256<byte>, TAlignment>(cpu, op, false));
        return op + 1;
    }

    private static Op* Store<T, TEncoding, TAlignment>(Interpreter cpu, Op* op)
        where T : unmanaged
        where TEncoding : struct, IVectorEncoding
        where TAlignment : struct, IAlignment
    {
        TEncoding.Require(cpu);
        cpu.Write(Address<T, TAlignment>(cpu, op, true), cpu.Slot<T>(op->Reg1));
        return op + 1;
    }
}
