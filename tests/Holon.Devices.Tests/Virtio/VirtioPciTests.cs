using Holon.Devices.State;
using Holon.Devices.Virtio;
using Holon.Devices.Virtio.Block;
using Holon.Devices.Virtio.Entropy;

namespace Holon.Devices.Tests.Virtio;

/// <summary>virtio 1.2, §2.1 to §2.6 and §4.1.</summary>
public sealed class VirtioPciTests
{
    [Fact]
    public void A_device_says_what_it_is_and_where_its_structures_are() // §4.1.2, §4.1.4
    {
        using var driver = new TestDriver(new VirtioBlock(new MemoryDisk(1 << 20), new VirtioBlockOptions()));
        Assert.Equal(0x1042_1AF4u, driver.Config(0, 4));
        Assert.Equal(1u, driver.Config(8, 1)); // a device without legacy interface
        foreach (var (type, page) in ((byte, uint)[])[(1, 0), (2, 0x4000), (3, 0x1000), (4, 0x2000)])
        {
            var at = driver.FindCapability(9, type);
            Assert.Equal(0u, driver.Config(at + 4, 1));
            Assert.Equal(page, driver.Config(at + 8, 4));
        }

        Assert.Equal(4u, driver.Config(driver.FindCapability(9, 2) + 16, 4)); // each queue has a doorbell of its own
        Assert.Equal(1u, driver.Config(driver.FindCapability(0x11) + 2, 2) & 0x7FF); // two vectors
    }

    [Fact]
    public void Registers_are_reached_through_configuration_space_too() // §4.1.4.9
    {
        using var driver = new TestDriver(new VirtioEntropy());
        var window = driver.FindCapability(9, 5);
        driver.Config(window + 4, 1, 0);
        driver.Config(window + 8, 4, 0x14);
        driver.Config(window + 12, 4, 1);
        driver.Config(window + 16, 1, 1);
        Assert.Equal(VirtioStatus.Acknowledge, driver.Status);
        Assert.Equal(1u, driver.Config(window + 16, 1));
        driver.Config(window + 12, 4, 8); // no such access
        driver.Config(window + 16, 4, 3);
        Assert.Equal(VirtioStatus.Acknowledge, driver.Status);
    }

    [Fact]
    public void A_driver_that_takes_what_was_not_offered_or_is_of_before_1_0_is_refused() // §2.2.2, §6.2
    {
        using var driver = new TestDriver(new VirtioEntropy());
        driver.Common(0x14, 1, 3);
        driver.Common(8, 4, 0);
        driver.Common(0xC, 4, 1 << 28);
        driver.Common(0x14, 1, 11);
        Assert.False(driver.Status.HasFlag(VirtioStatus.FeaturesOk));
        driver.Common(8, 4, 1);
        driver.Common(0xC, 4, 3); // VERSION_1, and bit 33, which nobody offers
        driver.Common(0x14, 1, 11);
        Assert.False(driver.Status.HasFlag(VirtioStatus.FeaturesOk));
        driver.Common(0xC, 4, 1);
        driver.Common(0x14, 1, 15);
        Assert.Equal((VirtioStatus)15, driver.Status);
        driver.Common(0xC, 4, 0); // too late
        Assert.Equal(1ul, driver.Common(0xC, 4));
    }

    [Fact]
    public void Queues_that_do_not_exist_and_vectors_that_do_not_exist_read_as_none() // §4.1.4.3.1, §4.1.5.1.2
    {
        using var driver = new TestDriver(new VirtioEntropy());
        driver.Common(0x16, 2, 7);
        Assert.Equal(0ul, driver.Common(0x18, 2));
        driver.Common(0x1C, 2, 1);
        driver.Common(0x16, 2, 0);
        driver.Common(0x1A, 2, 2);
        Assert.Equal(0xFFFFul, driver.Common(0x1A, 2));
        driver.Common(0x1A, 2, 1);
        Assert.Equal(1ul, driver.Common(0x1A, 2));
    }

    [Fact]
    public void Without_messages_the_pin_is_asserted_until_the_status_is_read() // §4.1.4.5
    {
        using var driver = new TestDriver(new VirtioEntropy());
        driver.Negotiate(VirtioFeatures.Version1);
        var queue = driver.SetUp(0, 8);
        driver.Ready();
        queue.Do(indirect: false, new DriverBuffer(0x1000, 16, true));
        Assert.True(driver.Line.Asserted);
        Assert.Equal(1ul, driver.Function.Read(0x1000, 1));
        Assert.False(driver.Line.Asserted);
        Assert.Equal(0ul, driver.Function.Read(0x1000, 1));
    }

