using System.Text;

namespace Holon.Python.Objects;

/// <summary>
/// A string. While every character is below U+10000 it is a .NET string whose code units are the characters, lone surrogates included;
/// otherwise the characters are an array of code points, and the .NET string is their UTF-16 form, made when asked for.
/// </summary>
internal class PyStr : PyObject, IEquatable<PyStr>
{
    public static readonly PyStr Empty = new("");
    private static readonly PyStr[] Latin1 = [.. Enumerable.Range(0, 256).Select(c => new PyStr(((char)c).ToString()))];

    private string? text;
    private readonly int[]? wide;
    private int hash;
    private uint number;

    /// <summary>Text of this program or characters below U+10000: the code units are taken as they are.</summary>
    public PyStr(string text) => this.text = text;

    private PyStr(int[] wide) => this.wide = wide;

    protected PyStr(PyStr other)
    {
        text = other.text;
        wide = other.wide;
    }

    public override PyType Type => StrType.Type;

    public sealed override ref uint IdNumber => ref number;

    /// <summary>The string in UTF-16. Only without <see cref="IsWide"/> are its code units the characters.</summary>
    public string Value => text ??= Utf16(wide!);

    public bool IsWide => wide is not null;

    public int[] Wide => wide!;

    public int Length => wide?.Length ?? text!.Length;

    /// <summary>Number of bytes that the characters take.</summary>
    public int Size => wide is null ? text!.Length * 2 : wide.Length * 4;

    public int this[int index] => wide is null ? text![index] : wide[index];

    public long Hash
    {
        get
        {
            if (hash == 0)
                hash = Kept(Value.GetHashCode());
            return hash;
        }
    }

    // 0 is none, and -1 is no hash in Python.
    private static int Kept(int hash) => hash is 0 or -1 ? 1 : hash;

    /// <summary>From UTF-16 text of .NET: surrogate pairs become one character.</summary>
    public static PyStr FromUtf16(string text)
    {
        for (var i = 1; i < text.Length; i++)
        {
            if (char.IsSurrogatePair(text[i - 1], text[i]))
                return FromCodePoints(CodePoints(text));
        }
        return text.Length == 0 ? Empty : new PyStr(text);
    }

    /// <summary>Text whose characters are its code units and whose hash is known: the one that .NET has for it.</summary>
    public static PyStr WithHash(string text, int hash) => new(text) { hash = Kept(hash) };

    /// <summary>From characters below U+10000: the code units are taken as they are.</summary>
    public static PyStr Narrow(string text) => text.Length == 0 ? Empty : text.Length == 1 ? OfChar(text[0]) : new PyStr(text);

    public static PyStr FromCodePoints(ReadOnlySpan<int> points)
    {
        if (points.ContainsAnyExceptInRange(0, 0xffff))
            return new PyStr(points.ToArray());
        return points.Length == 1 ? OfChar(points[0]) : FromNarrow(points);
    }

    private static PyStr FromNarrow(ReadOnlySpan<int> points)
    {
        if (points.Length == 0)
            return Empty;
        return new PyStr(string.Create(points.Length, points, static (chars, from) =>
        {
            for (var i = 0; i < chars.Length; i++)
                chars[i] = (char)from[i];
        }));
    }

    public static PyStr OfChar(int c) => c < 256 ? Latin1[c] : c < 0x10000 ? new PyStr(((char)c).ToString()) : new PyStr([c]);

    /// <summary>The characters as code points.</summary>
    public int[] ToCodePoints()
    {
        if (wide is not null)
            return wide;
        var points = new int[text!.Length];
        for (var i = 0; i < points.Length; i++)
            points[i] = text[i];
        return points;
    }

