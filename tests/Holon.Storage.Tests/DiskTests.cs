using System.Diagnostics;
using Holon.Machines;
using Holon.Storage.Qcow2;
using Holon.Storage.Tools;

namespace Holon.Storage.Tests;

/// <summary>Disks as devices use them: many requests at a time, every way to end.</summary>
public sealed class DiskTests
{
    [Theory]
    [InlineData(DiskFormat.Raw, CacheMode.Writeback)]
    [InlineData(DiskFormat.Raw, CacheMode.Direct)]
    [InlineData(DiskFormat.Raw, CacheMode.Unsafe)]
    [InlineData(DiskFormat.Qcow2, CacheMode.Writeback)]
    [InlineData(DiskFormat.Qcow2, CacheMode.Direct)]
    public async Task Many_requests_at_a_time_do_what_they_should(DiskFormat format, CacheMode cache)
    {
        using var folder = new TemporaryFolder();
        DiskCreation.Create(folder["disk"], new DiskCreationOptions { Format = format, Length = 16 << 20 });
        var model = new byte[16 << 20];
        await using (var disk = Disk.Open(folder["disk"], new DiskOptions { Format = format, Cache = cache }))
        {
            // Each worker has a part of its own, so that what is there in the end is known.
            await Task.WhenAll(Enumerable.Range(0, 16).Select(part => Task.Run(() => WorkAsync(disk, model, part << 20, 1 << 20, part))));
            using var flush = new TestRequest(BlockOperation.Flush, 0, 0);
            Assert.Equal(BlockStatus.Success, await flush.RunAsync(disk));
            using var all = new TestRequest(BlockOperation.Read, 0, 16 << 20, pieces: 100);
            Assert.Equal(BlockStatus.Success, await all.RunAsync(disk));
            TestImages.AssertSame(model, all.Memory.ToArray());
        }

        TestImages.AssertClean(folder["disk"]);
        TestImages.AssertSame(model, TestImages.ContentOf(folder["disk"]));
    }

    [Fact]
    public async Task Overlapping_writes_to_new_clusters_leave_one_of_them()
    {
        using var folder = new TemporaryFolder();
        DiskCreation.Create(folder["disk"], new DiskCreationOptions { Length = 8 << 20 });
        await using (var disk = Disk.Open(folder["disk"]))
        {
            // Sectors of the same clusters, written at once by several: none may be lost.
            for (var round = 0; round < 20; round++)
            {
                var requests = Enumerable.Range(0, 128).Select(sector => new TestRequest(BlockOperation.Write, (round << 17) + (sector * 1024), 512)).ToArray();
                foreach (var request in requests) request.Memory.Fill((byte)(request.Offset / 1024));
                var results = await Task.WhenAll(requests.Select(request => Task.Run(() => request.RunAsync(disk))));
                Assert.All(results, status => Assert.Equal(BlockStatus.Success, status));
                using var all = new TestRequest(BlockOperation.Read, round << 17, 128 * 1024);
                await all.RunAsync(disk);
                for (var sector = 0; sector < 256; sector++) Assert.Equal(sector % 2 == 0 ? (byte)((round * 128) + (sector / 2)) : 0, all.Memory[sector * 512]);
                foreach (var request in requests) request.Dispose();
            }
        }

        TestImages.AssertClean(folder["disk"]);
    }

    [Fact]
    public async Task Snapshots_and_sizes_change_while_requests_flow()
    {
        using var folder = new TemporaryFolder();
        DiskCreation.Create(folder["disk"], new DiskCreationOptions { Length = 16 << 20, ClusterSize = 4096 });
        var model = new byte[16 << 20];
        await using (var disk = Disk.Open(folder["disk"]))
        {
            var work = Task.WhenAll(Enumerable.Range(0, 8).Select(part => Task.Run(() => WorkAsync(disk, model, part << 20, 1 << 20, part))));
            var image = (Qcow2Image)disk.Image;
            for (var i = 0; i < 5; i++)
            {
                await Task.Run(() => image.CreateSnapshot($"s{i}"), TestContext.Current.CancellationToken);
                await disk.ResizeAsync((17 + i) << 20, TestContext.Current.CancellationToken);
                if (i > 1) await Task.Run(() => image.DeleteSnapshot($"s{i - 2}"), TestContext.Current.CancellationToken);
            }

            await work;
        }

        TestImages.AssertClean(folder["disk"]);
        TestImages.AssertSame(model, TestImages.ContentOf(folder["disk"])[..model.Length]);
    }

