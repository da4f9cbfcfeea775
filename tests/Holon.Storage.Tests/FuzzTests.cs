using System.Buffers.Binary;
using System.Diagnostics;
using Holon.Machines;
using Holon.Storage.Host;
using Holon.Storage.Qcow2;
using Holon.Storage.Tools;

namespace Holon.Storage.Tests;

/// <summary>Valid images with wrong bytes in their tables: every use ends with an answer or a clear error, and writes nothing outside of the file.</summary>
public sealed class FuzzTests
{
    private static readonly bool All = Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1";

    [Fact]
    public void A_damaged_image_never_does_harm()
    {
        var seeds = MakeSeeds();
        var clock = Stopwatch.StartNew();
        var cases = All ? int.MaxValue : 4000;
        for (var i = 0; i < cases && (!All || clock.Elapsed < TimeSpan.FromMinutes(10)); i++)
        {
            var random = new Random(i);
            var bytes = (byte[])seeds[random.Next(seeds.Count)].Clone();
            Damage(bytes, random);
            try
            {
                Use(bytes, random);
            }
            catch (Exception failure) when (failure is not HolonException and not BlockFailure)
            {
                Assert.Fail($"case {i}: {failure}");
            }
        }
    }

    private static void Use(byte[] bytes, Random random)
    {
        Attempt(() =>
        {
            using var image = Qcow2Image.Open(new RecordedFile(bytes, readOnly: true));
            _ = image.ListSnapshots();
            ReadSome(image, random);
        });
        Attempt(() =>
        {
            var file = new RecordedFile((byte[])bytes.Clone(), readOnly: true);
            new Qcow2Check(file, Qcow2Image.ReadHeader(file)).Run(CancellationToken.None);
        });
        Attempt(() =>
        {
            using var image = Qcow2Image.Open(new RecordedFile((byte[])bytes.Clone()));
            WriteSome(image, random);
        });
        var mended = new RecordedFile((byte[])bytes.Clone());
        CheckResult? result = null;
        Attempt(() => result = new Qcow2Check(mended, Qcow2Image.ReadHeader(mended)).Repair(RepairKind.All, CancellationToken.None));
        if (result is not { Corruptions: 0 }) return;

        // What counts as mended must be as good as new.
        using (var image = Qcow2Image.Open(new RecordedFile(mended.Snapshot())))
        {
            ReadSome(image, random);
            if (image.Header.SnapshotCount == 0 && image.Length > 0) WriteSome(image, random);
        }
    }

    private static void Attempt(Action action)
    {
        try
        {
            action();
        }
        catch (Exception expected) when (expected is HolonException or BlockFailure)
        {
            Assert.NotEmpty(expected.Message);
        }
    }

    private static void ReadSome(Qcow2Image image, Random random)
    {
        var buffer = new byte[65536];
        for (var i = 0; i < 8; i++)
        {
            var length = (int)Math.Min(image.Length, random.Next(1, 128) * 512L);
            var offset = i == 0 ? 0 : random.NextInt64((image.Length - length) / 512 + 1) * 512;
            try
            {
                image.Read(i == 1 ? Math.Min(offset, Math.Max(0, Math.Min(image.Length, 1 << 20) - length)) : offset, buffer.AsSpan(0, length));
            }
            catch (HolonException)
            {
                // A damaged cluster; others may be read all the same.
            }
        }
    }

    private static void WriteSome(Qcow2Image image, Random random)
    {
        for (var i = 0; i < 6 && image.Length > 0; i++)
        {
            var length = (int)Math.Min(image.Length, random.Next(1, 128) * 512L);
            var offset = random.NextInt64((Math.Min(image.Length, 4 << 20) - length) / 512 + 1) * 512;
            switch (random.Next(5))
            {
                case 0: image.WriteZeroes(offset, length, true); break;
                case 1: image.Discard(offset, length); break;
                case 2: image.Flush(); break;
                default: image.Write(offset, new byte[length]); break;
            }
        }
    }

    private static void Damage(byte[] bytes, Random random)
    {
        long[] interesting = [0, 1, -1, 511, 512, 4096, 65536, bytes.Length, bytes.Length - 512, 1L << 62, long.MinValue, 1L << 55, int.MaxValue, (1L << 62) | 512, long.MinValue | 4096];
        for (var count = random.Next(1, 6); count > 0; count--)
        {
            // Tables are at the start of these small files; data is behind.
            var at = random.Next(4) == 0 ? random.Next(112) : random.Next(Math.Min(bytes.Length, 16 << 10));
            switch (random.Next(4))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)random.Next(256); break;
                case 2: BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(Math.Min(at & -8, bytes.Length - 8)), interesting[random.Next(interesting.Length)]); break;
                default: BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(Math.Min(at & -8, bytes.Length - 8)), (random.Next(bytes.Length) & -512L) + (random.Next(2) == 0 ? long.MinValue : 0)); break;
            }
        }
    }

    private static List<byte[]> MakeSeeds()
    {
        var seeds = new List<byte[]>();
        using var folder = new TemporaryFolder();
        foreach (var (name, options) in new (string, DiskCreationOptions)[]
        {
            ("small", new() { Length = 1 << 20, ClusterSize = 512 }),
            ("version2", new() { Length = 1 << 20, ClusterSize = 1024, Version = 2 }),
            ("wide", new() { Length = 300 << 10, ClusterSize = 512, RefcountBits = 64 }),
            ("zstd", new() { Length = 1 << 20, ClusterSize = 4096, Zstd = true, LazyRefcounts = true }),
        })
        {
            using (var image = TestImages.Create(folder[name], options))
            {
                image.Write(4096, TestImages.Random(1, 20_480));
                image.CreateSnapshot("first");
                image.Write(8192, TestImages.Random(2, 8192));
                image.WriteZeroes(65536, 65536, mayUnmap: true);
                var packed = new byte[options.ClusterSize];
                packed[0] = 1;
                for (var i = 0; i < 4; i++) image.WriteCompressed(131_072 + (i * options.ClusterSize), packed);
                if (options.Version == 3) image.ChangeBitmaps(bitmaps => bitmaps.Add("changes", 12, enabled: true));
                image.Write(16_384, TestImages.Random(3, 512));
            }

            seeds.Add(File.ReadAllBytes(folder[name]));
        }

        return seeds;
    }
}
