namespace Holon.Python.Modules.Pickling;

/// <summary>
/// What a pickle has numbered. Picklers count from 0, so an array serves; a number far beyond what has been counted so far, which a
/// hostile pickle may give, goes into a dictionary and costs no more than others.
/// </summary>
internal sealed class UnpicklerMemo
{
    private PyObject?[] dense = new PyObject?[32];
    private Dictionary<long, PyObject>? sparse;

    /// <summary>How many numbers are in use.</summary>
    public int Count { get; private set; }

    public PyObject? Get(long index) =>
        (ulong)index < (ulong)dense.Length ? dense[index] : sparse?.GetValueOrDefault(index);

    public void Set(long index, PyObject value)
    {
        if (index >= dense.Length && index <= 2L * Count + 64)
        {
            var size = Math.Max(index + 1, dense.Length * 2L);
            PyThread.Current.Machine.Limits.CheckSize(size * 8);
            var before = dense.Length;
            Array.Resize(ref dense, (int)size);
            Move(before);
        }
        if (index < dense.Length)
        {
            if (dense[index] is null)
                Count++;
            dense[index] = value;
            return;
        }
        sparse ??= [];
        if (!sparse.ContainsKey(index))
            Count++;
        sparse[index] = value;
    }

    // Those that the array has grown over.
    private void Move(int from)
    {
        if (sparse is null)
            return;
        for (var i = from; i < dense.Length && sparse.Count > 0; i++)
        {
            if (sparse.Remove(i, out var value))
                dense[i] = value;
        }
    }

    public IEnumerable<(long Index, PyObject Value)> Items()
    {
        for (var i = 0; i < dense.Length; i++)
        {
            if (dense[i] is { } value)
                yield return (i, value);
        }
        foreach (var (index, value) in sparse ?? [])
            yield return (index, value);
    }
}
