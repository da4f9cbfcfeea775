namespace Holon.Storage.Qcow2;

/// <summary>What a check may mend.</summary>
public enum RepairKind : byte
{
    /// <summary>Nothing: look only.</summary>
    None,

    /// <summary>Clusters that nobody uses become free.</summary>
    Leaks,

    /// <summary>Wrong counts and pointers too. A pointer that leads nowhere becomes zeroes.</summary>
    All,
}

/// <summary>What a check of a qcow2 image found.</summary>
public sealed record CheckResult
{
    private const int MostMessages = 1000;
    private readonly List<string> _messages = [];

    /// <summary>Things that endanger data.</summary>
    public long Corruptions { get; private set; }

    /// <summary>Clusters that are counted as used and are not: space that is lost, nothing more.</summary>
    public long Leaks { get; private set; }

    /// <summary>Corruptions that were mended.</summary>
    public long CorruptionsFixed { get; internal set; }

    /// <summary>Leaks that were mended.</summary>
    public long LeaksFixed { get; internal set; }

    /// <summary>Clusters of the disk.</summary>
    public long TotalClusters { get; internal set; }

    /// <summary>Clusters of the disk that have data in this image.</summary>
    public long AllocatedClusters { get; internal set; }

    /// <summary>Of these, compressed ones.</summary>
    public long CompressedClusters { get; internal set; }

    /// <summary>Of these, ones that do not follow their neighbour in the file.</summary>
    public long FragmentedClusters { get; internal set; }

    /// <summary>Where the last cluster in use ends.</summary>
    public long ImageEndOffset { get; internal set; }

    /// <summary>What was found, in sentences; the first thousand.</summary>
    public IReadOnlyList<string> Messages => _messages;

    /// <summary>The first corruption; null when there is none.</summary>
    public string? FirstCorruption { get; private set; }

    /// <summary>Whether only the counts are wrong, so that counting anew mends it without losing anything.</summary>
    internal bool CanBeCountedAnew { get; private set; } = true;

    internal void AddLeak(string message)
    {
        Leaks++;
        Add(message);
    }

    internal void AddCorruption(string message, bool isCount = false)
    {
        Corruptions++;
        FirstCorruption ??= message;
        if (!isCount) CanBeCountedAnew = false;
        Add(message);
    }

    private void Add(string message)
    {
        if (_messages.Count < MostMessages) _messages.Add(message);
    }
}
