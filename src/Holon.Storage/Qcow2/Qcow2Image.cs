using Holon.Machines;
using Holon.Storage.Host;
using Holon.Storage.Images;

namespace Holon.Storage.Qcow2;

/// <summary>A disk in a qcow2 file, with the images below it.</summary>
internal sealed partial class Qcow2Image : DiskImage
{
    private readonly Qcow2Metadata _metadata;
    private readonly CompressedClusters _compressed;
    private readonly DirtyBitmaps _bitmaps;
    private DiskImage? _backing;
    private long _length;
    private volatile string? _broken; // why nothing may be written any more

    private Qcow2Image(Qcow2Metadata metadata, DiskImage? backing, bool readOnly)
    {
        _metadata = metadata;
        _backing = backing;
        _compressed = new CompressedClusters(metadata);
        _length = metadata.Header.Size & -512;
        IsReadOnly = readOnly;
        _bitmaps = new DirtyBitmaps(metadata);
    }

    /// <summary>Opens what is in a file, which it takes over.</summary>
    /// <param name="file">The file.</param>
    /// <param name="openDataFile">Opens the external data file of a name; null takes images without only.</param>
    /// <param name="openBacking">Opens the image below; null leaves it away.</param>
    /// <param name="cacheBytes">The most memory for tables; 0 for what is usual.</param>
    /// <exception cref="HolonException">The image is corrupt, or of a kind that cannot be opened or written.</exception>
    public static Qcow2Image Open(ImageFile file, Func<string?, ImageFile>? openDataFile = null, Func<Qcow2Header, DiskImage?>? openBacking = null, long cacheBytes = 0)
    {
        ImageFile? dataFile = null;
        Qcow2Metadata? metadata = null;
        DiskImage? backing = null;
        try
        {
            var header = ReadHeader(file);
            if (!file.IsReadOnly) Prepare(file, header);
            if (header.Incompatible.HasFlag(IncompatibleFeatures.DataFile))
                dataFile = openDataFile?.Invoke(header.DataFile) ?? throw new HolonException($"{file.Name} keeps its data in another file, which is not opened here.");
            metadata = new Qcow2Metadata(file, dataFile, header, cacheBytes);
            backing = openBacking?.Invoke(header);
            var image = new Qcow2Image(metadata, backing, file.IsReadOnly);
            if (!file.IsReadOnly) image.BeginWriting();
            return image;
        }
        catch
        {
            backing?.Dispose();
            metadata?.Dispose();
            dataFile?.Dispose();
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Name => _metadata.File.Name;

    /// <inheritdoc/>
    public override string Format => "qcow2";

    /// <inheritdoc/>
    public override long Length => _length;

    /// <inheritdoc/>
    public override bool IsReadOnly { get; }

    /// <inheritdoc/>
    public override int DiscardGranularity => _metadata.ClusterSize;

    /// <inheritdoc/>
    public override DiskImage? Backing => _backing;

    /// <summary>What the header says.</summary>
    public Qcow2Header Header => _metadata.Header;

    /// <summary>The tables.</summary>
    public Qcow2Metadata Metadata => _metadata;

    /// <summary>The dirty bitmaps.</summary>
    public DirtyBitmaps Bitmaps => _bitmaps;

    /// <summary>Reads the header of a file.</summary>
    public static Qcow2Header ReadHeader(ImageFile file)
    {
        var start = new byte[Math.Min(file.Length, 1 << Qcow2Header.MostClusterBits)];
        file.Read(0, start);
        return Qcow2Header.Parse(start, file.Name);
    }

    /// <inheritdoc/>
    public override bool TryReadNow(long offset, in BufferList buffers)
    {
        var ticket = _metadata.Transfers.TryEnter();
        if (ticket < 0) return false;
        try
        {
            for (long done = 0; done < buffers.Length;)
            {
                if (!_metadata.TryFind(offset + done, buffers.Length - done, out var extent, out _)) return false;
                var part = buffers.Slice(done, extent.Length);
                switch (extent.Kind)
                {
                    case ExtentKind.Data:
                        if (!_metadata.Data.TryReadNow(extent.HostOffset, part)) return false;
                        break;
                    case ExtentKind.Unallocated when BackingPart(offset + done, extent.Length) is > 0 and var below:
                        if (!_backing!.TryReadNow(offset + done, part.Slice(0, below))) return false;
                        part.Slice(below, extent.Length - below).Clear();
                        break;
                    case ExtentKind.Compressed:
                        return false;
                    default:
                        part.Clear();
                        break;
                }

                done += extent.Length;
            }

            return true;
        }
        finally
        {
            _metadata.Transfers.Leave(ticket);
        }
    }

    /// <inheritdoc/>
    public override void Read(long offset, in BufferList buffers)
    {
        for (long done = 0; done < buffers.Length;)
        {
            var ticket = _metadata.Transfers.Enter();
            long missing;
            try
            {
                if (_metadata.TryFind(offset + done, buffers.Length - done, out var extent, out missing))
                {
                    ReadExtent(extent, offset + done, buffers.Slice(done, extent.Length));
                    done += extent.Length;
                    continue;
                }

                if (_metadata.TryLoad(missing)) continue;
            }
            finally
            {
                _metadata.Transfers.Leave(ticket);
            }

            lock (_metadata.Gate) _metadata.Load(missing);
        }
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        if (IsReadOnly) return;
        lock (_metadata.Gate)
        {
            RefuseIfBroken();
            _metadata.Commit();
        }

        _metadata.DataFile?.Flush();
        _metadata.File.Flush();
    }

    /// <inheritdoc/>
    public override ImageExtent FindExtent(long offset, long length)
    {
        var first = Find(offset, length);
        var end = offset + first.Length;
        while (end < offset + length)
        {
            var next = Find(end, offset + length - end);
            if (next.Kind != first.Kind || first.Kind == ExtentKind.Compressed) break;
            if (first.Kind == ExtentKind.Data && next.HostOffset != first.HostOffset + (end - offset)) break;
            end += next.Length;
        }

        var hasPlace = first.Kind == ExtentKind.Data;
        return new ImageExtent(first.Kind, end - offset, hasPlace ? first.HostOffset : -1, hasPlace ? _metadata.Data : null);
    }

    /// <summary>What is at an offset, from the file where it must be.</summary>
    public GuestExtent Find(long offset, long length)
    {
        GuestExtent extent;
        while (!_metadata.TryFind(offset, length, out extent, out var missing))
        {
            if (_metadata.TryLoad(missing)) continue;
            lock (_metadata.Gate) _metadata.Load(missing);
        }

        return extent;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        try
        {
            if (!IsReadOnly && _broken is null) EndWriting();
        }
        finally
        {
            _backing?.Dispose();
            _metadata.Dispose();
            _metadata.DataFile?.Dispose();
            _metadata.File.Dispose();
        }
    }

    /// <summary>Before anything is written: what a crash left is mended, and an image that does not pass its check is refused.</summary>
    private static void Prepare(ImageFile file, Qcow2Header header)
    {
        if (header.Incompatible.HasFlag(IncompatibleFeatures.ExtendedL2))
            throw Corruption.Unsupported(file.Name, "has extended L2 entries, which can be read only", "open it read-only, or convert it");
        if (header.Incompatible.HasFlag(IncompatibleFeatures.Corrupt))
            throw Corruption.Unsupported(file.Name, "is marked as corrupt", $"mend it with holon disk check --repair all {file.Name}, or open it read-only");
        var check = new Qcow2Check(file, header);
        var result = check.Run(CancellationToken.None);
        if (header.Incompatible.HasFlag(IncompatibleFeatures.Dirty) && result.CanBeCountedAnew) result = check.Repair(RepairKind.All, CancellationToken.None);
        if (result.Corruptions > 0) throw new HolonException($"{file.Name} is corrupt, so it is not written: {result.FirstCorruption}; look at it with holon disk check {file.Name}.");
    }

    private void BeginWriting()
    {
        if ((_metadata.Header.Autoclear & ~AutoclearFeatures.Known) != 0)
        {
            _metadata.Header.Autoclear &= AutoclearFeatures.Known;
            _metadata.WriteFeatures();
        }

        lock (_metadata.Gate) _bitmaps.Begin(_length);
    }

    private void EndWriting()
    {
        lock (_metadata.Gate)
        {
            _metadata.Commit();
            _bitmaps.Store();
            _metadata.CommitAll();
            if (_metadata.Header.Incompatible.HasFlag(IncompatibleFeatures.Dirty))
            {
                _metadata.Header.Incompatible &= ~IncompatibleFeatures.Dirty;
                _metadata.WriteFeatures();
            }

            _metadata.Refcounts.TrimFile();
        }
    }

    private void ReadExtent(GuestExtent extent, long offset, in BufferList buffers)
    {
        switch (extent.Kind)
        {
            case ExtentKind.Data:
                _metadata.Data.Read(extent.HostOffset, buffers);
                break;
            case ExtentKind.Compressed:
                _compressed.Read(extent.Entry, offset, buffers);
                break;
            case ExtentKind.Unallocated when BackingPart(offset, extent.Length) is > 0 and var below:
                _backing!.Read(offset, buffers.Slice(0, below));
                buffers.Slice(below, extent.Length - below).Clear();
                break;
            default:
                buffers.Clear();
                break;
        }
    }

    /// <summary>How much of a range the image below has.</summary>
    private long BackingPart(long offset, long length) => _backing is null ? 0 : Math.Clamp(_backing.Length - offset, 0, length);

    /// <summary>Refuses to write to an image that turned out to be corrupt.</summary>
    private void RefuseIfBroken()
    {
        if (_broken is { } why) throw new HolonException(why);
    }
}
