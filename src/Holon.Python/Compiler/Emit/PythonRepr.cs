using System.Globalization;
using System.Text;

namespace Holon.Python.Compiler;

/// <summary>Python's repr() of constants.</summary>
internal static class PythonRepr
{
    public static string Of(object? value) => value switch
    {
        null => "None",
        bool b => b ? "True" : "False",
        long l => l.ToString(CultureInfo.InvariantCulture),
        BigInteger i => i.ToString(CultureInfo.InvariantCulture),
        double d => OfFloat(d),
        Complex c => OfComplex(c),
        byte[] bytes => OfBytes(bytes),
        EllipsisConstant => "Ellipsis",
        TupleConstant { Items: [var only] } => $"({Of(only)},)",
        TupleConstant tuple => $"({string.Join(", ", tuple.Items.Select(Of))})",
        _ => OfText(PythonText.CodePoints(value)),
    };

    private static string OfFloat(double value)
    {
        if (double.IsNaN(value))
            return "nan";
        if (double.IsInfinity(value))
            return value > 0 ? "inf" : "-inf";
        var text = ShortestDigits(value);
        return text.AsSpan().ContainsAny(".en") ? text : text + ".0";
    }

    // The shortest digits that read back the same, in Python's form: an exponent below 1e-4 and from 1e16 on.
    private static string ShortestDigits(double value)
    {
        var shortest = value.ToString("R", CultureInfo.InvariantCulture);
        var negative = shortest[0] == '-';
        var mantissaEnd = shortest.IndexOf('E', StringComparison.Ordinal);
        var mantissa = (mantissaEnd < 0 ? shortest : shortest[..mantissaEnd]).TrimStart('-');
        var exponent = mantissaEnd < 0 ? 0 : int.Parse(shortest.AsSpan(mantissaEnd + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        var allDigits = mantissa.Replace(".", "", StringComparison.Ordinal);
        var digits = allDigits.TrimStart('0');
        exponent += (point < 0 ? mantissa.Length : point) - 1 - (allDigits.Length - digits.Length);
        digits = digits.TrimEnd('0');
        if (digits.Length == 0)
            return negative ? "-0.0" : "0.0";
        var sign = negative ? "-" : "";
        if (exponent is < -4 or >= 16)
        {
            var fraction = digits.Length > 1 ? "." + digits[1..] : "";
            var exponentSign = exponent < 0 ? "-" : "+";
            return $"{sign}{digits[0]}{fraction}e{exponentSign}{Math.Abs(exponent):00}";
        }

        if (exponent < 0)
            return $"{sign}0.{new string('0', -exponent - 1)}{digits}";
        return digits.Length <= exponent + 1
            ? $"{sign}{digits.PadRight(exponent + 1, '0')}"
            : $"{sign}{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}";
    }

    private static string OfComplex(Complex c)
    {
        var imaginary = Part(c.Imaginary);
        if (c.Real == 0 && !double.IsNegative(c.Real))
            return imaginary + "j";
        var sign = imaginary[0] == '-' ? "" : "+";
        return $"({Part(c.Real)}{sign}{imaginary}j)";

        static string Part(double value) => OfFloat(value) is var text && text.EndsWith(".0", StringComparison.Ordinal) ? text[..^2] : OfFloat(value);
    }

    private static string OfBytes(byte[] bytes)
    {
        var quote = bytes.Contains((byte)'\'') && !bytes.Contains((byte)'"') ? '"' : '\'';
        var text = new StringBuilder("b").Append(quote);
        foreach (var b in bytes)
        {
            _ = b switch
            {
                (byte)'\t' => text.Append("\\t"),
                (byte)'\n' => text.Append("\\n"),
                (byte)'\r' => text.Append("\\r"),
                (byte)'\\' => text.Append("\\\\"),
                _ when b == quote => text.Append('\\').Append(quote),
                < 0x20 or >= 0x7F => text.Append(CultureInfo.InvariantCulture, $"\\x{b:x2}"),
                _ => text.Append((char)b),
            };
        }

        return text.Append(quote).ToString();
    }

    private static string OfText(int[] codePoints)
    {
        var quote = codePoints.Contains('\'') && !codePoints.Contains('"') ? '"' : '\'';
        var text = new StringBuilder().Append(quote);
        foreach (var c in codePoints)
        {
            if (c == quote || c == '\\')
                text.Append('\\').Append((char)c);
            else if (c is '\t' or '\n' or '\r')
                text.Append(c == '\t' ? "\\t" : c == '\n' ? "\\n" : "\\r");
            else if (c is < 0x20 or 0x7F || (c < 0x100 && !Identifiers.IsPrintable(c)))
                text.Append(CultureInfo.InvariantCulture, $"\\x{c:x2}");
            else if (c >= 0x80 && !Identifiers.IsPrintable(c))
                text.Append(c > 0xFFFF ? $"\\U{c:x8}" : $"\\u{c:x4}");
            else
                text.Append(char.IsSurrogate((char)c) && c <= 0xFFFF ? ((char)c).ToString() : char.ConvertFromUtf32(c));
        }

        return text.Append(quote).ToString();
    }
}
