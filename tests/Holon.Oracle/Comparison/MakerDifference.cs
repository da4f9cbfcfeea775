using Holon.Oracle.Host;
using Iced.Intel;

namespace Holon.Oracle.Comparison;

/// <summary>Makes two results of a case alike in what one difference concerns, and in nothing else.</summary>
/// <param name="test">The case.</param>
/// <param name="instruction">Its instruction.</param>
/// <param name="host">A copy of the host's result.</param>
/// <param name="engine">A copy of the engine's result.</param>
/// <returns>False when the case is none of the difference's; the copies are as before then.</returns>
internal delegate bool Reconciliation(in TestCase test, in Instruction instruction, ref CaseResult host, ref CaseResult engine);

/// <summary>A behaviour in which a maker's processors differ from Intel's, which Holon presents.</summary>
public sealed class MakerDifference
{
    internal MakerDifference(Maker maker, string name, string source, Reconciliation reconcile) =>
        (Maker, Name, Source, Reconcile) = (maker, name, source, reconcile);

    /// <summary>Whose processors.</summary>
    public Maker Maker { get; }

    /// <summary>What differs, for reports.</summary>
    public string Name { get; }

    /// <summary>Where it is written down.</summary>
    public string Source { get; }

    /// <summary>Recognizes a case of it.</summary>
    internal Reconciliation Reconcile { get; }
}
