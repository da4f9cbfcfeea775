namespace Holon.Devices.Fuse;

// What files hold: opening, reading, writing.
public sealed unsafe partial class FuseServer
{
    /// <summary>Milliseconds within which the host may give two changes of a file the same time: one jiffy of the slowest usual kernel, and some.</summary>
    private const long ClockTick = 20;

    private FuseOutcome Open(FuseRequest request, FuseScratch scratch, bool mayWait)
    {
        if (!request.Has<FuseOpen>(out var asked)) return request.Fail(FuseError.Invalid);
        var truncates = (asked->Flags & LinuxCalls.OpenTruncate) != 0;
        if (_readOnly && (truncates || (asked->Flags & LinuxCalls.OpenAccess) != LinuxCalls.OpenReadOnly)) return request.Fail(FuseError.ReadOnly);
        if (truncates && !mayWait) return FuseOutcome.MustWait;
        using var held = Hold(request.Header.Node, mayWait);
        if (held.Failed) return !mayWait && held.Descriptor == FuseError.TryAgain ? FuseOutcome.MustWait : request.Fail(held.Descriptor);
        var descriptor = OpenHeld(held.Node, held.Descriptor, asked->Flags, scratch);
        if (descriptor < 0) return request.Fail(descriptor);
        if (truncates && (asked->OpenFlags & FuseLimits.OpenKillPrivileges) != 0) KillPrivileges(descriptor);
        ref var answer = ref Clear<FuseOpenAnswer>(scratch);
        return AnswerOpen(request, ref answer, held.Node, descriptor, asked->Flags) ? Reply<FuseOpenAnswer>(request, scratch) : request.Fail(FuseError.TooManyFiles);
    }

    /// <summary>Opens what a descriptor without access stands for: a regular file and nothing else.</summary>
    private static int OpenHeld(SharedNode node, int descriptor, uint flags, FuseScratch scratch) => node.Kind switch
    {
        LinuxCalls.KindRegular => LinuxCalls.OpenAt(LinuxCalls.Here, scratch.Path(descriptor), (int)flags & (LinuxCalls.OpenAccess | LinuxCalls.OpenTruncate | LinuxCalls.OpenSync)),
        LinuxCalls.KindFolder => FuseError.IsFolder,
        LinuxCalls.KindLink => FuseError.TooManyLevels,
        _ => FuseError.NoDevice, // pipes and devices are the guest's own; those of the host stay closed
    };

    /// <summary>Gives the guest a number for an open file. What it has cached of the file stays when nothing has changed since it last opened it.</summary>
    private bool AnswerOpen(FuseRequest request, ref FuseOpenAnswer answer, SharedNode node, int descriptor, uint flags)
    {
        answer.Handle = _files.Add(node, descriptor, flags & ~(uint)(LinuxCalls.OpenTruncate | LinuxCalls.OpenCreate | LinuxCalls.OpenExclusive));
        if (answer.Handle == 0)
        {
            LinuxCalls.Close(descriptor);
            return false;
        }

        answer.Flags = _cache.FileFlags(unchanged: false);
        if (_cache.IsDirect || LinuxCalls.Stat(descriptor, out var status) < 0) return true;
        var now = (status.Size, status.Modified.Seconds, status.Modified.Nanoseconds, status.Changed.Seconds, status.Changed.Nanoseconds);
        answer.Flags = _cache.FileFlags(node.Seen == now);
        // The host's clock for files ticks slowly: two changes within a tick look like one. What has changed just now is not believed to be known.
        node.Seen = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - (status.Changed.Seconds * 1000) - (status.Changed.Nanoseconds / 1_000_000) > ClockTick ? now : default;
        return true;
    }

