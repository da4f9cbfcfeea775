namespace Holon.Devices.Fuse;

// Names: finding, making, moving and removing files.
public sealed unsafe partial class FuseServer
{
    private const uint RenameNoReplace = 1, RenameExchange = 2;

    private FuseOutcome Lookup(FuseRequest request, FuseScratch scratch, bool mayWait)
    {
        var error = request.Name(0, out var name, out var text);
        if (error < 0) return request.Fail(error);
        using var folder = HoldFolder(request.Header.Node, mayWait);
        if (folder.Failed) return !mayWait && folder.Descriptor == FuseError.TryAgain ? FuseOutcome.MustWait : request.Fail(folder.Descriptor);
        if (mayWait)
        {
            error = LinuxCalls.StatAt(folder.Descriptor, text, out var found);
            return error == FuseError.NoEntry ? AnswerAbsence(request, scratch) : error < 0 ? request.Fail(error) : AnswerEntry(request, scratch, folder, name, found, -1);
        }

        var descriptor = LinuxCalls.OpenCached(folder.Descriptor, text);
        if (descriptor == FuseError.NoEntry) return AnswerAbsence(request, scratch);
        if (descriptor < 0) return FuseOutcome.MustWait; // EAGAIN, or a host that cannot answer at once
        error = LinuxCalls.Stat(descriptor, out var status);
        if (error == 0) return AnswerEntry(request, scratch, folder, name, status, descriptor);
        LinuxCalls.Close(descriptor);
        return request.Fail(error);
    }

    /// <summary>Tells the guest that nothing has the name. Node 0 is a name that it may remember as absent.</summary>
    private FuseOutcome AnswerAbsence(FuseRequest request, FuseScratch scratch)
    {
        if (!_cache.RemembersAbsence) return request.Fail(FuseError.NoEntry);
        Clear<FuseEntry>(scratch).EntryValid = _cache.ValidSeconds;
        return Reply<FuseEntry>(request, scratch);
    }

    /// <summary>Tells the guest of the file that has a name now.</summary>
    private FuseOutcome AnswerEntry(FuseRequest request, FuseScratch scratch, Held folder, ReadOnlySpan<byte> name, byte* text)
    {
        var error = LinuxCalls.StatAt(folder.Descriptor, text, out var status);
        return error < 0 ? request.Fail(error) : AnswerEntry(request, scratch, folder, name, status, -1);
    }

    private FuseOutcome AnswerEntry(FuseRequest request, FuseScratch scratch, Held folder, ReadOnlySpan<byte> name, in FileStatus status, int descriptor)
    {
        ref var entry = ref Clear<FuseEntry>(scratch);
        return FillEntry(ref entry, scratch, folder.Node, folder.Descriptor, name, status, descriptor) is { } ? Reply<FuseEntry>(request, scratch) : request.Fail(FuseError.NoMemory);
    }

    /// <summary>Remembers a file and describes it to the guest.</summary>
    /// <returns>Null when the guest knows too many files.</returns>
    private SharedNode? FillEntry(ref FuseEntry entry, FuseScratch scratch, SharedNode folder, int folderDescriptor, ReadOnlySpan<byte> name, in FileStatus status, int descriptor)
    {
        if (_nodes.Enter(folder, name, status, descriptor) is not { } node) return null;
        entry.Node = node.Id;
        entry.EntryValid = entry.AttributesValid = _cache.ValidSeconds;
        Describe(ref entry.Attributes, status, _ownership.Shown(status, scratch.Path(folderDescriptor, name), byName: true));
        return node;
    }

    private FuseOutcome MakeFolder(FuseRequest request, FuseScratch scratch)
    {
        if (!request.Has<ulong>(out var body)) return request.Fail(FuseError.Invalid);
        var mode = (uint)*body & ModeBits;
        var error = request.Name(8, out var name, out var text);
        if (error < 0) return request.Fail(error);
        using var folder = HoldFolder(request.Header.Node);
        if (folder.Failed) return request.Fail(folder.Descriptor);
        error = LinuxCalls.MakeFolder(folder.Descriptor, text, HostMode(mode));
        if (error == 0) error = Own(request, scratch, folder, name, text, LinuxCalls.KindFolder | mode, 0);
        return error < 0 ? request.Fail(error) : AnswerEntry(request, scratch, folder, name, text);
    }

    private FuseOutcome MakeNode(FuseRequest request, FuseScratch scratch)
    {
        if (!request.Has<FuseMakeNode>(out var body)) return request.Fail(FuseError.Invalid);
        var (mode, device) = (body->Mode & (LinuxCalls.KindMask | ModeBits), body->Device);
        var error = request.Name(16, out var name, out var text);
        if (error < 0) return request.Fail(error);
        using var folder = HoldFolder(request.Header.Node);
        if (folder.Failed) return request.Fail(folder.Descriptor);
        var kind = mode & LinuxCalls.KindMask;
        var isDevice = kind is LinuxCalls.KindBlock or LinuxCalls.KindCharacter;
        if (!isDevice) device = 0;
        if (!isDevice && kind is not (LinuxCalls.KindRegular or LinuxCalls.KindFifo or LinuxCalls.KindSocket)) return request.Fail(FuseError.Invalid);
        if (isDevice && _ownership.IsMapped) kind = LinuxCalls.KindRegular; // an empty file stands for it
        error = LinuxCalls.MakeNode(folder.Descriptor, text, kind | HostMode(mode & ModeBits), isDevice && kind != LinuxCalls.KindRegular ? HostDevice(device) : 0);
        if (error == 0) error = Own(request, scratch, folder, name, text, mode, device);
        return error < 0 ? request.Fail(error) : AnswerEntry(request, scratch, folder, name, text);
    }

