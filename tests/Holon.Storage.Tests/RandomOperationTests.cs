using Holon.Storage.Qcow2;
using Holon.Storage.Tools;

namespace Holon.Storage.Tests;

/// <summary>Random operations on a disk, on an array in memory, and on what qemu-img makes of the file: all three must agree.</summary>
public sealed class RandomOperationTests
{
    private const int Sector = 512;
    private static readonly bool All = Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1";

    public static TheoryData<string> Kinds =>
    [
        "cluster=65536", "cluster=512", "cluster=4096,refcount=1", "cluster=4096,refcount=64", "cluster=65536,version=2", "cluster=1024,version=2",
        "cluster=2097152", "cluster=65536,lazy", "cluster=4096,backing=qcow2", "cluster=65536,backing=raw", "cluster=512,backing=qcow2,version=2",
        "cluster=65536,data", "cluster=65536,data,rawdata", "cluster=4096,lazy,refcount=8,backing=raw", "cluster=65536,prealloc",
    ];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_sequence_of_operations_leaves_what_it_should(string kind)
    {
        Qemu.Require();
        for (var seed = 0; seed < (All ? 40 : 3); seed++) Run(kind, seed);
    }

    private static void Run(string kind, int seed)
    {
        using var folder = new TemporaryFolder();
        var random = new Random(seed + (kind.Sum(c => c * 31) << 8));
        var size = random.Next(100, 8000) * Sector;
        var options = Parse(kind, folder, size, seed);
        var path = folder["disk.qcow2"];
        DiskCreation.Create(path, options);
        var model = new byte[size];
        if (options.BackingFile is not null)
        {
            var below = TestImages.ContentOf(folder[options.BackingFile]);
            below.AsSpan(0, Math.Min(below.Length, size)).CopyTo(model);
        }

        var snapshots = new Dictionary<string, byte[]>();
        for (var session = 0; session < 3; session++)
        {
            using (var image = (Qcow2Image)TestImages.Open(path))
            {
                for (var step = 0; step < 25; step++) Step(image, ref model, snapshots, random, options);
                TestImages.AssertSame(model, image.Content(), $"{kind} seed {seed} session {session}, while open");
            }

            var context = $"{kind} seed {seed} session {session}";
            TestImages.AssertClean(path);
            Qemu.AssertClean(path);
            TestImages.AssertSame(model, TestImages.ContentOf(path), context);
            Qemu.Img("convert", "-f", "qcow2", "-O", "raw", path, folder["out.raw"]);
            TestImages.AssertSame(model, File.ReadAllBytes(folder["out.raw"]), context + " by qemu-img");
            foreach (var (name, content) in snapshots)
            {
                Qemu.Img("convert", "-f", "qcow2", "-O", "raw", "-l", name, path, folder["snap.raw"]);
                var theirs = File.ReadAllBytes(folder["snap.raw"]); // as long as the disk is now
                var common = Math.Min(content.Length, theirs.Length);
                TestImages.AssertSame(content[..common], theirs[..common], $"{context} snapshot {name} by qemu-img");
                using var image = (Qcow2Image)TestImages.Open(path, readOnly: true);
                image.ShowSnapshot(name);
                TestImages.AssertSame(content, image.Content(), $"{context} snapshot {name}");
            }

            // qemu-io makes the file as long as whole clusters.
            if (options.DataFileRaw) TestImages.AssertSame(model, session == 0 ? File.ReadAllBytes(options.DataFile!) : File.ReadAllBytes(options.DataFile!)[..model.Length], context + " data file by itself");
            QemuWrites(path, model, random);
        }
    }

    /// <summary>qemu-io changes the file between our sessions.</summary>
    private static void QemuWrites(string path, byte[] model, Random random)
    {
        var commands = new List<string>();
        for (var i = 0; i < 4; i++)
        {
            var (offset, length) = Range(random, model.Length);
            var value = (byte)random.Next(1, 255);
            if (length == 0) continue;
            if (random.Next(4) == 0)
            {
                commands.Add($"write -z -u {offset} {length}");
                model.AsSpan(offset, length).Clear();
            }
            else
            {
                commands.Add($"write -P {value} {offset} {length}");
                model.AsSpan(offset, length).Fill(value);
            }
        }

        if (commands.Count > 0) Qemu.Io(path, "qcow2", [.. commands]);
    }

