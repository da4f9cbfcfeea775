using Holon.Machines;
using Holon.Storage.Host;
using Holon.Storage.Images;

namespace Holon.Storage.Qcow2;

/// <summary>
/// Writing. Clusters that are ours alone are written in place, many at a time and without a lock. Others get a new cluster: it is taken,
/// filled while nothing points to it, and then linked, so that neither a crash nor another request ever sees a half-filled one.
/// </summary>
internal sealed partial class Qcow2Image
{
    /// <summary>The most that one step takes: other requests get their turn.</summary>
    private const long LongestAllocation = 16 << 20;

    private readonly List<(long First, long Last)> _filling = []; // guest clusters whose new clusters are being filled
    private bool _rearranging; // nothing new may be filled: the tables are about to change as a whole

    /// <inheritdoc/>
    public override void Write(long offset, in BufferList buffers)
    {
        try
        {
            for (long done = 0; done < buffers.Length;)
            {
                var rest = buffers.Slice(done, buffers.Length - done);
                var written = WriteInPlace(offset + done, rest);
                done += written != 0 ? written : WriteToNew(offset + done, rest);
            }
        }
        catch (HolonException corruption)
        {
            Break(corruption);
            throw;
        }

        _bitmaps.Mark(offset, buffers.Length);
    }

    /// <inheritdoc/>
    public override bool TryWriteNow(long offset, in BufferList buffers)
    {
        var ticket = _metadata.Transfers.TryEnter();
        if (ticket < 0) return false;
        try
        {
            if (_broken is not null || !_metadata.TryFind(offset, buffers.Length, out var extent, out _)) return false;
            if (extent.Kind != ExtentKind.Data || !extent.InPlace || extent.Length < buffers.Length || !_metadata.Data.TryWriteNow(extent.HostOffset, buffers)) return false;
        }
        finally
        {
            _metadata.Transfers.Leave(ticket);
        }

        _bitmaps.Mark(offset, buffers.Length);
        return true;
    }

    /// <inheritdoc/>
    public override void WriteZeroes(long offset, long length, bool mayUnmap)
    {
        var end = offset + length;
        var size = _metadata.ClusterSize;
        var last = end == _length ? end + size - 1 : end; // what lies behind the disk's end is nobody's
        var (firstFull, lastFull) = ((offset + size - 1) & -(long)size, last & -(long)size);
        var wholeClusters = firstFull < lastFull && (_metadata.Header.Version >= 3 || (_backing is null && mayUnmap)) && !DataFileIsRaw;
        if (!wholeClusters)
        {
            WriteZeroData(offset, length, mayUnmap);
            return;
        }

        WriteZeroData(offset, Math.Min(firstFull, end) - offset, mayUnmap);
        if (lastFull < end) WriteZeroData(lastFull, end - lastFull, mayUnmap);
        ChangeEntries(firstFull, lastFull, mayUnmap ? EntryChange.ZeroAndFree : EntryChange.Zero);
        _bitmaps.Mark(offset, length);
    }

    /// <inheritdoc/>
    public override void Discard(long offset, long length)
    {
        // Version 2 cannot say that a cluster is empty: the backing file's content would come to light.
        if (_metadata.Header.Version < 3 && _backing is not null) return;
        var size = _metadata.ClusterSize;
        var first = (offset + size - 1) & -(long)size;
        var last = (offset + length == _length ? offset + length + size - 1 : offset + length) & -(long)size;
        if (first >= last) return;
        if (DataFileIsRaw) WriteZeroData(first, Math.Min(last, _length) - first, mayUnmap: true);
        else ChangeEntries(first, last, EntryChange.Discard);
        _bitmaps.Mark(first, Math.Min(last, _length) - first);
    }

    private bool DataFileIsRaw => _metadata.Header.Autoclear.HasFlag(AutoclearFeatures.RawDataFile);

    private enum EntryChange : byte
    {
        Zero,
        ZeroAndFree,
        Discard,

