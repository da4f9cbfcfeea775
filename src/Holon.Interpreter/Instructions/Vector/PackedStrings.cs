using System.Numerics;
using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM (SDM vol. 2 §4.1, "Imm8 control byte operation").</summary>
internal static unsafe class PackedStrings
{
    private const int SignedElements = 2, WordElements = 1, MostSignificant = 1 << 6, NegatePolarity = 1 << 4, MaskedPolarity = 1 << 5;

    public static void Declare(InstructionTable table)
    {
        foreach (var mnemonic in (ReadOnlySpan<Mnemonic>)
            [
                Mnemonic.Pcmpestri, Mnemonic.Pcmpestri64, Mnemonic.Vpcmpestri, Mnemonic.Vpcmpestri64,
                Mnemonic.Pcmpestrm, Mnemonic.Pcmpestrm64, Mnemonic.Vpcmpestrm, Mnemonic.Vpcmpestrm64,
                Mnemonic.Pcmpistri, Mnemonic.Vpcmpistri, Mnemonic.Pcmpistrm, Mnemonic.Vpcmpistrm,
            ]) table.Add(mnemonic, &Bind);
    }

    private static Handler Bind(in Instruction instruction, Op* op)
    {
        // Operand width of the explicit lengths, for the handlers; 0 when strings end at a zero.
        op->Reg3 = instruction.Mnemonic switch
        {
            Mnemonic.Pcmpestri or Mnemonic.Vpcmpestri or Mnemonic.Pcmpestrm or Mnemonic.Vpcmpestrm => 4,
            Mnemonic.Pcmpestri64 or Mnemonic.Vpcmpestri64 or Mnemonic.Pcmpestrm64 or Mnemonic.Vpcmpestrm64 => 8,
            _ => 0,
        };
        var index = instruction.Mnemonic is Mnemonic.Pcmpestri or Mnemonic.Pcmpestri64 or Mnemonic.Vpcmpestri or Mnemonic.Vpcmpestri64 or Mnemonic.Pcmpistri or Mnemonic.Vpcmpistri;
        op->Reg2 = op->Reg1;
        var memory = VectorOperands.HasMemory(instruction);
        if (VectorOperands.IsVex(instruction)) return memory ? Select<Vex, MemorySource<Vector128<byte>>>(index) : Select<Vex, RegisterSource>(index);
        return memory ? Select<Legacy, MemorySource<Vector128<byte>>>(index) : Select<Legacy, RegisterSource>(index);
    }

    private static Handler Select<TEncoding, TSource>(bool index)
        where TEncoding : struct, IVectorEncoding
        where TSource : struct, IVectorSource => index ? &Index<TEncoding, TSource> : &Mask<TEncoding, TSource>;

    private static Op* Index<TEncoding, TSource>(Interpreter cpu, Op* op)
        where TEncoding : struct, IVectorEncoding
        where TSource : struct, IVectorSource
    {
        var result = Compare<TEncoding, TSource>(cpu, op, out var count);
        cpu.Gpr(1) = result == 0 ? (ulong)count
            : (ulong)(((int)op->Immediate & MostSignificant) != 0 ? BitOperations.Log2(result) : BitOperations.TrailingZeroCount(result));
        return op + 1;
    }

    private static Op* Mask<TEncoding, TSource>(Interpreter cpu, Op* op)
        where TEncoding : struct, IVectorEncoding
        where TSource : struct, IVectorSource
    {
        var result = Compare<TEncoding, TSource>(cpu, op, out var count);
        var value = Vector128.CreateScalar(result).AsByte();
        if (((int)op->Immediate & MostSignificant) != 0) // here: a mask of elements instead of one of bits
        {
            value = default;
            var bytes = 16 / count;
            for (var i = 0; i < 16; i++) value = value.WithElement(i, ((result >> (i / bytes)) & 1) != 0 ? (byte)0xFF : (byte)0);
        }

        TEncoding.Store(cpu, StateOffsets.Ymm, value);
        return op + 1;
    }

