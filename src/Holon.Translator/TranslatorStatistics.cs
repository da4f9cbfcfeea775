using System.Diagnostics;

namespace Holon.Translator;

/// <summary>What a translator did, counted where counting costs nothing that matters. Read at any time; may lag.</summary>
public sealed class TranslatorStatistics
{
    /// <summary>Blocks translated.</summary>
    public long Blocks { get; internal set; }

    /// <summary>Guest instructions in them.</summary>
    public long GuestInstructions { get; internal set; }

    /// <summary>Bytes of guest code in them.</summary>
    public long GuestBytes { get; internal set; }

    /// <summary>Bytes of host code made of them.</summary>
    public long HostBytes { get; internal set; }

    /// <summary>Blocks dropped because their code changed.</summary>
    public long DroppedBlocks { get; internal set; }

    /// <summary>Times that the code cache was full and emptied.</summary>
    public long CacheFlushes { get; internal set; }

    /// <summary>Exits to find code.</summary>
    public long Lookups { get; internal set; }

    /// <summary>Exits that were linked.</summary>
    public long Links { get; internal set; }

    /// <summary>Exits to interpret an instruction.</summary>
    public long Interpreted { get; internal set; }

    /// <summary>Exits to look at events.</summary>
    public long Events { get; internal set; }

    /// <summary>Memory accesses that the TLB did not know.</summary>
    public long Misses { get; internal set; }

    /// <summary>Time spent translating.</summary>
    public TimeSpan TranslationTime => Stopwatch.GetElapsedTime(0, TranslationTicks);

    internal long TranslationTicks { get; set; }

    internal static long Now => Stopwatch.GetTimestamp();
}
