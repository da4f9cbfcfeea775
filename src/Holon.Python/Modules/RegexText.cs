namespace Holon.Python.Modules;

/// <summary>The characters that an expression is matched against.</summary>
internal interface ICharacters
{
    int Length { get; }

    int At(int index);

    int IndexOf(int c, int start, int end);

    /// <summary>The first place from <paramref name="start"/> on where a match may begin, or -1.</summary>
    int NextStart(RegexStart begins, int start, int end);
}

/// <summary>The instructions of an expression's code, as <c>re._constants</c> numbers them.</summary>
internal enum RegexOp
{
    Failure, Success, Any, AnyAll, Assert, AssertNot, At, Branch, Category, Charset, BigCharset, GroupRef, GroupRefExists, In, Info, Jump, Literal, Mark, MaxUntil, MinUntil, NotLiteral, Negate, Range, Repeat, RepeatOne,
    SubPattern, MinRepeatOne, AtomicGroup, PossessiveRepeat, PossessiveRepeatOne, GroupRefIgnore, InIgnore, LiteralIgnore, NotLiteralIgnore, GroupRefLocIgnore, InLocIgnore, LiteralLocIgnore, NotLiteralLocIgnore,
    GroupRefUniIgnore, InUniIgnore, LiteralUniIgnore, NotLiteralUniIgnore, RangeUniIgnore,

    // The engine's own: sets whose second word is the place of a bit map (see RegexProgram).
    InMap, InIgnoreMap, InUniIgnoreMap,
}

internal readonly struct NarrowText(string text) : ICharacters
{
    public int Length => text.Length;

    public int At(int index) => text[index];

    public int IndexOf(int c, int start, int end)
    {
        var found = c > 0xffff ? -1 : text.AsSpan(start, end - start).IndexOf((char)c);
        return found < 0 ? -1 : start + found;
    }

    public int NextStart(RegexStart begins, int start, int end) => start <= end && begins.Next(text.AsSpan(start, end - start), begins.Characters, begins.CharacterValues) is >= 0 and var at ? start + at : -1;
}

internal readonly struct WideText(int[] text) : ICharacters
{
    public int Length => text.Length;

    public int At(int index) => text[index];

    public int IndexOf(int c, int start, int end)
    {
        var found = text.AsSpan(start, end - start).IndexOf(c);
        return found < 0 ? -1 : start + found;
    }

    public int NextStart(RegexStart begins, int start, int end) => start <= end && begins.Next(text.AsSpan(start, end - start), begins.Prefix, null) is >= 0 and var at ? start + at : -1;
}

internal readonly struct ByteText(byte[] text) : ICharacters
{
    public int Length => text.Length;

    public int At(int index) => text[index];

    public int IndexOf(int c, int start, int end)
    {
        var found = c > 0xff ? -1 : text.AsSpan(start, end - start).IndexOf((byte)c);
        return found < 0 ? -1 : start + found;
    }

    public int NextStart(RegexStart begins, int start, int end) => start <= end && begins.Next(text.AsSpan(start, end - start), begins.Bytes, begins.ByteValues) is >= 0 and var at ? start + at : -1;
}
