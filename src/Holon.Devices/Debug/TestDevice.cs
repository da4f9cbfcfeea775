using System.Buffers.Binary;
using Holon.Devices.State;

namespace Holon.Devices.Debug;

/// <summary>
/// The device that kvm-unit-tests asks for under the name pc-testdev: a 32-bit scratch port at 0xE0 (and, byte by byte, at 0xE8),
/// a port at 0xE4 that makes the hypervisor forget what it knows of a page, interrupt lines at 0x2000, and 64 KiB of memory
/// behind device accesses at 0xFF000000.
/// </summary>
/// <remarks>Not thread-safe: every call is made under the device's lock.</remarks>
public sealed class TestDevice : IStatefulDevice
{
    /// <summary>Bytes of memory at 0xFF000000.</summary>
    public const int MemoryLength = 0x10000;

    private readonly byte[] _memory = new byte[MemoryLength];
    private readonly IInterruptLine[] _lines;
    private uint _data;

    /// <summary>Makes the device.</summary>
    /// <param name="lines">The interrupt lines that a test may drive, up to 24; the first is IRQ 0.</param>
    /// <param name="flushPage">Called with an address in a page of which caches are to be dropped.</param>
    public TestDevice(IInterruptLine[] lines, Action<uint> flushPage)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lines.Length, 24, nameof(lines));
        _lines = lines;
        Scratch = new RegisterMap(new Register(0, 4, "DATA", () => _data, value => _data = (uint)value));
        Flush = new RegisterMap(new Register(0, 4, "FLUSH", null, value => flushPage((uint)value), PartialWrite.Zero));
        Interrupts = new RegisterMap([.. lines.Select((line, i) => new Register((ushort)i, 1, $"IRQ{i}", null, value => line.Set(value != 0)))]);
        Memory = new TestMemory(_memory);
    }

    /// <summary>Ports 0xE0–0xE3, and again 0xE8–0xEB.</summary>
    public RegisterMap Scratch { get; }

    /// <summary>Ports 0xE4–0xE7.</summary>
    public RegisterMap Flush { get; }

    /// <summary>Ports from 0x2000.</summary>
    public RegisterMap Interrupts { get; }

    /// <summary>Memory at 0xFF000000.</summary>
    public IBusDevice Memory { get; }

    /// <inheritdoc/>
    public void Reset()
    {
        _data = 0;
        _memory.AsSpan().Clear();
        foreach (var line in _lines) line.Set(false);
    }

    /// <inheritdoc/>
    public void Save(DeviceStateWriter writer)
    {
        writer.BeginSection("test-device", 1);
        writer.Write(_data);
        writer.WriteBytes(_memory);
        writer.EndSection();
    }

    /// <inheritdoc/>
    public void Load(DeviceStateReader reader)
    {
        reader.BeginSection("test-device", 1);
        _data = reader.ReadUInt32();
        reader.ReadBytes(_memory);
        reader.EndSection();
    }

    private sealed class TestMemory(byte[] memory) : IBusDevice
    {
        public ulong Read(ulong offset, int size)
        {
            size = Math.Clamp(size, 1, 8);
            Span<byte> bytes = stackalloc byte[8];
            bytes.Clear();
            if (offset < MemoryLength) memory.AsSpan((int)offset, Math.Min(size, MemoryLength - (int)offset)).CopyTo(bytes);
            return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        }

        public void Write(ulong offset, int size, ulong value)
        {
            if (offset >= MemoryLength) return;
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
            bytes[..Math.Min(Math.Clamp(size, 1, 8), MemoryLength - (int)offset)].CopyTo(memory.AsSpan((int)offset));
        }
    }
}
