using Holon.Cli.Commands.Machines;
using Holon.Machines.Control;

namespace Holon.Cli.Tests.Commands;

public sealed class StatisticsTextTests
{
    private static readonly SymbolTable Symbols = SymbolTable.Parse(["ffffffff81000000 T memcpy", "ffffffff81000100 T memset"], "map");

    [Fact]
    public void Totals_since_the_start()
    {
        var text = StatisticsText.Of(Statistics(10, 4, 300, 1000), null, Symbols);
        Assert.Contains("4.00 s of a host processor", text, StringComparison.Ordinal);
        Assert.Contains("guest 75.0 %, engine 25.0 % (400 samples)", text, StringComparison.Ordinal);
        Assert.Contains("1,000 reads (4.1 MB)", text, StringComparison.Ordinal);
        Assert.Contains("75.0 %  memcpy", text, StringComparison.Ordinal);
        Assert.Contains("25.0 %  0x0000000000401000", text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_done_between_two_looks_a_second()
    {
        var text = StatisticsText.Of(Statistics(12, 5, 500, 3000), Statistics(10, 4, 300, 1000), SymbolTable.Empty);
        Assert.Contains("50.0 % of a host processor", text, StringComparison.Ordinal);
        Assert.Contains("guest 100.0 % (200 samples)", text, StringComparison.Ordinal);
        Assert.Contains("1,000 reads (4.1 MB)", text, StringComparison.Ordinal);
    }

    private static MachineStatistics Statistics(double up, double busy, long samples, long reads) => new()
    {
        UptimeSeconds = up,
        MemoryBytes = 512 << 20,
        Processors =
        [
            new ProcessorStatistics
            {
                CpuSeconds = busy,
                Samples = new Dictionary<string, long> { ["guest"] = samples, ["engine"] = 100 },
                Translation = new TranslationStatistics { Exits = new Dictionary<string, long> { ["lookups"] = 5 } },
                Hottest = [new HotAddress(0xffffffff81000010, 40), new HotAddress(0xffffffff810000f0, 20), new HotAddress(0x401000, 20)],
            },
        ],
        Disks = [new DiskStatistics { Name = "disk", Reads = reads, ReadBytes = reads * 4096 }],
    };
}
