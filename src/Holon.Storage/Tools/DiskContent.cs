using Holon.Storage.Images;

namespace Holon.Storage.Tools;

/// <summary>Reads a little of what is on a disk that no machine uses yet.</summary>
public static class DiskContent
{
    /// <summary>Reads the beginning of a disk.</summary>
    /// <param name="path">The image.</param>
    /// <param name="format">What the file holds.</param>
    /// <param name="content">Filled as far as the disk reaches.</param>
    /// <returns>Bytes read.</returns>
    /// <exception cref="Holon.Machines.HolonException">It cannot be opened or read.</exception>
    public static int ReadStart(string path, DiskFormat format, Memory<byte> content) => ImageOpener.Call(() =>
    {
        using var image = ImageOpener.Open(path, new DiskOptions { ReadOnly = true, Format = format });
        var start = content.Span[..(int)Math.Min(content.Length, image.Length)];
        image.Read(0, start);
        return start.Length;
    });
}
