using System.Globalization;

namespace Holon.Python.Compiler;

/// <summary>Which characters identifiers may have (PEP 3131, UAX #31).</summary>
internal static class Identifiers
{
    /// <summary>XID_Start, or an underscore.</summary>
    public static bool IsStart(int codePoint) => CharUnicodeInfo.GetUnicodeCategory(codePoint) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter or
            UnicodeCategory.OtherLetter or UnicodeCategory.LetterNumber => !IsExcludedStart(codePoint),
        _ => codePoint is '_' or 0x2118 or 0x212E or 0x1885 or 0x1886,
    };

    /// <summary>XID_Continue.</summary>
    public static bool IsContinue(int codePoint) => CharUnicodeInfo.GetUnicodeCategory(codePoint) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter or
            UnicodeCategory.OtherLetter or UnicodeCategory.LetterNumber or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.ConnectorPunctuation => !IsExcluded(codePoint),
        _ => codePoint is 0x2118 or 0x212E or 0x00B7 or 0x0387 or 0x19DA or (>= 0x1369 and <= 0x1371),
    };

    /// <summary>Whether Python's repr shows the character as itself.</summary>
    public static bool IsPrintable(int codePoint) => CharUnicodeInfo.GetUnicodeCategory(codePoint) switch
    {
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or
            UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => false,
        UnicodeCategory.SpaceSeparator => codePoint == ' ',
        _ => true,
    };

    // Letters whose normalization form NFKC does not begin with a letter (UAX #31 §5.1).
    private static bool IsExcludedStart(int c) => IsExcluded(c) || c is 0x0E33 or 0x0EB3 or 0xFF9E or 0xFF9F;

    private static bool IsExcluded(int c) => c is 0x037A or 0x2E2F or (>= 0xFC5E and <= 0xFC63) or 0xFDFA or 0xFDFB or 0xFE70 or 0xFE72 or 0xFE74 or
        0xFE76 or 0xFE78 or 0xFE7A or 0xFE7C or 0xFE7E;
}
