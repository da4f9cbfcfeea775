namespace Holon.Devices.Fuse;

// What files are: attributes, owners, extended attributes.
public sealed unsafe partial class FuseServer
{
    private const uint Unchanged = uint.MaxValue, PermissionBits = 0x1FF, ModeBits = 0xFFF;
    private const long NanosecondsNow = 0x3FFF_FFFF, NanosecondsOmit = 0x3FFF_FFFE; // UTIME_NOW, UTIME_OMIT

    private FuseOutcome GetAttributes(FuseRequest request, FuseScratch scratch, bool mayWait)
    {
        using var held = Hold(request.Header.Node, mayWait);
        if (held.Failed) return !mayWait && held.Descriptor == FuseError.TryAgain ? FuseOutcome.MustWait : request.Fail(held.Descriptor);
        return AnswerAttributes(request, scratch, held.Descriptor);
    }

    private FuseOutcome AnswerAttributes(FuseRequest request, FuseScratch scratch, int descriptor)
    {
        var error = LinuxCalls.Stat(descriptor, out var status);
        if (error < 0) return request.Fail(error);
        var owner = _ownership.Shown(status, scratch.Path(descriptor), byName: false);
        ref var answer = ref Clear<FuseAttributesAnswer>(scratch);
        answer.Valid = _cache.ValidSeconds;
        Describe(ref answer.Attributes, status, owner);
        return Reply<FuseAttributesAnswer>(request, scratch);
    }

    private void Describe(ref FuseAttributes to, in FileStatus status, in ShownOwner owner)
    {
        to.Inode = status.Inode;
        to.Size = status.Size;
        to.Blocks = status.Blocks;
        (to.Accessed, to.AccessedNanoseconds) = ((ulong)status.Accessed.Seconds, status.Accessed.Nanoseconds);
        (to.Modified, to.ModifiedNanoseconds) = ((ulong)status.Modified.Seconds, status.Modified.Nanoseconds);
        (to.Changed, to.ChangedNanoseconds) = ((ulong)status.Changed.Seconds, status.Changed.Nanoseconds);
        to.Mode = owner.Mode | (status.Mode & PermissionBits);
        to.Links = status.Links;
        (to.User, to.Group) = (owner.User, owner.Group);
        to.Device = owner.Device != 0 ? owner.Device : (status.DeviceMinor & 0xFF) | (status.DeviceMajor << 8) | ((status.DeviceMinor & ~0xFFu) << 12);
        to.BlockSize = status.BlockSize;
        // Another file system of the host's below the folder: the guest shows it as one, so that inode numbers mean one file each.
        to.Flags = _subMounts && status.Kind == LinuxCalls.KindFolder && status.FileSystem != _rootFileSystem ? FuseLimits.SubMount : 0;
    }

    private FuseOutcome SetAttributes(FuseRequest request, FuseScratch scratch)
    {
        if (!request.Has<FuseSetAttributes>(out var set)) return request.Fail(FuseError.Invalid);
        using var held = Hold(request.Header.Node);
        if (held.Failed) return request.Fail(held.Descriptor);
        var error = SetAttributes(*set, held, scratch);
        return error < 0 ? request.Fail(error) : AnswerAttributes(request, scratch, held.Descriptor);
    }

    private int SetAttributes(in FuseSetAttributes set, Held held, FuseScratch scratch)
    {
        const SetAttributeFields Any = SetAttributeFields.Mode | SetAttributeFields.User | SetAttributeFields.Group | SetAttributeFields.Size | SetAttributeFields.Accessed | SetAttributeFields.Modified;
        if ((set.Valid & Any) == 0) return LinuxCalls.ChangeOwner(held.Descriptor, Unchanged, Unchanged); // chown(-1, -1): Linux notes the change's time
        var error = 0;
        if (set.Valid.HasFlag(SetAttributeFields.Mode)) error = ChangeMode(held, set.Mode & ModeBits, scratch);
        if (error == 0 && (set.Valid & (SetAttributeFields.User | SetAttributeFields.Group)) != 0)
        {
            var user = set.Valid.HasFlag(SetAttributeFields.User) ? set.User : Unchanged;
            var group = set.Valid.HasFlag(SetAttributeFields.Group) ? set.Group : Unchanged;
            error = ChangeOwner(held, user, group, scratch);
        }

        if (error == 0 && set.Valid.HasFlag(SetAttributeFields.Size)) error = ChangeSize(held, set, scratch);
        if (error == 0 && (set.Valid & (SetAttributeFields.Accessed | SetAttributeFields.Modified)) != 0)
        {
            var times = stackalloc long[4];
            Time(times, set.Valid, SetAttributeFields.Accessed, SetAttributeFields.AccessedNow, set.Accessed, set.AccessedNanoseconds);
            Time(times + 2, set.Valid, SetAttributeFields.Modified, SetAttributeFields.ModifiedNow, set.Modified, set.ModifiedNanoseconds);
            error = LinuxCalls.ChangeTimes(held.Descriptor, times);
        }

        return error;
    }

