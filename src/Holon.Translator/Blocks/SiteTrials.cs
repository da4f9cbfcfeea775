namespace Holon.Translator.Blocks;

/// <summary>
/// Blocks that have become hot count for a while how often they run, so that the sites of their accesses can be judged by how many of their looks fail. Then they
/// are translated once more, without counting.
/// </summary>
internal sealed unsafe class SiteTrials
{
    /// <summary>Blocks on trial at the same time.</summary>
    public const int Most = 512;

    /// <summary>Runs that are enough to judge; and samples after which a block that ran less keeps its sites as they are.</summary>
    private const uint EnoughRuns = 1000;

    private const int MostSamples = 200;

    /// <summary>
    /// A failed look costs as much as so many looks that do not fail gain over the TLB.
    /// </summary>
    private const uint RunsPerMiss = 24;

    private readonly ulong* _runs;
    private readonly List<Trial> _active = [];
    private readonly Stack<int> _free = [];

    /// <param name="runs">The counters: <see cref="Most"/> words that generated code adds to.</param>
    public SiteTrials(ulong* runs)
    {
        _runs = runs;
        for (var i = Most - 1; i >= 0; i--) _free.Push(i);
    }

    /// <summary>Begins a trial. Returns the number of the counter that the block is to add to; -1 when there is none.</summary>
    public int Begin(TranslatedBlock block)
    {
        if (!_free.TryPop(out var number)) return -1;
        _runs[number] = 0;
        _active.Add(new Trial(block, number));
        return number;
    }

    /// <summary>An access of the block whose trial began last has a site.</summary>
    public void Add(TranslatedBlock block, int site)
    {
        if (_active.Count > 0 && _active[^1].Block == block) _active[^1].Sites.Add((site, 0));
    }

    /// <summary>Takes in what sites met since the last time, and ends trials.</summary>
    /// <param name="changes">By site, how often it met another page.</param>
    /// <param name="judged">Takes blocks whose trial is over.</param>
    /// <param name="wandering">Takes their sites that are not worth it.</param>
    public void Review(ReadOnlySpan<uint> changes, List<TranslatedBlock> judged, List<int> wandering)
    {
        for (var i = _active.Count - 1; i >= 0; i--)
        {
            var trial = _active[i];
            var runs = _runs[trial.Number];
            for (var j = 0; j < trial.Sites.Count; j++) trial.Sites[j] = (trial.Sites[j].Site, trial.Sites[j].Misses + changes[trial.Sites[j].Site]);
            if (!trial.Block.IsDropped && runs < EnoughRuns && ++trial.Samples < MostSamples) continue;
            _active.RemoveAt(i);
            _free.Push(trial.Number);
            if (trial.Block.IsDropped) continue;
            judged.Add(trial.Block);
            foreach (var (site, misses) in trial.Sites)
            {
                if (misses > runs / RunsPerMiss && misses > 1) wandering.Add(site);
            }
        }
    }

    /// <summary>Ends all trials: the code is gone.</summary>
    public void Clear()
    {
        foreach (var trial in _active) _free.Push(trial.Number);
        _active.Clear();
    }

    private sealed record Trial(TranslatedBlock Block, int Number)
    {
        public List<(int Site, uint Misses)> Sites { get; } = [];

        public int Samples { get; set; }
    }
}
