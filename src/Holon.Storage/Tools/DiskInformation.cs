using Holon.Machines;
using Holon.Storage.Host;
using Holon.Storage.Images;
using Holon.Storage.Qcow2;

namespace Holon.Storage.Tools;

/// <summary>A snapshot inside an image.</summary>
/// <param name="Id">Unique within the image.</param>
/// <param name="Name">Its name.</param>
/// <param name="Taken">When.</param>
/// <param name="DiskSize">Size of the disk then.</param>
/// <param name="MachineStateSize">Size of the machine state saved with it.</param>
/// <param name="GuestTime">How long the guest had run.</param>
public sealed record DiskSnapshot(string Id, string Name, DateTimeOffset Taken, long DiskSize, long MachineStateSize, TimeSpan GuestTime);

/// <summary>A dirty bitmap inside an image.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Granularity">Bytes that a bit stands for.</param>
/// <param name="Enabled">Whether writes are noted.</param>
/// <param name="Inconsistent">Whether it was not saved, so that it is worthless.</param>
public sealed record DiskBitmap(string Name, long Granularity, bool Enabled, bool Inconsistent);

/// <summary>What is known of an image without reading its content.</summary>
public sealed record DiskInformation
{
    /// <summary>The file.</summary>
    public required string Path { get; init; }

    /// <summary>Its format: raw or qcow2.</summary>
    public required string Format { get; init; }

    /// <summary>Size of the disk.</summary>
    public required long VirtualSize { get; init; }

    /// <summary>Bytes that the file takes on its medium.</summary>
    public required long ActualSize { get; init; }

    /// <summary>Size of a cluster; null for raw.</summary>
    public int? ClusterSize { get; init; }

    /// <summary>The file below, as written in the image.</summary>
    public string? BackingFile { get; init; }

    /// <summary>Where the file below is.</summary>
    public string? FullBackingFile { get; init; }

    /// <summary>The format of the file below, as written in the image.</summary>
    public string? BackingFormat { get; init; }

    /// <summary>Whether the counts are to be counted anew.</summary>
    public bool Dirty { get; init; }

    /// <summary>Whether the image is marked as corrupt.</summary>
    public bool Corrupt { get; init; }

    /// <summary>qcow2 version as tools write it: 0.10 or 1.1.</summary>
    public string? Compatibility { get; init; }

    /// <summary>zlib or zstd.</summary>
    public string? Compression { get; init; }

    /// <summary>Whether counts are written late.</summary>
    public bool LazyRefcounts { get; init; }

    /// <summary>Width of a refcount.</summary>
    public int RefcountBits { get; init; }

    /// <summary>Whether clusters have subclusters.</summary>
    public bool ExtendedL2 { get; init; }

    /// <summary>The file with the data.</summary>
    public string? DataFile { get; init; }

    /// <summary>Whether the data file is a raw image by itself.</summary>
    public bool DataFileRaw { get; init; }

    /// <summary>Snapshots inside the image.</summary>
    public IReadOnlyList<DiskSnapshot> Snapshots { get; init; } = [];

    /// <summary>Dirty bitmaps inside the image.</summary>
    public IReadOnlyList<DiskBitmap> Bitmaps { get; init; } = [];

    /// <summary>Looks at an image, and at those below it where asked.</summary>
    /// <exception cref="HolonException">It cannot be opened.</exception>
    public static IReadOnlyList<DiskInformation> Read(string path, DiskFormat format = DiskFormat.Guess, bool chain = false) => ImageOpener.Call(() =>
    {
        var found = new List<DiskInformation>();
        var next = path;
        while (next is not null)
        {
            if (found.Count == ImageOpener.DeepestChain) throw new HolonException($"{path} has more than {ImageOpener.DeepestChain} images below it; its chain is a loop, or should be shortened.");
            var information = ReadOne(next, format);
            found.Add(information);
            (next, format) = chain ? (information.FullBackingFile, ImageOpener.ParseFormat(information.BackingFormat, $"The backing file of {next}")) : (null, format);
        }

        return (IReadOnlyList<DiskInformation>)found;
    });

    private static DiskInformation ReadOne(string path, DiskFormat format)
    {
        // Without a lock: looking disturbs nobody, also while a machine writes.
        using var file = HostFile.Open(path, readOnly: true, takeLock: false);
        var start = new byte[4];
        if (format != DiskFormat.Raw) file.Read(0, start);
        if (format == DiskFormat.Raw || (format == DiskFormat.Guess && !Qcow2Header.HasMagic(start)))
            return new DiskInformation { Path = path, Format = "raw", VirtualSize = (file.Length + 511) & -512, ActualSize = file.AllocatedBytes };
        var header = Qcow2Image.ReadHeader(file);
        return new DiskInformation
        {
            Path = path,
            Format = "qcow2",
            VirtualSize = header.Size & -512,
            ActualSize = file.AllocatedBytes,
            ClusterSize = header.ClusterSize,
            BackingFile = header.BackingFile,
            FullBackingFile = header.BackingFile is null ? null : ImageOpener.Resolve(path, header.BackingFile),
            BackingFormat = header.BackingFormat,
            Dirty = header.Incompatible.HasFlag(IncompatibleFeatures.Dirty),
            Corrupt = header.Incompatible.HasFlag(IncompatibleFeatures.Corrupt),
            Compatibility = header.Version == 2 ? "0.10" : "1.1",
            Compression = header.Compression == CompressionType.Zstd ? "zstd" : "zlib",
            LazyRefcounts = header.LazyRefcounts,
            RefcountBits = 1 << header.RefcountOrder,
            ExtendedL2 = header.Incompatible.HasFlag(IncompatibleFeatures.ExtendedL2),
            DataFile = header.DataFile,
            DataFileRaw = header.Autoclear.HasFlag(AutoclearFeatures.RawDataFile),
            Snapshots = [.. SnapshotEntry.ReadTable(file, header, out _).Select(DescribeSnapshot)],
            Bitmaps = [.. BitmapEntry.ReadDirectory(file, header).Select(entry => new DiskBitmap(entry.Name, 1L << entry.GranularityBits, entry.Enabled, entry.InUse))],
        };
    }

    private static DiskSnapshot DescribeSnapshot(SnapshotEntry entry) => new(
        entry.Id, entry.Name, entry.Taken, entry.DiskSize, entry.MachineStateBytes, TimeSpan.FromTicks((long)Math.Min(entry.GuestNanoseconds / 100, long.MaxValue)));
}
