namespace Holon.Python.Modules.Decimals;

/// <summary>Conditions of the General Decimal Arithmetic Specification, with libmpdec's numbers.</summary>
[Flags]
internal enum Signals
{
    None = 0,
    Clamped = 1,
    ConversionSyntax = 2,
    DivisionByZero = 4,
    DivisionImpossible = 8,
    DivisionUndefined = 0x10,
    Inexact = 0x40,
    InvalidContext = 0x80,
    InvalidOperation = 0x100,
    FloatOperation = 0x400,
    Overflow = 0x800,
    Rounded = 0x1000,
    Subnormal = 0x2000,
    Underflow = 0x4000,

    /// <summary>All that the signal InvalidOperation stands for.</summary>
    Invalid = ConversionSyntax | DivisionImpossible | DivisionUndefined | InvalidContext | InvalidOperation,
}

internal enum Rounding
{
    Up,
    Down,
    Ceiling,
    Floor,
    HalfUp,
    HalfDown,
    HalfEven,
    ZeroFiveUp,
}

internal enum NumberKind : byte
{
    Finite,
    Infinite,
    QuietNaN,
    SignalingNaN,
}

/// <summary>The part of a context that results depend on.</summary>
internal readonly record struct Precision(long Digits, long MinExponent, long MaxExponent, Rounding Rounding, bool Clamp = false)
{
    public const long Most = 999_999_999_999_999_999;

    /// <summary>In which every number that can be stored is exact.</summary>
    public static readonly Precision Maximum = new(Most, -Most, Most, Rounding.HalfEven);

    /// <summary>The exponent of the smallest number.</summary>
    public long Tiny => MinExponent - (Digits - 1);

    /// <summary>The largest exponent of a number with all digits.</summary>
    public long Top => MaxExponent - (Digits - 1);
}