    private static void Time(long* time, SetAttributeFields valid, SetAttributeFields given, SetAttributeFields now, long seconds, uint nanoseconds)
    {
        time[0] = seconds;
        time[1] = !valid.HasFlag(given) ? NanosecondsOmit : valid.HasFlag(now) ? NanosecondsNow : Math.Min(nanoseconds, 999_999_999);
    }

    private int ChangeMode(Held held, uint mode, FuseScratch scratch)
    {
        if (held.Node.Kind == LinuxCalls.KindLink) return FuseError.NotSupported; // a link has no permissions on Linux
        if (_ownership.IsMapped)
        {
            var error = KeepOwner(held, Unchanged, Unchanged, mode & (LinuxCalls.SetUser | LinuxCalls.SetGroup), scratch);
            if (error < 0) return error;
            mode &= ~(LinuxCalls.SetUser | LinuxCalls.SetGroup);
        }

        return LinuxCalls.ChangeMode(scratch.Path(held.Descriptor), mode);
    }

    private int ChangeOwner(Held held, uint user, uint group, FuseScratch scratch) => _ownership.IsMapped
        ? KeepOwner(held, user, group, held.Node.Kind == LinuxCalls.KindFolder ? Unchanged : 0, scratch)
        : LinuxCalls.ChangeOwner(held.Descriptor, user, group);

    /// <summary>Keeps an owner or set-user bits beside a file, if they are not what the guest is shown already.</summary>
    private int KeepOwner(Held held, uint user, uint group, uint special, FuseScratch scratch)
    {
        var path = scratch.Path(held.Descriptor);
        var error = LinuxCalls.Stat(held.Descriptor, out var status);
        if (error < 0) return error;
        var owner = _ownership.Shown(status, path, byName: false);
        var wanted = owner;
        if (user != Unchanged) wanted.User = user;
        if (group != Unchanged) wanted.Group = group;
        if (special != Unchanged) wanted.Mode = (wanted.Mode & ~(LinuxCalls.SetUser | LinuxCalls.SetGroup)) | special;
        if ((wanted.User, wanted.Group, wanted.Mode) == (owner.User, owner.Group, owner.Mode)) return 0;
        return held.Node.Kind is LinuxCalls.KindRegular or LinuxCalls.KindFolder ? FileOwnership.Keep(path, wanted) : FuseError.NotPermitted; // links cannot keep it
    }

    private int ChangeSize(Held held, in FuseSetAttributes set, FuseScratch scratch)
    {
        if (held.Node.Kind != LinuxCalls.KindRegular) return held.Node.Kind == LinuxCalls.KindFolder ? FuseError.IsFolder : FuseError.Invalid;
        if (set.Size > long.MaxValue) return FuseError.Invalid;
        if (set.Valid.HasFlag(SetAttributeFields.Handle) && _files.Acquire(set.Handle) is { } file)
        {
            using var opened = new Opened(this, file, scratch);
            if (opened.Descriptor < 0 || file.Node != held.Node) return FuseError.BadHandle;
            return Truncate(opened.Descriptor, set);
        }

        var descriptor = LinuxCalls.OpenAt(LinuxCalls.Here, scratch.Path(held.Descriptor), LinuxCalls.OpenWriteOnly);
        if (descriptor < 0) return descriptor;
        var error = Truncate(descriptor, set);
        LinuxCalls.Close(descriptor);
        return error;
    }

    private int Truncate(int descriptor, in FuseSetAttributes set)
    {
        var error = LinuxCalls.Truncate(descriptor, (long)set.Size);
        if (error == 0 && set.Valid.HasFlag(SetAttributeFields.KillPrivileges)) KillPrivileges(descriptor);
        return error;
    }

    /// <summary>Takes set-user bits away from a file that was written by somebody who may not keep them. Running as root, the host would leave them.</summary>
    private void KillPrivileges(int descriptor)
    {
        if (_ownership.IsMapped) return; // they mean nothing on the host, and the guest's owner sets them anew
        if (LinuxCalls.Stat(descriptor, out var status) < 0) return;
        var kill = LinuxCalls.SetUser | ((status.Mode & LinuxCalls.GroupExecute) != 0 ? LinuxCalls.SetGroup : 0); // without execution it means mandatory locks
        if ((status.Mode & kill) != 0) _ = LinuxCalls.ChangeMode(descriptor, status.Mode & ModeBits & ~kill);
    }

