using System.Runtime.CompilerServices;
using Holon.Memory;

namespace Holon.Devices.Virtio.Queues;

/// <summary>A piece of guest memory that a descriptor names. It was checked to be memory; it stays in place while the machine exists.</summary>
/// <param name="Address">Its guest physical address.</param>
/// <param name="Host">Where it is in this process.</param>
/// <param name="Length">Bytes, at least 1.</param>
public readonly record struct GuestBuffer(ulong Address, nint Host, int Length);

/// <summary>
/// The buffers of one request: first those that the device reads, then those that it writes (virtio 1.2, §2.7.4.2). Made once and
/// filled again and again.
/// </summary>
/// <remarks>The guest may change the bytes at any time, also while they are read: whoever decides by them copies them first.</remarks>
public sealed unsafe class DescriptorChain
{
    private readonly GuestMemory _memory;
    private readonly GuestBuffer[] _buffers;

    /// <summary>A chain with room for a queue's longest request.</summary>
    internal DescriptorChain(GuestMemory memory, int capacity)
    {
        _memory = memory;
        _buffers = new GuestBuffer[capacity];
    }

    /// <summary>What the queue calls it when it is given back.</summary>
    internal ushort Id { get; private set; }

    /// <summary>Where in the ring it was found; with it the chain can be read again.</summary>
    internal ushort Position { get; private set; }

    /// <summary>Descriptors of a packed ring that it takes.</summary>
    internal ushort Slots { get; set; }

    /// <summary>Bytes that the device may read, and write.</summary>
    public long ReadableLength { get; private set; }

    /// <summary>Bytes that the device may write.</summary>
    public long WritableLength { get; private set; }

    /// <summary>Buffers that the device reads, in order.</summary>
    public ReadOnlySpan<GuestBuffer> Readable => _buffers.AsSpan(0, ReadableCount);

    /// <summary>Buffers that the device writes, in order.</summary>
    public ReadOnlySpan<GuestBuffer> Writable => _buffers.AsSpan(ReadableCount, Count - ReadableCount);

    private int ReadableCount { get; set; }

    private int Count { get; set; }

    /// <summary>Copies bytes that the driver wrote.</summary>
    /// <param name="offset">Where to begin in what is readable.</param>
    /// <param name="destination">What to fill.</param>
    /// <returns>How many bytes there were.</returns>
    public int Read(long offset, Span<byte> destination)
    {
        var done = 0;
        foreach (ref readonly var buffer in Readable)
        {
            if (offset >= buffer.Length)
            {
                offset -= buffer.Length;
                continue;
            }

            var count = (int)Math.Min(buffer.Length - offset, destination.Length - done);
            Bytes(buffer, (int)offset, count).CopyTo(destination[done..]);
            offset = 0;
            done += count;
            if (done == destination.Length) break;
        }

        return done;
    }

    /// <summary>Copies bytes to the driver.</summary>
    /// <param name="offset">Where to begin in what is writable.</param>
    /// <param name="source">The bytes.</param>
    /// <returns>How many had room.</returns>
    public int Write(long offset, ReadOnlySpan<byte> source)
    {
        var done = 0;
        foreach (ref readonly var buffer in Writable)
        {
            if (offset >= buffer.Length)
            {
                offset -= buffer.Length;
                continue;
            }

            var count = (int)Math.Min(buffer.Length - offset, source.Length - done);
            if (count == 0) break;
            source.Slice(done, count).CopyTo(Bytes(buffer, (int)offset, count));
            _memory.CodePages.NotifyWrite(buffer.Address + (ulong)offset, (ulong)count);
            offset = 0;
            done += count;
        }

        return done;
    }

    /// <summary>Says that all that is writable was written by somebody who had only the addresses.</summary>
    public void NotifyWritten()
    {
        foreach (ref readonly var buffer in Writable) _memory.CodePages.NotifyWrite(buffer.Address, (ulong)buffer.Length);
    }

    /// <summary>Says that the first bytes of what is writable were written by somebody who had only the addresses.</summary>
    public void NotifyWritten(long length)
    {
        foreach (ref readonly var buffer in Writable)
        {
            if (length <= 0) return;
            _memory.CodePages.NotifyWrite(buffer.Address, (ulong)Math.Min(buffer.Length, length));
            length -= buffer.Length;
        }
    }

    /// <summary>A buffer's bytes.</summary>
    public static Span<byte> Bytes(in GuestBuffer buffer) => Bytes(buffer, 0, buffer.Length);

    internal void Begin(ushort position)
    {
        Position = Id = position;
        Slots = 1;
        Count = ReadableCount = 0;
        ReadableLength = WritableLength = 0;
    }

    internal void SetId(ushort id) => Id = id;

    /// <summary>Adds what a descriptor names.</summary>
    /// <exception cref="VirtioDriverException">It cannot be part of the chain.</exception>
    internal void Add(ulong address, uint length, bool writable)
    {
        if (length == 0) return;
        if (Count == _buffers.Length) throw new VirtioDriverException($"gave a chain of more than {_buffers.Length} descriptors");
        if (length > int.MaxValue || !_memory.Contains(address, length)) throw new VirtioDriverException($"named {length} bytes at 0x{address:x}, which are not all memory");
        if (writable)
        {
            WritableLength += length;
        }
        else
        {
            if (Count > ReadableCount) throw new VirtioDriverException("put a readable descriptor behind a writable one");
            ReadableCount++;
            ReadableLength += length;
        }

        if (WritableLength + ReadableLength > uint.MaxValue) throw new VirtioDriverException("gave a chain of 4 GiB or more"); // §2.7.4
        _buffers[Count++] = new GuestBuffer(address, HostAddress(_memory, address), (int)length);
    }

    /// <summary>Where memory is in this process. The caller has checked that all it will touch is memory of one region.</summary>
    internal static nint HostAddress(GuestMemory memory, ulong address) =>
        (nint)(memory.PagePointer(address) + (address & (GuestMemory.PageSize - 1)));

    // Safe: buffers come from Add, which has checked that all their bytes are memory of one region; regions live as long as the machine.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Span<byte> Bytes(in GuestBuffer buffer, int offset, int count) => new((byte*)buffer.Host + offset, count);
}
