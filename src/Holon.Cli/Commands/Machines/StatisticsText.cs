using System.Globalization;
using System.Text;
using Holon.Machines.Control;

namespace Holon.Cli.Commands.Machines;

/// <summary>Statistics as people read them: totals since the start, or with an earlier look what was done in between, a second.</summary>
internal static class StatisticsText
{
    private const int MostAddresses = 10;

    /// <summary>Writes them.</summary>
    /// <param name="current">What to write.</param>
    /// <param name="before">The earlier look; null for none.</param>
    /// <param name="symbols">Names for addresses.</param>
    public static string Of(MachineStatistics current, MachineStatistics? before, SymbolTable symbols)
    {
        var text = new StringBuilder();
        var seconds = before is null ? 0 : current.UptimeSeconds - before.UptimeSeconds;
        Line(text, "up", $"{MachineArguments.Show(TimeSpan.FromSeconds(current.UptimeSeconds))}{(before is null ? "" : string.Create(CultureInfo.InvariantCulture, $"; below: a second, over the last {seconds:0.0} s"))}");
        Line(text, "memory", string.Create(CultureInfo.InvariantCulture, $"{Mebibytes(current.MemoryBytes)} for the guest, {Mebibytes(current.ResidentBytes)} of it resident; {Mebibytes(current.ProcessBytes)} the whole process"));
        for (var i = 0; i < current.Processors.Count; i++) Processor(text, current.Processors[i], i < before?.Processors.Count ? before.Processors[i] : null, seconds, symbols);
        foreach (var disk in current.Disks)
        {
            var old = before?.Disks.FirstOrDefault(each => each.Name == disk.Name) ?? new DiskStatistics { Name = disk.Name };
            Line(text, disk.Name, $"{Count(disk.Reads - old.Reads, seconds)} reads ({Bytes(disk.ReadBytes - old.ReadBytes, seconds)}), {Count(disk.Writes - old.Writes, seconds)} writes ({Bytes(disk.WrittenBytes - old.WrittenBytes, seconds)}), {Count(disk.Flushes - old.Flushes, seconds)} flushes, {Count(disk.Discards - old.Discards, seconds)} discards");
        }

        foreach (var card in current.Networks)
        {
            var old = before?.Networks.FirstOrDefault(each => each.Name == card.Name) ?? new NetworkStatistics { Name = card.Name };
            Line(text, card.Name, $"{Count(card.SentFrames - old.SentFrames, seconds)} frames sent ({Bytes(card.SentBytes - old.SentBytes, seconds)}), {Count(card.ReceivedFrames - old.ReceivedFrames, seconds)} received ({Bytes(card.ReceivedBytes - old.ReceivedBytes, seconds)}), {Count(card.Dropped - old.Dropped, seconds)} dropped, {Count(card.Denied - old.Denied, seconds)} denied");
        }

        return text.ToString();
    }

