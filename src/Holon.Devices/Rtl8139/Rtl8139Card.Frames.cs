using System.Buffers.Binary;
using Holon.Networking;

namespace Holon.Devices.Rtl8139;

public sealed partial class Rtl8139Card
{
    private const int SendSlots = 4, LongestFrame = 1792, ShortestFrame = 60, PacketHeader = 4, ChecksumLength = 4;
    private const uint SendOwn = 1 << 13, SendOk = 1 << 15, SendAborted = 1 << 30, SizeMask = 0x1FFF;
    private const ushort ReadOffset = 16; // CAPR is 16 bytes behind what the driver has read (§6.9)
    private const int AcceptAll = 1, AcceptOwn = 2, AcceptMulticast = 4, AcceptBroadcast = 8, Wrap = 0x80, LengthShift = 11;
    private const ushort HeaderOk = 1, HeaderBroadcast = 1 << 13, HeaderOwn = 1 << 14, HeaderMulticast = 1 << 15;

    private readonly byte[] _sending = GC.AllocateUninitializedArray<byte>(LongestFrame, pinned: true);
    private readonly byte[] _receiving = GC.AllocateUninitializedArray<byte>(PacketHeader + LongestFrame + ChecksumLength, pinned: true);
    private int _nextSlot;
    private uint _missed;
    private bool _starved;

    private bool IsReceiveEmpty => _readAt % ReceiveLength == _writeAt;

    /// <summary>8, 16, 32 or 64 KiB (§6.7).</summary>
    private int ReceiveLength => 8192 << (int)((_receiveConfiguration >> LengthShift) & 3);

    /// <inheritdoc/>
    PortFeatures IFrameSink.Features => PortFeatures.None;

    /// <inheritdoc/>
    public unsafe bool TryTake(Frame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        lock (_lock)
        {
            // At most one round: a driver that has filled all slots with what cannot be sent does not keep us.
            for (var tried = 0; tried < SendSlots; tried++)
            {
                ref var status = ref _sendStatus[_nextSlot];
                if (_paused || !BusMaster || (_command & CommandTransmit) == 0 || (status & SendOwn) != 0) return false;
                var (address, length) = (_sendAddress[_nextSlot], (int)(status & SizeMask));
                _nextSlot = (_nextSlot + 1) % SendSlots;
                var possible = length is > 0 and <= LongestFrame && _memory.Contains(address, (ulong)length);
                status |= SendOwn | (possible ? SendOk : SendAborted);
                if (possible) _memory.Span(address, length).CopyTo(_sending);
                SetInterrupts((ushort)(_interrupts | TransmitOk), _interruptMask);
                if (!possible || !_linkUp) continue;
                if (length < ShortestFrame) _sending.AsSpan(length, ShortestFrame - length).Clear();
                frame.Clear();
                fixed (byte* bytes = _sending) frame.Add((nint)bytes, Math.Max(length, ShortestFrame)); // safe: the array is pinned for good
                return true;
            }

            return false;
        }
    }

    /// <inheritdoc/>
    public void Release(Frame frame)
    {
        // It is a copy, and its slot is the driver's already.
    }

    /// <inheritdoc/>
    public bool TryPut(ReadOnlySpan<byte> head, ReadOnlySpan<MemorySegment> body, in FrameOffload offload)
    {
        lock (_lock)
        {
            if (_paused) return false;
            if (!BusMaster || (_command & CommandReceive) == 0 || !_linkUp) return true; // lost, as on any card that does not listen
            var frame = _receiving.AsSpan(PacketHeader);
            var length = Gather(head, body, frame[..LongestFrame]);
            if (length < 0) return true; // no frame of this card's network is that long
            if (length < ShortestFrame)
            {
                frame[length..ShortestFrame].Clear();
                length = ShortestFrame;
            }

            var accepted = Accepts(frame);
            if (accepted == 0) return true;
            return TryStore(accepted, length);
        }
    }

    /// <inheritdoc/>
    public void Flush()
    {
        // Interrupts are raised with each frame: the line stays up until the driver has looked.
    }

    private static int Gather(ReadOnlySpan<byte> head, ReadOnlySpan<MemorySegment> body, Span<byte> destination)
    {
        var length = head.Length;
        foreach (ref readonly var segment in body) length += (int)segment.Length;
        if (length > destination.Length || length < 14) return -1;
        head.CopyTo(destination);
        var at = head.Length;
        foreach (ref readonly var segment in body)
        {
            segment.Span.CopyTo(destination[at..]);
            at += (int)segment.Length;
        }

        return length;
    }

