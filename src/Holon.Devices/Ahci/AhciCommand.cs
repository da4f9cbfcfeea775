using System.Buffers.Binary;
using Holon.Devices.Virtio.Queues;
using Holon.Memory;
using Holon.Storage;

namespace Holon.Devices.Ahci;

/// <summary>A command slot: the command that the guest put there, while it is under way (AHCI 1.3.1, §4.2.2 and §4.2.3). Kept and used again.</summary>
internal sealed class AhciCommand : BlockRequest
{
    private const int HeaderLength = 32, TableLength = 0x80, RegionLength = 16, FisLength = 20, MostRegions = 2048;
    private const byte HostToDevice = 0x27, CommandBit = 0x80;

    private readonly AhciPort _port;
    private readonly byte[] _fis = new byte[FisLength];
    private readonly List<GuestBuffer> _regions = [];
    private ulong _header;

    public AhciCommand(AhciPort port, int slot)
    {
        (_port, Slot) = (port, slot);
        Buffers = [];
    }

    /// <summary>Its number, 0 to 31.</summary>
    public int Slot { get; }

    /// <summary>The port's generation when it was issued: a port that was stopped meanwhile forgets the command.</summary>
    public int Generation { get; set; }

    /// <summary>What the disk is to do.</summary>
    public AtaCommand Command => (AtaCommand)_fis[2];

    /// <summary>True when it is a change of the control register instead (a software reset).</summary>
    public bool IsControl => (_fis[1] & CommandBit) == 0;

    /// <summary>The control register's software reset bit.</summary>
    public bool ResetBit => (_fis[15] & 4) != 0;

    /// <summary>The features register, 16 bits.</summary>
    public int Features => _fis[3] | (_fis[11] << 8);

    /// <summary>The count register, 16 bits.</summary>
    public int Count => _fis[12] | (_fis[13] << 8);

    /// <summary>48 bits of address.</summary>
    public long Lba48 => _fis[4] | ((long)_fis[5] << 8) | ((long)_fis[6] << 16) | ((long)_fis[8] << 24) | ((long)_fis[9] << 32) | ((long)_fis[10] << 40);

    /// <summary>28 bits of address, four of them in the device register.</summary>
    public long Lba28 => _fis[4] | ((long)_fis[5] << 8) | ((long)_fis[6] << 16) | ((long)(_fis[7] & 0xF) << 24);

    /// <summary>Bytes of the regions that the guest gave.</summary>
    public long RegionBytes { get; private set; }

    /// <summary>Whether the data travels by PIO, as far as the guest can see.</summary>
    public bool IsPio => Command is AtaCommand.Identify or AtaCommand.ReadSectors or AtaCommand.ReadSectorsExt;

    /// <summary>Whether the command is a queued one.</summary>
    public bool IsQueued => Command is AtaCommand.ReadQueued or AtaCommand.WriteQueued;

    /// <summary>True once what was written has yet to be made durable.</summary>
    public bool FlushFollows { get; set; }

    /// <summary>Ranges of a trim that are still to do, as bytes.</summary>
    public Queue<(long Offset, long Length)> Ranges { get; } = new();

    /// <summary>Reads the command that the guest has put into memory.</summary>
    /// <returns>False when it is not a command: addresses outside memory, or no register FIS.</returns>
    public bool TryRead(GuestMemory memory, ulong commandList)
    {
        _header = commandList + (ulong)(Slot * HeaderLength);
        _regions.Clear();
        RegionBytes = 0;
        FlushFollows = false;
        Ranges.Clear();
        if (!memory.Contains(_header, HeaderLength)) return false;
        var first = memory.Read<uint>(_header);
        var table = memory.Read<ulong>(_header + 8) & ~0x7Ful;
        var regions = (int)(first >> 16);
        if (regions > MostRegions || !memory.Contains(table, (ulong)(TableLength + (regions * RegionLength)))) return false;
        memory.Span(table, FisLength).CopyTo(_fis);
        if (_fis[0] != HostToDevice) return false;
        for (var i = 0; i < regions; i++)
        {
            var entry = memory.Span(table + TableLength + (ulong)(i * RegionLength), RegionLength);
            var address = BinaryPrimitives.ReadUInt64LittleEndian(entry) & ~1ul;
            var length = (BinaryPrimitives.ReadUInt32LittleEndian(entry[12..]) & 0x3F_FFFF) + 1;
            if (!memory.Contains(address, length)) return false;
            _regions.Add(new GuestBuffer(address, DescriptorChain.HostAddress(memory, address), (int)length));
            RegionBytes += length;
        }

        return true;
    }

    /// <summary>Makes the first bytes of the regions the request's buffers.</summary>
    public void UseRegions(long length)
    {
        if (Buffers.Length < _regions.Count) Buffers = new BlockBuffer[Math.Max(32, _regions.Count)];
        BufferCount = 0;
        Length = length;
        foreach (var region in _regions)
        {
            if (length == 0) break;
            var take = (int)Math.Min(region.Length, length);
            Buffers[BufferCount++] = new BlockBuffer(region.Host, take);
            length -= take;
        }
    }

    /// <summary>Copies bytes into the regions, or out of them.</summary>
    /// <returns>How many bytes.</returns>
    public int Copy(GuestMemory memory, Span<byte> bytes, bool toGuest)
    {
        var done = 0;
        foreach (var region in _regions)
        {
            var count = Math.Min(region.Length, bytes.Length - done);
            var part = DescriptorChain.Bytes(region)[..count];
            if (toGuest) bytes.Slice(done, count).CopyTo(part);
            else part.CopyTo(bytes[done..]);
            if (toGuest) memory.CodePages.NotifyWrite(region.Address, (ulong)count);
            done += count;
        }

        return done;
    }

    /// <summary>Tells the engines and the guest how much was transferred.</summary>
    public void ReportTransfer(GuestMemory memory, uint bytes)
    {
        if (Operation == BlockOperation.Read)
        {
            foreach (var region in _regions) memory.CodePages.NotifyWrite(region.Address, (ulong)region.Length);
        }

        memory.Write(_header + 4, bytes);
    }

    /// <inheritdoc/>
    public override void Complete(BlockStatus status) => _port.Completed(this, status);
}
