using Holon.Devices.Fuse;

namespace Holon.Devices.Tests.Fuse;

/// <summary>What guests are told to keep of a folder, by its cache mode. Flags and fields: include/uapi/linux/fuse.h.</summary>
public sealed class FolderCacheTests : IDisposable
{
    private const uint DirectIo = 1, KeepCache = 2, CacheFolder = 8, ParallelDirectWrites = 64, Day = 86400;

    private readonly string _root = Directory.CreateTempSubdirectory("holon-share-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData(FolderCache.Auto, 1, 0)]
    [InlineData(FolderCache.None, 0, DirectIo | ParallelDirectWrites)]
    [InlineData(FolderCache.Always, Day, KeepCache)]
    public void Names_attributes_and_contents_are_kept_as_the_mode_says(FolderCache cache, uint seconds, uint flags)
    {
        using var guest = new FuseClient(_root, cache: cache);
        var created = guest.Create(1, "file");
        Assert.Equal((seconds, seconds), (created.Entry.EntryValid, created.Entry.AttributesValid));
        var found = guest.Lookup(1, "file");
        Assert.Equal((seconds, seconds), (found.EntryValid, found.AttributesValid));
        var listed = guest.List(1).Single(each => each.Name == "file").Entry;
        Assert.Equal((seconds, seconds), (listed.EntryValid, listed.AttributesValid));
        Assert.Equal(seconds, FuseClient.As<FuseAttributesAnswer>(guest.Call(FuseOperation.GetAttributes, found.Node, new byte[16]).Answer).Valid);
        File.WriteAllText(Path.Combine(_root, "file"), "changed"); // so that auto has no reason to keep anything
        Assert.Equal(flags, guest.Open(found.Node).Answer.Flags);
        Assert.Equal(cache != FolderCache.Always, guest.Features.HasFlag(FuseFeatures.AutoInvalidate));
    }

    [Fact]
    public void Always_remembers_folders_links_and_what_is_not_there()
    {
        using var guest = new FuseClient(_root, cache: FolderCache.Always);
        Assert.True(guest.Features.HasFlag(FuseFeatures.CacheLinks));
        Assert.Equal(KeepCache | CacheFolder, FuseClient.As<FuseOpenAnswer>(guest.Call(FuseOperation.OpenFolder, 1, FuseClient.Bytes(new FuseOpen())).Answer).Flags);
        foreach (var mayWait in (ReadOnlySpan<bool>)[true, false])
        {
            guest.MayWait = mayWait;
            var absent = guest.Lookup(1, "none");
            Assert.Equal((0ul, Day), (absent.Node, absent.EntryValid));
        }

        Assert.Equal(1, guest.Server.Counts.Known);
    }

    [Theory]
    [InlineData(FolderCache.Auto)]
    [InlineData(FolderCache.None)]
    public void Others_ask_again_for_what_is_not_there(FolderCache cache)
    {
        using var guest = new FuseClient(_root, cache: cache);
        Assert.Equal(-2, guest.LookupError(1, "none"));
        Assert.Equal(0u, FuseClient.As<FuseOpenAnswer>(guest.Call(FuseOperation.OpenFolder, 1, FuseClient.Bytes(new FuseOpen())).Answer).Flags);
    }
}
