namespace Holon.Python.Modules.Iterators;

/// <summary>Iterators over arrangements of items: the pool, and which of it the last result took.</summary>
internal abstract class PyArrangement(PyType type) : PyStatefulIterator(type)
{
    protected bool IsBegun { get; set; }

    protected bool IsOver { get; set; }

    protected static PyTuple Numbers(IEnumerable<int> numbers) => new([.. numbers.Select(n => (PyObject)PyInt.Of(n))]);

    /// <summary>Items of a pool, by their places.</summary>
    protected static PyTuple Pick(PyObject[] pool, ReadOnlySpan<int> places)
    {
        var items = new PyObject[places.Length];
        for (var i = 0; i < items.Length; i++)
            items[i] = pool[places[i]];
        return new PyTuple(items);
    }

    /// <summary>Numbers of a pickle, each moved to what it may be.</summary>
    protected static int[] Read(PyObject state, int count, Func<int, (int Least, int Most)> range)
    {
        if (state is not PyTuple t || t.Count != count)
            throw Err.Value("invalid arguments");
        return [.. t.Items.Select((item, i) => (int)Math.Clamp(Args.Long(item), range(i).Least, Math.Max(range(i).Least, range(i).Most)))];
    }

    public sealed override PyObject? Next()
    {
        if (IsOver)
            return null;
        if (IsBegun ? Advance() : Begin())
        {
            IsBegun = true;
            return Current();
        }
        IsOver = true;
        return null;
    }

    protected abstract bool Begin();

    protected abstract bool Advance();

    protected abstract PyTuple Current();
}

/// <summary>itertools.product.</summary>
internal sealed class PyProduct(PyType type, PyObject[][] pools) : PyArrangement(type)
{
    private int[] at = new int[pools.Length];

    protected override bool Begin() => pools.All(p => p.Length > 0);

    protected override bool Advance()
    {
        var k = at.Length - 1;
        while (k >= 0 && ++at[k] == pools[k].Length)
            at[k--] = 0;
        return k >= 0;
    }

    protected override PyTuple Current()
    {
        var items = new PyObject[pools.Length];
        for (var i = 0; i < items.Length; i++)
            items[i] = pools[i][at[i]];
        return new PyTuple(items);
    }

    public override PyObject Reduce()
    {
        if (IsOver)
            return Call(PyTuple.Empty);
        PyObject[] arguments = [.. pools.Select(p => new PyTuple(p))];
        return IsBegun ? Call(arguments, Numbers(at)) : Call(arguments);
    }

    public override void SetState(PyObject state)
    {
        if (pools.Any(p => p.Length == 0) && state is PyTuple t && t.Count == pools.Length)
        {
            IsOver = true;
            return;
        }
        at = Read(state, pools.Length, i => (0, pools[i].Length - 1));
        IsBegun = true;
    }
}

/// <summary>itertools.combinations and combinations_with_replacement.</summary>
internal sealed class PyCombinations(PyType type, PyObject[] pool, long count, bool repeats) : PyArrangement(type)
{
    private int[] at = [];

    private int Most(int i) => repeats ? pool.Length - 1 : i + pool.Length - at.Length;

    protected override bool Begin()
    {
        if (repeats ? pool.Length == 0 && count > 0 : count > pool.Length)
            return false;
        PyThread.Current.Machine.Limits.CheckSize(count * 8);
        at = repeats ? new int[count] : [.. Enumerable.Range(0, (int)count)];
        return true;
    }

    protected override bool Advance()
    {
        var k = at.Length - 1;
        while (k >= 0 && at[k] == Most(k))
            k--;
        if (k < 0)
            return false;
        at[k]++;
        for (var j = k + 1; j < at.Length; j++)
            at[j] = repeats ? at[k] : at[j - 1] + 1;
        return true;
    }

    protected override PyTuple Current() => Pick(pool, at);

    public override PyObject Reduce()
    {
        PyObject[] arguments = [IsOver ? PyTuple.Empty : new PyTuple(pool), PyInt.Of(count)];
        return IsBegun && !IsOver ? Call(arguments, Numbers(at)) : Call(arguments);
    }

    public override void SetState(PyObject state)
    {
        if (!Begin() || count > int.MaxValue)
            throw Err.Value("invalid arguments");
        at = Read(state, at.Length, i => (0, Most(i)));
        IsBegun = true;
    }
}

/// <summary>itertools.permutations.</summary>
internal sealed class PyPermutations(PyType type, PyObject[] pool, long count) : PyArrangement(type)
{
    private int[] indices = [], cycles = [];

    protected override bool Begin()
    {
        if (count > pool.Length)
            return false;
        indices = [.. Enumerable.Range(0, pool.Length)];
        cycles = [.. Enumerable.Range(0, (int)count).Select(i => pool.Length - i)];
        return true;
    }

    protected override bool Advance()
    {
        for (var i = cycles.Length - 1; i >= 0; i--)
        {
            if (--cycles[i] > 0)
            {
                var j = indices.Length - cycles[i];
                (indices[i], indices[j]) = (indices[j], indices[i]);
                return true;
            }
            var first = indices[i];
            Array.Copy(indices, i + 1, indices, i, indices.Length - i - 1);
            indices[^1] = first;
            cycles[i] = indices.Length - i;
        }
        return false;
    }

    protected override PyTuple Current() => Pick(pool, indices.AsSpan(0, cycles.Length));

    public override PyObject Reduce()
    {
        PyObject[] arguments = [IsOver ? PyTuple.Empty : new PyTuple(pool), PyInt.Of(count)];
        return IsBegun && !IsOver ? Call(arguments, new PyTuple(Numbers(indices), Numbers(cycles))) : Call(arguments);
    }

    public override void SetState(PyObject state)
    {
        var t = State(state, 2, 2);
        if (!Begin())
            throw Err.Value("invalid arguments");
        var n = pool.Length;
        (indices, cycles) = (Read(t[0], n, _ => (0, n - 1)), Read(t[1], cycles.Length, i => (1, n - i)));
        IsBegun = true;
    }
}