    private FuseOutcome Create(FuseRequest request, FuseScratch scratch)
    {
        if (!request.Has<FuseCreate>(out var asked)) return request.Fail(FuseError.Invalid);
        var (flags, mode, openFlags) = (asked->Flags, asked->Mode & ModeBits, asked->OpenFlags);
        var error = request.Name(sizeof(FuseCreate), out var name, out var text);
        if (error < 0) return request.Fail(error);
        using var folder = HoldFolder(request.Header.Node);
        if (folder.Failed) return request.Fail(folder.Descriptor);
        const int Kept = LinuxCalls.OpenAccess | LinuxCalls.OpenSync;
        var descriptor = LinuxCalls.OpenAt(folder.Descriptor, text, ((int)flags & Kept) | LinuxCalls.OpenCreate | LinuxCalls.OpenExclusive | LinuxCalls.OpenNoFollow, HostMode(mode));
        var isNew = descriptor >= 0;
        if (isNew)
        {
            error = Own(request, scratch, folder, name, text, LinuxCalls.KindRegular | mode, 0);
            if (error < 0)
            {
                LinuxCalls.Close(descriptor);
                return request.Fail(error);
            }
        }
        else if (descriptor != FuseError.Exists || (flags & LinuxCalls.OpenExclusive) != 0)
        {
            return request.Fail(descriptor);
        }

        var answer = (FuseOpenAnswer*)(scratch.Answer + sizeof(FuseEntry));
        *answer = default;
        ref var entry = ref Clear<FuseEntry>(scratch);
        error = isNew ? LinuxCalls.Stat(descriptor, out var status) : LinuxCalls.StatAt(folder.Descriptor, text, out status);
        var node = error < 0 ? null : FillEntry(ref entry, scratch, folder.Node, folder.Descriptor, name, status, -1);
        if (node is not null && !isNew)
        {
            using var held = Hold(node.Id);
            descriptor = held.Failed ? held.Descriptor : OpenHeld(node, held.Descriptor, flags, scratch);
            if (descriptor < 0) error = descriptor;
            else if ((flags & LinuxCalls.OpenTruncate) != 0 && (openFlags & FuseLimits.OpenKillPrivileges) != 0) KillPrivileges(descriptor);
        }

        if (node is not null && error == 0)
        {
            if (AnswerOpen(request, ref *answer, node, descriptor, flags)) return request.Reply(scratch.Answer, sizeof(FuseEntry) + sizeof(FuseOpenAnswer));
            error = FuseError.TooManyFiles;
        }
        else if (descriptor >= 0)
        {
            LinuxCalls.Close(descriptor);
        }

        if (node is not null) _nodes.Forget(node.Id, 1); // the guest never hears of it
        return request.Fail(error < 0 ? error : FuseError.NoMemory);
    }

    private FuseOutcome Read(FuseRequest request, FuseScratch scratch, bool mayWait)
    {
        if (!request.Has<FuseTransfer>(out var asked)) return request.Fail(FuseError.Invalid);
        using var opened = OpenedFile(asked->Handle, scratch, mayWait);
        if (opened.Descriptor < 0) return opened.Descriptor == FuseError.TryAgain ? FuseOutcome.MustWait : request.Fail(opened.Descriptor);
        if (asked->Offset > long.MaxValue) return request.Fail(FuseError.Invalid);
        request.Limit(Math.Min(asked->Size, FuseLimits.MostData));
        if (request.VectorLength == 0) return request.ReplyData(0);
        var offset = (long)asked->Offset;
        var length = LinuxCalls.Read(opened.Descriptor, request.FirstVector, request.VectorCount, offset, mayWait ? 0 : LinuxCalls.WithoutWaiting);
        if (!mayWait && length < request.VectorLength)
        {
            // Either the file ends here, or the rest is not in memory yet.
            if (length < 0) return FuseOutcome.MustWait;
            var rest = new IoVector((nint)scratch.Answer, 1);
            if (LinuxCalls.Read(opened.Descriptor, &rest, 1, offset + length, LinuxCalls.WithoutWaiting) != 0) return FuseOutcome.MustWait;
        }

        return length < 0 ? request.Fail((int)length) : request.ReplyData(length);
    }

    private FuseOutcome Write(FuseRequest request, FuseScratch scratch)
    {
        if (!request.Has<FuseTransfer>(out var asked)) return request.Fail(FuseError.Invalid);
        using var opened = OpenedFile(asked->Handle, scratch);
        if (opened.Descriptor < 0) return request.Fail(opened.Descriptor);
        if (asked->Offset > long.MaxValue || asked->Size > FuseLimits.MostData || request.VectorLength < asked->Size) return request.Fail(FuseError.Invalid);
        request.Limit(asked->Size);
        // Pages that the guest writes back belong where they are; anything else of a file opened for appending goes to its end, wherever that is now.
        var appends = (asked->Flags & LinuxCalls.OpenAppend) != 0 && (asked->ReadOrWriteFlags & FuseLimits.WriteFromCache) == 0;
        var length = request.VectorCount == 0 ? 0 : LinuxCalls.Write(opened.Descriptor, request.FirstVector, request.VectorCount, (long)asked->Offset, appends ? LinuxCalls.AtTheEnd : 0);
        if (length < 0) return request.Fail((int)length);
        if ((asked->ReadOrWriteFlags & FuseLimits.WriteKillPrivileges) != 0) KillPrivileges(opened.Descriptor);
        *(ulong*)scratch.Answer = (ulong)length;
        return request.Reply(scratch.Answer, sizeof(ulong));
    }