    private static void Step(Qcow2Image image, ref byte[] model, Dictionary<string, byte[]> snapshots, Random random, DiskCreationOptions options)
    {
        var (offset, length) = Range(random, model.Length);
        var takesSnapshots = options.DataFile is null && options.RefcountBits > 1;
        switch (random.Next(20))
        {
            case < 9:
                var data = new byte[length];
                random.NextBytes(data);
                image.Write(offset, data);
                data.CopyTo(model, offset);
                break;
            case < 12:
                image.WriteZeroes(offset, length, random.Next(2) == 0);
                model.AsSpan(offset, length).Clear();
                break;
            case < 14:
                // A discarded range reads as zeroes, or as before where it is less than a cluster.
                image.Discard(offset, length);
                var after = new byte[length];
                image.Read(offset, after.AsSpan());
                for (var i = 0; i < length; i++) Assert.True(after[i] == 0 || after[i] == model[offset + i]);
                after.CopyTo(model, offset);
                break;
            case 14:
                image.Flush();
                break;
            case 15 when takesSnapshots && snapshots.Count < 3:
                var name = $"snap{random.Next()}";
                image.CreateSnapshot(name);
                snapshots.Add(name, (byte[])model.Clone());
                break;
            case 16 when snapshots.Count > 0:
                var (applied, content) = snapshots.ElementAt(random.Next(snapshots.Count));
                image.ApplySnapshot(applied);
                model = (byte[])content.Clone();
                break;
            case 17 when snapshots.Count > 0:
                var gone = snapshots.Keys.ElementAt(random.Next(snapshots.Count));
                image.DeleteSnapshot(gone);
                snapshots.Remove(gone);
                break;
            case 18 when options.Version == 3 || snapshots.Count == 0:
                Array.Resize(ref model, random.Next(1, 9000) * Sector);
                image.Resize(model.Length);
                break;
            case 19 when options.DataFile is null:
                var cluster = options.ClusterSize;
                var at = offset & -cluster;
                var packed = new byte[cluster];
                random.NextBytes(packed.AsSpan(0, cluster / 2));
                if (at + cluster > model.Length) break;
                image.WriteCompressed(at, packed);
                packed.CopyTo(model, at);
                break;
        }
    }

    private static (int Offset, int Length) Range(Random random, int size)
    {
        var sectors = size / Sector;
        var offset = random.Next(sectors);
        var most = random.Next(3) switch { 0 => 8, 1 => 200, _ => 2000 };
        return (offset * Sector, random.Next(1, Math.Min(most, sectors - offset) + 1) * Sector);
    }

    private static DiskCreationOptions Parse(string kind, TemporaryFolder folder, int size, int seed)
    {
        var options = new DiskCreationOptions { Length = size };
        foreach (var word in kind.Split(','))
        {
            var (key, value) = word.Split('=') is [var k, var v] ? (k, v) : (word, "");
            options = key switch
            {
                "cluster" => options with { ClusterSize = int.Parse(value) },
                "refcount" => options with { RefcountBits = int.Parse(value) },
                "version" => options with { Version = int.Parse(value) },
                "lazy" => options with { LazyRefcounts = true },
                "data" => options with { DataFile = folder["data.raw"] },
                "rawdata" => options with { DataFileRaw = true },
                "prealloc" => options with { Preallocation = Preallocation.Falloc },
                _ => options with { BackingFile = MakeBacking(folder, value, size, seed), BackingFormat = value == "raw" ? DiskFormat.Raw : DiskFormat.Qcow2 },
            };
        }

        return options;
    }

    private static string MakeBacking(TemporaryFolder folder, string format, int size, int seed)
    {
        var name = $"base.{format}";
        var length = (size / Sector * (seed % 3 + 1) / 2 + 1) * Sector; // shorter, nearly as long, longer
        if (format == "raw")
        {
            File.WriteAllBytes(folder[name], TestImages.Random(seed, length));
            return name;
        }

        using var image = TestImages.Create(folder[name], new DiskCreationOptions { Length = length, ClusterSize = 16384 });
        image.Write(0, TestImages.Random(seed, length / 2 / Sector * Sector));
        return name;
    }
}