    [Fact]
    public void A_masked_vector_waits_in_the_pending_bits() // PCI 3.0 §6.8.2
    {
        using var driver = new TestDriver(new VirtioEntropy());
        driver.Negotiate(VirtioFeatures.Version1);
        driver.UseMessages();
        var queue = driver.SetUp(0, 8);
        driver.Ready();
        queue.Do(indirect: false, new DriverBuffer(0x1000, 16, true));
        Assert.Equal([(0xFEE0_0000ul, 1u)], driver.Messages.Sent);
        driver.Messages.Clear();

        driver.Function.Write(0x301C, 4, 1);
        queue.Do(indirect: false, new DriverBuffer(0x1000, 16, true));
        Assert.Empty(driver.Messages.Sent);
        Assert.Equal(2ul, driver.Function.Read(0x3800, 8));
        driver.Function.Write(0x301C, 4, 0);
        Assert.Equal([(0xFEE0_0000ul, 1u)], driver.Messages.Sent);
        Assert.Equal(0ul, driver.Function.Read(0x3800, 8));
        driver.Messages.Clear();

        driver.Config(driver.FindCapability(0x11) + 2, 2, 0xC000); // all of the function
        queue.Do(indirect: false, new DriverBuffer(0x1000, 16, true));
        Assert.Empty(driver.Messages.Sent);
        driver.Config(driver.FindCapability(0x11) + 2, 2, 0x8000);
        Assert.Single(driver.Messages.Sent);
        Assert.False(driver.Line.Asserted);
    }

    [Fact]
    public void A_queue_is_reset_alone() // §2.6.1
    {
        using var driver = new TestDriver(new VirtioEntropy());
        driver.Negotiate();
        var queue = driver.SetUp(0, 8);
        driver.Ready();
        queue.Do(indirect: false, new DriverBuffer(0x1000, 16, true));
        driver.Common(0x16, 2, 0);
        driver.Common(0x3A, 2, 1);
        Assert.Equal(0ul, driver.Common(0x3A, 2));
        Assert.Equal(0ul, driver.Common(0x1C, 2));
        queue.Add(indirect: false, new DriverBuffer(0x1000, 16, true));
        queue.Notify();
        Assert.Null(queue.Take());
        Assert.Equal(16u, driver.SetUp(0, 4, 0x20_0000).Do(indirect: false, new DriverBuffer(0x1000, 16, true)));
    }

    [Fact]
    public void A_broken_driver_stops_its_device_until_the_reset_and_is_told() // §2.1.2
    {
        using var driver = new TestDriver(new VirtioEntropy());
        driver.Negotiate(VirtioFeatures.Version1);
        driver.UseMessages();
        var queue = driver.SetUp(0, 8);
        driver.Ready();
        queue.Add(indirect: false, new DriverBuffer(0xFFFF_0000_0000, 16, true));
        queue.Notify();
        Assert.True(driver.Status.HasFlag(VirtioStatus.NeedsReset));
        Assert.Contains("not all memory", driver.Broken, StringComparison.Ordinal);
        Assert.Equal([(0xFEE0_0000ul, 0u)], driver.Messages.Sent); // the configuration's vector
        driver.Memory.Span(0x1000, 16).Clear();
        queue.Add(indirect: false, new DriverBuffer(0x1000, 16, true));
        queue.Notify();
        Assert.Null(queue.Take());

        driver.Negotiate();
        queue = driver.SetUp(0, 8);
        driver.Ready();
        Assert.Equal(16u, queue.Do(indirect: true, new DriverBuffer(0x1000, 16, true)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Saved_state_goes_on_in_another_device(bool packed)
    {
        using var first = new TestDriver(new VirtioEntropy());
        first.Negotiate(packed ? TestDriver.Everything : TestDriver.Everything & ~VirtioFeatures.PackedRing);
        first.UseMessages();
        var queue = first.SetUp(0, 8);
        first.Ready();
        for (var i = 0; i < 13; i++) queue.Do(indirect: i % 2 == 0, new DriverBuffer(0x1000, 16, true));
        queue.Add(indirect: false, new DriverBuffer(0x1000, 16, true));
        var writer = new DeviceStateWriter();
        first.Function.Save(writer);

        using var second = new TestDriver(new VirtioEntropy());
        first.Memory.Span(0, 8 << 20).CopyTo(second.Memory.Span(0, 8 << 20));
        second.Function.Load(new DeviceStateReader(writer.Written, "test"));
        Assert.Equal(first.Status, second.Status);
        second.Notify(0);
        Assert.Equal([(0xFEE0_0000ul, 1u)], second.Messages.Sent);
        second.Memory.Span(0, 8 << 20).CopyTo(first.Memory.Span(0, 8 << 20)); // the driver's side looks there
        Assert.Equal(16u, queue.Take()?.Written);
    }
}
