using Iced.Intel;

namespace Holon.Interpreter.Decoding;

/// <summary>Feeds Iced with guest code, and never past the end of what it was given.</summary>
internal sealed unsafe class PageReader : CodeReader
{
    private byte* _next, _end;

    /// <summary>Reads from here.</summary>
    public void Reset(byte* start, int length)
    {
        _next = start;
        _end = start + length;
    }

    /// <inheritdoc/>
    public override int ReadByte() => _next < _end ? *_next++ : -1;
}
