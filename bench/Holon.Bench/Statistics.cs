namespace Holon.Bench;

/// <summary>The few numbers that stand for many.</summary>
internal static class Statistics
{
    /// <summary>The middle value; of an even number of them the upper middle.</summary>
    public static double Median(this IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? double.NaN : sorted[sorted.Length / 2];
    }

    /// <summary>The geometric mean: what ratios are averaged by.</summary>
    public static double GeometricMean(this IEnumerable<double> values)
    {
        double[] all = [.. values];
        return all.Length == 0 ? double.NaN : Math.Exp(all.Average(Math.Log));
    }
}
