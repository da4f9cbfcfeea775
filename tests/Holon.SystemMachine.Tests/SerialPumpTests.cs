using System.Diagnostics;

namespace Holon.SystemMachine.Tests;

public sealed class SerialPumpTests
{
    [Fact]
    public void A_slow_reader_gets_everything_in_order()
    {
        var read = new List<byte>();
        using var pump = new SerialPump(data =>
        {
            Thread.Sleep(5);
            read.AddRange(data);
        });
        for (var i = 0; i < 3 * SerialPump.Capacity; i++) pump.Send((byte)i);
        pump.Drain();
        Assert.Equal(Enumerable.Range(0, 3 * SerialPump.Capacity).Select(i => (byte)i), read);
    }

    [Fact]
    public async Task A_reader_that_takes_nothing_holds_the_guest_but_not_the_end()
    {
        using var release = new ManualResetEventSlim();
        using var pump = new SerialPump(_ => release.Wait());
        var guest = Task.Run(() =>
        {
            for (var i = 0; i < 3 * SerialPump.Capacity; i++) pump.Send((byte)i);
        }, TestContext.Current.CancellationToken);
        await Task.Delay(100, TestContext.Current.CancellationToken);
        Assert.False(guest.IsCompleted);

        var watch = Stopwatch.StartNew();
        pump.Hurry();
        pump.Drain();
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"It took {watch.Elapsed}.");
        release.Set();
        await guest;
    }
}
