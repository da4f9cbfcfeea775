using System.Globalization;
using System.Runtime.InteropServices;

namespace Holon.Python.Modules.Cjk;

/// <summary>
/// The characters of a coded set and their codes, both ways. They are asked, code by code, of the C library's <c>iconv</c>, and the few that CPython has
/// otherwise are corrected; made at first use, shared by all machines.
/// </summary>
internal sealed partial class CjkTable
{
    private readonly Dictionary<int, string> characters = [];
    private readonly Dictionary<string, int> codes = new(StringComparer.Ordinal);
    private readonly HashSet<int> pairStarts = [];
    private static readonly Dictionary<string, CjkTable> Tables = [];

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true, EntryPoint = "iconv_open")]
    private static partial nint Open(string to, string from);

    [LibraryImport("libc", EntryPoint = "iconv_close")]
    private static partial int Close(nint conversion);

    [LibraryImport("libc", SetLastError = true, EntryPoint = "iconv")]
    private static unsafe partial nint Convert(nint conversion, byte** from, nint* fromSize, byte** to, nint* toSize);

    /// <summary>
    /// What CPython has otherwise than the C library, in hexadecimal: <c>code=character*count</c> (<c>-</c>: no such code); after a semicolon
    /// <c>character=code</c> where one of several codes, or one that is not read back, is written.
    /// </summary>
    private static readonly Dictionary<string, (string Charset, string Changes)> Sources = new()
    {
        ["gb2312"] = ("EUC-CN", ""),
        ["gbk"] = ("GBK", "80=-"),
        ["gb18030"] = ("GB18030", "80=- a6d9=e78d*7 a6ec=e794*2 a6f3=e796 a8bc=e7c7 fe51=e816*3 fe59=e81e fe61=e826 fe66=e82b*2 fe6c=e831*2 fe76=e83b fe7e=e843 fe90=e854*2 fea0=e864"),
        ["cp932"] = ("CP932", "a0=f8f0 fd=f8f1*3 80=80; a2=8191 a3=8192 ac=81ca 2016=8161 2212=817c 301c=8160"),
        ["shift_jis"] = ("SJIS", "5c=5c 7e=7e; a5=5c 203e=7e"),
        ["euc_jp"] = ("EUC-JP", "8fa2b7=7e; a5=5c 203e=7e"),
        ["jisx0213_2004"] = ("SHIFT_JISX0213", "815c=2015 815f=5c 81b0=7e 81d4=2985*2"),
        ["jisx0213_2000"] = ("SHIFT_JISX0213", "815c=2015 815f=5c 81b0=7e 81d4=2985*2 879f=- 889e=- 9873=- 989e=- eaa5=- eff8=-*5 fc5a=9b1d"),
        ["euc_kr"] = ("EUC-KR", "a2e8=- a4d4=-; 3164=a4d4"),
        ["cp949"] = ("UHC", ""),
        ["johab"] = ("JOHAB", "5c=5c 8441=3000 8442=3131*2 8445=3134 8448=3137 8449=3139 8451=3141 8453=3142 8455=3145*4 8459=314a*5 d9e8=-; 3000=d931 3131=8841 3132=8c41 3134=9041 3137=9441 3139=9c41 3141=a041 3142=a441 3145=ac41 3146=b041 3147=b441 3148=b841 314a=c041 314b=c441 314c=c841 314d=cc41 314e=d041"),
        ["big5"] = ("BIG5", "a145=2022 a14e=ff64 a1c2=203e a1e3=223c a1f2=2641 a1f3=2609 a241=ff0f a242=ff3c a244=a5 a246=a2*2 a3e1=- " + Big5Rest + " f9d6=-*41; 5341=a451 5345=a4ca ff0f=a241 ff3c=a242"),
        ["cp950"] = ("CP950", Big5Rest + "; a2=a246 a3=a247 a5=a244 2022=a145 203e=a1c2 223c=a1e3 2609=a1f3 2641=a1f2 5341=a451 5345=a4ca ff64=a14e"),
        ["big5hkscs"] = ("BIG5-HKSCS", "877a=-*5 87a1=-*63 a15a=2574 a1c3=ffe3 a1c5=2cd a1fe=ff0f a240=ff3c a2cc=5341 a2ce=5345; 2550=f9f9 255e=f9e9 2561=f9eb 256a=f9ea 256d=f9fa 256e=f9fb 256f=f9fd 2570=f9fc 5341=a451 5345=a4ca ff0f=a241 ff3c=a242"),
    };

    private const string Big5Rest = "c6a1=30fe c6a2=309d*2 c6a4=3005 c6a5=3041*83 c6f8=30a1*7 c740=30a8*63 c7a1=30e7*16 c7b1=414*2 c7b3=401 c7b4=416*7 c7bb=423*19 c7ce=451 c7cf=436*26 c7e9=2460*10 c7f3=2474*10 c7fd=-*2 c840=-*63 c8a1=-*94";

    private CjkTable(string charset, string changes)
    {
        var conversion = Open("UTF-32LE", charset);
        if (conversion == -1)
            throw Err.Lookup($"this host's C library has no tables of the encoding {charset}");
        for (var first = 0; first < 256; first++)
        {
            if (Read(conversion, [(byte)first]) is { } single)
            {
                if (single.Length > 1 || single[0] is < '\u0080' or >= '\u00a0')
                    characters[first] = single;
                continue;
            }
            for (var second = 0x21; second < 256; second++)
            {
                if (Read(conversion, [(byte)first, (byte)second]) is { } both)
                {
                    // Some charsets read a byte of their own and an ASCII sign.
                    if (both.Length == 1 || char.IsSurrogate(both[0]) || both[^1] != second || second > 127)
                        characters[first << 8 | second] = both;
                }
                else if (first == 0x8f && second >= 0xa1)
                {
                    for (var third = 0xa1; third < 255; third++)
                    {
                        if (Read(conversion, [0x8f, (byte)second, (byte)third]) is { } three)
                            characters[first << 16 | second << 8 | third] = three;
                    }
                }
            }
        }
        _ = Close(conversion);
        var parts = changes.Split(';');
        foreach (var (from, to) in Pairs(parts[0]))
        {
            var sign = to.Split('*');
            for (var i = 0; i < (sign.Length > 1 ? int.Parse(sign[1], CultureInfo.InvariantCulture) : 1); i++)
            {
                if (sign[0] == "-")
                    characters.Remove(from + i);
                else
                    characters[from + i] = ((char)(Hex(sign[0]) + i)).ToString();
            }
        }
        foreach (var (code, text) in characters.OrderBy(c => c.Key))
        {
            codes.TryAdd(text, code);
            if (text.Length == 2 && !char.IsSurrogate(text[0]))
                pairStarts.Add(text[0]);
        }
        foreach (var (character, code) in parts.Length > 1 ? Pairs(parts[1]) : [])
            codes[((char)character).ToString()] = Hex(code);
    }

    private static IEnumerable<(int, string)> Pairs(string text) =>
        text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(p => (Hex(p[..p.IndexOf('=')]), p[(p.IndexOf('=') + 1)..]));

    private static int Hex(string text) => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    /// <summary>One or two characters that are the whole of <paramref name="code"/>; null when it is not one code.</summary>
    private static unsafe string? Read(nint conversion, ReadOnlySpan<byte> code)
    {
        Span<int> result = stackalloc int[8];
        nint left = code.Length, room = 32;
        // SAFETY: both buffers are pinned or on the stack, and iconv is told their sizes.
        fixed (byte* start = code)
        fixed (int* output = result)
        {
            byte* from = start, to = (byte*)output;
            _ = Convert(conversion, null, null, null, null);
            if (Convert(conversion, &from, &left, &to, &room) == -1 || left != 0)
                return null;
            _ = Convert(conversion, null, null, &to, &room);
        }
        return (32 - room) switch
        {
            4 => char.ConvertFromUtf32(result[0]),
            8 => char.ConvertFromUtf32(result[0]) + char.ConvertFromUtf32(result[1]),
            _ => null,
        };
    }

    public static CjkTable Of(string name)
    {
        lock (Tables)
        {
            if (!Tables.TryGetValue(name, out var table))
            {
                var (charset, changes) = Sources[name];
                Tables.Add(name, table = new CjkTable(charset, changes));
            }
            return table;
        }
    }

    /// <summary>The character or the two of a code of one, two or three bytes; null when there are none.</summary>
    public string? Text(int code) => characters.GetValueOrDefault(code);

    /// <summary>The code of a character; -1 when there is none.</summary>
    public int Code(int character) => codes.GetValueOrDefault(character is >= 0xd800 and <= 0xdfff ? "" : char.ConvertFromUtf32(character), -1);

    /// <summary>The code that two characters have together; -1 when they have none.</summary>
    public int PairCode(int first, int second) => pairStarts.Contains(first) && second < 0x10000 ? codes.GetValueOrDefault($"{(char)first}{(char)second}", -1) : -1;

    public bool StartsPair(int character) => pairStarts.Contains(character);
}
