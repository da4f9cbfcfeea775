using System.Buffers.Binary;
using System.Text;
using Holon.Machines;

namespace Holon.Storage.Qcow2;

/// <summary>The header of a qcow2 file and its extensions. See QEMU's docs/interop/qcow2, "Header" and "Header extensions".</summary>
internal sealed class Qcow2Header
{
    /// <summary>Bounds of what is opened; QEMU's, so that either opens what the other makes.</summary>
    public const int LeastClusterBits = 9, MostClusterBits = 21;
    public const int LongestBackingName = 1023;
    public const long LargestL1Bytes = 32 << 20;
    public const long LargestRefcountTableBytes = 8 << 20;
    public const int MostSnapshots = 65536;

    /// <summary>Offsets of the fields that change while the image is in use.</summary>
    public const int SizeField = 24, L1SizeField = 36, L1OffsetField = 40, RefcountTableField = 48, SnapshotsField = 60, IncompatibleField = 72, AutoclearField = 88;

    private const uint Magic = 0x514649FB; // "QFI\xfb"
    private const int LengthOfVersion2 = 72, LengthOfVersion3 = 104, LengthWithCompression = 112;
    private const uint BackingFormatExtension = 0xE2792ACA, FeatureNamesExtension = 0x6803F857, BitmapsExtension = 0x23852875,
        EncryptionExtension = 0x0537BE77, DataFileExtension = 0x44415441;

    /// <summary>Names of features, for programs that do not know them.</summary>
    private static readonly (byte Kind, byte Bit, string Name)[] FeatureNames =
    [
        (0, 0, "dirty bit"), (0, 1, "corrupt bit"), (0, 2, "external data file"), (0, 3, "compression type"), (0, 4, "extended L2 entries"),
        (1, 0, "lazy refcounts"), (2, 0, "bitmaps"), (2, 1, "raw external data"),
    ];

    /// <summary>2 or 3.</summary>
    public int Version { get; set; } = 3;

    /// <summary>The file below, as written; null when there is none.</summary>
    public string? BackingFile { get; set; }

    /// <summary>The format of the file below; null when it is not said.</summary>
    public string? BackingFormat { get; set; }

    /// <summary>The file with the data, as written.</summary>
    public string? DataFile { get; set; }

    /// <summary>Size of a cluster, as a power of two.</summary>
    public int ClusterBits { get; set; } = 16;

    /// <summary>Size of a cluster.</summary>
    public int ClusterSize => 1 << ClusterBits;

    /// <summary>Size of the disk in bytes.</summary>
    public long Size { get; set; }

    /// <summary>Entries of the active L1 table.</summary>
    public int L1Size { get; set; }

    /// <summary>Where the active L1 table is.</summary>
    public long L1Offset { get; set; }

    /// <summary>Where the refcount table is.</summary>
    public long RefcountTableOffset { get; set; }

    /// <summary>Clusters of the refcount table.</summary>
    public int RefcountTableClusters { get; set; }

    /// <summary>Number of snapshots.</summary>
    public int SnapshotCount { get; set; }

    /// <summary>Where the snapshot table is.</summary>
    public long SnapshotsOffset { get; set; }

    /// <summary>What a program must know to open the file.</summary>
    public IncompatibleFeatures Incompatible { get; set; }

    /// <summary>What a program may ignore. Bit 0: refcounts may be written late.</summary>
    public ulong Compatible { get; set; }

    /// <summary>What a program that does not know it clears when it writes.</summary>
    public AutoclearFeatures Autoclear { get; set; }

    /// <summary>Width of a refcount in bits, as a power of two.</summary>
    public int RefcountOrder { get; set; } = 4;

    /// <summary>How clusters are compressed.</summary>
    public CompressionType Compression { get; set; }

    /// <summary>Where the dirty bitmaps are; null without any.</summary>
    public BitmapDirectory? Bitmaps { get; set; }

    /// <summary>Extensions that we do not know, kept as they are.</summary>
    public List<(uint Type, byte[] Data)> OtherExtensions { get; } = [];

    /// <summary>Whether refcounts may be written late.</summary>
    public bool LazyRefcounts => (Compatible & 1) != 0;

