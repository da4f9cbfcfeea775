using System.Runtime.CompilerServices;
using System.Text;
using Holon.Machines;

namespace Holon.Devices.Fuse;

/// <summary>
/// Serves a folder of the host by the protocol of Linux's FUSE (include/uapi/linux/fuse.h): requests in, answers out, whatever carries them.
/// </summary>
/// <remarks>
/// Thread-safe: several threads may execute requests. The guest is hostile: every name is one component, looked up in a folder that we hold a
/// descriptor of and never followed if it is a link, so no name, link or rename in between leads out of the folder; only regular files and
/// folders are ever opened. Threads that execute requests which may wait must have called <see cref="PrepareThread"/>.
/// </remarks>
public sealed unsafe partial class FuseServer : IDisposable
{
    /// <summary>For how many seconds a guest believes what it was told before it asks again, unless told otherwise: changes on the host are seen within that time.</summary>
    public const uint ValidSeconds = 1;

    private const int FewestDescriptors = 64, MostDescriptorsOfShare = 16384;

    private readonly NodeTable _nodes;
    private readonly OpenFiles _files;
    private readonly FileOwnership _ownership;
    private readonly CachePolicy _cache;
    private readonly bool _readOnly;
    private readonly ulong _rootFileSystem;
    private volatile bool _subMounts, _ownMask;

    /// <summary>Opens the folder.</summary>
    /// <exception cref="HolonException">It cannot be shared.</exception>
    public FuseServer(SharedFolderOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!OperatingSystem.IsLinux()) throw new HolonException("Folders can be shared on Linux hosts only; copy the files with scp or put them on a disk.");
        int root;
        fixed (byte* path = Encoding.UTF8.GetBytes(options.Path + "\0")) root = LinuxCalls.OpenAt(LinuxCalls.Here, path, LinuxCalls.OpenFolder); // readable, too
        if (root < 0)
        {
            throw new HolonException(root switch
            {
                FuseError.NoEntry => $"There is no folder {options.Path} to share; create it or name another one.",
                FuseError.NotFolder => $"{options.Path} is not a folder and cannot be shared; name the folder that it is in.",
                FuseError.AccessDenied or FuseError.NotPermitted => $"The folder {options.Path} cannot be shared because you may not read it; name another one.",
                _ => $"The folder {options.Path} cannot be opened (error {-root}); name another one.",
            });
        }

