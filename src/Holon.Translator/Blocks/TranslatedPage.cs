using System.Runtime.CompilerServices;
using Holon.Memory;

namespace Holon.Translator.Blocks;

/// <summary>The blocks made from one physical page, and which 64-byte pieces of it they, or what was looked at for them, come from.</summary>
/// <remarks>A page of a library has blocks for each address at which some process has mapped it, so there may be thousands: they are in a hash table, chained through the blocks.</remarks>
internal sealed class TranslatedPage
{
    private TranslatedBlock?[] _buckets = new TranslatedBlock?[8]; // a power of two, and more than half as many as there are blocks
    private int _count;
    private ulong _granules;
    private Starts _starts; // by eight bytes of the page, whether a block begins there: decoding asks at each instruction, and mostly none does

    /// <summary>The blocks.</summary>
    public IEnumerable<TranslatedBlock> Blocks
    {
        get
        {
            foreach (var first in _buckets)
                for (var block = first; block != null; block = block.NextInPage) yield return block;
        }
    }

    /// <summary>Whether no block has anything of this page.</summary>
    public bool IsEmpty => _count == 0 && Guests.Count == 0;

    /// <summary>The block at a linear address, or null.</summary>
    public TranslatedBlock? Find(ulong linear, int mode)
    {
        if ((_starts[(int)(linear >> 9) & 7] & StartBit(linear)) == 0) return null;
        var block = _buckets[Bucket(linear, mode, _buckets.Length)];
        while (block != null && (block.Linear != linear || block.Mode != mode)) block = block.NextInPage;
        return block;
    }

    /// <summary>Adds a block, for which there is none yet.</summary>
    public void Add(TranslatedBlock block)
    {
        if (_count++ == 2 * _buckets.Length) Grow();
        Put(_buckets, block);
        _starts[(int)(block.Linear >> 9) & 7] |= StartBit(block.Linear);
        MarkCode((int)(block.Physical & 0xFFF), block.GuestBytes);
    }

    /// <summary>Blocks of other pages whose instruction ends in this one.</summary>
    public List<TranslatedBlock> Guests { get; } = [];

    /// <summary>Removes a block, if it is there.</summary>
    public void Remove(TranslatedBlock block)
    {
        ref var link = ref _buckets[Bucket(block.Linear, block.Mode, _buckets.Length)];
        while (link != null && link != block) link = ref link.NextInPage;
        if (link == null) return;
        link = block.NextInPage;
        block.NextInPage = null;
        _count--;
    }

    /// <summary>Notes that code was read from a range of the page.</summary>
    public void MarkCode(int offset, int length) => _granules |= CodePageMap.PiecesOf(offset, length);

    /// <summary>Whether code was read from a range of the page.</summary>
    public bool Overlaps(int offset, int length) => (_granules & CodePageMap.PiecesOf(offset, length)) != 0;

    private static ulong StartBit(ulong linear) => 1ul << ((int)(linear >> 3) & 63);

    private static int Bucket(ulong linear, int mode, int buckets)
    {
        const ulong golden = 0x9E3779B97F4A7C15; // 2⁶⁴ divided by the golden ratio: neighbours are scattered
        return (int)((((linear * golden) >> 32) + (ulong)mode) & (ulong)(buckets - 1));
    }

    private static void Put(TranslatedBlock?[] buckets, TranslatedBlock block)
    {
        ref var first = ref buckets[Bucket(block.Linear, block.Mode, buckets.Length)];
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

    [InlineArray(8)]
    private struct Starts
    {
        private ulong _first;
    }
}
