using System.Text;
using Holon.Machines.Control;

namespace Holon.Machines.Tests.Control;

/// <summary>The end of what was printed.</summary>
public sealed class ConsoleLogTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(ConsoleLog.Capacity)]
    [InlineData((3 * ConsoleLog.Capacity) + 17)]
    public void A_late_reader_gets_the_last_bytes_in_order(int piece)
    {
        var log = new ConsoleLog();
        var all = new StringBuilder();
        for (var i = 0; all.Length < 2 * ConsoleLog.Capacity; i++) all.Append(i).Append(' ');
        var text = Encoding.ASCII.GetBytes(all.ToString());
        for (var at = 0; at < text.Length; at += piece) log.Write(text.AsSpan(at, Math.Min(piece, text.Length - at)));
        log.End();
        Assert.Equal(text.Length, log.Position);
        var position = 0L;
        var read = new List<byte>();
        var buffer = new byte[777];
        while (log.Read(ref position, buffer, TimeSpan.Zero) is var count and >= 0) read.AddRange(buffer.AsSpan(0, count));
        Assert.Equal(text[^ConsoleLog.Capacity..], read);
    }

    [Fact]
    public void A_reader_that_waits_is_woken()
    {
        var log = new ConsoleLog();
        var position = 0L;
        var buffer = new byte[16];
        Assert.Equal(0, log.Read(ref position, buffer, TimeSpan.FromMilliseconds(1)));
        var writer = new Thread(() => log.Write("now"u8));
        writer.Start();
        while (log.Read(ref position, buffer, Timeout.InfiniteTimeSpan) is var count && count == 0)
        {
        }

        writer.Join();
        Assert.Equal(3, position);
    }
}
