using System.Diagnostics;
using Holon.Devices.Fuse;

namespace Holon.Devices.Tests.Fuse;

/// <summary>A guest that wants out of its folder, alone and with somebody on the host who moves things at the wrong moment.</summary>
public sealed class FuseEscapeTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("holon-share-").FullName;
    private readonly string _folder;
    private readonly FuseClient _guest;

    public FuseEscapeTests()
    {
        _folder = Directory.CreateDirectory(Path.Combine(_root, "folder")).FullName;
        File.WriteAllText(Path.Combine(_root, "secret"), "secret");
        _guest = new FuseClient(_folder);
    }

    public void Dispose()
    {
        _guest.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("../secret")]
    [InlineData("/etc/passwd")]
    [InlineData("a/b")]
    [InlineData("")]
    public void A_name_is_one_name(string name)
    {
        Assert.Equal(-22, _guest.LookupError(1, name));
        Assert.Equal(-22, _guest.Create(1, name).Error);
        Assert.Equal(-22, _guest.Call(FuseOperation.Unlink, 1, FuseClient.Text(name)).Error);
        Assert.Equal(-22, _guest.Call(FuseOperation.MakeFolder, 1, FuseClient.Bytes((0x1EDu, 0u)), FuseClient.Text(name)).Error);
        Assert.Equal(-22, _guest.Call(FuseOperation.SymbolicLink, 1, FuseClient.Text(name), FuseClient.Text("x")).Error);
        File.WriteAllText(Path.Combine(_folder, "file"), "");
        Assert.Equal(-22, _guest.Call(FuseOperation.Rename, 1, FuseClient.Bytes(1ul), FuseClient.Text("file"), FuseClient.Text(name)).Error);
        Assert.Equal(-22, _guest.Call(FuseOperation.Link, 1, FuseClient.Bytes(_guest.Lookup(1, "file").Node), FuseClient.Text(name)).Error);
    }

    [Fact]
    public void Links_are_told_and_never_followed()
    {
        File.CreateSymbolicLink(Path.Combine(_folder, "up"), "../secret");
        File.CreateSymbolicLink(Path.Combine(_folder, "top"), "/");
        var up = _guest.Lookup(1, "up");
        Assert.Equal(0xA000u, up.Attributes.Mode & 0xF000);
        Assert.Equal("../secret"u8.ToArray(), _guest.Call(FuseOperation.ReadLink, up.Node).Answer);
        Assert.Equal(-40, _guest.Open(up.Node).Error);
        Assert.Equal(-20, _guest.LookupError(_guest.Lookup(1, "top").Node, "etc"));
        Assert.Equal(-20, _guest.Call(FuseOperation.OpenFolder, _guest.Lookup(1, "top").Node, FuseClient.Bytes(new FuseOpen())).Error);
        Assert.Equal(-40, _guest.Create(1, "up", flags: 2 | 0x200).Error); // exists, and is a link: neither opened nor truncated
        Assert.NotEqual(0, _guest.Set(up.Node, new FuseSetAttributes { Valid = SetAttributeFields.Size }).Error);
        Assert.NotEqual(0, _guest.Set(up.Node, new FuseSetAttributes { Valid = SetAttributeFields.Mode, Mode = 0 }).Error);
        Assert.Equal("secret", File.ReadAllText(Path.Combine(_root, "secret")));
    }

    [Fact]
    public void Pipes_and_devices_of_the_host_are_never_opened()
    {
        Assert.Equal(0, _guest.Call(FuseOperation.MakeNode, 1, FuseClient.Bytes((0x1000u | 0x1B6, 0u, 0u, 0u)), FuseClient.Text("pipe")).Error);
        var pipe = _guest.Lookup(1, "pipe");
        Assert.Equal(-6, _guest.Open(pipe.Node).Error); // an open pipe would block until somebody writes
        Assert.Equal(-6, _guest.Create(1, "pipe").Error);
        Assert.Equal(-20, _guest.LookupError(pipe.Node, "x"));
        using var devices = new FuseClient("/dev");
        Assert.Equal(-6, devices.Open(devices.Lookup(1, "null").Node, 1).Error);
    }

    [Fact]
    public void Numbers_that_the_guest_invents_mean_nothing()
    {
        Assert.Equal(-116, _guest.LookupError(12345, "x"));
        Assert.Equal(-116, _guest.Open(ulong.MaxValue).Error);
        Assert.Equal(-9, _guest.Read(77, 0, 10).Error);
        _guest.Call(FuseOperation.Forget, 1, FuseClient.Bytes(ulong.MaxValue));
        _guest.Call(FuseOperation.Forget, 999, FuseClient.Bytes(1ul));
        Assert.Equal(0, _guest.LookupError(1, "x") + 2);
        var node = _guest.Create(1, "file").Entry.Node;
        _guest.Call(FuseOperation.Forget, node, FuseClient.Bytes(ulong.MaxValue));
        Assert.Equal(-116, _guest.Open(node).Error);
    }

    /// <summary>The host swaps a folder with a link out of the share again and again. The guest may see either, and never what is outside.</summary>
    [Fact]
    public async Task A_folder_that_becomes_a_link_in_between_leads_nowhere()
    {
        var (inside, hidden) = (Path.Combine(_folder, "swap"), Path.Combine(_folder, "hidden"));
        Directory.CreateDirectory(inside);
        File.WriteAllText(Path.Combine(inside, "secret"), "inside");
        var link = Path.Combine(_folder, "link");
        Directory.CreateSymbolicLink(link, "..");
        using var ended = new CancellationTokenSource();
        var swapper = Task.Run(() =>
        {
            while (!ended.IsCancellationRequested)
            {
                Move(inside, hidden);
                Move(link, inside); // now swap is a link to the folder above
                Move(inside, link);
                Move(hidden, inside);
            }
        }, TestContext.Current.CancellationToken);
        using var guest = new FuseClient(_folder, mostDescriptors: 1); // which finds things again by name all the time
        var (seen, until) = (0, Stopwatch.StartNew());
        while (until.ElapsedMilliseconds < 1000 || (seen == 0 && until.ElapsedMilliseconds < 20_000))
        {
            var (error, answer) = guest.Call(FuseOperation.Lookup, 1, FuseClient.Text("swap"));
            if (error != 0) continue;
            var node = FuseClient.As<FuseEntry>(answer).Node;
            (error, answer) = guest.Call(FuseOperation.Lookup, node, FuseClient.Text("secret"));
            if (error != 0) continue;
            var (opening, opened) = guest.Open(FuseClient.As<FuseEntry>(answer).Node);
            if (opening != 0) continue;
            Assert.Equal("inside"u8.ToArray(), guest.Read(opened.Handle, 0, 100).Data);
            guest.Call(FuseOperation.Release, 0, FuseClient.Bytes(new FuseTransfer { Handle = opened.Handle }));
            seen++;
        }

        await ended.CancelAsync();
        await swapper;
        Assert.True(seen > 0);
    }

    private static unsafe void Move(string from, string to)
    {
        fixed (byte* old = FuseClient.Text(from), target = FuseClient.Text(to)) Assert.Equal(0, LinuxCalls.Rename(LinuxCalls.Here, old, LinuxCalls.Here, target, 0));
    }
}
