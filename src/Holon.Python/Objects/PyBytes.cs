using System.Runtime.InteropServices;

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
    ref BufferExports Exports { get; }

    /// <summary>The items' format, as the module struct has it.</summary>
    string ItemFormat { get; }

    int ItemSize { get; }
}

internal class PyBytes(byte[] data) : PyObject, IBuffer
{
    public static readonly PyBytes Empty = new([]);

    private int hash;

    public byte[] Content { get; } = data;

    /// <summary>Computed once; never 0, which stands for one that is not known yet. Nobody can foresee it: .NET seeds it anew in each process.</summary>
    public long Hash
    {
        get
        {
            if (hash == 0)
                hash = Compute(Content) is not 0 and var known ? known : 1;
            return hash;
        }
    }

    private static int Compute(ReadOnlySpan<byte> bytes)
    {
        var pairs = string.GetHashCode(MemoryMarshal.Cast<byte, char>(bytes));
        return (bytes.Length & 1) == 0 ? pairs : HashCode.Combine(pairs, bytes[^1]);
    }

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
    private BufferExports exports;

    public int Count { get; private set; }

    public ref BufferExports Exports => ref exports;

    public string ItemFormat => "B";

    public int ItemSize => 1;

    public ReadOnlySpan<byte> Bytes => data.AsSpan(0, Count);

    public Span<byte> Writable => data.AsSpan(0, Count);

    public byte[] Storage => data;

    public override PyType Type => ByteArrayType.Type;

    public void Replace(int start, int length, ReadOnlySpan<byte> with)
    {
        var change = with.Length - length;
        if (change != 0 && exports.Any())
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
