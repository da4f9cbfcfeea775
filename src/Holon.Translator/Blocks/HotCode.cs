using System.Diagnostics;
using System.Numerics;
using Holon.Interpreter;

namespace Holon.Translator.Blocks;

/// <summary>
/// Which code is hot, found by looking where the guest is when an event interrupts it, and which accesses of hot code are worth a site
/// (<see cref="AccessSite"/>): those that stay in one page for a while. Others may be worth a window (<see cref="AccessWindows"/>).
/// </summary>
/// <remarks>
/// Hot code is translated again, with sites. Timer ticks are events, so whatever takes time is met; code that runs once never is, and its translation
/// stays as cheap as it was. An access that wanders between pages would miss its site all the time: it gets a window when it does so very often, or goes through the TLB as cold code does.
/// </remarks>
internal sealed unsafe class HotCode
{
    /// <summary>Blocks behind a hot one that become hot with it.</summary>
    private const int MostFollowed = 48;

    /// <summary>Samples of one block that make it hot.</summary>
    private const int SamplesToBeHot = 2;

    /// <summary>An access may meet another page once in so many nanoseconds; more often costs more than a site gains.</summary>
    private const int LeastNanosecondsPerChange = 250;

    /// <summary>A window may fail at an access once in so many nanoseconds: it gains less than a site, and what it does not let through costs more.</summary>
    private const int LeastNanosecondsPerFailure = 4000;

    /// <summary>While the TLB forgets something more often than this, windows would mostly be closed, and are not made.</summary>
    private const int LeastNanosecondsPerFlush = 200_000;

    /// <summary>How often an access that often meets other pages is offered a window, and its block judged again.</summary>
    private const int MostAttempts = 3;

    /// <summary>What stands for window 0 where sites have their number.</summary>
    public const int FirstWindow = Tlb.SiteKinds * Tlb.Sites;

    private const int MostSampled = 4096, MostHot = 8192;
    private static readonly long _interval = Stopwatch.Frequency / 1000;

    private readonly Tlb _tlb;
    private readonly AccessWindows _windows;
    private readonly Dictionary<(ulong Physical, int Mode), int> _attempts = [];
    private readonly Dictionary<(ulong Physical, int Mode), int> _windowed = [];
    private readonly HashSet<TranslatedBlock>[] _users = [.. Enumerable.Range(0, Tlb.Windows).Select(_ => new HashSet<TranslatedBlock>())];
    private readonly List<int> _useless = [];
    private readonly SiteTrials _trials;
    private readonly HashSet<(ulong Physical, int Mode)> _judged = [];
    private readonly List<TranslatedBlock> _judgedNow = [];
    private readonly List<int> _wanderingNow = [];
    private readonly Dictionary<(ulong Physical, int Mode), int> _samples = [];
    private readonly HashSet<(ulong Physical, int Mode)> _hot = [];
    private readonly HashSet<(ulong Physical, int Mode)> _wanderers = [];
    private readonly (ulong Physical, int Mode, TranslatedBlock? Block)[] _owners = new (ulong, int, TranslatedBlock?)[Tlb.SiteKinds * Tlb.Sites];
    private readonly int[] _next = new int[Tlb.SiteKinds];
    private readonly List<TranslatedBlock> _found = [];
    private readonly HashSet<TranslatedBlock> _seen = [];
    private long _lastSample, _lastFlushes;

    /// <param name="tlb">The software TLB.</param>
    /// <param name="windows">The windows that accesses may get.</param>
    /// <param name="runs">Counters for <see cref="SiteTrials"/>.</param>
    public HotCode(Tlb tlb, AccessWindows windows, ulong* runs)
    {
        (_tlb, _windows) = (tlb, windows);
        _trials = new SiteTrials(runs);
    }

    /// <summary>Whether code at an address is hot.</summary>
    public bool IsHot(ulong physical, int mode) => _hot.Contains((physical, mode));

    /// <summary>A site for an access of a hot block; a window, from <see cref="FirstWindow"/> on; -1 for one that is to go through the TLB.</summary>
    /// <param name="block">The block.</param>
    /// <param name="linear">The instruction.</param>
    /// <param name="write">It writes.</param>
    public int NextSite(TranslatedBlock block, ulong linear, bool write)
    {
        var physical = block.Physical + (linear - block.Linear);
        if (_windowed.TryGetValue((physical, block.Mode), out var window))
        {
            _users[window].Add(block);
            return FirstWindow + window;
        }

        if (_wanderers.Contains((physical, block.Mode))) return -1;
        var kind = (2 * TranslationMode.TlbSet(block.Mode)) + (write ? 1 : 0);
        var site = (kind * Tlb.Sites) + (_next[kind]++ & (Tlb.Sites - 1));
        _owners[site] = (physical, block.Mode, block);
        _trials.Add(block, site);
        return site;
    }

    /// <summary>A counter for a hot block that is to be judged by how its sites do; -1 when it has been, or must wait.</summary>
    public int BeginTrial(TranslatedBlock block) => _judged.Contains((block.Physical, block.Mode)) ? -1 : _trials.Begin(block);

    /// <summary>The last sample is old enough for another one.</summary>
    public bool IsDue => Stopwatch.GetTimestamp() - _lastSample >= _interval;

