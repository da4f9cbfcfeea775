namespace Holon.Translator.Blocks;

/// <summary>Host code made from a run of guest instructions, and how it is tied to other blocks.</summary>
internal sealed unsafe class TranslatedBlock
{
    /// <summary>Linear and physical address of the first guest instruction.</summary>
    public required ulong Linear, Physical;

    /// <summary>See <see cref="TranslationMode"/>.</summary>
    public required int Mode;

    /// <summary>Bytes of guest code.</summary>
    public int GuestBytes;

    /// <summary>Guest instructions.</summary>
    public int Instructions;

    /// <summary>Entries that look for interrupts first, and entries that do not; with the status flags in the host's flags, or in the context.</summary>
    public byte* PollHost, PollMemory, EnterMemory, EnterHost;

    /// <summary>For an instruction across two pages: where the generation that it holds for is compared, and the physical address of its second page.</summary>
    public byte* Generation;

    /// <inheritdoc cref="Generation"/>
    public ulong SecondPage;

    /// <summary>Where the host code ends, but for what is seldom executed.</summary>
    public byte* CodeEnd;

    /// <summary>First and last exit of this block, by number in the <see cref="ExitTable"/>, where they are chained; -1 for none.</summary>
    public int FirstExit = -1, LastExit = -1;

    /// <summary>The first exit of a block, this one perhaps, that jumps here directly; chained likewise.</summary>
    public int FirstIncoming = -1;

    /// <summary>Another block of the same <see cref="TranslatedPage"/>.</summary>
    public TranslatedBlock? NextInPage;

    /// <summary>It looks at the status flags as they are on entry, or they may be looked at after it.</summary>
    public bool NeedsFlags;

    /// <summary>Translated as code that is executed often: see <see cref="HotCode"/>.</summary>
    public bool IsHot;

    /// <summary>Which counter it adds to each time it runs; -1 for none.</summary>
    public int RunCounter = -1;

    /// <summary>The piece of the code memory that it is in.</summary>
    public CodeSegments.Segment? Segment;

    /// <summary>No longer reachable.</summary>
    public bool IsDropped;
}

/// <summary>Why translated code came back to managed code; larger numbers are <see cref="FirstLink"/> plus the number of an exit.</summary>
internal enum ExitKind : uint
{
    /// <summary>To find the code at RIP.</summary>
    Lookup = 0,

    /// <summary>To interpret the instruction at RIP.</summary>
    Interpret = 1,

    /// <summary>To look at events.</summary>
    Events = 2,

    /// <summary>The processor shut down.</summary>
    Shutdown = 3,

    /// <summary>Managed code failed; the exception waits.</summary>
    Failure = 4,

    /// <summary>To find the code at RIP and jump there directly the next time.</summary>
    FirstLink = 16,
}
