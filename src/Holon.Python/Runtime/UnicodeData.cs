using System.Globalization;
using System.Text;

namespace Holon.Python.Runtime;

/// <summary>Properties of characters, from .NET's own tables.</summary>
internal static class UnicodeData
{
    public static UnicodeCategory Category(int c) => c < 0x897 ? CharUnicodeInfo.GetUnicodeCategory((char)c)
        : CharacterSets.IsKnown(c) ? CharUnicodeInfo.GetUnicodeCategory(c) : UnicodeCategory.OtherNotAssigned;

    public static bool IsAlpha(int c) => Category(c) is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter;

    public static bool IsDecimal(int c) => Category(c) == UnicodeCategory.DecimalDigitNumber;

    public static bool IsDigit(int c) => IsDecimal(c) || (c > 127 && CharacterSets.IsKnown(c) && CharUnicodeInfo.GetDigitValue(char.ConvertFromUtf32(Safe(c)), 0) >= 0);

    public static bool IsNumeric(int c) => IsDigit(c) || (c > 127 && CharacterSets.IsKnown(c) && (CharUnicodeInfo.GetNumericValue(char.ConvertFromUtf32(Safe(c)), 0) != -1 || CharacterSets.IsNumericSign(c)));

    private static int Safe(int c) => c is >= 0xd800 and < 0xe000 ? 0 : c;

    public static bool IsSpace(int c) => c is >= 9 and <= 13 or >= 0x1c and <= 0x20 or 0x85 or 0xa0 or 0x1680 or >= 0x2000 and <= 0x200a or 0x2028 or 0x2029 or 0x202f or 0x205f or 0x3000;

    public static bool IsUpper(int c) => Category(c) == UnicodeCategory.UppercaseLetter || CharacterSets.IsOtherUpper(c);

    public static bool IsLower(int c) => Category(c) == UnicodeCategory.LowercaseLetter || CharacterSets.IsOtherLower(c);

    public static bool IsTitle(int c) => Category(c) == UnicodeCategory.TitlecaseLetter;

    public static bool IsPrintable(int c) => c == ' ' || Category(c) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);

    public static bool IsIdentifierStart(int c) => c == '_' || ((IsAlpha(c) || Category(c) == UnicodeCategory.LetterNumber || c is 0x1885 or 0x1886 or 0x2118 or 0x212e) && c is not (0xff9e or 0xff9f) && !CharacterSets.IsNotInIdentifiers(c));

    public static bool IsIdentifierPart(int c) => IsIdentifierStart(c) || c is 0xe33 or 0xeb3 or 0xff9e or 0xff9f || Category(c) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.ConnectorPunctuation || c is 0xb7 or 0x387 or >= 0x1369 and <= 0x1371 or 0x19da;

    public static bool IsIdentifier(PyStr text) => text.Length > 0 && IsIdentifierStart(text[0]) && text.ToCodePoints().AsSpan(1).ToArray().All(IsIdentifierPart);

    private static int Map(int c, bool upper)
    {
        if (c is >= 0xd800 and < 0xe000 or 0x19b or 0x264 || !CharacterSets.IsKnown(c)) // their upper cases are newer than Unicode 14
            return c;
        // .NET leaves these two alone, so that no letter outside ASCII becomes one inside.
        if (upper && c is (0x131 or 0x17f))
            return c == 0x131 ? 'I' : 'S';
        var rune = new Rune(c);
        return (upper ? Rune.ToUpperInvariant(rune) : Rune.ToLowerInvariant(rune)).Value;
    }

    private static readonly int[] LowerLatin1 = [.. Enumerable.Range(0, 256).Select(c => Map(c, false))];
    private static readonly int[] UpperLatin1 = [.. Enumerable.Range(0, 256).Select(c => Map(c, true))];

    public static int LowerChar(int c) => (uint)c < 256 ? LowerLatin1[c] : Map(c, false);

    public static int UpperChar(int c) => (uint)c < 256 ? UpperLatin1[c] : Map(c, true);

    /// <summary>The text in lower case, from a place on.</summary>
    public static PyStr Lower(PyStr text, int start = 0)
    {
        if (!text.IsWide && Ascii.IsValid(text.Value))
            return new PyStr(text.Value[start..].ToLowerInvariant());
        var result = new PyStrBuilder();
        var points = text.ToCodePoints();
        for (var i = start; i < points.Length; i++)
            result.Append(LowerAt(points, i));
        return result.ToStr();
    }

    /// <summary>The lower case of one character of a text: a sigma that ends a word has its own.</summary>
    public static PyStr LowerAt(int[] text, int at) => text[at] switch
    {
        0x3a3 => PyStr.OfChar(IsFinalSigma(text, at) ? 0x3c2 : 0x3c3),
        0x130 => new PyStr("i\u0307"),
        var c => PyStr.OfChar(Map(c, false)),
    };

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

    public static PyStr Upper(PyStr text)
    {
        if (!text.IsWide && Ascii.IsValid(text.Value))
            return new PyStr(text.Value.ToUpperInvariant());
        var result = new PyStrBuilder();
        foreach (var c in text.ToCodePoints())
        {
            result.Append(UpperOf(c));
        }
        return result.ToStr();
    }

    private static PyStr UpperOf(int c) => SpecialCasing.Upper(c) is { } several ? PyStr.FromCodePoints(several) : PyStr.OfChar(Map(c, true));

    public static PyStr CaseFold(PyStr text)
    {
        var result = new PyStrBuilder();
        foreach (var c in text.ToCodePoints())
        {
            if (SpecialCasing.Fold(c) is { } folded)
                result.Append(PyStr.FromCodePoints(folded));
            else if (SpecialCasing.Upper(c) is { } several)
                Array.ForEach(several, u => result.Append(Map(u, false)));
            else
                result.Append(Map(c, false));
        }
        return result.ToStr();
    }

    public static PyStr TitleChar(int c) => SpecialCasing.Title(c) is { } title ? PyStr.FromCodePoints(title) : UpperOf(c);

    public static PyStr Title(PyStr text)
    {
        var result = new PyStrBuilder();
        var previous = false;
        var points = text.ToCodePoints();
        for (var i = 0; i < points.Length; i++)
        {
            result.Append(previous ? LowerAt(points, i) : TitleChar(points[i]));
            previous = IsUpper(points[i]) || IsLower(points[i]) || IsTitle(points[i]);
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
