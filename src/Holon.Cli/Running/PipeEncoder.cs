namespace Holon.Cli.Running;

/// <summary>
/// Turns a stream of bytes into keystrokes from which a Linux terminal in canonical mode makes exactly that stream again, and its end
/// (termios(3)): the guest's init has set ^V to quote a byte and ^D to end a piece. A ^D after at least one byte hands the piece
/// over; a ^D with nothing before it is the end of the input.
/// </summary>
internal sealed class PipeEncoder
{
    /// <summary>Pieces are kept well below the 4096 bytes that the guest's line buffer holds, beyond which it drops input.</summary>
    public const int MaxPiece = 1024;

    private const byte EndOfPiece = 0x04, Quote = 0x16, NewLine = (byte)'\n';

    private int _pieceLength;

    /// <summary>The most bytes that <see cref="Encode"/> makes of a number of input bytes: each quoted, and every piece ended.</summary>
    public static int MaxEncodedLength(int length) => (2 * length) + (length / MaxPiece) + 1;

    /// <summary>Encodes the next bytes; what is handed over is complete, nothing waits for more.</summary>
    /// <returns>Bytes written to <paramref name="output"/>.</returns>
    public int Encode(ReadOnlySpan<byte> input, Span<byte> output)
    {
        var written = 0;
        foreach (var value in input)
        {
            if (value is EndOfPiece or Quote) output[written++] = Quote;
            output[written++] = value;
            _pieceLength = value == NewLine ? 0 : _pieceLength + 1;
            if (_pieceLength == MaxPiece) written += EndPiece(output[written..]);
        }

        return written + EndPiece(output[written..]);
    }

    /// <summary>The end of the input.</summary>
    public static ReadOnlySpan<byte> End => [EndOfPiece];

    private int EndPiece(Span<byte> output)
    {
        if (_pieceLength == 0) return 0;
        output[0] = EndOfPiece;
        _pieceLength = 0;
        return 1;
    }
}
