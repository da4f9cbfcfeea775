using Holon.Devices.Fuse;
using Holon.Devices.State;

namespace Holon.Devices.Tests.Fuse;

public sealed class FuseServerTests : IDisposable
{
    private const uint Regular = 0x8000;

    private readonly string _root = Directory.CreateTempSubdirectory("holon-share-").FullName;

    private readonly FuseClient _guest;

    public FuseServerTests() => _guest = new FuseClient(_root);

    public void Dispose()
    {
        _guest.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public void What_the_guest_writes_is_on_the_host_and_back()
    {
        var (error, entry, handle) = _guest.Create(1, "file", mode: 0x1B6);
        Assert.Equal(0, error);
        Assert.Equal((0, 5u), _guest.Write(handle, 0, "hello"u8.ToArray()));
        Assert.Equal("hello", File.ReadAllText(Path.Combine(_root, "file")));
        Assert.Equal("ello"u8.ToArray(), _guest.Read(handle, 1, 100).Data);
        Assert.Equal(5ul, _guest.Attributes(entry.Node).Size);
        Assert.Equal(0, _guest.Call(FuseOperation.Release, entry.Node, FuseClient.Bytes(new FuseTransfer { Handle = handle })).Error);
        Assert.Equal(-9, _guest.Read(handle, 0, 1).Error);
        Assert.Equal(0, _guest.Server.Counts.Open);
    }

    [Fact]
    public void Appending_goes_to_the_end_wherever_that_is_by_now_and_written_back_pages_do_not()
    {
        const uint Append = 0x400, FromCache = 1;
        var handle = _guest.Create(1, "log", flags: 2 | Append).Handle;
        _guest.Write(handle, 0, "one"u8.ToArray(), Append);
        File.AppendAllText(Path.Combine(_root, "log"), "two");
        _guest.Write(handle, 3, "three"u8.ToArray(), Append);
        _guest.Write(handle, 0, "O"u8.ToArray(), Append, FromCache);
        Assert.Equal("Onetwothree", File.ReadAllText(Path.Combine(_root, "log")));
    }

    [Fact]
    public void A_file_stays_reachable_when_its_last_name_is_gone()
    {
        File.WriteAllText(Path.Combine(_root, "file"), "here");
        var entry = _guest.Lookup(1, "file");
        var (_, opened) = _guest.Open(entry.Node);
        Assert.Equal(0, _guest.Call(FuseOperation.Unlink, 1, FuseClient.Text("file")).Error);
        Assert.Equal("here"u8.ToArray(), _guest.Read(opened.Handle, 0, 10).Data);
        Assert.Equal(0u, _guest.Attributes(entry.Node).Links);
        Assert.Equal(-2, _guest.LookupError(1, "file"));
    }

    [Fact]
    public void Either_name_of_a_file_may_go()
    {
        File.WriteAllText(Path.Combine(_root, "a"), "x");
        var entry = _guest.Lookup(1, "a");
        var linked = FuseClient.As<FuseEntry>(_guest.Call(FuseOperation.Link, 1, FuseClient.Bytes(entry.Node), FuseClient.Text("b")).Answer);
        Assert.Equal(entry.Node, linked.Node);
        Assert.Equal(2u, linked.Attributes.Links);
        _guest.Call(FuseOperation.Unlink, 1, FuseClient.Text("b"));
        Assert.Equal(1u, _guest.Attributes(entry.Node).Links); // the name it was last known by is gone
        Assert.Equal(entry.Node, _guest.Lookup(1, "a").Node);
    }

    [Fact]
    public void A_renamed_folder_takes_its_files_along()
    {
        Directory.CreateDirectory(Path.Combine(_root, "old/inner"));
        File.WriteAllText(Path.Combine(_root, "old/inner/file"), "x");
        using var guest = new FuseClient(_root, mostDescriptors: 1); // so that everything is found again by its name
        var file = guest.Path("old/inner/file");
        Assert.Equal(0, guest.Call(FuseOperation.Rename, 1, FuseClient.Bytes(1ul), FuseClient.Text("old"), FuseClient.Text("new")).Error);
        Assert.Equal(1ul, guest.Attributes(file.Node).Size);
        Assert.True(guest.Server.Counts.Descriptors <= 2);
    }

    [Theory]
    [InlineData(1u, "b", -17)] // RENAME_NOREPLACE
    [InlineData(2u, "b", 0)] // RENAME_EXCHANGE
    [InlineData(2u, "none", -2)]
    [InlineData(4u, "c", -22)] // RENAME_WHITEOUT makes a device
    public void Renames_know_their_flags(uint flags, string target, int expected)
    {
        File.WriteAllText(Path.Combine(_root, "a"), "A");
        File.WriteAllText(Path.Combine(_root, "b"), "BB");
        var (a, b) = (_guest.Lookup(1, "a"), _guest.Lookup(1, "b"));
        Assert.Equal(expected, _guest.Call(FuseOperation.Rename2, 1, FuseClient.Bytes((1ul, (ulong)flags)), FuseClient.Text("a"), FuseClient.Text(target)).Error);
        if (expected == 0) Assert.Equal((b.Node, a.Node), (_guest.Lookup(1, "a").Node, _guest.Lookup(1, "b").Node));
    }

    [Fact]
    public void A_hundred_thousand_entries_are_listed_once_each_with_few_descriptors()
    {
        const int Count = 100_000;
        var folder = Directory.CreateDirectory(Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), Path.GetRandomFileName())).FullName;
        using var guest = new FuseClient(folder);
        for (var i = 0; i < Count; i++) guest.Call(FuseOperation.MakeNode, 1, FuseClient.Bytes((0x81A4u, 0u, 0u, 0u)), FuseClient.Text($"{i:x5}"));
        Assert.Equal(Count + 1, guest.Server.Counts.Known);
        var names = guest.List(1);
        Assert.Equal(Count + 2, names.Count); // and . and ..
        Assert.Equal(Count + 2, names.Select(entry => entry.Name).Distinct().Count());
        Assert.All(names, entry => Assert.Equal(entry.Name is not ("." or ".."), entry.Entry.Node != 0));
        Assert.True(guest.Server.Counts.Descriptors < 10);
        foreach (var (_, entry) in names.Where(entry => entry.Entry.Node != 0)) guest.Call(FuseOperation.Forget, entry.Node, FuseClient.Bytes(2ul));
        Assert.Equal(1, guest.Server.Counts.Known);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Changes_of_the_host_are_seen_and_what_is_cached_stays_only_without_them()
    {
        var path = Path.Combine(_root, "file");
        File.WriteAllText(path, "one");
        var node = _guest.Lookup(1, "file").Node;
        Assert.Equal(0u, _guest.Open(node).Answer.Flags & 2); // FOPEN_KEEP_CACHE
        Assert.True(SpinWait.SpinUntil(() => (_guest.Open(node).Answer.Flags & 2) != 0, TimeSpan.FromSeconds(20))); // as soon as another change could not have the same time
        File.WriteAllText(path, "other");
        Assert.Equal(0u, _guest.Open(node).Answer.Flags & 2);
        Assert.Equal(5ul, _guest.Attributes(node).Size);
    }

