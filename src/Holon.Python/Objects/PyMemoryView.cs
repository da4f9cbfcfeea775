namespace Holon.Python.Objects;

/// <summary>How the items of a buffer lie: sizes and distances, in bytes, of each dimension.</summary>
internal readonly record struct BufferLayout(int Start, int[] Shape, int[] Strides, string Format, int ItemSize)
{
    public int Dimensions => Shape.Length;

    public int Items => Shape.Aggregate(1, (product, n) => product * n);

    public bool IsCContiguous => IsContiguous(Shape.Length - 1, -1);

    public bool IsFContiguous => IsContiguous(0, 1);

    private bool IsContiguous(int first, int step)
    {
        if (Items == 0)
            return true;
        var expected = ItemSize;
        for (var d = first; d >= 0 && d < Shape.Length; d += step)
        {
            if (Shape[d] > 1 && Strides[d] != expected)
                return false;
            expected *= Shape[d];
        }
        return true;
    }

    /// <summary>Where each item begins, the last dimension first to change, or the first if <paramref name="fortran"/>.</summary>
    public IEnumerable<int> Offsets(bool fortran = false)
    {
        var index = new int[Shape.Length];
        for (var left = Items; left > 0; left--)
        {
            var at = Start;
            for (var d = 0; d < index.Length; d++)
                at += index[d] * Strides[d];
            yield return at;
            var step = fortran ? 1 : -1;
            for (var d = fortran ? 0 : index.Length - 1; d >= 0 && d < index.Length && ++index[d] == Shape[d]; d += step)
                index[d] = 0;
        }
    }

    public static int[] ContiguousStrides(int[] shape, int itemSize)
    {
        var strides = new int[shape.Length];
        for (var d = shape.Length - 1; d >= 0; d--)
        {
            strides[d] = itemSize;
            itemSize *= shape[d];
        }
        return strides;
    }
}

/// <summary>A view of another object's bytes.</summary>
internal sealed class PyMemoryView : PyObject, IBuffer
{
    private readonly BufferLayout layout;
    private ManagedBuffer? buffer;

    public PyMemoryView(ManagedBuffer buffer, BufferLayout layout, bool isReadOnly)
    {
        (this.buffer, this.layout, IsReadOnly) = (buffer, layout, isReadOnly);
        buffer.Views++;
    }

    public ManagedBuffer Buffer => buffer ?? throw Err.Value("operation forbidden on released memoryview object");

    public bool IsReleased => buffer is null;

    public bool IsReadOnly { get; }

    public long? Hash { get; set; }

    public override PyType Type => MemoryViewType.Type;

    public BufferLayout Layout => buffer is null ? throw Err.Value("operation forbidden on released memoryview object") : layout;

    /// <summary>All items in C's order; a copy unless they lie so.</summary>
    public ReadOnlySpan<byte> Bytes => Layout.IsCContiguous ? Buffer.Source.Bytes.Slice(layout.Start, layout.Items * layout.ItemSize) : Copy(false);

    public Span<byte> Writable
    {
        get
        {
            var source = Buffer.Source;
            if (IsReadOnly)
                throw Err.Type("a read-write bytes-like object is required");
            return layout.IsCContiguous ? source.Writable.Slice(layout.Start, layout.Items * layout.ItemSize) : throw Err.Buffer("memoryview: underlying buffer is not C-contiguous");
        }
    }

    public byte[] Copy(bool fortran)
    {
        var copy = new byte[Layout.Items * layout.ItemSize];
        var source = Buffer.Source.Bytes;
        var to = 0;
        foreach (var at in layout.Offsets(fortran))
        {
            source.Slice(at, layout.ItemSize).CopyTo(copy.AsSpan(to));
            to += layout.ItemSize;
        }
        return copy;
    }

    public PyMemoryView With(BufferLayout other) => new(Buffer, other, IsReadOnly);

    /// <summary>The same bytes in their order in memory, if there are no gaps.</summary>
    public PyMemoryView? AsBytes() =>
        Layout.IsCContiguous || layout.IsFContiguous ? With(new BufferLayout(layout.Start, [layout.Items * layout.ItemSize], [1], "B", 1)) : null;

    public void Release()
    {
        if (buffer is not null)
            buffer.Views--;
        buffer = null;
    }
}
