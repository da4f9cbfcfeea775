using System.Buffers.Binary;

namespace Holon.Storage.Qcow2;

/// <summary>Reads and writes the entries of refcount blocks, which are 1 to 64 bits wide. See "Host cluster management" of the format.</summary>
internal static class RefcountBlock
{
    /// <summary>An entry.</summary>
    public static ulong Get(ReadOnlySpan<byte> block, int index, int order) => order switch
    {
        0 => (uint)(block[index >> 3] >> (index & 7)) & 1,
        1 => (uint)(block[index >> 2] >> (2 * (index & 3))) & 3,
        2 => (uint)(block[index >> 1] >> (4 * (index & 1))) & 15,
        3 => block[index],
        4 => BinaryPrimitives.ReadUInt16BigEndian(block[(2 * index)..]),
        5 => BinaryPrimitives.ReadUInt32BigEndian(block[(4 * index)..]),
        _ => BinaryPrimitives.ReadUInt64BigEndian(block[(8 * index)..]),
    };

    /// <summary>Changes an entry to a value that fits.</summary>
    public static void Set(Span<byte> block, int index, int order, ulong value)
    {
        switch (order)
        {
            case < 3:
                var width = 1 << order;
                var shift = (index * width) & 7;
                ref var packed = ref block[(index * width) >> 3];
                packed = (byte)((packed & ~(((1 << width) - 1) << shift)) | ((int)value << shift));
                break;
            case 3:
                block[index] = (byte)value;
                break;
            case 4:
                BinaryPrimitives.WriteUInt16BigEndian(block[(2 * index)..], (ushort)value);
                break;
            case 5:
                BinaryPrimitives.WriteUInt32BigEndian(block[(4 * index)..], (uint)value);
                break;
            default:
                BinaryPrimitives.WriteUInt64BigEndian(block[(8 * index)..], value);
                break;
        }
    }

    /// <summary>The largest value of an entry.</summary>
    public static ulong Largest(int order) => order == 6 ? ulong.MaxValue : (1ul << (1 << order)) - 1;
}