    [Fact]
    public void Nothing_changes_through_a_read_only_share()
    {
        File.WriteAllText(Path.Combine(_root, "file"), "x");
        Directory.CreateDirectory(Path.Combine(_root, "folder"));
        using var guest = new FuseClient(_root, readOnly: true);
        var node = guest.Lookup(1, "file").Node;
        Assert.Equal(-30, guest.Create(1, "new").Error);
        Assert.Equal(-30, guest.Open(node, 1).Error);
        Assert.Equal(-30, guest.Open(node, 0x200).Error); // O_TRUNC
        Assert.Equal(-30, guest.Call(FuseOperation.MakeFolder, 1, FuseClient.Bytes((0x1EDu, 0u)), FuseClient.Text("d")).Error);
        Assert.Equal(-30, guest.Call(FuseOperation.Unlink, 1, FuseClient.Text("file")).Error);
        Assert.Equal(-30, guest.Call(FuseOperation.RemoveFolder, 1, FuseClient.Text("folder")).Error);
        Assert.Equal(-30, guest.Call(FuseOperation.Rename, 1, FuseClient.Bytes(1ul), FuseClient.Text("file"), FuseClient.Text("other")).Error);
        Assert.Equal(-30, guest.Set(node, new FuseSetAttributes { Valid = SetAttributeFields.Size }).Error);
        Assert.Equal(-30, guest.Call(FuseOperation.SetExtended, node, FuseClient.Bytes(1ul), FuseClient.Text("user.x"), [1]).Error);
        var (error, opened) = guest.Open(node);
        Assert.Equal(0, error);
        Assert.Equal(-30, guest.Write(opened.Handle, 0, [1]).Error);
        Assert.Equal("x", File.ReadAllText(Path.Combine(_root, "file")));
    }

