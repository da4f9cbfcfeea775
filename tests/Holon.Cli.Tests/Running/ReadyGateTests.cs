using System.Text;
using CsCheck;
using Holon.Cli.Running;
using Holon.SystemMachine.Images;

namespace Holon.Cli.Tests.Running;

public sealed class ReadyGateTests
{
    [Fact]
    public void Only_what_follows_the_mark_is_the_commands() =>
        Gen.Select(Noise, Noise, Gen.Int[1, 7]).Sample((before, after, chunk) =>
        {
            var gate = new ReadyGate();
            var stream = before.Concat(GuestSession.ReadyMark.ToArray()).Concat(after).ToArray();
            var seen = Pass(gate, stream, chunk);
            return gate.IsOpen && seen.SequenceEqual(after);
        });

    [Fact]
    public void Without_the_mark_nothing_is() =>
        Gen.Select(Noise, Gen.Int[1, 7]).Sample((noise, chunk) =>
        {
            var gate = new ReadyGate();
            return Pass(gate, noise, chunk).Count == 0 && !gate.IsOpen;
        });

    [Fact]
    public void A_mark_after_the_beginning_of_one_is_found()
    {
        byte[] almost = [.. GuestSession.ReadyMark[..^1]];
        var gate = new ReadyGate();
        var seen = Pass(gate, [.. almost, .. GuestSession.ReadyMark[1..], (byte)'x'], 100);
        Assert.Equal([(byte)'x'], seen);
    }

    [Fact]
    public void The_boot_log_keeps_the_last_lines_and_no_more()
    {
        var gate = new ReadyGate();
        var line = Encoding.UTF8.GetBytes(new string('.', 1000) + "\r\n");
        for (var i = 0; i < 1000; i++) gate.Take(line);
        gate.Take("Kernel panic - not syncing\r\n"u8);
        Assert.Equal("Kernel panic - not syncing", gate.LastLines(20)[^1]);
        Assert.Equal(20, gate.LastLines(20).Count);
        Assert.True(gate.LastLines(int.MaxValue).Count < 200);
    }

    /// <summary>Bytes that often look like the beginning of the mark, but never are all of it.</summary>
    private static readonly Gen<byte[]> Noise =
        Gen.OneOf(Gen.Byte.Array[0, 5], Gen.Int[0, GuestSession.ReadyMark.Length - 1].Select(length => GuestSession.ReadyMark[..length].ToArray()))
            .Array[0, 6].Select(parts => parts.SelectMany(part => part).ToArray())
            .Where(noise => noise.AsSpan().IndexOf(GuestSession.ReadyMark) < 0);

    private static List<byte> Pass(ReadyGate gate, byte[] stream, int chunk)
    {
        var seen = new List<byte>();
        foreach (var piece in stream.Chunk(chunk)) seen.AddRange(piece.AsSpan(gate.Take(piece)));
        return seen;
    }
}
