namespace Holon.Python.Runtime;

/// <summary>Stable sorting by Python's "&lt;": a merge sort that uses runs already in order (timsort without galloping).</summary>
internal static class ListSort
{
    private const int MinRun = 32;

    /// <summary>So many are sorted by insertion alone.</summary>
    private const int Few = 40;

    public static void Sort(PyObject[] items, PyObject? key, bool reverse)
    {
        if (items.Length == 0 || (items.Length == 1 && key is null))
            return;
        var keys = items;
        if (key is not null)
        {
            keys = new PyObject[items.Length];
            for (var i = 0; i < items.Length; i++)
                keys[i] = Calls.Call(key, items[i]);
        }
        var kind = keys[0].GetType();
        if (!Array.TrueForAll(keys, k => k.GetType() == kind))
            kind = null;
        if (kind == typeof(PyInt))
            Sort<long, IntLess>(items, Array.ConvertAll(keys, k => Unsafe.As<PyInt>(k).Value), reverse, true);
        else if (kind == typeof(PyFloat))
            Sort<double, FloatLess>(items, Array.ConvertAll(keys, k => Unsafe.As<PyFloat>(k).Value), reverse, true);
        else if (kind == typeof(PyStr))
            Sort<PyObject, StrLess>(items, keys, reverse, true);
        else if (kind == typeof(PyTuple))
            Sort<PyObject, TupleLess>(items, keys, reverse, false);
        else
            Sort<PyObject, ObjectLess>(items, keys, reverse, false);
    }

    /// <summary>Sorts items by their keys. <paramref name="isSilent"/>: no program sees how often keys are compared.</summary>
    private static void Sort<TKey, TLess>(PyObject[] items, TKey[] keys, bool reverse, bool isSilent)
        where TLess : struct, ILess<TKey>
    {
        if (isSilent && !reverse && IsAscending<TKey, TLess>(keys))
            return;
        if (items.Length <= Few)
        {
            SortFew<TKey, TLess>(items, keys, reverse);
            return;
        }
        var order = new int[items.Length];
        for (var i = 0; i < order.Length; i++)
            order[i] = i;
        // Reversing before and after keeps equal items in their order.
        if (reverse)
            Array.Reverse(order);
        new Sorter<TKey, TLess>(keys, order).Run();
        if (reverse)
            Array.Reverse(order);
        var copy = (PyObject[])items.Clone();
        for (var i = 0; i < order.Length; i++)
            items[i] = copy[order[i]];
    }

    /// <summary>Inserts each item into those before it, in place.</summary>
    private static void SortFew<TKey, TLess>(PyObject[] items, TKey[] keys, bool reverse)
        where TLess : struct, ILess<TKey>
    {
        var both = !ReferenceEquals(items, keys);
        if (reverse)
            Reverse();
        try
        {
            for (var i = 1; i < keys.Length; i++)
            {
                var pivot = keys[i];
                // What is in order already needs one look.
                if (!TLess.Less(pivot, keys[i - 1]))
                    continue;
                var (low, high) = (0, i - 1);
                while (low < high)
                {
                    var middle = (low + high) >>> 1;
                    if (TLess.Less(pivot, keys[middle]))
                        high = middle;
                    else
                        low = middle + 1;
                }
                Array.Copy(keys, low, keys, low + 1, i - low);
                keys[low] = pivot;
                if (!both)
                    continue;
                var item = items[i];
                Array.Copy(items, low, items, low + 1, i - low);
                items[low] = item;
            }
        }
        finally
        {
            if (reverse)
                Reverse();
        }

        void Reverse()
        {
            Array.Reverse(keys);
            if (both)
                Array.Reverse(items);
        }
    }

    private static bool IsAscending<TKey, TLess>(TKey[] keys)
        where TLess : struct, ILess<TKey>
    {
        for (var i = 1; i < keys.Length; i++)
        {
            if (TLess.Less(keys[i], keys[i - 1]))
                return false;
        }
        return true;
    }

    private interface ILess<T>
    {
        static abstract bool Less(T a, T b);
    }

    private readonly struct ObjectLess : ILess<PyObject>
    {
        public static bool Less(PyObject a, PyObject b) => Ops.IsTrue(Ops.Compare(a, b, CompareOp.Lt));
    }

