using System.Buffers.Binary;
using Holon.Devices.State;

namespace Holon.Devices.Pci;

/// <summary>
/// A function's MSI-X vectors (PCI Local Bus Specification 3.0, §6.8.2): the table, which the guest fills with messages, and the
/// pending bits. The capability that says where they are is the function's.
/// </summary>
/// <remarks>Thread-safe with a lock of its own, held while a message is sent, so that a vector that was masked stays silent.</remarks>
public sealed class MsixTable
{
    /// <summary>The capability's id.</summary>
    public const byte CapabilityId = 0x11;

    /// <summary>Bits of message control.</summary>
    public const ushort ControlEnable = 1 << 15, ControlMaskAll = 1 << 14;

    private const int EntryLength = 16, AddressLow = 0, AddressHigh = 4, Data = 8, VectorControl = 12;
    private const byte VectorMasked = 1;

    private readonly Lock _lock = new();
    private readonly IMessageBus _bus;
    private readonly byte[] _table;
    private readonly ulong[] _pending;
    private bool _enabled, _maskAll;

    /// <summary>Makes the vectors, all masked.</summary>
    public MsixTable(IMessageBus bus, int vectors)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)(vectors - 1), 2047u, nameof(vectors));
        _bus = bus;
        Count = vectors;
        _table = new byte[vectors * EntryLength];
        _pending = new ulong[(vectors + 63) / 64];
        Reset();
    }

    /// <summary>Vectors.</summary>
    public int Count { get; }

    /// <summary>True while the guest wants messages instead of the interrupt pin.</summary>
    public bool IsEnabled => Volatile.Read(ref _enabled);

    /// <summary>The capability's body: message control, then where table and pending bits are.</summary>
    /// <param name="bar">The base address register of both.</param>
    /// <param name="tableOffset">Where the table is in that region.</param>
    /// <param name="pendingOffset">Where the pending bits are.</param>
    public byte[] CapabilityBody(int bar, uint tableOffset, uint pendingOffset)
    {
        var body = new byte[10];
        BinaryPrimitives.WriteUInt16LittleEndian(body, (ushort)(Count - 1));
        BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(2), tableOffset | (uint)bar);
        BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(6), pendingOffset | (uint)bar);
        return body;
    }

    /// <summary>Takes message control as the guest has written it.</summary>
    public void SetControl(ushort control)
    {
        lock (_lock)
        {
            _enabled = (control & ControlEnable) != 0;
            _maskAll = (control & ControlMaskAll) != 0;
            for (var vector = 0; vector < Count; vector++) SendPending(vector);
        }
    }

    /// <summary>Sends a vector's message, or notes it while the vector is masked.</summary>
    public void Signal(int vector)
    {
        lock (_lock)
        {
            if (!_enabled || (uint)vector >= (uint)Count) return;
            if (IsMasked(vector)) _pending[vector / 64] |= 1ul << (vector % 64);
            else Send(vector);
        }
    }

    /// <summary>Reads the table.</summary>
    public ulong ReadTable(ulong offset, int size)
    {
        lock (_lock) return ReadBytes(_table, offset, size);
    }

    /// <summary>Writes the table.</summary>
    public void WriteTable(ulong offset, int size, ulong value)
    {
        lock (_lock)
        {
            for (var i = 0; i < size && offset + (ulong)i < (ulong)_table.Length; i++)
            {
                var at = (int)offset + i;
                var part = (byte)(value >> (i * 8));

                // Of vector control only the mask exists (§6.8.2.9).
                _table[at] = (at % EntryLength) switch { VectorControl => (byte)(part & VectorMasked), > VectorControl => 0, _ => part };
            }

            if (offset < (ulong)_table.Length) SendPending((int)offset / EntryLength);
        }
    }

    /// <summary>Reads the pending bits, which cannot be written.</summary>
    public ulong ReadPending(ulong offset, int size)
    {
        lock (_lock)
        {
            var value = 0ul;
            for (var i = 0; i < size; i++)
            {
                var at = offset + (ulong)i;
                if (at < (ulong)(_pending.Length * sizeof(ulong))) value |= ((_pending[at / 8] >> (int)(at % 8 * 8)) & 0xFF) << (i * 8);
            }

            return value;
        }
    }

    /// <summary>Masks every vector.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            _enabled = _maskAll = false;
            _pending.AsSpan().Clear();
            _table.AsSpan().Clear();
            for (var vector = 0; vector < Count; vector++) _table[(vector * EntryLength) + VectorControl] = VectorMasked;
        }
    }

    /// <summary>Saves table and pending bits; message control is in configuration space.</summary>
    public void Save(DeviceStateWriter writer)
    {
        lock (_lock)
        {
            writer.WriteBytes(_table);
            foreach (var bits in _pending) writer.Write(bits);
        }
    }

    /// <summary>Takes what <see cref="Save"/> wrote.</summary>
    public void Load(DeviceStateReader reader)
    {
        lock (_lock)
        {
            reader.ReadBytes(_table);
            foreach (ref var bits in _pending.AsSpan()) bits = reader.ReadUInt64();
        }
    }

    private static ulong ReadBytes(byte[] bytes, ulong offset, int size)
    {
        var value = 0ul;
        for (var i = 0; i < size; i++)
        {
            var at = offset + (ulong)i;
            if (at < (ulong)bytes.Length) value |= (ulong)bytes[at] << (i * 8);
        }

        return value;
    }

    private bool IsMasked(int vector) => _maskAll || (_table[(vector * EntryLength) + VectorControl] & VectorMasked) != 0;

    private void SendPending(int vector)
    {
        ref var bits = ref _pending[vector / 64];
        var bit = 1ul << (vector % 64);
        if ((bits & bit) == 0 || !_enabled || IsMasked(vector)) return;
        bits &= ~bit;
        Send(vector);
    }

    private void Send(int vector)
    {
        var entry = _table.AsSpan(vector * EntryLength, EntryLength);
        var address = BinaryPrimitives.ReadUInt32LittleEndian(entry[AddressLow..]) | ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(entry[AddressHigh..]) << 32);
        _bus.Send(address, BinaryPrimitives.ReadUInt32LittleEndian(entry[Data..]));
    }
}
