namespace Holon.Devices.Fuse;

/// <summary>What the guest is told to keep, in the protocol's terms.</summary>
internal sealed class CachePolicy(FolderCache cache)
{
    private const uint LongSeconds = 24 * 60 * 60;

    private readonly bool _always = cache == FolderCache.Always;

    /// <summary>True when reads and writes pass the guest's page cache by.</summary>
    public bool IsDirect { get; } = cache == FolderCache.None;

    /// <summary>For how many seconds the guest believes a name and what it was told of a file.</summary>
    public uint ValidSeconds { get; } = cache switch { FolderCache.None => 0, FolderCache.Auto => FuseServer.ValidSeconds, _ => LongSeconds };

    /// <summary>True when the guest is to remember also which names there are none of.</summary>
    public bool RemembersAbsence => _always;

    /// <summary>What of INIT's features goes with it: cached contents are dropped when a file's times change, or links are remembered.</summary>
    public FuseFeatures Features => _always ? FuseFeatures.CacheLinks : FuseFeatures.AutoInvalidate;

    /// <summary>What is answered when a folder is opened.</summary>
    public uint FolderFlags => _always ? FuseLimits.KeepCache | FuseLimits.CacheFolder : 0;

    /// <summary>What is answered when a file is opened.</summary>
    /// <param name="unchanged">True when nothing has changed since the guest last opened it.</param>
    public uint FileFlags(bool unchanged) =>
        IsDirect ? FuseLimits.DirectIo | FuseLimits.ParallelDirectWrites : _always || unchanged ? FuseLimits.KeepCache : 0;
}