    /// <summary>Notes that an event interrupted a block.</summary>
    /// <returns>Blocks that are to be translated again.</returns>
    public List<TranslatedBlock> Sample(TranslatedBlock? block, ExitTable exits)
    {
        _found.Clear();
        var now = Stopwatch.GetTimestamp();
        var elapsed = now - _lastSample;
        _lastSample = now;
        FindWanderers(Stopwatch.GetElapsedTime(0, elapsed).TotalNanoseconds);
        if (block is null) return _found;
        var key = (block.Physical, block.Mode);
        if (_samples.Count >= MostSampled) _samples.Clear();
        var count = _samples.GetValueOrDefault(key) + 1;
        _samples[key] = count;
        // Again later: what follows may have been linked meanwhile.
        if (count < SamplesToBeHot || !BitOperations.IsPow2(count)) return _found;
        if (_hot.Count >= MostHot) _hot.Clear(); // they come back when they are hot still
        Follow(block, exits);
        return _found;
    }

    /// <summary>Forgets everything: the code is gone.</summary>
    public void Clear()
    {
        _samples.Clear();
        _hot.Clear();
        _wanderers.Clear();
        _attempts.Clear();
        _windowed.Clear();
        foreach (var users in _users) users.Clear();
        _windows.DropAll();
        _trials.Clear();
        _judged.Clear();
        Array.Clear(_owners);
    }

    private void FindWanderers(double nanoseconds)
    {
        var most = (uint)Math.Min(nanoseconds / LeastNanosecondsPerChange, int.MaxValue);
        var changes = _tlb.SiteChanges;
        var (flushes, before) = (_tlb.Flushes, _lastFlushes);
        _lastFlushes = flushes;
        var staysOpen = (flushes - before) * LeastNanosecondsPerFlush <= nanoseconds;
        for (var i = changes.IndexOfAnyExcept(0u); i >= 0; i = NextChanged(changes, i))
        {
            if (changes[i] <= most || _owners[i].Block is not { } block) continue;
            var key = (_owners[i].Physical, _owners[i].Mode);
            var page = _tlb.PageOfSite(i);
            var window = page == Tlb.NoKnownPage || !staysOpen ? -1 : _windows.Find(i / Tlb.Sites, page);
            // Without a window the block is judged once more by how many of its looks fail.
            if (window >= 0) _windowed[key] = window;
            else if (Attempt(key)) continue;
            else _judged.Remove((block.Physical, block.Mode));
            _owners[i].Block = null;
            Again(block);
        }

        EndTrials(changes);
        changes.Clear();
        _windows.Review((uint)Math.Min(nanoseconds / LeastNanosecondsPerFailure, int.MaxValue), _useless);
        foreach (var window in _useless) Close(window);
        _useless.Clear();
    }

    /// <summary>Accesses whose site fails too often for what it gains go through the TLB.</summary>
    private void EndTrials(ReadOnlySpan<uint> changes)
    {
        _trials.Review(changes, _judgedNow, _wanderingNow);
        foreach (var site in _wanderingNow) _wanderers.Add((_owners[site].Physical, _owners[site].Mode));
        foreach (var block in _judgedNow)
        {
            if (_judged.Count >= MostHot) _judged.Clear();
            _judged.Add((block.Physical, block.Mode));
            Again(block);
        }

        _wanderingNow.Clear();
        _judgedNow.Clear();
    }

    private static int NextChanged(ReadOnlySpan<uint> changes, int after)
    {
        var distance = changes[(after + 1)..].IndexOfAnyExcept(0u);
        return distance < 0 ? -1 : after + 1 + distance;
    }

    /// <summary>Counts attempts to give an access a window; true when there were too many.</summary>
    private bool Attempt((ulong Physical, int Mode) key)
    {
        if (_attempts.Count >= MostSampled) _attempts.Clear();
        return (_attempts[key] = _attempts.GetValueOrDefault(key) + 1) > MostAttempts;
    }

    private void Again(TranslatedBlock block)
    {
        if (!block.IsDropped && !_found.Contains(block)) _found.Add(block);
    }

    /// <summary>Gives up a window that fails its users too often: they go back to sites, and in the end through the TLB.</summary>
    private void Close(int window)
    {
        foreach (var (key, _) in _windowed.Where(entry => entry.Value == window).ToArray())
        {
            _windowed.Remove(key);
            _attempts[key] = MostAttempts; // no other one
        }

        foreach (var block in _users[window]) Again(block);
        _users[window].Clear();
        _windows.Drop(window);
    }

    /// <summary>The block and what is executed after it, as far as jumps that were taken tell.</summary>
    private void Follow(TranslatedBlock first, ExitTable exits)
    {
        _seen.Clear();
        _seen.Add(first);
        var queue = new Queue<TranslatedBlock>([first]);
        while (queue.TryDequeue(out var block))
        {
            if (_hot.Add((block.Physical, block.Mode)) && !_found.Contains(block)) _found.Add(block);
            for (var number = block.FirstExit; number >= 0; number = exits[number].NextOfOwner)
            {
                if (exits[number].Target is { } target && target.Mode == first.Mode && _seen.Count < MostFollowed && _seen.Add(target)) queue.Enqueue(target);
            }
        }
    }
}
