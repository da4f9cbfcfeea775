using Holon.Networking.Nat.Tcp;

namespace Holon.Networking.Tests.Tcp;

/// <summary>Our TCP against another over links that lose, repeat, delay and reorder: no stall, no wrong byte, no memory kept.</summary>
public sealed class RandomScheduleTests
{
    private static readonly int s_schedules = Environment.GetEnvironmentVariable("HOLON_TEST_ALL") is null ? 300 : 10_000;

    [Fact]
    public void Every_byte_arrives_in_both_directions_and_both_ends_close()
    {
        if (Environment.GetEnvironmentVariable("HOLON_TCP_SEED") is { } one)
        {
            RunSchedule(int.Parse(one, System.Globalization.CultureInfo.InvariantCulture));
            return;
        }

        Parallel.For(0, s_schedules, new ParallelOptions { MaxDegreeOfParallelism = 2 }, RunSchedule);
    }

    private static void RunSchedule(int seed)
    {
        var random = new Random(seed);
        var quality = new LinkQuality(
            random.Next(4) == 0 ? 0 : random.NextDouble() * 0.2,
            random.Next(2) == 0 ? 0 : random.NextDouble() * 0.1,
            random.NextInt64(random.Next(2) == 0 ? 100_000 : 100_000_000),
            random.NextInt64(random.Next(2) == 0 ? 10_000 : 60_000_000),
            random.Next(3) == 0 ? 0.1 : 0);
        var lossy = quality.Loss > 0.05;
        var options = new PeerOptions(
            random.Next(3) != 0,
            random.Next(3) != 0,
            random.Next(4) == 0 ? -1 : random.Next(0, 10),
            random.Next(4) == 0 ? random.Next(200, 600) : random.Next(1000, 9000),
            random.Next(3) == 0 ? random.Next(3000, 20_000) : random.Next(60_000, 400_000),
            random.Next(3) == 0);
        var toGuest = new byte[random.Next(lossy ? 60_000 : 400_000)];
        var toHost = new byte[random.Next(lossy ? 60_000 : 400_000)];
        random.NextBytes(toGuest);
        random.NextBytes(toHost);
        using var link = new SimulatedLink(seed, quality, random.Next(2) == 0, random.Next(5) == 0 ? 128 * 1024 : 8 << 20);
        var engine = new TcpConnection(link, IpAddress.V4(0x0A000202), 1234, IpAddress.V4(0x0A000201), 80, 1460, (uint)random.NextInt64(uint.MaxValue));
        var stream = new SimulatedStream(link, random, toGuest, random.Next(3) == 0) { Connection = engine };
        var peer = new SimplePeer(link, engine, options, random, toHost, (uint)random.NextInt64(uint.MaxValue));
        if (random.Next(2) == 0)
        {
            engine.Listen(peer.Syn(), stream);
            engine.Accept();
        }
        else
        {
            engine.Connect(stream);
        }

        var finished = link.Run(() => (peer.Done && stream.Closed) || peer.WasReset || stream.Aborted, 3_000_000_000_000);
        var state = $"seed {seed}: {quality} {options} to guest {peer.Received.Count}/{toGuest.Length}, to host {stream.Taken.Count}/{toHost.Length}, "
            + $"state {engine.State}, peer done {peer.Done}, reset {peer.WasReset}, aborted {stream.Aborted}, at {link.Now / 1e9:F1} s, {engine.Unacknowledged} unacknowledged, {stream.Given} given, {link.Buffers.Used} in buffers, {link.SentSegments} segments";
        Assert.False(peer.WasReset || stream.Aborted, state);
        Assert.True(finished, state);
        Assert.True(toGuest.AsSpan().SequenceEqual(peer.Received.ToArray()), state);
        Assert.True(toHost.AsSpan().SequenceEqual(stream.Taken.ToArray()), state);
        Assert.True(stream.GuestFinished, state);
        Assert.True(link.Run(() => link.Removed, link.Now + 10_000_000_000), state);
        Assert.True(link.Buffers.Used == 0, state);
    }
}
