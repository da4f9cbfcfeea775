using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Holon.Storage.Host;

namespace Holon.Storage.Qcow2;

/// <summary>A snapshot inside an image, as the table in the file describes it. See "Snapshots" of the format.</summary>
internal sealed record SnapshotEntry
{
    private const int FixedBytes = 40, LeastExtra = 16, MostExtra = 1024;
    private const long LargestTable = 64 << 20;

    /// <summary>Unique within the image.</summary>
    public required string Id { get; init; }

    /// <summary>What the user calls it.</summary>
    public required string Name { get; init; }

    /// <summary>Where its L1 table is.</summary>
    public required long L1Offset { get; init; }

    /// <summary>Entries of its L1 table.</summary>
    public required int L1Size { get; init; }

    /// <summary>Size of the disk at that time.</summary>
    public required long DiskSize { get; init; }

    /// <summary>When it was taken.</summary>
    public required DateTimeOffset Taken { get; init; }

    /// <summary>How long the guest had run, in nanoseconds.</summary>
    public ulong GuestNanoseconds { get; init; }

    /// <summary>Size of the machine's state that QEMU saved with it.</summary>
    public long MachineStateBytes { get; init; }

    /// <summary>Extra data behind the fields that we know.</summary>
    public byte[] MoreExtra { get; init; } = [];

    /// <summary>Reads and checks the table.</summary>
    /// <param name="file">The file.</param>
    /// <param name="header">Its header.</param>
    /// <param name="bytesInFile">Length of the table in the file.</param>
    public static List<SnapshotEntry> ReadTable(ImageFile file, Qcow2Header header, out long bytesInFile)
    {
        var entries = new List<SnapshotEntry>();
        var fileLength = file.Length;
        var position = header.SnapshotsOffset;
        Span<byte> head = stackalloc byte[FixedBytes];
        for (var i = 0; i < header.SnapshotCount; i++)
        {
            if (position > fileLength - FixedBytes || position - header.SnapshotsOffset > LargestTable)
                throw Corruption.At(file.Name, position, "snapshot table", "reaches behind the end of the file");
            file.Read(position, head);
            var (idLength, nameLength) = (BinaryPrimitives.ReadUInt16BigEndian(head[12..]), BinaryPrimitives.ReadUInt16BigEndian(head[14..]));
            var extraLength = BinaryPrimitives.ReadUInt32BigEndian(head[36..]);
            if (extraLength > MostExtra) throw Corruption.At(file.Name, position + 36, "size of a snapshot's extra data", $"is {extraLength}");
            var rest = new byte[extraLength + idLength + nameLength];
            if (position + FixedBytes > fileLength - rest.Length) throw Corruption.At(file.Name, position, "snapshot table", "reaches behind the end of the file");
            file.Read(position + FixedBytes, rest);
            var extra = rest.AsSpan(0, (int)extraLength);
            var (l1Offset, l1Size) = (BinaryPrimitives.ReadInt64BigEndian(head), BinaryPrimitives.ReadUInt32BigEndian(head[8..]));
            var diskSize = extra.Length >= 16 ? BinaryPrimitives.ReadInt64BigEndian(extra[8..]) : header.Size;
            if (l1Size > Qcow2Header.LargestL1Bytes / 8) throw Corruption.At(file.Name, position + 8, "size of a snapshot's L1 table", $"is {l1Size}");
            if (l1Offset < 0 || l1Offset > L2Entry.OffsetMask || (l1Offset & (header.ClusterSize - 1)) != 0 || l1Offset > fileLength - (8L * l1Size))
                throw Corruption.At(file.Name, position, "L1 table of a snapshot", $"is at {(ulong)l1Offset}, which is no place for it");
            if (diskSize is < 0 or > Images.DiskImage.LargestLength || header.L1EntriesFor(diskSize) > l1Size)
                throw Corruption.At(file.Name, position + 48, "disk size of a snapshot", $"is {(ulong)diskSize}, more than its L1 table describes");
            entries.Add(new SnapshotEntry
            {
                Id = Encoding.UTF8.GetString(rest, (int)extraLength, idLength),
                Name = Encoding.UTF8.GetString(rest, (int)extraLength + idLength, nameLength),
                L1Offset = l1Offset,
                L1Size = (int)l1Size,
                DiskSize = diskSize,
                Taken = DateTimeOffset.FromUnixTimeSeconds(BinaryPrimitives.ReadUInt32BigEndian(head[16..])).AddTicks(BinaryPrimitives.ReadUInt32BigEndian(head[20..]) / 100),
                GuestNanoseconds = BinaryPrimitives.ReadUInt64BigEndian(head[24..]),
                MachineStateBytes = extra.Length >= 8 ? BinaryPrimitives.ReadInt64BigEndian(extra) : BinaryPrimitives.ReadUInt32BigEndian(head[32..]),
                MoreExtra = extra.Length > LeastExtra ? extra[LeastExtra..].ToArray() : [],
            });
            position += (FixedBytes + rest.Length + 7) & -8;
        }

        bytesInFile = position - header.SnapshotsOffset;
        return entries;
    }

    /// <summary>The table as it is in the file.</summary>
    public static byte[] ToBytes(IEnumerable<SnapshotEntry> entries)
    {
        var stream = new MemoryStream();
        Span<byte> head = stackalloc byte[FixedBytes + LeastExtra];
        foreach (var entry in entries)
        {
            var (id, name) = (Encoding.UTF8.GetBytes(entry.Id), Encoding.UTF8.GetBytes(entry.Name));
            BinaryPrimitives.WriteInt64BigEndian(head, entry.L1Offset);
            BinaryPrimitives.WriteInt32BigEndian(head[8..], entry.L1Size);
            BinaryPrimitives.WriteUInt16BigEndian(head[12..], (ushort)id.Length);
            BinaryPrimitives.WriteUInt16BigEndian(head[14..], (ushort)name.Length);
            BinaryPrimitives.WriteUInt32BigEndian(head[16..], (uint)entry.Taken.ToUnixTimeSeconds());
            BinaryPrimitives.WriteUInt32BigEndian(head[20..], (uint)(entry.Taken.UtcTicks % TimeSpan.TicksPerSecond * 100));
            BinaryPrimitives.WriteUInt64BigEndian(head[24..], entry.GuestNanoseconds);
            BinaryPrimitives.WriteUInt32BigEndian(head[32..], (uint)Math.Min(entry.MachineStateBytes, uint.MaxValue));
            BinaryPrimitives.WriteInt32BigEndian(head[36..], LeastExtra + entry.MoreExtra.Length);
            BinaryPrimitives.WriteInt64BigEndian(head[40..], entry.MachineStateBytes);
            BinaryPrimitives.WriteInt64BigEndian(head[48..], entry.DiskSize);
            stream.Write(head);
            stream.Write(entry.MoreExtra);
            stream.Write(id);
            stream.Write(name);
            stream.Write(new byte[-stream.Length & 7]);
        }

        return stream.ToArray();
    }

    /// <summary>An identifier that no other has: the number after the largest.</summary>
    public static string NextId(IEnumerable<SnapshotEntry> entries)
    {
        ulong largest = 0;
        foreach (var entry in entries)
        {
            if (ulong.TryParse(entry.Id, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < ulong.MaxValue) largest = Math.Max(largest, number);
        }

        return (largest + 1).ToString(CultureInfo.InvariantCulture);
    }
}