    /// <summary>The status of a frame that the driver wants (§6.7); 0 for one that it does not.</summary>
    private ushort Accepts(ReadOnlySpan<byte> frame)
    {
        var destination = MacAddress.Read(frame);
        if (destination == MacAddress.Broadcast) return (_receiveConfiguration & (AcceptBroadcast | AcceptAll)) != 0 ? (ushort)(HeaderOk | HeaderBroadcast) : (ushort)0;
        if (destination.IsGroup)
        {
            var bit = (int)(FrameChecksum.OfMostSignificantFirst(frame[..MacAddress.Size]) >> 26);
            var listens = (_receiveConfiguration & AcceptMulticast) != 0 && (_multicast[bit / 8] & (1 << (bit % 8))) != 0;
            return listens || (_receiveConfiguration & AcceptAll) != 0 ? (ushort)(HeaderOk | HeaderMulticast) : (ushort)0;
        }

        var own = frame[..MacAddress.Size].SequenceEqual(_mac.AsSpan(0, MacAddress.Size));
        if (own && (_receiveConfiguration & (AcceptOwn | AcceptAll)) != 0) return HeaderOk | HeaderOwn;
        return (_receiveConfiguration & AcceptAll) != 0 ? HeaderOk : (ushort)0;
    }

    /// <summary>Puts header, frame and checksum into the ring (§5.6); without room for them nothing is lost, the network waits.</summary>
    private bool TryStore(ushort status, int length)
    {
        var ring = ReceiveLength;
        var (written, read) = (_writeAt % ring, _readAt % ring);
        var total = (PacketHeader + length + ChecksumLength + 3) & ~3;
        var free = written == read ? ring : (read - written + ring) % ring;
        if (free <= total)
        {
            _starved = true;
            SetInterrupts((ushort)(_interrupts | ReceiveOverflow), _interruptMask);
            return false;
        }

        var packet = _receiving.AsSpan(0, PacketHeader + length + ChecksumLength);
        BinaryPrimitives.WriteUInt16LittleEndian(packet, status);
        BinaryPrimitives.WriteUInt16LittleEndian(packet[2..], (ushort)(length + ChecksumLength));
        BinaryPrimitives.WriteUInt32LittleEndian(packet[^ChecksumLength..], FrameChecksum.Of(packet[PacketHeader..^ChecksumLength]));
        var beyond = (_receiveConfiguration & Wrap) != 0 && ring < 65536; // the driver has room behind the end and finds frames in one piece
        var first = beyond ? packet.Length : Math.Min(packet.Length, ring - written);
        if (!Store((ulong)_receiveStart + (uint)written, packet[..first]) || !Store(_receiveStart, packet[first..]))
        {
            _missed = (_missed + 1) & 0xFF_FFFF;
            return true; // the driver gave a ring that is not memory
        }

        _writeAt = (ushort)((written + total) % ring);
        SetInterrupts((ushort)(_interrupts | ReceiveOk), _interruptMask);
        return true;
    }

    private bool Store(ulong address, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length == 0) return true;
        if (!_memory.Contains(address, (ulong)bytes.Length)) return false;
        _memory.Write(address, bytes);
        return true;
    }

    private void StartSending(int slot, uint value)
    {
        _sendStatus[slot] = value & (SizeMask | 0x003F_0000 | SendOwn);
        _link?.Signal();
    }

    private void SetReadPointer(ushort value)
    {
        _readAt = (ushort)((value + ReadOffset) % ReceiveLength);
        if (!_starved) return;
        _starved = false;
        _link?.Signal();
    }

    /// <summary>The slots' states side by side (§6.20): OWN, TABT, TUN, TOK.</summary>
    private ulong SendSummary()
    {
        var summary = 0u;
        for (var slot = 0; slot < SendSlots; slot++)
        {
            var status = _sendStatus[slot];
            if ((status & SendOwn) != 0) summary |= 1u << slot;
            if ((status & SendAborted) != 0) summary |= 1u << (slot + 4);
            if ((status & SendOk) != 0) summary |= 1u << (slot + 12);
        }

        return summary;
    }
}
