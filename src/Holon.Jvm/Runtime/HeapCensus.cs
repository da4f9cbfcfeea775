using Holon.Jvm.Heap;

namespace Holon.Jvm.Runtime;

/// <summary>
/// Counts the bytes that a machine's objects take, from its static fields, constants and threads. .NET's collector knows only the whole
/// process. Other threads go on meanwhile: the count is close, not exact.
/// </summary>
internal static unsafe class HeapCensus
{
    /// <summary>Counts until the bytes are more than <paramref name="enough"/>.</summary>
    public static long Count(JavaMachine machine, long enough)
    {
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var work = new Stack<object>();
        void Found(object? o)
        {
            if (o is Referent.Holder holder) o = holder.Strong;
            if (o is JObject or Array && seen.Add(o)) work.Push(o);
        }
        machine.StaticReferences.ForEach(Found);
        machine.Constants.ForEach(Found);
        foreach (var t in machine.AllThreads()) t.ForEachReference(Found);
        long bytes = 0;
        while (bytes <= enough && work.TryPop(out var o))
        {
            bytes += SizeOf(o);
            switch (o)
            {
                case object?[] references:
                    for (var i = 1; i < references.Length; i++) Found(references[i]);
                    break;
                case JObject instance:
                    var pattern = instance.Class().Pattern;
                    for (var i = 0; i < pattern.Length; i++)
                    {
                        if (pattern[i] == 'R') Found(instance.Ref(JObject.FirstField + i * 8));
                    }
                    break;
            }
        }
        return bytes;
    }

    /// <summary>Bytes that one object takes.</summary>
    public static long SizeOf(object o) => o switch
    {
        object?[] references => 24 + references.Length * 8L,
        Array array => 24 + (long)array.Length * ElementSize(array),
        _ => 16 + ((JObject)o).Class().Pattern.Length * 8,
    };

    private static int ElementSize(Array array) => array switch
    {
        byte[] or bool[] => 1,
        char[] or short[] => 2,
        int[] or float[] => 4,
        _ => 8,
    };
}
