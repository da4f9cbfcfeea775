using System.Runtime.InteropServices;

namespace Holon.Python.Modules;

/// <summary>_heapq and _bisect.</summary>
internal static class AlgorithmModules
{
    private static bool Less(PyObject a, PyObject b) => Ops.IsTrue(Ops.Compare(a, b, CompareOp.Lt));

    private static PyList List(PyObject o) => o as PyList ?? throw Err.Type($"heap argument must be a list, not {o.Type.FullName}");

    /// <summary>Moves the item at <paramref name="at"/> up until its parent is not greater.</summary>
    private static void SiftDown(PyList heap, int start, int at, Func<PyObject, PyObject, bool> less)
    {
        var size = heap.Count;
        var item = heap[at];
        while (at > start)
        {
            var parent = heap[(at - 1) >> 1];
            var before = less(item, parent);
            if (heap.Count != size)
                throw Err.Runtime("list changed size during iteration");
            if (!before)
                break;
            heap[at] = parent;
            at = (at - 1) >> 1;
            heap[at] = item;
        }
    }

    /// <summary>Moves the smaller children up to the end, then the item from there to its place: fewer comparisons than stopping early.</summary>
    private static void SiftUp(PyList heap, int at, Func<PyObject, PyObject, bool> less)
    {
        var (size, start) = (heap.Count, at);
        if (at >= size)
            throw Err.Index("index out of range");
        for (var child = 2 * at + 1; child < size; child = 2 * at + 1)
        {
            if (child + 1 < size)
            {
                var left = less(heap[child], heap[child + 1]);
                if (heap.Count != size)
                    throw Err.Runtime("list changed size during iteration");
                if (!left)
                    child++;
            }
            (heap[at], heap[child]) = (heap[child], heap[at]);
            at = child;
        }
        SiftDown(heap, start, at, less);
    }

    private static PyObject Pop(PyList heap, Func<PyObject, PyObject, bool> less)
    {
        if (heap.Count == 0)
            throw Err.Index("index out of range");
        var last = heap.RemoveAt(heap.Count - 1);
        if (heap.Count == 0)
            return last;
        var first = heap[0];
        heap[0] = last;
        SiftUp(heap, 0, less);
        return first;
    }

    private static PyObject Replace(PyList heap, PyObject item, Func<PyObject, PyObject, bool> less)
    {
        if (heap.Count == 0)
            throw Err.Index("index out of range");
        var first = heap[0];
        heap[0] = item;
        SiftUp(heap, 0, less);
        return first;
    }

    private static PyObject Heapify(PyList heap, Func<PyObject, PyObject, bool> less)
    {
        for (var i = heap.Count / 2 - 1; i >= 0; i--)
            SiftUp(heap, i, less);
        return Values.None;
    }

    public static void FillHeap(ModuleBuilder m)
    {
        Func<PyObject, PyObject, bool> less = Less, more = (a, b) => Less(b, a);
        m.Set("__about__", "Heap queues");
        m.Def1("heapify", heap => Heapify(List(heap), less));
        m.Def1("_heapify_max", heap => Heapify(List(heap), more));
        m.Def1("heappop", heap => Pop(List(heap), less));
        m.Def1("_heappop_max", heap => Pop(List(heap), more));
        m.Def("heapreplace", "heap, item, /", a => Replace(List(a[0]!), a[1]!, less));
        m.Def("_heapreplace_max", "heap, item, /", a => Replace(List(a[0]!), a[1]!, more));
        m.Def("heappush", "heap, item, /", a =>
        {
            var heap = List(a[0]!);
            heap.Add(a[1]!);
            SiftDown(heap, 0, heap.Count - 1, less);
            return Values.None;
        });
        m.Def("heappushpop", "heap, item, /", a =>
        {
            var heap = List(a[0]!);
            if (heap.Count == 0)
                return a[1];
            var before = Less(heap[0], a[1]!);
            if (heap.Count == 0)
                throw Err.Index("index out of range");
            return before ? Replace(heap, a[1]!, less) : a[1];
        });
    }

    private static long Search(ReadOnlySpan<PyObject?> a, bool right)
    {
        var (list, item) = (a[0]!, a[1]!);
        var low = Args.Long(a[2]!);
        if (low < 0)
            throw Err.Value("lo must be non-negative");
        var high = Args.IsNone(a[3]) ? Ops.Len(list) : Args.Long(a[3]!);
        var key = Args.IsNone(a[4]) ? null : a[4];
        while (low < high)
        {
            var middle = low + (high - low) / 2;
            var each = Ops.GetItem(list, PyInt.Of(middle));
            if (key is not null)
                each = Calls.Call(key, each);
            if (right ? Less(item, each) : !Less(each, item))
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }

    public static void FillBisect(ModuleBuilder m)
    {
        const string signature = "a, x, lo=0, hi=None, *, key=None";
        foreach (var right in new[] { false, true })
        {
            var suffix = right ? "_right" : "_left";
            m.Def("bisect" + suffix, signature, a => PyInt.Of(Search(a, right)));
            m.Def("insort" + suffix, signature, a =>
            {
                var item = a[1]!;
                PyObject?[] search = [a[0], Args.IsNone(a[4]) ? item : Calls.Call(a[4]!, item), a[2], a[3], a[4]];
                var at = Search(search, right);
                if (a[0]!.GetType() == typeof(PyList))
                    ((PyList)a[0]!).Insert((int)Math.Clamp(at, 0, ((PyList)a[0]!).Count), item);
                else
                    Calls.CallMethod(a[0]!, "insert", PyInt.Of(at), item);
                return Values.None;
            });
        }
    }

    // ---- _operator: only what operator.py has no twin of ----

    public static void FillOperator(ModuleBuilder m)
    {
        m.Def1("index", Ops.Index);
        m.Def("_compare_digest", "a, b, /", CompareDigest);
    }

    private static PyObject CompareDigest(ReadOnlySpan<PyObject?> a)
    {
        if (a[0] is PyStr x && a[1] is PyStr y)
        {
            if (!x.ToCodePoints().All(c => c < 128) || !y.ToCodePoints().All(c => c < 128))
                throw Err.Type("comparing strings with non-ASCII characters is not supported");
            return Values.Bool(System.Security.Cryptography.CryptographicOperations.FixedTimeEquals(MemoryMarshal.AsBytes(x.Value.AsSpan()), MemoryMarshal.AsBytes(y.Value.AsSpan())));
        }
        if (a[0] is not IBuffer left || a[1] is not IBuffer right)
            throw Err.Type($"unsupported operand types(s) or combination of types: '{a[0]!.Type.FullName}' and '{a[1]!.Type.FullName}'");
        return Values.Bool(System.Security.Cryptography.CryptographicOperations.FixedTimeEquals(left.Bytes, right.Bytes));
    }
}
