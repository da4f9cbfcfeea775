using Holon.Machines;
using Holon.Storage.Host;
using Holon.Storage.Images;
using Holon.Storage.Qcow2;

namespace Holon.Storage.Tools;

/// <summary>What is done to images that no machine uses at the moment: checks, sizes, snapshots, chains.</summary>
public static class DiskMaintenance
{
    private const int Piece = 1 << 20;

    /// <summary>Checks an image, and mends it where asked.</summary>
    /// <returns>What was found; null for raw images, in which nothing can be wrong.</returns>
    /// <exception cref="HolonException">It cannot be opened, or its header is beyond repair.</exception>
    public static CheckResult? Check(string path, DiskFormat format = DiskFormat.Guess, RepairKind repair = RepairKind.None, IProgress<double>? progress = null, CancellationToken cancellationToken = default) => ImageOpener.Call(() =>
    {
        using var file = HostFile.Open(path, readOnly: repair == RepairKind.None);
        var start = new byte[4];
        if (format != DiskFormat.Raw) file.Read(0, start);
        if (format == DiskFormat.Raw || (format == DiskFormat.Guess && !Qcow2Header.HasMagic(start))) return null;
        var header = Qcow2Image.ReadHeader(file);
        var check = new Qcow2Check(file, header, part => progress?.Report(part));
        return repair == RepairKind.None ? check.Run(cancellationToken) : check.Repair(repair, cancellationToken);
    });

    /// <summary>Changes the size of a disk. A new end reads as zeroes.</summary>
    /// <param name="path">The image.</param>
    /// <param name="format">Its format.</param>
    /// <param name="length">The new size, from the old one.</param>
    /// <param name="mayShrink">Whether the end of the disk may be lost.</param>
    /// <returns>The new size.</returns>
    public static long Resize(string path, DiskFormat format, Func<long, long> length, bool mayShrink) => ImageOpener.Call(() =>
    {
        ArgumentNullException.ThrowIfNull(length);
        using var image = ImageOpener.Open(path, new DiskOptions { Format = format });
        var wanted = length(image.Length);
        if (wanted < 0) throw new HolonException($"{path} has {image.Length} bytes and cannot become smaller by more than that.");
        wanted = (wanted + 511) & -512;
        if (wanted < image.Length && !mayShrink) throw new HolonException($"{path} would lose what is behind byte {wanted}; shrink the file systems in it first, and say --shrink.");
        if (wanted != image.Length) image.Resize(wanted);
        image.Flush();
        return image.Length;
    });

    /// <summary>Keeps the disk as it is now, inside the image.</summary>
    public static void CreateSnapshot(string path, string name) => WithQcow2(path, image => image.CreateSnapshot(name));

    /// <summary>Makes the disk what it was when a snapshot was taken.</summary>
    public static void ApplySnapshot(string path, string name) => WithQcow2(path, image => image.ApplySnapshot(name));

    /// <summary>Forgets a snapshot.</summary>
    public static void DeleteSnapshot(string path, string name) => WithQcow2(path, image => image.DeleteSnapshot(name));

    /// <summary>Begins a dirty bitmap: from now on it notes what is written.</summary>
    public static void AddBitmap(string path, string name, int granularityBits = 16, bool enabled = true) =>
        WithQcow2(path, image => image.ChangeBitmaps(bitmaps => bitmaps.Add(name, granularityBits, enabled)));

    /// <summary>Removes a dirty bitmap.</summary>
    public static void RemoveBitmap(string path, string name) => WithQcow2(path, image => image.ChangeBitmaps(bitmaps => bitmaps.Remove(name)));

    /// <summary>Writes what an overlay has into the image below it, and empties the overlay where asked.</summary>
    public static void Commit(string path, bool empty = true, IProgress<double>? progress = null, CancellationToken cancellationToken = default) => ImageOpener.Call(() =>
    {
        using var top = RequireQcow2(ImageOpener.OpenAlone(path, new DiskOptions { ReadOnly = !empty }), path);
        if (top.Header.BackingFile is not { } name) throw new HolonException($"{path} has no backing file to commit to; use holon disk convert to copy it.");
        var format = ImageOpener.ParseFormat(top.Header.BackingFormat, $"The backing file of {path}");
        using (var below = ImageOpener.Open(ImageOpener.Resolve(path, name), new DiskOptions { Format = format }))
        {
            if (below.Length < top.Length) below.Resize(top.Length);
            using var buffer = new NativeBuffer(Piece);
            for (long at = 0; at < top.Length;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                progress?.Report((double)at / top.Length);
                var extent = top.FindExtent(at, top.Length - at);
                var length = extent.Length;
                if (extent.Kind == ExtentKind.Zero)
                {
                    below.WriteZeroes(at, length, mayUnmap: true);
                }
                else if (extent.Kind != ExtentKind.Unallocated)
                {
                    length = Math.Min(length, Piece);
                    var data = buffer.Span[..(int)length];
                    top.Read(at, data);
                    below.Write(at, data);
                }

                at += length;
            }

            below.Flush();
        }

        if (empty) top.Empty();
        progress?.Report(1);
        return true;
    });

