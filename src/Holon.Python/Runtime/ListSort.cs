namespace Holon.Python.Runtime;

/// <summary>Stable sorting by Python's "&lt;": a merge sort that uses runs already in order (timsort without galloping).</summary>
internal static class ListSort
{
    private const int MinRun = 32;

    public static void Sort(PyObject[] items, PyObject? key, bool reverse)
    {
        if (items.Length < 2 && key is null)
            return;
        var keys = items;
        if (key is not null)
        {
            keys = new PyObject[items.Length];
            for (var i = 0; i < items.Length; i++)
                keys[i] = Calls.Call(key, items[i]);
        }
        var order = new int[items.Length];
        for (var i = 0; i < order.Length; i++)
            order[i] = i;
        // Reversing before and after keeps equal items in their order.
        if (reverse)
            Array.Reverse(order);
        new Sorter(keys, order).Run();
        if (reverse)
            Array.Reverse(order);
        var copy = (PyObject[])items.Clone();
        for (var i = 0; i < order.Length; i++)
            items[i] = copy[order[i]];
    }

    private sealed class Sorter(PyObject[] keys, int[] order)
    {
        private readonly int[] buffer = new int[order.Length];
        private readonly Func<PyObject, PyObject, bool> less = Specialise(keys);
        private readonly List<(int Start, int Length)> runs = [];

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

        private bool Less(int a, int b) => less(keys[a], keys[b]);

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
            Array.Copy(order, start, buffer, start, left);
            var (a, b, to) = (start, middle, start);
            var end = middle + right;
            while (a < middle && b < end)
                order[to++] = Less(order[b], buffer[a]) ? order[b++] : buffer[a++];
            Array.Copy(buffer, a, order, to, middle - a);
        }

        // Lists of one exact type are compared without dispatch.
        private static Func<PyObject, PyObject, bool> Specialise(PyObject[] keys)
        {
            if (keys.Length > 0)
            {
                var kind = keys[0].GetType();
                if ((kind == typeof(PyStr) || kind == typeof(PyInt) || kind == typeof(PyFloat)) && keys.All(k => k.GetType() == kind))
                {
                    if (kind == typeof(PyStr))
                        return static (a, b) => Unsafe.As<PyStr>(a).CompareTo(Unsafe.As<PyStr>(b)) < 0;
                    if (kind == typeof(PyInt))
                        return static (a, b) => Unsafe.As<PyInt>(a).Value < Unsafe.As<PyInt>(b).Value;
                    return static (a, b) => Unsafe.As<PyFloat>(a).Value < Unsafe.As<PyFloat>(b).Value;
                }
            }
            return static (a, b) => Ops.IsTrue(Ops.Compare(a, b, CompareOp.Lt));
        }
    }
}