    /// <summary>Bytes described by one L2 table.</summary>
    public long BytesPerL2Table => (long)EntriesPerL2Table << ClusterBits;

    /// <summary>Entries of an L2 table.</summary>
    public int EntriesPerL2Table => ClusterSize / L2EntryBytes;

    /// <summary>Size of an L2 entry.</summary>
    public int L2EntryBytes => Incompatible.HasFlag(IncompatibleFeatures.ExtendedL2) ? 16 : 8;

    /// <summary>L1 entries that a disk of some size needs.</summary>
    public long L1EntriesFor(long size) => size == 0 ? 0 : ((size - 1) / BytesPerL2Table) + 1;

    /// <summary>Whether a file starts as qcow2 files do.</summary>
    public static bool HasMagic(ReadOnlySpan<byte> start) => start.Length >= 4 && BinaryPrimitives.ReadUInt32BigEndian(start) == Magic;

    /// <summary>Reads and checks a header.</summary>
    /// <param name="start">The start of the file: its first cluster, or all of a shorter file.</param>
    /// <param name="name">The file, for messages.</param>
    /// <exception cref="HolonException">It is not a header, or of a kind that cannot be opened.</exception>
    public static Qcow2Header Parse(ReadOnlySpan<byte> start, string name)
    {
        if (!HasMagic(start)) throw new HolonException($"{name} is not a qcow2 image: it does not start with the format's magic number; give its real format.");
        if (start.Length < LengthOfVersion2) throw Corruption.At(name, 0, "header", $"is cut off after {start.Length} bytes");
        var header = new Qcow2Header { Version = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(start[4..]), 1000) };
        if (header.Version is not (2 or 3)) throw Corruption.Unsupported(name, $"is of qcow2 version {header.Version}, and versions 2 and 3 are known", "convert it with the program that made it");

