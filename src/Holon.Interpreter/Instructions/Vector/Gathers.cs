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
        return index.IsYMM() || instruction.Op0Register.IsYMM() ? &Gather<T, TIndex, Length256> : &Gather<T, TIndex, Length128>;
    }

    /// <summary>Bytes of the longest operand.</summary>
    private interface ILength
    {
        static abstract int Bytes { get; }
    }

    private readonly struct Length128 : ILength
    {
        public static int Bytes => 16;
    }

    private readonly struct Length256 : ILength
    {
        public static int Bytes => 32;
    }

    /// <summary>Destination, index and mask must be three registers.</summary>
    private static Op* Invalid(Interpreter cpu, Op* op)
    {
        cpu.RaiseUd();
        return null;
    }

    private static Op* Gather<T, TIndex, TLength>(Interpreter cpu, Op* op)
        where T : unmanaged
        where TIndex : unmanaged
        where TLength : struct, ILength
    {
        cpu.RequireAvx();
        var (destination, mask, index) = (op->Reg0, op->Reg2, op->Reg3);
        var pending = cpu.Ymm(mask).As<byte, T>().ExtractMostSignificantBits();
        for (var i = 0; i < 32 / sizeof(T); i++)
            Element<T>(cpu, mask, i) = i < TLength.Bytes / sizeof(T) && (pending >> i & 1) != 0 ? Vector128<T>.AllBitsSet.ToScalar() : default;
        var count = TLength.Bytes / Math.Max(sizeof(T), sizeof(TIndex));
        for (var i = 0; i < count; i++)
        {
            if ((pending >> i & 1) == 0) continue;
            var address = cpu.AddressAt(op, (ulong)(Interpreter.SignExtend(Element<TIndex>(cpu, index, i)) << op->Scale), sizeof(T));
            Element<T>(cpu, destination, i) = cpu.ReadElement<T>(address);
            Element<T>(cpu, mask, i) = default;
            if (TLength.Bytes == 16) cpu.SetXmmZeroUpper(destination, cpu.Xmm(destination));
        }

        cpu.Ymm(mask) = default;
        for (var i = count; i < 32 / sizeof(T); i++) Element<T>(cpu, destination, i) = default;
        return op + 1;
    }

    private static ref T Element<T>(Interpreter cpu, ushort register, int number)
        where T : unmanaged => ref cpu.Slot<T>((ushort)(register + (number * sizeof(T))));
}
