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
    private readonly Dictionary<ulong, View> _views = []; // by linear page and mode
    private View? _last;
    private ulong _granules;

    /// <summary>The blocks.</summary>
    public IEnumerable<TranslatedBlock> Blocks
    {
        get
        {
            foreach (var view in _views.Values)
                foreach (var block in view.Blocks) yield return block;
        }
    }

    /// <summary>Whether no block has anything of this page.</summary>
    public bool IsEmpty => _views.Count == 0 && Guests.Count == 0;

    /// <summary>Blocks of other pages whose instruction ends in this one.</summary>
    public List<TranslatedBlock> Guests { get; } = [];

    /// <summary>The block at a linear address, or null.</summary>
    public TranslatedBlock? Find(ulong linear, int mode) => ViewOf(KeyOf(linear, mode))?.Find(linear);

    /// <summary>Adds a block, for which there is none yet.</summary>
    public void Add(TranslatedBlock block)
    {
        var key = KeyOf(block.Linear, block.Mode);
        var view = ViewOf(key);
        if (view == null) _views.Add(key, view = _last = new View(key));
        view.Add(block);
        MarkCode((int)(block.Physical & 0xFFF), block.GuestBytes);
    }

    /// <summary>Removes a block, if it is there.</summary>
    public void Remove(TranslatedBlock block)
    {
        var key = KeyOf(block.Linear, block.Mode);
        if (ViewOf(key) is not { } view || !view.Remove(block) || view.Count > 0) return;
        _views.Remove(key);
        _last = null;
    }

    /// <summary>Notes that code was read from a range of the page.</summary>
    public void MarkCode(int offset, int length) => _granules |= CodePageMap.PiecesOf(offset, length);

    /// <summary>Whether code was read from a range of the page.</summary>
    public bool Overlaps(int offset, int length) => (_granules & CodePageMap.PiecesOf(offset, length)) != 0;

    /// <summary>Linear page, of 52 bits, and mode in one.</summary>
    private static ulong KeyOf(ulong linear, int mode) => (linear >> 12 << 4) | (uint)mode;

    private View? ViewOf(ulong key)
    {
        if (_last is { } last && last.Key == key) return last;
        if (!_views.TryGetValue(key, out var view)) return null;
        _last = view;
        return view;
    }

    /// <summary>The blocks of the page at one linear address, for one mode: a hash table, chained through the blocks.</summary>
    private sealed class View(ulong key)
    {
        private TranslatedBlock?[] _buckets = new TranslatedBlock?[4]; // a power of two, and more than half as many as there are blocks
        private Starts _starts; // by eight bytes, whether a block begins there, or began

        public ulong Key => key;

        public int Count { get; private set; }

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