    private FuseOutcome StatFileSystem(FuseRequest request, FuseScratch scratch)
    {
        using var held = Hold(request.Header.Node);
        if (held.Failed) return request.Fail(held.Descriptor);
        FileSystemStatus status;
        var error = LinuxCalls.FileSystemStatus(held.Descriptor, &status);
        if (error < 0) return request.Fail(error);
        const int Length = 80; // struct fuse_kstatfs
        new Span<byte>(scratch.Answer, Length).Clear();
        var longs = (long*)scratch.Answer;
        (longs[0], longs[1], longs[2], longs[3], longs[4]) = (status.Blocks, status.FreeBlocks, status.AvailableBlocks, status.Files, status.FreeFiles);
        var numbers = (uint*)(scratch.Answer + 40);
        (numbers[0], numbers[1], numbers[2]) = ((uint)status.BlockSize, (uint)status.NameLength, (uint)status.FragmentSize);
        return request.Reply(scratch.Answer, Length);
    }

    private FuseOutcome GetExtended(FuseRequest request, FuseScratch scratch)
    {
        if (!request.Has<ulong>(out var size)) return request.Fail(FuseError.Invalid);
        var error = ExtendedName(request, 8, changes: false, out var name);
        if (error < 0) return request.Fail(error);
        using var held = Hold(request.Header.Node);
        if (held.Failed) return request.Fail(held.Descriptor);
        var room = (int)Math.Min((uint)*size, FuseScratch.AnswerLength);
        return AnswerExtended(request, scratch, room, LinuxCalls.GetAttribute(scratch.Path(held.Descriptor), name, room == 0 ? null : scratch.Answer, room));
    }

    private FuseOutcome ListExtended(FuseRequest request, FuseScratch scratch)
    {
        if (!request.Has<ulong>(out var size)) return request.Fail(FuseError.Invalid);
        using var held = Hold(request.Header.Node);
        if (held.Failed) return request.Fail(held.Descriptor);
        var room = (int)Math.Min((uint)*size, FuseScratch.AnswerLength);
        var length = LinuxCalls.ListAttributes(scratch.Path(held.Descriptor), scratch.Answer, FuseScratch.AnswerLength);
        if (length > 0) length = KeepShown(new Span<byte>(scratch.Answer, (int)length));
        if (length > room && room > 0) return request.Fail(FuseError.Range);
        return AnswerExtended(request, scratch, room, length);
    }

    private static FuseOutcome AnswerExtended(FuseRequest request, FuseScratch scratch, int room, nint length)
    {
        if (length < 0 || room > 0) return length < 0 ? request.Fail((int)length) : request.Reply(scratch.Answer, (int)length);
        *(ulong*)scratch.Answer = (ulong)length;
        return request.Reply(scratch.Answer, sizeof(ulong));
    }

    private FuseOutcome SetExtended(FuseRequest request, FuseScratch scratch)
    {
        if (!request.Has<ulong>(out var sizeAndFlags)) return request.Fail(FuseError.Invalid);
        var error = ExtendedName(request, 8, changes: true, out var name);
        if (error < 0) return request.Fail(error);
        var (size, flags) = ((uint)*sizeAndFlags, (int)(*sizeAndFlags >> 32));
        request.TryText(8, out var text);
        var value = name + text.Length + 1;
        if (size > FuseLimits.ExtendedValue || value + size > request.Message + request.Length) return request.Fail(FuseError.Invalid);
        using var held = Hold(request.Header.Node);
        if (held.Failed) return request.Fail(held.Descriptor);
        return request.Result(LinuxCalls.SetAttribute(scratch.Path(held.Descriptor), name, value, (nint)size, flags & 3));
    }

    private FuseOutcome RemoveExtended(FuseRequest request, FuseScratch scratch)
    {
        var error = ExtendedName(request, 0, changes: true, out var name);
        if (error < 0) return request.Fail(error);
        using var held = Hold(request.Header.Node);
        return request.Result(held.Failed ? held.Descriptor : LinuxCalls.RemoveAttribute(scratch.Path(held.Descriptor), name));
    }

    /// <summary>The name of an extended attribute that guests may use: those of users, and with owners passed through capabilities and trusted ones.</summary>
    private int ExtendedName(FuseRequest request, int offset, bool changes, out byte* name)
    {
        name = request.Message + FuseLimits.RequestHeader + offset;
        if (!request.TryText(offset, out var text) || text.Length == 0) return FuseError.Invalid;
        if (text.Length > FuseLimits.NameLength) return FuseError.Range;
        return IsShown(text) ? 0 : changes ? FuseError.NotSupported : FuseError.NoData;
    }

    private bool IsShown(ReadOnlySpan<byte> name) => !_ownership.IsOurs(name)
        && (name.StartsWith("user."u8) || (!_ownership.IsMapped && (name.StartsWith("trusted."u8) || name.SequenceEqual("security.capability"u8))));

    /// <summary>Leaves of a list of names those that the guest may see.</summary>
    private int KeepShown(Span<byte> list)
    {
        var (from, to) = (0, 0);
        while (from < list.Length)
        {
            var length = list[from..].IndexOf((byte)0) + 1;
            if (length == 0) break;
            if (IsShown(list.Slice(from, length - 1)))
            {
                list.Slice(from, length).CopyTo(list[to..]);
                to += length;
            }

            from += length;
        }

        return to;
    }
}
