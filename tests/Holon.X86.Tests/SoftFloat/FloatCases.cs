namespace Holon.X86.Tests.SoftFloat;

/// <summary>Operands likely to find mistakes: special values, format boundaries, sparse significands, near-equal pairs.</summary>
internal sealed class FloatCases(int precision, int exponentBits, bool explicitBit, int seed)
{
    private readonly Random _random = new(seed);

    public Random Random => _random;

    private int MaxBiased => (1 << exponentBits) - 1;

    private int FractionBits => precision - 1;

    public static FloatCases Half(int seed) => new(11, 5, false, seed);

    public static FloatCases Single(int seed) => new(24, 8, false, seed);

    public static FloatCases Double(int seed) => new(53, 11, false, seed);

    public static FloatCases Extended(int seed) => new(64, 15, true, seed);

    public UInt128 Next() => Build(_random.Next(2), Biased(), Fraction());

    /// <summary>A value near another one, for cancellation and halfway cases.</summary>
    public UInt128 Near(UInt128 other)
    {
        var (sign, biased, fraction) = Split(other);
        return _random.Next(4) switch
        {
            0 => Build(sign ^ _random.Next(2), biased, fraction + (ulong)_random.Next(-2, 3)),
            1 => Build(sign ^ _random.Next(2), biased + _random.Next(-2, 3), Fraction()),
            2 => Build(sign ^ _random.Next(2), biased + _random.Next(-precision - 3, precision + 4), Fraction()),
            _ => Build(sign ^ _random.Next(2), MaxBiased - 1 - biased + _random.Next(-precision - 2, precision + 3), Fraction()), // the reciprocal's range
        };
    }

    public (UInt128 A, UInt128 B, UInt128 C) Triple()
    {
        var a = Next();
        var b = _random.Next(3) == 0 ? Near(a) : Next();
        var c = _random.Next(3) switch { 0 => Near(a), 1 => ProductLike(a, b), _ => Next() };
        return (a, b, c);
    }

    private UInt128 ProductLike(UInt128 a, UInt128 b)
    {
        var biased = Split(a).Biased + Split(b).Biased - (MaxBiased / 2) + _random.Next(-3, 4);
        return Build(_random.Next(2), biased, Fraction());
    }

    private (int Sign, int Biased, ulong Fraction) Split(UInt128 bits)
    {
        var significandBits = explicitBit ? 64 : FractionBits;
        var fraction = (ulong)bits & ((1UL << FractionBits) - 1);
        return ((int)(bits >> (significandBits + exponentBits)) & 1, (int)(bits >> significandBits) & MaxBiased, fraction);
    }

    private UInt128 Build(int sign, int biased, ulong fraction)
    {
        biased = Math.Clamp(biased, 0, MaxBiased);
        var significand = fraction & ((1UL << FractionBits) - 1);
        if (!explicitBit) return ((UInt128)(uint)((sign << exponentBits) | biased) << FractionBits) | significand;
        // Now and then an encoding with the wrong integer bit: pseudo-denormal, unnormal, pseudo-NaN.
        if (biased != 0 != (_random.Next(64) == 0)) significand |= 1UL << 63;
        return ((UInt128)(uint)((sign << exponentBits) | biased) << 64) | significand;
    }

    private int Biased() => _random.Next(8) switch
    {
        0 => 0,
        1 => MaxBiased - _random.Next(3),
        2 => _random.Next(precision + 4),
        3 => MaxBiased - _random.Next(precision + 4),
        4 => _random.Next(MaxBiased + 1),
        5 => Math.Max(0, (MaxBiased / 2) + _random.Next(-2, 3)),
        _ => Math.Clamp((MaxBiased / 2) + _random.Next(-70, 70), 0, MaxBiased),
    };

    private ulong Fraction()
    {
        var random = (ulong)_random.NextInt64(long.MinValue, long.MaxValue);
        return _random.Next(6) switch
        {
            0 => 0,
            1 => ulong.MaxValue >> _random.Next(64), // a run of ones from below
            2 => ulong.MaxValue << _random.Next(64), // or from above
            3 => (1UL << _random.Next(FractionBits)) | (1UL << _random.Next(FractionBits)),
            _ => random,
        };
    }
}
