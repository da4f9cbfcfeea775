using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Holon.Oracle;

/// <summary>What an instruction left behind. The layout is shared with Host/worker.c.</summary>
[StructLayout(LayoutKind.Sequential, Size = Size)]
public struct CaseResult
{
    /// <summary>Bytes of the structure.</summary>
    public const int Size = 1024 + 64 + WrittenCapacity;

    /// <summary>Most bytes of changed memory that a result carries.</summary>
    public const int WrittenCapacity = 1024;

    /// <summary>The vector that stands for an instruction that completed: the single-step trap.</summary>
    public const int Completed = 1;

    /// <summary>The vector that stands for a processor that did not come back from the instruction.</summary>
    public const int Lost = 0x100;

    /// <summary>The state afterwards. After a fault, RIP is the instruction's own address.</summary>
    public ProcessorImage After;

    /// <summary><see cref="Completed"/>, <see cref="Lost"/> or the exception's vector.</summary>
    public int Vector;

    /// <summary>The exception's error code; 0 when it has none.</summary>
    public uint ErrorCode;

    /// <summary>CR2 after a page fault.</summary>
    public ulong FaultAddress;

    /// <summary>The signal, for host runs.</summary>
    public int SignalNumber, SignalCode;

    /// <summary>Offset in the window of the smallest range that holds every byte changed by the instruction, and its length.</summary>
    public int WrittenStart, WrittenLength;

    private PaddingBytes _padding;

    /// <summary>That range's bytes, up to the capacity.</summary>
    public WrittenBytes Written;

    /// <summary>The bytes of <see cref="Written"/> that count.</summary>
    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    public readonly ReadOnlySpan<byte> WrittenSpan => ((ReadOnlySpan<byte>)Written)[..Math.Min(WrittenLength, WrittenCapacity)];

    [InlineArray(32)]
    private struct PaddingBytes
    {
        private byte _first;
    }
}

/// <summary>Room for changed memory.</summary>
[InlineArray(CaseResult.WrittenCapacity)]
public struct WrittenBytes
{
    private byte _first;
}
