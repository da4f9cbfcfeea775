using Holon.Devices.Virtio.Balloon;

namespace Holon.Devices.Tests.Virtio;

/// <summary>virtio 1.2, §5.5.</summary>
public sealed class VirtioBalloonTests
{
    private const ulong List = 0x2000, Victim = 0x40_0000;

    private static TestDriver Start(VirtioBalloon balloon)
    {
        var driver = new TestDriver(balloon);
        driver.Negotiate();
        driver.UseMessages();
        return driver;
    }

    [Fact]
    public void Inflated_pages_are_given_back_to_the_host_and_read_as_zeroes()
    {
        var balloon = new VirtioBalloon();
        using var driver = Start(balloon);
        var inflate = driver.SetUp(0);
        driver.Ready();
        balloon.SetWanted(12 << 10);
        Assert.Equal(3ul, driver.Device(0, 4));
        driver.Memory.Span(Victim, 5 * 4096).Fill(1);
        driver.Memory.Write(List, (uint)(Victim >> 12) + 2);
        driver.Memory.Write(List + 4, (uint)(Victim >> 12) + 1);
        driver.Memory.Write(List + 8, uint.MaxValue); // not memory
        driver.Memory.Write(List + 12, (uint)(Victim >> 12) + 4);
        inflate.Do(indirect: false, new DriverBuffer(List, 16, false));
        for (var page = 0; page < 5; page++)
            Assert.Equal(page is 0 or 3 ? 1 : 0, driver.Memory.Read<byte>(Victim + ((ulong)page * 4096)));
        driver.Function.Write(0x2004, 4, 3);
        Assert.Equal(12ul << 10, balloon.Actual);
    }

    [Fact]
    public void Pages_that_the_guest_reports_free_are_given_back() // §5.5.6.7
    {
        var balloon = new VirtioBalloon();
        using var driver = Start(balloon);
        var report = driver.SetUp(3);
        driver.Ready();
        driver.Memory.Span(Victim, 4 * 4096).Fill(1);
        report.Do(indirect: true, new DriverBuffer(Victim, 4096, true), new DriverBuffer(Victim + 8192, 4096 + 100, true));
        Assert.Equal(0, driver.Memory.Read<byte>(Victim));
        Assert.Equal(1, driver.Memory.Read<byte>(Victim + 4096));
        Assert.Equal(0, driver.Memory.Read<byte>(Victim + 8192));
        Assert.Equal(1, driver.Memory.Read<byte>(Victim + 12288)); // only whole pages
    }

    [Fact]
    public void Statistics_come_when_they_are_asked_for() // §5.5.6.3
    {
        var balloon = new VirtioBalloon();
        using var driver = Start(balloon);
        var queue = driver.SetUp(2);
        driver.Ready();
        driver.Memory.Write(List, (ushort)4);
        driver.Memory.Write(List + 2, 12345ul);
        driver.Memory.Write(List + 10, (ushort)5);
        driver.Memory.Write(List + 12, 99999ul);
        driver.Memory.Write(List + 20, (ushort)6);
        driver.Memory.Write(List + 22, ulong.MaxValue);
        queue.Add(indirect: false, new DriverBuffer(List, 30, false));
        queue.Notify();
        Assert.Equal(new BalloonStatistics(12345, 99999, 0, 0, 0, 0, 0, 0), balloon.LastStatistics);
        Assert.Null(queue.Take());
        balloon.RequestStatistics();
        Assert.NotNull(queue.Take());
    }
}
