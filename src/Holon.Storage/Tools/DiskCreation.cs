using Holon.Machines;
using Holon.Storage.Host;
using Holon.Storage.Images;
using Holon.Storage.Qcow2;

namespace Holon.Storage.Tools;

/// <summary>How much of a new disk is reserved beforehand.</summary>
public enum Preallocation : byte
{
    /// <summary>Nothing: space is taken when it is written.</summary>
    Off,

    /// <summary>The tables, so that writing needs no more of them.</summary>
    Metadata,

    /// <summary>The tables, and the space is reserved.</summary>
    Falloc,

    /// <summary>The tables, and every byte is written.</summary>
    Full,
}

/// <summary>What a new disk is to be.</summary>
public sealed record DiskCreationOptions
{
    /// <summary>Size in bytes; rounded up to 512. May be left out with a backing file.</summary>
    public long? Length { get; init; }

    /// <summary>Raw or qcow2.</summary>
    public DiskFormat Format { get; init; } = DiskFormat.Qcow2;

    /// <summary>The file below, as it is to be written down: relative to the new file's folder.</summary>
    public string? BackingFile { get; init; }

    /// <summary>The format of the file below; looked at when it is not given.</summary>
    public DiskFormat BackingFormat { get; init; }

    /// <summary>Size of a cluster: a power of two from 512 to 2 MiB.</summary>
    public int ClusterSize { get; init; } = 65536;

    /// <summary>Version of the format: 2 or 3.</summary>
    public int Version { get; init; } = 3;

    /// <summary>Width of a refcount: 1, 2, 4, 8, 16, 32 or 64.</summary>
    public int RefcountBits { get; init; } = 16;

    /// <summary>Whether counts are written late: faster, and counted anew after a crash.</summary>
    public bool LazyRefcounts { get; init; }

    /// <summary>Whether compressed clusters are of zstd rather than zlib.</summary>
    public bool Zstd { get; init; }

    /// <summary>The file that is to hold the data, as it is to be written down.</summary>
    public string? DataFile { get; init; }

    /// <summary>Whether the data file by itself is to be a raw image of the disk.</summary>
    public bool DataFileRaw { get; init; }

    /// <summary>How much is reserved beforehand.</summary>
    public Preallocation Preallocation { get; init; }

    /// <summary>Whether a file that is there is overwritten.</summary>
    public bool Overwrite { get; init; }
}

/// <summary>Makes new disks.</summary>
public static class DiskCreation
{
    private const int Piece = 1 << 20;

    /// <summary>Makes a disk.</summary>
    /// <exception cref="HolonException">It cannot be made; nothing new is left behind.</exception>
    public static void Create(string path, DiskCreationOptions options, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ImageOpener.Call(() =>
        {
            var length = FindLength(path, options);
            var header = options.Format == DiskFormat.Raw ? RefuseQcow2Options(path, options) : MakeHeader(path, options, length);
            var existed = File.Exists(path);
            try
            {
                if (header is null) CreateRaw(path, options, length, progress, cancellationToken);
                else CreateQcow2(path, options, header, progress, cancellationToken);
            }
            catch when (!existed)
            {
                if (File.Exists(path)) File.Delete(path);
                throw;
            }

            return true;
        });
    }

    /// <summary>Makes a thin disk over another one, which stays as it is: for machines that are thrown away, and copies of one image.</summary>
    /// <param name="path">The new file.</param>
    /// <param name="backing">The file below; written down with its full path.</param>
    /// <param name="backingFormat">Its format.</param>
    public static void CreateOverlay(string path, string backing, DiskFormat backingFormat = DiskFormat.Guess) =>
        Create(path, new DiskCreationOptions { BackingFile = Path.GetFullPath(backing), BackingFormat = backingFormat });

    private static long FindLength(string path, DiskCreationOptions options)
    {
        var length = options.Length;
        if (options.BackingFile is { } name && (length is null || options.BackingFormat == DiskFormat.Guess))
        {
            using var backing = ImageOpener.Open(ImageOpener.Resolve(path, name), new DiskOptions { ReadOnly = true, Format = options.BackingFormat });
            length ??= backing.Length;
        }

        return length switch
        {
            null => throw new HolonException($"{path} needs a size, because it has no backing file; give one, such as 10G."),
            < 0 or > DiskImage.LargestLength => throw new HolonException($"{path} cannot have {length} bytes; give a smaller size."),
            _ => (length.Value + 511) & -512,
        };
    }

    private static Qcow2Header? RefuseQcow2Options(string path, DiskCreationOptions options)
    {
        if (options.BackingFile is not null || options.DataFile is not null || options.Preallocation == Preallocation.Metadata)
            throw new HolonException($"{path} is to be raw, and raw disks have no backing file, data file or metadata; make it qcow2.");
        return null;
    }