        LinuxCalls.Stat(root, out var status);
        var limit = LinuxCalls.RaiseOpenFiles();
        var most = (int)Math.Clamp(limit / 8, FewestDescriptors, MostDescriptorsOfShare);
        _nodes = new NodeTable(root, status, options.MostDescriptors > 0 ? options.MostDescriptors : most);
        _files = new OpenFiles(most);
        _ownership = new FileOwnership(options.Mapped ?? LinuxCalls.EffectiveUser != 0);
        _cache = new CachePolicy(options.Cache);
        _readOnly = options.ReadOnly;
        _rootFileSystem = status.FileSystem;
    }

    /// <summary>Files that the guest knows, descriptors kept for them, and files that it has open.</summary>
    public (int Known, int Descriptors, int Open) Counts => (_nodes.Count, _nodes.Descriptors, _files.Count);

    /// <summary>Prepares the calling thread: what it creates gets exactly the permissions that the guest asks for.</summary>
    public void PrepareThread()
    {
        if (LinuxCalls.TryOwnMask()) _ownMask = true;
    }

    /// <summary>Executes a request.</summary>
    /// <param name="request">The request, which then holds the answer.</param>
    /// <param name="scratch">The calling thread's own.</param>
    /// <param name="mayWait">False when the caller must not wait for the host's disk.</param>
    public FuseOutcome Execute(FuseRequest request, FuseScratch scratch, bool mayWait)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(scratch);
        if (request.Length < FuseLimits.RequestHeader) return request.Fail(FuseError.Invalid);
        var operation = request.Header.Operation;
        if (_readOnly && Changes(operation)) return request.Fail(FuseError.ReadOnly);
        if (!mayWait) return ExecuteAtOnce(request, scratch, operation);
        return operation switch
        {
            FuseOperation.Lookup => Lookup(request, scratch, mayWait: true),
            FuseOperation.Forget => Forget(request),
            FuseOperation.BatchForget => BatchForget(request),
            FuseOperation.GetAttributes => GetAttributes(request, scratch, mayWait: true),
            FuseOperation.SetAttributes => SetAttributes(request, scratch),
            FuseOperation.ReadLink => ReadLink(request, scratch),
            FuseOperation.SymbolicLink => MakeLink(request, scratch),
            FuseOperation.MakeNode => MakeNode(request, scratch),
            FuseOperation.MakeFolder => MakeFolder(request, scratch),
            FuseOperation.Unlink => Unlink(request, isFolder: false),
            FuseOperation.RemoveFolder => Unlink(request, isFolder: true),
            FuseOperation.Rename => Rename(request, extended: false),
            FuseOperation.Rename2 => Rename(request, extended: true),
            FuseOperation.Link => Link(request, scratch),
            FuseOperation.Open => Open(request, scratch, mayWait: true),
            FuseOperation.Create => Create(request, scratch),
            FuseOperation.Read => Read(request, scratch, mayWait: true),
            FuseOperation.Write => Write(request, scratch),
            FuseOperation.StatFileSystem => StatFileSystem(request, scratch),
            FuseOperation.Release or FuseOperation.ReleaseFolder => Release(request),
            FuseOperation.Sync or FuseOperation.SyncFolder => Sync(request),
            FuseOperation.SyncFileSystem => request.Result(_readOnly ? 0 : LinuxCalls.SyncFileSystem(_nodes.Root.Descriptor)),
            FuseOperation.SetExtended => SetExtended(request, scratch),
            FuseOperation.GetExtended => GetExtended(request, scratch),
            FuseOperation.ListExtended => ListExtended(request, scratch),
            FuseOperation.RemoveExtended => RemoveExtended(request, scratch),
            FuseOperation.Initialize => Initialize(request, scratch),
            FuseOperation.OpenFolder => OpenFolder(request, scratch),
            FuseOperation.ReadFolder => ReadFolder(request, scratch, plus: false),
            FuseOperation.ReadFolderPlus => ReadFolder(request, scratch, plus: true),
            FuseOperation.Allocate => Allocate(request),
            FuseOperation.Seek => Seek(request, scratch),
            FuseOperation.CopyRange => CopyRange(request, scratch),
            FuseOperation.Destroy => Destroy(request),
            FuseOperation.Interrupt => FuseOutcome.Silent, // nothing here waits for anything but a disk
            _ => request.Fail(FuseError.NotImplemented), // the guest does it itself, as locks, or does not ask again
        };
    }

    /// <summary>Forgets everything that the guest knew, as after its reset.</summary>
    public void Reset()
    {
        _files.Clear();
        _nodes.Clear();
        _subMounts = false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _files.Clear();
        _nodes.Dispose();
    }

    /// <summary>What needs nothing but what the host has in memory. Anything else is not even begun.</summary>
    private FuseOutcome ExecuteAtOnce(FuseRequest request, FuseScratch scratch, FuseOperation operation)
    {
        switch (operation)
        {
            case FuseOperation.Forget:
                return Forget(request);
            case FuseOperation.BatchForget:
                return BatchForget(request);
            case FuseOperation.Interrupt:
                return FuseOutcome.Silent;
            case FuseOperation.Lookup when !_ownership.IsMapped:
                return Lookup(request, scratch, mayWait: false);
            case FuseOperation.GetAttributes when !_ownership.IsMapped:
                return GetAttributes(request, scratch, mayWait: false);
            case FuseOperation.Open:
                return Open(request, scratch, mayWait: false);
            case FuseOperation.Read:
                return Read(request, scratch, mayWait: false);
            default:
                return FuseOutcome.MustWait;
        }
    }

    private static bool Changes(FuseOperation operation) => operation is FuseOperation.SetAttributes or FuseOperation.SymbolicLink or FuseOperation.MakeNode
        or FuseOperation.MakeFolder or FuseOperation.Unlink or FuseOperation.RemoveFolder or FuseOperation.Rename or FuseOperation.Rename2 or FuseOperation.Link
        or FuseOperation.Create or FuseOperation.Write or FuseOperation.SetExtended or FuseOperation.RemoveExtended or FuseOperation.Allocate or FuseOperation.CopyRange;

    private FuseOutcome Initialize(FuseRequest request, FuseScratch scratch)
    {
        if (!request.Has<FuseInitialize>(out var asked)) return request.Fail(FuseError.Invalid);
        ref var answer = ref Clear<FuseInitializeAnswer>(scratch);
        answer.Major = FuseLimits.Major;
        answer.Minor = FuseLimits.Minor;
        if (asked->Major > FuseLimits.Major) return Reply<FuseInitializeAnswer>(request, scratch); // the guest comes down to our version
        if (asked->Major < FuseLimits.Major || asked->Minor < FuseLimits.LeastMinor) return request.Fail(FuseError.Invalid);
        const FuseFeatures Wanted = FuseFeatures.AsyncRead | FuseFeatures.AtomicTruncate | FuseFeatures.BigWrites
            | FuseFeatures.ReadFolderPlus | FuseFeatures.AdaptiveReadFolderPlus | FuseFeatures.AsyncDirect | FuseFeatures.ParallelFolders | FuseFeatures.MaxPages
            | FuseFeatures.SubMounts | FuseFeatures.KillPrivileges;
        var features = (Wanted | _cache.Features) & (FuseFeatures)asked->Features;
        Reset(); // a guest that begins again knows nothing
        _subMounts = features.HasFlag(FuseFeatures.SubMounts);
        answer.Features = (uint)features;
        answer.ReadAhead = asked->ReadAhead;
        answer.MostBackground = 64;
        answer.CongestionThreshold = 48;
        answer.MostWrite = FuseLimits.MostData;
        answer.MostPages = FuseLimits.MostPages;
        answer.TimeGranularity = 1;
        return Reply<FuseInitializeAnswer>(request, scratch);
    }

    private FuseOutcome Destroy(FuseRequest request)
    {
        _files.Clear();
        return request.Done();
    }

    private FuseOutcome Forget(FuseRequest request)
    {
        if (request.Has<ulong>(out var count)) _nodes.Forget(request.Header.Node, *count);
        return FuseOutcome.Silent;
    }

    private FuseOutcome BatchForget(FuseRequest request)
    {
        if (!request.Has<uint>(out var count)) return FuseOutcome.Silent;
        const int First = FuseLimits.RequestHeader + 8;
        var there = Math.Min(*count, (uint)Math.Max(0, (request.Length - First) / sizeof(FuseForget)));
        var forgotten = (FuseForget*)(request.Message + First);
        for (var i = 0; i < there; i++) _nodes.Forget(forgotten[i].Node, forgotten[i].Count);
        return FuseOutcome.Silent;
    }

    private static ref T Clear<T>(FuseScratch scratch)
        where T : unmanaged
    {
        *(T*)scratch.Answer = default;
        return ref *(T*)scratch.Answer;
    }

    private static FuseOutcome Reply<T>(FuseRequest request, FuseScratch scratch)
        where T : unmanaged => request.Reply(scratch.Answer, sizeof(T));

    /// <summary>A node's descriptor for as long as it is in use.</summary>
    private readonly ref struct Held(NodeTable nodes, SharedNode? node, int descriptor)
    {
        /// <summary>The descriptor, or the error.</summary>
        public int Descriptor { get; } = descriptor;

        public SharedNode Node => node!;

        public bool Failed => Descriptor < 0;

        public void Dispose()
        {
            if (Descriptor >= 0) nodes.Release(node!);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Held Hold(ulong id, bool mayWait = true)
    {
        if (_nodes.Find(id) is not { } node) return new Held(_nodes, null, FuseError.Stale);
        return new Held(_nodes, node, mayWait ? _nodes.Acquire(node) : _nodes.TryAcquire(node) is >= 0 and var descriptor ? descriptor : FuseError.TryAgain);
    }

    private Held HoldFolder(ulong id, bool mayWait = true)
    {
        var held = Hold(id, mayWait);
        if (held.Failed || held.Node.Kind == LinuxCalls.KindFolder) return held;
        held.Dispose();
        return new Held(_nodes, null, FuseError.NotFolder);
    }
}
