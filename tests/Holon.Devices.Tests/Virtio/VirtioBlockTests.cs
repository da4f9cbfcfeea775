using CsCheck;
using Holon.Devices.State;
using Holon.Devices.Virtio;
using Holon.Devices.Virtio.Block;
using Holon.Storage;

namespace Holon.Devices.Tests.Virtio;

/// <summary>virtio 1.2, §5.2.</summary>
public sealed class VirtioBlockTests
{
    private const ulong Header = 0x1000, Status = 0x1100, Data = 0x2000;
    private const ulong FlushFeature = 1 << 9, CacheFeature = 1 << 11;

    private static (TestDriver Driver, TestQueue Queue) Start(VirtioBlock block, ulong features = TestDriver.Everything)
    {
        var driver = new TestDriver(block);
        driver.Negotiate(features);
        driver.UseMessages();
        var queue = driver.SetUp(0);
        driver.Ready();
        return (driver, queue);
    }

    private static DriverBuffer[] Request(TestDriver driver, uint type, ulong sector, params DriverBuffer[] data)
    {
        driver.Memory.Write(Header, type);
        driver.Memory.Write(Header + 8, sector);
        driver.Memory.Write(Status, (byte)0xFF);
        return [new(Header, 16, false), .. data, new(Status, 1, true)];
    }

    private static byte Do(TestDriver driver, TestQueue queue, uint type, ulong sector, params DriverBuffer[] data)
    {
        queue.Do(indirect: false, Request(driver, type, sector, data));
        return driver.Memory.Read<byte>(Status);
    }

    [Fact]
    public void What_is_written_is_read_back_in_pieces_of_any_form()
    {
        var disk = new MemoryDisk(1 << 20, threads: true);
        var (driver, queue) = Start(new VirtioBlock(disk, new VirtioBlockOptions()));
        using var owned = driver;
        Random.Shared.NextBytes(driver.Memory.Span(Data, 4096));
        Assert.Equal(0, Do(driver, queue, 1, 8, new DriverBuffer(Data, 100, false), new DriverBuffer(Data + 100, 3996, false)));
        Assert.Equal(driver.Memory.Span(Data, 4096), disk.Content.AsSpan(4096, 4096));
        Assert.Equal(0, Do(driver, queue, 0, 8, new DriverBuffer(Data + 0x2001, 4000, true), new DriverBuffer(Data + 0x2001 + 4000, 96, true)));
        Assert.Equal(driver.Memory.Span(Data, 4096), driver.Memory.Span(Data + 0x2001, 4096));
    }

    [Fact]
    public void Header_and_status_may_share_buffers_with_the_data() // §2.7.4.1: no layout of descriptors may be assumed
    {
        var disk = new MemoryDisk(1 << 20);
        var (driver, queue) = Start(new VirtioBlock(disk, new VirtioBlockOptions()));
        using var owned = driver;
        disk.Content.AsSpan(512, 512).Fill(0xA5);
        _ = Request(driver, 0, 1);
        Assert.Equal(513u, queue.Do(indirect: true, new DriverBuffer(Header, 5, false), new DriverBuffer(Header + 5, 11, false), new DriverBuffer(Data, 513, true)));
        Assert.Equal(0xA5, driver.Memory.Read<byte>(Data + 511));
        Assert.Equal(0, driver.Memory.Read<byte>(Data + 512));
    }

