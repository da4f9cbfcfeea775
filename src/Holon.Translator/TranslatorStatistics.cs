using System.Diagnostics;
using System.Globalization;
using System.Text;
using Holon.X86;
using Iced.Intel;

namespace Holon.Translator;

/// <summary>What a translator did, counted where counting costs nothing that matters. Read at any time; may lag.</summary>
public sealed class TranslatorStatistics
{
    private const int MostCodes = 20;

    private const int MostSampled = 8192, MostShown = 10;

    private readonly Dictionary<ulong, long> _samples = [];
    private readonly long[] _byCode = new long[Enum.GetValues<Code>().Length];

    /// <summary>Blocks translated.</summary>
    public long Blocks { get; internal set; }

    /// <summary>Guest instructions in them.</summary>
    public long GuestInstructions { get; internal set; }

    /// <summary>Bytes of guest code in them.</summary>
    public long GuestBytes { get; internal set; }

    /// <summary>Bytes of host code made of them.</summary>
    public long HostBytes { get; internal set; }

    /// <summary>Blocks dropped: their code has changed, or is translated anew since it is hot, or they had to make room.</summary>
    public long DroppedBlocks { get; internal set; }

    /// <summary>Blocks translated again because they are hot, or because of what was learnt about their accesses.</summary>
    public long HotBlocks { get; internal set; }

    /// <summary>Blocks dropped to make room in the code cache, and how often a piece of it was emptied for that.</summary>
    public long EvictedBlocks { get; internal set; }

    /// <inheritdoc cref="EvictedBlocks"/>
    public long Evictions { get; internal set; }

    /// <summary>Times that translated code was entered.</summary>
    public long Entries { get; internal set; }

    /// <summary>Exits to find code.</summary>
    public long Lookups { get; internal set; }

    /// <summary>Times that translated code found code by itself that the jump cache did not know.</summary>
    public long Finds { get; internal set; }

    /// <summary>Exits that were linked.</summary>
    public long Links { get; internal set; }

    /// <summary>Exits to interpret an instruction.</summary>
    public long Interpreted { get; private set; }

    /// <summary>Exits to look at events.</summary>
    public long Events { get; internal set; }

    /// <summary>Times that linear addresses of user or of kernel code had to be found anew.</summary>
    public long UserGenerations { get; internal set; }

    /// <inheritdoc cref="UserGenerations"/>
    public long KernelGenerations { get; internal set; }

    /// <summary>Memory accesses that the TLB did not know, and that managed code saw to.</summary>
    public long Misses { get; internal set; }

    /// <summary>The same that translated code saw to itself.</summary>
    public long Refills { get; internal set; }

    /// <summary>Blocks executed, and instructions in them that access memory; zero unless <see cref="Translator.CountsExecution"/>.</summary>
    public long BlocksExecuted { get; internal set; }

    /// <inheritdoc cref="BlocksExecuted"/>
    public long MemoryAccesses { get; internal set; }

    /// <summary>Windows made for accesses of hot code that wander between pages, and how often one was opened again after the TLB had forgotten something.</summary>
    public long Windows { get; internal set; }

    /// <inheritdoc cref="Windows"/>
    public long WindowsOpened { get; internal set; }

    /// <summary>Time spent translating.</summary>
    public TimeSpan TranslationTime => Stopwatch.GetElapsedTime(0, TranslationTicks);

    internal long TranslationTicks { get; set; }

    /// <summary>What the vCPU's thread is doing; for whoever looks from another thread.</summary>
    internal VcpuWork Work { get; set; } = VcpuWork.Engine;

    /// <summary>Instructions that were interpreted, most frequent first.</summary>
    public IEnumerable<(Code Code, long Count)> InterpretedCodes =>
        _byCode.Select((count, code) => ((Code)code, count)).Where(entry => entry.count > 0).OrderByDescending(entry => entry.count);

    /// <summary>Where the guest was when an event interrupted it, at most once a millisecond, most frequent first: linear addresses of blocks.</summary>
    public IEnumerable<(ulong Address, long Count)> HottestAddresses
    {
        get
        {
            lock (_samples) return [.. _samples.Select(entry => (entry.Key, entry.Value)).OrderByDescending(entry => entry.Value)];
        }
    }

    internal void CountSample(ulong address)
    {
        lock (_samples)
        {
            if (_samples.Count >= MostSampled) _samples.Clear();
            System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_samples, address, out _)++;
        }
    }

    internal void CountInterpreted(Code code)
    {
        Interpreted++;
        _byCode[(int)code]++;
    }

    /// <summary>What happened, as lines for people.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"translated   {Blocks:N0} blocks, {GuestInstructions:N0} instructions, {GuestBytes:N0} bytes of guest code to {HostBytes:N0} of host code, in {TranslationTime.TotalMilliseconds:N0} ms");
        text.AppendLine(CultureInfo.InvariantCulture, $"dropped      {DroppedBlocks:N0} blocks, {HotBlocks:N0} of them since they are hot, {EvictedBlocks:N0} to make room ({Evictions:N0} pieces of the code cache emptied)");
        text.AppendLine(CultureInfo.InvariantCulture, $"exits        {Lookups:N0} lookups, {Links:N0} links, {Interpreted:N0} interpreted, {Events:N0} events; {Finds:N0} lookups without exit, {Misses + Refills:N0} TLB misses, {Misses:N0} of them by managed code");
        if (BlocksExecuted > 0 && MemoryAccesses > 0)
        {
            var (chained, hits) = (1 - ((double)(Lookups + Finds) / BlocksExecuted), 1 - ((double)(Misses + Refills) / MemoryAccesses));
            text.AppendLine(CultureInfo.InvariantCulture, $"hit rates    {100 * chained:N3} % of {BlocksExecuted:N0} blocks were reached without a lookup, {100 * hits:N3} % of {MemoryAccesses:N0} accesses were known to the TLB");
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"windows      {Windows:N0} made, {WindowsOpened:N0} times opened");
        text.AppendLine(CultureInfo.InvariantCulture, $"generations  {UserGenerations:N0} of user addresses, {KernelGenerations:N0} of kernel addresses");
        var hottest = HottestAddresses.ToArray();
        var all = Math.Max(1, hottest.Sum(entry => entry.Count));
        foreach (var (address, count) in hottest.Take(MostShown)) text.AppendLine(CultureInfo.InvariantCulture, $"hot          {100.0 * count / all,5:N1} % 0x{address:x}");
        foreach (var (code, count) in InterpretedCodes.Take(MostCodes)) text.AppendLine(CultureInfo.InvariantCulture, $"interpreted  {count,12:N0} {code}");
        return text.ToString();
    }

    internal static long Now => Stopwatch.GetTimestamp();
}
