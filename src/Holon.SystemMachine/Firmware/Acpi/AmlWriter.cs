using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Holon.SystemMachine.Firmware.Acpi;

/// <summary>
/// Writes ACPI Machine Language (ACPI §20): the few terms that a PC's description needs. Nested terms are given as actions,
/// so the code reads like the ACPI source language it stands for.
/// </summary>
internal sealed partial class AmlWriter
{
    private const byte ZeroOp = 0x00, OneOp = 0x01, NameOp = 0x08, BytePrefix = 0x0A, WordPrefix = 0x0B, DWordPrefix = 0x0C, StringPrefix = 0x0D, QWordPrefix = 0x0E,
        ScopeOp = 0x10, BufferOp = 0x11, PackageOp = 0x12, MethodOp = 0x14, DualNamePrefix = 0x2E, MultiNamePrefix = 0x2F,
        ExtendedPrefix = 0x5B, DeviceOp = 0x82, Arg0Op = 0x68, StoreOp = 0x70, IfOp = 0xA0, ReturnOp = 0xA4;

    private readonly List<byte> _bytes = [];

    /// <summary>What has been written.</summary>
    public byte[] ToArray() => [.. _bytes];

    /// <summary><c>Scope (path) { … }</c></summary>
    public void Scope(string path, Action body) => Nested([ScopeOp], () =>
    {
        Path(path);
        body();
    });

    /// <summary><c>Device (name) { … }</c></summary>
    public void Device(string name, Action body) => Nested([ExtendedPrefix, DeviceOp], () =>
    {
        Path(name);
        body();
    });

    /// <summary><c>Method (name, arguments, NotSerialized) { … }</c></summary>
    public void Method(string name, byte arguments, Action body) => Nested([MethodOp], () =>
    {
        Path(name);
        _bytes.Add(arguments);
        body();
    });

    /// <summary><c>If (name) { … }</c></summary>
    public void If(string name, Action body) => Nested([IfOp], () =>
    {
        Path(name);
        body();
    });

    /// <summary><c>Return (name)</c></summary>
    public void ReturnName(string name)
    {
        _bytes.Add(ReturnOp);
        Path(name);
    }

    /// <summary><c>Store (Arg0, name)</c></summary>
    public void StoreArgument0(string name)
    {
        _bytes.Add(StoreOp);
        _bytes.Add(Arg0Op);
        Path(name);
    }

    /// <summary><c>Name (name, number)</c></summary>
    public void Name(string name, ulong value) => Name(name, () => Integer(value));

    /// <summary><c>Name (name, "text")</c></summary>
    public void Name(string name, string text) => Name(name, () => String(text));

    /// <summary><c>Name (name, EisaId ("PNP0A03"))</c></summary>
    public void NameEisaId(string name, string id) => Name(name, () => Integer(EisaId(id)));

    /// <summary><c>Name (name, ResourceTemplate () { … })</c></summary>
    public void Name(string name, AmlResources resources) => Name(name, () => Buffer(resources.ToArray()));

    /// <summary><c>Name (name, …)</c></summary>
    public void Name(string name, Action value)
    {
        _bytes.Add(NameOp);
        Path(name);
        value();
    }

    /// <summary><c>Package () { … }</c> with up to 255 elements.</summary>
    public void Package(byte count, Action elements) => Nested([PackageOp], () =>
    {
        _bytes.Add(count);
        elements();
    });

    /// <summary><c>Package () { number, … }</c></summary>
    public void Package(params ReadOnlySpan<ulong> numbers)
    {
        var copy = numbers.ToArray();
        Package((byte)copy.Length, () => Array.ForEach(copy, Integer));
    }

    /// <summary>A number, in its shortest form.</summary>
    public void Integer(ulong value)
    {
        Span<byte> little = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(little, value);
        var (prefix, length) = value switch
        {
            0 => (ZeroOp, 0),
            1 => (OneOp, 0),
            <= byte.MaxValue => (BytePrefix, 1),
            <= ushort.MaxValue => (WordPrefix, 2),
            <= uint.MaxValue => (DWordPrefix, 4),
            _ => (QWordPrefix, 8),
        };
        _bytes.Add(prefix);
        _bytes.AddRange(little[..length]);
    }

    /// <summary>The number that stands for a plug-and-play identifier: three letters in five bits each, four hex digits (ACPI §19.6.37).</summary>
    public static uint EisaId(string id)
    {
        var letters = ((id[0] - '@') << 10) | ((id[1] - '@') << 5) | (id[2] - '@');
        var digits = ushort.Parse(id.AsSpan(3), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return BinaryPrimitives.ReverseEndianness(((uint)letters << 16) | digits);
    }

    private void String(string text)
    {
        _bytes.Add(StringPrefix);
        _bytes.AddRange(Encoding.ASCII.GetBytes(text));
        _bytes.Add(0);
    }

    private void Buffer(byte[] content) => Nested([BufferOp], () =>
    {
        Integer((ulong)content.Length);
        _bytes.AddRange(content);
    });

    /// <summary>A name string: segments of four characters, filled up with underscores (ACPI §20.2.2).</summary>
    private void Path(string path)
    {
        if (path.StartsWith('\\'))
        {
            _bytes.Add((byte)'\\');
            path = path[1..];
        }

        var segments = path.Split('.', StringSplitOptions.RemoveEmptyEntries);
        if (segments.Length == 0) _bytes.Add(ZeroOp);
        if (segments.Length == 2) _bytes.Add(DualNamePrefix);
        if (segments.Length > 2) _bytes.AddRange([MultiNamePrefix, (byte)segments.Length]);
        foreach (var segment in segments) _bytes.AddRange(Encoding.ASCII.GetBytes(segment.PadRight(4, '_')));
    }

    private void Nested(ReadOnlySpan<byte> operation, Action body)
    {
        _bytes.AddRange(operation);
        var start = _bytes.Count;
        body();
        InsertPackageLength(start, _bytes.Count - start);
    }

    /// <summary>The length of a term counts its own one to four bytes (ACPI §20.2.4).</summary>
    private void InsertPackageLength(int at, int length)
    {
        if (length + 1 < 1 << 6)
        {
            _bytes.Insert(at, (byte)(length + 1));
            return;
        }

        var following = length + 2 < 1 << 12 ? 1 : length + 3 < 1 << 20 ? 2 : 3;
        length += following + 1;
        _bytes.Insert(at, (byte)((following << 6) | (length & 0xF)));
        for (var i = 0; i < following; i++) _bytes.Insert(at + 1 + i, (byte)(length >> (4 + (8 * i))));
    }
}
