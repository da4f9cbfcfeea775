using Holon.Machines;
using Holon.Storage.Host;
using Holon.Storage.Images;
using Holon.Storage.Qcow2;

namespace Holon.Storage.Tools;

/// <summary>Copies disks into another format, or the same one anew: thin, compressed, with other clusters, without a chain.</summary>
public static class DiskConversion
{
    private const int Piece = 2 << 20;
    private const int MostThreads = 8;

    /// <summary>Copies what a disk reads as into a new disk.</summary>
    /// <param name="source">The disk to copy, with the images below it.</param>
    /// <param name="sourceFormat">Its format.</param>
    /// <param name="target">The new file.</param>
    /// <param name="options">What the new disk is to be; its size is the source's unless it is given.</param>
    /// <param name="compress">Whether clusters are compressed.</param>
    /// <param name="snapshot">The snapshot to copy, rather than the disk as it is.</param>
    /// <param name="progress">Is told how much is done, from 0 to 1.</param>
    /// <param name="cancellationToken">Stops the copying; what is there of the new file goes away.</param>
    public static void Convert(
        string source, DiskFormat sourceFormat, string target, DiskCreationOptions options, bool compress = false, string? snapshot = null,
        IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (compress && (options.Format == DiskFormat.Raw || options.DataFile is not null)) throw new HolonException($"{target} cannot be compressed: only qcow2 disks without a data file can.");
        if (options.BackingFile is not null) throw new HolonException("A converted disk stands alone; put it on another one with holon disk rebase.");
        ImageOpener.Call(() =>
        {
            if (Path.GetFullPath(source) == Path.GetFullPath(target)) throw new HolonException($"{source} cannot be converted onto itself; give another name for the new disk.");
            using var from = OpenSource(source, sourceFormat, snapshot);
            var existed = File.Exists(target);
            DiskCreation.Create(target, options with { Length = options.Length ?? from.Length }, null, cancellationToken);
            try
            {
                using var to = ImageOpener.Open(target, new DiskOptions { Format = options.Format });
                Copy(from, to, compress, progress, cancellationToken);
                to.Flush();
            }
            catch when (!existed)
            {
                File.Delete(target);
                throw;
            }

            return true;
        });
    }

    private static DiskImage OpenSource(string path, DiskFormat format, string? snapshot)
    {
        var image = ImageOpener.Open(path, new DiskOptions { ReadOnly = true, Format = format });
        if (snapshot is null) return image;
        try
        {
            if (image is not Qcow2Image qcow2) throw new HolonException($"{path} is raw, and raw disks have no snapshots.");
            qcow2.ShowSnapshot(snapshot);
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    private static void Copy(DiskImage from, DiskImage to, bool compress, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        var length = Math.Min(from.Length, to.Length);
        var grain = to is Qcow2Image ? to.DiscardGranularity : 4096;
        var pieces = (length + Piece - 1) / Piece;
        long done = 0;
        var parallel = new ParallelOptions { CancellationToken = cancellationToken, MaxDegreeOfParallelism = Math.Min(MostThreads, Environment.ProcessorCount * 2) };
        try
        {
            // In turns rather than in ranges, so that the new file is in the order of the disk, nearly.
            var next = -1L;
            Parallel.For(0, parallel.MaxDegreeOfParallelism, parallel, _ =>
            {
                using var buffer = new NativeBuffer(Piece);
                while (Interlocked.Increment(ref next) is var piece && piece < pieces)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    var start = piece * Piece;
                    CopyPiece(from, to, start, Math.Min(length, start + Piece), grain, compress, buffer.Span);
                    progress?.Report((double)Interlocked.Increment(ref done) / pieces);
                }
            });
        }
        catch (AggregateException several)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(several.InnerExceptions[0]);
        }
    }

    private static void CopyPiece(DiskImage from, DiskImage to, long start, long end, int grain, bool compress, Span<byte> buffer)
    {
        for (var at = start; at < end;)
        {
            var extent = ImageChain.Find(from, at, end - at);
            if (ImageChain.ReadsAsZero(extent))
            {
                at += extent.Length;
                continue;
            }

            // Whole grains, so that no cluster of the new disk is written twice.
            var first = Math.Max(start, at & -(long)grain);
            var last = Math.Min(end, (at + extent.Length + grain - 1) & -(long)grain);
            var data = buffer[..(int)(last - first)];
            from.Read(first, data);
            WriteNonZero(to, first, data, grain, compress);
            at = last;
        }
    }

    private static void WriteNonZero(DiskImage to, long offset, Span<byte> data, int grain, bool compress)
    {
        for (var at = 0; at < data.Length;)
        {
            var length = Math.Min(grain, data.Length - at);
            if (!data.Slice(at, length).ContainsAnyExcept((byte)0))
            {
                at += length;
                continue;
            }

            if (compress)
            {
                WritePacked((Qcow2Image)to, offset + at, data.Slice(at, length), grain);
                at += length;
                continue;
            }

            while (at + length < data.Length && data.Slice(at + length, Math.Min(grain, data.Length - at - length)).ContainsAnyExcept((byte)0))
                length += Math.Min(grain, data.Length - at - length);
            to.Write(offset + at, data.Slice(at, length));
            at += length;
        }
    }

    private static void WritePacked(Qcow2Image to, long offset, ReadOnlySpan<byte> data, int grain)
    {
        if (data.Length == grain)
        {
            to.WriteCompressed(offset, data);
            return;
        }

        var whole = new byte[grain]; // the disk ends within its last cluster
        data.CopyTo(whole);
        to.WriteCompressed(offset, whole);
    }
}
