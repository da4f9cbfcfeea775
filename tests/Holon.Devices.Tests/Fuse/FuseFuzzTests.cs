using System.Diagnostics;
using System.Runtime.CompilerServices;
using Holon.Devices.Fuse;

namespace Holon.Devices.Tests.Fuse;

/// <summary>
/// A hostile guest's messages: of any operation, with numbers and names that are mostly plausible, cut and grown, from several threads at once. Nothing may
/// throw, nothing outside the folder may change, and what the server holds stays bounded. A second in CI, 10 minutes with HOLON_TEST_ALL=1.
/// </summary>
public sealed class FuseFuzzTests
{
    private static readonly string[] _names = ["a", "b", "c", "link", "up", "pipe", "folder", "..", ".", "", "../outside", "a/b", "folder/../..", new string('x', 255), new string('x', 256), "user.a", "user.holon.owner", "trusted.t", "security.capability"];

    private static readonly string[] _targets = ["..", "../outside", "/etc/passwd", "folder", "a", "/proc/self/fd/0"];

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task A_hostile_guest_gets_nowhere(bool mapped, bool readOnly)
    {
        var duration = Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1" ? TimeSpan.FromMinutes(10.0 / 3) : TimeSpan.FromSeconds(1);
        var root = Directory.CreateTempSubdirectory("holon-share-").FullName;
        var (folder, outside) = (Path.Combine(root, "folder"), Path.Combine(root, "outside"));
        Directory.CreateDirectory(Path.Combine(folder, "folder"));
        Directory.CreateDirectory(outside);
        File.WriteAllText(Path.Combine(outside, "file"), "untouched");
        File.WriteAllText(Path.Combine(folder, "a"), "a");
        File.CreateSymbolicLink(Path.Combine(folder, "link"), "../outside/file");
        Directory.CreateSymbolicLink(Path.Combine(folder, "up"), "..");
        var before = Directory.GetLastWriteTimeUtc(outside);
        using (var server = new FuseServer(new SharedFolderOptions(folder, readOnly, mapped, MostDescriptors: 20)))
        {
            var until = Stopwatch.StartNew();
            var seed = Random.Shared.Next();
            await Task.WhenAll(Enumerable.Range(0, 3).Select(thread => Task.Run(() => Attack(server, new Random(seed + thread), until, duration), TestContext.Current.CancellationToken)));
            Assert.True(server.Counts.Open <= 16384, $"seed {seed}");
            server.Reset();
            Assert.Equal((1, 0, 0), server.Counts);
        }

        Assert.Equal("untouched", File.ReadAllText(Path.Combine(outside, "file")));
        Assert.Equal([Path.Combine(outside, "file")], Directory.GetFileSystemEntries(outside));
        Assert.Equal(before, Directory.GetLastWriteTimeUtc(outside));
        Assert.Equal([folder, outside], Directory.GetFileSystemEntries(root).Order());
        if (readOnly) Assert.Equal("a", File.ReadAllText(Path.Combine(folder, "a")));
        await Process.Start("rm", ["-rf", root]).WaitForExitAsync(TestContext.Current.CancellationToken); // .NET cannot remove names that are not UTF-8
    }

    private static unsafe void Attack(FuseServer server, Random random, Stopwatch until, TimeSpan duration)
    {
        var (request, scratch) = (new FuseRequest(8), new FuseScratch());
        var data = GC.AllocateArray<byte>(70_000, pinned: true);
        var message = new byte[FuseRequest.MostMessage];
        while (until.Elapsed < duration)
        {
            var length = Message(random, message, out var operation);
            message.AsSpan(0, length).CopyTo(request.Begin(length));
            if (operation is FuseOperation.Read or FuseOperation.Write)
            {
                for (var i = random.Next(4); i > 0; i--) request.AddVector((nint)Unsafe.AsPointer(ref data[random.Next(60_000)]), random.Next(1, 10_000));
            }

            server.Execute(request, scratch, mayWait: random.Next(3) != 0);
            Assert.InRange(request.Error, -133, 0);
            Assert.True(request.Answer.Length <= 65536);
        }
    }

    private static int Message(Random random, byte[] message, out FuseOperation operation)
    {
        operation = (FuseOperation)(random.Next(20) == 0 ? (uint)random.Next() : (uint)random.Next(1, 53));
        if (operation == FuseOperation.Initialize && random.Next(500) != 0) operation = FuseOperation.Lookup; // it makes the guest forget all; and a guest's kernel never sends two requests at that time
        if (operation is FuseOperation.Initialize or FuseOperation.SyncFileSystem or FuseOperation.Sync) operation = FuseOperation.Lookup;
        FuseClient.Bytes(new FuseHeader
        {
            Operation = operation,
            Node = random.Next(10) == 0 ? (ulong)random.NextInt64() : (ulong)random.Next(1, 12),
            User = (uint)random.Next(3),
            Group = (uint)random.Next(3),
            Length = (uint)random.Next(1000),
        }).CopyTo(message, 0);
        var length = FuseRequest.RequestHeader;
        for (var words = random.Next(8); words > 0; words--)
        {
            var value = random.Next(6) switch { 0 => (ulong)random.NextInt64(), 1 => (ulong)random.Next(), 2 => 0ul, _ => (ulong)random.Next(1, 20) };
            if (operation is FuseOperation.Allocate or FuseOperation.SetAttributes or FuseOperation.Write or FuseOperation.CopyRange) value &= 0xF_FFFF; // no sparse petabytes, no filled disk
            BitConverter.TryWriteBytes(message.AsSpan(length), value);
            length += 8;
        }

        for (var texts = random.Next(3); texts > 0; texts--)
        {
            var text = FuseClient.Text(texts == 1 && random.Next(4) == 0 ? _targets[random.Next(_targets.Length)] : _names[random.Next(_names.Length)]);
            text.CopyTo(message, length);
            length += text.Length;
        }

        return random.Next(10) == 0 ? random.Next(length + 1) : length;
    }
}