        header.ClusterBits = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(start[20..]), 1000);
        if (header.ClusterBits is < LeastClusterBits or > MostClusterBits)
            throw Corruption.At(name, 20, "field cluster_bits", $"is {header.ClusterBits} and should be between {LeastClusterBits} and {MostClusterBits}");
        switch (BinaryPrimitives.ReadUInt32BigEndian(start[32..]))
        {
            case 0: break;
            case 1 or 2: throw Corruption.Unsupported(name, "is encrypted, which is not supported", "make an unencrypted copy with qemu-img convert");
            case var method: throw Corruption.At(name, 32, "field crypt_method", $"is {method}, which no version of the format knows");
        }

        var headerLength = header.Version == 2 ? LengthOfVersion2 : header.ParseVersion3(start, name);
        header.ParseTables(start, name);
        header.ParseExtensions(start, headerLength, name);
        header.ParseBackingName(start, name);
        if (header.Incompatible.HasFlag(IncompatibleFeatures.DataFile) && header.SnapshotCount > 0)
            throw Corruption.At(name, SnapshotsField, "field nb_snapshots", "is not 0, and an image with an external data file has no snapshots");
        return header;
    }

    /// <summary>The start of the file that says all this.</summary>
    /// <exception cref="HolonException">It does not fit into the first cluster.</exception>
    public byte[] ToBytes(string name)
    {
        var bytes = new byte[ClusterSize];
        var length = Version == 2 ? LengthOfVersion2 : Compression != CompressionType.Zlib ? LengthWithCompression : LengthOfVersion3;
        BinaryPrimitives.WriteUInt32BigEndian(bytes, Magic);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4), Version);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(20), ClusterBits);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(SizeField), Size);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(L1SizeField), L1Size);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(L1OffsetField), L1Offset);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(RefcountTableField), RefcountTableOffset);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(RefcountTableField + 8), RefcountTableClusters);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(SnapshotsField), SnapshotCount);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(SnapshotsField + 4), SnapshotsOffset);
        if (Version == 3)
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(IncompatibleField), (ulong)Incompatible);
            BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(80), Compatible);
            BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(AutoclearField), (ulong)Autoclear);
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(96), RefcountOrder);
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(100), length);
            if (length > LengthOfVersion3) bytes[104] = (byte)Compression;
        }

        var position = length;
        if (BackingFormat is not null) Append(BackingFormatExtension, Encoding.UTF8.GetBytes(BackingFormat));
        if (DataFile is not null) Append(DataFileExtension, Encoding.UTF8.GetBytes(DataFile));
        if (Bitmaps is { } bitmaps)
        {
            var data = new byte[24];
            BinaryPrimitives.WriteInt32BigEndian(data, bitmaps.Count);
            BinaryPrimitives.WriteInt64BigEndian(data.AsSpan(8), bitmaps.Bytes);
            BinaryPrimitives.WriteInt64BigEndian(data.AsSpan(16), bitmaps.Offset);
            Append(BitmapsExtension, data);
        }

        // Last, so that everything that ever changes is in the first sector, which reaches the disk whole or not at all.
        foreach (var (type, data) in OtherExtensions) Append(type, data);
        if (Version == 3 && position + 8 + (FeatureNames.Length * 48) + LongestBackingName < bytes.Length) Append(FeatureNamesExtension, FeatureNameTable());
        Append(0, []);
        if (BackingFile is not null)
        {
            var text = Encoding.UTF8.GetBytes(BackingFile);
            if (text.Length > LongestBackingName || position + text.Length > bytes.Length) throw TooLong();
            BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(8), position);
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(16), text.Length);
            text.CopyTo(bytes, position);
            position += text.Length;
        }

        return bytes[..Math.Min(bytes.Length, (position + 511) & -512)];

        void Append(uint type, byte[] data)
        {
            var padded = (data.Length + 7) & -8;
            if (position + 8 + padded > bytes.Length) throw TooLong();
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(position), type);
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(position + 4), data.Length);
            data.CopyTo(bytes, position + 8);
            position += 8 + padded;
        }

        HolonException TooLong() => new($"The names that {name} is to hold do not fit into its first {bytes.Length} bytes; use shorter file names or larger clusters.");
    }

    private static byte[] FeatureNameTable()
    {
        var table = new byte[FeatureNames.Length * 48];
        for (var i = 0; i < FeatureNames.Length; i++)
        {
            var entry = table.AsSpan(i * 48, 48);
            (entry[0], entry[1]) = (FeatureNames[i].Kind, FeatureNames[i].Bit);
            Encoding.ASCII.GetBytes(FeatureNames[i].Name, entry[2..]);
        }

        return table;
    }

    private int ParseVersion3(ReadOnlySpan<byte> start, string name)
    {
        if (start.Length < LengthOfVersion3) throw Corruption.At(name, 0, "header", $"is cut off after {start.Length} bytes");
        var length = BinaryPrimitives.ReadUInt32BigEndian(start[100..]);
        if (length < LengthOfVersion3 || (length & 7) != 0 || length > Math.Min(ClusterSize, start.Length))
            throw Corruption.At(name, 100, "field header_length", $"is {length}");
        Incompatible = (IncompatibleFeatures)BinaryPrimitives.ReadUInt64BigEndian(start[IncompatibleField..]);
        Compatible = BinaryPrimitives.ReadUInt64BigEndian(start[80..]);
        Autoclear = (AutoclearFeatures)BinaryPrimitives.ReadUInt64BigEndian(start[AutoclearField..]);
        if ((Incompatible & ~IncompatibleFeatures.Known) is var unknown and not 0)
            throw Corruption.Unsupported(name, $"uses features that are not known (bits 0x{(ulong)unknown:x})", "convert it with the program that made it");
        RefcountOrder = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(start[96..]), 1000);
        if (RefcountOrder > 6) throw Corruption.At(name, 96, "field refcount_order", $"is {RefcountOrder} and should be at most 6");
        if (length > LengthOfVersion3) Compression = (CompressionType)start[104];
        if (Compression > CompressionType.Zstd) throw Corruption.Unsupported(name, $"is compressed by method {(int)Compression}, and zlib and zstd are known", "convert it with the program that made it");
        if (Incompatible.HasFlag(IncompatibleFeatures.Compression) != (Compression != CompressionType.Zlib))
            throw Corruption.At(name, 104, "field compression_type", $"is {(int)Compression}, which contradicts the feature bits");
        if (Incompatible.HasFlag(IncompatibleFeatures.ExtendedL2) && ClusterBits < 14)
            throw Corruption.At(name, 20, "field cluster_bits", $"is {ClusterBits}, and extended L2 entries need at least 14");
        if (Autoclear.HasFlag(AutoclearFeatures.RawDataFile) && !Incompatible.HasFlag(IncompatibleFeatures.DataFile))
            throw Corruption.At(name, AutoclearField, "field autoclear_features", "says that the external data file is raw, and there is none");
        return (int)length;
    }

    private void ParseTables(ReadOnlySpan<byte> start, string name)
    {
        Size = BinaryPrimitives.ReadInt64BigEndian(start[SizeField..]);
        if (Size is < 0 or > Images.DiskImage.LargestLength) throw Corruption.At(name, SizeField, "field size", $"is {(ulong)Size}, more than any disk has");
        L1Size = Count(start, L1SizeField, "l1_size", LargestL1Bytes / 8, name);
        L1Offset = Place(start, L1OffsetField, "l1_table_offset", name);
        if (L1Size < L1EntriesFor(Size)) throw Corruption.At(name, L1SizeField, "field l1_size", $"is {L1Size}, too few entries for a disk of {Size} bytes");
        RefcountTableOffset = Place(start, RefcountTableField, "refcount_table_offset", name);
        RefcountTableClusters = Count(start, RefcountTableField + 8, "refcount_table_clusters", Math.Max(1, LargestRefcountTableBytes >> ClusterBits), name);
        SnapshotCount = Count(start, SnapshotsField, "nb_snapshots", MostSnapshots, name);
        SnapshotsOffset = Place(start, SnapshotsField + 4, "snapshots_offset", name);
        if (RefcountTableOffset == 0) throw Corruption.At(name, RefcountTableField, "field refcount_table_offset", "is 0");
        if (RefcountTableClusters == 0) throw Corruption.At(name, RefcountTableField + 8, "field refcount_table_clusters", "is 0");
        if (L1Size > 0 && L1Offset == 0) throw Corruption.At(name, L1OffsetField, "field l1_table_offset", "is 0");
    }

    private void ParseExtensions(ReadOnlySpan<byte> start, int position, string name)
    {
        var end = Math.Min(start.Length, ClusterSize);
        if (BinaryPrimitives.ReadInt64BigEndian(start[8..]) is > 0 and var backing && backing < end) end = (int)backing;
        while (position + 8 <= end)
        {
            var type = BinaryPrimitives.ReadUInt32BigEndian(start[position..]);
            var length = BinaryPrimitives.ReadUInt32BigEndian(start[(position + 4)..]);
            if (type == 0) break;
            if (length > end - position - 8) throw Corruption.At(name, position + 4, "length of a header extension", $"is {length}, more than there is room for");
            var data = start.Slice(position + 8, (int)length);
            switch (type)
            {
                case BackingFormatExtension: BackingFormat = Encoding.UTF8.GetString(data); break;
                case DataFileExtension: DataFile = Encoding.UTF8.GetString(data); break;
                case FeatureNamesExtension: break;
                case BitmapsExtension: Bitmaps = BitmapDirectory.Parse(data, position + 8, ClusterSize, name); break;
                case EncryptionExtension: throw Corruption.Unsupported(name, "is encrypted, which is not supported", "make an unencrypted copy with qemu-img convert");
                default: OtherExtensions.Add((type, data.ToArray())); break;
            }

            position += 8 + (int)((length + 7) & ~7u);
        }

        if (Autoclear.HasFlag(AutoclearFeatures.Bitmaps) && Bitmaps is null)
            throw Corruption.At(name, AutoclearField, "field autoclear_features", "says that there are bitmaps, and there are none");
    }

    private void ParseBackingName(ReadOnlySpan<byte> start, string name)
    {
        var offset = BinaryPrimitives.ReadInt64BigEndian(start[8..]);
        if (offset == 0) return;
        var length = BinaryPrimitives.ReadUInt32BigEndian(start[16..]);
        if (length > LongestBackingName) throw Corruption.At(name, 16, "field backing_file_size", $"is {length} and should be at most {LongestBackingName}");
        if (offset < LengthOfVersion2 || offset > Math.Min(start.Length, ClusterSize) - length)
            throw Corruption.At(name, 8, "field backing_file_offset", $"is {(ulong)offset}, outside of the first cluster");
        if (Autoclear.HasFlag(AutoclearFeatures.RawDataFile)) throw Corruption.At(name, 8, "field backing_file_offset", "is set, and a raw external data file goes without a backing file");
        if (length > 0) BackingFile = Encoding.UTF8.GetString(start.Slice((int)offset, (int)length));
    }

    private static int Count(ReadOnlySpan<byte> start, int field, string what, long most, string name)
    {
        var value = BinaryPrimitives.ReadUInt32BigEndian(start[field..]);
        return value <= most ? (int)value : throw Corruption.At(name, field, $"field {what}", $"is {value} and should be at most {most}");
    }

    private long Place(ReadOnlySpan<byte> start, int field, string what, string name)
    {
        var value = BinaryPrimitives.ReadInt64BigEndian(start[field..]);
        return value >= 0 && value <= L2Entry.OffsetMask && (value & (ClusterSize - 1)) == 0
            ? value
            : throw Corruption.At(name, field, $"field {what}", $"is {(ulong)value}, not the start of a cluster of {ClusterSize} bytes");
    }
}

