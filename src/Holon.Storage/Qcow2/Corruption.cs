using System.Globalization;
using Holon.Machines;

namespace Holon.Storage.Qcow2;

/// <summary>Sentences about qcow2 files that are not what they should be.</summary>
internal static class Corruption
{
    /// <summary>Something in the file is wrong.</summary>
    /// <param name="name">The file.</param>
    /// <param name="offset">Where in the file.</param>
    /// <param name="field">What is there.</param>
    /// <param name="problem">What is wrong with it, as the rest of a sentence.</param>
    public static HolonException At(string name, long offset, string field, string problem) => new(string.Create(
        CultureInfo.InvariantCulture,
        $"{name} is corrupt: the {field} at byte {offset} {problem}; holon disk check --repair all {name} shows and mends what can be mended."));

    /// <summary>The file is sound, but of a kind that cannot be opened.</summary>
    public static HolonException Unsupported(string name, string what, string advice) => new($"{name} {what}; {advice}.");
}
