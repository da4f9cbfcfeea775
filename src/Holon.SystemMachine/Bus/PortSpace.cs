using Holon.Devices;

namespace Holon.SystemMachine.Bus;

/// <summary>The 65,536 I/O ports and who answers at them. Devices are mapped before the machine runs.</summary>
internal sealed class PortSpace
{
    private readonly byte[] _owners = new byte[65536]; // index into _mappings; 0 is nobody
    private readonly List<Mapping> _mappings = [default];

    /// <summary>Maps a device's registers.</summary>
    /// <param name="port">First port.</param>
    /// <param name="count">Ports.</param>
    /// <param name="device">Who answers; its offsets count from <paramref name="port"/>.</param>
    /// <param name="deviceLock">Held while it does; null for a device that keeps its own.</param>
    public void Map(ushort port, int count, IBusDevice device, Lock? deviceLock)
    {
        _mappings.Add(new Mapping(port, device, deviceLock));
        _owners.AsSpan(port, count).Fill(checked((byte)(_mappings.Count - 1)));
    }

    /// <summary>Reads a port; all ones where nobody answers.</summary>
    public uint Read(ushort port, int size)
    {
        var owner = _owners[port];
        if (owner == 0) return (uint)RegisterMap.Ones(size);
        var mapping = _mappings[owner];
        var offset = (ulong)(port - mapping.Start);
        if (mapping.Lock is null) return (uint)mapping.Device.Read(offset, size);
        lock (mapping.Lock) return (uint)mapping.Device.Read(offset, size);
    }

    /// <summary>Writes a port.</summary>
    public void Write(ushort port, int size, uint value)
    {
        var owner = _owners[port];
        if (owner == 0) return;
        var mapping = _mappings[owner];
        var offset = (ulong)(port - mapping.Start);
        if (mapping.Lock is null)
        {
            mapping.Device.Write(offset, size, value);
            return;
        }

        lock (mapping.Lock) mapping.Device.Write(offset, size, value);
    }

    private readonly record struct Mapping(ushort Start, IBusDevice Device, Lock? Lock);
}
