namespace Holon.Python.Runtime;

/// <summary>The format specification mini-language: [[fill]align][sign][z][#][0][width][grouping][.precision][type].</summary>
internal static class NumberFormat
{
    public record struct Spec(int Fill, char Align, char Sign, bool NoNegativeZero, bool Alternate, bool ZeroPad, int Width, char Grouping, int Precision, char Type, bool HasAlign);

    public static Spec Parse(string text, char defaultAlign, string typeName)
    {
        var spec = new Spec(' ', defaultAlign, '-', false, false, false, -1, '\0', -1, '\0', false);
        var points = PyStr.FromUtf16(text).ToCodePoints();
        var at = 0;
        if (points.Length > 1 && points[1] is '<' or '>' or '=' or '^')
        {
            (spec.Fill, spec.Align, spec.HasAlign) = (points[0], (char)points[1], true);
            at = 2;
        }
        else if (points.Length > 0 && points[0] is '<' or '>' or '=' or '^')
        {
            (spec.Align, spec.HasAlign) = ((char)points[0], true);
            at = 1;
        }
        if (Has("+- "))
            spec.Sign = (char)points[at++];
        if (Has("z"))
        {
            spec.NoNegativeZero = true;
            at++;
        }
        if (Has("#"))
        {
            spec.Alternate = true;
            at++;
        }
        if (Has("0"))
        {
            spec.ZeroPad = true;
            if (!spec.HasAlign)
            {
                spec.Align = defaultAlign == '<' ? '<' : '=';
                spec.Fill = '0';
            }
            else if (at < 2)
            {
                spec.Fill = '0';
            }
            at++;
        }
        spec.Width = Number();
        if (Has(",_"))
            spec.Grouping = (char)points[at++];
        if (Has(",_"))
            throw Err.Value(spec.Grouping == points[at] ? $"Cannot specify '{spec.Grouping}' with '{spec.Grouping}'." : "Cannot specify both ',' and '_'.");
        if (Has("."))
        {
            at++;
            spec.Precision = Number();
            if (spec.Precision < 0)
                throw Err.Value("Format specifier missing precision");
        }
        if (points.Length - at > 1)
            throw Err.Value($"Invalid format specifier '{text}' for object of type '{typeName}'");
        if (at < points.Length)
            spec.Type = (char)points[at];
        if (spec.Grouping != '\0' && spec.Type is not ('\0' or 'd' or 'e' or 'f' or 'g' or 'E' or 'G' or 'F' or '%') && !(spec.Grouping == '_' && spec.Type is 'b' or 'o' or 'x' or 'X'))
            throw Err.Value($"Cannot specify '{spec.Grouping}' with '{spec.Type}'.");
        return spec;

        bool Has(string any) => at < points.Length && points[at] < 128 && any.Contains((char)points[at], StringComparison.Ordinal);

        int Number()
        {
            var start = at;
            long value = 0;
            while (at < points.Length && points[at] is >= '0' and <= '9')
            {
                value = value * 10 + points[at++] - '0';
                if (value > int.MaxValue)
                    throw Err.Value("Too many decimal digits in format string");
            }
            return at == start ? -1 : (int)value;
        }
    }

    public static PyStr FormatStr(PyStr text, string specText)
    {
        var spec = Parse(specText, '<', "str");
        if (spec.Type is not ('\0' or 's'))
            throw Err.Value($"Unknown format code '{spec.Type}' for object of type 'str'");
        if (spec.Sign != '-')
            throw Err.Value(spec.Sign == ' ' ? "Space not allowed in string format specifier" : "Sign not allowed in string format specifier");
        if (spec.NoNegativeZero)
            throw Err.Value("Negative zero coercion (z) not allowed in string format specifier");
        if (spec.Alternate)
            throw Err.Value("Alternate form (#) not allowed in string format specifier");
        if (spec.Align == '=')
            throw Err.Value("'=' alignment not allowed in string format specifier");
        if (spec.Precision >= 0 && spec.Precision < text.Length)
            text = text.Substring(0, spec.Precision);
        return Align(text, spec);
    }

    private static PyStr Align(PyStr text, Spec spec)
    {
        if (spec.Width <= text.Length)
            return Ops.Str(text);
        PyThread.Current.Machine.Limits.CheckSize(spec.Width * 2L);
        var missing = spec.Width - text.Length;
        var left = spec.Align switch { '<' => 0, '^' => missing / 2, _ => missing };
        var result = new PyStrBuilder();
        for (var i = 0; i < left; i++)
            result.Append(spec.Fill);
        result.Append(text);
        for (var i = left; i < missing; i++)
            result.Append(spec.Fill);
        return result.ToStr();
    }

