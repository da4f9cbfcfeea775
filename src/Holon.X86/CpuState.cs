using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Holon.X86;

/// <summary>
/// The whole architectural state of one x86-64 logical processor, in one blittable block. Every engine gives and takes
/// exactly this, so a vCPU can change engines between any two instructions, be saved, compared and sent elsewhere.
/// </summary>
/// <remarks>
/// Engines keep it in native memory and address it by byte offset, hence the fixed layout: what is touched most comes first.
/// Register numbers follow the instruction encoding: RAX RCX RDX RBX RSP RBP RSI RDI R8–R15.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct CpuState
{
    /// <summary>General registers by encoding number.</summary>
    public fixed ulong Gpr[16];

    /// <summary>Instruction pointer: an offset into CS, which in 64-bit mode is the linear address.</summary>
    public ulong Rip;

    /// <summary>RFLAGS; bit 1 always set.</summary>
    public ulong Rflags;

    /// <summary>Segment registers by encoding number: ES CS SS DS FS GS.</summary>
    public SegmentRegisters Segments;

    /// <summary>LDTR and TR, with their hidden parts.</summary>
    public Segment Ldtr, Tr;

    /// <summary>GDTR and IDTR.</summary>
    public DescriptorTable Gdtr, Idtr;

    /// <summary>Control registers. CR8 lives in the local APIC.</summary>
    public ulong Cr0, Cr2, Cr3, Cr4;

    /// <summary>Extended control register 0: which state XSAVE manages.</summary>
    public ulong Xcr0;

    /// <summary>Debug registers; DR4 and DR5 alias DR6 and DR7 and stay unused.</summary>
    public fixed ulong Dr[8];

    /// <summary>IA32_EFER.</summary>
    public ulong Efer;

    /// <summary>SYSCALL and SYSENTER target registers.</summary>
    public ulong Star, Lstar, Cstar, FmaskMsr, KernelGsBase, SysenterCs, SysenterEsp, SysenterEip;

    /// <summary>Other model-specific registers with plain storage.</summary>
    public ulong Pat, TscAux, MiscEnable, SpecCtrl, ApicBase, TscAdjust, Xss;

    /// <summary>Added to the machine's TSC to get the guest's.</summary>
    public ulong TscOffset;

    /// <summary>YMM registers, 32 bytes each; XMM is the low half.</summary>
    public fixed byte Ymm[16 * 32];

    /// <summary>x87 data registers R0–R7 by physical number (not relative to TOP), 16 bytes each, of which 10 are used. MM0–MM7 are the low 8 bytes.</summary>
    public fixed byte X87[8 * 16];

    /// <summary>SSE control and status.</summary>
    public uint Mxcsr;

    /// <summary>x87 control, status (with TOP in bits 11–13) and full two-bit tag word.</summary>
    public ushort FpuControl, FpuStatus, FpuTag;

    /// <summary>Opcode of the last x87 instruction, 11 bits.</summary>
    public ushort FpuOpcode;

    /// <summary>Address of the last x87 instruction and of its operand, with their selectors.</summary>
    public ulong FpuInstructionPointer, FpuDataPointer;

    /// <summary>Selectors of <see cref="FpuInstructionPointer"/> and <see cref="FpuDataPointer"/>.</summary>
    public ushort FpuInstructionSelector, FpuDataSelector;

    /// <summary>What the processor is doing besides executing.</summary>
    public VcpuActivity Activity;

    /// <summary>Interrupts that are held back for one instruction, and NMI blocking.</summary>
    public InterruptShadow Shadow;

    /// <summary>The register state after RESET (SDM vol. 3, table 10-1).</summary>
    /// <param name="signature">The processor's signature, which reset leaves in EDX.</param>
    public void Reset(uint signature)
    {
        this = default;
        Gpr[2] = signature;
        Rip = 0xFFF0;
        Rflags = 2;
        for (var i = 0; i < 6; i++) Segments[i] = Segment.RealMode(0);
        Segments[SegmentRegisters.Cs] = Segment.RealMode(0xF000) with { Base = 0xFFFF0000, Attributes = SegmentAttributes.RealModeCode };
        Ldtr = new Segment(0, 0, 0xFFFF, SegmentAttributes.Present | (SegmentAttributes)0x2);
        Tr = new Segment(0, 0, 0xFFFF, SegmentAttributes.Present | (SegmentAttributes)0xB);
        Gdtr = Idtr = new DescriptorTable(0, 0xFFFF);
        Cr0 = 0x60000010;
        Dr[6] = 0xFFFF0FF0;
        Dr[7] = 0x400;
        Xcr0 = 1;
        Pat = 0x0007040600070406;
        MiscEnable = 1;
        Mxcsr = 0x1F80;
        FpuControl = 0x37F;
        FpuTag = 0xFFFF;
    }
}

/// <summary>What a logical processor is doing.</summary>
public enum VcpuActivity
{
    /// <summary>Executing instructions.</summary>
    Active,

    /// <summary>In HLT, until an interrupt.</summary>
    Halted,

    /// <summary>An application processor that waits for its start-up message.</summary>
    WaitForStartup,

    /// <summary>A triple fault happened; only a reset helps.</summary>
    Shutdown,
}

/// <summary>Conditions that hold interrupts back (SDM vol. 3 §6.8.3, §6.7.1).</summary>
[Flags]
public enum InterruptShadow
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The instruction before was STI that set IF.</summary>
    Sti = 1,

    /// <summary>The instruction before loaded SS.</summary>
    MovSs = 2,

    /// <summary>An NMI is being handled: no further one until IRET.</summary>
    Nmi = 4,
}

/// <summary>GDTR or IDTR.</summary>
/// <param name="Base">Linear address of the table.</param>
/// <param name="Limit">Offset of its last byte.</param>
public readonly record struct DescriptorTable(ulong Base, ushort Limit);

/// <summary>The six segment registers, by encoding number.</summary>
[InlineArray(6)]
public struct SegmentRegisters
{
    /// <summary>Encoding numbers.</summary>
    public const int Es = 0, Cs = 1, Ss = 2, Ds = 3, Fs = 4, Gs = 5;

    private Segment _first;
}