    [Theory]
    [InlineData(BlockOperation.Read, 1 << 20, 512, BlockStatus.OutOfRange)]
    [InlineData(BlockOperation.Write, (1 << 20) - 512, 1024, BlockStatus.OutOfRange)]
    [InlineData(BlockOperation.Discard, -512, 512, BlockStatus.OutOfRange)]
    [InlineData(BlockOperation.WriteZeroes, 1L << 62, 512, BlockStatus.OutOfRange)]
    [InlineData(BlockOperation.Read, 100, 512, BlockStatus.IoError)]
    [InlineData(BlockOperation.Write, 0, 100, BlockStatus.IoError)]
    public async Task Requests_that_cannot_be_are_refused(BlockOperation operation, long offset, int length, BlockStatus expected)
    {
        using var folder = new TemporaryFolder();
        DiskCreation.Create(folder["disk"], new DiskCreationOptions { Length = 1 << 20 });
        await using var disk = Disk.Open(folder["disk"]);
        using var request = new TestRequest(operation, offset, length);
        Assert.Equal(expected, await request.RunAsync(disk));
        Assert.Equal(1, request.Completions);
    }

    [Fact]
    public async Task A_read_only_disk_refuses_to_change()
    {
        using var folder = new TemporaryFolder();
        DiskCreation.Create(folder["disk"], new DiskCreationOptions { Length = 1 << 20 });
        await using var disk = Disk.Open(folder["disk"], new DiskOptions { ReadOnly = true });
        foreach (var operation in (BlockOperation[])[BlockOperation.Write, BlockOperation.Discard, BlockOperation.WriteZeroes])
        {
            using var request = new TestRequest(operation, 0, 4096);
            Assert.Equal(BlockStatus.ReadOnly, await request.RunAsync(disk));
        }
    }

    [Fact]
    public async Task A_second_writer_is_kept_out_and_readers_share()
    {
        using var folder = new TemporaryFolder();
        DiskCreation.Create(folder["disk"], new DiskCreationOptions { Length = 1 << 20 });
        await using (Disk.Open(folder["disk"]))
        {
            Assert.Contains("in use", Assert.Throws<HolonException>(() => Disk.Open(folder["disk"])).Message, StringComparison.Ordinal);
            Assert.Contains("being written", Assert.Throws<HolonException>(() => Disk.Open(folder["disk"], new DiskOptions { ReadOnly = true })).Message, StringComparison.Ordinal);
            Assert.Equal(1 << 20, DiskInformation.Read(folder["disk"])[0].VirtualSize);
        }

        await using var first = Disk.Open(folder["disk"], new DiskOptions { ReadOnly = true });
        await using var second = Disk.Open(folder["disk"], new DiskOptions { ReadOnly = true });
        Assert.Throws<HolonException>(() => Disk.Open(folder["disk"]));
    }

