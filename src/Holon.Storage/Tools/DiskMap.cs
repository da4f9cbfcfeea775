using Holon.Storage.Images;

namespace Holon.Storage.Tools;

/// <summary>A range of a disk, and which image of its chain it comes from.</summary>
/// <param name="Start">First byte of the disk.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Depth">How many images down: 0 is the image itself.</param>
/// <param name="Present">Whether some image of the chain says what is there.</param>
/// <param name="Zero">Whether it reads as zeroes for sure.</param>
/// <param name="Data">Whether there is data.</param>
/// <param name="Compressed">Whether the data is compressed.</param>
/// <param name="Offset">Where the data is in its file; null when it has no single place.</param>
/// <param name="File">The file with the data; null as before.</param>
public sealed record DiskRange(long Start, long Length, int Depth, bool Present, bool Zero, bool Data, bool Compressed, long? Offset, string? File);

/// <summary>Shows where the content of a disk is.</summary>
public static class DiskMap
{
    /// <summary>The ranges of a disk in order.</summary>
    /// <exception cref="Holon.Machines.HolonException">It cannot be opened.</exception>
    public static IReadOnlyList<DiskRange> Read(string path, DiskFormat format = DiskFormat.Guess, CancellationToken cancellationToken = default) => ImageOpener.Call(() =>
    {
        using var image = ImageOpener.Open(path, new DiskOptions { ReadOnly = true, Format = format });
        var ranges = new List<DiskRange>();
        for (long at = 0; at < image.Length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var next = Describe(ImageChain.Find(image, at, image.Length - at), at);
            if (ranges.Count > 0 && Follows(ranges[^1], next)) ranges[^1] = ranges[^1] with { Length = ranges[^1].Length + next.Length };
            else ranges.Add(next);
            at += next.Length;
        }

        return (IReadOnlyList<DiskRange>)ranges;
    });

    private static DiskRange Describe(ChainExtent extent, long at)
    {
        var hasData = extent.Kind is ExtentKind.Data or ExtentKind.Compressed;
        return new DiskRange(
            at, extent.Length, extent.Depth, extent.Kind != ExtentKind.Unallocated, !hasData, hasData, extent.Kind == ExtentKind.Compressed,
            extent.HostOffset >= 0 && extent.File is not null ? extent.HostOffset : null, extent.HostOffset >= 0 ? extent.File?.Name : null);
    }

    private static bool Follows(DiskRange last, DiskRange next) =>
        last with { Start = next.Start, Length = next.Length, Offset = last.Offset + last.Length } == next;
}