    private static Qcow2Header MakeHeader(string path, DiskCreationOptions options, long length)
    {
        if (options.Version is not (2 or 3)) throw new HolonException($"There is no qcow2 version {options.Version}; use 2 or 3.");
        if (!int.IsPow2(options.ClusterSize) || options.ClusterSize is < 512 or > 2 << 20) throw new HolonException($"A cluster cannot have {options.ClusterSize} bytes; use a power of two from 512 to 2M.");
        if (!int.IsPow2(options.RefcountBits) || options.RefcountBits is < 1 or > 64) throw new HolonException($"A refcount cannot have {options.RefcountBits} bits; use 1, 2, 4, 8, 16, 32 or 64.");
        if (options.Version == 2 && (options.RefcountBits != 16 || options.LazyRefcounts || options.Zstd || options.DataFile is not null))
            throw new HolonException("qcow2 version 2 has refcounts of 16 bits, and neither lazy refcounts nor zstd nor data files; use version 3.");
        if (options.DataFileRaw && (options.DataFile is null || options.BackingFile is not null)) throw new HolonException("A raw data file needs the name of the data file, and goes without a backing file.");
        var header = new Qcow2Header
        {
            Version = options.Version,
            ClusterBits = int.Log2(options.ClusterSize),
            Size = length,
            RefcountOrder = int.Log2(options.RefcountBits),
            BackingFile = options.BackingFile,
            BackingFormat = options.BackingFile is null ? null : FormatOfBacking(path, options),
            DataFile = options.DataFile,
            Compatible = options.LazyRefcounts ? 1u : 0,
            Compression = options.Zstd ? CompressionType.Zstd : CompressionType.Zlib,
            Incompatible = (options.Zstd ? IncompatibleFeatures.Compression : 0) | (options.DataFile is null ? 0 : IncompatibleFeatures.DataFile),
            Autoclear = options.DataFileRaw ? AutoclearFeatures.RawDataFile : AutoclearFeatures.None,
        };
        var entries = header.L1EntriesFor(length);
        if (entries > Qcow2Header.LargestL1Bytes / 8) throw new HolonException($"A disk of {length} bytes needs clusters larger than {options.ClusterSize} bytes; choose a larger cluster size.");
        header.L1Size = (int)Math.Max(1, entries);
        header.L1Offset = header.ClusterSize;
        return header;
    }

    private static string FormatOfBacking(string path, DiskCreationOptions options)
    {
        if (options.BackingFormat == DiskFormat.Raw) return "raw";
        if (options.BackingFormat == DiskFormat.Qcow2) return "qcow2";
        using var backing = ImageOpener.OpenAlone(ImageOpener.Resolve(path, options.BackingFile!), new DiskOptions { ReadOnly = true });
        return backing.Format;
    }

    private static void CreateRaw(string path, DiskCreationOptions options, long length, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        using var file = HostFile.Create(path, options.Overwrite);
        if (file.CanGrow) file.SetLength(length);
        if (options.Preallocation == Preallocation.Falloc) file.Preallocate(0, length);
        if (options.Preallocation == Preallocation.Full) WriteZeroes(file, 0, length, progress, cancellationToken);
        file.Flush();
    }

    private static void CreateQcow2(string path, DiskCreationOptions options, Qcow2Header header, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        var file = HostFile.Create(path, options.Overwrite);
        try
        {
            WriteEmpty(file, header);
            if (options.DataFile is not null)
            {
                using var data = HostFile.Create(ImageOpener.Resolve(path, options.DataFile), overwrite: true);
                data.SetLength(header.Size);
            }

            file.Flush();
        }
        finally
        {
            file.Dispose();
        }

        // A raw data file holds everything, so its clusters are all there from the beginning.
        var preallocation = options.DataFileRaw && options.Preallocation == Preallocation.Off ? Preallocation.Metadata : options.Preallocation;
        if (preallocation == Preallocation.Off) return;
        using var image = (Qcow2Image)ImageOpener.Open(path, new DiskOptions { Format = DiskFormat.Qcow2 });
        image.Preallocate(preallocation, part => progress?.Report(part), cancellationToken);
    }

    /// <summary>Writes an image with nothing in it to an empty file.</summary>
    internal static void WriteEmpty(ImageFile file, Qcow2Header header)
    {
        var l1Clusters = ((8L * header.L1Size) + header.ClusterSize - 1) >> header.ClusterBits;
        if (file.CanGrow) file.SetLength((1 + l1Clusters) << header.ClusterBits);
        else file.WriteZeroes(0, (1 + l1Clusters) << header.ClusterBits, mayUnmap: false);
        file.Write(0, header.ToBytes(file.Name));
        new Qcow2Check(file, header, (1 + l1Clusters) << header.ClusterBits).RebuildCounts();
    }

    private static void WriteZeroes(HostFile file, long offset, long length, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        var zeroes = new byte[Piece];
        for (long done = 0; done < length; done += Piece)
        {
            cancellationToken.ThrowIfCancellationRequested();
            file.Write(offset + done, zeroes.AsSpan(0, (int)Math.Min(Piece, length - done)));
            progress?.Report((double)done / length);
        }
    }
}
