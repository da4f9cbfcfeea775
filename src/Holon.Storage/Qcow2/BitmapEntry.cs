using System.Buffers.Binary;
using System.Text;
using Holon.Storage.Host;

namespace Holon.Storage.Qcow2;

/// <summary>A dirty bitmap as the directory in the file describes it. See "Bitmap directory" of the format.</summary>
internal sealed class BitmapEntry
{
    /// <summary>Bounds of QEMU, so that either reads what the other writes.</summary>
    public const int LongestName = 1023, LeastGranularityBits = 9, MostGranularityBits = 31;
    private const int FixedBytes = 24;
    private const uint InUseFlag = 1, AutoFlag = 2, ExtraIsCompatibleFlag = 4;
    private const int MostTableEntries = 0x8000000 / 8;

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Bytes of the disk that a bit stands for, as a power of two.</summary>
    public required int GranularityBits { get; init; }

    /// <summary>Whether the file's content is not to be trusted: somebody writes, or did not finish.</summary>
    public bool InUse { get; set; }

    /// <summary>Whether every write is noted.</summary>
    public bool Enabled { get; set; }

    /// <summary>What we do not know but keep.</summary>
    public byte[] Extra { get; init; } = [];

    /// <summary>Whether it may be used although we do not know <see cref="Extra"/>.</summary>
    public bool ExtraIsCompatible { get; init; }

    /// <summary>Where its table is.</summary>
    public long TableOffset { get; set; }

    /// <summary>Entries of its table.</summary>
    public int TableSize { get; set; }

    /// <summary>Where its flags are in the file.</summary>
    public long FlagsPosition { get; private init; }

    /// <summary>The flags as in the file.</summary>
    public uint Flags => (InUse ? InUseFlag : 0) | (Enabled ? AutoFlag : 0) | (ExtraIsCompatible ? ExtraIsCompatibleFlag : 0);

    /// <summary>Whether its content can be read, changed and written.</summary>
    public bool IsUsable => !InUse && (Extra.Length == 0 || ExtraIsCompatible);

    /// <summary>Reads the directory.</summary>
    public static List<BitmapEntry> ReadDirectory(ImageFile file, Qcow2Header header)
    {
        var entries = new List<BitmapEntry>();
        if (header.Bitmaps is not { } place || !header.Autoclear.HasFlag(AutoclearFeatures.Bitmaps)) return entries;
        if (place.Offset > file.Length - place.Bytes) throw Corruption.At(file.Name, place.Offset, "bitmap directory", "reaches behind the end of the file");
        var bytes = new byte[place.Bytes];
        file.Read(place.Offset, bytes);
        var position = 0;
        for (var i = 0; i < place.Count; i++)
        {
            var at = place.Offset + position;
            if (bytes.Length - position < FixedBytes) throw Corruption.At(file.Name, at, "bitmap directory", "ends in the middle of an entry");
            var data = bytes.AsSpan(position);
            var (nameLength, extraLength) = (BinaryPrimitives.ReadUInt16BigEndian(data[18..]), BinaryPrimitives.ReadUInt32BigEndian(data[20..]));
            var length = FixedBytes + (long)extraLength + nameLength;
            if (length > data.Length) throw Corruption.At(file.Name, at, "bitmap directory", "ends in the middle of an entry");
            if (nameLength is 0 or > LongestName) throw Corruption.At(file.Name, at + 18, "length of a bitmap's name", $"is {nameLength}");
            var (offset, size, flags) = (BinaryPrimitives.ReadInt64BigEndian(data), BinaryPrimitives.ReadUInt32BigEndian(data[8..]), BinaryPrimitives.ReadUInt32BigEndian(data[12..]));
            if (data[16] != 1) throw Corruption.At(file.Name, at + 16, "type of a bitmap", $"is {data[16]}, which is not known");
            if ((flags & ~(InUseFlag | AutoFlag | ExtraIsCompatibleFlag)) != 0) throw Corruption.At(file.Name, at + 12, "flags of a bitmap", $"are {flags}");
            if (data[17] is < LeastGranularityBits or > MostGranularityBits) throw Corruption.At(file.Name, at + 17, "granularity of a bitmap", $"is 2 to the {data[17]}");
            if (size > MostTableEntries) throw Corruption.At(file.Name, at + 8, "size of a bitmap's table", $"is {size}");
            if (size > 0 && (offset <= 0 || (offset & (header.ClusterSize - 1)) != 0 || offset > file.Length - (8L * size)))
                throw Corruption.At(file.Name, at, "table of a bitmap", $"is at {(ulong)offset}, which is no place for it");
            entries.Add(new BitmapEntry
            {
                Name = Encoding.UTF8.GetString(data.Slice(FixedBytes + (int)extraLength, nameLength)),
                GranularityBits = data[17],
                InUse = (flags & InUseFlag) != 0,
                Enabled = (flags & AutoFlag) != 0,
                ExtraIsCompatible = (flags & ExtraIsCompatibleFlag) != 0,
                Extra = data.Slice(FixedBytes, (int)extraLength).ToArray(),
                TableOffset = offset,
                TableSize = (int)size,
                FlagsPosition = at + 12,
            });
            position = (int)Math.Min(position + ((length + 7) & -8), bytes.Length);
        }

        return entries;
    }

    /// <summary>The directory as it is in the file.</summary>
    public static byte[] ToBytes(IEnumerable<BitmapEntry> entries)
    {
        var stream = new MemoryStream();
        Span<byte> head = stackalloc byte[FixedBytes];
        foreach (var entry in entries)
        {
            var name = Encoding.UTF8.GetBytes(entry.Name);
            BinaryPrimitives.WriteInt64BigEndian(head, entry.TableOffset);
            BinaryPrimitives.WriteInt32BigEndian(head[8..], entry.TableSize);
            BinaryPrimitives.WriteUInt32BigEndian(head[12..], entry.Flags);
            (head[16], head[17]) = (1, (byte)entry.GranularityBits);
            BinaryPrimitives.WriteUInt16BigEndian(head[18..], (ushort)name.Length);
            BinaryPrimitives.WriteInt32BigEndian(head[20..], entry.Extra.Length);
            stream.Write(head);
            stream.Write(entry.Extra);
            stream.Write(name);
            stream.Write(new byte[-stream.Length & 7]);
        }

        return stream.ToArray();
    }

    /// <summary>Reads and checks its table: where the pieces of its content are.</summary>
    public ulong[] ReadTable(ImageFile file, int clusterSize)
    {
        var bytes = new byte[8L * TableSize];
        file.Read(TableOffset, bytes);
        var table = new ulong[TableSize];
        var length = file.Length;
        for (var i = 0; i < table.Length; i++)
        {
            table[i] = BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(8 * i));
            var place = L2Entry.Offset(table[i]);
            if ((place & (clusterSize - 1)) != 0 || place >= length || (table[i] & ~(ulong)L2Entry.OffsetMask & ~1ul) != 0 || (place != 0 && (table[i] & 1) != 0))
                throw Corruption.At(file.Name, TableOffset + (8L * i), $"table entry of the bitmap '{Name}'", $"is 0x{table[i]:x}");
        }

        return table;
    }
}