    /// <summary>Puts an overlay on another image. The disk reads as before: what the new image has otherwise is copied into the overlay.</summary>
    /// <param name="path">The overlay.</param>
    /// <param name="backing">The new file below, as it is to be written down; null for none.</param>
    /// <param name="backingFormat">Its format.</param>
    /// <param name="isUnsafe">Only the name is changed: for files that were moved. The user vouches for the content.</param>
    /// <param name="progress">Is told how much is done, from 0 to 1.</param>
    /// <param name="cancellationToken">Stops; the overlay stays on the old image.</param>
    public static void Rebase(string path, string? backing, DiskFormat backingFormat = DiskFormat.Guess, bool isUnsafe = false, IProgress<double>? progress = null, CancellationToken cancellationToken = default) => ImageOpener.Call(() =>
    {
        var options = new DiskOptions();
        using var top = RequireQcow2(isUnsafe ? ImageOpener.OpenAlone(path, options) : ImageOpener.Open(path, options), path);
        if (top.Header.Autoclear.HasFlag(AutoclearFeatures.RawDataFile) && backing is not null) throw new HolonException($"{path} has a raw data file, which excludes a backing file.");
        var format = backingFormat switch { DiskFormat.Raw => "raw", DiskFormat.Qcow2 => "qcow2", _ => null };
        if (!isUnsafe)
        {
            using var below = backing is null ? null : OpenNewBacking(path, backing, backingFormat);
            format ??= below?.Format;
            CopyDifferences(top, below, progress, cancellationToken);
        }

        top.SetBackingName(backing, backing is null ? null : format);
        progress?.Report(1);
        return true;
    });

    private static DiskImage OpenNewBacking(string path, string backing, DiskFormat format)
    {
        var resolved = ImageOpener.Resolve(path, backing);
        for (var below = resolved; below is not null;)
        {
            if (Path.GetFullPath(below) == Path.GetFullPath(path)) throw new HolonException($"{path} cannot be put on {backing}, which is on {path} itself; choose another image.");
            below = DiskInformation.Read(below, below == resolved ? format : DiskFormat.Guess)[0].FullBackingFile;
        }

        return ImageOpener.Open(resolved, new DiskOptions { ReadOnly = true, Format = format });
    }

    private static void CopyDifferences(Qcow2Image top, DiskImage? below, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        using var before = new NativeBuffer(Piece);
        using var after = new NativeBuffer(Piece);
        for (long at = 0; at < top.Length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report((double)at / top.Length);
            var extent = top.FindExtent(at, top.Length - at);
            var length = Math.Min(extent.Length, Piece);
            if (extent.Kind == ExtentKind.Unallocated)
            {
                var old = before.Span[..(int)length];
                var next = after.Span[..(int)length];
                top.Read(at, old);
                next.Clear();
                var part = below is null ? 0 : (int)Math.Clamp(below.Length - at, 0, length);
                if (part > 0) below!.Read(at, next[..part]);
                WriteDifferences(top, at, old, next);
            }

            at += length;
        }
    }

    private static void WriteDifferences(Qcow2Image top, long offset, ReadOnlySpan<byte> old, ReadOnlySpan<byte> next)
    {
        for (var at = 0; at < old.Length;)
        {
            var length = Math.Min(top.DiscardGranularity, old.Length - at);
            var content = old.Slice(at, length);
            if (!content.SequenceEqual(next.Slice(at, length)))
            {
                if (content.ContainsAnyExcept((byte)0)) top.Write(offset + at, content);
                else top.WriteZeroes(offset + at, length, mayUnmap: true);
            }

            at += length;
        }
    }

    private static void WithQcow2(string path, Action<Qcow2Image> action) => ImageOpener.Call(() =>
    {
        using var image = RequireQcow2(ImageOpener.Open(path, new DiskOptions()), path);
        action(image);
        return true;
    });

    private static Qcow2Image RequireQcow2(DiskImage image, string path)
    {
        if (image is Qcow2Image qcow2) return qcow2;
        image.Dispose();
        throw new HolonException($"{path} is raw, and this needs a qcow2 image; convert it with holon disk convert.");
    }
}
