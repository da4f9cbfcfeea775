namespace Holon.Storage;

/// <summary>How a disk uses the host's page cache.</summary>
public enum CacheMode : byte
{
    /// <summary>Through the page cache; a flush makes durable what was written.</summary>
    Writeback,

    /// <summary>Past the page cache (O_DIRECT); a flush still is what makes durable, because drives have caches too.</summary>
    Direct,

    /// <summary>Through the page cache, and flushes do nothing: for machines that are thrown away. A host that crashes loses the disk.</summary>
    Unsafe,
}
