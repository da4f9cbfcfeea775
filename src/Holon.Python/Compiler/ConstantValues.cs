namespace Holon.Python.Compiler;

/// <summary>
/// The constants of a code object are plain .NET values: null for <c>None</c>, <see cref="bool"/>, <see cref="long"/> or (when it does not
/// fit) <see cref="BigInteger"/>, <see cref="double"/>, <see cref="Complex"/>, <see cref="byte"/>[], <see cref="string"/> or
/// <see cref="CodePointString"/>, <see cref="TupleConstant"/>, <see cref="FrozenSetConstant"/>, <see cref="EllipsisConstant"/> and
/// <see cref="CodeObject"/>. None of them is ever changed.
/// </summary>
public static class ConstantValue
{
    /// <summary>The boxed true.</summary>
    public static readonly object True = true;

    /// <summary>The boxed false.</summary>
    public static readonly object False = false;

    /// <summary>The constant <c>...</c>.</summary>
    public static readonly EllipsisConstant Ellipsis = EllipsisConstant.Instance;

    private static readonly object[] s_smallIntegers = [.. Enumerable.Range(-5, 262).Select(i => (object)(long)i)];

    /// <summary>The constant for a truth value.</summary>
    public static object Of(bool value) => value ? True : False;

    /// <summary>The constant for an integer.</summary>
    public static object Of(long value) => value is >= -5 and < 257 ? s_smallIntegers[value + 5] : value;

    /// <summary>The constant for an integer: a <see cref="long"/> whenever it fits.</summary>
    public static object Of(BigInteger value) => value >= long.MinValue && value <= long.MaxValue ? Of((long)value) : value;
}

/// <summary>The constant <c>...</c>.</summary>
public sealed class EllipsisConstant
{
    /// <summary>The only one.</summary>
    public static readonly EllipsisConstant Instance = new();

    private EllipsisConstant()
    {
    }
}

/// <summary>A constant tuple.</summary>
/// <param name="items">Its items.</param>
public sealed class TupleConstant(object?[] items)
{
    /// <summary>The items.</summary>
    public object?[] Items { get; } = items;
}

/// <summary>A constant frozenset.</summary>
/// <param name="items">Its items, each once.</param>
public sealed class FrozenSetConstant(object?[] items)
{
    /// <summary>The items, in the order in which the source has them.</summary>
    public object?[] Items { get; } = items;
}

/// <summary>
/// A Python string that UTF-16 cannot tell from another: it has a lone high surrogate directly before a lone low one. Every other string
/// constant, with other lone surrogates too, is a plain <see cref="string"/>.
/// </summary>
/// <param name="codePoints">Its code points.</param>
public sealed class CodePointString(int[] codePoints)
{
    /// <summary>The code points.</summary>
    public int[] CodePoints { get; } = codePoints;
}
