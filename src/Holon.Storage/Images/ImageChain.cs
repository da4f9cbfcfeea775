using Holon.Storage.Host;

namespace Holon.Storage.Images;

/// <summary>A range of a disk, and which image of its chain says what is there.</summary>
/// <param name="Kind">What it is; unallocated when no image has it, so that it reads as zeroes.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Depth">How many images down.</param>
/// <param name="HostOffset">Where its data is in <paramref name="File"/>; -1 when it has no single place.</param>
/// <param name="File">The file with its data.</param>
internal readonly record struct ChainExtent(ExtentKind Kind, long Length, int Depth, long HostOffset, ImageFile? File);

/// <summary>Looks through an image to those below it.</summary>
internal static class ImageChain
{
    /// <summary>What is at an offset of a disk.</summary>
    public static ChainExtent Find(DiskImage top, long offset, long length)
    {
        var depth = 0;
        for (var image = top; ; image = image.Backing, depth++)
        {
            if (offset >= image.Length) return new ChainExtent(ExtentKind.Zero, length, depth, -1, null); // a shorter image below reads as zeroes behind its end
            length = Math.Min(length, image.Length - offset);
            var extent = image.FindExtent(offset, length);
            length = extent.Length;
            if (extent.Kind != ExtentKind.Unallocated) return new ChainExtent(extent.Kind, length, depth, extent.HostOffset, extent.File);
            if (image.Backing is null) return new ChainExtent(ExtentKind.Unallocated, length, depth, -1, null);
        }
    }

    /// <summary>Whether a range reads as zeroes for sure.</summary>
    public static bool ReadsAsZero(in ChainExtent extent) => extent.Kind is ExtentKind.Zero or ExtentKind.Unallocated;
}