        /// <summary>As if it had never been written: what is below comes to light.</summary>
        Forget,
    }

    /// <summary>Writes to clusters that are there and ours alone.</summary>
    /// <returns>Bytes written; 0 when the first cluster is not of that kind.</returns>
    private long WriteInPlace(long offset, in BufferList buffers)
    {
        while (true)
        {
            var ticket = _metadata.Transfers.Enter();
            long missing;
            try
            {
                RefuseIfBroken();
                if (_metadata.TryFind(offset, buffers.Length, out var extent, out missing))
                {
                    if (extent.Kind != ExtentKind.Data || !extent.InPlace) return 0;
                    _metadata.Data.Write(extent.HostOffset, buffers.Slice(0, extent.Length));
                    return extent.Length;
                }

                if (_metadata.TryLoad(missing)) continue;
            }
            finally
            {
                _metadata.Transfers.Leave(ticket);
            }

            lock (_metadata.Gate) _metadata.Load(missing);
        }
    }

    /// <summary>Writes to clusters that were not there, or that somebody else uses too.</summary>
    /// <returns>Bytes written; 0 when they turned out to be ours after all.</returns>
    private long WriteToNew(long offset, in BufferList buffers)
    {
        var bits = _metadata.ClusterBits;
        var first = offset >> bits;
        int count;
        long host;
        bool fresh, reuses;
        lock (_metadata.Gate)
        {
            RefuseIfBroken();
            var wanted = (int)(((offset + Math.Min(buffers.Length, LongestAllocation) - 1) >> bits) - first + 1);
            WaitUntilNotFilling(first, first + wanted - 1);
            var entry = _metadata.GetEntry(first);
            var kind = _metadata.KindOf(entry);
            if (kind == ExtentKind.Data && (entry & L2Entry.Copied) != 0) return 0;
            wanted = CountToReplace(first, wanted);
            CountLateIfAllowed();
            _metadata.PrepareTable(first);
            reuses = kind == ExtentKind.Zero && (entry & L2Entry.Copied) != 0 && L2Entry.Offset(entry) != 0;
            if (reuses) (host, count, fresh) = (L2Entry.Offset(entry), 1, false);
            else if (_metadata.DataFile is not null) (host, count, fresh) = (first << bits, wanted, false);
            else host = _metadata.Refcounts.Allocate(wanted, out count, out fresh);
            _filling.Add((first, first + count - 1));
        }

        var isLinked = false;
        try
        {
            var length = Math.Min(buffers.Length, ((first + count) << bits) - offset);
            Fill(offset, buffers.Slice(0, length), first, count, host, fresh);
            lock (_metadata.Gate)
            {
                isLinked = true; // from here on a failure may leave some linked; the others are leaks
                for (var i = 0; i < count; i++)
                {
                    var old = _metadata.GetEntry(first + i);
                    _metadata.SetEntry(first + i, L2Entry.ForData(host + ((long)i << bits)));
                    if (!reuses) _metadata.ReleaseEntry(old, discard: false);
                }

                _metadata.CommitIfMuch();
            }

            return length;
        }
        finally
        {
            lock (_metadata.Gate)
            {
                if (!isLinked && !reuses && _metadata.DataFile is null) _metadata.Refcounts.Undo(host, count);
                _filling.Remove((first, first + count - 1));
                Monitor.PulseAll(_metadata.Gate);
            }
        }
    }

    /// <summary>Fills new clusters: with the data, and around it with what was there before.</summary>
    private void Fill(long offset, in BufferList data, long first, int count, long host, bool fresh)
    {
        var bits = _metadata.ClusterBits;
        var (start, end) = (first << bits, Math.Min((first + count) << bits, _length));
        var dataEnd = offset + data.Length;
        var copyHead = offset > start && !(fresh && ReadsAsZero(start, offset - start));
        var copyTail = dataEnd < end && !(fresh && ReadsAsZero(dataEnd, end - dataEnd));
        if (count == 1 && (copyHead || copyTail))
        {
            FillWhole(offset, data, start, end, host);
            return;
        }

        if (copyHead) Copy(start, offset - start, host);
        _metadata.Data.Write(host + (offset - start), data);
        if (copyTail) Copy(dataEnd, end - dataEnd, host + (dataEnd - start));
    }

