using System.Buffers;
using System.Text;

namespace Holon.Python.Compiler;

/// <summary>Strings as Python sees them, sequences of code points, over <see cref="string"/> and <see cref="CodePointString"/>.</summary>
internal static class PythonText
{
    /// <summary>The constant for these code points.</summary>
    public static object FromCodePoints(ReadOnlySpan<int> codePoints)
    {
        var length = 0;
        for (var i = 0; i < codePoints.Length; i++)
        {
            length += codePoints[i] > 0xFFFF ? 2 : 1;
            if (i > 0 && codePoints[i] is >= 0xDC00 and < 0xE000 && codePoints[i - 1] is >= 0xD800 and < 0xDC00)
                return new CodePointString(codePoints.ToArray());
        }

        var characters = ArrayPool<char>.Shared.Rent(length);
        var at = 0;
        foreach (var codePoint in codePoints)
        {
            if (codePoint > 0xFFFF)
            {
                characters[at++] = (char)(0xD800 + ((codePoint - 0x10000) >> 10));
                characters[at++] = (char)(0xDC00 + ((codePoint - 0x10000) & 0x3FF));
            }
            else
            {
                characters[at++] = (char)codePoint;
            }
        }

        var text = new string(characters, 0, length);
        ArrayPool<char>.Shared.Return(characters);
        return text;
    }

    /// <summary>Whether the constant is a string.</summary>
    public static bool IsText(object? value) => value is string or CodePointString;

    /// <summary>The code points of a string constant.</summary>
    public static int[] CodePoints(object text)
    {
        if (text is CodePointString special)
            return special.CodePoints;
        var source = (string)text;
        var codePoints = new int[Length(source)];
        for (int i = 0, at = 0; i < source.Length; i++)
        {
            var isPair = char.IsHighSurrogate(source[i]) && i + 1 < source.Length && char.IsLowSurrogate(source[i + 1]);
            codePoints[at++] = isPair ? char.ConvertToUtf32(source[i], source[++i]) : source[i];
        }

        return codePoints;
    }

    /// <summary>How many code points a string constant has.</summary>
    public static int Length(object text)
    {
        if (text is CodePointString special)
            return special.CodePoints.Length;
        var source = (string)text;
        var length = source.Length;
        for (var i = 1; i < source.Length; i++)
        {
            if (char.IsLowSurrogate(source[i]) && char.IsHighSurrogate(source[i - 1]))
                length--;
        }

        return length;
    }

    /// <summary>One string after the other.</summary>
    public static object Concat(object a, object b)
    {
        if (a is string x && b is string y && !(x.Length > 0 && y.Length > 0 && char.IsHighSurrogate(x[^1]) && char.IsLowSurrogate(y[0])))
            return x + y;
        return FromCodePoints([.. CodePoints(a), .. CodePoints(b)]);
    }

    /// <summary>Encodes as UTF-8; lone surrogates take three bytes (Python's error handler surrogatepass).</summary>
    public static byte[] ToUtf8(object text)
    {
        if (text is string plain && !HasLoneSurrogate(plain))
            return Encoding.UTF8.GetBytes(plain);
        var bytes = new List<byte>();
        foreach (var c in CodePoints(text))
        {
            if (c < 0x80)
            {
                bytes.Add((byte)c);
            }
            else if (c < 0x800)
            {
                bytes.AddRange([(byte)(0xC0 | (c >> 6)), (byte)(0x80 | (c & 0x3F))]);
            }
            else if (c < 0x10000)
            {
                bytes.AddRange([(byte)(0xE0 | (c >> 12)), (byte)(0x80 | ((c >> 6) & 0x3F)), (byte)(0x80 | (c & 0x3F))]);
            }
            else
            {
                bytes.AddRange([(byte)(0xF0 | (c >> 18)), (byte)(0x80 | ((c >> 12) & 0x3F)), (byte)(0x80 | ((c >> 6) & 0x3F)), (byte)(0x80 | (c & 0x3F))]);
            }
        }

        return [.. bytes];
    }

    /// <summary>Whether a surrogate stands without its other half.</summary>
    public static bool HasLoneSurrogate(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
                continue;
            if (!char.IsHighSurrogate(text[i]) || i + 1 == text.Length || !char.IsLowSurrogate(text[i + 1]))
                return true;
            i++;
        }

        return false;
    }
}
