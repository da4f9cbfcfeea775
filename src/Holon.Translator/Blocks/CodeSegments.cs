using Holon.Translator.Host;

namespace Holon.Translator.Blocks;

/// <summary>
/// The code memory in pieces, which are filled one after the other; when there is no room left, one piece is emptied, and what is still used of
/// it is made again. A piece has a part for what is often executed, and one for what is seldom.
/// </summary>
internal sealed unsafe class CodeSegments
{
    /// <summary>Bytes of a piece: emptying one takes a millisecond or two.</summary>
    private const int TypicalBytes = 4 << 20;

    /// <summary>
    /// How much of a piece must be dropped to take it before the oldest; and before one that was never used: what is left of it is made again, so a piece
    /// that is half alive is left to lie while there is fresh memory.
    /// </summary>
    private const double FairlyEmpty = 0.5, NearlyEmpty = 0.75;

    private readonly Segment[] _segments;
    private int _current;
    private long _age;

    /// <param name="code">The memory.</param>
    /// <param name="firstBlock">Where blocks may begin, behind the shared code.</param>
    public CodeSegments(CodeMemory code, byte* firstBlock)
    {
        var count = Math.Clamp(code.Bytes / TypicalBytes, 2, 32);
        var seldom = code.Writable + ((long)code.Bytes * CodeMemory.OftenPercent / 100);
        var (often, rest) = ((seldom - firstBlock) / count, (code.Writable + code.Bytes - seldom) / count);
        _segments = new Segment[count];
        for (var i = 0; i < count; i++) _segments[i] = new Segment(firstBlock + (i * often), seldom + (i * rest), often, rest);
    }

    /// <summary>The piece that is being filled.</summary>
    public Segment Current => _segments[_current];

    /// <summary>Bytes of code kept now, those of dropped blocks included.</summary>
    public long Bytes => _segments.Sum(segment => segment.Bytes);

    /// <summary>Begins with the first piece again, all being empty.</summary>
    public void Clear()
    {
        foreach (var segment in _segments) segment.Clear();
        _current = 0;
    }

    /// <summary>Goes on to another piece, which the caller must empty of its blocks: first one that has hardly any left, then one that was never used, then the oldest.</summary>
    public Segment Advance()
    {
        Current.Age = ++_age;
        var (oldest, emptiest, unused) = (-1, -1, -1);
        for (var i = 0; i < _segments.Length; i++)
        {
            var segment = _segments[i];
            if (i == _current) continue;
            if (segment.Age == 0)
            {
                if (unused < 0) unused = i;
                continue;
            }

            if (oldest < 0 || segment.Age < _segments[oldest].Age) oldest = i;
            if (emptiest < 0 || segment.DroppedPart > _segments[emptiest].DroppedPart) emptiest = i;
        }

        if (emptiest >= 0 && _segments[emptiest].DroppedPart >= (unused < 0 ? FairlyEmpty : NearlyEmpty)) _current = emptiest;
        else _current = unused >= 0 ? unused : oldest;
        return Current;
    }

    /// <summary>A piece, with the blocks in it.</summary>
    internal sealed class Segment
    {
        private readonly byte* _often, _seldom, _lastOften, _lastSeldom;
        private long _dropped;

        /// <param name="often">Its part for what is often executed.</param>
        /// <param name="seldom">Its part for what is seldom.</param>
        /// <param name="oftenBytes">Length of the one.</param>
        /// <param name="seldomBytes">Length of the other.</param>
        public Segment(byte* often, byte* seldom, long oftenBytes, long seldomBytes)
        {
            Often = _often = often;
            Seldom = _seldom = seldom;
            _lastOften = often + oftenBytes - CodeMemory.MaxBlockBytes;
            _lastSeldom = seldom + seldomBytes - CodeMemory.MaxBlockBytes;
        }

        /// <summary>Where the next block goes: what is often executed, and what is seldom.</summary>
        public byte* Often, Seldom;

        /// <summary>When it was filled; 0 if it has never been since the beginning.</summary>
        public long Age { get; set; }

        /// <summary>The blocks in it, dropped ones included.</summary>
        public List<TranslatedBlock> Blocks { get; } = [];

        /// <summary>Where its second part begins.</summary>
        public byte* FirstSeldom => _seldom;

        /// <summary>Whether any block fits in.</summary>
        public bool HasRoom => Often <= _lastOften && Seldom <= _lastSeldom;

        /// <summary>Bytes of code in it.</summary>
        public long Bytes => Often - _often + (Seldom - _seldom);

        /// <summary>How much of what is often executed belongs to dropped blocks, from 0 to 1.</summary>
        public double DroppedPart => Often == _often ? 1 : (double)_dropped / (Often - _often);

        /// <summary>Notes that a block in it was dropped.</summary>
        public void Drop(TranslatedBlock block) => _dropped += block.CodeEnd - block.PollHost;

        /// <summary>Makes it empty.</summary>
        public void Clear()
        {
            (_dropped, Age) = (0, 0);
            Often = _often;
            Seldom = _seldom;
            Blocks.Clear();
        }
    }
}
