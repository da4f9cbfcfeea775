using Holon.Devices.State;

namespace Holon.Devices.Fuse;

/// <summary>
/// The files that the guest knows, by number and by what they are on the host. Each keeps the folder and the name by which it was last seen, and the
/// most recently used ones a descriptor: a guest may know a million files while a host lets a process open some thousands.
/// </summary>
/// <remarks>Thread-safe. No system call that could wait is made under its lock.</remarks>
internal sealed unsafe class NodeTable : IDisposable
{
    /// <summary>The most files a guest can make us remember: some 200 bytes each.</summary>
    public const int MostNodes = 4 << 20;

    /// <summary>The deepest folder that is found again by going down from the top. Paths of Linux have at most 2,048 names.</summary>
    private const int MostDepth = 4096;

    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, SharedNode> _byId = [];
    private readonly Dictionary<FileIdentity, SharedNode> _byIdentity = [];
    private readonly int _mostDescriptors;
    private SharedNode? _newest, _oldest;
    private int _descriptors;
    private ulong _nextId = FuseLimits.RootNode + 1;

    /// <summary>A table with the shared folder in it.</summary>
    /// <param name="root">A descriptor of the folder, which the table owns from now on.</param>
    /// <param name="status">What it is.</param>
    /// <param name="mostDescriptors">How many descriptors are kept.</param>
    public NodeTable(int root, in FileStatus status, int mostDescriptors)
    {
        _mostDescriptors = mostDescriptors;
        Root = new SharedNode(FuseLimits.RootNode, status.Identity, LinuxCalls.KindFolder) { Descriptor = root, Lookups = 1 };
        AddRoot();
    }

    /// <summary>The shared folder itself.</summary>
    public SharedNode Root { get; }