/// <summary>What a program must know to open a file.</summary>
[Flags]
internal enum IncompatibleFeatures : ulong
{
    None = 0,

    /// <summary>Refcounts may be behind; they are counted anew before anything is written.</summary>
    Dirty = 1,

    /// <summary>Something was found to be corrupt; nothing is written until a repair.</summary>
    Corrupt = 2,

    /// <summary>Data is in another file, at the guest's offsets.</summary>
    DataFile = 4,

    /// <summary>Compressed by another method than zlib.</summary>
    Compression = 8,

    /// <summary>Clusters have 32 subclusters.</summary>
    ExtendedL2 = 16,

    /// <summary>All of these.</summary>
    Known = Dirty | Corrupt | DataFile | Compression | ExtendedL2,
}

/// <summary>What a program that does not know it clears when it writes.</summary>
[Flags]
internal enum AutoclearFeatures : ulong
{
    None = 0,

    /// <summary>The bitmaps agree with the data.</summary>
    Bitmaps = 1,

    /// <summary>The external data file is a raw image by itself.</summary>
    RawDataFile = 2,

    /// <summary>All of these.</summary>
    Known = Bitmaps | RawDataFile,
}

/// <summary>How clusters are compressed.</summary>
internal enum CompressionType : byte
{
    Zlib = 0,
    Zstd = 1,
}