    public static PyStr FormatInt(PyInt value, string specText)
    {
        if (specText.Length == 0)
            return Ops.Str(value);
        var spec = Parse(specText, '>', value.Type.Name);
        if (spec.Type is 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or '%')
            return FormatFloat(IntMath.ToDouble(value), specText);
        if (spec.Type is not ('\0' or 'd' or 'b' or 'o' or 'x' or 'X' or 'c' or 'n'))
            throw Err.Value($"Unknown format code '{spec.Type}' for object of type '{value.Type.FullName}'");
        if (spec.Precision >= 0)
            throw Err.Value("Precision not allowed in integer format specifier");
        if (spec.NoNegativeZero)
            throw Err.Value("Negative zero coercion (z) not allowed in format specifier with integer format code 'd'".Replace("'d'", $"'{(spec.Type == '\0' ? 'd' : spec.Type)}'", StringComparison.Ordinal)[..56]);
        if (spec.Type == 'c')
        {
            if (spec.Sign != '-')
                throw Err.Value("Sign not allowed with integer format specifier 'c'");
            if (spec.Alternate)
                throw Err.Value("Alternate form (#) not allowed with integer format specifier 'c'");
            if (!value.TryLong(out var c) || c is < 0 or > 0x10ffff)
                throw Err.Overflow("%c arg not in range(0x110000)");
            return Align(PyStr.OfChar((int)c), spec with { Align = spec.HasAlign ? spec.Align : '<' });
        }
        var negative = value.IsNegative;
        var magnitude = BigInteger.Abs(value.ToBig());
        var digits = spec.Type switch
        {
            'b' => IntText.ToPowerOfTwo(magnitude, 1),
            'o' => IntText.ToPowerOfTwo(magnitude, 3),
            'x' => IntText.ToPowerOfTwo(magnitude, 4),
            'X' => IntText.ToPowerOfTwo(magnitude, 4).ToUpperInvariant(),
            _ => IntText.ToDecimal(PyInt.Of(magnitude)),
        };
        var prefix = spec.Alternate ? spec.Type switch { 'b' => "0b", 'o' => "0o", 'x' => "0x", 'X' => "0X", _ => "" } : "";
        return Number(negative, prefix, digits, "", spec, spec.Type is 'b' or 'o' or 'x' or 'X' ? 4 : 3);
    }

    private static PyStr Number(bool negative, string prefix, string digits, string rest, Spec spec, int group)
    {
        var sign = negative ? "-" : spec.Sign == '-' ? "" : spec.Sign.ToString();
        if (spec.Grouping != '\0')
        {
            var zeros = spec.Fill == '0' && spec.Align == '=' ? spec.Width - sign.Length - prefix.Length - rest.Length : 0;
            digits = Group(digits, group, spec.Grouping, zeros);
        }
        var text = sign + prefix + digits + rest;
        if (spec.Width <= text.Length)
            return new PyStr(text);
        if (spec.Align != '=')
            return Align(new PyStr(text), spec);
        PyThread.Current.Machine.Limits.CheckSize(spec.Width * 2L);
        var result = new PyStrBuilder().Append(sign + prefix);
        for (var i = text.Length; i < spec.Width; i++)
            result.Append(spec.Fill);
        return result.Append(digits + rest).ToStr();
    }

    /// <summary>Thousands separators; with zeros in front until the text has the given width.</summary>
    private static string Group(string digits, int size, char separator, int width)
    {
        while (true)
        {
            var text = new System.Text.StringBuilder();
            for (var i = 0; i < digits.Length; i++)
            {
                if (i > 0 && (digits.Length - i) % size == 0)
                    text.Append(separator);
                text.Append(digits[i]);
            }
            if (text.Length >= width)
                return text.ToString();
            digits = "0" + digits;
        }
    }

    public static PyStr FormatFloat(double value, string specText)
    {
        if (specText.Length == 0)
            return new PyStr(FloatText.Repr(value));
        var spec = Parse(specText, '>', "float");
        if (spec.Type is not ('\0' or 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or 'n' or '%'))
            throw Err.Value($"Unknown format code '{spec.Type}' for object of type 'float'");
        var percent = spec.Type == '%';
        if (percent)
            value *= 100;
        var body = Digits(Math.Abs(value), spec.Type is '%' ? 'f' : spec.Type, spec.Precision, spec.Alternate, out var isNumber);
        var negative = double.IsNegative(value) && !double.IsNaN(value);
        if (spec.NoNegativeZero && negative && isNumber && body.All(c => !char.IsAsciiDigit(c) || c == '0'))
            negative = false;
        if (percent)
            body += "%";
        if (!isNumber)
            return Number(negative, "", body, "", spec with { Grouping = '\0', Fill = spec.Fill }, 3);
        var end = 0;
        while (end < body.Length && char.IsAsciiDigit(body[end]))
            end++;
        return Number(negative, "", body[..end], body[end..], spec, 3);
    }

