using System.Collections;
using System.Globalization;

namespace Holon.Python.Runtime;

/// <summary>Sets of characters that .NET's categories do not give: properties of Unicode's DerivedCoreProperties.txt, and what is newer than CPython 3.11's Unicode 14.</summary>
internal static class CharacterSets
{
    private static readonly BitArray Newer = Read("897 cf3 ece 1b4e-1b4f 1b7f 1c89-1c8a 2427-2429 2ffc-2fff 31e4-31e5 31ef a7cb-a7cd a7da-a7dc 105c0-105f3 10d40-10d65 10d69-10d85 10d8e-10d8f 10ec2-10ec4 10efc-10eff "
        + "1123f-11241 11380-11389 1138b 1138e 11390-113b5 113b7-113c0 113c2 113c5 113c7-113ca 113cc-113d5 113d7-113d8 113e1-113e2 116d0-116e3 11b00-11b09 11bc0-11be1 11bf0-11bf9 "
        + "11f00-11f10 11f12-11f3a 11f3e-11f5a 1342f 13439-13455 13460-143fa 16100-16139 16d40-16d79 18cff 1b132 1b155 1cc00-1ccf9 1cd00-1ceb3 1d2c0-1d2d3 1df25-1df2a 1e030-1e06d "
        + "1e08f 1e4d0-1e4f9 1e5d0-1e5fa 1e5ff 1f6dc 1f774-1f776 1f77b-1f77f 1f7d9 1f8b2-1f8bb 1f8c0-1f8c1 1fa75-1fa77 1fa87-1fa89 1fa8f 1faad-1faaf 1fabb-1fabf 1fac6 1face-1facf "
        + "1fada-1fadc 1fadf 1fae8-1fae9 1faf7-1faf8 1fbcb-1fbef");

    /// <summary>Numbers by Unihan's kPrimaryNumeric, kAccountingNumeric and kOtherNumeric.</summary>
    private static readonly BitArray NumericSigns = Read("0f33 3405 3483 382a 3b4d 4e00 4e03 4e07 4e09 4e5d 4e8c 4e94 4e96 4ebf-4ec0 4edf 4ee8 4f0d 4f70 5104 5146 5169 516b 516d 5341 5343-5345 534c 53c1-53c4 56db 58f1 58f9 5e7a "
        + "5efe-5eff 5f0c-5f0e 5f10 62fe 634c 67d2 6f06 7396 767e 8086 842c 8cae 8cb3 8d30 9621 9646 964c 9678 96f6");

    private static readonly BitArray OtherLower = Read("aa ba 2b0-2b8 2c0-2c1 2e0-2e4 345 37a 1d2c-1d6a 1d78 1d9b-1dbf 2071 207f 2090-209c 2170-217f 24d0-24e9 2c7c-2c7d a69c-a69d a770 a7f8-a7f9 ab5c-ab5f 10780 10783-10785 "
        + "10787-107b0 107b2-107ba");

    private static readonly BitArray OtherUpper = Read("2160-216f 24b6-24cf 1f130-1f149 1f150-1f169 1f170-1f189");

    /// <summary>Letters that can be in no identifier, because normalization makes something else of them.</summary>
    private static readonly BitArray NotInIdentifiers = Read("37a e33 eb3 2e2f 309b-309c fc5e-fc63 fdfa-fdfb fe70 fe72 fe74 fe76 fe78 fe7a fe7c fe7e");

    private static BitArray Read(string ranges)
    {
        var result = new BitArray(0x20000);
        foreach (var range in ranges.Split(' '))
        {
            var ends = range.Split('-').Select(e => int.Parse(e, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)).ToArray();
            for (var c = ends[0]; c <= ends[^1]; c++)
                result[c] = true;
        }
        return result;
    }

    /// <summary>Whether Unicode 14 has the character, which .NET's newer Unicode has.</summary>
    public static bool IsKnown(int c) => c < 0x20000 ? !Newer[c]
        : c is <= 0x2a6df or >= 0x2a700 and <= 0x2b738 or >= 0x2b740 and <= 0x2b81d or >= 0x2b820 and <= 0x2cea1 or >= 0x2ceb0 and <= 0x2ebe0 or >= 0x2f800 and <= 0x2fa1d or >= 0x30000 and <= 0x3134a or >= 0xe0000;

    public static bool IsNumericSign(int c) => c < 0x20000 ? NumericSigns[c] : c is 0x20001 or 0x20064 or 0x200e2 or 0x20121 or 0x2092a or 0x20983 or 0x2098c or 0x2099c or 0x20aea or 0x20afd or 0x20b19 or 0x22390 or 0x22998 or 0x23b1b or 0x2626d or 0x2f890;

    public static bool IsOtherLower(int c) => c < 0x20000 && OtherLower[c];

    public static bool IsOtherUpper(int c) => c < 0x20000 && OtherUpper[c];

    public static bool IsNotInIdentifiers(int c) => c < 0x20000 && NotInIdentifiers[c];
}