    private FuseOutcome Release(FuseRequest request)
    {
        if (request.Has<ulong>(out var handle)) _files.Close(*handle);
        return request.Done();
    }

    private FuseOutcome Sync(FuseRequest request)
    {
        if (!request.Has<FuseSync>(out var asked)) return request.Fail(FuseError.Invalid);
        using var opened = OpenedFile(asked->Handle, null);
        return request.Result(opened.Descriptor < 0 ? opened.Descriptor : LinuxCalls.Sync(opened.Descriptor, dataOnly: (asked->Flags & 1) != 0));
    }

    private FuseOutcome Allocate(FuseRequest request)
    {
        if (!request.Has<FuseAllocate>(out var asked)) return request.Fail(FuseError.Invalid);
        using var opened = OpenedFile(asked->Handle, null);
        return request.Result(opened.Descriptor < 0 ? opened.Descriptor : LinuxCalls.Allocate(opened.Descriptor, (int)asked->Mode, asked->Offset, asked->Length));
    }

    private FuseOutcome Seek(FuseRequest request, FuseScratch scratch)
    {
        const uint Data = 3, Hole = 4;
        if (!request.Has<FuseSeek>(out var asked)) return request.Fail(FuseError.Invalid);
        var whence = asked->Whence;
        if (whence is not (Data or Hole)) return request.Fail(FuseError.Invalid);
        using var opened = OpenedFile(asked->Handle, null);
        if (opened.Descriptor < 0) return request.Fail(opened.Descriptor);
        var found = LinuxCalls.Seek(opened.Descriptor, asked->Offset, (int)whence);
        if (found < 0) return request.Fail((int)found);
        *(long*)scratch.Answer = found;
        return request.Reply(scratch.Answer, sizeof(long));
    }

    private FuseOutcome CopyRange(FuseRequest request, FuseScratch scratch)
    {
        const ulong MostAtOnce = 1 << 30;
        if (!request.Has<FuseCopyRange>(out var asked)) return request.Fail(FuseError.Invalid);
        if (asked->Flags != 0 || asked->Offset < 0 || asked->NewOffset < 0) return request.Fail(FuseError.Invalid);
        using var from = OpenedFile(asked->Handle, null);
        using var to = OpenedFile(asked->NewHandle, null);
        if (from.Descriptor < 0 || to.Descriptor < 0) return request.Fail(FuseError.BadHandle);
        var (offset, newOffset) = (asked->Offset, asked->NewOffset);
        var length = LinuxCalls.CopyRange(from.Descriptor, &offset, to.Descriptor, &newOffset, (nint)Math.Min(asked->Length, MostAtOnce));
        if (length < 0) return request.Fail((int)length);
        *(ulong*)scratch.Answer = (ulong)length;
        return request.Reply(scratch.Answer, sizeof(ulong));
    }

    /// <summary>A regular file that the guest has open.</summary>
    private Opened OpenedFile(ulong handle, FuseScratch? scratch, bool mayWait = true) =>
        _files.Acquire(handle) is { } file ? new Opened(this, file, scratch, mayWait) : new Opened(FuseError.BadHandle);

    /// <summary>An open file for as long as a request uses it.</summary>
    private readonly ref struct Opened
    {
        private readonly FuseServer? _server;

        public Opened(int error) => Descriptor = error;

        public Opened(FuseServer server, OpenFile file, FuseScratch? scratch, bool mayWait = true)
        {
            (_server, File) = (server, file);
            Descriptor = file.Descriptor >= 0 ? file.Descriptor : mayWait ? server.OpenAgain(file, scratch ?? new FuseScratch()) : FuseError.TryAgain;
        }

        public OpenFile? File { get; }

        /// <summary>The descriptor, or the error.</summary>
        public int Descriptor { get; }

        public void Dispose()
        {
            if (File is not null) _server!._files.Release(File);
        }
    }

    /// <summary>After a restore: opens a file as the guest had it open.</summary>
    private int OpenAgain(OpenFile file, FuseScratch scratch)
    {
        lock (file.Lock)
        {
            if (file.Descriptor >= 0) return file.Descriptor;
            using var held = Hold(file.Node.Id);
            if (held.Failed) return held.Descriptor;
            if (_readOnly && (file.Flags & LinuxCalls.OpenAccess) != LinuxCalls.OpenReadOnly) return FuseError.ReadOnly;
            var descriptor = file.IsFolder ? OpenEntries(held.Descriptor) : OpenHeld(file.Node, held.Descriptor, file.Flags, scratch);
            if (descriptor >= 0) file.Descriptor = descriptor;
            return descriptor;
        }
    }
}
