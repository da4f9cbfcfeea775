namespace Holon.Jvm.Runtime;

/// <summary>
/// Arrays for the references of threads' stacks, used again by later threads of any machine: each is half a megabyte of pinned memory, and one that is
/// thrown away brings the next collection of the oldest generation nearer. A machine starts five threads.
/// </summary>
internal static class ReferenceStacks
{
    /// <summary>How many are kept.</summary>
    private const int Most = 16;

    private static readonly Stack<object?[]> Free = new();

    /// <summary>An array of nulls that does not move, with at least so many places and less than twice as many.</summary>
    public static object?[] Rent(int length)
    {
        lock (Free)
        {
            if (Free.TryPeek(out var top) && top.Length >= length && top.Length < length * 2L) return Free.Pop();
        }
        return GC.AllocateArray<object?>(length, pinned: true);
    }

    /// <summary>Takes back an array that no thread uses any more.</summary>
    public static void Return(object?[] array)
    {
        Array.Clear(array);
        lock (Free)
        {
            if (Free.Count < Most) Free.Push(array);
        }
    }
}