/// <summary>Where the directory of dirty bitmaps is.</summary>
/// <param name="Count">Number of bitmaps.</param>
/// <param name="Offset">Where the directory starts.</param>
/// <param name="Bytes">Its length.</param>
internal readonly record struct BitmapDirectory(int Count, long Offset, long Bytes)
{
    private const int MostBitmaps = 65535, MostBytesEach = 1024 + 24;

    public static BitmapDirectory Parse(ReadOnlySpan<byte> data, int position, int clusterSize, string name)
    {
        if (data.Length != 24) throw Corruption.At(name, position, "bitmaps extension", $"has {data.Length} bytes and should have 24");
        var count = BinaryPrimitives.ReadUInt32BigEndian(data);
        var bytes = BinaryPrimitives.ReadInt64BigEndian(data[8..]);
        var offset = BinaryPrimitives.ReadInt64BigEndian(data[16..]);
        if (count is 0 or > MostBitmaps) throw Corruption.At(name, position, "number of bitmaps", $"is {count}");
        if (bytes <= 0 || bytes > (long)count * MostBytesEach) throw Corruption.At(name, position + 8, "size of the bitmap directory", $"is {(ulong)bytes}");
        if (offset <= 0 || offset > L2Entry.OffsetMask || (offset & (clusterSize - 1)) != 0)
            throw Corruption.At(name, position + 16, "offset of the bitmap directory", $"is {(ulong)offset}, not the start of a cluster");
        return new BitmapDirectory((int)count, offset, bytes);
    }
}
