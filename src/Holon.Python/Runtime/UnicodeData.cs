using System.Globalization;
using System.Text;

namespace Holon.Python.Runtime;

/// <summary>Properties of characters, from .NET's own tables.</summary>
internal static class UnicodeData
{
    public static UnicodeCategory Category(int c) => c < 0x10000 ? CharUnicodeInfo.GetUnicodeCategory((char)c) : CharUnicodeInfo.GetUnicodeCategory(c);

    public static bool IsAlpha(int c) => Category(c) is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter;

    public static bool IsDecimal(int c) => Category(c) == UnicodeCategory.DecimalDigitNumber;

    public static bool IsDigit(int c) => IsDecimal(c) || (c > 127 && CharUnicodeInfo.GetDigitValue(char.ConvertFromUtf32(Safe(c)), 0) >= 0);

    public static bool IsNumeric(int c) => IsDigit(c) || (c > 127 && CharUnicodeInfo.GetNumericValue(char.ConvertFromUtf32(Safe(c)), 0) >= 0);

    private static int Safe(int c) => c is >= 0xd800 and < 0xe000 ? 0 : c;

    public static bool IsSpace(int c) => c is >= 9 and <= 13 or >= 0x1c and <= 0x20 or 0x85 or 0xa0 or 0x1680 or >= 0x2000 and <= 0x200a or 0x2028 or 0x2029 or 0x202f or 0x205f or 0x3000;

    public static bool IsUpper(int c) => Category(c) == UnicodeCategory.UppercaseLetter || c is >= 0x2160 and <= 0x216f or >= 0x24b6 and <= 0x24cf;

    public static bool IsLower(int c) => Category(c) == UnicodeCategory.LowercaseLetter || c is 0xaa or 0xba or >= 0x2170 and <= 0x217f or >= 0x24d0 and <= 0x24e9 or >= 0x2b0 and <= 0x2b8;

    public static bool IsTitle(int c) => Category(c) == UnicodeCategory.TitlecaseLetter;