    private FuseOutcome MakeLink(FuseRequest request, FuseScratch scratch)
    {
        var error = request.Name(0, out var name, out var text);
        if (error < 0) return request.Fail(error);
        if (!request.TryText(name.Length + 1, out var target) || target.Length == 0) return request.Fail(FuseError.Invalid);
        if (target.Length >= FuseLimits.PathLength) return request.Fail(FuseError.NameTooLong);
        using var folder = HoldFolder(request.Header.Node);
        if (folder.Failed) return request.Fail(folder.Descriptor);
        error = LinuxCalls.MakeLink(text + name.Length + 1, folder.Descriptor, text); // it may lead anywhere: the guest follows it, in its own tree
        if (error == 0 && !_ownership.IsMapped) error = Own(request, scratch, folder, name, text, LinuxCalls.KindLink, 0);
        return error < 0 ? request.Fail(error) : AnswerEntry(request, scratch, folder, name, text);
    }

    private FuseOutcome ReadLink(FuseRequest request, FuseScratch scratch)
    {
        using var held = Hold(request.Header.Node);
        if (held.Failed) return request.Fail(held.Descriptor);
        if (held.Node.Kind != LinuxCalls.KindLink) return request.Fail(FuseError.Invalid);
        var length = LinuxCalls.ReadLink(held.Descriptor, scratch.Answer, FuseLimits.PathLength);
        return length < 0 ? request.Fail((int)length) : request.Reply(scratch.Answer, (int)length);
    }

    private FuseOutcome Link(FuseRequest request, FuseScratch scratch)
    {
        if (!request.Has<ulong>(out var old)) return request.Fail(FuseError.Invalid);
        var error = request.Name(8, out var name, out var text);
        if (error < 0) return request.Fail(error);
        using var folder = HoldFolder(request.Header.Node);
        if (folder.Failed) return request.Fail(folder.Descriptor);
        using var file = Hold(*old);
        if (file.Failed) return request.Fail(file.Descriptor);
        error = LinuxCalls.Link(scratch.Path(file.Descriptor), folder.Descriptor, text);
        return error < 0 ? request.Fail(error) : AnswerEntry(request, scratch, folder, name, text);
    }

    private FuseOutcome Unlink(FuseRequest request, bool isFolder)
    {
        var error = request.Name(0, out var name, out var text);
        if (error < 0) return request.Fail(error);
        using var folder = HoldFolder(request.Header.Node);
        if (folder.Failed) return request.Fail(folder.Descriptor);
        var known = KeepReachable(folder.Descriptor, text, out var identity);
        error = LinuxCalls.Unlink(folder.Descriptor, text, isFolder);
        if (error == 0 && known) _nodes.LostName(identity, folder.Node, name);
        return request.Fail(error);
    }

    private FuseOutcome Rename(FuseRequest request, bool extended)
    {
        var flags = 0u;
        if (!request.Has<ulong>(out var target)) return request.Fail(FuseError.Invalid);
        var start = extended ? 16 : 8;
        if (extended) flags = request.Has<FuseRename>(out var body) ? body->Flags : 0;
        if ((flags & ~(RenameNoReplace | RenameExchange)) != 0) return request.Fail(FuseError.Invalid); // whiteouts are devices
        var error = request.Name(start, out var name, out var text);
        if (error < 0) return request.Fail(error);
        error = request.Name(start + name.Length + 1, out var newName, out var newText);
        if (error < 0) return request.Fail(error);
        using var from = HoldFolder(request.Header.Node);
        if (from.Failed) return request.Fail(from.Descriptor);
        using var to = HoldFolder(*target);
        if (to.Failed) return request.Fail(to.Descriptor);
        var replaced = KeepReachable(to.Descriptor, newText, out var old);
        error = LinuxCalls.Rename(from.Descriptor, text, to.Descriptor, newText, flags);
        if (error < 0) return request.Fail(error);
        if (replaced && (flags & RenameExchange) == 0) _nodes.LostName(old, to.Node, newName);
        if (LinuxCalls.StatAt(to.Descriptor, newText, out var status) == 0) _nodes.Moved(status.Identity, to.Node, newName);
        if ((flags & RenameExchange) != 0 && LinuxCalls.StatAt(from.Descriptor, text, out status) == 0) _nodes.Moved(status.Identity, from.Node, name);
        return request.Done();
    }

