using System.Runtime.InteropServices;

namespace Holon.Translator.Blocks;

/// <summary>Which block was made of the code at a physical address: a direct-mapped table in native memory that generated code looks into by itself.</summary>
internal sealed unsafe class BlockTable
{
    /// <summary>Entries, and log2 of an entry's size.</summary>
    public const int Entries = 65536, EntryShift = 5;

    /// <summary>Where an entry is: bits of the key times a constant.</summary>
    public const int Multiplier = unchecked((int)0x9E3779B1), HashShift = 20;

    private readonly Entry* _entries;

    /// <param name="memory">Zeroes.</param>
    public BlockTable(byte* memory) => _entries = (Entry*)memory;

    /// <summary>Under what a block is found; never zero.</summary>
    public static ulong KeyOf(ulong physical, int mode) => physical | ((ulong)(uint)(mode + 8) << 56);

    /// <summary>The code for a linear address whose physical address is known; null when it is not in the table.</summary>
    public byte* Find(ulong linear, ulong physical, int mode)
    {
        var key = KeyOf(physical, mode);
        var entry = EntryOf(key);
        return entry->Key == key && entry->Linear == linear ? entry->Target : null;
    }

    /// <summary>Enters a block.</summary>
    /// <param name="block">The block.</param>
    /// <param name="target">Where it is entered.</param>
    public void Add(TranslatedBlock block, byte* target)
    {
        var key = KeyOf(block.Physical, block.Mode);
        *EntryOf(key) = new Entry { Key = key, Linear = block.Linear, Target = target };
    }

    /// <summary>Takes a block out.</summary>
    public void Remove(TranslatedBlock block, byte* target)
    {
        var entry = EntryOf(KeyOf(block.Physical, block.Mode));
        if (entry->Target == target) *entry = default;
    }

    /// <summary>Forgets everything.</summary>
    public void Clear() => new Span<Entry>(_entries, Entries).Clear();

    private Entry* EntryOf(ulong key) => _entries + (int)(((key * unchecked((ulong)Multiplier)) >> HashShift) & (Entries - 1));

    [StructLayout(LayoutKind.Sequential, Size = 1 << EntryShift)]
    private struct Entry
    {
        public ulong Key, Linear;
        public byte* Target;
    }
}

/// <summary>What is known of a linear page of code, for generated code.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal struct CodePage
{
    /// <summary>Linear page, with mode and generation mixed in as in the tags of the jump cache.</summary>
    public ulong Tag;

    /// <summary>Physical page.</summary>
    public ulong Physical;
}

/// <summary>A direct exit to another page, for generated code: the link holds while the generation is the same.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal unsafe struct FarLink
{
    /// <summary>The code that it is linked to, as the jump cache has it; null while it is not linked.</summary>
    public byte* Target;

    /// <summary>The generation for which it holds; zero for none.</summary>
    public uint Generation;

    /// <summary>The exit's number.</summary>
    public int Number;

    /// <summary>Where fields are.</summary>
    public const int GenerationOffset = 8, NumberOffset = 12;
}