/// <summary>
/// A decimal number: sign, coefficient and exponent, or an infinity or NaN. Coefficients below 2^64 are kept in a word, and the
/// frequent operations on those allocate nothing.
/// </summary>
internal readonly struct DecimalNumber
{
    private readonly BigInteger big;
    private readonly ulong low;

    public readonly long Exponent;

    /// <summary>Number of digits of the coefficient: 1 for zero, 0 for a NaN without payload and for infinities.</summary>
    public readonly int Digits;

    public readonly NumberKind Kind;

    public readonly bool IsNegative;

    public DecimalNumber(bool negative, ulong coefficient, long exponent)
    {
        (IsNegative, low, Exponent) = (negative, coefficient, exponent);
        Digits = PowersOfTen.CountDigits(coefficient);
    }

    public DecimalNumber(bool negative, BigInteger coefficient, long exponent)
    {
        (IsNegative, Exponent) = (negative, exponent);
        if (coefficient <= ulong.MaxValue)
        {
            low = (ulong)coefficient;
            Digits = PowersOfTen.CountDigits(low);
        }
        else
        {
            big = coefficient;
            Digits = PowersOfTen.CountDigits(coefficient);
        }
    }

    private DecimalNumber(NumberKind kind, bool negative, BigInteger payload)
        : this(negative, payload, 0)
    {
        Kind = kind;
        if (payload.IsZero)
            Digits = 0;
    }

    private DecimalNumber(in DecimalNumber other, bool negative, long exponent)
    {
        this = other;
        IsNegative = negative;
        Exponent = exponent;
    }

    public static DecimalNumber One { get; } = new(false, 1ul, 0);

    public static DecimalNumber NaN { get; } = new(NumberKind.QuietNaN, false, BigInteger.Zero);

    public bool IsSmall => big.IsZero;

    /// <summary>The coefficient, if it is small.</summary>
    public ulong Low => low;

    public BigInteger Coefficient => IsSmall ? low : big;

    public bool IsFinite => Kind == NumberKind.Finite;

    public bool IsInfinite => Kind == NumberKind.Infinite;

    public bool IsNaN => Kind >= NumberKind.QuietNaN;

    public bool IsSignaling => Kind == NumberKind.SignalingNaN;

    public bool IsZero => low == 0 && IsFinite && big.IsZero;

    /// <summary>The exponent of the first digit.</summary>
    public long Adjusted => Exponent + Digits - 1;

    public bool IsOdd => IsSmall ? (low & 1) != 0 : !big.IsEven;

    /// <summary>A number without fraction, whatever its exponent.</summary>
    public bool IsInteger => IsFinite && (Exponent >= 0 || IsZero || (-Exponent < Digits && Stripped(-Exponent).Exponent >= 0));

    public static DecimalNumber Infinity(bool negative) => new(NumberKind.Infinite, negative, BigInteger.Zero);

    public static DecimalNumber NotANumber(bool negative, bool signaling, BigInteger payload) =>
        new(signaling ? NumberKind.SignalingNaN : NumberKind.QuietNaN, negative, payload);

    public static DecimalNumber Of(BigInteger value) => new(value.Sign < 0, BigInteger.Abs(value), 0);

    public DecimalNumber WithSign(bool negative) => new(this, negative, Exponent);

    public DecimalNumber WithExponent(long exponent) => new(this, IsNegative, exponent);

    public DecimalNumber Quiet() => IsNaN ? NotANumber(IsNegative, false, Coefficient) : this;

    /// <summary>The same value with an exponent smaller by <paramref name="places"/>.</summary>
    public DecimalNumber ShiftLeft(long places)
    {
        if (places == 0 || IsZero)
            return WithExponent(Exponent - places);
        if (IsSmall && Digits + places <= 19)
            return new DecimalNumber(IsNegative, low * PowersOfTen.Small[(int)places], Exponent - places);
        return new DecimalNumber(IsNegative, PowersOfTen.Scale(Coefficient, places), Exponent - places);
    }

    /// <summary>An exponent larger by <paramref name="places"/>, with the digits that fall off rounded.</summary>
    public DecimalNumber ShiftRight(long places, Rounding rounding, out bool inexact)
    {
        if (IsSmall && places <= 19)
        {
            var power = PowersOfTen.Small[(int)places];
            var (quotient, rest) = Math.DivRem(low, power);
            inexact = rest != 0;
            if (inexact && RoundsUp(rounding, IsNegative, (int)(quotient % 10), rest.CompareTo(power - rest)))
                quotient++;
            return new DecimalNumber(IsNegative, quotient, Exponent + places);
        }
        if (places > Digits)
        {
            inexact = !IsZero;
            return new DecimalNumber(IsNegative, inexact && RoundsUp(rounding, IsNegative, 0, -1) ? 1ul : 0, Exponent + places);
        }
        var divisor = PowersOfTen.Of(places);
        PowersOfTen.Charge(Digits);
        var result = BigInteger.DivRem(Coefficient, divisor, out var remainder);
        inexact = !remainder.IsZero;
        if (inexact && RoundsUp(rounding, IsNegative, (int)(result % 10), (remainder << 1).CompareTo(divisor)))
            result += 1;
        return new DecimalNumber(IsNegative, result, Exponent + places);
    }

    /// <summary>Whether the magnitude goes up: <paramref name="half"/> compares what falls off with one half.</summary>
    public static bool RoundsUp(Rounding rounding, bool negative, int lastDigit, int half) => rounding switch
    {
        Rounding.Up => true,
        Rounding.Down => false,
        Rounding.Ceiling => !negative,
        Rounding.Floor => negative,
        Rounding.HalfUp => half >= 0,
        Rounding.HalfDown => half > 0,
        Rounding.HalfEven => half > 0 || (half == 0 && (lastDigit & 1) != 0),
        _ => lastDigit is 0 or 5,
    };

    /// <summary>Without at most <paramref name="most"/> zeros at the end of the coefficient.</summary>
    public DecimalNumber Stripped(long most)
    {
        if (IsSmall)
        {
            var coefficient = low;
            var count = 0L;
            while (count < most && coefficient != 0 && coefficient % 10 == 0)
            {
                coefficient /= 10;
                count++;
            }
            return count == 0 ? this : new DecimalNumber(IsNegative, coefficient, Exponent + count);
        }
        var left = Math.Min(most, (long)BigInteger.TrailingZeroCount(big));
        var result = big;
        var stripped = 0L;
        for (var step = left < 16 ? 1L : 1L << (63 - System.Numerics.BitOperations.LeadingZeroCount((ulong)left)); step > 0 && left > 0; step = step > left ? left : step / 2)
        {
            while (step <= left)
            {
                var quotient = BigInteger.DivRem(result, PowersOfTen.Of(step), out var rest);
                if (!rest.IsZero)
                    break;
                (result, left, stripped) = (quotient, left - step, stripped + step);
            }
            if (step == 1)
                break;
        }
        return stripped == 0 ? this : new DecimalNumber(IsNegative, result, Exponent + stripped);
    }

    /// <summary>Rounds to a context, with the conditions that this brings about.</summary>
    public DecimalNumber Fit(in Precision p, ref Signals signals)
    {
        if (!IsFinite)
        {
            var most = p.Digits - (p.Clamp ? 1 : 0);
            return IsNaN && Digits > most ? new DecimalNumber(Kind, IsNegative, most == 0 ? 0 : Coefficient % PowersOfTen.Of(most)) : this;
        }
        var adjusted = Adjusted;
        if (Digits <= p.Digits && adjusted >= p.MinExponent && adjusted <= p.MaxExponent && !(p.Clamp && Exponent > p.Top))
            return this;
        var result = FitExponent(p, ref signals);
        if (!result.IsFinite || result.Digits <= p.Digits)
            return result;
        result = result.ShiftRight(result.Digits - p.Digits, p.Rounding, out var inexact);
        signals |= inexact ? Signals.Rounded | Signals.Inexact : Signals.Rounded;
        return result.Digits > p.Digits ? result.ShiftRight(1, p.Rounding, out _).FitExponent(p, ref signals) : result;
    }

    private DecimalNumber FitExponent(in Precision p, ref Signals signals)
    {
        if (Adjusted > p.MaxExponent)
        {
            if (IsZero)
            {
                signals |= Signals.Clamped;
                return new DecimalNumber(IsNegative, 0ul, p.Clamp ? p.Top : p.MaxExponent);
            }
            signals |= Signals.Overflow | Signals.Inexact | Signals.Rounded;
            var finite = p.Rounding is Rounding.Down or Rounding.ZeroFiveUp || p.Rounding == (IsNegative ? Rounding.Ceiling : Rounding.Floor);
            return finite ? Largest(IsNegative, p) : Infinity(IsNegative);
        }
        if (p.Clamp && Exponent > p.Top)
        {
            signals |= Signals.Clamped;
            var folded = ShiftLeft(Exponent - p.Top);
            if (!IsZero && Adjusted < p.MinExponent)
                signals |= Signals.Subnormal;
            return folded;
        }
        if (Adjusted >= p.MinExponent)
            return this;
        var tiny = p.Tiny;
        if (IsZero)
        {
            if (Exponent >= tiny)
                return this;
            signals |= Signals.Clamped;
            return WithExponent(tiny);
        }
        signals |= Signals.Subnormal;
        if (Exponent >= tiny)
            return this;
        var result = ShiftRight(tiny - Exponent, p.Rounding, out var inexact);
        signals |= inexact ? Signals.Rounded | Signals.Inexact | Signals.Underflow : Signals.Rounded;
        if (result.IsZero)
            signals |= Signals.Clamped;
        return result;
    }

    public static DecimalNumber Largest(bool negative, in Precision p) => new(negative, PowersOfTen.Of(p.Digits) - 1, p.Top);
}

