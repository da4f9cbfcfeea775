using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace Holon.Jvm.Heap;

/// <summary>
/// The .NET types behind Java objects. A shape is the pattern of 8-byte slots after the class word, R for a reference and P for
/// primitives, such as <c>RRP</c>. Java classes with the same pattern share one .NET type, made by nesting generic structs, which
/// costs the runtime some ten microseconds and no code.
/// </summary>
internal static class Shape
{
    private static readonly ConcurrentDictionary<string, Type> Types = new();

    private static readonly Type[] References = [typeof(R1), typeof(R2), typeof(R3), typeof(R4), typeof(R5), typeof(R6), typeof(R7), typeof(R8)];
    private static readonly Type[] Primitives = [typeof(P1), typeof(P2), typeof(P3), typeof(P4), typeof(P5), typeof(P6), typeof(P7), typeof(P8)];

    public static Type Of(string pattern) => pattern.Length == 0 ? typeof(JObject) : Types.GetOrAdd(pattern, static p => typeof(Instance<>).MakeGenericType(Build(p)));

    private static Type Build(string pattern)
    {
        var blocks = new List<Type>();
        for (var i = 0; i < pattern.Length;)
        {
            var n = 1;
            while (n < 8 && i + n < pattern.Length && pattern[i + n] == pattern[i]) n++;
            blocks.Add((pattern[i] == 'R' ? References : Primitives)[n - 1]);
            i += n;
        }
        return Join(blocks, 0, blocks.Count);
    }

    /// <summary>A balanced tree, so that classes with thousands of fields do not nest deeply.</summary>
    private static Type Join(List<Type> blocks, int from, int to)
    {
        if (to - from == 1) return blocks[from];
        var middle = (from + to + 1) / 2;
        return typeof(Seq<,>).MakeGenericType(Join(blocks, from, middle), Join(blocks, middle, to));
    }

#pragma warning disable CS0649 // fields are reached by offset only
    private sealed class Instance<T> : JObject
        where T : struct
    {
        public T Fields;
    }

    /// <summary>The runtime lays structs within structs out in their order.</summary>
    private struct Seq<TFirst, TSecond>
    {
        public TFirst First;
        public TSecond Second;
    }

    private struct R1 { public object? Slot; }
    [InlineArray(2)] private struct R2 { public object? Slot; }
    [InlineArray(3)] private struct R3 { public object? Slot; }
    [InlineArray(4)] private struct R4 { public object? Slot; }
    [InlineArray(5)] private struct R5 { public object? Slot; }
    [InlineArray(6)] private struct R6 { public object? Slot; }
    [InlineArray(7)] private struct R7 { public object? Slot; }
    [InlineArray(8)] private struct R8 { public object? Slot; }
    private struct P1 { public long Slot; }
    [InlineArray(2)] private struct P2 { public long Slot; }
    [InlineArray(3)] private struct P3 { public long Slot; }
    [InlineArray(4)] private struct P4 { public long Slot; }
    [InlineArray(5)] private struct P5 { public long Slot; }
    [InlineArray(6)] private struct P6 { public long Slot; }
    [InlineArray(7)] private struct P7 { public long Slot; }
    [InlineArray(8)] private struct P8 { public long Slot; }
#pragma warning restore CS0649
}
