using Holon.Storage.Qcow2;
using Holon.Storage.Tools;

namespace Holon.Storage.Tests;

/// <summary>
/// The host crashes at a random moment; of the writes since the last flush any part is lost, out of order and torn. Whatever was flushed
/// must be there, and the check may find leaks at most.
/// </summary>
public sealed class CrashTests
{
    private const int Sector = 512;
    private static readonly bool All = Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1";

    public static TheoryData<int, int, bool, int> Kinds => new()
    {
        { 9, 3, false, 4 }, { 12, 3, false, 4 }, { 12, 3, true, 4 }, { 16, 3, false, 4 }, { 9, 3, false, 6 }, { 10, 2, false, 4 }, { 9, 3, true, 3 }, { 9, 3, false, 0 },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_was_flushed_survives_a_crash(int clusterBits, int version, bool lazy, int refcountOrder)
    {
        for (var seed = 0; seed < (All ? 100 : 6); seed++) Run(new Qcow2Header { ClusterBits = clusterBits, Version = version, Compatible = lazy ? 1u : 0, RefcountOrder = refcountOrder }, seed);
    }

    private static void Run(Qcow2Header header, int seed)
    {
        var random = new Random(seed * 1000 + header.ClusterBits);
        var size = random.Next(100, 1500) * Sector;
        header.Size = size;
        (header.L1Size, header.L1Offset) = ((int)Math.Max(1, header.L1EntriesFor(size)), header.ClusterSize);
        var empty = new RecordedFile([]);
        DiskCreation.WriteEmpty(empty, header);
        var before = empty.Snapshot();

        var file = new RecordedFile((byte[])before.Clone());
        var log = new Log(size);
        var image = Qcow2Image.Open(file);
        for (var step = 0; step < 40; step++) Step(image, file, log, random, allowsSnapshots: version3(header) && header.RefcountOrder > 0);
        image.Dispose();

        for (var i = 0; i < 30; i++)
        {
            var moment = i == 0 ? file.History.Count : random.Next(file.History.Count + 1);
            Verify(file.AfterCrash(before, moment, random), log, moment, $"cluster bits {header.ClusterBits}, version {header.Version}, seed {seed}, moment {moment} of {file.History.Count}");
        }

        static bool version3(Qcow2Header header) => header.Version == 3;
    }

    private static void Step(Qcow2Image image, RecordedFile file, Log log, Random random, bool allowsSnapshots)
    {
        var sectors = log.Model.Length / Sector;
        var first = random.Next(sectors);
        var count = random.Next(1, Math.Min(random.Next(2) == 0 ? 4 : 200, sectors - first) + 1);
        var (offset, length) = (first * Sector, count * Sector);
        switch (random.Next(16))
        {
            case < 7:
                var data = new byte[length];
                random.NextBytes(data);
                log.Begin(file.History.Count, offset, data);
                image.Write(offset, data);
                break;
            case < 9:
                log.Begin(file.History.Count, offset, new byte[length]);
                image.WriteZeroes(offset, length, random.Next(2) == 0);
                break;
            case < 11:
                log.Begin(file.History.Count, offset, new byte[length]);
                image.Discard(offset, length);
                image.Read(offset, log.Model.AsSpan(offset, length)); // less than a cluster stays as it was
                break;
            case < 14:
                image.Flush();
                log.Flushed(file.History.Count);
                break;
            case 14 when allowsSnapshots:
                image.CreateSnapshot($"s{random.Next()}");
                log.Snapshots.Add((byte[])log.Model.Clone());
                break;
            case 15 when allowsSnapshots && image.ListSnapshots() is { Count: > 0 } snapshots:
                image.DeleteSnapshot(snapshots[random.Next(snapshots.Count)].Name);
                break;
        }
    }

    private static void Verify(byte[] crashed, Log log, int moment, string context)
    {
        var header = Qcow2Image.ReadHeader(new RecordedFile(crashed));
        var check = new Qcow2Check(new RecordedFile(crashed, readOnly: true), header).Run(CancellationToken.None);
        var mayCountAnew = header.Incompatible.HasFlag(IncompatibleFeatures.Dirty);
        Assert.True(mayCountAnew ? check.CanBeCountedAnew : check.Corruptions == 0, $"{context}: {check.FirstCorruption}");

        var after = new RecordedFile(crashed);
        byte[] content;
        using (var image = Qcow2Image.Open(after)) content = image.Content();
        log.AssertPossible(content, moment, context);
        var repaired = new RecordedFile(after.Snapshot());
        var result = new Qcow2Check(repaired, Qcow2Image.ReadHeader(repaired)).Repair(RepairKind.All, CancellationToken.None);
        Assert.True(result.Corruptions == 0 && result.Leaks == 0, $"{context}: after repair {string.Join('\n', result.Messages)}");
    }

    /// <summary>What was done, and when it was flushed.</summary>
    private sealed class Log(int size)
    {
        private readonly List<(int Moment, int Offset, byte[] Data)> _writes = [];
        private readonly List<(int Moment, int Writes, byte[] Content)> _flushes = [(0, 0, new byte[size])];

        public byte[] Model { get; } = new byte[size];

        public List<byte[]> Snapshots { get; } = [];

        public void Begin(int moment, int offset, byte[] data)
        {
            _writes.Add((moment, offset, data));
            data.CopyTo(Model, offset);
        }

        public void Flushed(int moment) => _flushes.Add((moment, _writes.Count, (byte[])Model.Clone()));

        /// <summary>Wants every sector to be what it was at the last flush, or what was written to it since.</summary>
        public void AssertPossible(byte[] content, int moment, string context)
        {
            var (_, writes, flushed) = _flushes.Last(flush => flush.Moment <= moment);
            for (var at = 0; at < content.Length; at += Sector)
            {
                var now = content.AsSpan(at, Sector);
                if (now.SequenceEqual(flushed.AsSpan(at, Sector))) continue;
                var possible = false;
                foreach (var (began, offset, data) in _writes.Skip(writes))
                {
                    if (began > moment || at < offset || at >= offset + data.Length) continue;
                    if (possible = now.SequenceEqual(data.AsSpan(at - offset, Sector))) break;
                }

                Assert.True(possible, $"{context}: sector at {at} is neither what was flushed nor what was written since");
            }
        }
    }
}