    public static bool IsPrintable(int c) => c == ' ' || Category(c) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);

    public static bool IsIdentifierStart(int c) => c == '_' || IsAlpha(c) || Category(c) == UnicodeCategory.LetterNumber || c is 0x2118 or 0x212e or 0x309b or 0x309c;

    public static bool IsIdentifierPart(int c) => IsIdentifierStart(c) || Category(c) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.ConnectorPunctuation || c is 0xb7 or 0x387 or >= 0x1369 and <= 0x1371 or 0x19da;

    public static bool IsIdentifier(PyStr text) => text.Length > 0 && IsIdentifierStart(text[0]) && text.ToCodePoints().AsSpan(1).ToArray().All(IsIdentifierPart);

    private static int Map(int c, bool upper)
    {
        if (c is >= 0xd800 and < 0xe000)
            return c;
        // .NET leaves these two alone, so that no letter outside ASCII becomes one inside.
        if (upper && c is (0x131 or 0x17f))
            return c == 0x131 ? 'I' : 'S';
        var rune = new Rune(c);
        return (upper ? Rune.ToUpperInvariant(rune) : Rune.ToLowerInvariant(rune)).Value;
    }

    public static int LowerChar(int c) => Map(c, false);

    public static int UpperChar(int c) => Map(c, true);

    public static PyStr Lower(PyStr text)
    {
        if (!text.IsWide && Ascii.IsValid(text.Value))
            return new PyStr(text.Value.ToLowerInvariant());
        var result = new PyStrBuilder();
        var points = text.ToCodePoints();
        for (var i = 0; i < points.Length; i++)
        {
            if (points[i] == 0x3a3)
                result.Append(IsFinalSigma(points, i) ? 0x3c2 : 0x3c3);
            else if (points[i] == 0x130)
                result.Append("i\u0307");
            else
                result.Append(Map(points[i], false));
        }
        return result.ToStr();
    }

    private static bool IsFinalSigma(int[] text, int at)
    {
        var before = at - 1;
        while (before >= 0 && Category(text[before]) is UnicodeCategory.NonSpacingMark or UnicodeCategory.Format)
            before--;
        if (before < 0 || !(IsUpper(text[before]) || IsLower(text[before]) || IsTitle(text[before])))
            return false;
        var after = at + 1;
        while (after < text.Length && Category(text[after]) is UnicodeCategory.NonSpacingMark or UnicodeCategory.Format)
            after++;
        return after == text.Length || !(IsUpper(text[after]) || IsLower(text[after]) || IsTitle(text[after]));
    }

    // Characters whose upper case is several characters (SpecialCasing.txt, the unconditional ones).
    private static readonly Dictionary<int, string> SpecialUpper = new()
    {
        [0xdf] = "SS",
        [0x149] = "\u02bcN",
        [0x1f0] = "J\u030c",
        [0x390] = "\u0399\u0308\u0301",
        [0x3b0] = "\u03a5\u0308\u0301",
        [0x587] = "\u0535\u0552",
        [0x1e96] = "H\u0331",
        [0x1e97] = "T\u0308",
        [0x1e98] = "W\u030a",
        [0x1e99] = "Y\u030a",
        [0x1e9a] = "A\u02be",
        [0xfb00] = "FF",
        [0xfb01] = "FI",
        [0xfb02] = "FL",
        [0xfb03] = "FFI",
        [0xfb04] = "FFL",
        [0xfb05] = "ST",
        [0xfb06] = "ST",
    };

    public static PyStr Upper(PyStr text)
    {
        if (!text.IsWide && Ascii.IsValid(text.Value))
            return new PyStr(text.Value.ToUpperInvariant());
        var result = new PyStrBuilder();
        foreach (var c in text.ToCodePoints())
        {
            if (SpecialUpper.TryGetValue(c, out var several))
                result.Append(several);
            else
                result.Append(Map(c, true));
        }
        return result.ToStr();
    }

    public static PyStr CaseFold(PyStr text)
    {
        var result = new PyStrBuilder();
        foreach (var c in text.ToCodePoints())
        {
            if (SpecialUpper.TryGetValue(c, out var several))
                result.Append(Lower(new PyStr(several)).Value.Replace('\u03c2', '\u03c3'));
            else
                result.Append(c switch
                {
                    0xb5 => 0x3bc,
                    0x17f => 's',
                    0x1e9e => -1,
                    0x3c2 => 0x3c3,
                    0x130 => -2,
                    _ => Map(c, false),
                } is var folded and >= 0 ? PyStr.OfChar(folded) : new PyStr(c == 0x1e9e ? "ss" : "i\u0307"));
        }
        return result.ToStr();
    }

    public static PyStr TitleChar(int c) => c switch
    {
        0x1c4 or 0x1c5 or 0x1c6 => PyStr.OfChar(0x1c5),
        0x1c7 or 0x1c8 or 0x1c9 => PyStr.OfChar(0x1c8),
        0x1ca or 0x1cb or 0x1cc => PyStr.OfChar(0x1cb),
        0x1f1 or 0x1f2 or 0x1f3 => PyStr.OfChar(0x1f2),
        _ when SpecialUpper.TryGetValue(c, out var several) => new PyStr(several[..1]).Plus(Lower(new PyStr(several[1..]))),
        _ => PyStr.OfChar(Map(c, true)),
    };

    public static PyStr Title(PyStr text)
    {
        var result = new PyStrBuilder();
        var previous = false;
        foreach (var c in text.ToCodePoints())
        {
            if (previous)
                result.Append(Lower(PyStr.OfChar(c)));
            else
                result.Append(TitleChar(c));
            previous = IsUpper(c) || IsLower(c) || IsTitle(c);
        }
        return result.ToStr();
    }

    /// <summary>Digits of all scripts as ASCII, for int() and float().</summary>
    public static string ToAsciiDigits(PyStr text)
    {
        if (!text.IsWide && Ascii.IsValid(text.Value))
            return text.Value;
        var result = new StringBuilder();
        foreach (var c in text.ToCodePoints())
        {
            if (c > 127 && IsDecimal(c))
                result.Append((char)('0' + CharUnicodeInfo.GetDecimalDigitValue(char.ConvertFromUtf32(c), 0)));
            else if (IsSpace(c))
                result.Append(' ');
            else
                result.Append(c < 0x10000 ? (char)c : '?');
        }
        return result.ToString();
    }
}
