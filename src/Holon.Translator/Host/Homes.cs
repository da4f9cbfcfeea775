namespace Holon.Translator.Host;

/// <summary>Where guest general registers live while translated code runs (docs/translator.md, "Registers").</summary>
internal static class Homes
{
    /// <summary>Scratch: the address of a memory operand. Its low three bits are 6, so [Address] needs neither SIB nor displacement.</summary>
    public const int Address = 14;

    /// <summary>Scratch: everything else.</summary>
    public const int Scratch = 13;

    /// <summary>The host register that is the guest's RSP; the host's own RSP is never the guest's, since signals push onto it.</summary>
    public const int StackPointer = 15;

    /// <summary>Not in a host register but in the context.</summary>
    public const int InContext = -1;

    private static readonly sbyte[] _homes = [0, 1, 2, 3, StackPointer, 5, 6, 7, 8, 9, 10, 11, 12, InContext, InContext, InContext];

    /// <summary>The host register of a guest register, or <see cref="InContext"/>.</summary>
    public static int Of(int guest) => _homes[guest];

    /// <summary>Guest registers that live in host registers, in encoding order.</summary>
    public static ReadOnlySpan<byte> InRegisters => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
}
