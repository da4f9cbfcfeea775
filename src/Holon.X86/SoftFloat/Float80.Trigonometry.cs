namespace Holon.X86.SoftFloat;

/// <content>FSIN, FCOS, FSINCOS, FPTAN, FPATAN (SDM vol. 1 §8.3.7, §8.3.10).</content>
public readonly partial record struct Float80
{
    // The processor reduces arguments by a π of 66 bits; so do we, or large arguments would give other results (SDM vol. 1 §8.3.8).
    // This is that π in units of 2^−64, and so π/2 in units of 2^−65.
    private static readonly UInt128 HalfPiOf66Bits = new(0x3, 0x243F6A8885A308D3);

    // Of an angle below 2^−68 the cube is beyond the last place by more than the angle itself has bits.
    private const int Negligible = -68;

    private static readonly UInt128 PiSignificand = new(0xC90FDAA22168C234, 0xC4C6628B80DC1CD1);

    /// <summary>arctan(i/8) in units of 2^−128.</summary>
    private static readonly UInt128[] ArcTangents =
    [
        UInt128.Zero,
        new(0x1FD5BA9AAC2F6DC6, 0x5912F313E7D111DF),
        new(0x3EB6EBF25901BAC5, 0x5B71E7BD7DE885F9),
        new(0x5BD86507937BC239, 0xC55190916E7F2242),
        new(0x76B19C1586ED3DA2, 0xB7F222F65E1D4682),
        new(0x8F005D5EF7F59F9B, 0x5C835E1665C43748),
        new(0xA4BC7D1934F70924, 0x19A87F2A457DAC9F),
        new(0xB8053E2BC2319E73, 0xCB2DA55210A4443D),
        new(0xC90FDAA22168C234, 0xC4C6628B80DC1CD1),
    ];

    /// <summary>FSINCOS; also FSIN and FCOS, which keep one of the two. False (C2) when the magnitude is 2^63 or more.</summary>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    /// <param name="wanted">Which results to round: flags come from those alone.</param>
    /// <param name="sine">The sine, if wanted.</param>
    /// <param name="cosine">The cosine, if wanted.</param>
    public bool TrySineCosine(ref FloatContext context, SineCosine wanted, out Float80 sine, out Float80 cosine)
    {
        var x = Unpack();
        sine = cosine = this;
        if (x.Class == FloatClass.Zero)
        {
            cosine = One;
            return true;
        }

        if (!TryStartTrigonometry(x, ref context, out var special))
        {
            sine = cosine = special;
            return x.Class != FloatClass.Finite;
        }

        var (theta, quadrant) = Reduce(x);
        var square = Square(theta);
        var mode = context.Rounding;
        if (theta.Exponent < Negligible) context.Rounding = RoundingMode.NearestEven; // x and 1 themselves, as processors have it
        var odd = (quadrant & 1) != 0;
        if ((wanted & SineCosine.Sine) != 0)
        {
            var value = odd ? Cosine(square) : Sine(theta, square);
            sine = ((quadrant & 2) != 0 != x.Sign ? -value : value).Round(ref context);
        }

        if ((wanted & SineCosine.Cosine) != 0)
        {
            var value = odd ? -Sine(theta, square) : Cosine(square);
            cosine = ((quadrant & 2) != 0 ? -value : value).Round(ref context);
        }

        context.Rounding = mode;
        return true;
    }

    /// <summary>FPTAN, without the 1.0 it pushes. False (C2) when the magnitude is 2^63 or more.</summary>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    /// <param name="tangent">The tangent.</param>
    public bool TryTangent(ref FloatContext context, out Float80 tangent)
    {
        var x = Unpack();
        tangent = this;
        if (x.Class == FloatClass.Zero) return true;
        if (!TryStartTrigonometry(x, ref context, out tangent)) return x.Class != FloatClass.Finite;
        var (theta, quadrant) = Reduce(x);
        var square = Square(theta);
        var mode = context.Rounding;
        if (theta.Exponent < Negligible) context.Rounding = RoundingMode.NearestEven;
        var value = (quadrant & 1) == 0 ? Sine(theta, square) / Cosine(square) : -(Cosine(square) / Sine(theta, square));
        tangent = (x.Sign ? -value : value).Round(ref context);
        context.Rounding = mode;
        return true;
    }

    /// <summary>FPATAN: the angle of the point (x, y).</summary>
    /// <param name="y">ST1.</param>
    /// <param name="x">ST0.</param>
    /// <param name="context">Rounding and masks; collects exceptions.</param>
    public static Float80 ArcTangent(Float80 y, Float80 x, ref FloatContext context)
    {
        var a = y.Unpack();
        var b = x.Unpack();
        if (FloatArithmetic.HasNaN(a, b)) return FloatArithmetic.Propagate(b, a, FloatFormat.Extended, ref context).ToExtended();
        FloatArithmetic.RaiseDenormal(a, b, ref context);
        if (a.Class == FloatClass.Infinity)
        {
            if (b.Class != FloatClass.Infinity) return Angle(a.Sign, 0, ref context); // ±π/2
            return b.Sign ? (new Wide(a.Sign, 1, PiSignificand) - new Wide(a.Sign, -1, PiSignificand)).Round(ref context) : Angle(a.Sign, -1, ref context);
        }

        if (a.Class == FloatClass.Zero || b.Class == FloatClass.Infinity)
        {
            return b.Sign ? Angle(a.Sign, 1, ref context) : Packed.Zero(a.Sign).ToExtended(); // ±π or ±0
        }

        if (b.Class == FloatClass.Zero) return Angle(a.Sign, 0, ref context);

        var rise = new Wide(false, a.Exponent, (UInt128)a.Significand << 64);
        var run = new Wide(false, b.Exponent, (UInt128)b.Significand << 64);
        var steep = a.Exponent > b.Exponent || (a.Exponent == b.Exponent && a.Significand > b.Significand);
        var angle = steep ? new Wide(false, 0, PiSignificand) - ArcTangent(run, rise) : ArcTangent(rise, run);
        if (b.Sign) angle = new Wide(false, 1, PiSignificand) - angle;
        return (a.Sign ? -angle : angle).Round(ref context);
    }

    /// <summary>π · 2^(exponent − 1).</summary>
    private static Float80 Angle(bool sign, int exponent, ref FloatContext context) =>
        new Wide(sign, exponent, PiSignificand).Round(ref context);

    /// <summary>arctan(rise ÷ run) for a slope of up to one.</summary>
    private static Wide ArcTangent(in Wide rise, in Wide run)
    {
        // arctan u = arctan c + arctan((u − c) ÷ (1 + u·c)), with c the multiple of 1/8 nearest to u.
        var slope = rise / run;
        var eighths = (int)(((slope.Exponent >= 0 ? UInt128.MaxValue : slope.ToFraction()) >> 124) + 1) / 2;
        if (eighths == 0) return slope * Factor(slope);
        var nearby = Wide.FromInteger(eighths) * new Wide(false, -3, UInt128.One << 127);
        var rest = (slope - nearby) / (Wide.One + (slope * nearby));
        return Wide.Normalize(false, -1, ArcTangents[eighths]) + (rest * Factor(rest));

        static Wide Factor(in Wide z) => Wide.Normalize(false, 0, Series.ArcTangentFactor(Square(z)));
    }

    /// <summary>Deals with operands that have no angle to reduce: false with the result, which is unchanged for one out of range.</summary>
    private bool TryStartTrigonometry(in Unpacked x, ref FloatContext context, out Float80 result)
    {
        result = this;
        if (x.IsNaN)
        {
            result = FloatArithmetic.Propagate(x, x, FloatFormat.Extended, ref context).ToExtended();
            return false;
        }

        if (x.Class == FloatClass.Infinity)
        {
            result = FloatArithmetic.Invalid(FloatFormat.Extended, ref context).ToExtended();
            return false;
        }

        if (x.Exponent >= 63) return false;
        FloatArithmetic.RaiseDenormal(x, x, ref context);
        return true;
    }

    /// <summary>|x| = quadrant · π/2 + theta, with theta from −π/4 to π/4; exact for the π of 66 bits.</summary>
    private static (Wide Theta, int Quadrant) Reduce(in Unpacked x)
    {
        if (x.Exponent < -1) return (new Wide(false, x.Exponent, (UInt128)x.Significand << 64), 0);
        var (quotient, rest) = UInt128.DivRem((UInt128)x.Significand << (x.Exponent + 2), HalfPiOf66Bits);
        var beyond = rest << 1 > HalfPiOf66Bits;
        if (beyond)
        {
            rest = HalfPiOf66Bits - rest;
            quotient++;
        }

        return (Wide.Normalize(beyond, 127 - 65, rest), (int)((uint)quotient & 3));
    }

    private static UInt128 Square(in Wide a)
    {
        var fraction = a.ToFraction();
        return Wide.MultiplyHigh(fraction, fraction);
    }

    private static Wide Sine(in Wide theta, UInt128 square) => theta * Wide.Normalize(false, -1, Series.SineFactor(square));

    private static Wide Cosine(UInt128 square) => Wide.Normalize(false, -1, Series.Cosine(square));
}

/// <summary>Which of a sine and cosine an instruction wants.</summary>
[Flags]
public enum SineCosine
{
    /// <summary>FSIN.</summary>
    Sine = 1,

    /// <summary>FCOS.</summary>
    Cosine = 2,

    /// <summary>FSINCOS.</summary>
    Both = Sine | Cosine,
}
