using Holon.Machines;
using Holon.Storage.Host;
using Holon.Storage.Qcow2;

namespace Holon.Storage.Images;

/// <summary>Opens images with the images below them.</summary>
internal static class ImageOpener
{
    /// <summary>The longest chain: deeper ones are mistakes or attacks.</summary>
    public const int DeepestChain = 64;

    /// <summary>Opens an image; everything below it read-only.</summary>
    public static DiskImage Open(string path, DiskOptions options) => Call(() => Open(path, options, []));

    /// <summary>Opens an image without what is below it.</summary>
    public static DiskImage OpenAlone(string path, DiskOptions options) => Call(() => Open(path, options, null));

    /// <summary>Opens the image below another one.</summary>
    public static DiskImage? OpenBacking(string path, Qcow2Header header, DiskOptions options) => Call(() => OpenBacking(path, header, options, []));

    /// <summary>Where a file named in an image is: relative names are relative to the image's own folder.</summary>
    public static string Resolve(string image, string name)
    {
        if (name.StartsWith("file:", StringComparison.Ordinal)) name = name["file:".Length..];
        if (name.StartsWith("json:", StringComparison.Ordinal) || name.Contains("://", StringComparison.Ordinal))
            throw new HolonException($"{image} refers to '{name}', which is no file's name; only files can be below an image.");
        return Path.IsPathRooted(name) ? name : Path.Combine(Path.GetDirectoryName(Path.GetFullPath(image)) ?? "/", name);
    }

    /// <summary>A format from its name in an image or on a command line.</summary>
    public static DiskFormat ParseFormat(string? name, string where) => name switch
    {
        null or "" => DiskFormat.Guess,
        "raw" or "file" or "host_device" => DiskFormat.Raw,
        "qcow2" => DiskFormat.Qcow2,
        _ => throw new HolonException($"{where} has the format '{name}', and raw and qcow2 are known; convert it with qemu-img."),
    };

    /// <summary>Turns failures of the host into sentences for users.</summary>
    public static T Call<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (BlockFailure failure)
        {
            throw new HolonException(failure.Message);
        }
    }

    /// <param name="path">The file.</param>
    /// <param name="options">How.</param>
    /// <param name="above">The files above, or null when nothing below is to be opened.</param>
    private static DiskImage Open(string path, DiskOptions options, HashSet<string>? above)
    {
        if (above is not null && !above.Add(Path.GetFullPath(path))) throw new HolonException($"{path} is below itself: its chain of backing files is a loop; set another backing file with holon disk rebase --unsafe.");
        if (above?.Count > DeepestChain) throw new HolonException($"{path} is below more than {DeepestChain} images; shorten the chain with holon disk commit or convert.");
        var file = HostFile.Open(path, options.ReadOnly, options.Cache);
        DiskFormat format;
        try
        {
            format = options.Format == DiskFormat.Guess ? Guess(file) : options.Format;
        }
        catch
        {
            file.Dispose();
            throw;
        }

        if (format == DiskFormat.Raw) return new RawImage(file, options.Format == DiskFormat.Guess);
        return Qcow2Image.Open(
            file,
            name => name is null
                ? throw new HolonException($"{path} keeps its data in another file and does not say in which; write its name with qemu-img amend -o data_file=NAME.")
                : HostFile.Open(Resolve(path, name), options.ReadOnly, options.Cache),
            above is null ? null : header => OpenBacking(path, header, options, above),
            options.TableCacheBytes);
    }

    private static DiskImage? OpenBacking(string path, Qcow2Header header, DiskOptions options, HashSet<string> above)
    {
        if (header.BackingFile is null) return null;
        try
        {
            var below = Resolve(path, header.BackingFile);
            return Open(below, options with { ReadOnly = true, Format = ParseFormat(header.BackingFormat, $"The backing file of {path}") }, above);
        }
        catch (HolonException cause)
        {
            throw new HolonException($"The backing file of {path} cannot be opened.", cause);
        }
    }

    private static DiskFormat Guess(HostFile file)
    {
        Span<byte> start = stackalloc byte[512];
        file.Read(0, start);
        return Qcow2Header.HasMagic(start) ? DiskFormat.Qcow2 : DiskFormat.Raw;
    }
}