    [Theory]
    [InlineData("qcow2")]
    [InlineData("raw")]
    public async Task Locks_are_those_of_qemu(string format)
    {
        Qemu.Require();
        using var folder = new TemporaryFolder();
        Qemu.Img("create", "-q", "-f", format, folder["disk"], "1M");
        await using (Disk.Open(folder["disk"])) Assert.Contains("lock", Qemu.Run("qemu-io", ["-f", format, "-c", "write 0 512", folder["disk"]]).Output, StringComparison.Ordinal);
        using var other = Process.Start(new ProcessStartInfo("qemu-io", ["-f", format, folder["disk"]]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        try
        {
            await other.StandardInput.WriteLineAsync("write 0 512");
            await other.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
            await other.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
            Assert.Contains("in use", Assert.Throws<HolonException>(() => Disk.Open(folder["disk"])).Message, StringComparison.Ordinal);
        }
        finally
        {
            other.StandardInput.Close();
            await other.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        await using var disk = Disk.Open(folder["disk"]);
    }

    [Theory]
    [InlineData(DiskFormat.Raw)]
    [InlineData(DiskFormat.Qcow2)]
    public async Task A_full_host_is_told_and_the_request_succeeds_when_there_is_space(DiskFormat format)
    {
        using var folder = new TemporaryFolder();
        var mount = folder["full"];
        Directory.CreateDirectory(mount);
        Assert.SkipUnless(Environment.UserName == "root" && Qemu.Run("mount", ["-t", "tmpfs", "-o", "size=4m", "none", mount]).Code == 0, "mounting a small file system needs root");
        try
        {
            var path = Path.Combine(mount, "disk");
            DiskCreation.Create(path, new DiskCreationOptions { Format = format, Length = 16 << 20 });
            await using (var disk = Disk.Open(path, new DiskOptions { Format = format }))
            {
                var content = TestImages.Random(1, 1 << 20);
                var failed = -1;
                for (var i = 0; i < 8 && failed < 0; i++)
                {
                    using var request = new TestRequest(BlockOperation.Write, i << 20, 1 << 20);
                    content.CopyTo(request.Memory);
                    var status = await request.RunAsync(disk);
                    if (status == BlockStatus.Success) continue;
                    Assert.Equal(BlockStatus.NoSpace, status);
                    Assert.Contains("space", disk.LastFailure, StringComparison.OrdinalIgnoreCase);
                    failed = i;
                }

                Assert.InRange(failed, 2, 4);
                Assert.Equal(0, Qemu.Run("mount", ["-o", "remount,size=40m", mount]).Code);
                using var again = new TestRequest(BlockOperation.Write, failed << 20, 1 << 20);
                content.CopyTo(again.Memory);
                Assert.Equal(BlockStatus.Success, await again.RunAsync(disk));
                using var read = new TestRequest(BlockOperation.Read, 0, (failed + 1) << 20);
                await read.RunAsync(disk);
                for (var i = 0; i <= failed; i++) TestImages.AssertSame(content, read.Memory.Slice(i << 20, 1 << 20).ToArray());
            }

            TestImages.AssertClean(path);
        }
        finally
        {
            Qemu.Run("umount", [mount]);
        }
    }

    [Fact]
    public void A_chain_that_is_a_loop_or_too_deep_is_refused()
    {
        using var folder = new TemporaryFolder();
        DiskCreation.Create(folder["a"], new DiskCreationOptions { Length = 1 << 20 });
        DiskCreation.CreateOverlay(folder["b"], folder["a"]);
        DiskMaintenance.Rebase(folder["a"], folder["b"], DiskFormat.Qcow2, isUnsafe: true);
        Assert.Contains("loop", Chain(Assert.Throws<HolonException>(() => Disk.Open(folder["b"]))), StringComparison.Ordinal);
        Assert.Throws<HolonException>(() => DiskInformation.Read(folder["b"], chain: true));

        DiskCreation.Create(folder["0"], new DiskCreationOptions { Length = 1 << 20 });
        for (var i = 1; i < 70; i++) DiskCreation.Create(folder[$"{i}"], new DiskCreationOptions { Length = 1 << 20, BackingFile = $"{i - 1}", BackingFormat = DiskFormat.Qcow2 });
        Assert.Contains("64 images", Chain(Assert.Throws<HolonException>(() => Disk.Open(folder["69"]))), StringComparison.Ordinal);
        using var deep = TestImages.Open(folder["50"]);

        static string Chain(Exception? failure) => failure is null ? "" : failure.Message + Chain(failure.InnerException);
    }

    [Fact]
    public async Task A_guest_cannot_turn_a_guessed_raw_disk_into_another_format()
    {
        using var folder = new TemporaryFolder();
        DiskCreation.Create(folder["disk"], new DiskCreationOptions { Format = DiskFormat.Raw, Length = 1 << 20 });
        using var request = new TestRequest(BlockOperation.Write, 0, 4096);
        "QFI\xfb"u8[..3].CopyTo(request.Memory);
        request.Memory[3] = 0xFB;
        await using (var guessed = Disk.Open(folder["disk"])) Assert.Equal(BlockStatus.IoError, await request.RunAsync(guessed));
        await using (var told = Disk.Open(folder["disk"], new DiskOptions { Format = DiskFormat.Raw })) Assert.Equal(BlockStatus.Success, await request.RunAsync(told));
    }

    private static async Task WorkAsync(Disk disk, byte[] model, int start, int length, int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 60; i++)
        {
            var size = random.Next(1, 64) * 512;
            var offset = start + (random.Next((length - size) / 512 + 1) * 512);
            var operation = random.Next(8) switch { < 4 => BlockOperation.Write, 4 => BlockOperation.WriteZeroes, 5 => BlockOperation.Flush, _ => BlockOperation.Read };
            using var request = new TestRequest(operation, offset, size, pieces: random.Next(1, 4)) { MayUnmap = random.Next(2) == 0 };
            random.NextBytes(request.Memory);
            if (operation == BlockOperation.Write) request.Memory.CopyTo(model.AsSpan(offset));
            if (operation == BlockOperation.WriteZeroes) model.AsSpan(offset, size).Clear();
            Assert.Equal(BlockStatus.Success, await request.RunAsync(disk));
            if (operation == BlockOperation.Read) TestImages.AssertSame(model[offset..(offset + size)], request.Memory.ToArray());
        }
    }
}
