using Holon.Devices.Fuse;
using Holon.Devices.Virtio.Queues;

namespace Holon.Devices.Virtio.FileSystem;

/// <summary>One request of the driver's while it is under way. Kept and used again.</summary>
internal sealed class FileSystemRequest
{
    public FileSystemRequest(VirtioQueue queue)
    {
        Queue = queue;
        Chain = queue.CreateChain();
        Fuse = new FuseRequest(queue.MaximumSize);
    }

    /// <summary>The queue it belongs to.</summary>
    public VirtioQueue Queue { get; }

    /// <summary>The driver's buffers.</summary>
    public DescriptorChain Chain { get; }

    /// <summary>What is asked, and the answer.</summary>
    public FuseRequest Fuse { get; }

    /// <summary>Takes the message out of the chain. The data of reads and writes stays where it is.</summary>
    /// <exception cref="VirtioDriverException">The chain is not even a message.</exception>
    public void Begin()
    {
        Span<byte> header = stackalloc byte[FuseRequest.RequestHeader];
        if (Chain.Read(0, header) < header.Length) throw new VirtioDriverException("gave a file system request without its header");
        var isWrite = FuseRequest.IsWrite(header);
        var length = isWrite ? Math.Min(Chain.ReadableLength, FuseRequest.WriteHeader) : Chain.ReadableLength;
        if (length > FuseRequest.MostMessage) throw new VirtioDriverException($"gave a file system request of {length} bytes");
        Chain.Read(0, Fuse.Begin((int)length));
        if (isWrite) AddVectors(Chain.Readable, FuseRequest.WriteHeader);
        else if (Fuse.IsRead) AddVectors(Chain.Writable, FuseRequest.AnswerHeader);
    }

    /// <summary>Writes the answer into the chain.</summary>
    /// <returns>Its length.</returns>
    public uint WriteAnswer()
    {
        var length = FuseRequest.AnswerHeader + (Fuse.Error < 0 ? 0 : Fuse.Answer.Length + Fuse.DataLength);
        if (length > Chain.WritableLength) return WriteHeader(-5, (uint)FuseRequest.AnswerHeader); // EIO: no room for it
        if (Fuse.DataLength > 0) NotifyRead();
        if (Fuse.Error == 0) Chain.Write(FuseRequest.AnswerHeader, Fuse.Answer);
        return WriteHeader(Fuse.Error, (uint)length);
    }

    private uint WriteHeader(int error, uint length)
    {
        Span<byte> header = stackalloc byte[FuseRequest.AnswerHeader];
        BitConverter.TryWriteBytes(header, length);
        BitConverter.TryWriteBytes(header[4..], error);
        BitConverter.TryWriteBytes(header[8..], Fuse.Unique);
        return (uint)Chain.Write(0, header) < header.Length ? 0 : length;
    }

    /// <summary>Code that was overwritten by what was read is forgotten.</summary>
    private void NotifyRead() => Chain.NotifyWritten(FuseRequest.AnswerHeader + Fuse.DataLength);

    private void AddVectors(ReadOnlySpan<GuestBuffer> buffers, long skip)
    {
        foreach (ref readonly var buffer in buffers)
        {
            if (skip >= buffer.Length)
            {
                skip -= buffer.Length;
                continue;
            }

            Fuse.AddVector(buffer.Host + (nint)skip, (nint)(buffer.Length - skip));
            skip = 0;
        }
    }
}
