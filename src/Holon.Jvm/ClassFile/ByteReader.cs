using System.Buffers.Binary;

namespace Holon.Jvm.ClassFile;

/// <summary>Reads the big-endian numbers of a class file and refuses to read past its end.</summary>
internal ref struct ByteReader(ReadOnlySpan<byte> data, string className)
{
    private readonly ReadOnlySpan<byte> _data = data;
    private readonly string _className = className;

    public int Position { get; private set; }

    public readonly bool AtEnd => Position == _data.Length;

    public byte U1() => Take(1)[0];

    public ushort U2() => BinaryPrimitives.ReadUInt16BigEndian(Take(2));

    public int S4() => BinaryPrimitives.ReadInt32BigEndian(Take(4));

    public uint U4() => BinaryPrimitives.ReadUInt32BigEndian(Take(4));

    public long S8() => BinaryPrimitives.ReadInt64BigEndian(Take(8));

    public ReadOnlySpan<byte> Take(uint count) => Take(count <= int.MaxValue ? (int)count : throw Truncated());

    public void Skip(uint count) => _ = Take(count);

    public ReadOnlySpan<byte> Take(int count)
    {
        if ((uint)count > (uint)(_data.Length - Position)) throw Truncated();
        var part = _data.Slice(Position, count);
        Position += count;
        return part;
    }

    private readonly ClassFormatException Truncated() => new("java/lang/ClassFormatError", $"Truncated class file{(_className.Length == 0 ? "" : " " + _className)}");
}