    public static PyStr FormatComplex(Complex value, string specText)
    {
        var spec = Parse(specText, '>', "complex");
        if (spec.Type is not ('\0' or 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or 'n'))
            throw Err.Value($"Unknown format code '{spec.Type}' for object of type 'complex'");
        if (spec.Fill == '0')
            throw Err.Value("Zero padding is not allowed in complex format specifier");
        if (spec.Align == '=')
            throw Err.Value("'=' alignment flag is not allowed in complex format specifier");
        // Without a type as str() does it: brackets, unless there is no real part.
        var plain = spec.Type == '\0';
        var imaginaryOnly = plain && value.Real == 0 && !double.IsNegative(value.Real);
        var type = plain && spec.Precision >= 0 ? 'g' : spec.Type;
        var text = (imaginaryOnly ? "" : Part(value.Real, spec.Sign)) + Part(value.Imaginary, imaginaryOnly ? spec.Sign : '+') + "j";
        return Align(new PyStr(plain && !imaginaryOnly ? $"({text})" : text), spec);

        string Part(double part, char sign)
        {
            var body = Digits(Math.Abs(part), type, spec.Precision, spec.Alternate, out var isNumber);
            if (type == '\0' && body.EndsWith(".0", StringComparison.Ordinal))
                body = body[..^2];
            var negative = double.IsNegative(part) && !double.IsNaN(part) && !(spec.NoNegativeZero && isNumber && body.All(c => !char.IsAsciiDigit(c) || c == '0'));
            var end = 0;
            while (end < body.Length && char.IsAsciiDigit(body[end]))
                end++;
            if (spec.Grouping != '\0' && isNumber)
                body = Group(body[..end], 3, spec.Grouping, 0) + body[end..];
            return (negative ? "-" : sign == '-' ? "" : sign.ToString()) + body;
        }
    }

    /// <summary>A magnitude in one of the formats e, f, g, n or the default one.</summary>
    public static string Digits(double value, char type, int precision, bool alternate, out bool isNumber)
    {
        isNumber = double.IsFinite(value);
        var upper = char.IsAsciiLetterUpper(type);
        if (!isNumber)
        {
            var name = double.IsNaN(value) ? "nan" : "inf";
            return upper ? name.ToUpperInvariant() : name;
        }
        if (precision > 2000)
            PyThread.Current.Machine.Limits.Charge(precision * 64L);
        string text;
        switch (char.ToLowerInvariant(type))
        {
            case 'f':
                text = FloatText.Fixed(value, precision < 0 ? 6 : precision);
                if (alternate && !text.Contains('.', StringComparison.Ordinal))
                    text += ".";
                return text;
            case 'e':
                {
                    var (digits, point) = FloatText.Significant(value, (precision < 0 ? 6 : precision) + 1);
                    text = FloatText.Scientific(digits, value == 0 ? 0 : point - 1, 'e');
                    if (alternate && digits.Length == 1)
                        text = text.Insert(1, ".");
                    return upper ? text.ToUpperInvariant() : text;
                }
            case '\0' when precision < 0:
                return FloatText.Repr(value);
            default:
                {
                    var count = precision < 0 ? 6 : Math.Max(1, precision);
                    var (digits, point) = FloatText.Significant(value, count);
                    // The default format keeps one digit after the point.
                    var limit = type == '\0' ? count - 1 : count;
                    var exponent = value == 0 ? 0 : point - 1;
                    var scientific = exponent < -4 || exponent >= (type == '\0' ? Math.Max(limit, 0) : count);
                    if (type == '\0' && value != 0 && exponent == count - 1 && count > 0)
                        scientific = exponent >= count - 1 && count - 1 >= 0 && exponent + 1 > count - 1 && count != 0 && exponent >= limit;
                    if (!alternate)
                        digits = digits.TrimEnd('0') is { Length: > 0 } trimmed ? trimmed : "0";
                    if (scientific)
                        text = FloatText.Scientific(digits, exponent, 'e');
                    else if (point <= 0 && value != 0)
                        text = "0." + new string('0', -point) + digits;
                    else if (value == 0)
                        text = alternate ? "0." + new string('0', count - 1) : type == '\0' ? "0.0" : "0";
                    else if (digits.Length <= point)
                        text = digits + new string('0', point - digits.Length) + (alternate ? "." : type == '\0' ? ".0" : "");
                    else
                        text = digits[..point] + "." + digits[point..];
                    return upper ? text.ToUpperInvariant() : text;
                }
        }
    }
}