    /// <summary>Fills one cluster with one write.</summary>
    private unsafe void FillWhole(long offset, in BufferList data, long start, long end, long host)
    {
        var whole = NativeBuffer.Scratch(_metadata.ClusterSize).First((int)(end - start));
        var list = new BufferList(new ReadOnlySpan<BlockBuffer>(in whole), end - start);
        var dataEnd = offset + data.Length;
        if (offset > start) Read(start, list.Slice(0, offset - start));
        if (dataEnd < end) Read(dataEnd, list.Slice(dataEnd - start, end - dataEnd));
        data.CopyTo((byte*)whole.Address + (offset - start)); // safe: the data lies within the cluster, and the scratch buffer has its size
        _metadata.Data.Write(host, list);
    }

    private void Copy(long offset, long length, long host)
    {
        var piece = NativeBuffer.Scratch(_metadata.ClusterSize).First((int)length);
        var list = new BufferList(new ReadOnlySpan<BlockBuffer>(in piece), length);
        Read(offset, list);
        _metadata.Data.Write(host, list);
    }

    private bool ReadsAsZero(long offset, long length)
    {
        var extent = Find(offset, length);
        return extent.Length == length && extent.Kind switch
        {
            ExtentKind.Zero => true,
            ExtentKind.Unallocated => BackingPart(offset, length) == 0,
            _ => false,
        };
    }

    /// <summary>How many clusters in a row, within one table, need a new one. The image's lock is held.</summary>
    private int CountToReplace(long first, int wanted)
    {
        wanted = (int)Math.Min(wanted, _metadata.Header.EntriesPerL2Table - (first % _metadata.Header.EntriesPerL2Table));
        var count = 1;
        while (count < wanted)
        {
            var entry = _metadata.GetEntry(first + count);
            if ((entry & L2Entry.Copied) != 0 && (L2Entry.Offset(entry) != 0 || _metadata.DataFile is not null)) break;
            count++;
        }

        return count;
    }

    /// <summary>Waits while one of these clusters is being filled by another request. The image's lock is held.</summary>
    private void WaitUntilNotFilling(long first, long last)
    {
        while (_rearranging || IsFilling(first, last)) Monitor.Wait(_metadata.Gate);
    }

    private bool IsFilling(long first, long last)
    {
        foreach (var range in _filling)
        {
            if (range.First <= last && first <= range.Last) return true;
        }

        return false;
    }

    /// <summary>With lazy refcounts, says once that counts may be behind; from then on flushes write tables only. The image's lock is held.</summary>
    private void CountLateIfAllowed()
    {
        if (_metadata.CountsAreLate || !_metadata.Header.LazyRefcounts) return;
        _metadata.Header.Incompatible |= IncompatibleFeatures.Dirty;
        _metadata.WriteFeatures();
        _metadata.CountsAreLate = true;
    }

    /// <summary>Zeroes by writing, except where it is zero already.</summary>
    private void WriteZeroData(long offset, long length, bool mayUnmap)
    {
        for (long done = 0; done < length;)
        {
            var extent = Find(offset + done, length - done);
            var part = extent.Length;
            if (DataFileIsRaw)
            {
                _metadata.Data.WriteZeroes(offset + done, part, mayUnmap);
            }
            else if (!ReadsAsZero(offset + done, part))
            {
                part = Math.Min(part, 1 << 20);
                var zeroes = NativeZeroes.First((int)part);
                Write(offset + done, new BufferList(new ReadOnlySpan<BlockBuffer>(in zeroes), part));
            }

            done += part;
        }

        if (length > 0) _bitmaps.Mark(offset, length);
    }

