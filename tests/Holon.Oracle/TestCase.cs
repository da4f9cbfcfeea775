using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Holon.Oracle;

/// <summary>One instruction to run once, and the state from which it runs. The layout is shared with Host/worker.c.</summary>
[StructLayout(LayoutKind.Sequential, Size = Size)]
public struct TestCase
{
    /// <summary>Bytes of the structure.</summary>
    public const int Size = 1664;

    /// <summary>Most bytes of the window that a case sets itself.</summary>
    public const int PatchCapacity = 576; // the legacy region and header of an XSAVE image

    /// <summary>The state; RIP is where the instruction lies in the code pages, possibly running out of them.</summary>
    public ProcessorImage Before;

    /// <summary>The instruction.</summary>
    public CodeBytes Code;

    /// <summary>Bytes of <see cref="Code"/> that are the instruction.</summary>
    public int CodeLength;

    /// <summary>How a processor is stopped after the instruction.</summary>
    public CaseFlags Flags;

    /// <summary>Address of the bytes in the window that this case replaces.</summary>
    public ulong PatchAddress;

    /// <summary>How many.</summary>
    public int PatchLength;

    private int _reserved;

    /// <summary>The bytes.</summary>
    public PatchBytes Patch;
}

/// <summary>How a processor is stopped after the instruction.</summary>
[Flags]
public enum CaseFlags
{
    /// <summary>By the INT3 that follows it.</summary>
    None = 0,

    /// <summary>By RFLAGS.TF: the instruction may go elsewhere. Not for repeated string instructions, which trap after one iteration, nor for PUSHF, which shows TF.</summary>
    SingleStep = 1,

    /// <summary>A repeated string instruction: an engine that executes one iteration a step is to be stepped until RIP moves on.</summary>
    Repeats = 2,
}

/// <summary>Room for the longest instruction.</summary>
[InlineArray(16)]
public struct CodeBytes
{
    private byte _first;
}

/// <summary>Room for a case's own memory content.</summary>
[InlineArray(TestCase.PatchCapacity)]
public struct PatchBytes
{
    private byte _first;
}