internal static class PowersOfTen
{
    /// <summary>More digits than this are a MemoryError.</summary>
    private const long MostDigits = 100_000_000;

    public static readonly ulong[] Small = MakeSmall();
    private static readonly BigInteger[] Table = MakeTable();

    private static ulong[] MakeSmall()
    {
        var powers = new ulong[20];
        powers[0] = 1;
        for (var i = 1; i < powers.Length; i++)
            powers[i] = powers[i - 1] * 10;
        return powers;
    }

    private static BigInteger[] MakeTable()
    {
        var powers = new BigInteger[256];
        powers[0] = 1;
        for (var i = 1; i < powers.Length; i++)
            powers[i] = powers[i - 1] * 10;
        return powers;
    }

    public static BigInteger Of(long exponent)
    {
        if (exponent < Table.Length)
            return Table[exponent];
        Charge(exponent);
        return BigInteger.Pow(10, (int)exponent);
    }

    /// <summary>A coefficient with zeros at its end.</summary>
    public static BigInteger Scale(BigInteger value, long places) => places == 0 || value.IsZero ? value : value * Of(places);

    /// <summary>Before work on that many digits.</summary>
    public static void Charge(long digits)
    {
        if (digits < 1000)
            return;
        if (digits > MostDigits)
            throw Err.Memory();
        PyThread.Current.Machine.Limits.Charge(digits);
    }

    public static int CountDigits(ulong value)
    {
        var guess = (64 - BitOperations.LeadingZeroCount(value | 1)) * 1233 >> 12;
        return guess + (guess < 20 && value >= Small[guess] ? 1 : 0) + (value == 0 ? 1 : 0);
    }

    public static int CountDigits(BigInteger value)
    {
        const double log = 0.301029995663981195;
        var bits = value.GetBitLength();
        var least = (long)((bits - 1) * log);
        if (least == (long)(bits * log))
            return (int)least + 1;
        var logarithm = BigInteger.Log10(value);
        var nearest = Math.Round(logarithm);
        if (Math.Abs(logarithm - nearest) > 1e-4)
            return (int)logarithm + 1;
        return (int)nearest + (value >= Of((long)nearest) ? 1 : 0);
    }
}