    /// <summary>The final bit mask, IntRes2; sets the flags.</summary>
    private static uint Compare<TEncoding, TSource>(Interpreter cpu, Op* op, out int count)
        where TEncoding : struct, IVectorEncoding
        where TSource : struct, IVectorSource
    {
        TEncoding.Require(cpu);
        var right = TSource.Load(cpu, op);
        var left = cpu.Xmm(op->Reg0);
        var control = (int)op->Immediate;
        count = (control & WordElements) != 0 ? 8 : 16;
        Span<int> first = stackalloc int[16], second = stackalloc int[16];
        Elements(left, control, first);
        Elements(right, control, second);
        var firstLength = op->Reg3 == 0 ? ImplicitLength(first, count) : ExplicitLength(cpu, op, 0, count);
        var secondLength = op->Reg3 == 0 ? ImplicitLength(second, count) : ExplicitLength(cpu, op, 2, count);

        var result = ((control >> 2) & 3) switch
        {
            0 => EqualAny(first[..firstLength], second[..secondLength]),
            1 => Ranges(first[..firstLength], second[..secondLength]),
            2 => EqualEach(first, second, firstLength, secondLength, count),
            _ => EqualOrdered(first[..firstLength], second[..secondLength], count),
        };
        var all = (1u << count) - 1;
        if ((control & NegatePolarity) != 0) result ^= (control & MaskedPolarity) != 0 ? (1u << secondLength) - 1 : all;
        cpu.LoadStatusFlags((result != 0 ? X86.Rflags.CF : 0) | (secondLength < count ? X86.Rflags.ZF : 0)
            | (firstLength < count ? X86.Rflags.SF : 0) | ((result & 1) != 0 ? X86.Rflags.OF : 0));
        return result;
    }

    private static void Elements(Vector128<byte> vector, int control, Span<int> elements)
    {
        for (var i = 0; i < ((control & WordElements) != 0 ? 8 : 16); i++)
        {
            elements[i] = (control & (WordElements | SignedElements)) switch
            {
                0 => vector.GetElement(i),
                WordElements => vector.AsUInt16().GetElement(i),
                SignedElements => vector.AsSByte().GetElement(i),
                _ => vector.AsInt16().GetElement(i),
            };
        }
    }

    private static int ImplicitLength(ReadOnlySpan<int> elements, int count)
    {
        var end = elements[..count].IndexOf(0);
        return end < 0 ? count : end;
    }

    /// <summary>The absolute value of EAX or EDX (RAX or RDX), at most the number of elements.</summary>
    private static int ExplicitLength(Interpreter cpu, Op* op, int register, int count)
    {
        var value = op->Reg3 == 8 ? (long)cpu.Gpr(register) : (int)cpu.Gpr(register);
        return value is long.MinValue ? count : (int)Math.Min(Math.Abs(value), count);
    }

    /// <summary>Which elements of the second string occur in the first, a set.</summary>
    private static uint EqualAny(ReadOnlySpan<int> set, ReadOnlySpan<int> text)
    {
        var result = 0u;
        for (var i = 0; i < text.Length; i++)
        {
            if (set.Contains(text[i])) result |= 1u << i;
        }

        return result;
    }

    /// <summary>Which elements of the second string lie in one of the first's ranges, pairs of lower and upper bound.</summary>
    private static uint Ranges(ReadOnlySpan<int> ranges, ReadOnlySpan<int> text)
    {
        var result = 0u;
        for (var i = 0; i < text.Length; i++)
        {
            for (var range = 0; range + 1 < ranges.Length; range += 2)
            {
                if (ranges[range] <= text[i] && text[i] <= ranges[range + 1]) result |= 1u << i;
            }
        }

        return result;
    }

    /// <summary>Which elements are equal; beyond both ends they are.</summary>
    private static uint EqualEach(ReadOnlySpan<int> first, ReadOnlySpan<int> second, int firstLength, int secondLength, int count)
    {
        var result = 0u;
        for (var i = 0; i < count; i++)
        {
            var (inFirst, inSecond) = (i < firstLength, i < secondLength);
            if (inFirst == inSecond && (!inFirst || first[i] == second[i])) result |= 1u << i;
        }

        return result;
    }

    /// <summary>Where the first string begins in the second, perhaps cut off by the end of the register.</summary>
    private static uint EqualOrdered(ReadOnlySpan<int> pattern, ReadOnlySpan<int> text, int count)
    {
        var result = 0u;
        for (var start = 0; start < count; start++)
        {
            var matches = true;
            for (var i = 0; i < pattern.Length && start + i < count; i++) matches &= start + i < text.Length && text[start + i] == pattern[i];
            if (matches) result |= 1u << start;
        }

        return result;
    }
}
