using Holon.Devices;
using Holon.Memory;

namespace Holon.SystemMachine.Bus;

/// <summary>The physical addresses at which devices answer. Where mappings overlap, the earliest answers.</summary>
/// <remarks>Accesses come from every vCPU's thread; mappings change under the board's configuration lock, one at a time.</remarks>
internal sealed class DeviceMemory
{
    private volatile Mapping[] _mappings = [];

    /// <summary>Maps a device's registers.</summary>
    /// <param name="range">Physical addresses.</param>
    /// <param name="device">Who answers; its offsets count from the start of the range.</param>
    /// <param name="deviceLock">Held while it does; null for a device that keeps its own.</param>
    public void Map(MemoryRange range, IBusDevice device, Lock? deviceLock) => _mappings = [.. _mappings, new Mapping(range, device, deviceLock)];

    /// <summary>Takes back what <see cref="Map"/> of the same range and device gave.</summary>
    public void Unmap(MemoryRange range, IBusDevice device) => _mappings = [.. _mappings.Where(mapping => mapping.Range != range || mapping.Device != device)];

    /// <summary>Reads; all ones where nobody answers.</summary>
    public ulong Read(ulong address, int size)
    {
        foreach (var mapping in _mappings)
        {
            var offset = address - mapping.Range.Start;
            if (offset >= mapping.Range.Length) continue;
            if (mapping.Lock is null) return mapping.Device.Read(offset, size);
            lock (mapping.Lock) return mapping.Device.Read(offset, size);
        }

        return RegisterMap.Ones(size);
    }

    /// <summary>Writes.</summary>
    public void Write(ulong address, int size, ulong value)
    {
        foreach (var mapping in _mappings)
        {
            var offset = address - mapping.Range.Start;
            if (offset >= mapping.Range.Length) continue;
            if (mapping.Lock is null)
            {
                mapping.Device.Write(offset, size, value);
                return;
            }

            lock (mapping.Lock) mapping.Device.Write(offset, size, value);
            return;
        }
    }

    private sealed record Mapping(MemoryRange Range, IBusDevice Device, Lock? Lock);
}
