namespace Holon.Interpreter.Tests.Cpu;

/// <summary>The operating mode that a <see cref="GuestProgram"/> starts in (SDM vol. 3 §2.2, §4.1.1).</summary>
public enum GuestMode
{
    /// <summary>Real-address mode.</summary>
    Real,

    /// <summary>32-bit protected mode without paging.</summary>
    Protected,

    /// <summary>32-bit protected mode with 32-bit paging and 4 MiB pages.</summary>
    Paging32,

    /// <summary>32-bit protected mode with PAE paging.</summary>
    Pae,

    /// <summary>64-bit mode with 4-level paging.</summary>
    Long,
}

/// <summary>Bits of a paging-structure entry (SDM vol. 3, tables 4-5 to 4-20).</summary>
[Flags]
public enum PageBits : ulong
{
    /// <summary>A page that is not there.</summary>
    None = 0,

    /// <summary>P.</summary>
    Present = 1,

    /// <summary>R/W.</summary>
    Writable = 2,

    /// <summary>U/S.</summary>
    User = 4,

    /// <summary>A.</summary>
    Accessed = 0x20,

    /// <summary>D.</summary>
    Dirty = 0x40,

    /// <summary>PS: the entry maps a page although it is not of the lowest level.</summary>
    Large = 0x80,

    /// <summary>G.</summary>
    Global = 0x100,

    /// <summary>XD.</summary>
    NoExecute = 1ul << 63,

    /// <summary>What the harness maps supervisor memory with.</summary>
    Kernel = Present | Writable,

    /// <summary>What the harness maps user memory with.</summary>
    UserPage = Present | Writable | User,
}
