using CsCheck;
using Holon.Cli.Running;

namespace Holon.Cli.Tests.Running;

public sealed class PipeEncoderTests
{
    [Fact]
    public void The_guests_terminal_gives_back_every_stream_and_its_end() =>
        Gen.Byte.Array[0, 3000].Array[0, 4].Sample(chunks =>
        {
            var (received, ended) = LineDiscipline(EncodeAll(chunks));
            return ended && received.SequenceEqual(chunks.SelectMany(chunk => chunk));
        });

    [Fact]
    public void Special_bytes_are_quoted() => Assert.Equal([0x16, 0x04, 0x16, 0x16, (byte)'\n', 0x04], EncodeAll([[0x04, 0x16, (byte)'\n']]));

    [Fact]
    public void An_end_within_a_line_hands_the_line_over_first() => Assert.Equal([(byte)'a', 0x04, 0x04], EncodeAll([[(byte)'a']]));

    [Fact]
    public void Long_lines_come_in_pieces_that_the_guest_can_hold()
    {
        var encoded = EncodeAll([new byte[10_000]]);
        Assert.All(Split(encoded), piece => Assert.InRange(piece, 0, PipeEncoder.MaxPiece));
    }

    private static byte[] EncodeAll(byte[][] chunks)
    {
        var encoder = new PipeEncoder();
        var all = new List<byte>();
        foreach (var chunk in chunks)
        {
            var output = new byte[PipeEncoder.MaxEncodedLength(chunk.Length)];
            all.AddRange(output.AsSpan(0, encoder.Encode(chunk, output)));
        }

        all.AddRange(PipeEncoder.End);
        return [.. all];
    }

    /// <summary>What Linux's n_tty makes of input in canonical mode with only EOF and LNEXT set: the bytes, and whether the end came last.</summary>
    private static (List<byte> Received, bool Ended) LineDiscipline(byte[] input)
    {
        var received = new List<byte>();
        var lineLength = 0;
        for (var i = 0; i < input.Length; i++)
        {
            if (input[i] == 0x04)
            {
                if (lineLength == 0) return (received, i == input.Length - 1);
                lineLength = 0;
                continue;
            }

            if (input[i] == 0x16) i++;
            received.Add(input[i]);
            lineLength = input[i] == '\n' ? 0 : lineLength + 1;
        }

        return (received, false);
    }

    private static IEnumerable<int> Split(byte[] encoded)
    {
        var length = 0;
        foreach (var value in encoded)
        {
            if (value is not (0x04 or (byte)'\n'))
            {
                length++;
                continue;
            }

            yield return length;
            length = 0;
        }
    }
}
