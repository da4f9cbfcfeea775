using Holon.Devices;

namespace Holon.SystemMachine.Bus;

/// <summary>The 65,536 I/O ports and who answers at them. Whoever maps a port first keeps it.</summary>
/// <remarks>Accesses come from every vCPU's thread; mappings change under the board's configuration lock, one at a time.</remarks>
internal sealed class PortSpace
{
    private const ushort Nobody = 0;

    private readonly ushort[] _owners = new ushort[65536]; // index into _mappings
    private volatile Mapping?[] _mappings = [null];

    /// <summary>Maps a device's registers.</summary>
    /// <param name="port">First port.</param>
    /// <param name="count">Ports.</param>
    /// <param name="device">Who answers; its offsets count from <paramref name="port"/>.</param>
    /// <param name="deviceLock">Held while it does; null for a device that keeps its own.</param>
    public void Map(ushort port, int count, IBusDevice device, Lock? deviceLock)
    {
        var number = FreeNumber();
        _mappings[number] = new Mapping(port, count, device, deviceLock);
        foreach (ref var owner in _owners.AsSpan(port, count))
        {
            if (owner == Nobody) Volatile.Write(ref owner, number);
        }
    }

    /// <summary>Takes back what <see cref="Map"/> of the same port and device gave.</summary>
    public void Unmap(ushort port, IBusDevice device)
    {
        var number = Array.FindIndex(_mappings, mapping => mapping is not null && mapping.Start == port && mapping.Device == device);
        if (number < 0) return;
        _owners.AsSpan().Replace((ushort)number, Nobody);
        _mappings[number] = null;
    }

    /// <summary>Reads a port; all ones where nobody answers.</summary>
    public uint Read(ushort port, int size)
    {
        if (Find(port) is not { } mapping) return (uint)RegisterMap.Ones(size);
        var offset = (ulong)(port - mapping.Start);
        if (mapping.Lock is null) return (uint)mapping.Device.Read(offset, size);
        lock (mapping.Lock) return (uint)mapping.Device.Read(offset, size);
    }

    /// <summary>Writes a port.</summary>
    public void Write(ushort port, int size, uint value)
    {
        if (Find(port) is not { } mapping) return;
        var offset = (ulong)(port - mapping.Start);
        if (mapping.Lock is null)
        {
            mapping.Device.Write(offset, size, value);
            return;
        }

        lock (mapping.Lock) mapping.Device.Write(offset, size, value);
    }

    /// <summary>Who answers at a port, whatever another vCPU maps meanwhile: the owner is read first, since the array that has it is there before its number is.</summary>
    private Mapping? Find(ushort port)
    {
        var owner = Volatile.Read(ref _owners[port]);
        var mapping = _mappings[owner];
        return mapping is not null && (uint)(port - mapping.Start) < (uint)mapping.Count ? mapping : null;
    }

    private ushort FreeNumber()
    {
        var free = Array.IndexOf(_mappings, null, 1);
        if (free > 0) return (ushort)free;
        _mappings = [.. _mappings, null];
        return checked((ushort)(_mappings.Length - 1));
    }

    private sealed record Mapping(ushort Start, int Count, IBusDevice Device, Lock? Lock);
}
