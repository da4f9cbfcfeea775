using System.Globalization;
using System.Text;

namespace Holon.Python.Modules.Decimals;

/// <summary>Decimal numbers as text, both ways, and the format specification.</summary>
internal static class DecimalText
{
    /// <summary>An exponent that is out of every range, for those that have too many digits.</summary>
    private const long Beyond = 2_000_000_000_000_000_000;

    /// <summary>What the specification calls to-scientific-string and to-engineering-string.</summary>
    public static string Write(in DecimalNumber a, bool capitals, bool engineering = false)
    {
        var sign = a.IsNegative ? "-" : "";
        if (a.IsInfinite)
            return sign + "Infinity";
        if (a.IsNaN)
            return sign + (a.IsSignaling ? "sNaN" : "NaN") + (a.Digits == 0 ? "" : Digits(a));
        var digits = Digits(a);
        var left = a.Exponent + a.Digits;
        long point;
        if (a.Exponent <= 0 && left > -6)
            point = left;
        else if (!engineering)
            point = 1;
        else if (a.IsZero)
            point = Modulo(left + 1) - 1;
        else
            point = Modulo(left - 1) + 1;
        var text = new StringBuilder(sign, digits.Length + 24);
        if (point <= 0)
            text.Append("0.").Append('0', (int)-point).Append(digits);
        else if (point >= digits.Length)
            text.Append(digits).Append('0', (int)(point - digits.Length));
        else
            text.Append(digits, 0, (int)point).Append('.').Append(digits, (int)point, digits.Length - (int)point);
        if (left != point)
            text.Append(capitals ? 'E' : 'e').Append(left > point ? "+" : "").Append((left - point).ToString(CultureInfo.InvariantCulture));
        return text.ToString();
    }

    private static long Modulo(long x) => ((x % 3) + 3) % 3;

