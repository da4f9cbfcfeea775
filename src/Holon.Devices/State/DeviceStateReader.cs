using System.Buffers.Binary;
using System.Text;
using Holon.Machines;

namespace Holon.Devices.State;

/// <summary>
/// Reads what <see cref="DeviceStateWriter"/> wrote. The data comes from a file and is not trusted: nothing is read outside the
/// section that is open, and every damage is a <see cref="HolonException"/> that names the file and the section.
/// </summary>
public sealed class DeviceStateReader
{
    private readonly ReadOnlyMemory<byte> _data;
    private readonly string _source;
    private readonly Stack<(string Name, int End)> _sections = new(DeviceStateWriter.MaximumDepth);
    private int _position;

    /// <summary>Opens saved state.</summary>
    /// <param name="data">All of it.</param>
    /// <param name="source">Where it came from, for error messages: a file name.</param>
    /// <exception cref="HolonException">It is not saved device state.</exception>
    public DeviceStateReader(ReadOnlyMemory<byte> data, string source)
    {
        _data = data;
        _source = source;
        if (!data.Span.StartsWith(DeviceStateWriter.Magic))
            throw new HolonException($"{source} is not saved device state; give the file that a snapshot wrote.");
        _position = DeviceStateWriter.Magic.Length;
    }

    /// <summary>Bytes left in the section that is open.</summary>
    public int Remaining => End - _position;

    private int End => _sections.Count > 0 ? _sections.Peek().End : _data.Length;

    /// <summary>Opens the next section, which must have this name.</summary>
    /// <param name="name">The name expected.</param>
    /// <param name="newestVersion">The newest version that the caller understands.</param>
    /// <returns>The version found, 1 to <paramref name="newestVersion"/>.</returns>
    /// <exception cref="HolonException">Another section follows, it is damaged or it is too new.</exception>
    public ushort BeginSection(string name, ushort newestVersion)
    {
        if (_sections.Count == DeviceStateWriter.MaximumDepth) throw Damaged("sections nest too deep");
        var found = Encoding.ASCII.GetString(Take(ReadByte()));
        if (found != name) throw Damaged($"section \"{name}\" expected, another one found");
        var version = ReadUInt16();
        if (version == 0 || version > newestVersion)
            throw new HolonException($"{_source} holds version {version} of the state of \"{name}\", but up to {newestVersion} is known here; use the program that wrote it or a newer one.");
        var length = ReadUInt32();
        if (length > (uint)Remaining) throw Damaged($"section \"{name}\" is longer than what is left");
        _sections.Push((name, _position + (int)length));
        return version;
    }

    /// <summary>Closes the section opened last, which must have been read to its end.</summary>
    /// <exception cref="HolonException">Data is left over.</exception>
    public void EndSection()
    {
        if (_sections.Count == 0) throw new InvalidOperationException("No section is open.");
        if (Remaining != 0) throw Damaged($"{Remaining} bytes are left over");
        _sections.Pop();
    }

    /// <summary>Reads a truth value.</summary>
    public bool ReadBoolean() => ReadByte() switch { 0 => false, 1 => true, _ => throw Damaged("a truth value is neither 0 nor 1") };

    /// <summary>Reads 8 bits.</summary>
    public byte ReadByte() => Take(1)[0];

    /// <summary>Reads 16 bits.</summary>
    public ushort ReadUInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    /// <summary>Reads 32 bits.</summary>
    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    /// <summary>Reads 32 bits.</summary>
    public int ReadInt32() => (int)ReadUInt32();

    /// <summary>Reads 64 bits.</summary>
    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    /// <summary>Reads 64 bits.</summary>
    public long ReadInt64() => (long)ReadUInt64();

    /// <summary>Reads a number that must lie in a range.</summary>
    /// <exception cref="HolonException">It does not.</exception>
    public int ReadInt32(int minimum, int maximum)
    {
        var value = ReadInt32();
        return value >= minimum && value <= maximum ? value : throw Damaged($"a number is not in {minimum} to {maximum}");
    }

    /// <summary>Reads a byte that must not exceed a maximum.</summary>
    /// <exception cref="HolonException">It does.</exception>
    public byte ReadByte(byte maximum)
    {
        var value = ReadByte();
        return value <= maximum ? value : throw Damaged($"a number is greater than {maximum}");
    }

    /// <summary>Reads a moment or length of guest time: not negative, and far enough from overflow for sums.</summary>
    /// <exception cref="HolonException">It is neither.</exception>
    public long ReadNanoseconds()
    {
        var value = ReadInt64();
        return value is >= 0 and < long.MaxValue / 4 ? value : throw Damaged("a time is out of range");
    }

    /// <summary>Fills a span.</summary>
    public void ReadBytes(Span<byte> destination) => Take(destination.Length).CopyTo(destination);

    /// <summary>The exception for damage that a device found.</summary>
    /// <param name="what">What is wrong, as half a sentence.</param>
    public HolonException Damaged(string what)
    {
        var section = _sections.Count > 0 ? $" in the state of \"{_sections.Peek().Name}\"" : "";
        return new HolonException($"{_source} is damaged{section} ({what}); restore from another snapshot.");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > Remaining) throw Damaged("it ends too early");
        var span = _data.Span.Slice(_position, count);
        _position += count;
        return span;
    }
}
