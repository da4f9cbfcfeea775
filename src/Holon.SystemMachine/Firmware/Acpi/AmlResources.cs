using System.Buffers.Binary;
using Holon.Memory;

namespace Holon.SystemMachine.Firmware.Acpi;

/// <summary>A resource template: what a device occupies, as descriptors (ACPI §6.4).</summary>
internal sealed class AmlResources
{
    private const byte Consumer = 1, FixedMinMax = 0x0C; // general flags of address spaces
    private const byte MemoryType = 0, IoType = 1, BusType = 2;
    private const byte ReadWrite = 1, EntireIoRange = 3;

    private readonly List<byte> _bytes = [];

    /// <summary>I/O ports at a fixed place, 16-bit decoded.</summary>
    public AmlResources Io(ushort port, byte length)
    {
        _bytes.AddRange([0x47, 1]);
        Add16(port, port);
        _bytes.AddRange([1, length]);
        return this;
    }

    /// <summary>An ISA interrupt: edge-triggered, active high, exclusive.</summary>
    public AmlResources Irq(byte interrupt)
    {
        _bytes.Add(0x22);
        Add16((ushort)(1 << interrupt));
        return this;
    }

    /// <summary>Memory at a fixed place below 4 GiB.</summary>
    public AmlResources Memory32Fixed(MemoryRange range)
    {
        _bytes.AddRange([0x86, 9, 0, ReadWrite]);
        Add32((uint)range.Start, (uint)range.Length);
        return this;
    }

    /// <summary>Bus numbers that a bridge produces.</summary>
    public AmlResources BusNumbers(ushort first, ushort last)
    {
        _bytes.AddRange([0x88, 13, 0, BusType, FixedMinMax, 0]);
        Add16(0, first, last, 0, (ushort)(last - first + 1));
        return this;
    }

    /// <summary>I/O ports that a bridge produces.</summary>
    public AmlResources IoWindow(ushort first, ushort last)
    {
        _bytes.AddRange([0x88, 13, 0, IoType, FixedMinMax, EntireIoRange]);
        Add16(0, first, last, 0, (ushort)(last - first + 1));
        return this;
    }

    /// <summary>Memory addresses below 4 GiB that a bridge produces.</summary>
    public AmlResources MemoryWindow32(MemoryRange range)
    {
        _bytes.AddRange([0x87, 23, 0, MemoryType, FixedMinMax, ReadWrite]);
        Add32(0, (uint)range.Start, (uint)(range.End - 1), 0, (uint)range.Length);
        return this;
    }

    /// <summary>Memory addresses that a bridge produces, or with <paramref name="consumed"/> that a device occupies.</summary>
    public AmlResources MemoryWindow64(MemoryRange range, bool consumed = false)
    {
        _bytes.AddRange([0x8A, 43, 0, MemoryType, consumed ? (byte)(FixedMinMax | Consumer) : FixedMinMax, ReadWrite]);
        foreach (var value in (ReadOnlySpan<ulong>)[0, range.Start, range.End - 1, 0, range.Length])
        {
            Add32((uint)value, (uint)(value >> 32));
        }

        return this;
    }

    /// <summary>All descriptors and the end tag, whose zero checksum means that there is none.</summary>
    public byte[] ToArray() => [.. _bytes, 0x79, 0];

    private void Add16(params ReadOnlySpan<ushort> values)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ushort)];
        foreach (var value in values)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
            _bytes.AddRange(bytes);
        }
    }

    private void Add32(params ReadOnlySpan<uint> values)
    {
        foreach (var value in values) Add16((ushort)value, (ushort)(value >> 16));
    }
}
