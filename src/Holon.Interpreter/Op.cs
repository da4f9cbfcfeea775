using System.Runtime.InteropServices;

namespace Holon.Interpreter;

/// <summary>
/// One decoded guest instruction, ready to execute: its handler and its operands, with registers as byte offsets into
/// <see cref="VcpuContext"/>. 64 bytes, so that each sits in one cache line of the host.
/// </summary>
/// <remarks>
/// A handler executes the instruction and returns the op to go on with: <c>op + 1</c> for everything that does not branch,
/// the first op of another block of the same page, or null after it has set RIP itself, which ends the block.
/// A handler must not change architectural state before its last access that can fault.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Size = 64)]
public unsafe struct Op
{
    /// <summary>Executes this op.</summary>
    public delegate*<Interpreter, Op*, Op*> Execute;

    /// <summary>The immediate, sign- or zero-extended as the instruction defines; for near branches the target relative to the page.</summary>
    public ulong Immediate;

    /// <summary>Displacement of the memory operand.</summary>
    public long Displacement;

    /// <summary>For direct branches: the block at the target, once known and in the same page.</summary>
    public Block* Target;

    /// <summary>Byte offsets of the register operands, by operand position. <see cref="Reg3"/> also holds a second immediate.</summary>
    public ushort Reg0, Reg1, Reg2, Reg3;

    /// <summary>Byte offsets of base and index register of the memory operand; absent ones point to a zero.</summary>
    public ushort Base, Index;

    /// <summary>Offset of the instruction from the start of its page.</summary>
    public ushort PageOffset;

    /// <summary>Instructions that follow it in its block.</summary>
    public ushort Remaining;

    /// <summary>Iced's code of the instruction.</summary>
    public ushort Code;

    /// <summary>log2 of the index's scale.</summary>
    public byte Scale;

    /// <summary>How the memory operand's address is made.</summary>
    public AddressForm AddressForm;

    /// <summary>Encoding number of the memory operand's segment; SS for instructions that use the stack implicitly.</summary>
    public byte Segment;

    /// <summary>Bytes of the instruction.</summary>
    public byte Length;

    /// <summary>Prefixes that matter to the handler.</summary>
    public OpPrefixes Prefixes;

    /// <summary>For string and other implicit-operand instructions: address size in bytes, 2, 4 or 8.</summary>
    public byte AddressSize;

    /// <summary>Offset of the instruction after it from the start of the page.</summary>
    public readonly int NextOffset => PageOffset + Length;
}

/// <summary>How the address of a memory operand is made from its parts.</summary>
public enum AddressForm : byte
{
    /// <summary>64-bit mode, no segment base: the sum is the linear address.</summary>
    Flat64,

    /// <summary>64-bit mode with FS or GS base.</summary>
    Based64,

    /// <summary>64-bit mode with 32-bit addresses, perhaps with FS or GS base.</summary>
    Truncated64,

    /// <summary>32-bit addresses with segment base, limit and type checks.</summary>
    Segmented32,

    /// <summary>16-bit addresses with segment base, limit and type checks.</summary>
    Segmented16,
}

/// <summary>Prefixes that handlers look at.</summary>
[Flags]
public enum OpPrefixes : byte
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>F0.</summary>
    Lock = 1,

    /// <summary>F3.</summary>
    Rep = 2,

    /// <summary>F2.</summary>
    Repne = 4,

    /// <summary>The operand size is 16 bits.</summary>
    Operand16 = 8,

    /// <summary>The operand size is 32 bits.</summary>
    Operand32 = 16,

    /// <summary>The operand size is 64 bits.</summary>
    Operand64 = 32,

    /// <summary>The instruction was decoded as 64-bit code.</summary>
    LongMode = 64,
}

/// <summary>A run of decoded instructions within one page, entered at its first. The ops follow the header in memory.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
public unsafe struct Block
{
    /// <summary>Instructions in the block.</summary>
    public int Count;

    /// <summary>Bytes of guest code in the block.</summary>
    public int Bytes;

    /// <summary>Offset of the first byte from the start of the page.</summary>
    public int PageOffset;

    /// <summary>The mode it was decoded for.</summary>
    public uint Mode;

    /// <summary>The first op of a block.</summary>
    public static Op* FirstOp(Block* block) => (Op*)(block + 1);
}
