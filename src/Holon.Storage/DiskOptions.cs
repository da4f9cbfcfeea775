namespace Holon.Storage;

/// <summary>What a file may hold.</summary>
public enum DiskFormat : byte
{
    /// <summary>Look at the file.</summary>
    Guess,

    /// <summary>The disk's bytes and nothing else.</summary>
    Raw,

    /// <summary>QEMU's copy-on-write format, version 2 or 3.</summary>
    Qcow2,
}

/// <summary>How a disk is opened.</summary>
public sealed record DiskOptions
{
    /// <summary>What the file holds. A guest can make a raw disk look like another format, so say it where it is known.</summary>
    public DiskFormat Format { get; init; }

    /// <summary>Whether nothing may be changed.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>How the host's page cache is used.</summary>
    public CacheMode Cache { get; init; }

    /// <summary>Whether the guest's discards reach the host.</summary>
    public bool Discard { get; init; } = true;

    /// <summary>The most threads that wait for the host at a time.</summary>
    public int Threads { get; init; } = 32;

    /// <summary>The most memory for qcow2 tables, in bytes; 0 for what covers the disk, up to 32 MiB.</summary>
    public long TableCacheBytes { get; init; }
}
