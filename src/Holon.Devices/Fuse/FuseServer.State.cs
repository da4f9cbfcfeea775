using Holon.Devices.State;

namespace Holon.Devices.Fuse;

// What a snapshot keeps: names and numbers, nothing of the host's.
public sealed unsafe partial class FuseServer
{
    /// <summary>Appends what the guest knows and has open. No request may be under way.</summary>
    public void Save(DeviceStateWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write(_subMounts);
        _nodes.Save(writer);
        _files.Save(writer);
    }

    /// <summary>
    /// Takes what <see cref="Save"/> wrote. Files are found by their names and opened as they were; what has lost its name or is no longer there is
    /// stale for the guest.
    /// </summary>
    public void Load(DeviceStateReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        _files.Clear();
        _subMounts = reader.ReadBoolean();
        _nodes.Load(reader);
        _files.Load(reader, _nodes);
        _nodes.FindAll();
    }
}
