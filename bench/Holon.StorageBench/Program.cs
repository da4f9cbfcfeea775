using System.Diagnostics;
using System.Globalization;
using Holon.Storage;
using Holon.Storage.Tools;
using Holon.StorageBench;
using Spectre.Console;

// Throughput of disk images, Holon beside qemu-img bench, in turn, in one run. Arguments: the folder for the images, and a word that
// the names of the wanted lines contain.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
const long Size = 4L << 30;
const int Rounds = 3;
var folder = Directory.CreateDirectory(args.Length > 0 ? args[0] : Path.Combine(Path.GetTempPath(), $"holon-storage-bench-{Environment.ProcessId}")).FullName;
var only = args.Length > 1 ? args[1] : "";

// Steps that are odd multiples of the size visit the disk in an order that looks random to caches and tables.
const long Random4K = 4096 * 102_931L;
Line[] lines =
[
    new("4k random read, depth 1", "read", 4096, Random4K, 200_000, 1),
    new("4k random read, depth 32", "read", 4096, Random4K, 200_000, 32),
    new("4k random write, depth 1", "write", 4096, Random4K, 100_000, 1),
    new("4k random write, depth 32", "write", 4096, Random4K, 100_000, 32),
    new("4k random write to a new disk, depth 32", "new", 4096, Random4K, 50_000, 32),
    new("4k random write, flush every 16, depth 16", "write", 4096, Random4K, 4_000, 16, FlushEvery: 16),
    new("1M sequential read, depth 8", "read", 1 << 20, 1 << 20, 4_000, 8),
    new("1M sequential write, depth 8", "write", 1 << 20, 1 << 20, 2_000, 8),
    new("1M sequential write to a new disk, depth 8", "new", 1 << 20, 1 << 20, 2_000, 8),
];

var table = new Table().AddColumns("image", "load", "Holon MB/s", "qemu-img MB/s", "ratio").Border(TableBorder.Simple);
try
{
    foreach (var (format, cache) in new[] { ("qcow2", "writeback"), ("raw", "writeback"), ("qcow2", "none"), ("raw", "none") })
    {
        foreach (var line in lines)
        {
            var image = $"{format}, cache {cache}";
            if (!$"{image} {line.Name}".Contains(only, StringComparison.Ordinal)) continue;
            var path = Path.Combine(folder, $"disk.{format}");
            List<double> ours = [], theirs = [];
            for (var round = 0; round < Rounds; round++)
            {
                Prepare(path, format, line);
                theirs.Add(Peer(path, format, cache, line));
                Prepare(path, format, line);
                ours.Add(await Ours(path, format, cache, line));
            }

            double Rate(List<double> seconds) => line.Bytes * (double)line.Count / 1e6 / seconds.Order().ElementAt(Rounds / 2);
            table.AddRow(image, line.Name, $"{Rate(ours):F0}", $"{Rate(theirs):F0}", $"{Rate(ours) / Rate(theirs):F2}");
            Console.Error.WriteLine($"{image}, {line.Name}: {Rate(ours):F0} {Rate(theirs):F0} MB/s, {Rate(ours) / Rate(theirs):F2}");
        }
    }

    AnsiConsole.Write(table);
    return 0;
}
finally
{
    foreach (var format in new[] { "qcow2", "raw" }) File.Delete(Path.Combine(folder, $"disk.{format}"));
}

// A full disk is made once and used again; a new one each time.
static void Prepare(string path, string format, Line line)
{
    var isNew = line.Kind == "new";
    if (!isNew && File.Exists(path) && new FileInfo(path).Length >= Size) return;
    File.Delete(path);
    DiskCreation.Create(path, new DiskCreationOptions
    {
        Format = format == "raw" ? DiskFormat.Raw : DiskFormat.Qcow2,
        Length = Size,
        Preallocation = isNew ? Preallocation.Off : Preallocation.Full,
    });
}

static async Task<double> Ours(string path, string format, string cache, Line line)
{
    await using var disk = Disk.Open(path, new DiskOptions
    {
        Format = format == "raw" ? DiskFormat.Raw : DiskFormat.Qcow2,
        Cache = cache == "none" ? CacheMode.Direct : CacheMode.Writeback,
    });
    using var load = new Load(disk, line.Kind == "read" ? BlockOperation.Read : BlockOperation.Write, line.Bytes, line.Step,
        line.Count + (line.FlushEvery > 0 ? line.Count / line.FlushEvery : 0), line.Depth, line.FlushEvery > 0 ? line.FlushEvery + 1 : 0);
    return load.Run();
}

static double Peer(string path, string format, string cache, Line line)
{
    List<string> arguments = ["bench", "-f", format, "-t", cache, "-c", $"{line.Count}", "-d", $"{line.Depth}", "-s", $"{line.Bytes}", "-S", $"{line.Step}"];
    if (line.Kind != "read") arguments.AddRange(["-w", "--pattern=165"]);
    if (line.FlushEvery > 0) arguments.AddRange([$"--flush-interval={line.FlushEvery}", "--no-drain"]);
    if (cache == "none") arguments.AddRange(["-i", "native"]);
    arguments.Add(path);
    using var process = Process.Start(new ProcessStartInfo("qemu-img", arguments) { RedirectStandardOutput = true })!;
    var output = process.StandardOutput.ReadToEnd();
    process.WaitForExit();
    var seconds = output.Split('\n').First(text => text.StartsWith("Run completed in", StringComparison.Ordinal)).Split(' ')[3];
    return double.Parse(seconds, CultureInfo.InvariantCulture);
}

/// <summary>One line of the benchmark.</summary>
internal sealed record Line(string Name, string Kind, int Bytes, long Step, long Count, int Depth, int FlushEvery = 0);
