using Holon.Storage.Tools;

namespace Holon.Storage.Tests;

/// <summary>No allocation in steady state. Runs alone: the threads that carry out requests serve every disk of the process, other tests' too.</summary>
[Collection(nameof(AllocationTests))]
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class AllocationTests
{
    [Fact]
    public async Task Nothing_is_allocated_while_requests_flow()
    {
        using var folder = new TemporaryFolder();
        DiskCreation.Create(folder["disk"], new DiskCreationOptions { Length = 4 << 20 });
        await using var disk = Disk.Open(folder["disk"]);
        using var write = new TestRequest(BlockOperation.Write, 0, 4096);
        using var read = new TestRequest(BlockOperation.Read, 0, 4096);
        for (var i = 0; i < 1000; i++) await write.RunAsync(disk);

        // By thread: waiting is the test's own business.
        using var done = new SemaphoreSlim(0);
        long submitting = 0;
        var (first, last) = (new long[4096], new long[4096]);
        write.OnComplete = read.OnComplete = () =>
        {
            var (thread, bytes) = (Environment.CurrentManagedThreadId & 4095, GC.GetAllocatedBytesForCurrentThread());
            if (first[thread] == 0) first[thread] = bytes;
            last[thread] = bytes;
            done.Release();
        };
        for (var i = 0; i < 2000; i++)
        {
            disk.Submit(write);
            Assert.True(done.Wait(TimeSpan.FromMinutes(1)));
            var before = GC.GetAllocatedBytesForCurrentThread();
            disk.Submit(read);
            submitting += GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(done.Wait(TimeSpan.FromMinutes(1)));
        }

        // The disk's threads carry out the writes and nothing else; the odd byte is the runtime's.
        var own = Environment.CurrentManagedThreadId & 4095;
        for (var thread = 0; thread < first.Length; thread++)
            if (thread != own) Assert.InRange(last[thread] - first[thread], 0, 4000);
        Assert.InRange(submitting, 0, 4000);
    }
}
