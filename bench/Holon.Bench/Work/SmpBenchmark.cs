using System.Globalization;
using System.Text;
using Spectre.Console;

namespace Holon.Bench.Work;

/// <summary>What a second processor brings: stress-ng and a parallel make, two jobs at a time, on one and on two vCPUs, in Holon and in QEMU's TCG in turn.</summary>
internal static class SmpBenchmark
{
    private const double Target = 1.7;
    private const int Megabytes = 2048;
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(20);
    private static readonly string[] _packages = ["gcc", "libc6-dev", "make", "stress-ng"];
    private static readonly string[] _stressors = ["cpu", "matrix", "qsort", "hash", "fork"];

    /// <summary>Runs it.</summary>
    /// <returns>1 when the target was not met, or a load did not run.</returns>
    public static async Task<int> RunAsync(BenchPaths paths, Options options)
    {
        var quick = options.Flag("--quick");
        var alone = options.Flag("--alone");
        var rounds = options.Number("--rounds", 1);
        var us = Emulator.Holon(paths.Holon, options.Value("--engine"));
        var peer = Emulator.Qemu;
        options.End("smp [--quick] [--alone] [--rounds N] [--engine NAME]");

        var folder = Directory.CreateTempSubdirectory("holon-bench").FullName;
        try
        {
            var project = GeneratedProject.Make("project", quick ? 4_000 : 20_000);
            GuestFile[] files =
            [
                new("smp/smp.sh", File.ReadAllBytes(Path.Combine(paths.GuestSources, "smp/smp.sh")), Executable: true), .. project.Files,
                new("project/Makefile", Encoding.ASCII.GetBytes("CC := gcc\nobjects := $(patsubst %.c,%.o,$(wildcard *.c))\nCFLAGS := -O2\nproject: $(objects)\n\tgcc -o $@ $^\n")),
                new("project/expected", Encoding.ASCII.GetBytes(project.Expected + "\n")),
            ];
            var guest = await GuestInitrd.MakeAsync(Path.Combine(folder, "initrd"), ["/smp/smp.sh", quick ? "2" : "5", .. _stressors], files, Userland.Get(paths, "smp", _packages)).ConfigureAwait(false);
            guest = guest with { MemoryMegabytes = Megabytes };

            List<SmpRate> rates = [];
            for (var round = 1; round <= rounds; round++)
            {
                foreach (var emulator in alone ? [us] : new[] { us, peer })
                {
                    Dictionary<string, double> With(int cpus)
                    {
                        Console.Error.WriteLine($"holon: round {round} of {rounds}: {emulator.Name} with {cpus} vCPU{(cpus == 1 ? "" : "s")}");
                        return Parse(GuestInitrd.CommandOutput(emulator.Run(guest with { Cpus = cpus }, _limit, GuestInitrd.Ready)));
                    }

                    var (one, two) = (With(1), With(2));
                    rates.AddRange(_stressors.Append("make").Select(name => new SmpRate(emulator.Name, name, one.GetValueOrDefault(name, double.NaN), two.GetValueOrDefault(name, double.NaN))));
                }
            }

            await File.WriteAllTextAsync(Path.Combine(paths.Results, "smp.json"), BenchJson.Write(rates)).ConfigureAwait(false);
            return Report(rates, us.Name);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Lines of "rate NAME NUMBER"; everything else tells what went wrong.</summary>
    private static Dictionary<string, double> Parse(string output)
    {
        var rates = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var line in output.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Split(' ') is ["rate", var name, var rate]) rates[name] = double.Parse(rate, CultureInfo.InvariantCulture);
            else Console.Error.WriteLine($"guest: {line}");
        }

        return rates;
    }

    private static int Report(List<SmpRate> rates, string us)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("work, two jobs at a time", "", "1 vCPU", "2 vCPUs", "2 / 1", "target");
        var met = true;
        foreach (var line in rates.GroupBy(each => (each.Emulator, each.Work)))
        {
            var ratio = line.Select(each => each.Two / each.One).Median();
            var ours = line.Key.Emulator == us;
            if (ours) met &= ratio >= Target;
            table.AddRow(
                line.Key.Work == "make" ? "make -j2, times an hour" : $"stress-ng --{line.Key.Work} 2, operations a second", line.Key.Emulator, $"{line.Select(each => each.One).Median():N0}",
                $"{line.Select(each => each.Two).Median():N0}", $"{ratio:F2}", !ours ? "" : ratio >= Target ? $"{Target}: met" : $"{Target}: not met");
        }

        AnsiConsole.Write(table);
        return met ? 0 : 1;
    }
}

/// <summary>One load of one round: how much is done in a second.</summary>
/// <param name="Emulator">In what.</param>
/// <param name="Work">The load.</param>
/// <param name="One">With one processor.</param>
/// <param name="Two">With two.</param>
internal sealed record SmpRate(string Emulator, string Work, double One, double Two);
