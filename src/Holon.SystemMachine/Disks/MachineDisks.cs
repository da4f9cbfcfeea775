using Holon.Machines.Control;
using Holon.Storage;

namespace Holon.SystemMachine.Disks;

/// <summary>A machine's open disks by name, and what was asked of each.</summary>
internal sealed class MachineDisks
{
    private readonly List<(string Name, CountedBackend Backend)> _disks = []; // guarded by itself

    /// <summary>Opens a disk.</summary>
    /// <exception cref="Machines.HolonException">It cannot be opened.</exception>
    public IBlockBackend Open(string name, DiskSpec disk)
    {
        var backend = new CountedBackend(DiskFile.Open(disk));
        lock (_disks) _disks.Add((name, backend));
        return backend;
    }

    /// <summary>A disk has gone; nothing happens when there was none of that name.</summary>
    public void Removed(string name)
    {
        lock (_disks) _disks.RemoveAll(disk => disk.Name == name);
    }

    /// <summary>A disk could not be plugged in.</summary>
    public void Removed(IBlockBackend backend)
    {
        lock (_disks) _disks.RemoveAll(disk => disk.Backend == backend);
    }

    /// <summary>What was asked of each so far.</summary>
    public IReadOnlyList<DiskStatistics> Measure()
    {
        lock (_disks) return [.. _disks.Select(disk => Describe(disk.Name, disk.Backend.Counters))];
    }

    private static DiskStatistics Describe(string name, DiskCounters counters) => new()
    {
        Name = name,
        Reads = counters.Reads,
        ReadBytes = counters.ReadBytes,
        Writes = counters.Writes,
        WrittenBytes = counters.WrittenBytes,
        Flushes = counters.Flushes,
        Discards = counters.Discards,
    };
}
