using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>
/// AVX2 gathers (SDM vol. 2, VGATHERDPS). Elements are fetched in order; each clears its mask, so that a fault in the middle
/// leaves an instruction that goes on where it was.
/// </summary>
internal static unsafe class Gathers
{
    public static void Declare(InstructionTable table)
    {
        table.Add(Mnemonic.Vgatherdps, &Bind<uint, int>);
        table.Add(Mnemonic.Vgatherdpd, &Bind<ulong, int>);
        table.Add(Mnemonic.Vgatherqps, &Bind<uint, long>);
        table.Add(Mnemonic.Vgatherqpd, &Bind<ulong, long>);
        table.Add(Mnemonic.Vpgatherdd, &Bind<uint, int>);
        table.Add(Mnemonic.Vpgatherdq, &Bind<ulong, int>);
        table.Add(Mnemonic.Vpgatherqd, &Bind<uint, long>);
        table.Add(Mnemonic.Vpgatherqq, &Bind<ulong, long>);
    }

    private static Handler Bind<T, TIndex>(in Instruction instruction, Op* op)
        where T : unmanaged
        where TIndex : unmanaged
    {
        var index = instruction.MemoryIndex;
        op->Reg3 = op->Index; // the handler scales each element of it
        op->Index = StateOffsets.Zero;
        if (op->Reg0 == op->Reg2 || op->Reg0 == op->Reg3 || op->Reg2 == op->Reg3) return &Invalid;
        var wide = index.IsYMM() || instruction.Op0Register.IsYMM();
        var count = (wide ? 32 : 16) / Math.Max(sizeof(T), sizeof(TIndex));
        return count switch
        {
            2 => &Gather<T, TIndex, Two>,
            4 => &Gather<T, TIndex, Four>,
            _ => &Gather<T, TIndex, Eight>,
        };
    }

    /// <summary>A number of elements, known when the handler is compiled.</summary>
    private interface ICount
    {
        static abstract int Value { get; }
    }

    private readonly struct Two : ICount
    {
        public static int Value => 2;
    }

    private readonly struct Four : ICount
    {
        public static int Value => 4;
    }

    private readonly struct Eight : ICount
    {
        public static int Value => 8;
    }

    /// <summary>Destination, index and mask must be three registers.</summary>
    private static Op* Invalid(Interpreter cpu, Op* op)
    {
        cpu.RaiseUd();
        return null;
    }

    private static Op* Gather<T, TIndex, TCount>(Interpreter cpu, Op* op)
        where T : unmanaged
        where TIndex : unmanaged
        where TCount : struct, ICount
    {
        cpu.RequireAvx();
        var (destination, mask, index) = (op->Reg0, op->Reg2, op->Reg3);
        var pending = cpu.Ymm(mask).As<byte, T>().ExtractMostSignificantBits() & ((1u << TCount.Value) - 1);
        for (var i = 0; i < TCount.Value; i++)
        {
            if ((pending >> i & 1) == 0) continue;
            var element = cpu.Slot<TIndex>((ushort)(index + (i * sizeof(TIndex))));
            var address = cpu.AddressAt(op, (ulong)(Interpreter.SignExtend(element) << op->Scale), sizeof(T));
            cpu.Slot<T>((ushort)(destination + (i * sizeof(T)))) = cpu.Read<T>(address);
            cpu.Slot<T>((ushort)(mask + (i * sizeof(T)))) = default;
        }

        // Beyond the elements, destination and mask become zero.
        var used = TCount.Value * sizeof(T);
        cpu.Ymm(mask) = default;
        for (var i = used; i < 32; i += 8) cpu.Slot<ulong>((ushort)(destination + i)) = 0;
        return op + 1;
    }
}
