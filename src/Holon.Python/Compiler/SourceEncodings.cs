using System.Text;

namespace Holon.Python.Compiler;

/// <summary>The encodings that source files declare.</summary>
internal static class SourceEncodings
{
    /// <summary>Decodes strictly; null when the encoding is not known.</summary>
    public static string? Decode(byte[] source, string encodingName)
    {
        var encoding = Find(encodingName);
        if (encoding == null)
            return null;
        try
        {
            return encoding.GetString(source);
        }
        catch (DecoderFallbackException e)
        {
            throw new PythonCompileException(
                CompileErrorKind.UnicodeDecodeError,
                $"'{encodingName}' codec can't decode byte 0x{e.BytesUnknown?.FirstOrDefault():x2} in position {e.Index}: invalid data");
        }
    }

    private static Encoding? Find(string name)
    {
        var plain = name.ToLowerInvariant().Replace('_', '-');
        plain = plain switch
        {
            "latin1" or "latin-1" or "iso-8859-1" or "iso8859-1" or "l1" or "8859" or "cp819" => "iso-8859-1",
            "ascii" or "us-ascii" or "646" => "us-ascii",
            "utf8" or "u8" or "utf" or "utf8-ucs2" or "utf8-ucs4" or "cp65001" => "utf-8",
            "utf-8-sig" => "utf-8",
            "iso8859-15" or "latin9" or "latin-9" or "l9" => "iso-8859-15",
            "iso8859-2" or "latin2" => "iso-8859-2",
            "iso8859-5" => "iso-8859-5",
            "eucjp" or "ujis" or "u-jis" => "euc-jp",
            "euckr" => "euc-kr",
            "sjis" or "shiftjis" or "shift-jis" => "shift_jis",
            "koi8r" => "koi8-r",
            _ when plain.StartsWith("cp125", StringComparison.Ordinal) => "windows-" + plain[2..],
            _ when plain.StartsWith("cp", StringComparison.Ordinal) => "ibm" + plain[2..].PadLeft(3, '0'),
            _ => plain,
        };

        try
        {
            return Encoding.GetEncoding(plain, EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback);
        }
        catch (ArgumentException)
        {
            return CodePagesEncodingProvider.Instance.GetEncoding(plain, EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback);
        }
    }
}
