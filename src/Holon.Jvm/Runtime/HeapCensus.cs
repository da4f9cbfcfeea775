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
            switch (o)
            {
                case object?[] references:
                    bytes += 24 + references.Length * 8L;
                    for (var i = 1; i < references.Length; i++) Found(references[i]);
                    break;
                case Array array:
                    bytes += 24 + (long)array.Length * ElementSize(array);
                    break;
                case JObject instance:
                    var pattern = instance.Class().Pattern;
                    bytes += 16 + pattern.Length * 8;
                    for (var i = 0; i < pattern.Length; i++)
                    {
                        if (pattern[i] == 'R') Found(instance.Ref(JObject.FirstField + i * 8));
                    }
                    break;
            }
        }
        return bytes;
    }

    private static int ElementSize(Array array) => array switch
    {
        byte[] or bool[] => 1,
        char[] or short[] => 2,
        int[] or float[] => 4,
        _ => 8,
    };
}
