using System.IO.Compression;
using Holon.Machines;

namespace Holon.Jvm.Runtime;

/// <summary>
/// Where the boot loader looks beside the runtime image: folders and jars that patch modules (<c>--patch-module</c>, before the
/// image), and those appended to it (<c>-Xbootclasspath/a</c>, whose classes are in the unnamed module).
/// </summary>
internal sealed class BootPath : IDisposable
{
    private readonly Dictionary<string, Place[]> _patches = [];
    private volatile Place[] _appended;

    public BootPath(JavaMachineOptions options)
    {
        if (!options.Grants.Unsafe && (options.BootClassPath.Count > 0 || options.ModulePatches.Count > 0))
            throw new HolonException("Patches of modules and classes for the boot loader may do everything: they need --allow-unsafe.");
        foreach (var (module, paths) in options.ModulePatches) _patches[module] = [.. paths.Where(Exists).Select(p => new Place(p))];
        _appended = [.. options.BootClassPath.Where(Exists).Select(p => new Place(p))];
    }

    /// <summary>Adds a jar or folder to the end of the path.</summary>
    public void Append(string path)
    {
        if (Exists(path)) _appended = [.. _appended, new Place(path)];
    }

    private static bool Exists(string path) => File.Exists(path) || Directory.Exists(path);

    /// <summary>A class file that patches one of a module, or null.</summary>
    public byte[]? FindPatch(string module, string internalName)
    {
        if (_patches.Count == 0 || !_patches.TryGetValue(module, out var places)) return null;
        foreach (var place in places)
        {
            if (place.Find(internalName + ".class") is { } bytes) return bytes;
        }
        return null;
    }

    /// <summary>A class file of the appended path and the place it is in, or null.</summary>
    public byte[]? FindAppended(string internalName, out string source)
    {
        foreach (var place in _appended)
        {
            source = place.Path;
            if (place.Find(internalName + ".class") is { } bytes) return bytes;
        }
        source = "";
        return null;
    }

    public void Dispose()
    {
        foreach (var place in _patches.Values.SelectMany(p => p).Concat(_appended)) place.Dispose();
    }

    /// <summary>A folder or a jar.</summary>
    private sealed class Place(string path) : IDisposable
    {
        private readonly ZipArchive? _jar = Directory.Exists(path) ? null : Open(path);

        public string Path => path;

        private static ZipArchive? Open(string path)
        {
            try
            {
                return ZipFile.OpenRead(path);
            }
            catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }

        public byte[]? Find(string name)
        {
            if (_jar == null)
            {
                var file = System.IO.Path.Combine(path, name);
                return File.Exists(file) ? File.ReadAllBytes(file) : null;
            }
            lock (_jar)
            {
                if (_jar.GetEntry(name) is not { } entry) return null;
                using var stream = entry.Open();
                var memory = new MemoryStream();
                stream.CopyTo(memory);
                return memory.ToArray();
            }
        }

        public void Dispose() => _jar?.Dispose();
    }
}
