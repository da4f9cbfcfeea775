using System.Globalization;
using System.Security.Cryptography;
using Spectre.Console;

namespace Holon.Bench.Work;

/// <summary>What people do in machines: compile, test, encrypt, query. Debian's own programs in a guest, in Holon and in QEMU's TCG in turn.</summary>
internal static class WorkBenchmark
{
    private const double Target = 3;
    private const int Megabytes = 2048;
    private static readonly TimeSpan Limit = TimeSpan.FromHours(1);

    // Of Python's own tests: those that neither wait nor need a network, a terminal or a second processor.
    private static readonly string[] _tests = ["test_json", "test_re", "test_struct", "test_bisect", "test_heapq", "test_dict", "test_list", "test_set", "test_string", "test_textwrap", "test_math", "test_fractions", "test_statistics", "test_zlib", "test_hashlib"];
    private static readonly string[] _packages = ["gcc", "libc6-dev", "python3", "libpython3.11-testsuite", "openssl", "sqlite3"];
    private static readonly string[] _tasks = ["digests", "compile", "database", "python", "speed-aes-256-gcm", "speed-chacha20-poly1305", "speed-sha256", "speed-rsa2048"];
    private static readonly string[] _quickTests = ["test_bisect", "test_heapq", "test_struct"];

    /// <summary>Runs it.</summary>
    /// <returns>1 when a result is wrong.</returns>
    public static async Task<int> RunAsync(BenchPaths paths, Options options)
    {
        var quick = options.Flag("--quick");
        var rounds = options.Number("--rounds", 1);
        var tasks = options.Values("--only");
        foreach (var task in tasks)
            if (!_tasks.Contains(task)) throw new BenchException($"there is no task '{task}'; there are: {string.Join(' ', _tasks)}");
        var us = Emulator.Holon(paths.Holon, options.Value("--engine"));
        var peer = Emulator.Qemu;
        options.End("work [--quick] [--rounds N] [--only TASK…] [--engine NAME]");

        var folder = Directory.CreateTempSubdirectory("holon-bench");
        try
        {
            var project = GeneratedProject.Make("project", quick ? 2_000 : 20_000);
            var rows = quick ? 50_000 : 1_000_000;
            GuestFile[] files = [new("work/work.sh", File.ReadAllBytes(Path.Combine(paths.GuestSources, "work/work.sh")), Executable: true), .. project.Files];
            string[] command = ["/work/work.sh", $"{rows}", string.Join(' ', tasks), .. quick ? _quickTests : _tests];
            var guest = await GuestInitrd.MakeAsync(Path.Combine(folder.FullName, "initrd"), command, files, Userland.Get(paths, "work", _packages)).ConfigureAwait(false);
            guest = guest with { MemoryMegabytes = Megabytes };

            List<(IReadOnlyList<WorkTime> Ours, IReadOnlyList<WorkTime> Theirs)> all = [];
            for (var round = 1; round <= rounds; round++)
            {
                IReadOnlyList<WorkTime> In(Emulator emulator)
                {
                    Console.Error.WriteLine($"holon: round {round} of {rounds}: {emulator.Name}");
                    return WorkTime.Parse(GuestInitrd.CommandOutput(emulator.Run(guest, Limit, GuestInitrd.Ready)));
                }

                all.Add((In(us), In(peer)));
            }

            Console.WriteLine($"{project.Lines} lines of C, {rows} rows, {command.Length - 3} of Python's tests");
            return Report(all, us, peer, new Dictionary<string, string>
            {
                ["digests"] = Digests(),
                ["compile"] = $"{project.Expected}_",
                ["database"] = $"off_{Database(rows)}_",
                ["python"] = "Tests_result:_SUCCESS_",
            });
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static int Report(List<(IReadOnlyList<WorkTime> Ours, IReadOnlyList<WorkTime> Theirs)> rounds, Emulator us, Emulator peer, Dictionary<string, string> expected)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("work", us.Name, peer.Name, $"times as fast as {peer.Name}", "results");
        List<double> ratios = [];
        var wrong = false;
        foreach (var name in rounds[0].Theirs.Select(each => each.Name))
        {
            List<(WorkTime Ours, WorkTime Theirs)> pairs = [.. from round in rounds from ours in round.Ours from theirs in round.Theirs where ours.Name == name && theirs.Name == name select (ours, theirs)];
            var problem = pairs.Count < rounds.Count ? $"{us.Name} did not get so far"
                : expected.TryGetValue(name, out var right) && pairs.Select(pair => pair.Ours.Result).FirstOrDefault(result => result != right) is { } different ? $"{different}, not {right}"
                : null;
            wrong |= problem is not null;
            if (pairs.Count == 0)
            {
                table.AddRow(name, "–", "–", "–", problem ?? "");
                continue;
            }

            var ratio = pairs.Select(pair => pair.Ours.Rate / pair.Theirs.Rate).Median();
            ratios.Add(ratio);
            table.AddRow(name, pairs[0].Ours.Text(pairs.Select(pair => pair.Ours.Rate).Median()), pairs[0].Theirs.Text(pairs.Select(pair => pair.Theirs.Rate).Median()), $"{ratio:F2}", Markup.Escape(problem ?? (expected.ContainsKey(name) ? "right" : "")));
        }

        table.AddEmptyRow();
        table.AddRow("geometric mean", "", "", $"{ratios.GeometricMean():F2}", $"target {Target}: {(ratios.GeometricMean() >= Target ? "met" : "not met")}");
        AnsiConsole.Write(table);
        return wrong ? 1 : 0;
    }

    /// <summary>The digests of ten million zero bytes, and of the same encrypted, which is the counter's keystream.</summary>
    private static string Digests()
    {
        const int length = 10_000_000, block = 16;
        var zeros = new byte[length];
        var counters = new byte[(length + block - 1) / block * block];
        for (var i = 0; i < counters.Length; i += block) System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(counters.AsSpan(i + 12), i / block);
        using var aes = Aes.Create();
        aes.Key = [.. Enumerable.Range(0, 16).Select(each => (byte)each)];
        var stream = aes.EncryptEcb(counters, PaddingMode.None).AsSpan(0, length);
        return $"{Convert.ToHexStringLower(SHA256.HashData(zeros))}_{Convert.ToHexStringLower(SHA256.HashData(stream))}_";
    }

    /// <summary>What SQLite must find in the table that work.sh makes.</summary>
    private static string Database(int rows)
    {
        var prices = new long[rows + 1];
        var lowest = Enumerable.Repeat(long.MaxValue, 1000).ToArray();
        for (var i = 1L; i <= rows; i++)
        {
            prices[i] = i * 104729 % 65521;
            ref var low = ref lowest[i * 7919 % 1000];
            low = Math.Min(low, prices[i]);
        }

        // Kind 500 is not among the kinds whose prices change. A price joins the row with that number, if there is one.
        var joined = Enumerable.Range(1, rows).Where(i => i * 7919L % 1000 == 500).Select(i => prices[i]).Where(price => price >= 1 && price <= rows).ToList();
        return string.Create(CultureInfo.InvariantCulture, $"{rows}|{prices.Sum()}|{$"item {rows}".Length}_{lowest.Where(low => low != long.MaxValue).Sum()}_{joined.Count}|{joined.Sum()}");
    }
}
