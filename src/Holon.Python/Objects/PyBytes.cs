namespace Holon.Python.Objects;

/// <summary>An object whose bytes others may look at: the buffer protocol.</summary>
internal interface IBuffer
{
    ReadOnlySpan<byte> Bytes { get; }

    /// <summary>The bytes to write to; fails for immutable objects.</summary>
    Span<byte> Writable { get; }
}

/// <summary>A buffer whose size must not change while views of it exist.</summary>
internal interface IExportedBuffer : IBuffer
{
    int Exports { get; set; }

    /// <summary>The items' format, as the module struct has it.</summary>
    string ItemFormat { get; }

    int ItemSize { get; }
}

internal class PyBytes(byte[] data) : PyObject, IBuffer
{
    public static readonly PyBytes Empty = new([]);

    public byte[] Content { get; } = data;

    public ReadOnlySpan<byte> Bytes => Content;

    public Span<byte> Writable => throw Err.Type("a read-write bytes-like object is required");

    public override PyType Type => BytesType.Type;
}

internal sealed class PyBytesInstance(PyType type, byte[] data) : PyBytes(data)
{
    private InstanceData data = new(type);

    public override PyType Type => data.Shape.Type;

    public override ref InstanceData Data => ref data;
}

internal class PyByteArray : PyObject, IExportedBuffer
{
    private byte[] data = [];

    public int Count { get; private set; }

    /// <summary>Number of memory views that forbid a change of the size.</summary>
    public int Exports { get; set; }

    public string ItemFormat => "B";

    public int ItemSize => 1;

    public ReadOnlySpan<byte> Bytes => data.AsSpan(0, Count);

    public Span<byte> Writable => data.AsSpan(0, Count);

    public byte[] Storage => data;

    public override PyType Type => ByteArrayType.Type;

    public void Replace(int start, int length, ReadOnlySpan<byte> with)
    {
        var change = with.Length - length;
        if (change != 0 && Exports > 0)
            throw Err.Buffer("Existing exports of data: object cannot be re-sized");
        var copy = with.ToArray();
        if (Count + change > data.Length)
        {
            PyThread.Current.Machine.Limits.CheckSize(Count + (long)change);
            Array.Resize(ref data, Math.Max(Count + change, Count + (Count >> 1) + 16));
        }
        data.AsSpan(start + length, Count - start - length).CopyTo(data.AsSpan(start + copy.Length));
        copy.CopyTo(data.AsSpan(start));
        Count += change;
    }

    public void SetAll(ReadOnlySpan<byte> all) => Replace(0, Count, all);
}

internal sealed class PyByteArrayInstance(PyType type) : PyByteArray
{
    private InstanceData data = new(type);

    public override PyType Type => data.Shape.Type;

    public override ref InstanceData Data => ref data;
}

/// <summary>A view of another object's bytes: one dimension, contiguous or with a step.</summary>
internal sealed class PyMemoryView(IBuffer source, PyObject owner, int start, int length, int step, string format, int itemSize) : PyObject, IBuffer
{
    public IBuffer Source { get; } = source;

    public PyObject Owner { get; } = owner;

    public int Start { get; } = start;

    /// <summary>Number of items.</summary>
    public int Length { get; } = length;

    public int Step { get; } = step;

    public string Format { get; } = format;

    public int ItemSize { get; } = itemSize;

    public bool IsReleased { get; set; }

    public override PyType Type => MemoryViewType.Type;

    public ReadOnlySpan<byte> Bytes
    {
        get
        {
            Check();
            if (Step == 1)
                return Source.Bytes.Slice(Start, Length * ItemSize);
            var copy = new byte[Length * ItemSize];
            for (var i = 0; i < Length; i++)
                Source.Bytes.Slice(Start + i * Step * ItemSize, ItemSize).CopyTo(copy.AsSpan(i * ItemSize));
            return copy;
        }
    }

    public Span<byte> Writable
    {
        get
        {
            Check();
            return Step == 1 ? Source.Writable.Slice(Start, Length * ItemSize) : throw Err.Buffer("memoryview: underlying buffer is not C-contiguous");
        }
    }

    public void Check()
    {
        if (IsReleased)
            throw Err.Value("operation forbidden on released memoryview object");
    }
}
