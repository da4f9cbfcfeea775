using Holon.Storage.Host;
using Holon.Storage.Tools;

namespace Holon.Storage.Qcow2;

/// <summary>What only tools do: reserving space beforehand, writing compressed clusters, changing the backing file.</summary>
internal sealed partial class Qcow2Image
{
    private long _packedEnd; // where the next compressed cluster goes, within a cluster that has room; 0 when there is none
    private long _packedGeneration; // of the refcounts, when that was so

    /// <summary>Gives every cluster of a disk without content its place.</summary>
    public void Preallocate(Preallocation kind, Action<double> progress, CancellationToken cancellationToken)
    {
        var bits = _metadata.ClusterBits;
        var clusters = ClustersOf(_length);
        for (long cluster = 0; cluster < clusters;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var wanted = (int)Math.Min(clusters - cluster, Math.Min(Header.EntriesPerL2Table - (cluster % Header.EntriesPerL2Table), Math.Max(1, LongestAllocation >> bits)));
            lock (_metadata.Gate)
            {
                _metadata.PrepareTable(cluster);
                var (host, count, fresh) = (cluster << bits, wanted, true);
                if (_metadata.DataFile is null) host = _metadata.Refcounts.Allocate(wanted, out count, out fresh);
                var length = Math.Min((long)count << bits, _metadata.DataFile is null ? long.MaxValue : _length - host);
                if (kind == Preallocation.Full) WriteZeroesTo(host, length);
                else if (kind == Preallocation.Falloc) _metadata.Data.Preallocate(host, length);
                else if (!fresh) _metadata.Data.WriteZeroes(host, length, mayUnmap: true);
                for (var i = 0; i < count; i++) _metadata.SetEntry(cluster + i, L2Entry.ForData(host + ((long)i << bits)));
                cluster += count;
            }

            progress((double)cluster / clusters);
        }
    }

    /// <summary>Writes a whole cluster in packed form, or as it is when packing gains nothing.</summary>
    public void WriteCompressed(long offset, ReadOnlySpan<byte> content)
    {
        var packed = CompressedClusters.Pack(content, Header.Compression);
        if (packed.Length == 0)
        {
            Write(offset, content[..(int)Math.Min(content.Length, _length - offset)]);
            return;
        }

        var cluster = offset >> _metadata.ClusterBits;
        lock (_metadata.Gate)
        {
            RefuseIfBroken();
            WaitUntilNotFilling(cluster, cluster);
            CountLateIfAllowed();
            _metadata.PrepareTable(cluster);
            var place = ReservePacked(packed.Length);
            _metadata.File.Write(place, packed);
            var old = _metadata.GetEntry(cluster);
            _metadata.SetEntry(cluster, L2Entry.ForCompressed(place, packed.Length, _metadata.ClusterBits));
            _metadata.ReleaseEntry(old, discard: true);
            _compressed.Forget();
            _metadata.CommitIfMuch();
        }

        _bitmaps.Mark(offset, content.Length);
    }

    /// <summary>Puts the disk on another image. The content as a whole is the caller's concern.</summary>
    public void SetBackingName(string? name, string? format)
    {
        lock (_metadata.Gate)
        {
            var old = (Header.BackingFile, Header.BackingFormat);
            (Header.BackingFile, Header.BackingFormat) = (name, format);
            try
            {
                _metadata.CommitAll();
                _metadata.WriteHeader();
            }
            catch (Machines.HolonException)
            {
                (Header.BackingFile, Header.BackingFormat) = old;
                throw;
            }
        }
    }

    /// <summary>Forgets all content, so that what is below comes to light everywhere.</summary>
    public void Empty()
    {
        ChangeEntries(0, (_length + _metadata.ClusterSize - 1) & -(long)_metadata.ClusterSize, EntryChange.Forget);
        Flush();
    }

    /// <summary>Runs a change of the bitmaps while no request is under way.</summary>
    public void ChangeBitmaps(Action<DirtyBitmaps> change) => Rearrange(() => change(_bitmaps));

    /// <summary>A place for packed bytes: behind the last ones while there is room, for several may share a cluster.</summary>
    private long ReservePacked(int length)
    {
        var size = _metadata.ClusterSize;
        if (_packedGeneration != _metadata.Refcounts.Generation) _packedEnd = 0; // its cluster may be somebody else's by now
        _packedGeneration = _metadata.Refcounts.Generation;
        var room = _packedEnd == 0 ? 0 : size - (_packedEnd & (size - 1));
        var current = (_packedEnd - 1) >> _metadata.ClusterBits;
        var mayShare = room > 0 && _metadata.Refcounts.Get(current) < _metadata.Refcounts.Largest;
        long place;
        if (mayShare && length <= room)
        {
            place = _packedEnd;
            _metadata.Refcounts.Share(current);
        }
        else
        {
            var next = _metadata.Refcounts.AllocateRun(1, out _);
            var follows = mayShare && next >> _metadata.ClusterBits == current + 1;
            if (follows) _metadata.Refcounts.Share(current);
            place = follows ? _packedEnd : next;
        }

        _packedEnd = place + length;
        if ((_packedEnd & (size - 1)) == 0) _packedEnd = 0;
        return place;
    }

    private void WriteZeroesTo(long host, long length)
    {
        for (long done = 0; done < length;)
        {
            var piece = NativeZeroes.First((int)Math.Min(length - done, NativeZeroes.Length));
            _metadata.Data.Write(host + done, new BufferList(new ReadOnlySpan<BlockBuffer>(in piece), piece.Length));
            done += piece.Length;
        }
    }
}
