namespace Holon.Devices.Fuse;

/// <summary>A file or folder that the guest knows. Everything that changes is guarded by its table's lock.</summary>
internal sealed class SharedNode(ulong id, FileIdentity identity, uint kind)
{
    /// <summary>Its number in the protocol.</summary>
    public ulong Id { get; } = id;

    /// <summary>Which file of the host it is.</summary>
    public FileIdentity Identity { get; set; } = identity;

    /// <summary>Regular file, folder, link …: a file never becomes another kind.</summary>
    public uint Kind { get; } = kind;

    /// <summary>The folder where it was last seen; null for the shared folder itself, and for what has lost its name.</summary>
    public SharedNode? Parent { get; set; }

    /// <summary>Its name there, with a zero byte behind it; null for what has lost its name.</summary>
    public byte[]? Name { get; set; }

    /// <summary>How often the guest was told of it, less what it has forgotten.</summary>
    public ulong Lookups { get; set; }

    /// <summary>A handle on the host that opens nothing (O_PATH), or -1 while there is none: it is found again by folder and name.</summary>
    public int Descriptor { get; set; } = -1;

    /// <summary>Requests that use <see cref="Descriptor"/> now.</summary>
    public int Uses { get; set; }

    /// <summary>True after a restore until the file was found: it is then whatever has its name and kind.</summary>
    public bool FoundAnew { get; set; }

    /// <summary>Size and times when the guest last opened it: unless they have changed, what it has cached is still right.</summary>
    public (ulong Size, long Seconds, uint Nanoseconds, long ChangedSeconds, uint ChangedNanoseconds) Seen { get; set; }

    /// <summary>Neighbours among the nodes that have a descriptor, from the one used last to the one used longest ago.</summary>
    public SharedNode? Newer { get; set; }

    /// <summary>See <see cref="Newer"/>.</summary>
    public SharedNode? Older { get; set; }

    /// <summary>Whether it is known by this name in this folder.</summary>
    public bool IsCalled(SharedNode folder, ReadOnlySpan<byte> name) => Parent == folder && Name is { } own && own.AsSpan(0, own.Length - 1).SequenceEqual(name);
}
