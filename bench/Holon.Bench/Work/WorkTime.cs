using System.Globalization;

namespace Holon.Bench.Work;

/// <summary>What a task took, as the guest's script printed it.</summary>
/// <param name="Name">The task; <c>speed-…</c> work for a fixed time, and their result is how much they did in a second.</param>
/// <param name="Seconds">The time it took.</param>
/// <param name="Result">What it computed, in one word.</param>
internal sealed record WorkTime(string Name, double Seconds, string Result)
{
    private bool IsSpeed => Name.StartsWith("speed-", StringComparison.Ordinal);

    /// <summary>How much is done in a second: of whatever, but the same in all emulators.</summary>
    public double Rate => !IsSpeed ? 1 / Seconds
        : double.TryParse(Result.Trim('_').Split(':', '_')[0], CultureInfo.InvariantCulture, out var rate) ? rate
        : double.NaN;

    /// <summary>A rate of this task for people.</summary>
    public string Text(double rate) => !IsSpeed ? $"{1 / rate:F2} s" : rate >= 1e5 ? $"{rate / 1e6:F1} MB/s" : $"{rate:F1} /s";

    /// <summary>Reads <c>work NAME SECONDS RESULT</c>; other lines are shown, since they tell what went wrong.</summary>
    public static IReadOnlyList<WorkTime> Parse(string output)
    {
        List<WorkTime> times = [];
        foreach (var line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Split(' ') is ["work", var name, var seconds, var result]) times.Add(new WorkTime(name, Math.Max(0.005, double.Parse(seconds, CultureInfo.InvariantCulture)), result));
            else Console.Error.WriteLine($"guest: {line.TrimEnd()}");
        }

        return times;
    }
}
