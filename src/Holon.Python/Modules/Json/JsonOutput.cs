using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Holon.Python.Modules;

/// <summary>JSON text that is being written: UTF-16 in an array that is used again, and code points as soon as a character is above U+FFFF.</summary>
internal sealed class JsonOutput
{
    private const int SizeToKeep = 4096;
    private const int LongestNumber = 32;

    // What JSON has as it is between quotes, if all else is escaped, and what is escaped anyway.
    private static readonly SearchValues<char> PlainAscii = SearchValues.Create([.. Enumerable.Range(' ', '~' - ' ' + 1).Select(c => (char)c).Where(c => c is not ('"' or '\\'))]);
    private static readonly SearchValues<char> Escaped = SearchValues.Create(['"', '\\', .. Enumerable.Range(0, ' ').Select(c => (char)c)]);

    [ThreadStatic]
    private static JsonOutput? spare;

    private char[] narrow = new char[256];
    private int count;
    private List<int>? wide;

    /// <summary>An empty one.</summary>
    public static JsonOutput Take()
    {
        var taken = spare ?? new();
        spare = null;
        return taken;
    }

    /// <summary>The text; this object can be taken again.</summary>
    public PyStr Finish()
    {
        var text = wide is null ? PyStr.Narrow(new string(narrow, 0, count)) : PyStr.FromCodePoints(CollectionsMarshal.AsSpan(wide));
        count = 0;
        wide = null;
        if (narrow.Length > SizeToKeep)
        {
            ArrayPool<char>.Shared.Return(narrow);
            narrow = new char[256];
        }
        spare = this;
        return text;
    }

    /// <summary>A string between quotes; outside of ASCII it is escaped or as it is.</summary>
    public static PyStr Quoted(PyStr text, bool ascii)
    {
        if (!text.IsWide && !NeedsEscape(text.Value, ascii))
            return new PyStr(string.Concat("\"", text.Value, "\""));
        var output = Take();
        output.Quote(text, ascii);
        return output.Finish();
    }

    private static bool NeedsEscape(ReadOnlySpan<char> text, bool ascii) => ascii ? text.ContainsAnyExcept(PlainAscii) : text.ContainsAny(Escaped);

    public void Append(char c)
    {
        if (wide is not null)
        {
            wide.Add(c);
            return;
        }
        if (count == narrow.Length)
            Grow(1);
        narrow[count++] = c;
    }

    public void Append(ReadOnlySpan<char> text)
    {
        if (wide is not null)
        {
            foreach (var c in text)
                wide.Add(c);
            return;
        }
        if (text.Length > narrow.Length - count)
            Grow(text.Length);
        text.CopyTo(narrow.AsSpan(count));
        count += text.Length;
    }

    public void Append(PyStr text)
    {
        if (text.IsWide)
            AppendWide(text.Wide);
        else
            Append(text.Value.AsSpan());
    }

    public void Append(long number)
    {
        Span<char> text = stackalloc char[LongestNumber];
        number.TryFormat(text, out var length, default, CultureInfo.InvariantCulture);
        Append(text[..length]);
    }

    public void Quote(PyStr text, bool ascii)
    {
        Append('"');
        if (text.IsWide)
        {
            foreach (var c in text.Wide)
                Escape(c, ascii);
        }
        else if (!NeedsEscape(text.Value, ascii))
        {
            Append(text.Value.AsSpan());
        }
        else
        {
            foreach (var c in text.Value)
                Escape(c, ascii);
        }
        Append('"');
    }

    private void Escape(int c, bool ascii)
    {
        switch (c)
        {
            case '"':
                Append("\\\"");
                break;
            case '\\':
                Append("\\\\");
                break;
            case '\n':
                Append("\\n");
                break;
            case '\r':
                Append("\\r");
                break;
            case '\t':
                Append("\\t");
                break;
            case '\f':
                Append("\\f");
                break;
            case '\b':
                Append("\\b");
                break;
            case < ' ':
            case > '~' when ascii:
                if (c > 0xffff)
                {
                    Unit(0xd800 + (c - 0x10000 >> 10));
                    Unit(0xdc00 + (c - 0x10000 & 0x3ff));
                }
                else
                {
                    Unit(c);
                }
                break;
            case > 0xffff:
                AppendWide([c]);
                break;
            default:
                Append((char)c);
                break;
        }
    }

    private void Unit(int unit)
    {
        ReadOnlySpan<char> digits = "0123456789abcdef";
        Append(['\\', 'u', digits[unit >> 12], digits[unit >> 8 & 15], digits[unit >> 4 & 15], digits[unit & 15]]);
    }

    private void AppendWide(ReadOnlySpan<int> text)
    {
        if (wide is null)
        {
            wide = new List<int>(count + text.Length + 16);
            foreach (var c in narrow.AsSpan(0, count))
                wide.Add(c);
        }
        PyThread.Current.Machine.Limits.CheckSize(4L * (wide.Count + text.Length));
        wide.AddRange(text);
    }

    private void Grow(int more)
    {
        var size = Math.Max(count + (long)more, count * 2L);
        PyThread.Current.Machine.Limits.CheckSize(size * 2);
        var larger = ArrayPool<char>.Shared.Rent((int)size);
        narrow.AsSpan(0, count).CopyTo(larger);
        if (narrow.Length > SizeToKeep)
            ArrayPool<char>.Shared.Return(narrow);
        narrow = larger;
    }
}
