using System.Numerics;
using System.Runtime.InteropServices;
using Holon.Devices.Virtio.Queues;
using Holon.Networking;

namespace Holon.Devices.Virtio.Net;

public sealed partial class VirtioNet
{
    /// <summary>Frames taken from one queue before the next has its turn.</summary>
    private const int Burst = 32;

    /// <summary>Frames in a row that may be nonsense before the network's thread does something else.</summary>
    private const int MostNonsense = 256;

    /// <summary>The most buffers that one frame is spread over: Linux's least for a mergeable buffer gives 43. Frames that need more are dropped.</summary>
    private const int MostMerged = 64;

    private const byte EcnBit = 0x80;

    private readonly DescriptorChain?[] _merged = new DescriptorChain?[MostMerged];
    private DescriptorChain[] _sent = []; // one a pair
    private long _dropped;
    private int _turn, _burst, _takenQueue;
    private uint _untold; // a bit for each queue with something that the driver was not told of
    private volatile bool _taken, _starved;

    /// <summary>Frames that the card itself dropped: malformed ones, and those that the driver gave unfit buffers for.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <inheritdoc/>
    PortFeatures IFrameSink.Features
    {
        get
        {
            var offloads = Volatile.Read(ref _offloads);
            if ((offloads & NetFeature.GuestChecksum) == 0) return PortFeatures.None;
            return PortFeatures.PartialChecksum
                | ((offloads & NetFeature.GuestTso4) != 0 ? PortFeatures.Tso4 : 0)
                | ((offloads & NetFeature.GuestTso6) != 0 ? PortFeatures.Tso6 : 0)
                | ((offloads & NetFeature.GuestUso4) != 0 ? PortFeatures.Uso4 : 0)
                | ((offloads & NetFeature.GuestUso6) != 0 ? PortFeatures.Uso6 : 0);
        }
    }

    /// <inheritdoc/>
    public bool Signals { get; set; } = true;

    /// <inheritdoc/>
    public bool TryTake(Frame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        var pairs = _pairs;
        for (var tried = 0; tried < pairs; tried++)
        {
            if (_turn >= pairs || ++_burst > Burst) NextTurn(pairs);
            if (TryTake(frame, _turn)) return true;
            NextTurn(pairs);
        }

        return false;
    }

    /// <inheritdoc/>
    public void Release(Frame frame)
    {
        var queue = Queue(_takenQueue);
        lock (queue.Lock) queue.Return(_sent[_takenQueue / 2], 0);
        _untold |= 1u << _takenQueue;
        _taken = false; // last: whoever stops the device waits for it
    }

    /// <inheritdoc/>
    public bool TryPut(ReadOnlySpan<byte> head, ReadOnlySpan<MemorySegment> body, in FrameOffload offload)
    {
        Span<byte> copy = stackalloc byte[FlowSteering.HeadLength];
        var start = head.Length >= copy.Length ? head : copy[..Gather(head, body, copy)];
        bool wanted;
        lock (_filterLock) wanted = _filter.Passes(start);
        if (!wanted || !_linkUp) return true; // received, and thrown away as a card does

        var pairs = _pairs;
        var queue = Queue(pairs == 1 ? 0 : Math.Min(_steering.Find(start), pairs - 1) * 2);
        lock (queue.Lock)
        {
            try
            {
                return !_stopped && IsActive && TryPut(queue, head, body, offload);
            }
            catch (VirtioDriverException exception)
            {
                Transport.Break(exception.Message);
                return false;
            }
        }
    }

    /// <inheritdoc/>
    public void Flush()
    {
        for (; _untold != 0 && !_stopped; _untold &= _untold - 1) Interrupt(Queue(BitOperations.TrailingZeroCount(_untold)));
    }

    private void Interrupt(VirtioQueue queue)
    {
        lock (queue.Lock)
        {
            if (!_stopped) queue.Interrupt();
        }
    }

    private void CreateChains()
    {
        _sent = [.. Enumerable.Range(0, _options.QueuePairs).Select(pair => Queue((pair * 2) + 1).CreateChain())];
        _controlChain = Queue(0).CreateChain(); // the control queue may be any of those behind the first pair
    }

    private void NextTurn(int pairs)
    {
        _turn = _turn + 1 >= pairs ? 0 : _turn + 1;
        _burst = 0;
    }

    private bool TryTake(Frame frame, int pair)
    {
        var queue = Queue((pair * 2) + 1);
        var chain = _sent[pair];
        lock (queue.Lock)
        {
            try
            {
                for (var nonsense = 0; !_stopped && IsActive;)
                {
                    if (!queue.TryTake(chain))
                    {
                        if (Signals && queue.EnableNotifications()) continue;
                        return false;
                    }

                    queue.DisableNotifications();
                    if (_linkUp && TryRead(chain, frame))
                    {
                        (_taken, _takenQueue) = (true, queue.Index);
                        if (_pairs > 1) Learn(frame, pair);
                        return true;
                    }

                    queue.Return(chain, 0);
                    queue.Interrupt();
                    _dropped++;
                    if (++nonsense < MostNonsense) continue;
                    _link?.Signal();
                    return false;
                }
            }
            catch (VirtioDriverException exception)
            {
                Transport.Break(exception.Message);
            }

            return false;
        }
    }