    [Theory]
    [InlineData(0, 2047, 1024u, 1)] // over the end
    [InlineData(0, 2049, 512u, 1)]
    [InlineData(0, long.MaxValue, 512u, 1)]
    [InlineData(0, 0, 511u, 1)] // not whole sectors
    [InlineData(0, 2047, 512u, 0)]
    [InlineData(99, 0, 512u, 2)]
    public void Requests_outside_the_disk_and_of_unknown_kind_fail(uint type, long sector, uint length, byte result)
    {
        var (driver, queue) = Start(new VirtioBlock(new MemoryDisk(1 << 20), new VirtioBlockOptions()));
        using var owned = driver;
        Assert.Equal(result, Do(driver, queue, type, (ulong)sector, new DriverBuffer(Data, length, true)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_read_only_disk_says_so_and_refuses_writes(bool byBackend)
    {
        var disk = new MemoryDisk(1 << 20) { IsReadOnly = byBackend };
        var (driver, queue) = Start(new VirtioBlock(disk, new VirtioBlockOptions(ReadOnly: !byBackend)));
        using var owned = driver;
        Assert.NotEqual(0ul, driver.Features & (1 << 5));
        Assert.Equal(0ul, driver.Features & (1 << 13));
        Assert.Equal(1, Do(driver, queue, 1, 0, new DriverBuffer(Data, 512, false)));
        Assert.Equal(0, Do(driver, queue, 0, 0, new DriverBuffer(Data, 512, true)));
        Assert.Equal([BlockOperation.Read], disk.Operations);
    }

    [Fact]
    public void Its_serial_number_and_its_configuration_are_as_they_were_given()
    {
        var (driver, queue) = Start(new VirtioBlock(new MemoryDisk(1 << 20), new VirtioBlockOptions("holon-1", Queues: 3)));
        using var owned = driver;
        Assert.Equal(0, Do(driver, queue, 8, 0, new DriverBuffer(Data, 20, true)));
        Assert.Equal("holon-1"u8, driver.Memory.Span(Data, 7));
        Assert.Equal(0, driver.Memory.Read<byte>(Data + 7));
        Assert.Equal(2048ul, driver.Device(0, 8));
        Assert.Equal(3ul, driver.Device(34, 2));
        Assert.Equal(3ul, driver.Common(0x12, 2));
        Assert.Equal(510ul, driver.Device(12, 4));
    }

    [Fact]
    public void Discards_and_zeroes_reach_the_backend_and_unknown_flags_do_not() // §5.2.6.2
    {
        var disk = new MemoryDisk(1 << 20);
        disk.Content.AsSpan().Fill(1);
        var (driver, queue) = Start(new VirtioBlock(disk, new VirtioBlockOptions()));
        using var owned = driver;
        byte Range(uint type, ulong sector, uint count, uint flags)
        {
            driver.Memory.Write(Data, sector);
            driver.Memory.Write(Data + 8, count);
            driver.Memory.Write(Data + 12, flags);
            return Do(driver, queue, type, 0, new DriverBuffer(Data, 16, false));
        }

        Assert.Equal(0, Range(11, 8, 8, 0));
        Assert.Equal(0, Range(13, 16, 8, 1));
        Assert.Equal(8192, disk.Content.Count(value => value == 0));
        Assert.Equal(2, Range(11, 8, 8, 1)); // a discard has no unmap flag
        Assert.Equal(2, Range(13, 8, 8, 2));
        Assert.Equal(1, Range(11, 2040, 9, 0));
        Assert.Equal(1, Range(13, ulong.MaxValue, 9, 0));
        Assert.Equal([BlockOperation.Discard, BlockOperation.WriteZeroes], disk.Operations);
    }

    [Fact]
    public void A_write_is_durable_before_it_is_reported_when_the_driver_cannot_flush_or_does_not_want_a_cache() // §5.2.6.2
    {
        var disk = new MemoryDisk(1 << 20);
        var (driver, queue) = Start(new VirtioBlock(disk, new VirtioBlockOptions()), TestDriver.Everything & ~(FlushFeature | CacheFeature));
        using (driver)
        {
            Assert.Equal(0, Do(driver, queue, 1, 0, new DriverBuffer(Data, 512, false)));
            Assert.Equal([BlockOperation.Write, BlockOperation.Flush], disk.Operations);
        }

        disk = new MemoryDisk(1 << 20);
        (driver, queue) = Start(new VirtioBlock(disk, new VirtioBlockOptions()));
        using (driver)
        {
            Assert.Equal(0, Do(driver, queue, 1, 0, new DriverBuffer(Data, 512, false)));
            driver.Function.Write(0x2000 + 32, 1, 0);
            Assert.Equal(0, Do(driver, queue, 1, 0, new DriverBuffer(Data, 512, false)));
            Assert.Equal(0, Do(driver, queue, 4, 0));
            Assert.Equal([BlockOperation.Write, BlockOperation.Write, BlockOperation.Flush, BlockOperation.Flush], disk.Operations);
        }
    }

    [Fact]
    public void Growing_tells_the_driver() // §5.2.5.1
    {
        var disk = new MemoryDisk(1 << 20);
        var block = new VirtioBlock(disk, new VirtioBlockOptions());
        var (driver, queue) = Start(block);
        using var owned = driver;
        var generation = driver.Common(0x15, 1);
        disk.Grow(2 << 20);
        block.Resized();
        Assert.NotEqual(generation, driver.Common(0x15, 1));
        Assert.Equal(4096ul, driver.Device(0, 8));
        Assert.Equal([(0xFEE0_0000ul, 0u)], driver.Messages.Sent);
        Assert.Equal(0, Do(driver, queue, 0, 4095, new DriverBuffer(Data, 512, true)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_full_host_disk_keeps_the_request_until_there_is_space(bool throughSavedState)
    {
        var disk = new MemoryDisk(1 << 20) { WriteStatus = BlockStatus.NoSpace };
        var full = 0;
        var block = new VirtioBlock(disk, new VirtioBlockOptions(), () => full++);
        var (driver, queue) = Start(block);
        using var owned = driver;
        driver.Memory.Write(Data, 0x1234u);
        queue.Add(indirect: true, Request(driver, 1, 0, new DriverBuffer(Data, 512, false)));
        queue.Notify();
        Assert.Equal(1, full);
        Assert.True(block.WaitsForSpace);
        Assert.Null(queue.Take());
        driver.Function.Pause();

        if (throughSavedState)
        {
            var writer = new DeviceStateWriter();
            driver.Function.Save(writer);
            var other = new MemoryDisk(1 << 20);
            using var second = new TestDriver(new VirtioBlock(other, new VirtioBlockOptions()));
            driver.Memory.Span(0, 8 << 20).CopyTo(second.Memory.Span(0, 8 << 20));
            second.Function.Load(new DeviceStateReader(writer.Written, "test"));
            second.Function.Continue();
            Assert.Equal(0x34, other.Content[0]);
            Assert.Single(second.Messages.Sent);
            return;
        }

        disk.WriteStatus = null;
        driver.Function.Continue();
        queue.Wait();
        Assert.Equal(0, driver.Memory.Read<byte>(Status));
        Assert.Equal(0x34, disk.Content[0]);
        Assert.False(block.WaitsForSpace);
    }

    [Fact]
    public void Requests_in_random_order_on_threads_keep_the_disk_a_model_of_itself()
    {
        var operation = Gen.Select(Gen.Int[0, 2], Gen.Int[0, 30], Gen.Int[1, 8], Gen.Byte);
        Gen.Select(operation.Array[1, 60], Gen.Bool, Gen.Bool).Sample((operations, packed, indirect) =>
        {
            var disk = new MemoryDisk(40 * 512, threads: true);
            var model = new byte[40 * 512];
            var (driver, queue) = Start(new VirtioBlock(disk, new VirtioBlockOptions()), packed ? TestDriver.Everything : TestDriver.Everything & ~VirtioFeatures.PackedRing);
            using var owned = driver;
            foreach (var (kind, sector, count, fill) in operations)
            {
                var data = driver.Memory.Span(Data, count * 512);
                data.Fill(fill);
                queue.Do(indirect, Request(driver, kind == 0 ? 0u : 1, (ulong)sector, new DriverBuffer(Data, (uint)data.Length, kind == 0)));
                var place = model.AsSpan(sector * 512, data.Length);
                if (kind != 0) data.CopyTo(place);
                if (driver.Memory.Read<byte>(Status) != 0 || !data.SequenceEqual(place)) return false;
            }

            return disk.Content.AsSpan().SequenceEqual(model);
        }, iter: 50);
    }

    [Fact]
    public void A_reset_in_the_middle_waits_for_what_is_under_way_and_forgets_it()
    {
        var disk = new MemoryDisk(1 << 20, threads: true);
        var (driver, queue) = Start(new VirtioBlock(disk, new VirtioBlockOptions()));
        using var owned = driver;
        for (var round = 0; round < 50; round++)
        {
            for (var i = 0; i < 5; i++) queue.Add(indirect: true, Request(driver, 0, 0, new DriverBuffer(Data, 4096, true)));
            queue.Notify();
            driver.Common(0x14, 1, 0);
            Assert.Equal(VirtioStatus.None, driver.Status);
            driver.Memory.Span(Data, 4096).Fill(7);
            Thread.Yield();
            Assert.Equal(-1, driver.Memory.Span(Data, 4096).IndexOfAnyExcept((byte)7));
            driver.Negotiate();
            driver.UseMessages();
            queue = driver.SetUp(0);
            driver.Ready();
            Assert.Equal(0, Do(driver, queue, 0, 0, new DriverBuffer(Data, 512, true)));
        }
    }

    [Fact]
    public void Requests_without_header_or_status_break_the_device()
    {
        var (driver, queue) = Start(new VirtioBlock(new MemoryDisk(1 << 20), new VirtioBlockOptions()));
        using var owned = driver;
        queue.Add(indirect: false, new DriverBuffer(Header, 15, false), new DriverBuffer(Status, 1, true));
        queue.Notify();
        Assert.Contains("without its header", driver.Broken, StringComparison.Ordinal);
        driver.Negotiate();
        queue = driver.SetUp(0);
        driver.Ready();
        queue.Add(indirect: false, new DriverBuffer(Header, 16, false));
        queue.Notify();
        Assert.Contains("without room for its status", driver.Broken, StringComparison.Ordinal);
    }

    [Fact]
    public void Requests_in_steady_state_allocate_nothing()
    {
        var (driver, queue) = Start(new VirtioBlock(new MemoryDisk(1 << 20), new VirtioBlockOptions()));
        using var owned = driver;
        var request = Request(driver, 0, 0, new DriverBuffer(Data, 4096, true));
        for (var i = 0; i < 40; i++) queue.Do(indirect: true, request);
        var before = 0L;
        var allocated = 0L;
        for (var i = 0; i < 100; i++)
        {
            queue.Add(indirect: true, request);
            before = GC.GetAllocatedBytesForCurrentThread();
            queue.Notify();
            allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            queue.Wait();
            driver.Messages.Clear();
        }

        Assert.True(allocated < 100 * 1000, $"{allocated} bytes in 100 requests"); // the fake backend's lists and the fake bus keep some
    }
}
