using Holon.Memory;

namespace Holon.Translator.Blocks;

/// <summary>The blocks made from one physical page, and which 64-byte pieces of it they, or what was looked at for them, come from.</summary>
internal sealed class TranslatedPage
{
    private readonly Dictionary<(ulong Linear, int Mode), TranslatedBlock> _blocks = [];
    private ulong _granules;

    /// <summary>The blocks.</summary>
    public IEnumerable<TranslatedBlock> Blocks => _blocks.Values;

    /// <summary>The block at a linear address, or null.</summary>
    public TranslatedBlock? Find(ulong linear, int mode) => _blocks.TryGetValue((linear, mode), out var block) ? block : null;

    /// <summary>Adds a block.</summary>
    public void Add(TranslatedBlock block)
    {
        _blocks[(block.Linear, block.Mode)] = block;
        MarkCode((int)(block.Physical & 0xFFF), block.GuestBytes);
    }

    /// <summary>Blocks of other pages whose instruction ends in this one.</summary>
    public List<TranslatedBlock> Guests { get; } = [];

    /// <summary>Removes a block.</summary>
    public void Remove(TranslatedBlock block) => _blocks.Remove((block.Linear, block.Mode));

    /// <summary>Notes that code was read from a range of the page.</summary>
    public void MarkCode(int offset, int length) => _granules |= CodePageMap.PiecesOf(offset, length);

    /// <summary>Whether code was read from a range of the page.</summary>
    public bool Overlaps(int offset, int length) => (_granules & CodePageMap.PiecesOf(offset, length)) != 0;
}
