using CsCheck;
using Holon.Devices.Virtio;
using Holon.Devices.Virtio.Entropy;

namespace Holon.Devices.Tests.Virtio;

/// <summary>virtio 1.2, §2.7 and §2.8, by a device that fills what it is given.</summary>
public sealed class QueueTests
{
    private const ulong Basic = VirtioFeatures.Version1;

    public static TheoryData<ulong> Layouts =>
        [Basic, Basic | VirtioFeatures.EventIndex, Basic | VirtioFeatures.PackedRing, Basic | VirtioFeatures.PackedRing | VirtioFeatures.EventIndex, TestDriver.Everything];

    private static (TestDriver Driver, TestQueue Queue) Create(ulong features, ushort size = 8)
    {
        var driver = new TestDriver(new VirtioEntropy());
        driver.Negotiate(features);
        driver.UseMessages();
        var queue = driver.SetUp(0, size);
        driver.Ready();
        return (driver, queue);
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Chains_of_any_form_come_back_many_times_around_the_ring(ulong features)
    {
        var (driver, queue) = Create(features);
        using var owned = driver;
        var indirect = (driver.Features & VirtioFeatures.IndirectDescriptors) != 0;
        for (var i = 0; i < 100; i++)
        {
            var buffers = Enumerable.Range(0, 1 + (i % 4)).Select(k => new DriverBuffer(0x1000 + ((ulong)k * 64), (uint)(1 + k), true)).ToArray();
            Assert.Equal((uint)buffers.Sum(buffer => buffer.Length), queue.Do(indirect && i % 3 == 0, buffers));
            Assert.True(queue.WantsNotification || (driver.Features & VirtioFeatures.EventIndex) != 0);
        }

        Assert.Equal(100, driver.Messages.Sent.Count);
    }

    [Theory]
    [InlineData(Basic | VirtioFeatures.EventIndex)]
    [InlineData(Basic | VirtioFeatures.EventIndex | VirtioFeatures.PackedRing)]
    public void An_interrupt_comes_at_the_chain_that_was_asked_for(ulong features) // §2.7.7, §2.8.10
    {
        var (driver, queue) = Create(features);
        using var owned = driver;
        queue.Do(indirect: false, new DriverBuffer(0x1000, 8, true));
        driver.Messages.Clear();
        queue.InterruptAfter(3);
        for (var i = 0; i < 3; i++)
        {
            Assert.Empty(driver.Messages.Sent);
            queue.Add(indirect: false, new DriverBuffer(0x1000, 8, true));
            queue.Notify();
        }

        Assert.Single(driver.Messages.Sent);
    }

    [Fact]
    public void Interrupts_that_are_not_wanted_do_not_come() // §2.7.6
    {
        var (driver, queue) = Create(Basic);
        using var owned = driver;
        driver.Memory.Write(queue.DriverArea, (ushort)1);
        queue.Do(indirect: false, new DriverBuffer(0x1000, 8, true));
        Assert.Empty(driver.Messages.Sent);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Chains_that_cannot_be_are_refused(bool packed)
    {
        Refused(packed, (driver, queue) => driver.Memory.Write(queue.Descriptors, 0xFFFF_FFFF_FFFFul), "not all memory");
        Refused(packed, (driver, queue) => driver.Memory.Write(queue.Descriptors + 8, uint.MaxValue), "not all memory");
        Refused(packed, (driver, queue) => driver.Memory.Write(queue.Descriptors, (8ul << 20) - 4), "not all memory");
        Refused(packed, (driver, queue) => OrFlags(driver, queue, 4), "without having negotiated");
        Refused(packed, (driver, queue) => OrFlags(driver, queue, 5), "chained a descriptor behind", indirect: true);
        Refused(packed, (driver, queue) => OrFlags(driver, queue, 4), "indirect table of 8 bytes", indirect: true);
    }

    [Fact]
    public void Loops_and_indexes_outside_the_table_are_refused()
    {
        Refused(false, (driver, queue) => driver.Memory.Write(queue.Descriptors + 12, 0x0000_0003u), "loop");
        Refused(false, (driver, queue) => driver.Memory.Write(queue.Descriptors + 12, 0x0008_0003u), "descriptor 8 in a table of 8");
        Refused(false, (driver, queue) => driver.Memory.Write(queue.DriverArea + 4, (ushort)9), "descriptor 9 in a table of 8");
        Refused(false, (driver, queue) => driver.Memory.Write(queue.DriverArea + 2, (ushort)9), "9 chains available in a queue of 8");
        Refused(true, (driver, queue) =>
        {
            for (var i = 0ul; i < 8; i++) driver.Memory.Write(queue.Descriptors + (i * 16) + 14, (ushort)(i == 0 ? 0x83 : 3));
        }, "loop");
    }

    [Theory]
    [InlineData(0x20, 0x10_0008ul, "not a multiple of 16")]
    [InlineData(0x28, 0x10_4001ul, "not a multiple of 2")]
    [InlineData(0x30, 0x10_8002ul, "not a multiple of 4")]
    [InlineData(0x20, 0x80_0000ul, "which is not memory")]
    [InlineData(0x30, 0xFFFF_FFFF_FFFF_FFF0ul, "which is not memory")]
    [InlineData(0x18, 7ul, "not a power of two")]
    public void Queues_that_cannot_be_are_refused(ulong register, ulong value, string reason)
    {
        using var driver = new TestDriver(new VirtioEntropy());
        driver.Negotiate(Basic);
        driver.Common(0x20, 8, 0x10_0000);
        driver.Common(0x28, 8, 0x10_4000);
        driver.Common(0x30, 8, 0x10_8000);
        driver.Common(register, register == 0x18 ? 2 : 8, value);
        driver.Common(0x1C, 2, 1);
        Assert.Contains(reason, driver.Broken, StringComparison.Ordinal);
        Assert.Equal(0ul, driver.Common(0x1C, 2));
    }

    [Fact]
    public void Whatever_lies_in_the_rings_harms_nobody()
    {
        var contents = Gen.Byte.Array[512];
        Gen.Select(contents, contents, contents, Gen.Bool).Sample((descriptors, driverArea, tables, packed) =>
        {
            var (driver, queue) = Create(packed ? TestDriver.Everything : TestDriver.Everything & ~VirtioFeatures.PackedRing);
            using var owned = driver;
            driver.Memory.Write(queue.Descriptors, descriptors);
            driver.Memory.Write(queue.DriverArea, driverArea);
            driver.Memory.Write(0, tables);
            queue.Notify();
            driver.Negotiate();
            queue = driver.SetUp(0);
            driver.Ready();
            return queue.Do(indirect: true, new DriverBuffer(0x1000, 16, true)) == 16;
        }, iter: 300);
    }

    private static void OrFlags(TestDriver driver, TestQueue queue, int flags)
    {
        var at = queue.Descriptors + ((driver.Features & VirtioFeatures.PackedRing) != 0 ? 14ul : 12);
        driver.Memory.Write(at, (ushort)(driver.Memory.Read<ushort>(at) | flags));
    }

    private static void Refused(bool packed, Action<TestDriver, TestQueue> damage, string reason, bool indirect = false)
    {
        var (driver, queue) = Create(Basic | (packed ? VirtioFeatures.PackedRing : 0) | (indirect ? VirtioFeatures.IndirectDescriptors : 0));
        using var owned = driver;
        queue.Add(indirect: false, new DriverBuffer(0x1000, 8, true));
        damage(driver, queue);
        queue.Notify();
        Assert.Contains(reason, driver.Broken, StringComparison.Ordinal);
        Assert.True(driver.Status.HasFlag(VirtioStatus.NeedsReset));
    }
}
