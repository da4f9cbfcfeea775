using System.Runtime.CompilerServices;

namespace Holon.Devices.Fuse;

// What folders hold.
public sealed unsafe partial class FuseServer
{
    private const int HostEntryHeader = 19, GuestEntryHeader = 24, MostPerAnswer = 32 << 10; // struct linux_dirent64, struct fuse_dirent

    private FuseOutcome OpenFolder(FuseRequest request, FuseScratch scratch)
    {
        using var held = HoldFolder(request.Header.Node);
        if (held.Failed) return request.Fail(held.Descriptor);
        var descriptor = OpenEntries(held.Descriptor);
        if (descriptor < 0) return request.Fail(descriptor);
        ref var answer = ref Clear<FuseOpenAnswer>(scratch);
        answer.Handle = _files.Add(held.Node, descriptor, LinuxCalls.OpenReadOnly);
        answer.Flags = _cache.FolderFlags;
        if (answer.Handle != 0) return Reply<FuseOpenAnswer>(request, scratch);
        LinuxCalls.Close(descriptor);
        return request.Fail(FuseError.TooManyFiles);
    }

    private static int OpenEntries(int folder)
    {
        var itself = stackalloc byte[2] { (byte)'.', 0 };
        return LinuxCalls.OpenAt(folder, itself, LinuxCalls.OpenFolder | LinuxCalls.OpenNoFollow);
    }

    /// <summary>Entries from where the guest says, and with them what they are if it asks for that.</summary>
    private FuseOutcome ReadFolder(FuseRequest request, FuseScratch scratch, bool plus)
    {
        if (!request.Has<FuseTransfer>(out var asked)) return request.Fail(FuseError.Invalid);
        using var opened = OpenedFile(asked->Handle, scratch);
        if (opened.Descriptor < 0) return request.Fail(opened.Descriptor);
        if (opened.File!.Listing is not { } listing) return request.Fail(FuseError.NotFolder);
        var room = (int)Math.Min(asked->Size, MostPerAnswer);
        lock (opened.File.Lock)
        {
            var error = MoveTo(listing, opened.Descriptor, (long)asked->Offset);
            if (error < 0) return request.Fail(error);
            var length = 0;
            while (true)
            {
                if (listing.Position == listing.End)
                {
                    var read = LinuxCalls.ReadEntries(opened.Descriptor, (byte*)Unsafe.AsPointer(ref listing.Buffer[0]), FolderListing.Length); // pinned
                    if (read < 0 && length == 0) return request.Fail((int)read);
                    (listing.Position, listing.End) = (0, (int)Math.Max(read, 0));
                    if (listing.End == 0) break;
                }

                var taken = AddEntry(listing, opened, scratch, length, room, plus);
                if (taken == 0) break;
                length += taken;
            }

            return length == 0 && room == 0 ? request.Fail(FuseError.Invalid) : request.Reply(scratch.Answer, length);
        }
    }

    private static int MoveTo(FolderListing listing, int descriptor, long offset)
    {
        if (listing.Offset == offset) return 0;
        var error = LinuxCalls.Seek(descriptor, offset, 0);
        if (error < 0) return (int)error;
        (listing.Position, listing.End, listing.Offset) = (0, 0, offset);
        return 0;
    }

    /// <summary>Takes the next entry of a listing.</summary>
    /// <returns>Bytes added to the answer; 0 when it has no room for the entry.</returns>
    private int AddEntry(FolderListing listing, in Opened folder, FuseScratch scratch, int at, int room, bool plus)
    {
        fixed (byte* entry = &listing.Buffer[listing.Position])
        {
            var (inode, next, size, type) = (*(ulong*)entry, *(long*)(entry + 8), *(ushort*)(entry + 16), entry[18]);
            var text = entry + HostEntryHeader;
            var name = new ReadOnlySpan<byte>(text, size - HostEntryHeader);
            name = name[..name.IndexOf((byte)0)];
            var start = plus ? sizeof(FuseEntry) : 0;
            var length = (start + GuestEntryHeader + name.Length + 7) & ~7;
            if (length > room - at) return 0;
            var to = scratch.Answer + at;
            new Span<byte>(to, length).Clear();
            if (plus && SharedName.IsOne(name) && LinuxCalls.StatAt(folder.Descriptor, text, out var status) == 0)
                FillEntry(ref *(FuseEntry*)to, scratch, folder.File!.Node, folder.Descriptor, name, status, -1);
            var guest = to + start;
            *(ulong*)guest = inode;
            *(long*)(guest + 8) = next;
            *(uint*)(guest + 16) = (uint)name.Length;
            *(uint*)(guest + 20) = type;
            name.CopyTo(new Span<byte>(guest + GuestEntryHeader, name.Length));
            listing.Position += size;
            listing.Offset = next;
            return length;
        }
    }
}