    [Fact]
    public void Extended_attributes_come_and_go()
    {
        var node = _guest.Create(1, "file").Entry.Node;
        Assert.Equal(0, _guest.Call(FuseOperation.SetExtended, node, FuseClient.Bytes(5ul), FuseClient.Text("user.name"), "value"u8.ToArray()).Error);
        Assert.Equal("value"u8.ToArray(), _guest.Call(FuseOperation.GetExtended, node, FuseClient.Bytes(64ul), FuseClient.Text("user.name")).Answer);
        Assert.Equal(5u, FuseClient.As<uint>(_guest.Call(FuseOperation.GetExtended, node, FuseClient.Bytes(0ul), FuseClient.Text("user.name")).Answer));
        Assert.Equal(-34, _guest.Call(FuseOperation.GetExtended, node, FuseClient.Bytes(2ul), FuseClient.Text("user.name")).Error);
        Assert.Equal("user.name\0"u8.ToArray(), _guest.Call(FuseOperation.ListExtended, node, FuseClient.Bytes(64ul)).Answer);
        Assert.Equal(0, _guest.Call(FuseOperation.RemoveExtended, node, FuseClient.Text("user.name")).Error);
        Assert.Equal(-61, _guest.Call(FuseOperation.GetExtended, node, FuseClient.Bytes(64ul), FuseClient.Text("user.name")).Error);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_change_of_nothing_is_noted_as_linux_notes_chown_without_owners(bool mapped)
    {
        using var guest = new FuseClient(_root, mapped: mapped);
        var node = guest.Create(1, "file").Entry.Node;
        (ulong, uint) Changed(FuseAttributes attributes) => (attributes.Changed, attributes.ChangedNanoseconds);
        var before = Changed(guest.Attributes(node));
        Assert.True(SpinWait.SpinUntil(() => Changed(guest.Set(node, default).Attributes).CompareTo(before) > 0, TimeSpan.FromSeconds(20))); // as soon as the host's clock for files has moved
    }

    [Fact]
    public void Holes_are_found_and_made()
    {
        var handle = _guest.Create(1, "sparse").Handle;
        _guest.Write(handle, 1 << 20, new byte[4096]);
        var (error, answer) = _guest.Call(FuseOperation.Seek, 0, FuseClient.Bytes((handle, 0L, 3ul)));
        Assert.Equal(0, error);
        Assert.Equal(1 << 20, FuseClient.As<long>(answer));
        Assert.Equal(0, _guest.Call(FuseOperation.Allocate, 0, FuseClient.Bytes((handle, 0L, 8192L, 1ul))).Error); // FALLOC_FL_KEEP_SIZE
    }

    [Fact]
    public void With_owners_mapped_the_guest_keeps_its_own_and_the_host_sees_one_harmless_user()
    {
        using var guest = new FuseClient(_root, mapped: true) { User = 1000, Group = 1001 };
        var entry = guest.Create(1, "file", mode: 0x9ED).Entry; // 04755
        Assert.Equal((1000u, 1001u, Regular | 0x9EDu), (entry.Attributes.User, entry.Attributes.Group, entry.Attributes.Mode));
        if (!OperatingSystem.IsWindows()) Assert.False(File.GetUnixFileMode(Path.Combine(_root, "file")).HasFlag(UnixFileMode.SetUser));
        var (error, changed) = guest.Set(entry.Node, new FuseSetAttributes { Valid = SetAttributeFields.User | SetAttributeFields.Group, User = 5, Group = 6 });
        Assert.Equal(0, error);
        Assert.Equal((5u, 6u, Regular | 0x1EDu), (changed.User, changed.Group, changed.Mode)); // a new owner takes set-user bits away
        Assert.Equal(0, guest.Call(FuseOperation.MakeNode, 1, FuseClient.Bytes((0x2000u | 0x1B6, 0x103u, 0u, 0u)), FuseClient.Text("null")).Error);
        var device = guest.Lookup(1, "null").Attributes;
        Assert.Equal((0x21B6u, 0x103u), (device.Mode, device.Device));
        Assert.Equal(0, new FileInfo(Path.Combine(_root, "null")).Length); // an ordinary file on the host
        Assert.Equal(-95, guest.Call(FuseOperation.SetExtended, entry.Node, FuseClient.Bytes(1ul), FuseClient.Text("user.holon.owner"), [1]).Error);
        Assert.Empty(guest.Call(FuseOperation.ListExtended, entry.Node, FuseClient.Bytes(64ul)).Answer);
        Assert.Equal(-1, guest.Set(FuseClient.As<FuseEntry>(guest.Call(FuseOperation.SymbolicLink, 1, FuseClient.Text("link"), FuseClient.Text("file")).Answer).Node,
            new FuseSetAttributes { Valid = SetAttributeFields.User, User = 5 }).Error); // a link has nowhere to keep it
    }

    [Fact]
    public void A_guest_goes_on_after_a_restore()
    {
        Directory.CreateDirectory(Path.Combine(_root, "folder"));
        File.WriteAllText(Path.Combine(_root, "folder/file"), "content");
        var file = _guest.Path("folder/file");
        var (_, opened) = _guest.Open(file.Node, 2);
        var gone = _guest.Create(1, "gone");
        _guest.Call(FuseOperation.Unlink, 1, FuseClient.Text("gone"));
        var writer = new DeviceStateWriter();
        writer.BeginSection("share", 1);
        _guest.Server.Save(writer);
        writer.EndSection();

        using var restored = new FuseClient(_root);
        var reader = new DeviceStateReader(writer.Written, "state");
        reader.BeginSection("share", 1);
        restored.Server.Load(reader);
        reader.EndSection();
        Assert.Equal("content"u8.ToArray(), restored.Read(opened.Handle, 0, 100).Data);
        Assert.Equal((0, 3u), restored.Write(opened.Handle, 0, "CON"u8.ToArray()));
        Assert.Equal(7ul, restored.Attributes(file.Node).Size);
        Assert.Equal(file.Node, restored.Path("folder/file").Node); // the same number as before
        Assert.Equal(-116, restored.Read(gone.Handle, 0, 1).Error); // what had no name is stale
        Assert.NotEqual(gone.Entry.Node, restored.Create(1, "gone").Entry.Node);
    }

    [Fact]
    public void What_the_host_has_in_memory_needs_no_waiting()
    {
        File.WriteAllText(Path.Combine(_root, "file"), "cached");
        _guest.Path("file");
        _guest.LookupError(1, "none");
        _guest.MayWait = false;
        var entry = _guest.Lookup(1, "file");
        var (error, opened) = _guest.Open(entry.Node);
        Assert.Equal(0, error);
        Assert.Equal("cached"u8.ToArray(), _guest.Read(opened.Handle, 0, 4096).Data);
        Assert.Equal(6ul, _guest.Attributes(entry.Node).Size);
        Assert.Equal(-2, _guest.LookupError(1, "none"));
        Assert.Equal(-11, _guest.Create(1, "new").Error); // that may wait for the journal
    }
}
