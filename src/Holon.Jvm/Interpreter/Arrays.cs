using Holon.Jvm.Runtime;

namespace Holon.Jvm.Interpreter;

/// <summary>Making arrays.</summary>
internal static class Arrays
{
    private const long Large = 1 << 20;

    /// <summary>Bytes of an array besides its elements.</summary>
    private const int Header = 24;

    public static object NewPrimitive(JThread t, char kind, int length)
    {
        Check(t, length, SizeOf(kind));
        Array array = kind switch
        {
            'Z' => new bool[length],
            'B' => new byte[length],
            'C' => new char[length],
            'S' => new short[length],
            'I' => new int[length],
            'J' => new long[length],
            'F' => new float[length],
            _ => new double[length],
        };
        t.Allocated(array, Header + (long)length * SizeOf(kind));
        return array;
    }

    private static int SizeOf(char kind) => kind is 'J' or 'D' ? 8 : kind is 'I' or 'F' ? 4 : kind is 'C' or 'S' ? 2 : 1;

    public static object NewReferences(JThread t, JClass arrayClass, int length)
    {
        Check(t, length, 8);
        var array = new object?[length + 1];
        array[0] = arrayClass;
        t.Allocated(array, Header + (length + 1) * 8L);
        return array;
    }

    public static object NewMulti(JThread t, JClass arrayClass, ReadOnlySpan<int> counts)
    {
        foreach (var count in counts) Check(t, count, 1);
        return Build(t, arrayClass, counts);
    }

    private static Array Build(JThread t, JClass arrayClass, ReadOnlySpan<int> counts)
    {
        Check(t, counts[0], 8);
        var array = arrayClass.AllocateArray(counts[0]);
        t.Allocated(array, Header + counts[0] * (arrayClass.Element!.IsPrimitive ? SizeOf(arrayClass.Element.Primitive) : 8L));
        if (counts.Length == 1) return array;
        var elements = (object?[])array;
        for (var i = 1; i < elements.Length; i++) elements[i] = Build(t, arrayClass.Element!, counts[1..]);
        return array;
    }

    private static void Check(JThread t, int length, int size)
    {
        if (length < 0) throw t.Error("java/lang/NegativeArraySizeException", length.ToString(System.Globalization.CultureInfo.InvariantCulture));
        if (length > Array.MaxLength - 8) throw new JavaThrow(t.OutOfMemory("Requested array size exceeds VM limit"));
        var bytes = (long)length * size;
        if (bytes >= Large) t.Machine.CheckLarge(t, bytes);
        if (--t.Budget < 0) t.Safepoint();
    }
}
