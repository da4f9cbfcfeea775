using System.Runtime.InteropServices;

namespace Holon.Oracle.Comparison;

/// <summary>Compares x87 and MMX state, except for the last instruction's addresses.</summary>
internal static class FpuComparer
{
    public static bool Agree(in UndefinedResults undefined, in CaseResult expected, in CaseResult actual, List<string>? differences)
    {
        if (undefined.AnyFpu) return true;
        var agree = Same("FCW", expected.After.FpuControl, actual.After.FpuControl, differences)
            & Same("FSW", expected.After.FpuStatus & ~undefined.FpuStatus, actual.After.FpuStatus & ~undefined.FpuStatus, differences)
            & Same("FTW", expected.After.FpuTags, actual.After.FpuTags, differences);
        for (var i = 0; i < 8; i++)
        {
            var left = expected.After.ReadOnlyBytes.Slice(ProcessorImage.StOffset + (i * 16), 10);
            var right = actual.After.ReadOnlyBytes.Slice(ProcessorImage.StOffset + (i * 16), 10);
            if (left.SequenceEqual(right) || (undefined.Precision == Precision.LastPlace && IsWithinLastPlace(left, right))) continue;
            agree = false;
            differences?.Add($"ST{i}       expected {Text(left)}, got {Text(right)}");
        }

        return agree;
    }

    /// <summary>As magnitudes, neighbouring numbers of one sign are neighbouring integers, also across a power of two.</summary>
    private static bool IsWithinLastPlace(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        var (leftHigh, leftLow) = Split(left);
        var (rightHigh, rightLow) = Split(right);
        if (leftHigh == rightHigh) return leftLow - rightLow is 1 or ulong.MaxValue;
        const ulong smallest = 1ul << 63;
        return (leftHigh + 1 == rightHigh && leftLow == ulong.MaxValue && rightLow == smallest)
            || (rightHigh + 1 == leftHigh && rightLow == ulong.MaxValue && leftLow == smallest);
    }

    private static (int High, ulong Low) Split(ReadOnlySpan<byte> register) => (MemoryMarshal.Read<ushort>(register[8..]), MemoryMarshal.Read<ulong>(register));

    private static bool Same(string name, int expected, int actual, List<string>? differences)
    {
        if (expected == actual) return true;
        differences?.Add($"{name,-9} expected {expected:x4}, got {actual:x4}");
        return false;
    }

    private static string Text(ReadOnlySpan<byte> register)
    {
        var (high, low) = Split(register);
        return $"{high:x4}_{low:x16}";
    }
}
