namespace Holon.Jvm.Heap;

/// <summary>How many bytes objects take.</summary>
internal static class ObjectSizes
{
    public static long Of(object o) => o switch
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