    private static void Processor(StringBuilder text, ProcessorStatistics current, ProcessorStatistics? before, double seconds, SymbolTable symbols)
    {
        var busy = current.CpuSeconds - (before?.CpuSeconds ?? 0);
        Line(text, $"cpu {current.Number}", seconds > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{100 * busy / seconds:0.0} % of a host processor")
            : string.Create(CultureInfo.InvariantCulture, $"{busy:0.00} s of a host processor"));
        var samples = current.Samples.Select(sample => (sample.Key, Count: sample.Value - (before?.Samples.GetValueOrDefault(sample.Key) ?? 0))).Where(sample => sample.Count > 0).OrderByDescending(sample => sample.Count).ToArray();
        var all = samples.Sum(sample => sample.Count);
        if (all > 0) Line(text, "  time in", string.Join(", ", samples.Select(sample => string.Create(CultureInfo.InvariantCulture, $"{sample.Key} {100.0 * sample.Count / all:0.0} %"))) + string.Create(CultureInfo.InvariantCulture, $" ({all:N0} samples)"));
        Line(text, "  interpreted", $"{Count((long)(current.InterpretedInstructions - (before?.InterpretedInstructions ?? 0)), seconds)} instructions");
        if (current.Translation is { } translation) Translation(text, translation, before?.Translation ?? new TranslationStatistics(), busy, seconds);
        var old = before?.Hottest.ToDictionary(entry => entry.Address, entry => entry.Samples) ?? [];
        (string Place, long Samples)[] hottest =
        [
            .. current.Hottest.GroupBy(entry => symbols.Find(entry.Address) is { Length: > 0 } function ? function : $"0x{entry.Address:x16}")
                .Select(place => (place.Key, Samples: place.Sum(entry => entry.Samples - old.GetValueOrDefault(entry.Address)))).Where(place => place.Samples > 0).OrderByDescending(place => place.Samples),
        ];
        var hot = hottest.Sum(place => place.Samples);
        foreach (var (place, count) in hottest.Take(MostAddresses)) Line(text, "  hot", string.Create(CultureInfo.InvariantCulture, $"{100.0 * count / hot,5:0.0} %  {place}"));
    }

    private static void Translation(StringBuilder text, TranslationStatistics current, TranslationStatistics before, double busy, double seconds)
    {
        Line(text, "  translated", string.Create(CultureInfo.InvariantCulture, $"{Count(current.Blocks - before.Blocks, seconds)} blocks of {Count(current.GuestInstructions - before.GuestInstructions, seconds)} instructions, in {1000 * (current.Seconds - before.Seconds):N0} ms; {Count(current.HotBlocks - before.HotBlocks, seconds)} again since they are hot, {Count(current.DroppedBlocks - before.DroppedBlocks, seconds)} dropped"));
        Line(text, "  code cache", string.Create(CultureInfo.InvariantCulture, $"{Mebibytes((ulong)current.CodeCacheBytes)} of {Mebibytes((ulong)current.CodeCacheLimit)}, {current.CodeCacheEvictions:N0} pieces emptied to make room"));
        var exits = current.Exits.Select(exit => $"{Count(exit.Value - before.Exits.GetValueOrDefault(exit.Key), seconds)} {exit.Key}");
        Line(text, "  exits", $"{Count(current.Entries - before.Entries, seconds)}: {string.Join(", ", exits)}, {Count(current.Links - before.Links, seconds)} linked");
        var misses = current.TlbMisses - before.TlbMisses;
        Line(text, "  TLB", string.Create(CultureInfo.InvariantCulture, $"{Count(misses, seconds)} misses{(busy > 0 ? $", {misses / busy / 1000:N0} thousand a second of its time" : "")}{HitRate(misses, current.MemoryAccesses - before.MemoryAccesses)}"));
        var lookups = current.Lookups - before.Lookups;
        Line(text, "  chaining", $"{Count(lookups, seconds)} blocks had to be looked for{HitRate(lookups, current.BlocksExecuted - before.BlocksExecuted)}");
    }

    /// <summary>How many of all did not fail; nothing when they were not counted.</summary>
    private static string HitRate(long failed, long all) => all > 0 ? string.Create(CultureInfo.InvariantCulture, $"; hit rate {100.0 * Math.Max(0, all - failed) / all:0.000} % of {all:N0}") : "";

    private static void Line(StringBuilder text, string name, string value) => text.Append(CultureInfo.InvariantCulture, $"{name,-13} {value}").AppendLine();

    private static string Count(long count, double seconds) => seconds > 0
        ? string.Create(CultureInfo.InvariantCulture, $"{count / seconds:N0}")
        : string.Create(CultureInfo.InvariantCulture, $"{count:N0}");

    private static string Bytes(long count, double seconds) => string.Create(CultureInfo.InvariantCulture, $"{count / (seconds > 0 ? seconds : 1) / 1e6:N1} MB");

    private static string Mebibytes(ulong bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:N0} MiB");
}
