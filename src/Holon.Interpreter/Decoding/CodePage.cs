using Holon.Memory;

namespace Holon.Interpreter.Decoding;

/// <summary>The blocks decoded from one physical page.</summary>
internal sealed unsafe class CodePage
{
    private readonly Dictionary<uint, nint> _blocks = [];

    /// <summary>Which 64-byte pieces of the page hold decoded code.</summary>
    public ulong Granules { get; private set; }

    public Block* Find(int offset, uint mode) => _blocks.TryGetValue(Key(offset, mode), out var block) ? (Block*)block : null;

    public void Add(Block* block)
    {
        _blocks[Key(block->PageOffset, block->Mode)] = (nint)block;
        MarkCode(block->PageOffset, block->Bytes);
    }

    public void MarkCode(int offset, int length) => Granules |= CodePageMap.PiecesOf(offset, length);

    public bool Overlaps(int offset, int length) => (Granules & CodePageMap.PiecesOf(offset, length)) != 0;

    /// <summary>Makes every block leave at its next op: one of them may be executing.</summary>
    public void Retire(Handler leave)
    {
        foreach (var block in _blocks.Values)
        {
            var first = Block.FirstOp((Block*)block);
            for (var op = first; op <= first + ((Block*)block)->Count; op++) op->Execute = leave;
        }

        _blocks.Clear();
        Granules = 0;
    }

    private static uint Key(int offset, uint mode) => (uint)offset | (mode << 12);
}