    /// <summary>A name is about to go. If the guest knows the file, a descriptor keeps it within reach: it may be open, or have other names.</summary>
    /// <returns>Whether the name is there.</returns>
    private bool KeepReachable(int folder, byte* name, out FileIdentity identity)
    {
        identity = default;
        if (LinuxCalls.StatAt(folder, name, out var status) < 0) return false;
        identity = status.Identity;
        if (!_nodes.IsKnownByNameOnly(identity)) return true;
        var descriptor = LinuxCalls.OpenWithoutFollowing(folder, name);
        if (descriptor < 0) return true;
        if (LinuxCalls.Stat(descriptor, out status) == 0 && status.Identity == identity) _nodes.Adopt(identity, descriptor);
        else LinuxCalls.Close(descriptor);
        return true;
    }

    /// <summary>Gives what was just made to whoever made it in the guest, and the mode that was asked for.</summary>
    private int Own(FuseRequest request, FuseScratch scratch, Held folder, ReadOnlySpan<byte> name, byte* text, uint mode, uint device)
    {
        var (user, group) = (request.Header.User, request.Header.Group);
        var isLink = (mode & LinuxCalls.KindMask) == LinuxCalls.KindLink;
        if (!_ownership.IsMapped && user == 0 && group == 0 && _ownMask) return 0; // as it is
        if (_ownership.IsMapped && user == 0 && group == 0 && (mode & (LinuxCalls.SetUser | LinuxCalls.SetGroup)) == 0 && device == 0 && _ownMask && !GivesGroup(folder, scratch, out _)) return 0;
        var descriptor = LinuxCalls.OpenWithoutFollowing(folder.Descriptor, text);
        if (descriptor < 0) return descriptor;
        var error = OwnDescriptor(user, group, scratch, folder, descriptor, mode, device, isLink);
        LinuxCalls.Close(descriptor);
        if (error < 0) LinuxCalls.Unlink(folder.Descriptor, text, (mode & LinuxCalls.KindMask) == LinuxCalls.KindFolder);
        return error;
    }

    private int OwnDescriptor(uint user, uint group, FuseScratch scratch, Held folder, int descriptor, uint mode, uint device, bool isLink)
    {
        var isFolder = (mode & LinuxCalls.KindMask) == LinuxCalls.KindFolder;
        var fromFolder = GivesGroup(folder, scratch, out var inherited);
        if (!_ownership.IsMapped)
        {
            if ((user, group) != (0u, 0u))
            {
                var changed = LinuxCalls.ChangeOwner(descriptor, user, fromFolder ? Unchanged : group); // with the folder's group bit the host has set the group
                if (changed < 0) return changed;
            }

            if (isLink) return 0;
            if (isFolder && fromFolder) mode |= LinuxCalls.SetGroup;
            var changesBits = (mode & (LinuxCalls.SetUser | LinuxCalls.SetGroup)) != 0 && (user, group) != (0u, 0u); // taken away with the change of owner
            return changesBits || !_ownMask ? LinuxCalls.ChangeMode(scratch.Path(descriptor), mode & ModeBits) : 0;
        }

        if (!_ownMask && LinuxCalls.ChangeMode(scratch.Path(descriptor), HostMode(mode & ModeBits)) is < 0 and var failed) return failed;
        if (fromFolder)
        {
            group = inherited;
            if (isFolder) mode |= LinuxCalls.SetGroup;
        }

        var kind = mode & LinuxCalls.KindMask;
        if (kind is LinuxCalls.KindFifo or LinuxCalls.KindSocket) return 0; // they cannot keep an owner: root's
        var owner = new ShownOwner { User = user, Group = group, Mode = mode & (LinuxCalls.SetUser | LinuxCalls.SetGroup), Device = device };
        if (kind is LinuxCalls.KindBlock or LinuxCalls.KindCharacter) owner.Mode |= kind;
        return FileOwnership.Keep(scratch.Path(descriptor), owner);
    }

    /// <summary>Whether what is made in a folder gets the folder's group.</summary>
    private bool GivesGroup(Held folder, FuseScratch scratch, out uint group)
    {
        group = 0;
        if (LinuxCalls.Stat(folder.Descriptor, out var status) < 0) return false;
        var owner = _ownership.Shown(status, scratch.Path(folder.Descriptor), byName: false);
        group = owner.Group;
        return (owner.Mode & LinuxCalls.SetGroup) != 0;
    }

    /// <summary>Permissions on the host: set-user bits mean nothing there when owners are mapped.</summary>
    private uint HostMode(uint mode) => _ownership.IsMapped ? mode & ~(LinuxCalls.SetUser | LinuxCalls.SetGroup) : mode;

    /// <summary>A device's number as the C library takes it (makedev(3)), of the one that the protocol carries.</summary>
    private static ulong HostDevice(uint device)
    {
        var (major, minor) = ((device >> 8) & 0xFFF, (device & 0xFF) | ((device >> 12) & 0xFFF00));
        return ((ulong)(major & 0xFFF) << 8) | (minor & 0xFF) | ((ulong)(minor & ~0xFFu) << 12);
    }
}
