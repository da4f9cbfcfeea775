using System.Diagnostics;
using Holon.Devices.Fuse;
using Holon.Devices.Virtio;
using Holon.Devices.Virtio.Balloon;
using Holon.Devices.Virtio.Block;
using Holon.Devices.Virtio.Consoles;
using Holon.Devices.Virtio.Entropy;
using Holon.Devices.Virtio.FileSystem;
using Holon.Devices.Virtio.Net;
using Holon.Devices.Virtio.Vsock;
using Holon.Networking;

namespace Holon.Devices.Tests.Virtio;

/// <summary>
/// A hostile driver: random register accesses, random rings that are nearly right, doorbells from two threads. Nothing may escape the
/// device, and after a reset it works as new. A second each in CI; with HOLON_TEST_ALL=1 ten minutes, those of network cards apart.
/// Runs alone: what is measured is the whole process.
/// </summary>
[Collection(nameof(VirtioFuzzTests))]
[CollectionDefinition(nameof(VirtioFuzzTests), DisableParallelization = true)]
public sealed class VirtioFuzzTests : IDisposable
{
    private const long GrowthBound = 256 << 20;

    private static readonly bool _all = Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("holon");

    private static readonly ushort[] _flags = [0, 1, 2, 3, 4, 5, 6, 0x80, 0x81, 0x82, 0x83, 0x84, 0x8000, 0x8080, 0x8082];

    [Theory]
    [InlineData("blk")]
    [InlineData("console")]
    [InlineData("balloon")]
    [InlineData("rng")]
    [InlineData("vsock")]
    [InlineData("net")]
    [InlineData("fs")]
    public void A_hostile_driver_gets_nowhere(string kind)
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        var until = Stopwatch.StartNew();
        var duration = !_all ? TimeSpan.FromSeconds(1) : TimeSpan.FromMinutes(kind == "net" ? 10 : 2);
        long before = 0;
        while (until.Elapsed < duration)
        {
            using var driver = new TestDriver(Create(kind));
            for (var round = 0; round < 20; round++) Round(driver, random);
            driver.Negotiate();
            Assert.True(driver.Status == (VirtioStatus)11, $"The device does not recover; seed {seed}.");
            if (before == 0) before = Resident(); // when everything has run once
        }

        Assert.True(Resident() - before < GrowthBound, $"The process has grown by {(Resident() - before) >> 20} MiB; seed {seed}.");
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private VirtioDevice Create(string kind) => kind switch
    {
        "blk" => new VirtioBlock(new MemoryDisk(1 << 16, threads: true), new VirtioBlockOptions("fuzz", Queues: 2)),
        "console" => new VirtioConsole(new ConsolePort(_ => { }), new ConsolePort(_ => { }, "p")),
        "fs" => new VirtioFileSystem(new FuseServer(new SharedFolderOptions(Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), "holon-share-fuzz")).FullName)), "fuzz"),
        "balloon" => new VirtioBalloon(),
        "vsock" => new VirtioVsock(7, Path.Combine(_folder.FullName, "v")),
        "net" => new VirtioNet(new VirtioNetOptions(new MacAddress(0x525400123456), QueuePairs: 2)),
        _ => new VirtioEntropy(),
    };

    private static long Resident()
    {
        GC.Collect();
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    private static void Round(TestDriver driver, Random random)
    {
        driver.Negotiate(random.Next(3) == 0 ? VirtioFeatures.Version1 : random.Next(2) == 0 ? TestDriver.Everything : (ulong)random.NextInt64() | VirtioFeatures.Version1);
        if (random.Next(2) == 0) driver.UseMessages();
        var queues = (int)driver.Common(0x12, 2);
        var memory = new ulong[queues];
        for (var i = 0; i < queues; i++)
        {
            memory[i] = random.Next(20) == 0 ? (ulong)random.NextInt64() & ~15ul : 0x10_0000 + ((ulong)i * 0x2_0000);
            driver.Common(0x16, 2, (ulong)i);
            if (random.Next(2) == 0) driver.Common(0x18, 2, 1ul << random.Next(9));
            driver.Common(0x20, 8, memory[i]);
            driver.Common(0x28, 8, memory[i] + 0x4000);
            driver.Common(0x30, 8, memory[i] + 0x8000);
            driver.Common(0x1C, 2, 1);
        }

        driver.Ready();
        var other = Task.Run(() =>
        {
            for (var i = 0; i < 50; i++) driver.Notify(i % queues);
            if (driver.Function.Device is VirtioNet card) Exchange(card);
        });
        for (var step = 0; step < 50; step++)
        {
            var queue = random.Next(queues);
            if (memory[queue] < 0x80_0000) Scribble(driver, random, memory[queue]);
            switch (random.Next(8))
            {
                case 0:
                    driver.Function.Write((ulong)random.Next(0x5000), 1 << random.Next(4), (ulong)random.NextInt64());
                    break;
                case 1:
                    _ = driver.Function.Read((ulong)random.Next(0x5000), 1 << random.Next(4));
                    break;
                case 2:
                    driver.Config(random.Next(0x40, 256), 1 << random.Next(3), (uint)random.Next());
                    break;
                default:
                    driver.Notify(queue);
                    break;
            }
        }

        other.Wait();
    }

    /// <summary>What a network does with a card at the same time.</summary>
    private static void Exchange(VirtioNet card)
    {
        var (frame, bytes) = (new Frame(), new byte[Frame.MaxLength]);
        for (var i = 0; i < 50; i++)
        {
            if (card.TryTake(frame))
            {
                frame.CopyTo(0, bytes);
                card.Release(frame);
            }

            card.TryPut(bytes.AsSpan(0, i % 5 == 0 ? 30_000 : 60 + i), [], default);
            card.Flush();
        }
    }

    /// <summary>Descriptors, rings and buffers that are mostly plausible, so that the deeper checks are reached.</summary>
    private static void Scribble(TestDriver driver, Random random, ulong at)
    {
        for (var i = 0; i < 8; i++)
        {
            var descriptor = at + ((ulong)random.Next(16) * 16);
            driver.Memory.Write(descriptor, random.Next(10) == 0 ? (ulong)random.NextInt64() : at + 0x1_0000 + (ulong)random.Next(0x8000));
            driver.Memory.Write(descriptor + 8, random.Next(10) == 0 ? (uint)random.Next() : (uint)random.Next(64) * 16);
            driver.Memory.Write(descriptor + 12, _flags[random.Next(_flags.Length)]);
            driver.Memory.Write(descriptor + 14, random.Next(2) == 0 ? (ushort)random.Next(17) : _flags[random.Next(_flags.Length)]);
        }

        driver.Memory.Write(at + 0x4000, (ushort)random.Next(3));
        driver.Memory.Write(at + 0x4002, (ushort)(driver.Memory.Read<ushort>(at + 0x4002) + random.Next(3)));
        for (var i = 0; i < 16; i++) driver.Memory.Write(at + 0x4004 + ((ulong)i * 2), (ushort)random.Next(random.Next(10) == 0 ? 65536 : 16));
        driver.Memory.Write(at + 0x1_0000 + ((ulong)random.Next(0x800) * 16), (ulong)random.Next(16));
    }
}
