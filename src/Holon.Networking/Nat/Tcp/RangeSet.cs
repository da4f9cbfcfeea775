using Holon.Networking.Packets;

namespace Holon.Networking.Nat.Tcp;

/// <summary>
/// Disjoint ranges of sequence numbers, ascending, at most <see cref="Capacity"/>: what a peer has of what we sent, and what we have
/// of what it sent beyond a gap. A hostile peer that makes more holes gets the surplus ignored.
/// </summary>
internal sealed class RangeSet
{
    public const int Capacity = 32;

    private readonly SequenceRange[] _ranges = new SequenceRange[Capacity];

    public int Count { get; private set; }

    public ReadOnlySpan<SequenceRange> Ranges => _ranges.AsSpan(0, Count);

    public void Clear() => Count = 0;

    /// <summary>Adds a range, merging it with its neighbours; false when there is no room for another hole.</summary>
    public bool Add(uint start, uint end)
    {
        var first = 0;
        while (first < Count && Sequence.Before(_ranges[first].End, start)) first++;
        var last = first;
        while (last < Count && !Sequence.After(_ranges[last].Start, end))
        {
            start = Sequence.Min(start, _ranges[last].Start);
            end = Sequence.Max(end, _ranges[last].End);
            last++;
        }

        if (first == last)
        {
            if (Count == Capacity) return false;
            Array.Copy(_ranges, first, _ranges, first + 1, Count - first);
            Count++;
        }
        else if (last > first + 1)
        {
            Array.Copy(_ranges, last, _ranges, first + 1, Count - last);
            Count -= last - first - 1;
        }

        _ranges[first] = new(start, end);
        return true;
    }

    /// <summary>Forgets everything before a number.</summary>
    public void RemoveBefore(uint sequence)
    {
        var gone = 0;
        while (gone < Count && !Sequence.After(_ranges[gone].End, sequence)) gone++;
        if (gone > 0)
        {
            Array.Copy(_ranges, gone, _ranges, 0, Count - gone);
            Count -= gone;
        }

        if (Count > 0 && Sequence.Before(_ranges[0].Start, sequence)) _ranges[0] = new(sequence, _ranges[0].End);
    }

    /// <summary>Bytes of a range that are in the set.</summary>
    public int Covered(uint start, uint end)
    {
        var covered = 0;
        foreach (ref readonly var range in Ranges)
        {
            var from = Sequence.Max(range.Start, start);
            var to = Sequence.Min(range.End, end);
            if (Sequence.Before(from, to)) covered += (int)(to - from);
        }

        return covered;
    }

    /// <summary>The first gap at or behind a number: where it begins, and the range behind it (or the limit).</summary>
    public SequenceRange NextGap(uint from, uint limit)
    {
        foreach (ref readonly var range in Ranges)
        {
            if (Sequence.Before(from, range.Start)) return new(from, Sequence.Min(range.Start, limit));
            if (Sequence.Before(from, range.End)) from = range.End;
        }

        return new(from, limit);
    }
}
