using System.Runtime.CompilerServices;
using Holon.Memory;

namespace Holon.Translator.Blocks;

/// <summary>The blocks made from one physical page, and which 64-byte pieces of it they, or what was looked at for them, come from.</summary>
/// <remarks>
/// A page of a library has blocks for each address at which some process has mapped it, so there may be thousands. Who looks for one mostly asks for others at
/// the same linear page next, and mostly there is none (decoding asks at each instruction), so each linear page has its blocks apart.
/// </remarks>
internal sealed class TranslatedPage
{
    private View?[] _views = new View?[2]; // a power of two, and more than half as many as there are views
    private View? _last;
    private int _viewCount;
    private ulong _granules;

    /// <summary>The blocks.</summary>
    public IEnumerable<TranslatedBlock> Blocks
    {
        get
        {
            foreach (var first in _views)
                for (var view = first; view != null; view = view.Next)
                    foreach (var block in view.Blocks) yield return block;
        }
    }

    /// <summary>Whether no block has anything of this page.</summary>
    public bool IsEmpty => _viewCount == 0 && Guests.Count == 0;

    /// <summary>Blocks of other pages whose instruction ends in this one.</summary>
    public List<TranslatedBlock> Guests { get; } = [];

    /// <summary>The block at a linear address, or null.</summary>
    public TranslatedBlock? Find(ulong linear, int mode) => ViewOf(linear >> 12, mode)?.Find(linear);

    /// <summary>Adds a block, for which there is none yet.</summary>
    public void Add(TranslatedBlock block)
    {
        var view = ViewOf(block.Linear >> 12, block.Mode);
        if (view == null)
        {
            view = _last = new View(block.Linear >> 12, block.Mode);
            if (_viewCount++ == 2 * _views.Length) Grow();
            Put(_views, view);
        }

        view.Add(block);
        MarkCode((int)(block.Physical & 0xFFF), block.GuestBytes);
    }

    /// <summary>Removes a block, if it is there.</summary>
    public void Remove(TranslatedBlock block)
    {
        if (ViewOf(block.Linear >> 12, block.Mode) is not { } view || !view.Remove(block) || view.Count > 0) return;
        ref var link = ref _views[Bucket(view.LinearPage, view.Mode, _views.Length)];
        while (link != view) link = ref link!.Next;
        link = view.Next;
        _last = null;
        _viewCount--;
    }

    /// <summary>Notes that code was read from a range of the page.</summary>
    public void MarkCode(int offset, int length) => _granules |= CodePageMap.PiecesOf(offset, length);

    /// <summary>Whether code was read from a range of the page.</summary>
    public bool Overlaps(int offset, int length) => (_granules & CodePageMap.PiecesOf(offset, length)) != 0;

    private View? ViewOf(ulong linearPage, int mode)
    {
        if (_last is { } last && last.LinearPage == linearPage && last.Mode == mode) return last;
        var view = _views[Bucket(linearPage, mode, _views.Length)];
        while (view != null && (view.LinearPage != linearPage || view.Mode != mode)) view = view.Next;
        if (view != null) _last = view;
        return view;
    }

    private static int Bucket(ulong linearPage, int mode, int buckets)
    {
        const ulong golden = 0x9E3779B97F4A7C15; // 2⁶⁴ divided by the golden ratio: neighbours are scattered
        return (int)((((linearPage * golden) >> 32) + (ulong)mode) & (ulong)(buckets - 1));
    }

    private static void Put(View?[] buckets, View view)
    {
        ref var first = ref buckets[Bucket(view.LinearPage, view.Mode, buckets.Length)];
        view.Next = first;
        first = view;
    }

    private void Grow()
    {
        var buckets = new View?[4 * _views.Length];
        foreach (var first in _views)
        {
            for (var view = first; view != null;)
            {
                var next = view.Next;
                Put(buckets, view);
                view = next;
            }
        }

        _views = buckets;
    }

    /// <summary>The blocks of the page at one linear address, for one mode: a hash table, chained through the blocks.</summary>
    private sealed class View(ulong linearPage, int mode)
    {
        private TranslatedBlock?[] _buckets = new TranslatedBlock?[4]; // a power of two, and more than half as many as there are blocks
        private Starts _starts; // by eight bytes, whether a block begins there, or began

        public ulong LinearPage => linearPage;

        public int Mode => mode;

        public int Count { get; private set; }

        /// <summary>Another view in the same bucket.</summary>
        public View? Next;

        public IEnumerable<TranslatedBlock> Blocks
        {
            get
            {
                foreach (var first in _buckets)
                    for (var block = first; block != null; block = block.NextInPage) yield return block;
            }
        }

        public TranslatedBlock? Find(ulong linear)
        {
            if ((_starts[(int)(linear >> 9) & 7] & StartBit(linear)) == 0) return null;
            var block = _buckets[Bucket(linear, _buckets.Length)];
            while (block != null && block.Linear != linear) block = block.NextInPage;
            return block;
        }

        public void Add(TranslatedBlock block)
        {
            if (Count++ == 2 * _buckets.Length) Grow();
            Put(_buckets, block);
            _starts[(int)(block.Linear >> 9) & 7] |= StartBit(block.Linear);
        }

        public bool Remove(TranslatedBlock block)
        {
            ref var link = ref _buckets[Bucket(block.Linear, _buckets.Length)];
            while (link != null && link != block) link = ref link.NextInPage;
            if (link == null) return false;
            link = block.NextInPage;
            block.NextInPage = null;
            Count--;
            return true;
        }

        private static ulong StartBit(ulong linear) => 1ul << ((int)(linear >> 3) & 63);

        private static int Bucket(ulong linear, int buckets) => (int)(((linear >> 2) ^ (linear >> 7)) & (ulong)(buckets - 1));

        private static void Put(TranslatedBlock?[] buckets, TranslatedBlock block)
        {
            ref var first = ref buckets[Bucket(block.Linear, buckets.Length)];
            block.NextInPage = first;
            first = block;
        }

        private void Grow()
        {
            var buckets = new TranslatedBlock?[4 * _buckets.Length];
            foreach (var first in _buckets)
            {
                for (var block = first; block != null;)
                {
                    var next = block.NextInPage;
                    Put(buckets, block);
                    block = next;
                }
            }

            _buckets = buckets;
        }
    }

    [InlineArray(8)]
    private struct Starts
    {
        private ulong _first;
    }
}
