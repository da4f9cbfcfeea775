using System.Buffers.Binary;
using System.Text;

namespace Holon.SystemMachine.Firmware.Acpi;

/// <summary>A table being built: the common header (ACPI §5.2.6), then whatever is added.</summary>
internal sealed class AcpiTable
{
    /// <summary>Bytes of the common header.</summary>
    public const int HeaderLength = 36;

    private const int LengthOffset = 4, ChecksumOffset = 9;

    private readonly List<byte> _bytes = [];

    /// <summary>Begins a table.</summary>
    /// <param name="signature">Four characters.</param>
    /// <param name="revision">The revision of the table's layout.</param>
    public AcpiTable(string signature, byte revision)
    {
        Add(signature, 4).Add(0u).Add(revision).Add((byte)0);
        Add("HOLON", 6).Add("HOLONSYS", 8).Add(1u).Add("HOLN", 4).Add(1u);
    }

    /// <summary>Bytes so far.</summary>
    public int Length => _bytes.Count;

    /// <summary>Adds a byte.</summary>
    public AcpiTable Add(byte value)
    {
        _bytes.Add(value);
        return this;
    }

    /// <summary>Adds two bytes.</summary>
    public AcpiTable Add(ushort value) => Add((byte)value).Add((byte)(value >> 8));

    /// <summary>Adds four bytes.</summary>
    public AcpiTable Add(uint value) => Add((ushort)value).Add((ushort)(value >> 16));

    /// <summary>Adds eight bytes.</summary>
    public AcpiTable Add(ulong value) => Add((uint)value).Add((uint)(value >> 32));

    /// <summary>Adds text, with zeros to a length.</summary>
    public AcpiTable Add(string text, int length) => Add(Encoding.ASCII.GetBytes(text.PadRight(length, '\0')));

    /// <summary>Adds bytes.</summary>
    public AcpiTable Add(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    /// <summary>Adds zeros up to an offset from the table's start, at which the next field lies.</summary>
    public AcpiTable SkipTo(int offset)
    {
        while (_bytes.Count < offset) _bytes.Add(0);
        return this;
    }

    /// <summary>Adds a generic address of an I/O port block (ACPI §5.2.3.2).</summary>
    /// <param name="port">The first port, or 0 for none.</param>
    /// <param name="length">Bytes of the block.</param>
    /// <param name="access">Access size: 1 byte, 2 word, 3 double word.</param>
    public AcpiTable AddPort(ushort port, byte length, byte access)
    {
        const byte SystemIo = 1;
        return port == 0 ? Add(0ul).Add(0u) : Add(SystemIo).Add((byte)(length * 8)).Add((byte)0).Add(access).Add((ulong)port);
    }

    /// <summary>The finished table, with its length and checksum.</summary>
    public byte[] ToArray()
    {
        var table = _bytes.ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(table.AsSpan(LengthOffset), table.Length);
        table[ChecksumOffset] = ChecksumOf(table);
        return table;
    }

    /// <summary>The byte that makes a table's bytes, in which it is still 0, sum to 0.</summary>
    public static byte ChecksumOf(ReadOnlySpan<byte> bytes)
    {
        byte sum = 0;
        foreach (var value in bytes) sum += value;
        return (byte)-sum;
    }
}
