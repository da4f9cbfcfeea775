using System.Diagnostics;
using System.Text.Json;
using Holon.SystemMachine.Images;

namespace Holon.SystemMachine.Tests.Images;

/// <summary>Partition tables that we write, as util-linux reads them.</summary>
public sealed class GuidPartitionTableTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public async Task Sfdisk_finds_both_copies_sound_and_the_partitions_where_they_are()
    {
        Assert.SkipUnless(File.Exists("/usr/sbin/sfdisk") || File.Exists("/sbin/sfdisk"), "There is no sfdisk (package fdisk).");
        var path = Path.GetTempFileName();
        try
        {
            using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite))
            {
                RandomAccess.SetLength(file, 64 * MiB);
                GuidPartitionTable.Write(file, 64 * MiB, [new Partition(1, Partition.Linux, "root", 8 * MiB, 55 * MiB), new Partition(14, Partition.BiosBoot, "bios", MiB, 3 * MiB)], [0xEB, 0x63]);
                var first = new byte[2];
                RandomAccess.Read(file, first, 0);
                Assert.Equal([0xEB, 0x63], first); // the boot loader's code is in front of the protective table
            }

            var (json, _) = await Run("--json", path);
            var table = JsonDocument.Parse(json).RootElement.GetProperty("partitiontable");
            Assert.Equal("gpt", table.GetProperty("label").GetString());
            var found = table.GetProperty("partitions").EnumerateArray().Select(partition => (
                partition.GetProperty("start").GetInt64() * 512, partition.GetProperty("size").GetInt64() * 512,
                partition.GetProperty("type").GetGuid(), partition.GetProperty("name").GetString()));
            Assert.Equal([(8 * MiB, 55 * MiB, Partition.Linux, "root"), (MiB, 3 * MiB, Partition.BiosBoot, "bios")], found);
            var (verdict, complaints) = await Run("--verify", path);
            Assert.Contains("No errors detected", verdict, StringComparison.Ordinal);
            Assert.Empty(complaints);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async Task<(string Output, string Complaints)> Run(string option, string path)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", $"PATH=$PATH:/sbin:/usr/sbin LC_ALL=C sfdisk {option} {path}"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var complaints = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (output, await complaints);
    }
}