    public static string Digits(in DecimalNumber a)
    {
        if (a.IsSmall)
            return a.Low.ToString(CultureInfo.InvariantCulture);
        PowersOfTen.Charge(a.Digits);
        return a.Coefficient.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>A numeric string of the specification; null when it is none.</summary>
    public static DecimalNumber? Read(ReadOnlySpan<char> text)
    {
        var negative = false;
        if (text.Length > 0 && text[0] is '+' or '-')
        {
            negative = text[0] == '-';
            text = text[1..];
        }
        if (text.Equals("inf", StringComparison.OrdinalIgnoreCase) || text.Equals("infinity", StringComparison.OrdinalIgnoreCase))
            return DecimalNumber.Infinity(negative);
        var signaling = text.StartsWith("snan", StringComparison.OrdinalIgnoreCase);
        if (signaling || text.StartsWith("nan", StringComparison.OrdinalIgnoreCase))
        {
            var payload = text[(signaling ? 4 : 3)..];
            return payload.ContainsAnyExceptInRange('0', '9') ? null : DecimalNumber.NotANumber(negative, signaling, payload.IsEmpty ? 0 : Integer(payload));
        }
        var at = 0;
        while (at < text.Length && char.IsAsciiDigit(text[at]))
            at++;
        var whole = text[..at];
        ReadOnlySpan<char> fraction = [];
        if (at < text.Length && text[at] == '.')
        {
            var start = ++at;
            while (at < text.Length && char.IsAsciiDigit(text[at]))
                at++;
            fraction = text[start..at];
        }
        if (whole.IsEmpty && fraction.IsEmpty)
            return null;
        long exponent = 0;
        if (at < text.Length)
        {
            if (text[at] is not ('e' or 'E') || ReadExponent(text[(at + 1)..]) is not { } given)
                return null;
            exponent = given;
        }
        exponent -= fraction.Length;
        if (whole.Length + fraction.Length <= 19)
        {
            var value = 0ul;
            foreach (var c in whole)
                value = value * 10 + (uint)(c - '0');
            foreach (var c in fraction)
                value = value * 10 + (uint)(c - '0');
            return new DecimalNumber(negative, value, exponent);
        }
        return new DecimalNumber(negative, Integer(fraction.IsEmpty ? whole : string.Concat(whole, fraction)), exponent);
    }

    private static BigInteger Integer(ReadOnlySpan<char> digits)
    {
        PowersOfTen.Charge(digits.Length);
        return BigInteger.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
    }

    private static long? ReadExponent(ReadOnlySpan<char> text)
    {
        var negative = text.Length > 0 && text[0] == '-';
        if (text.Length > 0 && text[0] is '+' or '-')
            text = text[1..];
        if (text.IsEmpty || text.ContainsAnyExceptInRange('0', '9'))
            return null;
        text = text.TrimStart('0');
        var value = text.Length > 19 ? Beyond : text.IsEmpty ? 0 : (long)Math.Min(ulong.Parse(text, CultureInfo.InvariantCulture), (ulong)Beyond);
        return negative ? -value : value;
    }

    /// <summary>What a format specification says, with the separators of a locale or of the caller's own.</summary>
    private sealed record Spec
    {
        public string Fill { get; set; } = " ";

        public char Align { get; set; } = '>';

        public char Sign { get; set; } = '-';

        public bool NoNegativeZero { get; set; }

        public bool Alternate { get; set; }

        public bool ZeroPad { get; set; }

        public int Width { get; set; }

        public long Precision { get; set; } = -1;

        public char Type { get; set; }

        public string Point { get; set; } = ".";

        public string Separator { get; set; } = "";

        /// <summary>Sizes of groups from the right; the last one repeats, or ends the grouping when it is 127.</summary>
        public int[] Grouping { get; set; } = [];
    }

    /// <summary><c>Decimal.__format__</c>.</summary>
    /// <param name="a">The number.</param>
    /// <param name="specification">The text behind the colon.</param>
    /// <param name="rounding">The context's.</param>
    /// <param name="capitals">Whether the exponent's letter is a capital one without a type.</param>
    /// <param name="conventions">The dict that replaces separators, or null.</param>
    public static PyStr Format(DecimalNumber a, PyStr specification, Rounding rounding, bool capitals, PyDict? conventions)
    {
        var spec = Parse(specification) ?? throw Err.Value("invalid format string");
        var type = spec.Type == '\0' ? capitals ? 'G' : 'g' : spec.Type;
        if (type is 'n' or 'N')
        {
            type = type == 'n' ? 'g' : 'G';
            if (spec.Separator.Length > 0)
                throw Err.Value("invalid format string");
            Localize(spec, conventions ?? (PyDict)Calls.CallMethod(PyThread.Current.Machine.ImportModule("locale"), "localeconv"));
        }
        else if (conventions is not null)
        {
            Localize(spec, conventions);
        }
        if (!a.IsFinite)
        {
            var body = Write(a.WithSign(false), true) + (type == '%' ? "%" : "");
            if (spec.ZeroPad)
                (spec.Fill, spec.Align) = (" ", '>');
            return Aligned(SignOf(a.IsNegative, spec), body, spec);
        }
        if (type == '%')
            a = a.WithExponent(a.Exponent + 2);
        var kind = char.ToLowerInvariant(type);
        if (spec.Precision >= 0)
        {
            PowersOfTen.Charge(spec.Precision);
            if (kind == 'e')
                a = RoundTo(a, spec.Precision + 1, rounding);
            else if (kind is 'f' or '%')
                a = a.IsZero ? a.WithExponent(-spec.Precision) : a.Exponent >= -spec.Precision ? a.ShiftLeft(a.Exponent + spec.Precision) : a.ShiftRight(-spec.Precision - a.Exponent, rounding, out _);
            else if (a.Digits > spec.Precision)
                a = RoundTo(a, Math.Max(1, spec.Precision), rounding);
        }
        if (a.IsZero && a.Exponent > 0 && kind is 'f' or '%')
            a = a.WithExponent(a.IsZero && a.Exponent > 0 ? 0 : a.Exponent);
        var digits = Digits(a);
        var left = a.Exponent + digits.Length;
        var point = kind switch
        {
            'e' => a.IsZero && spec.Precision >= 0 ? 1 - spec.Precision : 1,
            'g' => a.Exponent <= 0 && left > -6 ? left : 1,
            _ => left,
        };
        PowersOfTen.Charge(Math.Abs(point));
        string whole, fraction;
        if (point < 0)
            (whole, fraction) = ("0", new string('0', (int)-point) + digits);
        else if (point > digits.Length)
            (whole, fraction) = (digits + new string('0', (int)point - digits.Length), "");
        else
            (whole, fraction) = (point == 0 ? "0" : digits[..(int)point], digits[(int)point..]);
        var rest = fraction.Length > 0 || spec.Alternate ? spec.Point + fraction : "";
        if (left != point || kind == 'e')
            rest += (char.IsAsciiLetterUpper(type) ? "E" : "e") + (left >= point ? "+" : "") + (left - point).ToString(CultureInfo.InvariantCulture);
        if (type == '%')
            rest += "%";
        var sign = SignOf(a.IsNegative && !(spec.NoNegativeZero && a.IsZero), spec);
        return Aligned(sign, Grouped(whole, spec, spec.ZeroPad ? spec.Width - rest.Length - sign.Length : 0) + rest, spec);
    }

    private static DecimalNumber RoundTo(in DecimalNumber a, long digits, Rounding rounding)
    {
        if (a.IsZero)
            return a.WithExponent(a.Exponent);
        if (a.Digits <= digits)
            return a.ShiftLeft(digits - a.Digits);
        var result = a.ShiftRight(a.Digits - digits, rounding, out _);
        return result.Digits > digits ? result.ShiftRight(1, rounding, out _) : result;
    }

    private static string SignOf(bool negative, Spec spec) => negative ? "-" : spec.Sign == '-' ? "" : spec.Sign.ToString();

    private static PyStr Aligned(string sign, string body, Spec spec)
    {
        var missing = spec.Width - sign.Length - body.Length;
        if (missing <= 0)
            return PyStr.FromUtf16(sign + body);
        PyThread.Current.Machine.Limits.CheckSize(missing * 2L);
        var left = spec.Align switch { '<' => 0, '^' => missing / 2, _ => missing };
        string Fill(int count) => string.Concat(Enumerable.Repeat(spec.Fill, count));
        return PyStr.FromUtf16(spec.Align == '=' ? sign + Fill(missing) + body : Fill(left) + sign + body + Fill(missing - left));
    }

    private static string Grouped(string digits, Spec spec, int width)
    {
        if (spec.Separator.Length == 0 || spec.Grouping.Length == 0 || spec.Grouping[0] is 0 or 127)
            return width > digits.Length ? new string('0', width - digits.Length) + digits : digits;
        PyThread.Current.Machine.Limits.CheckSize(width * 4L);
        var groups = new List<string>();
        for (var at = 0; ; at++)
        {
            // The last size repeats; 127 is the end of grouping, and one digit at least is to the left of a separator.
            var size = spec.Grouping[Math.Min(at, spec.Grouping.Length - 1)];
            if (size == 0)
                size = spec.Grouping[^2];
            var length = Math.Max(Math.Max(digits.Length, width), 1);
            if (size != 127)
                length = Math.Min(length, size);
            groups.Add(digits.Length < length ? new string('0', length - digits.Length) + digits : digits[^length..]);
            digits = digits.Length <= length ? "" : digits[..^length];
            width -= length;
            if (digits.Length == 0 && width <= 0)
                break;
            width -= spec.Separator.Length;
        }
        groups.Reverse();
        return string.Join(spec.Separator, groups);
    }

    private static void Localize(Spec spec, PyDict conventions)
    {
        if (conventions.Get(Names.Intern("decimal_point")) is { } point)
            spec.Point = One(point, "decimal_point", 1);
        if (conventions.Get(Names.Intern("thousands_sep")) is { } separator)
            spec.Separator = One(separator, "thousands_sep", 0);
        var grouping = conventions.Get(Names.Intern("grouping"));
        spec.Grouping = grouping switch
        {
            null => spec.Grouping,
            PyStr text => [.. text.ToCodePoints()],
            _ => [.. Ops.ToArray(grouping).Select(Args.Int)],
        };
        if (spec.Grouping.Any(g => g > 127))
            throw Err.Value("invalid override dict");

        static string One(PyObject value, string name, int least)
        {
            var text = value as PyStr ?? throw Err.Type($"override dict: {name} must be str");
            return text.Length >= least && text.Length <= 1 ? text.ToString() : throw Err.Value("decimal point or thousands separator too long");
        }
    }

    private static Spec? Parse(PyStr text)
    {
        var points = text.ToCodePoints();
        var spec = new Spec();
        var at = 0;
        var aligned = false;
        if (points.Length > 1 && IsAlign(points[1]))
        {
            if (points[0] is >= 0xd800 and < 0xe000)
                return null;
            (spec.Fill, spec.Align, aligned, at) = (char.ConvertFromUtf32(points[0]), (char)points[1], true, 2);
        }
        else if (points.Length > 0 && IsAlign(points[0]))
        {
            (spec.Align, aligned, at) = ((char)points[0], true, 1);
        }
        if (Next("+- "))
            spec.Sign = (char)points[at - 1];
        spec.NoNegativeZero = Next("z");
        spec.Alternate = Next("#");
        if (Next("0"))
        {
            if (aligned)
                return null;
            (spec.ZeroPad, spec.Fill, spec.Align) = (true, "0", '=');
        }
        if (at < points.Length && points[at] == '0')
            return null;
        if (Number() is not { } width || width > int.MaxValue)
            return null;
        spec.Width = (int)Math.Max(width, 0);
        if (Next(","))
            (spec.Separator, spec.Grouping) = (",", [3]);
        if (Next("."))
        {
            if (Number() is not { } precision || precision < 0)
                return null;
            spec.Precision = precision;
        }
        if (at < points.Length)
        {
            if (points[at] > 127 || !"eEfFgGnN%".Contains((char)points[at], StringComparison.Ordinal))
                return null;
            spec.Type = (char)points[at++];
        }
        return at == points.Length ? spec : null;

        static bool IsAlign(int c) => c is '<' or '>' or '=' or '^';

        bool Next(string any)
        {
            if (at >= points.Length || points[at] > 127 || !any.Contains((char)points[at], StringComparison.Ordinal))
                return false;
            at++;
            return true;
        }

        // -1 when there is none, null when it is out of range.
        long? Number()
        {
            if (at >= points.Length || points[at] is < '0' or > '9')
                return -1;
            long value = 0;
            for (; at < points.Length && points[at] is >= '0' and <= '9'; at++)
            {
                value = value * 10 + points[at] - '0';
                if (value > Precision.Most)
                    return null;
            }
            return value;
        }
    }
}
