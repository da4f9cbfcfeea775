using Holon.X86;

namespace Holon.Oracle.Comparison;

/// <summary>RFLAGS for people.</summary>
internal static class FlagText
{
    private static readonly (ulong Bit, string Name)[] _names =
    [
        (Rflags.CF, "CF"), (Rflags.PF, "PF"), (Rflags.AF, "AF"), (Rflags.ZF, "ZF"), (Rflags.SF, "SF"), (Rflags.OF, "OF"), (Rflags.DF, "DF"),
        (Rflags.NT, "NT"), (Rflags.AC, "AC"), (Rflags.ID, "ID"),
    ];

    public static string Describe(ulong flags)
    {
        var names = _names.Where(flag => (flags & flag.Bit) != 0).Select(flag => flag.Name);
        return $"[{string.Join(' ', names)}]";
    }
}
