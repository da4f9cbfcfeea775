using System.Buffers.Binary;
using Holon.Networking.Packets;

namespace Holon.Networking.Switching;

/// <summary>
/// Does in software what a frame's sender left undone and its receiver cannot do: completes checksums and cuts TCP into segments, as a card
/// does in hardware (virtio 1.2 §5.1.6.2).
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
        if (offload.SegmentSize == 0 || !TryReadIp(offload.Gso, ipBytes, out var ip) || ip.Protocol != IpProtocol.Tcp || ip.IsFragment) return true; // nonsense is dropped
        var tcpAt = EthernetHeader.Size + ip.HeaderLength;
        if (!TcpHeader.TryRead(frame[tcpAt..], out var tcp)) return true;
        var payloadAt = tcpAt + tcp.Length;
        var payload = frame[payloadAt..Math.Max(payloadAt, EthernetHeader.Size + ip.TotalLength)];
        frame[..payloadAt].CopyTo(_segment);
        for (var offset = 0; offset == 0 || offset < payload.Length; offset += offload.SegmentSize)
        {
            var part = payload[offset..Math.Min(offset + offload.SegmentSize, payload.Length)];
            var last = offset + part.Length == payload.Length;
            part.CopyTo(_segment.AsSpan(payloadAt));
            var ipPart = _segment.AsSpan(EthernetHeader.Size);
            if (ip.Source.IsV4)
            {
                BinaryPrimitives.WriteUInt16BigEndian(ipPart[2..], (ushort)(ip.HeaderLength + tcp.Length + part.Length));
                BinaryPrimitives.WriteUInt16BigEndian(ipPart[4..], (ushort)(ip.Identification + (uint)(offset / offload.SegmentSize)));
                Checksum.Store(ipPart[10..], 0);
                Checksum.Store(ipPart[10..], Checksum.Finish(Checksum.Add(ipPart[..ip.HeaderLength], 0)));
            }
            else
            {
                BinaryPrimitives.WriteUInt16BigEndian(ipPart[4..], (ushort)(ip.HeaderLength - IpHeader.V6Size + tcp.Length + part.Length));
            }

            var tcpPart = _segment.AsSpan(tcpAt, tcp.Length + part.Length);
            BinaryPrimitives.WriteUInt32BigEndian(tcpPart[4..], tcp.Sequence + (uint)offset);
            tcpPart[13] = (byte)(last ? tcp.Flags : tcp.Flags & ~(TcpFlags.Fin | TcpFlags.Psh));
            Checksum.Store(tcpPart[16..], 0);
            Checksum.Store(tcpPart[16..], Checksum.Finish(Checksum.Add(tcpPart, Checksum.PseudoHeader(ip.Source, ip.Destination, IpProtocol.Tcp, tcpPart.Length))));
            if (!port.TryPut(_segment.AsSpan(0, payloadAt + part.Length), [], default)) return false;
        }

        return true;
    }

    private static bool TryReadIp(GsoType gso, ReadOnlySpan<byte> bytes, out IpHeader ip) =>
        gso == GsoType.Tcp4 ? IpHeader.TryReadV4(bytes, bytes.Length, out ip) : IpHeader.TryReadV6(bytes, bytes.Length, out ip);
}
