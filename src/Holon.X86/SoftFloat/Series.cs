namespace Holon.X86.SoftFloat;

/// <summary>Power series in 128-bit fixed point. Each factor is near one, so that its absolute error is its relative error.</summary>
internal static class Series
{
    private const int InverseOddCount = 26; // for |z| ≤ 0.172, as logarithms need it: 0.172^52 < 2^−130

    private static readonly UInt128 FixedOne = UInt128.One << 127;

    /// <summary>1 ÷ (2k + 1) in units of 2^−127.</summary>
    private static readonly UInt128[] InverseOdd = [.. Enumerable.Range(0, InverseOddCount).Select(k => FixedOne / (uint)((2 * k) + 1))];

    /// <summary>sin θ ÷ θ in units of 2^−128, for θ² in the same units and θ up to π/4.</summary>
    public static UInt128 SineFactor(UInt128 square)
    {
        var sum = UInt128.MaxValue; // just below one, as the function is
        for (uint k = 14; k > 0; k--) sum = UInt128.MaxValue - (Wide.MultiplyHigh(square, sum) / (2 * k * ((2 * k) + 1)));
        return sum;
    }

    /// <summary>cos θ in units of 2^−128.</summary>
    public static UInt128 Cosine(UInt128 square)
    {
        var sum = UInt128.MaxValue;
        for (uint k = 15; k > 0; k--) sum = UInt128.MaxValue - (Wide.MultiplyHigh(square, sum) / (2 * k * ((2 * k) - 1)));
        return sum;
    }

    /// <summary>(e^±t − 1) ÷ ±t in units of 2^−127, for a magnitude t below one in units of 2^−128.</summary>
    public static UInt128 ExponentialFactor(bool negative, UInt128 t)
    {
        var sum = FixedOne;
        for (uint k = 33; k > 1; k--)
        {
            var term = Wide.MultiplyHigh(t, sum) / k;
            sum = negative ? FixedOne - term : FixedOne + term;
        }

        return sum;
    }

    /// <summary>artanh z ÷ z in units of 2^−127, for z² in units of 2^−128 and |z| up to 0.172.</summary>
    public static UInt128 AreaTangentFactor(UInt128 square)
    {
        var sum = InverseOdd[^1];
        for (var k = InverseOddCount - 2; k >= 0; k--) sum = InverseOdd[k] + Wide.MultiplyHigh(square, sum);
        return sum;
    }

    /// <summary>arctan z ÷ z in units of 2^−127, for z² in units of 2^−128 and |z| up to 1/16.</summary>
    public static UInt128 ArcTangentFactor(UInt128 square)
    {
        const int Terms = 17;
        var sum = InverseOdd[Terms];
        for (var k = Terms - 1; k >= 0; k--) sum = InverseOdd[k] - Wide.MultiplyHigh(square, sum);
        return sum - UInt128.One; // below one however small z is, as the function is
    }
}
