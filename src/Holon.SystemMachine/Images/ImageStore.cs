using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Holon.Machines;

namespace Holon.SystemMachine.Images;

/// <summary>
/// Images on this host, one folder each. An image appears whole or not at all: it is made in a folder beside and renamed, under a
/// lock that only one builder at a time holds. What a killed builder left is removed by the next.
/// </summary>
public sealed class ImageStore
{
    private const string ManifestFile = "image.json";

    private readonly string _folder;

    /// <summary>A store in a folder, which need not exist yet.</summary>
    public ImageStore(string folder) => _folder = Path.GetFullPath(folder);

    /// <summary>The user's own store, in the XDG cache folder.</summary>
    /// <exception cref="HolonException">The user has no home.</exception>
    public static ImageStore ForUser()
    {
        // The XDG base directory specification has relative paths ignored.
        if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { } cache && Path.IsPathRooted(cache)) return new ImageStore(Path.Combine(cache, "holon", "images"));
        return Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } home
            ? new ImageStore(Path.Combine(home, ".cache", "holon", "images"))
            : throw new HolonException("There is no folder to keep images in, because neither HOME nor XDG_CACHE_HOME is set; set one.");
    }

    /// <summary>The images here, by name.</summary>
    public IReadOnlyList<StoredImage> List() =>
        Directory.Exists(_folder)
            ? [.. Directory.EnumerateDirectories(_folder).Select(TryRead).OfType<StoredImage>().OrderBy(image => image.Manifest.Name, StringComparer.Ordinal)]
            : [];

    /// <summary>Finds an image, or makes it when it is not here yet.</summary>
    /// <exception cref="HolonException">There is no such image, or it cannot be made.</exception>
    public async Task<StoredImage> GetAsync(string name, IProgress<ImageProgress> progress, CancellationToken cancellationToken = default)
    {
        var recipe = ImageRecipe.Find(name);
        return TryRead(PathOf(name)) ?? await BuildAsync(recipe, rebuild: false, progress, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes an image anew, from today's packages.</summary>
    /// <exception cref="HolonException">There is no such image, or it cannot be made.</exception>
    public Task<StoredImage> BuildAsync(string name, IProgress<ImageProgress> progress, CancellationToken cancellationToken = default) =>
        BuildAsync(ImageRecipe.Find(name), rebuild: true, progress, cancellationToken);

    /// <summary>Removes an image.</summary>
    /// <exception cref="HolonException">It is not here.</exception>
    public async Task RemoveAsync(string name, CancellationToken cancellationToken = default)
    {
        // Names come from the user and become paths: only known names and listed folders are touched.
        if (!List().Any(image => image.Manifest.Name == name)) throw new HolonException($"There is no image '{name}' here; holon image ls shows what is.");
        await using var held = await LockAsync(name, new Progress<ImageProgress>(), cancellationToken).ConfigureAwait(false);
        Discard(name);
    }

    [SuppressMessage("Reliability", "CA2000", Justification = "The lock is disposed by await using.")]
    private async Task<StoredImage> BuildAsync(ImageRecipe recipe, bool rebuild, IProgress<ImageProgress> progress, CancellationToken cancellationToken)
    {
        try
        {
            Directory.CreateDirectory(_folder);
            await using var held = await LockAsync(recipe.Name, progress, cancellationToken).ConfigureAwait(false);
            if (!rebuild && TryRead(PathOf(recipe.Name)) is { } finished) return finished; // by the builder we waited for
            foreach (var leftover in Directory.EnumerateDirectories(_folder, WorkPrefix(recipe.Name) + "*")) Directory.Delete(leftover, recursive: true);

            var work = Path.Combine(_folder, WorkPrefix(recipe.Name) + Path.GetRandomFileName());
            Directory.CreateDirectory(work);
            try
            {
                var packages = await recipe.BuildAsync(work, progress, cancellationToken).ConfigureAwait(false);
                var manifest = new ImageManifest { Format = ImageManifest.CurrentFormat, Name = recipe.Name, Revision = recipe.Revision, Created = DateTimeOffset.UtcNow, Packages = packages };
                await using (var file = new FileStream(Path.Combine(work, ManifestFile), FileMode.CreateNew))
                {
                    await JsonSerializer.SerializeAsync(file, manifest, ImageManifestJson.Default.ImageManifest, cancellationToken).ConfigureAwait(false);
                    file.Flush(flushToDisk: true);
                }

                Discard(recipe.Name);
                Directory.Move(work, PathOf(recipe.Name));
            }
            finally
            {
                if (Directory.Exists(work)) Directory.Delete(work, recursive: true);
            }

            return TryRead(PathOf(recipe.Name)) ?? throw new HolonException($"The image '{recipe.Name}' was removed as soon as it was made; try again.");
        }
        catch (IOException exception) when (DiskSpace.IsFull(exception))
        {
            throw DiskSpace.Explain(_folder, exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HolonException($"Images cannot be kept in {_folder}; make it a folder you can write to, or set XDG_CACHE_HOME.", exception);
        }
    }

    /// <summary>Waits until no other process builds or removes this image.</summary>
    private async Task<FileStream> LockAsync(string name, IProgress<ImageProgress> progress, CancellationToken cancellationToken)
    {
        var path = Path.Combine(_folder, $".{name}.lock");
        var told = false;
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None); // flock(2), given back however we end
            }
            catch (IOException exception) when (exception.HResult is 11 or unchecked((int)0x80070020)) // EWOULDBLOCK; sharing violation
            {
                if (!told) progress.Report(new ImageProgress($"Waiting for another holon that is building {name}", null));
                told = true;
            }

            await Task.Delay(100, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes an image away in one step, then deletes its files.</summary>
    private void Discard(string name)
    {
        if (!Directory.Exists(PathOf(name))) return;
        var gone = Path.Combine(_folder, WorkPrefix(name) + Path.GetRandomFileName());
        Directory.Move(PathOf(name), gone);
        Directory.Delete(gone, recursive: true);
    }

    private string PathOf(string name) => Path.Combine(_folder, name);

    private static string WorkPrefix(string name) => $".{name}-work-";

    private static StoredImage? TryRead(string folder)
    {
        try
        {
            var manifest = JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(folder, ManifestFile)), ImageManifestJson.Default.ImageManifest);
            if (manifest?.Format != ImageManifest.CurrentFormat || manifest.Name != Path.GetFileName(folder)) return null;
            var image = new StoredImage(folder, manifest);
            var recipe = ImageRecipe.All.FirstOrDefault(recipe => recipe.Name == manifest.Name);
            if (recipe is not null && recipe.Revision != manifest.Revision) return null;
            var hasDisk = recipe?.HasDisk == true;
            return File.Exists(image.Kernel) && File.Exists(image.Initrd) && File.Exists(image.Modules) && (!hasDisk || File.Exists(image.Disk)) ? image : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            return null; // not there, or not whole: it will be made anew
        }
    }
}

/// <summary>An image that is here, whole.</summary>
/// <param name="Folder">Where.</param>
/// <param name="Manifest">What is known of it.</param>
public sealed record StoredImage(string Folder, ImageManifest Manifest)
{
    /// <summary>Its kernel.</summary>
    public string Kernel => Path.Combine(Folder, "kernel");

    /// <summary>Its initial root file system.</summary>
    public string Initrd => Path.Combine(Folder, "initrd");

    /// <summary>An archive with the kernel's modules for the board's devices, for machines that have some.</summary>
    public string Modules => Path.Combine(Folder, "modules");

    /// <summary>Its disk, which machines never write to; images of a kernel and a shell have none.</summary>
    public string Disk => Path.Combine(Folder, "disk.qcow2");

    /// <summary>Bytes on disk.</summary>
    public long Size => new DirectoryInfo(Folder).EnumerateFiles().Where(file => file.Extension != ".json").Sum(file => file.Length);
}
