namespace Holon.Devices.Fuse;

/// <summary>A folder of the host that a guest is given.</summary>
/// <param name="Path">The folder.</param>
/// <param name="ReadOnly">True when nothing in it may change through the guest.</param>
/// <param name="Mapped">True when owners in the guest are not those on the host; null for: unless Holon runs as root.</param>
/// <param name="MostDescriptors">How many of the host's descriptors the share keeps for files that are not open; 0 for what the host's limit suggests.</param>
/// <param name="Cache">What the guest keeps in its own memory.</param>
public sealed record SharedFolderOptions(string Path, bool ReadOnly = false, bool? Mapped = null, int MostDescriptors = 0, FolderCache Cache = FolderCache.Auto);
