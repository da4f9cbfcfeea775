using System.Globalization;

namespace Holon.Bench.Engine;

/// <summary>What one kernel of <c>bench/guest/engine</c> took in one run.</summary>
/// <param name="Name">The kernel.</param>
/// <param name="Group">What it belongs to: see <see cref="KernelGroup"/>.</param>
/// <param name="Median">Nanoseconds an iteration, the median of its repeats.</param>
/// <param name="Best">The best of them.</param>
/// <param name="Checksum">Of a fixed number of iterations: the same wherever it runs.</param>
internal sealed record KernelTime(string Name, string Group, double Median, double Best, string Checksum)
{
    /// <summary>Reads the program's output: <c>kernel NAME GROUP ITERATIONS MEDIAN BEST CHECKSUM</c>; other lines are passed over.</summary>
    public static IReadOnlyList<KernelTime> Parse(string output) =>
    [
        .. from line in output.Split('\n')
           let words = line.Trim().Split(' ')
           where words is ["kernel", _, _, _, _, _, _]
           select new KernelTime(words[1], words[2], double.Parse(words[4], CultureInfo.InvariantCulture), double.Parse(words[5], CultureInfo.InvariantCulture), words[6]),
    ];
}
