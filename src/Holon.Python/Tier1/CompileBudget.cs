using System.Diagnostics;

namespace Holon.Python.Tier1;

/// <summary>
/// How much of a machine's time goes into compiling: a share of what has passed, so that a short program does not pay for code that it hardly runs, and a long one
/// gets everything compiled. Code that is refused asks again when it has become as hot once more, so the hottest comes first.
/// </summary>
internal sealed class CompileBudget(bool isUnlimited)
{
    /// <summary>Compiling may take one part in so many of the time since the machine was made.</summary>
    private const int Share = 4;

    /// <summary>Time of another processor counts for one part in so many.</summary>
    private const int ElsewhereShare = 4;

    /// <summary>What may be taken in advance: a twentieth of a second.</summary>
    private static readonly long Advance = Stopwatch.Frequency / 20;

    private readonly long start = Stopwatch.GetTimestamp();
    private long spent;

    /// <summary>Everything is compiled as soon as it is hot, before the program goes on.</summary>
    public bool IsUnlimited => isUnlimited;

    public bool IsLeft => isUnlimited || Volatile.Read(ref spent) <= Advance + (Stopwatch.GetTimestamp() - start) / Share;

    /// <summary>Something has been compiled since <paramref name="began"/>, a time stamp.</summary>
    public void Spend(long began) => Interlocked.Add(ref spent, Stopwatch.GetTimestamp() - began);

    /// <summary>The same on another thread, where the program did not wait for it: that counts for a part.</summary>
    public void SpendElsewhere(long began) => Interlocked.Add(ref spent, (Stopwatch.GetTimestamp() - began) / ElsewhereShare);
}
