using Holon.Devices.State;

namespace Holon.Devices.Fuse;

/// <summary>A file or folder that the guest has open. Used again for others after it was closed.</summary>
internal sealed class OpenFile
{
    public ulong Id { get; set; }

    public SharedNode Node { get; set; } = null!;

    /// <summary>The host's descriptor; -1 after a restore, until it is used.</summary>
    public int Descriptor { get; set; } = -1;

    /// <summary>How the guest opened it.</summary>
    public uint Flags { get; set; }

    public bool IsFolder => Node.Kind == LinuxCalls.KindFolder;

    /// <summary>Requests that use it, and one more while the guest has it open. Guarded by the table.</summary>
    public int Uses { get; set; }

    /// <summary>Of a folder: entries that were read and not given to the guest yet.</summary>
    public FolderListing? Listing { get; set; }

    /// <summary>Held while <see cref="Listing"/> or the descriptor's position is used.</summary>
    public Lock Lock { get; } = new();
}

/// <summary>Entries of a folder as the host gives them.</summary>
internal sealed class FolderListing
{
    public const int Length = 32 << 10;

    public byte[] Buffer { get; } = GC.AllocateUninitializedArray<byte>(Length, pinned: true);

    public int Position { get; set; }

    public int End { get; set; }

    /// <summary>What the guest must ask for to get the entry at <see cref="Position"/>; -1 for nothing.</summary>
    public long Offset { get; set; } = -1;
}

/// <summary>What the guest has open, by number.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class OpenFiles(int most)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, OpenFile> _byId = [];
    private readonly Stack<OpenFile> _idle = [];
    private readonly Stack<FolderListing> _idleListings = [];
    private ulong _nextId = 1;

    /// <summary>How many are open.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _byId.Count;
        }
    }

    /// <summary>Remembers an open file.</summary>
    /// <returns>Its number; 0 when there are too many, and then the descriptor is still the caller's.</returns>
    public ulong Add(SharedNode node, int descriptor, uint flags)
    {
        lock (_lock)
        {
            if (_byId.Count >= most) return 0;
            if (!_idle.TryPop(out var file)) file = new OpenFile();
            (file.Id, file.Node, file.Descriptor, file.Flags, file.Uses) = (_nextId++, node, descriptor, flags, 1);
            if (file.IsFolder) file.Listing = _idleListings.TryPop(out var listing) ? listing : new FolderListing();
            _byId.Add(file.Id, file);
            return file.Id;
        }
    }

    /// <summary>An open file, which stays open until <see cref="Release"/>.</summary>
    public OpenFile? Acquire(ulong id)
    {
        lock (_lock)
        {
            if (!_byId.TryGetValue(id, out var file)) return null;
            file.Uses++;
            return file;
        }
    }

    /// <summary>It is no longer used.</summary>
    public void Release(OpenFile file)
    {
        int close;
        lock (_lock)
        {
            if (--file.Uses > 0) return;
            close = file.Descriptor;
            if (file.Listing is { } listing)
            {
                (listing.Position, listing.End, listing.Offset) = (0, 0, -1);
                if (_idleListings.Count < 64) _idleListings.Push(listing);
                file.Listing = null;
            }

            file.Node = null!;
            if (_idle.Count < 1024) _idle.Push(file);
        }

        if (close >= 0) LinuxCalls.Close(close);
    }

    /// <summary>The guest has closed it.</summary>
    public void Close(ulong id)
    {
        OpenFile? file;
        lock (_lock) _byId.Remove(id, out file);
        if (file is not null) Release(file);
    }

    /// <summary>Closes all.</summary>
    public void Clear()
    {
        while (true)
        {
            ulong id;
            lock (_lock)
            {
                if (_byId.Count == 0) return;
                id = _byId.First().Key;
            }

            Close(id);
        }
    }

    /// <summary>Writes what a guest that goes on elsewhere needs.</summary>
    public void Save(DeviceStateWriter writer)
    {
        lock (_lock)
        {
            writer.Write(_nextId);
            writer.Write(_byId.Count);
            foreach (var file in _byId.Values)
            {
                writer.Write(file.Id);
                writer.Write(file.Node.Id);
                writer.Write(file.Flags);
            }
        }
    }

    /// <summary>Takes what <see cref="Save"/> wrote; files are opened when they are next used.</summary>
    public void Load(DeviceStateReader reader, NodeTable nodes)
    {
        Clear();
        _nextId = reader.ReadUInt64();
        var count = reader.ReadInt32(0, most);
        for (var i = 0; i < count; i++)
        {
            var (id, node, flags) = (reader.ReadUInt64(), reader.ReadUInt64(), reader.ReadUInt32());
            var file = new OpenFile { Id = id, Node = nodes.Find(node) ?? throw reader.Damaged("an open file is none that the guest knows"), Flags = flags, Uses = 1 };
            if (file.IsFolder) file.Listing = new FolderListing();
            if (id == 0 || id >= _nextId || !_byId.TryAdd(id, file)) throw reader.Damaged("an open file's number cannot be");
        }
    }
}
