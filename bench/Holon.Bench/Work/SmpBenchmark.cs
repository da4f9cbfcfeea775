using System.Globalization;
using System.Text;
using Spectre.Console;

namespace Holon.Bench.Work;

/// <summary>
/// What a second processor brings: stress-ng and a parallel make, two jobs at a time, on one and on two vCPUs, in Holon and in QEMU's TCG in turn, and the same
/// on one and on two of the host's own processors.
/// </summary>
/// <remarks>
/// Two processors of a host may be the two threads of one core, or share it with other guests of whoever owns the host, and nothing says so. What they do for
/// the same work without any guest is therefore measured, too, and a guest is held to its part of that: 1.7 of 2 is 85 % of what there is.
/// </remarks>
internal static class SmpBenchmark
{
    private const double Target = 1.7;
    private const int Megabytes = 2048;
    private const string Host = "the host";
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(5);
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
            var project = GeneratedProject.Make("smp", quick ? 4_000 : 12_000, functionsInFile: 10); // many small files: two jobs then end at nearly the same time
            GuestFile[] work =
            [
                new("smp/smp.sh", File.ReadAllBytes(Path.Combine(paths.GuestSources, "smp/smp.sh")), Executable: true), .. project.Files,
                new("smp/Makefile", Encoding.ASCII.GetBytes("CC := gcc\nobjects := $(patsubst %.c,%.o,$(wildcard *.c))\nCFLAGS := -O2\nproject: $(objects)\n\tgcc -o $@ $^\n")),
                new("smp/expected", Encoding.ASCII.GetBytes(project.Expected + "\n")),
            ];
            string[] arguments = [quick ? "2" : "5", .. _stressors];
            var guest = await GuestInitrd.MakeAsync(Path.Combine(folder, "initrd"), ["/smp/smp.sh", "/smp", .. arguments], work, Userland.Get(paths, "smp", _packages)).ConfigureAwait(false);
            guest = guest with { MemoryMegabytes = Megabytes };
            var here = Directory.CreateDirectory(Path.Combine(folder, "smp")).FullName;
            foreach (var file in work) await File.WriteAllBytesAsync(Path.Combine(folder, file.Path), file.Content).ConfigureAwait(false);

            string OnHost(int processors)
            {
                string[] command = ["sh", Path.Combine(here, "smp.sh"), here, .. arguments];
                var (exitCode, output, errors) = CProgram.Run("taskset", ["-c", string.Join(',', Processors().Take(processors)), .. command], _limit);
                return exitCode == 0 ? output : throw new BenchException($"the work did not run on the host: {output}{errors}");
            }

            List<SmpRate> rates = [];
            for (var round = 1; round <= rounds; round++)
            {
                void Measure(string name, Func<int, string> run)
                {
                    Dictionary<string, double> With(int cpus)
                    {
                        Console.Error.WriteLine($"holon: round {round} of {rounds}: {name} with {cpus} processor{(cpus == 1 ? "" : "s")}");
                        return Parse(run(cpus));
                    }

                    var (one, two) = (With(1), With(2));
                    rates.AddRange(_stressors.Append("make").Select(work => new SmpRate(name, work, one.GetValueOrDefault(work, double.NaN), two.GetValueOrDefault(work, double.NaN))));
                }

                Measure(Host, OnHost);
                foreach (var emulator in alone ? [us] : new[] { us, peer })
                    Measure(emulator.Name, cpus => GuestInitrd.CommandOutput(emulator.Run(guest with { Cpus = cpus }, _limit, GuestInitrd.Ready)));
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

    /// <summary>The host's processors that this process may use.</summary>
    private static IEnumerable<int> Processors()
    {
        var allowed = File.ReadLines("/proc/self/status").First(line => line.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal)).Split(':')[1];
        return allowed.Split(',', StringSplitOptions.TrimEntries).Select(range => range.Split('-').Select(end => int.Parse(end, CultureInfo.InvariantCulture)).ToArray())
            .SelectMany(ends => Enumerable.Range(ends[0], ends[^1] - ends[0] + 1));
    }

    private static int Report(List<SmpRate> rates, string us)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("work, two jobs at a time", "", "1 processor", "2 processors", "2 / 1", "of the host's 2", "target");
        double Ratio(string emulator, string work) => rates.Where(each => each.Emulator == emulator && each.Work == work).Select(each => each.Two / each.One).Median();
        var met = true;
        foreach (var line in rates.GroupBy(each => (each.Work, each.Emulator)).OrderBy(line => Array.IndexOf(_stressors, line.Key.Work) is var at && at < 0 ? int.MaxValue : at))
        {
            var ratio = Ratio(line.Key.Emulator, line.Key.Work);
            var part = Math.Min(2, 2 * ratio / Math.Min(2, Ratio(Host, line.Key.Work)));
            var ours = line.Key.Emulator == us;
            if (ours) met &= ratio >= Target || part >= Target;
            table.AddRow(
                line.Key.Work == "make" ? "make -j2, times an hour" : $"stress-ng --{line.Key.Work} 2, operations a second", line.Key.Emulator, $"{line.Select(each => each.One).Median():N0}",
                $"{line.Select(each => each.Two).Median():N0}", $"{ratio:F2}", line.Key.Emulator == Host ? "" : $"{part:F2}", !ours ? "" : ratio >= Target ? $"{Target}: met" : part >= Target ? $"{Target} of the host's 2: met" : $"{Target}: not met");
        }

        AnsiConsole.Write(table);
        var whole = _stressors.Append("make").Select(work => Ratio(Host, work)).Median();
        if (whole < Target) Console.WriteLine($"Two processors of this host do {whole:F2} times the work of one in the median: they are not two whole cores, so the target is 85 % of what they do.");
        return met ? 0 : 1;
    }
}

/// <summary>One load of one round: how much is done in a second.</summary>
/// <param name="Emulator">In what.</param>
/// <param name="Work">The load.</param>
/// <param name="One">With one processor.</param>
/// <param name="Two">With two.</param>
internal sealed record SmpRate(string Emulator, string Work, double One, double Two);
