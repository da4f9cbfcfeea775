namespace Holon.X86;

/// <summary>Bits of RFLAGS (SDM vol. 1 §3.4.3).</summary>
public static class Rflags
{
    /// <summary>Status flags.</summary>
    public const ulong CF = 1, PF = 1 << 2, AF = 1 << 4, ZF = 1 << 6, SF = 1 << 7, OF = 1 << 11;

    /// <summary>Control and system flags.</summary>
    public const ulong TF = 1 << 8, IF = 1 << 9, DF = 1 << 10, Iopl = 3 << 12, NT = 1 << 14, RF = 1 << 16, VM = 1 << 17, AC = 1 << 18, Vif = 1 << 19, Vip = 1 << 20, ID = 1 << 21;

    /// <summary>The bit that is always one.</summary>
    public const ulong Fixed = 2;

    /// <summary>All six status flags.</summary>
    public const ulong Status = CF | PF | AF | ZF | SF | OF;
}

/// <summary>Bits of CR0 (SDM vol. 3 §2.5).</summary>
public static class Cr0
{
    /// <summary>The defined bits.</summary>
    public const ulong PE = 1, MP = 1 << 1, EM = 1 << 2, TS = 1 << 3, ET = 1 << 4, NE = 1 << 5, WP = 1 << 16, AM = 1 << 18, NW = 1 << 29, CD = 1 << 30, PG = 1ul << 31;
}

/// <summary>Bits of CR4 (SDM vol. 3 §2.5).</summary>
public static class Cr4
{
    /// <summary>The bits that the processor presented has.</summary>
    public const ulong Vme = 1, Pvi = 1 << 1, Tsd = 1 << 2, De = 1 << 3, Pse = 1 << 4, Pae = 1 << 5, Mce = 1 << 6, Pge = 1 << 7, Pce = 1 << 8,
        Osfxsr = 1 << 9, Osxmmexcpt = 1 << 10, Umip = 1 << 11, Fsgsbase = 1 << 16, Pcide = 1 << 17, Osxsave = 1 << 18, Smep = 1 << 20, Smap = 1 << 21;
}

/// <summary>Bits of IA32_EFER (SDM vol. 3 §2.2.1).</summary>
public static class Efer
{
    /// <summary>The defined bits.</summary>
    public const ulong Sce = 1, Lme = 1 << 8, Lma = 1 << 10, Nxe = 1 << 11;
}

/// <summary>Exception vectors (SDM vol. 3, table 6-1).</summary>
public enum ExceptionVector : byte
{
    /// <summary>#DE.</summary>
    DivideError = 0,

    /// <summary>#DB.</summary>
    Debug = 1,

    /// <summary>NMI.</summary>
    Nmi = 2,

    /// <summary>#BP.</summary>
    Breakpoint = 3,

    /// <summary>#OF.</summary>
    Overflow = 4,

    /// <summary>#BR.</summary>
    BoundRange = 5,

    /// <summary>#UD.</summary>
    InvalidOpcode = 6,

    /// <summary>#NM.</summary>
    DeviceNotAvailable = 7,

    /// <summary>#DF.</summary>
    DoubleFault = 8,

    /// <summary>#TS.</summary>
    InvalidTss = 10,

    /// <summary>#NP.</summary>
    SegmentNotPresent = 11,

    /// <summary>#SS.</summary>
    StackFault = 12,

    /// <summary>#GP.</summary>
    GeneralProtection = 13,

    /// <summary>#PF.</summary>
    PageFault = 14,

    /// <summary>#MF.</summary>
    FloatingPoint = 16,

    /// <summary>#AC.</summary>
    AlignmentCheck = 17,

    /// <summary>#MC.</summary>
    MachineCheck = 18,

    /// <summary>#XM.</summary>
    SimdFloatingPoint = 19,
}
