namespace Holon.X86;

/// <summary>A segment register with its hidden part (SDM vol. 3 §3.4.3).</summary>
/// <param name="Base">Linear address of its first byte.</param>
/// <param name="Selector">The visible selector.</param>
/// <param name="Limit">Offset of the last byte, granularity applied.</param>
/// <param name="Attributes">Type and access rights, as bytes 5 and 6 of the descriptor hold them.</param>
public readonly record struct Segment(ulong Base, ushort Selector, uint Limit, SegmentAttributes Attributes)
{
    /// <summary>Descriptor privilege level.</summary>
    public int Dpl => ((int)Attributes >> 5) & 3;

    /// <summary>Descriptor type, 4 bits.</summary>
    public int Type => (int)Attributes & 0xF;

    /// <summary>True when the register holds a usable segment; a null selector is not.</summary>
    public bool IsUsable => (Attributes & SegmentAttributes.Present) != 0;

    /// <summary>True for code and data, false for system descriptors.</summary>
    public bool IsCodeOrData => (Attributes & SegmentAttributes.CodeOrData) != 0;

    /// <summary>True for a code segment.</summary>
    public bool IsCode => IsCodeOrData && (Type & 8) != 0;

    /// <summary>True for a code segment that lower privilege may call without changing it.</summary>
    public bool IsConforming => (Type & 4) != 0;

    /// <summary>True for a data segment that grows down.</summary>
    public bool IsExpandDown => IsCodeOrData && (Type & 0xC) == 4;

    /// <summary>True for writable data.</summary>
    public bool IsWritable => IsCodeOrData && (Type & 0xA) == 2;

    /// <summary>True for data or for readable code.</summary>
    public bool IsReadable => IsCodeOrData && (Type & 0xA) != 8;

    /// <summary>L: 64-bit code.</summary>
    public bool IsLong => (Attributes & SegmentAttributes.Long) != 0;

    /// <summary>D/B: 32-bit code or stack.</summary>
    public bool IsBig => (Attributes & SegmentAttributes.Big) != 0;

    /// <summary>A segment as real mode sees it: base from the selector, 64 KiB, writable data.</summary>
    public static Segment RealMode(ushort selector) => new((ulong)selector << 4, selector, 0xFFFF, SegmentAttributes.RealModeData);

    /// <summary>The hidden part that a descriptor in memory describes (SDM vol. 3 §3.4.5).</summary>
    public static Segment FromDescriptor(ushort selector, ulong descriptor)
    {
        var attributes = (SegmentAttributes)((descriptor >> 40) & 0xF0FF);
        var limit = (uint)((descriptor & 0xFFFF) | ((descriptor >> 32) & 0xF0000));
        if ((attributes & SegmentAttributes.Granular) != 0) limit = (limit << 12) | 0xFFF;
        return new Segment(((descriptor >> 16) & 0xFFFFFF) | ((descriptor >> 32) & 0xFF000000), selector, limit, attributes);
    }
}

/// <summary>Access rights of a segment: bits 40–47 of the descriptor in bits 0–7, bits 52–55 in bits 12–15.</summary>
[Flags]
public enum SegmentAttributes : ushort
{
    /// <summary>No rights: an unusable segment.</summary>
    None = 0,

    /// <summary>For code and data: it was loaded once.</summary>
    Accessed = 1,

    /// <summary>S: code or data, not a system descriptor.</summary>
    CodeOrData = 1 << 4,

    /// <summary>P.</summary>
    Present = 1 << 7,

    /// <summary>AVL.</summary>
    Available = 1 << 12,

    /// <summary>L: 64-bit code.</summary>
    Long = 1 << 13,

    /// <summary>D/B: 32-bit.</summary>
    Big = 1 << 14,

    /// <summary>G: limit counts 4 KiB units.</summary>
    Granular = 1 << 15,

    /// <summary>Present, accessed, writable data: what reset leaves.</summary>
    RealModeData = Present | CodeOrData | 3,

    /// <summary>Present, accessed, readable code: what reset leaves in CS.</summary>
    RealModeCode = Present | CodeOrData | 0xB,
}