    /// <summary>Strings one after the other, together of that length.</summary>
    public static PyStr Join(ReadOnlySpan<PyObject> parts, int length)
    {
        foreach (var part in parts)
        {
            if (((PyStr)part).wide is null)
                continue;
            var builder = new PyStrBuilder();
            foreach (var each in parts)
                builder.Append((PyStr)each);
            return builder.ToStr();
        }
        return length == 0 ? Empty : length == 1 ? OfChar(string.Concat(Texts(parts))[0]) : new PyStr(string.Concat(Texts(parts)));

        static string[] Texts(ReadOnlySpan<PyObject> parts)
        {
            var texts = new string[parts.Length];
            for (var i = 0; i < texts.Length; i++)
                texts[i] = Unsafe.As<PyStr>(parts[i]).text!;
            return texts;
        }
    }

    public PyStr Substring(int start, int length)
    {
        if (length <= 0)
            return Empty;
        if (start == 0 && length == Length && GetType() == typeof(PyStr))
            return this;
        if (length == 1)
            return OfChar(this[start]);
        return wide is null ? new PyStr(text!.Substring(start, length)) : FromCodePoints(wide.AsSpan(start, length));
    }

    public static PyStr Concat(PyStr a, PyStr b)
    {
        if (a.wide is null && b.wide is null)
        {
            PyThread.Current.Machine.Limits.CheckSize((long)a.text!.Length + b.text!.Length);
            return new PyStr(string.Concat(a.text, b.text));
        }
        return new PyStr([.. a.ToCodePoints(), .. b.ToCodePoints()]);
    }

    public bool Equals(PyStr? other)
    {
        if (ReferenceEquals(this, other))
            return true;
        if (other is null || (hash != 0 && other.hash != 0 && hash != other.hash) || (wide is null) != (other.wide is null))
            return false;
        return wide is null ? text == other.text : wide.AsSpan().SequenceEqual(other.wide);
    }

    public override bool Equals(object? obj) => obj is PyStr other && Equals(other);

    public override int GetHashCode() => (int)Hash;

    public override string ToString() => Value;

    public int CompareTo(PyStr other)
    {
        if (wide is null && other.wide is null)
            return string.CompareOrdinal(text, other.text);
        return ToCodePoints().AsSpan().SequenceCompareTo(other.ToCodePoints());
    }

    private static int[] CodePoints(string text)
    {
        var points = new List<int>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]))
                points.Add(char.ConvertToUtf32(text[i], text[++i]));
            else
                points.Add(text[i]);
        }
        return [.. points];
    }

    private static string Utf16(int[] points)
    {
        var builder = new StringBuilder(points.Length + 8);
        foreach (var c in points)
        {
            if (c > 0xffff)
                builder.Append((char)(0xd7c0 + (c >> 10))).Append((char)(0xdc00 | (c & 0x3ff)));
            else
                builder.Append((char)c);
        }
        return builder.ToString();
    }
}

internal sealed class PyStrInstance(PyType type, PyStr value) : PyStr(value)
{
    private InstanceData data = new(type);

    public override PyType Type => data.Shape.Type;

    public override ref InstanceData Data => ref data;
}

/// <summary>Collects text that may hold any character.</summary>
internal sealed class PyStrBuilder
{
    private readonly StringBuilder narrow = new();
    private List<int>? wide;

    public int Length => wide?.Count ?? narrow.Length;

    public PyStrBuilder Append(string text)
    {
        if (wide is null)
            narrow.Append(text);
        else
            foreach (var c in text)
                wide.Add(c);
        return this;
    }

    public PyStrBuilder Append(int c)
    {
        if (wide is null && c < 0x10000)
        {
            narrow.Append((char)c);
            return this;
        }
        Widen().Add(c);
        return this;
    }

    public PyStrBuilder Append(PyStr text)
    {
        PyThread.Current.Machine.Limits.CheckSize((long)Length + text.Length);
        if (!text.IsWide)
            return Append(text.Value);
        Widen().AddRange(text.Wide);
        return this;
    }

    private List<int> Widen()
    {
        if (wide is null)
        {
            wide = new List<int>(narrow.Length + 16);
            foreach (var chunk in narrow.GetChunks())
            {
                foreach (var c in chunk.Span)
                    wide.Add(c);
            }
        }
        return wide;
    }

    public PyStr ToStr() => wide is null ? new PyStr(narrow.ToString()) : PyStr.FromCodePoints(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(wide));
}
