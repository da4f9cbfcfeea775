using System.Diagnostics;
using System.Globalization;

namespace Holon.SystemMachine.Tests.Fuzz;

/// <summary>
/// The promise that a guest, whatever it does, harms nobody but itself: random code in random processor modes, with random descriptor
/// and page tables, at random ports and device registers, never crashes the process, never makes the engine throw, never keeps it from
/// stopping, and never makes it grow.
/// </summary>
/// <remarks>
/// Environment: HOLON_FUZZ_SECONDS how long (15; 600 with HOLON_TEST_ALL=1), HOLON_FUZZ_SEED the first guest's seed. A crash of the process
/// leaves no report, so the seed of the guest that runs is always in the file that the output names. Runs alone: what is measured is the
/// process, in which other tests have machines of a gigabyte.
/// </remarks>
[Collection(nameof(FuzzedGuestTests))]
[CollectionDefinition(nameof(FuzzedGuestTests), DisableParallelization = true)]
public sealed class FuzzedGuestTests(ITestOutputHelper output)
{
    private const int RestartsPerGuest = 12, GuestsPerMachine = 100;
    private const long GrowthBound = 512 << 20;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void No_guest_crashes_hangs_or_bloats_the_process(bool translated)
    {
        if (translated && !Translator.Translator.IsSupported) Assert.Skip("The translator does not run on this host.");
        var all = Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1";
        var seconds = Number("HOLON_FUZZ_SECONDS", all ? 600 : 15);
        var seed = Number("HOLON_FUZZ_SEED", all ? DateTime.UtcNow.Ticks & 0xFFFFFFFF : 1); // the short run is the same everywhere
        var record = Path.Combine(Path.GetTempPath(), $"holon-fuzz-{Environment.ProcessId}.seed");
        output.WriteLine($"First guest: HOLON_FUZZ_SEED={seed}. The running guest's seed is in {record}.");
        var before = Resident();
        var clock = Stopwatch.StartNew();
        var exits = new Dictionary<string, int>();
        var (guests, runs) = (0, 0);
        FuzzMachine? machine = null;
        try
        {
            while (clock.Elapsed.TotalSeconds < seconds)
            {
                if (guests % GuestsPerMachine == 0)
                {
                    machine?.Dispose();
                    machine = new FuzzMachine(translated);
                }

                File.WriteAllText(record, (seed + guests).ToString(CultureInfo.InvariantCulture));
                var random = new Random((int)(seed + guests));
                var guest = new RandomGuest(random);
                machine!.ResetDevices();
                guest.Make(machine);
                for (var i = 0; i < RestartsPerGuest; i++)
                {
                    var exit = Run(machine, random, seed + guests);
                    exits[exit] = exits.GetValueOrDefault(exit) + 1;
                    runs++;
                    guest.Restart(machine, random.Next(3) == 0 ? guest.RandomMode() : guest.Mode);
                }

                guests++;
            }

            var growth = Resident() - before;
            Assert.True(growth < GrowthBound, $"The process grew by {growth >> 20} MiB.");
        }
        finally
        {
            machine?.Dispose();
            File.Delete(record);
            output.WriteLine($"{guests} guests, {runs} runs: {string.Join(", ", exits.OrderByDescending(pair => pair.Value).Select(pair => $"{pair.Key} {pair.Value}"))}");
        }
    }

    private static string Run(FuzzMachine machine, Random random, long seed)
    {
        try
        {
            var exit = machine.Run(TimeSpan.FromMilliseconds(random.Next(1, 6)));
            if (exit is null) Environment.FailFast($"The guest of HOLON_FUZZ_SEED={seed} kept the processor from stopping for {FuzzMachine.StopBound.TotalSeconds} seconds.");
            return exit.Value.Reason.ToString();
        }
        catch (InvalidOperationException exception)
        {
            Assert.Fail($"HOLON_FUZZ_SEED={seed}: {exception}");
            throw;
        }
    }

    private static long Number(string name, long fallback) =>
        long.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : fallback;

    private static long Resident()
    {
        GC.Collect();
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
