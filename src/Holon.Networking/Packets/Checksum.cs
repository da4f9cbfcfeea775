using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Holon.Networking.Packets;

/// <summary>
/// The Internet checksum (RFC 1071). Sums are kept in the host's byte order, in which the result is stored as it is (RFC 1071 §2 (B)).
/// </summary>
internal static class Checksum
{
    /// <summary>Adds bytes that begin at an even position.</summary>
    public static ulong Add(ReadOnlySpan<byte> data, ulong sum)
    {
        ref var at = ref MemoryMarshal.GetReference(data);
        var length = data.Length;
        if (Vector256.IsHardwareAccelerated && length >= 64)
        {
            // 32-bit words widened to 64 bits cannot overflow in 64 KiB.
            var first = Vector256<ulong>.Zero;
            var second = Vector256<ulong>.Zero;
            while (length >= 32)
            {
                var words = Vector256.LoadUnsafe(ref at).AsUInt32();
                first += Vector256.WidenLower(words);
                second += Vector256.WidenUpper(words);
                at = ref Unsafe.Add(ref at, 32);
                length -= 32;
            }

            sum = Carry(sum, Vector256.Sum(first + second));
        }

        while (length >= 4)
        {
            sum = Carry(sum, Unsafe.ReadUnaligned<uint>(ref at));
            at = ref Unsafe.Add(ref at, 4);
            length -= 4;
        }

        if (length >= 2)
        {
            sum = Carry(sum, Unsafe.ReadUnaligned<ushort>(ref at));
            at = ref Unsafe.Add(ref at, 2);
            length -= 2;
        }

        return length == 0 ? sum : Carry(sum, BitConverter.IsLittleEndian ? at : (ulong)at << 8);
    }

    /// <summary>Adds pieces of memory as if they were one.</summary>
    public static ulong Add(ReadOnlySpan<MemorySegment> segments, ulong sum)
    {
        var odd = false;
        foreach (ref readonly var segment in segments)
        {
            var part = Fold(Add(segment.Span, 0));
            sum = Carry(sum, odd ? (ushort)BitOperations.RotateLeft((uint)part << 16 | part, 8) : part); // RFC 1071 §2 (B): swapped by an odd offset
            odd ^= (segment.Length & 1) != 0;
        }

        return sum;
    }

    /// <summary>The pseudo-header's sum (RFC 9293 §3.1, RFC 8200 §8.1).</summary>
    public static ulong PseudoHeader(IpAddress source, IpAddress destination, byte protocol, int length)
    {
        Span<byte> header = stackalloc byte[40];
        var at = source.Write(header);
        at += destination.Write(header[at..]);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(header[at..], length);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(header[(at + 4)..], protocol);
        return Add(header[..(at + 8)], 0);
    }

    /// <summary>The sum in 16 bits, not complemented: what an incomplete checksum field holds.</summary>
    public static ushort Fold(ulong sum)
    {
        sum = (sum & 0xFFFF_FFFF) + (sum >> 32);
        sum = (sum & 0xFFFF) + (sum >> 16 & 0xFFFF) + (sum >> 32);
        sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)((sum & 0xFFFF) + (sum >> 16));
    }

    /// <summary>The checksum, to be stored with <see cref="Store"/>.</summary>
    public static ushort Finish(ulong sum) => (ushort)~Fold(sum);

    /// <summary>Stores a checksum or an incomplete one.</summary>
    public static void Store(Span<byte> field, ushort value) => MemoryMarshal.Write(field, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Carry(ulong sum, ulong value)
    {
        sum += value;
        return sum + (sum < value ? 1ul : 0ul);
    }
}
