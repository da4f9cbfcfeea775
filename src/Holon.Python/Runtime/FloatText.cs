using System.Globalization;
using System.Text;

namespace Holon.Python.Runtime;

/// <summary>Floats as text: the shortest decimal that reads back, and exact digits for formatting.</summary>
internal static class FloatText
{
    public static string Repr(double value)
    {
        if (double.IsNaN(value))
            return "nan";
        if (double.IsInfinity(value))
            return value > 0 ? "inf" : "-inf";
        if (value == 0)
            return double.IsNegative(value) ? "-0.0" : "0.0";
        // Where Python writes no exponent and .NET none either, they differ in ".0" only.
        Span<char> plain = stackalloc char[32];
        if (Math.Abs(value) is >= 1e-4 and < 1e16 && value.TryFormat(plain[..30], out var length, "R", CultureInfo.InvariantCulture) && !plain[..length].Contains('E'))
        {
            if (!plain[..length].Contains('.'))
            {
                plain[length++] = '.';
                plain[length++] = '0';
            }
            return new string(plain[..length]);
        }
        var (digits, point) = Shortest(Math.Abs(value));
        return (value < 0 ? "-" : "") + Layout(digits, point, 17, alwaysPoint: true);
    }

    /// <summary>Shortest digits that read back, and where the decimal point stands among them.</summary>
    public static (string Digits, int Point) Shortest(double magnitude)
    {
        var text = magnitude.ToString("R", CultureInfo.InvariantCulture);
        var exponent = 0;
        var e = text.IndexOf('E', StringComparison.Ordinal);
        if (e >= 0)
        {
            exponent = int.Parse(text.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            text = text[..e];
        }
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        var point = (dot < 0 ? text.Length : dot) + exponent;
        var digits = dot < 0 ? text : text.Remove(dot, 1);
        var leading = digits.Length - digits.TrimStart('0').Length;
        digits = digits[leading..].TrimEnd('0');
        return (digits.Length == 0 ? "0" : digits, digits.Length == 0 ? 1 : point - leading);
    }

    /// <summary>Positional or scientific, as repr does: scientific when the exponent is below -4 or not below <paramref name="limit"/> - 1.</summary>
    public static string Layout(string digits, int point, int limit, bool alwaysPoint)
    {
        if (point is > -4 && point < limit)
        {
            if (point <= 0)
                return "0." + new string('0', -point) + digits;
            if (point >= digits.Length)
                return digits + new string('0', point - digits.Length) + (alwaysPoint ? ".0" : "");
            return digits[..point] + "." + digits[point..];
        }
        return Scientific(digits, point - 1, 'e');
    }

    public static string Scientific(string digits, int exponent, char e)
    {
        var mantissa = digits.Length > 1 ? digits[..1] + "." + digits[1..] : digits;
        return mantissa + e + (exponent < 0 ? "-" : "+") + Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture);
    }

    /// <summary>The value with that many digits after the point, correctly rounded (half to even).</summary>
    public static string Fixed(double magnitude, int decimals)
    {
        var (n, d) = FloatMath.IntegerRatio(magnitude);
        var quotient = Divide(n * BigInteger.Pow(10, decimals), d);
        var text = quotient.ToString(CultureInfo.InvariantCulture).PadLeft(decimals + 1, '0');
        return decimals == 0 ? text : text[..^decimals] + "." + text[^decimals..];
    }

    /// <summary>That many significant digits, correctly rounded, and where the point stands.</summary>
    public static (string Digits, int Point) Significant(double magnitude, int count)
    {
        if (magnitude == 0)
            return (new string('0', count), 1);
        var (n, d) = FloatMath.IntegerRatio(magnitude);
        var exponent = (int)Math.Floor(Math.Log10(magnitude));
        for (var attempt = 0; ; attempt++)
        {
            var scale = count - 1 - exponent;
            var quotient = scale >= 0 ? Divide(n * BigInteger.Pow(10, scale), d) : Divide(n, d * BigInteger.Pow(10, -scale));
            var text = quotient.ToString(CultureInfo.InvariantCulture);
            if (text.Length == count)
                return (text, exponent + 1);
            exponent += text.Length > count ? 1 : -1;
            if (attempt > 2)
                return (text[..Math.Min(count, text.Length)], exponent + 1);
        }
    }

