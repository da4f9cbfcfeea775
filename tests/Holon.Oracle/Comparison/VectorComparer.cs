using System.Runtime.InteropServices;
using Iced.Intel;

namespace Holon.Oracle.Comparison;

/// <summary>Compares XMM, YMM and MXCSR.</summary>
internal static class VectorComparer
{
    private const double EstimateError = 2 * 1.5 / 4096; // both sides may be off by 1.5 × 2⁻¹²

    public static bool Agree(in Instruction instruction, in UndefinedResults undefined, in CaseResult expected, in CaseResult actual, List<string>? differences)
    {
        if (undefined.AnyVectors) return true;
        var agree = true;
        if (expected.After.Mxcsr != actual.After.Mxcsr)
        {
            agree = false;
            differences?.Add($"MXCSR     expected {expected.After.Mxcsr:x4}, got {actual.After.Mxcsr:x4}");
        }

        var left = expected.After.ReadOnlyBytes;
        var right = actual.After.ReadOnlyBytes;
        const int xmmLength = 256;
        if (left.Slice(ProcessorImage.XmmOffset, xmmLength).SequenceEqual(right.Slice(ProcessorImage.XmmOffset, xmmLength))
            && left[ProcessorImage.YmmHighOffset..].SequenceEqual(right[ProcessorImage.YmmHighOffset..])) return agree;
        var destination = undefined.Precision == Precision.Estimate ? instruction.Op0Register.GetNumber() : -1;
        for (var i = 0; i < 16; i++)
        {
            agree &= RegisterAgrees(i, ProcessorImage.XmmOffset, "XMM", i == destination, left, right, differences);
            agree &= RegisterAgrees(i, ProcessorImage.YmmHighOffset, "YMMh", i == destination, left, right, differences);
        }

        return agree;
    }

    private static bool RegisterAgrees(int number, int area, string name, bool estimate, ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, List<string>? differences)
    {
        var left = expected.Slice(area + (number * 16), 16);
        var right = actual.Slice(area + (number * 16), 16);
        if (left.SequenceEqual(right) || (estimate && EstimatesAgree(left, right))) return true;
        differences?.Add($"{name}{number,-6} expected {Text(left)}, got {Text(right)}");
        return false;
    }

    private static bool EstimatesAgree(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual)
    {
        var left = MemoryMarshal.Cast<byte, float>(expected);
        var right = MemoryMarshal.Cast<byte, float>(actual);
        for (var i = 0; i < left.Length; i++)
        {
            if (BitConverter.SingleToUInt32Bits(left[i]) == BitConverter.SingleToUInt32Bits(right[i])) continue;
            if (!(Math.Abs((double)left[i] - right[i]) <= EstimateError * Math.Abs((double)left[i]))) return false;
        }

        return true;
    }

    private static string Text(ReadOnlySpan<byte> vector) =>
        $"{MemoryMarshal.Read<ulong>(vector[8..]):x16}_{MemoryMarshal.Read<ulong>(vector):x16}";
}