    /// <summary>How many files the guest knows.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _byId.Count;
        }
    }

    /// <summary>How many descriptors are kept now.</summary>
    public int Descriptors
    {
        get
        {
            lock (_lock) return _descriptors;
        }
    }

    /// <summary>A file by its number; null when the guest cannot know it.</summary>
    public SharedNode? Find(ulong id)
    {
        lock (_lock) return _byId.GetValueOrDefault(id);
    }

    /// <summary>The guest is told of a file under a name.</summary>
    /// <param name="folder">Where it was found.</param>
    /// <param name="name">Its name there.</param>
    /// <param name="status">What it is.</param>
    /// <param name="descriptor">A descriptor of it (O_PATH), which the table takes, or -1.</param>
    /// <returns>Null when the guest knows too many.</returns>
    public SharedNode? Enter(SharedNode folder, ReadOnlySpan<byte> name, in FileStatus status, int descriptor = -1)
    {
        SharedNode? node;
        var close = descriptor;
        lock (_lock)
        {
            if (!_byIdentity.TryGetValue(status.Identity, out node))
            {
                if (_byId.Count < MostNodes)
                {
                    node = new SharedNode(_nextId++, status.Identity, status.Kind);
                    _byId.Add(node.Id, node);
                    _byIdentity.Add(status.Identity, node);
                }
            }

            if (node is not null)
            {
                node.Lookups++;
                if (node != Root) SetPlace(node, folder, name);
                if (descriptor >= 0 && node.Descriptor < 0)
                {
                    Keep(node, descriptor);
                    close = -1;
                }
            }
        }

        if (close >= 0) LinuxCalls.Close(close);
        Trim();
        return node;
    }

    /// <summary>The guest forgets some of the times that it was told of a file.</summary>
    public void Forget(ulong id, ulong count)
    {
        var close = -1;
        lock (_lock)
        {
            if (id == FuseLimits.RootNode || !_byId.TryGetValue(id, out var node)) return;
            node.Lookups -= Math.Min(count, node.Lookups);
            if (node.Lookups > 0) return;
            _byId.Remove(id);
            RemoveIdentity(node);
            if (node.Uses == 0) close = Drop(node); // otherwise whoever uses it is the last
        }

        if (close >= 0) LinuxCalls.Close(close);
    }

    /// <summary>A file got another place, by a change that the guest made.</summary>
    public void Moved(in FileIdentity identity, SharedNode folder, ReadOnlySpan<byte> name)
    {
        lock (_lock)
        {
            if (_byIdentity.TryGetValue(identity, out var node) && node != Root) SetPlace(node, folder, name);
        }
    }

    /// <summary>A name is gone. What is known by it is reached by its descriptor only, if it has one.</summary>
    public void LostName(in FileIdentity identity, SharedNode folder, ReadOnlySpan<byte> name)
    {
        lock (_lock)
        {
            if (_byIdentity.TryGetValue(identity, out var node) && node.IsCalled(folder, name)) (node.Parent, node.Name) = (null, null);
        }
    }

    /// <summary>Whether the guest knows a file for which there is no descriptor yet.</summary>
    public bool IsKnownByNameOnly(in FileIdentity identity)
    {
        lock (_lock) return _byIdentity.TryGetValue(identity, out var node) && node.Descriptor < 0;
    }

    /// <summary>Gives a known file a descriptor.</summary>
    public void Adopt(in FileIdentity identity, int descriptor)
    {
        lock (_lock)
        {
            if (_byIdentity.TryGetValue(identity, out var node) && node.Descriptor < 0)
            {
                Keep(node, descriptor);
                descriptor = -1;
            }
        }

        if (descriptor >= 0) LinuxCalls.Close(descriptor);
        Trim();
    }

    /// <summary>A descriptor that stays until <see cref="Release"/>, if there is one already.</summary>
    /// <returns>-1 when there is none.</returns>
    public int TryAcquire(SharedNode node)
    {
        lock (_lock)
        {
            if (node.Descriptor < 0) return -1;
            node.Uses++;
            if (node != Root && node != _newest)
            {
                Unlink(node);
                LinkNewest(node);
            }

            return node.Descriptor;
        }
    }

    /// <summary>A descriptor that stays until <see cref="Release"/>: the one there is, or one found by going down from a folder that has one.</summary>
    /// <returns>The descriptor, or an error.</returns>
    public int Acquire(SharedNode node)
    {
        var descriptor = TryAcquire(node);
        if (descriptor >= 0) return descriptor;
        var way = new Stack<SharedNode>();
        var at = node;
        int folder;
        while ((folder = TryAcquire(at)) < 0)
        {
            if (way.Count == MostDepth) return FuseError.Stale;
            way.Push(at);
            lock (_lock)
            {
                if (at.Parent is not { } parent) return FuseError.Stale; // it has lost its name, and the descriptor with it
                at = parent;
            }
        }

        while (way.TryPop(out var next))
        {
            var found = FindAgain(next, folder);
            Release(at);
            if (found < 0) return found;
            (at, folder) = (next, found);
        }

        Trim();
        return folder;
    }

    /// <summary>The descriptor is no longer used.</summary>
    public void Release(SharedNode node)
    {
        var close = -1;
        lock (_lock)
        {
            if (--node.Uses == 0 && node.Lookups == 0 && node != Root && !HasId(node)) close = Drop(node);
        }

        if (close >= 0) LinuxCalls.Close(close);
    }

    /// <summary>Forgets all files but the shared folder itself. A descriptor that a request still uses is closed when that is done.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            foreach (var node in _byId.Values) node.Lookups = 0;
            for (var node = _oldest; node is not null;)
            {
                var next = node.Newer;
                if (node.Uses == 0) LinuxCalls.Close(Drop(node));
                node = next;
            }

            _byId.Clear();
            _byIdentity.Clear();
            Root.Lookups = 1;
            _nextId = FuseLimits.RootNode + 1;
            AddRoot();
        }
    }

    /// <summary>Writes what a guest that goes on elsewhere needs: numbers, names, how often each was told.</summary>
    public void Save(DeviceStateWriter writer)
    {
        lock (_lock)
        {
            writer.Write(_nextId);
            writer.Write(_byId.Count - 1);
            foreach (var node in _byId.Values)
            {
                if (node == Root) continue;
                writer.Write(node.Id);
                writer.Write(node.Lookups);
                writer.Write(node.Kind);
                // A folder above that the guest has forgotten has no number any more; so its files are found by looking them up again.
                var named = node is { Parent: not null, Name: not null } && HasId(node.Parent);
                writer.Write(named ? node.Parent!.Id : 0);
                writer.Write((byte)(named ? node.Name!.Length - 1 : 0));
                if (named) writer.WriteBytes(node.Name.AsSpan(0, node.Name!.Length - 1));
            }
        }
    }

    /// <summary>Takes what <see cref="Save"/> wrote. Each file is found when it is next used.</summary>
    public void Load(DeviceStateReader reader)
    {
        Clear();
        lock (_lock)
        {
            _nextId = reader.ReadUInt64();
            var count = reader.ReadInt32(0, MostNodes);
            var parents = new (SharedNode Node, ulong Parent)[Math.Min(count, reader.Remaining / 25)];
            if (parents.Length != count) throw reader.Damaged("it names more files than it has room for");
            for (var i = 0; i < count; i++)
            {
                var (id, lookups, kind, parent) = (reader.ReadUInt64(), reader.ReadUInt64(), reader.ReadUInt32(), reader.ReadUInt64());
                if (id <= FuseLimits.RootNode || id >= _nextId) throw reader.Damaged("a file's number cannot be");
                var node = new SharedNode(id, new FileIdentity(ulong.MaxValue, id, 0, 0), kind) { Lookups = lookups, FoundAnew = true }; // nobody's identity until it is found
                var name = new byte[reader.ReadByte() + 1];
                reader.ReadBytes(name.AsSpan(0, name.Length - 1));
                if (name.Length > 1)
                {
                    if (!SharedName.IsOne(name.AsSpan(0, name.Length - 1))) throw reader.Damaged("a file's name cannot be");
                    node.Name = name;
                }

                if (!_byId.TryAdd(id, node)) throw reader.Damaged("two files have one number");
                _byIdentity.Add(node.Identity, node);
                parents[i] = (node, parent);
            }

            foreach (var (node, parent) in parents)
            {
                if (node.Name is not null) node.Parent = _byId.GetValueOrDefault(parent) ?? throw reader.Damaged("a file is in a folder that is not there");
            }
        }
    }

    /// <summary>Looks every file up: after <see cref="Load"/>, so that names which the guest asks for again mean the files that it knows.</summary>
    public void FindAll()
    {
        SharedNode[] all;
        lock (_lock) all = [.. _byId.Values];
        foreach (var node in all)
        {
            if (Acquire(node) >= 0) Release(node);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Clear();
        LinuxCalls.Close(Root.Descriptor);
    }

    private void AddRoot()
    {
        _byId.Add(Root.Id, Root);
        _byIdentity.Add(Root.Identity, Root);
    }

    private bool HasId(SharedNode node) => _byId.TryGetValue(node.Id, out var found) && found == node;

    private void RemoveIdentity(SharedNode node)
    {
        if (_byIdentity.TryGetValue(node.Identity, out var found) && found == node) _byIdentity.Remove(node.Identity);
    }

    private static void SetPlace(SharedNode node, SharedNode folder, ReadOnlySpan<byte> name)
    {
        if (node.IsCalled(folder, name)) return;
        node.Parent = folder;
        node.Name = SharedName.Keep(name);
    }

    /// <summary>Finds a node below a folder by its name, and makes sure that it is still the same file.</summary>
    private int FindAgain(SharedNode node, int folder)
    {
        byte[]? name;
        lock (_lock) name = node.Name;
        if (name is null) return FuseError.Stale;
        int descriptor;
        fixed (byte* text = name) descriptor = LinuxCalls.OpenWithoutFollowing(folder, text);
        if (descriptor == FuseError.NoEntry) return FuseError.Stale; // the guest then looks the name up again
        if (descriptor < 0) return descriptor;
        var error = LinuxCalls.Stat(descriptor, out var status);
        var result = error < 0 ? error : FuseError.Stale;
        var close = descriptor;
        lock (_lock)
        {
            if (error == 0 && IsSame(node, status))
            {
                if (node.Descriptor < 0)
                {
                    Keep(node, descriptor);
                    close = -1;
                }

                node.Uses++;
                result = node.Descriptor;
            }
        }

        if (close >= 0) LinuxCalls.Close(close);
        return result;
    }

    private bool IsSame(SharedNode node, in FileStatus status)
    {
        if (!node.FoundAnew) return node.Identity == status.Identity;
        if (node.Kind != status.Kind) return false;
        node.FoundAnew = false;
        RemoveIdentity(node);
        node.Identity = status.Identity;
        _byIdentity.TryAdd(node.Identity, node); // with a second name of the same file, the guest keeps both numbers
        return true;
    }

    private void Keep(SharedNode node, int descriptor)
    {
        node.Descriptor = descriptor;
        LinkNewest(node);
        _descriptors++;
    }

    /// <summary>Takes the descriptor away from a node.</summary>
    /// <returns>What is to be closed.</returns>
    private int Drop(SharedNode node)
    {
        if (node.Descriptor < 0 || node == Root) return -1;
        Unlink(node);
        _descriptors--;
        var descriptor = node.Descriptor;
        node.Descriptor = -1;
        return descriptor;
    }

    /// <summary>Closes what was used longest ago when there are too many: first what has a name and can be found again.</summary>
    private void Trim()
    {
        while (true)
        {
            var close = -1;
            lock (_lock)
            {
                if (_descriptors <= _mostDescriptors) return;
                var node = _oldest;
                for (var looked = 0; node is not null && (node.Uses > 0 || node.Name is null); node = node.Newer)
                {
                    // A guest that keeps thousands of files without names open costs itself the oldest of them.
                    if (node.Uses == 0 && ++looked > _mostDescriptors / 2) break;
                }

                if (node is null) return;
                close = Drop(node);
            }

            LinuxCalls.Close(close);
        }
    }

    private void LinkNewest(SharedNode node)
    {
        if (node == Root) return;
        node.Older = _newest;
        node.Newer = null;
        if (_newest is not null) _newest.Newer = node;
        _newest = node;
        _oldest ??= node;
    }

    private void Unlink(SharedNode node)
    {
        if (node.Newer is not null) node.Newer.Older = node.Older;
        else _newest = node.Older;
        if (node.Older is not null) node.Older.Newer = node.Newer;
        else _oldest = node.Newer;
        node.Newer = node.Older = null;
    }
}