    private static BigInteger Divide(BigInteger a, BigInteger b)
    {
        var quotient = BigInteger.DivRem(a, b, out var rest);
        var order = (rest * 2).CompareTo(b);
        return order > 0 || (order == 0 && !quotient.IsEven) ? quotient + 1 : quotient;
    }

    public static double? Parse(string text)
    {
        var span = text.AsSpan().Trim(" \t\n\r\v\f\u001c\u001d\u001e\u001f\u0085\u00a0");
        var clean = new StringBuilder(span.Length);
        for (var i = 0; i < span.Length; i++)
        {
            if (span[i] == '_')
            {
                if (i == 0 || i == span.Length - 1 || !char.IsAsciiDigit(span[i - 1]) || !char.IsAsciiDigit(span[i + 1]))
                    return null;
                continue;
            }
            clean.Append(span[i]);
        }
        var s = clean.ToString();
        var sign = s.Length > 0 && s[0] == '-' ? -1.0 : 1.0;
        var body = s.Length > 0 && s[0] is '+' or '-' ? s[1..] : s;
        if (body.Equals("inf", StringComparison.OrdinalIgnoreCase) || body.Equals("infinity", StringComparison.OrdinalIgnoreCase))
            return sign * double.PositiveInfinity;
        if (body.Equals("nan", StringComparison.OrdinalIgnoreCase))
            return Math.CopySign(double.NaN, sign);
        if (body.Length == 0 || !(char.IsAsciiDigit(body[0]) || body[0] == '.'))
            return null;
        foreach (var c in body)
        {
            if (!(char.IsAsciiDigit(c) || c is '.' or 'e' or 'E' or '+' or '-'))
                return null;
        }
        return double.TryParse(body, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var value) ? sign * value : null;
    }

    public static string Hex(double value)
    {
        if (!double.IsFinite(value))
            return Repr(value);
        var bits = BitConverter.DoubleToInt64Bits(value);
        var sign = bits < 0 ? "-" : "";
        var exponent = (int)(bits >> 52 & 0x7ff);
        var mantissa = bits & 0xf_ffff_ffff_ffff;
        if (exponent == 0 && mantissa == 0)
            return sign + "0x0.0p+0";
        var lead = exponent == 0 ? 0 : 1;
        exponent = exponent == 0 ? -1022 : exponent - 1023;
        return $"{sign}0x{lead}.{mantissa:x13}p{(exponent < 0 ? "-" : "+")}{Math.Abs(exponent)}";
    }

    public static double FromHex(string text)
    {
        PyError Invalid() => Err.Value("invalid hexadecimal floating-point string");
        var s = text.Trim(' ', '\t', '\n', '\r', '\v', '\f');
        var negative = s.StartsWith('-');
        if (s.Length > 0 && s[0] is '+' or '-')
            s = s[1..];
        var lower = s.ToLowerInvariant();
        if (lower is "inf" or "infinity")
            return negative ? double.NegativeInfinity : double.PositiveInfinity;
        if (lower == "nan")
            return double.NaN;
        if (lower.StartsWith("0x", StringComparison.Ordinal))
            lower = lower[2..];
        var p = lower.IndexOf('p', StringComparison.Ordinal);
        long exponent = 0;
        if (p >= 0)
        {
            if (!long.TryParse(lower.AsSpan(p + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent))
                throw Invalid();
            lower = lower[..p];
        }
        var dot = lower.IndexOf('.', StringComparison.Ordinal);
        var digits = dot < 0 ? lower : lower.Remove(dot, 1);
        if (digits.Length == 0 || digits.Any(c => !char.IsAsciiHexDigit(c)))
            throw Invalid();
        if (dot >= 0)
            exponent -= 4L * (lower.Length - dot - 1);
        var mantissa = BigInteger.Parse("0" + digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        double value;
        if (mantissa.IsZero || exponent + (long)mantissa.GetBitLength() < -1200)
            value = 0;
        else if (exponent + (long)mantissa.GetBitLength() > 1100)
            throw Err.Overflow("hexadecimal value too large to represent as a float");
        else
            value = exponent >= 0 ? IntMath.Ratio(mantissa << (int)exponent, 1, "hexadecimal value too large to represent as a float") : IntMath.Ratio(mantissa, BigInteger.One << (int)-exponent, "hexadecimal value too large to represent as a float");
        return negative ? -value : value;
    }
}
