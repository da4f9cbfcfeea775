using System.Diagnostics;
using System.Globalization;
using Holon.SystemMachine.Boot.Cpio;
using Holon.SystemMachine.Images;

namespace Holon.EndToEnd;

/// <summary>
/// A database in a guest commits, and Holon is killed at random moments. What the guest was told is on the disk must be there. What it was told leaves
/// by the serial line, never by the disk.
/// </summary>
public sealed class DurabilityTests(Busybox busybox) : IClassFixture<Busybox>
{
    private const int RoundsInAll = 50, RoundsInCi = 2;

    /// <summary>Checks what the last round left, then commits numbers one by one over one connection, so that its journal is in use, and says so.</summary>
    private const string Script = """
        export LD_LIBRARY_PATH=/sqlite/lib PATH=/sqlite:$PATH
        mount -t ext4 /dev/vda /mnt || exit 1
        cd /mnt
        [ -e db ] || sqlite3 db 'pragma journal_mode=MODE; create table t(i integer primary key, text)' >/dev/null
        echo "found $(sqlite3 db 'pragma integrity_check; select count(*), coalesce(max(i), 0) from t' | tr '\n' ' ')"
        i=$(sqlite3 db 'select coalesce(max(i), 0) from t')
        {
            echo 'pragma synchronous=SYNCHRONOUS;'
            while i=$((i + 1)); do echo "insert into t values($i, hex(randomblob(abs(random()) % 500))); select 'committed $i';"; done
        } | sqlite3 -bail db >/dev/ttyS0 # a terminal gets each line at once
        """;

    [Theory]
    [InlineData("wal", "full")]
    [InlineData("delete", "extra")] // with a journal that is deleted, FULL may lose the last transaction by design: the folder is not synchronized
    public async Task What_sqlite_has_committed_survives_a_killed_holon(string journal, string synchronous)
    {
        busybox.Require();
        Assert.SkipUnless(File.Exists("/usr/bin/sqlite3"), "There is no /usr/bin/sqlite3 (package sqlite3).");
        using var folder = new TemporaryFolder();
        var disk = await DurableDisk.CreateAsync(folder, 256 << 20);
        var image = await ImageStore.ForUser().GetAsync("busybox", new Progress<ImageProgress>(), TestContext.Current.CancellationToken);
        string[] run =
        [
            "run", "busybox", "--timeout", "15m", "--disk", disk.Path, "--initrd", image.Initrd, "--initrd", image.Modules, "--initrd", await MakeArchive(folder),
            "--", "sh", "-c", Script.Replace("SYNCHRONOUS", synchronous, StringComparison.Ordinal).Replace("MODE", journal, StringComparison.Ordinal),
        ];
        var rounds = Environment.GetEnvironmentVariable("HOLON_TEST_ALL") is null ? RoundsInCi : RoundsInAll;
        var random = new Random(1);
        var acknowledged = 0;
        for (var round = 1; round <= rounds; round++)
        {
            var outcome = await HolonProgram.RunAsync(run, [], meanwhile: async machine =>
            {
                await machine.WaitForAsync("committed");
                await Task.Delay(random.Next(50, 1500), TestContext.Current.CancellationToken);
                machine.Signal(9);
            });
            var lines = outcome.Output.Split('\n'); // the last may be cut off, and then it counts for nothing
            var found = lines.First(line => line.StartsWith("found ", StringComparison.Ordinal));
            var words = found.Split([' ', '|'], StringSplitOptions.RemoveEmptyEntries);
            Assert.True(words is [_, "ok", var count, var greatest] && count == greatest && Number(count) >= acknowledged, $"round {round}: {acknowledged} were committed before, and now: {found}");
            acknowledged = lines[..^1].Where(line => line.StartsWith("committed ", StringComparison.Ordinal)).Select(line => Number(line["committed ".Length..])).Max();
            await disk.CheckAsync($"round {round}");
            await disk.CheckFileSystemAsync($"round {round}");
            TestContext.Current.SendDiagnosticMessage($"{journal}: round {round} of {rounds}: {acknowledged} transactions, {disk.Leaks} times leaked clusters");
        }
    }

    /// <summary>The host's sqlite3 with its libraries, for the guest.</summary>
    private static async Task<string> MakeArchive(TemporaryFolder folder)
    {
        var path = Path.Combine(folder.Path, "sqlite.cpio");
        await using var file = File.Create(path);
        using var writer = new CpioWriter(file);
        writer.AddDirectory("sqlite");
        writer.AddDirectory("sqlite/lib");
        writer.AddDirectory("lib64");
        writer.AddDirectory("mnt");
        writer.AddFile("sqlite/sqlite3", await File.ReadAllBytesAsync("/usr/bin/sqlite3"), CpioWriter.ExecutableMode);
        using var ldd = Process.Start(new ProcessStartInfo("ldd", ["/usr/bin/sqlite3"]) { RedirectStandardOutput = true })!;
        foreach (var line in (await ldd.StandardOutput.ReadToEndAsync()).Split('\n'))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (words is [_, "=>", ['/', ..] library, ..]) writer.AddFile($"sqlite/lib/{words[0]}", await File.ReadAllBytesAsync(library), CpioWriter.ExecutableMode);
            else if (words is [['/', ..] loader, ..]) writer.AddFile(loader[1..], await File.ReadAllBytesAsync(loader), CpioWriter.ExecutableMode);
        }

        return path;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
