using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Holon.Oracle;

/// <summary>
/// The user-mode register state before or after an instruction. x87, MMX, SSE and AVX state is an XSAVE image in the
/// standard format (SDM vol. 1 §13.4): ST0–ST7 relative to TOP, abridged tag word.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = Size)]
public struct ProcessorImage
{
    /// <summary>Bytes of the structure; Host/worker.c relies on it.</summary>
    public const int Size = 1024;

    /// <summary>Offsets in the legacy region (SDM vol. 1 §10.5.1).</summary>
    public const int StOffset = 32, XmmOffset = 160, HeaderOffset = 512, YmmHighOffset = 576;

    /// <summary>The XSAVE image.</summary>
    public XsaveArea Xsave;

    /// <summary>General registers by encoding number.</summary>
    public GeneralRegisters Gpr;

    /// <summary>Instruction pointer, flags and the bases of FS and GS.</summary>
    public ulong Rip, Rflags, FsBase, GsBase;

    /// <summary>ES CS SS DS FS GS. All null selectors count as 0: returning to user mode clears the others (SDM vol. 2, IRET).</summary>
    public Selectors Selectors;

    /// <summary>x87 control word.</summary>
    public ushort FpuControl
    {
        readonly get => Read<ushort>(0);
        set => Write(0, value);
    }

    /// <summary>x87 status word, with TOP.</summary>
    public ushort FpuStatus
    {
        readonly get => Read<ushort>(2);
        set => Write(2, value);
    }

    /// <summary>x87 abridged tags: bit i is set when physical register Ri is not empty.</summary>
    public byte FpuTags
    {
        readonly get => Read<byte>(4);
        set => Write(4, value);
    }

    /// <summary>SSE control and status.</summary>
    public uint Mxcsr
    {
        readonly get => Read<uint>(24);
        set => Write(24, value);
    }

    /// <summary>TOP of the x87 stack.</summary>
    public readonly int FpuTop => (FpuStatus >> 11) & 7;

    /// <summary>Bytes of an x87 register relative to TOP; 10 are used.</summary>
    [UnscopedRef]
    public Span<byte> St(int index) => Bytes.Slice(StOffset + (index * 16), 10);

    /// <summary>An XMM register.</summary>
    [UnscopedRef]
    public Span<byte> Xmm(int index) => Bytes.Slice(XmmOffset + (index * 16), 16);

    /// <summary>The upper half of a YMM register.</summary>
    [UnscopedRef]
    public Span<byte> YmmHigh(int index) => Bytes.Slice(YmmHighOffset + (index * 16), 16);

    /// <summary>The XSAVE image as bytes.</summary>
    [UnscopedRef]
    public Span<byte> Bytes => Xsave;

    /// <summary>The XSAVE image as bytes.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> ReadOnlyBytes => Xsave;

    /// <summary>Sets the header so that XRSTOR takes x87, SSE and AVX state from the image.</summary>
    public void SetAllInUse() => Write(HeaderOffset, 7ul);

    private readonly T Read<T>(int offset)
        where T : unmanaged
        => MemoryMarshal.Read<T>(((ReadOnlySpan<byte>)Xsave)[offset..]);

    private void Write<T>(int offset, T value)
        where T : unmanaged
        => MemoryMarshal.Write(((Span<byte>)Xsave)[offset..], in value);
}

/// <summary>The bytes of an XSAVE image with x87, SSE and AVX state.</summary>
[InlineArray(Length)]
public struct XsaveArea
{
    /// <summary>Legacy region, header and the upper halves of YMM0–YMM15.</summary>
    public const int Length = 832;

    private byte _first;
}

/// <summary>ES CS SS DS FS GS.</summary>
[InlineArray(6)]
public struct Selectors
{
    private ushort _first;
}

/// <summary>RAX RCX RDX RBX RSP RBP RSI RDI R8–R15.</summary>
[InlineArray(16)]
public struct GeneralRegisters
{
    private ulong _first;
}
