namespace Holon.Translator.Guest;

/// <summary>How an instruction is translated.</summary>
internal enum InstructionKind : byte
{
    /// <summary>By the interpreter: it is rare, or must be exact in one place only.</summary>
    Interpret,

    /// <summary>As itself, with registers and memory operand exchanged.</summary>
    Copy,

    /// <summary>It does nothing that a guest could see.</summary>
    Nop,

    /// <summary>PAUSE: the host's, and now and then the host's scheduler.</summary>
    Pause,

    /// <summary>LEA: an address without an access.</summary>
    Lea,

    /// <summary>PUSH of a register, constant or memory.</summary>
    Push,

    /// <summary>POP of a register.</summary>
    Pop,

    /// <summary>LEAVE.</summary>
    Leave,

    /// <summary>DIV and IDIV of 32 and 64 bits: checked before, because the host must not fault.</summary>
    Divide,

    /// <summary>JMP with a constant target.</summary>
    Jump,

    /// <summary>Jcc.</summary>
    JumpIf,

    /// <summary>JMP through a register or memory.</summary>
    JumpIndirect,

    /// <summary>CALL with a constant target.</summary>
    Call,

    /// <summary>CALL through a register or memory.</summary>
    CallIndirect,

    /// <summary>RET.</summary>
    Return,

    /// <summary>CLI and STI.</summary>
    InterruptFlag,

    /// <summary>PUSHFQ and POPFQ.</summary>
    PushFlags,

    /// <summary>POPFQ.</summary>
    PopFlags,

    /// <summary>CLAC and STAC.</summary>
    AccessFlag,

    /// <summary>SWAPGS.</summary>
    SwapGs,

    /// <summary>MOV of a segment register to a general register or to memory.</summary>
    ReadSelector,

    /// <summary>RDFSBASE, RDGSBASE, WRFSBASE and WRGSBASE with 64 bits.</summary>
    SegmentBase,

    /// <summary>MOV of a control register to a general register.</summary>
    ReadControl,

    /// <summary>CLD.</summary>
    ClearDirection,

    /// <summary>RDTSC and RDTSCP.</summary>
    ReadTimeStamp,

    /// <summary>IRETQ.</summary>
    InterruptReturn,

    /// <summary>BT, BTS, BTR and BTC of memory by a register.</summary>
    BitString,

    /// <summary>FLDCW and LDMXCSR: only values that mask every exception go to the host's units.</summary>
    LoadControl,

    /// <summary>SYSCALL.</summary>
    Syscall,

    /// <summary>SYSRETQ.</summary>
    Sysret,

    /// <summary>MOVS and STOS with a REP prefix and 64-bit addresses.</summary>
    RepeatedString,
}

/// <summary>Which parts of an encoding name general registers, and what must be seen to around a copied instruction.</summary>
[Flags]
internal enum Traits : ushort
{
    None = 0,

    /// <summary>ModRM.reg is a general register.</summary>
    RegIsGpr = 1,

    /// <summary>ModRM.rm is a general register when it is not memory.</summary>
    RmIsGpr = 2,

    /// <summary>VEX.vvvv is a general register.</summary>
    VvvvIsGpr = 4,

    /// <summary>The low bits of the opcode are a general register.</summary>
    OpcodeIsGpr = 8,

    /// <summary>ModRM.reg names a byte register.</summary>
    RegIsByte = 16,

    /// <summary>ModRM.rm or the opcode names a byte register.</summary>
    RmIsByte = 32,

    /// <summary>Its memory operand is written, or read and written.</summary>
    WritesMemory = 64,

    /// <summary>Its memory operand must be aligned to its size, or #GP.</summary>
    Aligned = 128,

    /// <summary>It uses XMM or YMM registers.</summary>
    Vector = 256,

    /// <summary>It uses the x87 or MMX registers.</summary>
    X87 = 512,

    /// <summary>It only reads its first operand.</summary>
    ReadsFirst = 1024,

    /// <summary>It writes its second operand too.</summary>
    WritesSecond = 2048,
}
