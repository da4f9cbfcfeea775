namespace Holon.Python.Objects;

/// <summary>What views of one object have in common, like CPython's managed buffer: it is in use until the last of them is released or gone.</summary>
internal sealed class ManagedBuffer(IBuffer source, PyObject owner, bool isReadOnly)
{
    public IBuffer Source { get; } = source;

    /// <summary>The object that <c>memoryview.obj</c> names.</summary>
    public PyObject Owner { get; } = owner;

    public bool IsReadOnly { get; } = isReadOnly;

    /// <summary>Views that have not been released. Some of them may be garbage.</summary>
    public int Views { get; set; }
}

/// <summary>The views that forbid an object to change its size. Only views that are not released refer to their <see cref="ManagedBuffer"/>, so the garbage collector knows.</summary>
internal struct BufferExports
{
    private List<WeakReference<ManagedBuffer>>? buffers;
    private int prune;

    public void Add(ManagedBuffer buffer)
    {
        buffers ??= [];
        if (buffers.Count >= prune)
        {
            Prune();
            prune = Math.Max(16, buffers.Count * 2);
        }
        buffers.Add(new WeakReference<ManagedBuffer>(buffer));
    }

    /// <summary>Whether there are views. A view that nobody refers to does not count: where there seem to be some, the garbage is collected first.</summary>
    public bool Any()
    {
        if (!Prune())
            return false;
        for (var generation = 0; generation <= GC.MaxGeneration; generation += GC.MaxGeneration)
        {
            GC.Collect(generation, GCCollectionMode.Forced, blocking: true);
            if (!Prune())
                return false;
        }
        return true;
    }

    private bool Prune()
    {
        if (buffers is null)
            return false;
        buffers.RemoveAll(b => !b.TryGetTarget(out var buffer) || buffer.Views == 0);
        return buffers.Count > 0;
    }
}
