using System.Buffers.Binary;
using System.Text;
using Holon.Devices.State;
using Holon.Memory;

namespace Holon.Devices.FwCfg;

/// <summary>
/// QEMU's firmware configuration device (docs/specs/fw_cfg.rst): named blobs that firmware and test programs read through ports
/// 0x510–0x51B, byte by byte or by DMA.
/// </summary>
/// <remarks>Not thread-safe: every call is made under the device's lock. Items are added before the guest runs.</remarks>
public sealed class FwCfgDevice : IBusDevice, IStatefulDevice
{
    /// <summary>Where the ports are.</summary>
    public const ushort DefaultPort = 0x510;

    /// <summary>How many ports: selector and data overlap in the first two, the DMA address is in the last eight.</summary>
    public const int Length = 12;

    private const int MaximumFiles = 1024, FileNameLength = 56, DirectoryEntryLength = 64;
    private const ulong DmaSignature = 0x51454D5520434647; // "QEMU CFG"
    private const uint DmaError = 1, DmaRead = 2, DmaSkip = 4, DmaSelect = 8, DmaWrite = 16;
    private const int DmaDescriptorLength = 16, DmaChunk = 1 << 20;

    private readonly Dictionary<ushort, ReadOnlyMemory<byte>> _items = [];
    private readonly SortedDictionary<string, ReadOnlyMemory<byte>> _files = new(StringComparer.Ordinal);
    private readonly GuestMemory? _memory;
    private ReadOnlyMemory<byte> _item;
    private ushort _key;
    private uint _position;
    private uint _dmaHigh;

    /// <summary>Makes the device with its signature, and no items.</summary>
    /// <param name="memory">The guest's memory, or null to offer no DMA.</param>
    public FwCfgDevice(GuestMemory? memory)
    {
        _memory = memory;
        Add(FwCfgKey.Signature, "QEMU"u8.ToArray());
        Add(FwCfgKey.Identification, memory is null ? 1u : 3u);
        PublishFiles();
        Select(FwCfgKey.Signature);
    }

    /// <summary>Adds an item, or replaces it.</summary>
    public void Add(ushort key, ReadOnlyMemory<byte> data)
    {
        _items[key] = data;
        if (key == _key) _item = data;
    }

    /// <summary>Adds a little-endian number of 16 bits.</summary>
    public void Add(ushort key, ushort value)
    {
        var bytes = new byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
        Add(key, bytes);
    }

    /// <summary>Adds a little-endian number of 32 bits.</summary>
    public void Add(ushort key, uint value)
    {
        var bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        Add(key, bytes);
    }

    /// <summary>Adds a little-endian number of 64 bits.</summary>
    public void Add(ushort key, ulong value)
    {
        var bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Add(key, bytes);
    }

    /// <summary>Adds a file, or replaces it, such as <c>etc/e820</c>, <c>bootorder</c> or <c>opt/org.example/data</c>.</summary>
    /// <param name="name">ASCII, up to 55 characters.</param>
    /// <param name="data">Its content.</param>
    public void AddFile(string name, ReadOnlyMemory<byte> data)
    {
        if (name.Length is 0 or >= FileNameLength || !Ascii.IsValid(name))
            throw new ArgumentException($"\"{name}\" is no name for a firmware file: 1 to {FileNameLength - 1} ASCII characters are.", nameof(name));
        if (_files.Count == MaximumFiles) throw new InvalidOperationException($"More than {MaximumFiles} firmware files.");
        _files[name] = data;
        PublishFiles();
    }

    /// <summary>Reads the next byte of the item selected; past its end there are zeros. DMA's ports read as its signature.</summary>
    public ulong Read(ulong offset, int size)
    {
        if (offset is >= 4 and < Length && _memory is not null)
        {
            var signature = BinaryPrimitives.ReverseEndianness(DmaSignature); // its first character is at the lowest port
            return (signature >> ((int)(offset - 4) * 8)) & RegisterMap.Ones(size);
        }

        return offset is 0 or 1 && size == 1 ? NextByte() : RegisterMap.Ones(size);
    }

