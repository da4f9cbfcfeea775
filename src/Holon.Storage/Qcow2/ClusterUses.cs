using System.Runtime.InteropServices;

namespace Holon.Storage.Qcow2;

/// <summary>What a cluster is used for; nothing is used for two purposes.</summary>
internal enum ClusterUse : byte
{
    None,
    Metadata,
    Table,
    Data,
    CompressedData,
}

/// <summary>How often each cluster of a file is used, and for what: two bytes each, however large the numbers are.</summary>
internal sealed class ClusterUses
{
    private readonly byte[] _counts;
    private readonly ClusterUse[] _uses;
    private readonly Dictionary<long, ulong> _large = [];

    /// <summary>Nothing is in use.</summary>
    public ClusterUses(int clusters)
    {
        _counts = new byte[clusters];
        _uses = new ClusterUse[clusters];
    }

    /// <summary>Clusters of the file.</summary>
    public int Length => _counts.Length;

    /// <summary>How often a cluster is in use.</summary>
    public ulong this[long cluster] => (ulong)cluster >= (ulong)_counts.Length ? 0 : _counts[cluster] is < byte.MaxValue and var count ? count : _large[cluster];

    /// <summary>Whether some cluster is used more than once.</summary>
    public bool AnyShared { get; private set; }

    /// <summary>Notes a use of a cluster of the file.</summary>
    /// <returns>False when it is in use for something else.</returns>
    public bool TryAdd(long cluster, ClusterUse use, ulong times = 1)
    {
        ref var known = ref _uses[cluster];
        if (known != use)
        {
            if (known != ClusterUse.None) return false;
            known = use;
        }
        else if (use == ClusterUse.Metadata)
        {
            return false; // of these everything is used once
        }

        ref var count = ref _counts[cluster];
        if (count == 0 && times == 1)
        {
            count = 1;
            return true;
        }

        AnyShared = true;
        var sum = this[cluster] + times;
        count = (byte)Math.Min(sum, byte.MaxValue);
        if (sum >= byte.MaxValue) CollectionsMarshal.GetValueRefOrAddDefault(_large, cluster, out _) = sum;
        return true;
    }

    /// <summary>What a cluster is used for.</summary>
    public ClusterUse UseOf(long cluster) => _uses[cluster];
}