    /// <summary>Tuples: by the first items that differ.</summary>
    private readonly struct TupleLess : ILess<PyObject>
    {
        public static bool Less(PyObject a, PyObject b)
        {
            var (x, y) = (Unsafe.As<PyTuple>(a).Items, Unsafe.As<PyTuple>(b).Items);
            for (var i = 0; i < x.Length && i < y.Length; i++)
            {
                if (!Ops.Eq(x[i], y[i]))
                    return ItemLess(x[i], y[i]);
            }
            return x.Length < y.Length;
        }

        private static bool ItemLess(PyObject a, PyObject b)
        {
            if (a.GetType() == b.GetType())
            {
                if (a.GetType() == typeof(PyInt))
                    return Unsafe.As<PyInt>(a).Value < Unsafe.As<PyInt>(b).Value;
                if (a.GetType() == typeof(PyFloat))
                    return Unsafe.As<PyFloat>(a).Value < Unsafe.As<PyFloat>(b).Value;
                if (a.GetType() == typeof(PyStr))
                    return Unsafe.As<PyStr>(a).CompareTo(Unsafe.As<PyStr>(b)) < 0;
            }
            return ObjectLess.Less(a, b);
        }
    }

    private readonly struct StrLess : ILess<PyObject>
    {
        public static bool Less(PyObject a, PyObject b) => Unsafe.As<PyStr>(a).CompareTo(Unsafe.As<PyStr>(b)) < 0;
    }

    private readonly struct IntLess : ILess<long>
    {
        public static bool Less(long a, long b) => a < b;
    }

    private readonly struct FloatLess : ILess<double>
    {
        public static bool Less(double a, double b) => a < b;
    }

    private sealed class Sorter<TKey, TLess>(TKey[] keys, int[] order)
        where TLess : struct, ILess<TKey>
    {
        private readonly List<(int Start, int Length)> runs = [];
        private int[]? buffer;

        public void Run()
        {
            var start = 0;
            while (start < order.Length)
            {
                var length = CountRun(start);
                if (length < MinRun)
                {
                    var forced = Math.Min(MinRun, order.Length - start);
                    BinaryInsertion(start, start + forced, start + length);
                    length = forced;
                }
                runs.Add((start, length));
                start += length;
                while (runs.Count > 1 && runs[^2].Length <= runs[^1].Length * 2)
                    MergeLast();
            }
            while (runs.Count > 1)
                MergeLast();
        }

        private bool Less(int a, int b) => TLess.Less(keys[a], keys[b]);

        private int CountRun(int start)
        {
            var end = start + 1;
            if (end == order.Length)
                return 1;
            if (Less(order[end], order[start]))
            {
                while (++end < order.Length && Less(order[end], order[end - 1]))
                {
                }
                Array.Reverse(order, start, end - start);
            }
            else
            {
                while (++end < order.Length && !Less(order[end], order[end - 1]))
                {
                }
            }
            return end - start;
        }

        private void BinaryInsertion(int start, int end, int sorted)
        {
            for (var i = sorted; i < end; i++)
            {
                var pivot = order[i];
                var (low, high) = (start, i);
                while (low < high)
                {
                    var middle = (low + high) >>> 1;
                    if (Less(pivot, order[middle]))
                        high = middle;
                    else
                        low = middle + 1;
                }
                Array.Copy(order, low, order, low + 1, i - low);
                order[low] = pivot;
            }
        }

        private void MergeLast()
        {
            var (start, left) = runs[^2];
            var right = runs[^1].Length;
            runs.RemoveRange(runs.Count - 2, 2);
            runs.Add((start, left + right));
            var middle = start + left;
            if (!Less(order[middle], order[middle - 1]))
                return;
            buffer ??= new int[order.Length];
            Array.Copy(order, start, buffer, start, left);
            var (a, b, to) = (start, middle, start);
            var end = middle + right;
            while (a < middle && b < end)
                order[to++] = Less(order[b], buffer[a]) ? order[b++] : buffer[a++];
            Array.Copy(buffer, a, order, to, middle - a);
        }
    }
}