    /// <summary>Takes a key (16 bits at the first port) or a part of the DMA address, whose low half starts the transfer.</summary>
    public void Write(ulong offset, int size, ulong value)
    {
        switch (offset, size)
        {
            case (0, 2):
                Select((ushort)value);
                break;
            case (4, 4):
                _dmaHigh = BinaryPrimitives.ReverseEndianness((uint)value);
                break;
            case (8, 4):
                Transfer(((ulong)_dmaHigh << 32) | BinaryPrimitives.ReverseEndianness((uint)value));
                break;
            case (4, 8):
                Transfer(BinaryPrimitives.ReverseEndianness(value));
                break;
        }
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _dmaHigh = 0;
        Select(FwCfgKey.Signature);
    }

    /// <inheritdoc/>
    public void Save(DeviceStateWriter writer)
    {
        writer.BeginSection("fw-cfg", 1);
        writer.Write(_key);
        writer.Write(_position);
        writer.Write(_dmaHigh);
        writer.EndSection();
    }

    /// <summary>Takes where the guest was; the items are the board's to add again.</summary>
    public void Load(DeviceStateReader reader)
    {
        reader.BeginSection("fw-cfg", 1);
        Select(reader.ReadUInt16());
        _position = reader.ReadUInt32();
        _dmaHigh = reader.ReadUInt32();
        reader.EndSection();
    }

    private void Select(ushort key)
    {
        _key = (ushort)(key & 0xBFFF); // bit 14 once asked for writing
        _position = 0;
        _item = _items.GetValueOrDefault(_key);
    }

    private byte NextByte()
    {
        if (_position >= (uint)_item.Length) return 0;
        return _item.Span[(int)_position++];
    }

    /// <summary>Lists the files, by name, under keys of their own. Big-endian, as the specification has it.</summary>
    private void PublishFiles()
    {
        var directory = new byte[sizeof(uint) + (_files.Count * DirectoryEntryLength)];
        BinaryPrimitives.WriteUInt32BigEndian(directory, (uint)_files.Count);
        var entry = directory.AsSpan(sizeof(uint));
        var key = FwCfgKey.FirstFile;
        foreach (var (name, data) in _files)
        {
            BinaryPrimitives.WriteUInt32BigEndian(entry, (uint)data.Length);
            BinaryPrimitives.WriteUInt16BigEndian(entry[4..], key);
            Encoding.ASCII.GetBytes(name, entry[8..]);
            Add(key++, data);
            entry = entry[DirectoryEntryLength..];
        }

        Add(FwCfgKey.FileDirectory, directory);
    }

    /// <summary>Carries out the transfer that a descriptor in guest memory asks for, and writes its result there.</summary>
    private void Transfer(ulong descriptor)
    {
        _dmaHigh = 0;
        if (_memory is null || !_memory.Contains(descriptor, DmaDescriptorLength)) return;
        var fields = _memory.Span(descriptor, DmaDescriptorLength);
        var control = BinaryPrimitives.ReadUInt32BigEndian(fields);
        var length = BinaryPrimitives.ReadUInt32BigEndian(fields[4..]);
        var address = BinaryPrimitives.ReadUInt64BigEndian(fields[8..]);
        if ((control & DmaSelect) != 0) Select((ushort)(control >> 16));
        var succeeded = (control & DmaRead) != 0 ? CopyToGuest(_memory, address, length)
            : (control & DmaWrite) == 0 && SkipBytes((control & DmaSkip) != 0 ? length : 0); // no item can be written

        Span<byte> result = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(result, succeeded ? 0 : DmaError);
        _memory.Write(descriptor, result);
    }

    private bool SkipBytes(uint length)
    {
        _position = (uint)Math.Min((ulong)_position + length, (ulong)_item.Length);
        return true;
    }

    private bool CopyToGuest(GuestMemory memory, ulong address, uint length)
    {
        if (!memory.Contains(address, length)) return false; // so no more is written than the guest has memory
        var available = (uint)Math.Min(length, (uint)_item.Length - Math.Min(_position, (uint)_item.Length));
        if (available > 0) memory.Write(address, _item.Span.Slice((int)_position, (int)available));
        SkipBytes(length);
        for (ulong done = available; done < length;)
        {
            var chunk = (int)Math.Min(length - done, DmaChunk);
            memory.Span(address + done, chunk).Clear();
            memory.CodePages.NotifyWrite(address + done, (ulong)chunk);
            done += (ulong)chunk;
        }

        return true;
    }
}
