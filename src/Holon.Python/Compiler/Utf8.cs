using System.Text;

namespace Holon.Python.Compiler;

/// <summary>UTF-8 with Python's errors.</summary>
internal static class Utf8
{
    /// <summary>Decodes; a malformed sequence is an error with Python's wording.</summary>
    public static string DecodeStrict(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Unicode.Utf8.IsValid(bytes))
            return Encoding.UTF8.GetString(bytes);
        var (start, length, reason) = FindError(bytes);
        var what = length == 1 ? $"byte 0x{bytes[start]:x2} in position {start}" : $"bytes in position {start}-{start + length - 1}";
        throw new PythonCompileException(CompileErrorKind.UnicodeDecodeError, $"'utf-8' codec can't decode {what}: {reason}");
    }

    /// <summary>Decodes; each malformed part becomes one U+FFFD.</summary>
    public static string DecodeReplacing(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    /// <summary>How many code points the bytes decode to, malformed parts replaced.</summary>
    public static int CountReplacing(ReadOnlySpan<byte> bytes) => PythonText.Length(DecodeReplacing(bytes));

    private static (int Start, int Length, string Reason) FindError(ReadOnlySpan<byte> bytes)
    {
        var i = 0;
        while (Rune.DecodeFromUtf8(bytes[i..], out _, out var consumed) == System.Buffers.OperationStatus.Done)
            i += consumed;

        var first = bytes[i];
        if (first < 0xC2 || first > 0xF4)
            return (i, 1, "invalid start byte");
        var needed = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
        for (var n = 1; n < needed; n++)
        {
            if (i + n >= bytes.Length)
                return (i, n, "unexpected end of data");
            var b = bytes[i + n];
            var (low, high) = (first, n) switch
            {
                (0xE0, 1) => (0xA0, 0xBF),
                (0xED, 1) => (0x80, 0x9F),
                (0xF0, 1) => (0x90, 0xBF),
                (0xF4, 1) => (0x80, 0x8F),
                _ => (0x80, 0xBF),
            };
            if (b < low || b > high)
                return (i, n, "invalid continuation byte");
        }

        return (i, 1, "invalid start byte");
    }
}
