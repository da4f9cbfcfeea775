using System.Buffers.Binary;
using Holon.Devices.Virtio.Queues;
using Holon.Storage;

namespace Holon.Devices.Virtio.Block;

/// <summary>One request of the driver's while it is under way. Kept and used again, so that nothing is allocated while requests flow.</summary>
internal sealed class BlockIo : BlockRequest
{
    private const int HeaderLength = 16, RangeLength = 16;
    private const long SectorLength = VirtioBlock.SectorLength;
    private const uint UnmapFlag = 1;

    private readonly VirtioBlock _device;

    public BlockIo(VirtioBlock device, VirtioQueue queue)
    {
        _device = device;
        Queue = queue;
        Chain = queue.CreateChain();
        Buffers = new BlockBuffer[queue.MaximumSize];
    }

    /// <summary>The queue it belongs to.</summary>
    public VirtioQueue Queue { get; }

    /// <summary>The driver's buffers.</summary>
    public DescriptorChain Chain { get; }

    /// <summary>True once a write is done that has yet to be made durable.</summary>
    public bool FlushFollows { get; set; }

    /// <summary>Makes of the chain what is asked of the backend, or what the driver is told at once.</summary>
    /// <returns>Null when the request is to be submitted.</returns>
    /// <exception cref="VirtioDriverException">The chain is not even a request.</exception>
    public BlockResult? Begin()
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        if (Chain.Read(0, header) < HeaderLength) throw new VirtioDriverException("gave a block request without its header");
        if (Chain.WritableLength < 1) throw new VirtioDriverException("gave a block request without room for its status");
        FlushFollows = false;
        BufferCount = 0;
        Length = 0;
        Offset = 0;
        var sector = BinaryPrimitives.ReadUInt64LittleEndian(header[8..]);
        switch ((BlockRequestType)BinaryPrimitives.ReadUInt32LittleEndian(header))
        {
            case BlockRequestType.In:
                Operation = BlockOperation.Read;
                AddBuffers(Chain.Writable, 0, Chain.WritableLength - 1);
                return Locate(sector, Length);
            case BlockRequestType.Out:
                if (_device.IsReadOnly) return BlockResult.IoError;
                Operation = BlockOperation.Write;
                FlushFollows = !_device.WriteBack;
                AddBuffers(Chain.Readable, HeaderLength, Chain.ReadableLength - HeaderLength);
                return Locate(sector, Length);
            case BlockRequestType.Flush:
                Operation = BlockOperation.Flush;
                return null;
            case BlockRequestType.Discard:
                return BeginRange(BlockOperation.Discard);
            case BlockRequestType.WriteZeroes:
                return BeginRange(BlockOperation.WriteZeroes);
            case BlockRequestType.GetId:
                Chain.Write(0, _device.SerialBytes.AsSpan(0, (int)Math.Min(VirtioBlock.SerialLength, Chain.WritableLength - 1)));
                return BlockResult.Ok;
            default:
                return BlockResult.Unsupported;
        }
    }

    /// <inheritdoc/>
    public override void Complete(BlockStatus status) => _device.Completed(this, status);

    private BlockResult? BeginRange(BlockOperation operation)
    {
        Span<byte> range = stackalloc byte[RangeLength];
        if (_device.IsReadOnly) return BlockResult.IoError;
        if (Chain.ReadableLength != HeaderLength + RangeLength) return BlockResult.Unsupported; // as many as the configuration allows: one
        Chain.Read(HeaderLength, range);
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(range[12..]);
        if ((flags & ~UnmapFlag) != 0 || (operation == BlockOperation.Discard && flags != 0)) return BlockResult.Unsupported; // §5.2.6.2
        Operation = operation;
        MayUnmap = (flags & UnmapFlag) != 0;
        FlushFollows = operation == BlockOperation.WriteZeroes && !_device.WriteBack;
        return Locate(BinaryPrimitives.ReadUInt64LittleEndian(range), BinaryPrimitives.ReadUInt32LittleEndian(range[8..]) * SectorLength);
    }

    private BlockResult? Locate(ulong sector, long length)
    {
        if (length % SectorLength != 0) return BlockResult.IoError;
        var end = _device.Capacity;
        if (sector > (ulong)(end / SectorLength) || length > end - ((long)sector * SectorLength)) return BlockResult.IoError;
        Offset = (long)sector * SectorLength;
        Length = length;
        return length == 0 ? BlockResult.Ok : null;
    }

    /// <summary>The data's buffers: those of the chain without header and status, which may share a buffer with it.</summary>
    private void AddBuffers(ReadOnlySpan<GuestBuffer> buffers, long skip, long length)
    {
        foreach (ref readonly var buffer in buffers)
        {
            if (length == 0) break;
            if (skip >= buffer.Length)
            {
                skip -= buffer.Length;
                continue;
            }

            var take = (int)Math.Min(buffer.Length - skip, length);
            Buffers[BufferCount++] = new BlockBuffer(buffer.Host + (nint)skip, take);
            Length += take;
            length -= take;
            skip = 0;
        }
    }
}
