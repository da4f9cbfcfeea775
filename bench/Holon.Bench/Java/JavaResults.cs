using System.Text.Json.Serialization;

namespace Holon.Bench.Java;

/// <summary>What a run of the benchmark found; null is what was not measured or failed.</summary>
internal sealed class JavaResults
{
    /// <summary>A program on the five engines: Holon, C2, C1, Holon interpreting, HotSpot interpreting.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Result">"right", "wrong", or who failed.</param>
    /// <param name="Milliseconds">The time on each; none when one failed.</param>
    /// <param name="TimesMemory">Holon's peak of resident memory over that of HotSpot with C2.</param>
    internal sealed record Program(string Name, string Result, double[] Milliseconds, double TimesMemory)
    {
        public Program(string name, string failure)
            : this(name, failure, [], 0)
        {
        }

        [JsonIgnore]
        public double TimesC2 => Milliseconds[0] / Milliseconds[1];

        [JsonIgnore]
        public double TimesC1 => Milliseconds[0] / Milliseconds[2];

        [JsonIgnore]
        public double TimesInterpreter => Milliseconds[3] / Milliseconds[4];
    }

    /// <summary>The same quantity on both.</summary>
    internal sealed record Pair(double Holon, double HotSpot)
    {
        public double Ratio => Holon / HotSpot;
    }

    public List<Program> Kernels { get; init; } = [];

    public List<Program>? AreWeFastYet { get; set; }

    /// <summary>Seconds from the start of a process that says hello to its end.</summary>
    public Pair? Start { get; set; }

    /// <summary>Seconds that javac takes for 300 files.</summary>
    public Pair? Compiler { get; set; }

    /// <summary>Its peak of resident memory.</summary>
    public Pair? CompilerMegabytes { get; set; }

    /// <summary>Whether both wrote the same class files; null when large programs were not asked for.</summary>
    public bool? SameClassFiles { get; set; }

    /// <summary>What the same live data take of the heap.</summary>
    public Pair? HeapMegabytes { get; set; }

    /// <summary>Whether nothing failed and every result was HotSpot's; what was not asked for does not count.</summary>
    [JsonIgnore]
    public bool IsRight => Kernels.Concat(AreWeFastYet ?? []).All(p => p.Result == "right") && (SameClassFiles == null || SameClassFiles == true && Start != null && HeapMegabytes != null);
}
