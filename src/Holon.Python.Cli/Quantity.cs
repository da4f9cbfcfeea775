using System.Globalization;
using Holon.Machines;

namespace Holon.Python.Cli;

/// <summary>Durations, sizes and counts as people write them.</summary>
internal static class Quantity
{
    public static TimeSpan Time(string text)
    {
        var unit = text.EndsWith("ms", StringComparison.Ordinal) ? 0.001 : text.EndsWith('m') ? 60 : 1;
        return double.TryParse(text.TrimEnd('m', 's'), CultureInfo.InvariantCulture, out var value) && value is > 0 and < 1e9 ? TimeSpan.FromSeconds(value * unit) : throw new HolonException($"--limit-time takes a duration such as 5s, not '{text}'.");
    }

    public static long Memory(string text)
    {
        var unit = char.ToUpperInvariant(text.Length > 0 ? text[^1] : '0') switch { 'K' => 1L << 10, 'M' => 1L << 20, 'G' => 1L << 30, _ => 1 };
        return long.TryParse(unit == 1 ? text : text[..^1], CultureInfo.InvariantCulture, out var value) && value > 0 && value < long.MaxValue / unit ? value * unit : throw new HolonException($"--limit-memory takes a size such as 128M, not '{text}'.");
    }

    public static long Count(string option, string text) =>
        long.TryParse(text, CultureInfo.InvariantCulture, out var value) && value > 0 ? value : throw new HolonException($"{option} takes a number above zero, not '{text}'.");
}
