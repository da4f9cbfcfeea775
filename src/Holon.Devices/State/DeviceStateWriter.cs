using System.Buffers.Binary;
using System.Text;

namespace Holon.Devices.State;

/// <summary>
/// Writes device state: a header, then named and versioned sections that may nest. All numbers are little-endian.
/// A section is its name (length byte, ASCII), its version (16 bits), its length (32 bits) and its bytes, so that a reader can
/// say which device is damaged.
/// </summary>
public sealed class DeviceStateWriter
{
    /// <summary>The first bytes of saved state.</summary>
    public static ReadOnlySpan<byte> Magic => "HolonDS1"u8;

    /// <summary>How deep sections may nest: machine, board, bus, function, and room for one more.</summary>
    public const int MaximumDepth = 8;

    private readonly int[] _lengthPositions = new int[MaximumDepth];
    private byte[] _buffer = new byte[4096];
    private int _length, _depth;

    /// <summary>Empty state.</summary>
    public DeviceStateWriter() => Magic.CopyTo(Take(Magic.Length));

    /// <summary>What was written so far.</summary>
    public ReadOnlyMemory<byte> Written => _buffer.AsMemory(0, _length);

    /// <summary>Starts a section.</summary>
    /// <param name="name">ASCII, up to 255 bytes.</param>
    /// <param name="version">Raised whenever the section's content changes.</param>
    public void BeginSection(string name, ushort version)
    {
        if (_depth == MaximumDepth) throw new InvalidOperationException("Sections nest too deep.");
        ArgumentOutOfRangeException.ThrowIfGreaterThan(name.Length, 255, nameof(name));
        Write((byte)name.Length);
        Encoding.ASCII.GetBytes(name, Take(name.Length));
        Write(version);
        _lengthPositions[_depth++] = _length;
        Write(0u);
    }

    /// <summary>Ends the section begun last.</summary>
    public void EndSection()
    {
        if (_depth == 0) throw new InvalidOperationException("No section is open.");
        var position = _lengthPositions[--_depth];
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.AsSpan(position), (uint)(_length - position - sizeof(uint)));
    }

    /// <summary>Writes a truth value as one byte.</summary>
    public void Write(bool value) => Write(value ? (byte)1 : (byte)0);

    /// <summary>Writes 8 bits.</summary>
    public void Write(byte value) => Take(1)[0] = value;

    /// <summary>Writes 16 bits.</summary>
    public void Write(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Take(2), value);

    /// <summary>Writes 32 bits.</summary>
    public void Write(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Take(4), value);

    /// <summary>Writes 32 bits.</summary>
    public void Write(int value) => Write((uint)value);

    /// <summary>Writes 64 bits.</summary>
    public void Write(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(8), value);

    /// <summary>Writes 64 bits.</summary>
    public void Write(long value) => Write((ulong)value);

    /// <summary>Writes bytes whose number the reader knows.</summary>
    public void WriteBytes(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    private Span<byte> Take(int count)
    {
        if (count > _buffer.Length - _length) Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, checked(_length + count)));
        var span = _buffer.AsSpan(_length, count);
        _length += count;
        return span;
    }
}
