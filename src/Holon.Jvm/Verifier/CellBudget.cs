using Holon.Jvm.Runtime;

namespace Holon.Jvm.Verifier;

/// <summary>Bounds what verifying one method may take: hostile code can ask for frames by the ten thousand, each with all locals.</summary>
internal sealed class CellBudget(JThread thread)
{
    /// <summary>Types in kept frames, some 400 MB. Of the JDK's own methods none needs a hundredth.</summary>
    private const long MaximumCells = 16 << 20;

    private long _cells;
    private int _work;

    /// <summary>Asks for room for a frame.</summary>
    public void Take(int cells)
    {
        if ((_cells += cells) > MaximumCells) throw new VerifyFailure("Method is too large to be verified");
        Work(cells);
    }

    /// <summary>Counts comparisons, so that a machine that is to end does not wait for a long verification.</summary>
    public void Work(int cells)
    {
        if ((_work += cells) < 1 << 20) return;
        _work = 0;
        thread.Safepoint();
    }
}
