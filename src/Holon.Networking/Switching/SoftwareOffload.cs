using System.Buffers.Binary;
using Holon.Networking.Packets;

namespace Holon.Networking.Switching;

/// <summary>
/// Does in software what a frame's sender left undone and its receiver cannot do: completes checksums, cuts TCP into segments and joined UDP
/// datagrams apart, as a card does in hardware (virtio 1.2 §5.1.6.2).
/// </summary>
internal sealed class SoftwareOffload
{
    private readonly byte[] _frame = GC.AllocateUninitializedArray<byte>(Frame.MaxLength, pinned: true);
    private readonly byte[] _segment = GC.AllocateUninitializedArray<byte>(Frame.MaxLength, pinned: true);

    /// <summary>Puts a frame into a port, in the form that the port can take. False when the port had no room for all of it.</summary>
    public bool Put(IFrameSink port, Frame frame)
    {
        var features = port.Features;
        var needsChecksum = (frame.Offload.Flags & FrameOffload.NeedsChecksum) != 0 && (features & PortFeatures.PartialChecksum) == 0;
        var needsCutting = frame.Offload.Gso switch
        {
            GsoType.None => false,
            GsoType.Tcp4 => (features & PortFeatures.Tso4) == 0,
            GsoType.Tcp6 => (features & PortFeatures.Tso6) == 0,
            GsoType.Udp => (features & (frame.IsV4 ? PortFeatures.Uso4 : PortFeatures.Uso6)) == 0,
            _ => true,
        };
        if (!needsChecksum && !needsCutting) return port.TryPut([], frame.Segments, frame.Offload);
        var bytes = _frame.AsSpan(0, frame.CopyTo(0, _frame)); // the guest cannot change this copy
        return needsCutting ? Cut(port, bytes, frame.Offload) : Complete(bytes, frame.Offload) && port.TryPut(bytes, [], default);
    }

    private static bool Complete(Span<byte> frame, in FrameOffload offload)
    {
        var field = offload.ChecksumStart + offload.ChecksumOffset;
        if (offload.ChecksumStart < EthernetHeader.Size || field + 2 > frame.Length) return false;
        var sum = Checksum.Finish(Checksum.Add(frame[offload.ChecksumStart..], 0));
        Checksum.Store(frame[field..], sum == 0 ? (ushort)0xFFFF : sum); // 0 would say "none" in UDP
        return true;
    }

    private bool Cut(IFrameSink port, ReadOnlySpan<byte> frame, in FrameOffload offload)
    {
        var ipBytes = frame[EthernetHeader.Size..];
        if (offload.SegmentSize == 0 || !TryReadIp(offload.Gso, ipBytes, out var ip) || ip.IsFragment) return true; // nonsense is dropped
        var start = EthernetHeader.Size + ip.HeaderLength;
        var tcp = default(TcpHeader);
        var isUdp = offload.Gso == GsoType.Udp;
        if (ip.Protocol != (isUdp ? IpProtocol.Udp : IpProtocol.Tcp) || (isUdp ? ip.PayloadLength < UdpHeader.Size : !TcpHeader.TryRead(frame[start..], out tcp))) return true;
        var header = isUdp ? UdpHeader.Size : tcp.Length;
        var payloadAt = start + header;
        var payload = frame[payloadAt..Math.Max(payloadAt, EthernetHeader.Size + ip.TotalLength)];
        frame[..payloadAt].CopyTo(_segment);
        for (var offset = 0; offset == 0 || offset < payload.Length; offset += offload.SegmentSize)
        {
            var part = payload[offset..Math.Min(offset + offload.SegmentSize, payload.Length)];
            part.CopyTo(_segment.AsSpan(payloadAt));
            CompleteIp(_segment.AsSpan(EthernetHeader.Size), ip, header + part.Length, (uint)(offset / offload.SegmentSize));
            var transport = _segment.AsSpan(start, header + part.Length);
            if (isUdp) BinaryPrimitives.WriteUInt16BigEndian(transport[4..], (ushort)transport.Length);
            else ContinueTcp(transport, tcp, (uint)offset, last: offset + part.Length == payload.Length);
            var field = transport[(isUdp ? UdpHeader.ChecksumOffset : TcpHeader.ChecksumOffset)..];
            Checksum.Store(field, 0);
            var sum = Checksum.Finish(Checksum.Add(transport, Checksum.PseudoHeader(ip.Source, ip.Destination, ip.Protocol, transport.Length)));
            Checksum.Store(field, isUdp && sum == 0 ? (ushort)0xFFFF : sum);
            if (!port.TryPut(_segment.AsSpan(0, payloadAt + part.Length), [], default)) return isUdp && offset > 0; // the frame may come again: TCP knows what it has, datagrams would be doubled
        }

        return true;
    }

    private static void CompleteIp(Span<byte> header, in IpHeader ip, int payloadLength, uint number)
    {
        if (!ip.Source.IsV4)
        {
            BinaryPrimitives.WriteUInt16BigEndian(header[4..], (ushort)(ip.HeaderLength - IpHeader.V6Size + payloadLength));
            return;
        }

        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)(ip.HeaderLength + payloadLength));
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], (ushort)(ip.Identification + number));
        Checksum.Store(header[10..], 0);
        Checksum.Store(header[10..], Checksum.Finish(Checksum.Add(header[..ip.HeaderLength], 0)));
    }

    private static void ContinueTcp(Span<byte> segment, in TcpHeader tcp, uint offset, bool last)
    {
        BinaryPrimitives.WriteUInt32BigEndian(segment[4..], tcp.Sequence + offset);
        segment[13] = (byte)(last ? tcp.Flags : tcp.Flags & ~(TcpFlags.Fin | TcpFlags.Psh));
    }

    private static bool TryReadIp(GsoType gso, ReadOnlySpan<byte> bytes, out IpHeader ip)
    {
        var v4 = gso == GsoType.Tcp4 || (gso == GsoType.Udp && bytes.Length > 0 && bytes[0] >> 4 == 4);
        return v4 ? IpHeader.TryReadV4(bytes, bytes.Length, out ip) : IpHeader.TryReadV6(bytes, bytes.Length, out ip);
    }
}
