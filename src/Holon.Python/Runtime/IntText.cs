using System.Globalization;
using System.Text;

namespace Holon.Python.Runtime;

/// <summary>Integers as text and as bytes.</summary>
internal static class IntText
{
    public static string ToDecimal(PyInt value)
    {
        if (value.TryLong(out var small))
            return small.ToString(CultureInfo.InvariantCulture);
        var limit = PyThread.Current.Machine.MaxIntDigits;
        var big = value.ToBig();
        // log10(2) = 0.30103: the digits are counted exactly only near the limit.
        if (limit > 0 && big.GetBitLength() * 0.30103 > limit - 1)
        {
            if (big.GetBitLength() * 0.30102 > limit + 1)
                throw TooManyDigits(limit);
            var text = big.ToString(CultureInfo.InvariantCulture);
            if (text.Length - (big.Sign < 0 ? 1 : 0) > limit)
                throw TooManyDigits(limit);
            return text;
        }
        return big.ToString(CultureInfo.InvariantCulture);
    }

    private static PyError TooManyDigits(int limit) =>
        Err.Value($"Exceeds the limit ({limit} digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit");

    /// <summary>Digits in a base that is a power of two, without sign or prefix.</summary>
    public static string ToPowerOfTwo(BigInteger magnitude, int bitsPerDigit)
    {
        if (magnitude <= ulong.MaxValue)
        {
            var number = (ulong)magnitude;
            if (bitsPerDigit == 4)
                return number.ToString("x", CultureInfo.InvariantCulture);
            if (bitsPerDigit == 1)
                return number.ToString("b", CultureInfo.InvariantCulture);
        }
        var bytes = magnitude.ToByteArray(isUnsigned: true);
        var count = Math.Max(1, ((long)magnitude.GetBitLength() + bitsPerDigit - 1) / bitsPerDigit);
        return string.Create((int)count, (bytes, bitsPerDigit), static (span, state) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                var bit = (long)i * state.bitsPerDigit;
                var digit = 0;
                for (var b = 0; b < state.bitsPerDigit; b++)
                {
                    var at = bit + b;
                    if (at / 8 < state.bytes.Length && (state.bytes[at / 8] >> (int)(at % 8) & 1) != 0)
                        digit |= 1 << b;
                }
                span[span.Length - 1 - i] = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
            }
        });
    }

    /// <summary>hex(), oct(), bin().</summary>
    public static string WithPrefix(PyInt value, string prefix, int bitsPerDigit)
    {
        var big = value.ToBig();
        return (big.Sign < 0 ? "-" : "") + prefix + ToPowerOfTwo(BigInteger.Abs(big), bitsPerDigit);
    }

    public static PyInt Parse(PyObject source, int radix)
    {
        var text = source is PyStr s ? UnicodeData.ToAsciiDigits(s) : Encoding.Latin1.GetString(((IBuffer)source).Bytes);
        return Parse(text, radix) ?? throw NoNumber(source, radix);
    }

    public static PyError NoNumber(PyObject source, int radix) =>
        Err.Value($"invalid literal for int() with base {radix}: {Ops.Repr(source is PyStr or PyBytes ? source : new PyBytes(((IBuffer)source).Bytes.ToArray()))}");

    public static PyInt? Parse(string text, int radix)
    {
        var span = text.AsSpan().Trim(" \t\n\r\v\f\u001c\u001d\u001e\u001f\u0085\u00a0");
        var negative = false;
        if (span.Length > 0 && span[0] is '+' or '-')
        {
            negative = span[0] == '-';
            span = span[1..];
        }
        var prefixed = false;
        if (span.Length > 1 && span[0] == '0')
        {
            var prefix = char.ToLowerInvariant(span[1]) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 };
            if (prefix != 0 && (radix == prefix || radix == 0))
            {
                radix = prefix;
                span = span[2..];
                prefixed = true;
            }
        }
        if (radix == 0)
        {
            // "010" would be octal in C; Python allows zeros only.
            if (span.Length > 1 && span[0] == '0' && span.TrimStart("0_").Length > 0)
                return null;
            radix = 10;
        }
        var digits = new StringBuilder(span.Length);
        var previousUnderscore = !prefixed;
        foreach (var c in span)
        {
            if (c == '_')
            {
                if (previousUnderscore)
                    return null;
                previousUnderscore = true;
                continue;
            }
            var digit = Digit(c);
            if (digit < 0 || digit >= radix)
                return null;
            digits.Append(c);
            previousUnderscore = false;
        }
        if (digits.Length == 0 || previousUnderscore)
            return null;
        var value = FromDigits(digits.ToString(), radix);
        return PyInt.Of(negative ? -value : value);
    }

    private static int Digit(char c) => c switch
    {
        >= '0' and <= '9' => c - '0',
        >= 'a' and <= 'z' => c - 'a' + 10,
        >= 'A' and <= 'Z' => c - 'A' + 10,
        _ => -1,
    };

    private static BigInteger FromDigits(string digits, int radix)
    {
        if (digits.Length <= 11)
        {
            long small = 0;
            foreach (var c in digits)
                small = small * radix + Digit(c);
            return small;
        }
        if (radix == 10)
        {
            var limit = PyThread.Current.Machine.MaxIntDigits;
            if (limit > 0 && digits.Length > limit)
                throw Err.Value($"Exceeds the limit ({limit} digits) for integer string conversion: value has {digits.Length} digits; use sys.set_int_max_str_digits() to increase the limit");
            return BigInteger.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
        }
        if (radix == 16)
            return BigInteger.Parse("0" + digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        // Halves, so that long numbers cost less than the square of their length.
        var middle = digits.Length / 2;
        return FromDigits(digits[..middle], radix) * BigInteger.Pow(radix, digits.Length - middle) + FromDigits(digits[middle..], radix);
    }

    public static PyBytes ToBytes(PyInt value, long length, bool little, bool signed)
    {
        if (length < 0)
            throw Err.Value("length argument must be non-negative");
        if (value.IsNegative && !signed)
            throw Err.Overflow("can't convert negative int to unsigned");
        PyThread.Current.Machine.Limits.CheckSize(length);
        var big = value.ToBig();
        var source = big.ToByteArray(isUnsigned: !signed && big.Sign >= 0);
        if (source.Length > length && !(big.IsZero && length == 0))
            throw Err.Overflow("int too big to convert");
        var bytes = new byte[length];
        if (big.Sign < 0)
            bytes.AsSpan().Fill(0xff);
        source.AsSpan(0, (int)Math.Min(source.Length, length)).CopyTo(bytes);
        if (!little)
            Array.Reverse(bytes);
        return new PyBytes(bytes);
    }

    public static PyInt FromBytes(ReadOnlySpan<byte> bytes, bool little, bool signed) =>
        PyInt.Of(new BigInteger(bytes, isUnsigned: !signed, isBigEndian: !little));
}