    /// <summary>Changes the entries of whole clusters, and gives clusters back where that is asked for.</summary>
    private void ChangeEntries(long offset, long end, EntryChange change)
    {
        var bits = _metadata.ClusterBits;
        try
        {
            for (var cluster = offset >> bits; cluster < end >> bits;)
            {
                // A piece at a time, so that other requests get their turn.
                var last = Math.Min(end >> bits, (cluster | (_metadata.Header.EntriesPerL2Table - 1L)) + 1);
                lock (_metadata.Gate)
                {
                    RefuseIfBroken();
                    WaitUntilNotFilling(cluster, last - 1);
                    var isEmpty = _metadata.L1[(int)(cluster / _metadata.Header.EntriesPerL2Table)] == 0;
                    if (!isEmpty || (change is not EntryChange.Forget && BackingPart(cluster << bits, 1) > 0))
                    {
                        for (; cluster < last; cluster++) ChangeEntry(cluster, change);
                    }

                    cluster = last;
                    _metadata.CommitIfMuch();
                }
            }
        }
        catch (HolonException corruption)
        {
            Break(corruption);
            throw;
        }
    }

    private void ChangeEntry(long cluster, EntryChange change)
    {
        var old = _metadata.GetEntry(cluster);
        var kind = _metadata.KindOf(old);
        var zero = _metadata.Header.Version >= 3 ? L2Entry.Zero : 0;
        var keepsPlace = (change == EntryChange.Zero || _metadata.DataFile is not null) && (old & L2Entry.Copied) != 0 && kind is ExtentKind.Data or ExtentKind.Zero;
        var entry = change switch
        {
            EntryChange.Forget => 0ul,
            _ when keepsPlace && change != EntryChange.Discard => old | zero,
            EntryChange.Discard when kind == ExtentKind.Unallocated && BackingPart(cluster << _metadata.ClusterBits, 1) == 0 => old,
            _ => zero,
        };
        if (entry == old) return;
        CountLateIfAllowed();
        _metadata.PrepareTable(cluster);
        _metadata.SetEntry(cluster, entry);
        if (L2Entry.Offset(entry) != L2Entry.Offset(old) || kind == ExtentKind.Compressed) _metadata.ReleaseEntry(old, discard: true);
        if (_metadata.DataFile is { } data && kind == ExtentKind.Data && change != EntryChange.Zero) data.Discard(cluster << _metadata.ClusterBits, _metadata.ClusterSize);
    }

    /// <summary>Runs something that changes the tables as a whole, while no request is under way.</summary>
    private void Rearrange(Action action)
    {
        lock (_metadata.Gate)
        {
            while (_rearranging) Monitor.Wait(_metadata.Gate);
            RefuseIfBroken();
            _rearranging = true;
            while (_filling.Count > 0) Monitor.Wait(_metadata.Gate);
        }

        try
        {
            _metadata.Transfers.Close();
            lock (_metadata.Gate) action();
        }
        finally
        {
            _metadata.Transfers.Open();
            lock (_metadata.Gate)
            {
                _rearranging = false;
                Monitor.PulseAll(_metadata.Gate);
            }
        }
    }

    /// <summary>Writes nothing any more after the image turned out to be corrupt, and says so in its header.</summary>
    private void Break(HolonException corruption)
    {
        lock (_metadata.Gate)
        {
            if (_broken is not null) return;
            _broken = corruption.Message;
            _metadata.Header.Incompatible |= IncompatibleFeatures.Corrupt;
            try
            {
                _metadata.WriteFeatures();
            }
            catch (BlockFailure)
            {
                // The file cannot even be marked; nothing is written to it either way.
            }
        }
    }

    /// <summary>Zeroes to write from, shared by all.</summary>
    private static NativeBuffer NativeZeroes { get; } = MakeZeroes();

    private static NativeBuffer MakeZeroes()
    {
        var buffer = new NativeBuffer(1 << 20);
        buffer.Span.Clear();
        return buffer;
    }
}