    private void Learn(Frame frame, int pair)
    {
        Span<byte> start = stackalloc byte[FlowSteering.HeadLength];
        _steering.Learn(start[..frame.CopyTo(0, start)], pair);
    }

    /// <summary>Makes a frame of what the driver gave; false when it is none.</summary>
    private bool TryRead(DescriptorChain chain, Frame frame)
    {
        frame.Clear();
        var header = default(NetHeader);
        if (chain.Read(0, MemoryMarshal.AsBytes(new Span<NetHeader>(ref header))) < NetHeader.Size) return false;
        var skip = NetHeader.Size;
        foreach (ref readonly var buffer in chain.Readable)
        {
            if (skip >= buffer.Length)
            {
                skip -= buffer.Length;
                continue;
            }

            if (!frame.Add(buffer.Host + skip, buffer.Length - skip)) return false;
            skip = 0;
        }

        frame.Offload = header.Offload;
        frame.Offload.Flags &= FrameOffload.NeedsChecksum; // a driver vouches for nothing (§5.1.6.2.1)
        return IsPossible(frame.Offload, frame.Length);
    }

    /// <summary>Whether what the driver left undone was negotiated and lies within the frame.</summary>
    private bool IsPossible(in FrameOffload offload, int length)
    {
        var partial = (offload.Flags & FrameOffload.NeedsChecksum) != 0;
        if (partial && (!Has(NetFeature.Checksum) || offload.ChecksumStart + offload.ChecksumOffset + 2 > length)) return false;
        if ((offload.GsoCode & EcnBit) != 0 && !Has(NetFeature.HostEcn)) return false;
        return offload.Gso switch
        {
            GsoType.None => length > 0,
            GsoType.Tcp4 => partial && offload.SegmentSize > 0 && Has(NetFeature.HostTso4),
            GsoType.Tcp6 => partial && offload.SegmentSize > 0 && Has(NetFeature.HostTso6),
            GsoType.Udp => partial && offload.SegmentSize > 0 && Has(NetFeature.HostUso),
            _ => false,
        };
    }

    /// <summary>Copies a frame into receive buffers: one, or with mergeable buffers as many as it takes (§5.1.6.4).</summary>
    private bool TryPut(VirtioQueue queue, ReadOnlySpan<byte> head, ReadOnlySpan<MemorySegment> body, in FrameOffload offload)
    {
        var length = NetHeader.Size + head.Length;
        foreach (ref readonly var segment in body) length += (int)segment.Length;
        var most = Has(NetFeature.MergeableBuffers) ? MostMerged : 1;
        var count = 0;
        queue.Mark();
        for (var room = 0L; room < length;)
        {
            if (count == most)
            {
                queue.Rewind(); // buffers that no frame fits into: the frame is lost, the driver keeps them
                _dropped++;
                return true;
            }

            var chain = _merged[count] ??= queue.CreateChain();
            if (!queue.TryTake(chain))
            {
                _starved = true; // before notifications are asked for: the first must not be missed
                if (queue.EnableNotifications()) continue;
                queue.Rewind();
                return false;
            }

            room += chain.WritableLength;
            count++;
        }

        queue.DisableNotifications();
        _starved = false;
        var header = new NetHeader { Offload = offload, BufferCount = (ushort)count };
        if ((Volatile.Read(ref _offloads) & NetFeature.GuestChecksum) == 0) header.Offload.Flags = 0;
        if ((Volatile.Read(ref _offloads) & NetFeature.GuestEcn) == 0) header.Offload.GsoCode &= unchecked((byte)~EcnBit);
        var writer = new ChainWriter(Memory, _merged);
        writer.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<NetHeader>(in header)));
        writer.Write(head);
        foreach (ref readonly var segment in body) writer.Write(segment.Span);

        for (var i = 0; i < count; i++)
        {
            var chain = _merged[i]!;
            var written = (int)Math.Min(chain.WritableLength, length);
            queue.Fill(chain, (uint)written);
            length -= written;
        }

        queue.Publish();
        _untold |= 1u << queue.Index;
        return true;
    }

    private static int Gather(ReadOnlySpan<byte> head, ReadOnlySpan<MemorySegment> body, Span<byte> destination)
    {
        head.CopyTo(destination);
        var count = head.Length;
        foreach (ref readonly var segment in body)
        {
            var piece = segment.Span[..(int)Math.Min(segment.Length, destination.Length - count)];
            piece.CopyTo(destination[count..]);
            count += piece.Length;
            if (count == destination.Length) break;
        }

        return count;
    }
}
