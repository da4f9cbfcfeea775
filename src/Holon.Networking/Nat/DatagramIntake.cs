using Holon.Networking.Host;

namespace Holon.Networking.Nat;

/// <summary>A socket of the host whose datagrams are for a guest: read no faster than the guest can be given them. Belongs to the loop's thread.</summary>
internal sealed class DatagramIntake(UdpFlows flows, int socket, int slot)
{
    private int _atOnce = DatagramReader.Most;
    private bool _isBlocked, _isClosed;

    /// <summary>Reads what waits and may be given now into <see cref="UdpFlows.Reader"/>.</summary>
    /// <returns>How many it holds, each one or several datagrams that the host has gathered; nothing from 0 down.</returns>
    public int Read()
    {
        if (_isBlocked || _isClosed) return 0;
        if (!flows.Budget.HasAny())
        {
            Block();
            return 0;
        }

        var reader = flows.Reader;
        var count = reader.Receive(socket, _atOnce);
        var datagrams = 0;
        for (var i = 0; i < count; i++)
        {
            var size = reader.SegmentSize(i);
            datagrams += size == 0 ? 1 : (int)((reader.Bytes(i).Length + size - 1) / size);
        }

        if (count <= 0) return count;
        flows.Budget.Take(datagrams);
        _atOnce = Math.Clamp(DatagramBudget.Most * count / datagrams, 1, DatagramReader.Most);
        return count;
    }

    /// <summary>The guest has no room: the rest waits in the host's socket, where throwing it away costs least.</summary>
    public void Block()
    {
        if (_isBlocked || _isClosed) return;
        _isBlocked = true;
        flows.Block(this);
        flows.Gateway.Loop.Modify(slot, 0);
    }

    /// <summary>The guest may have room again.</summary>
    public void Resume()
    {
        _isBlocked = false;
        if (!_isClosed) flows.Gateway.Loop.Modify(slot, Linux.EpollIn);
    }

    /// <summary>Ends it, and the socket.</summary>
    public void Close()
    {
        if (_isClosed) return;
        _isClosed = true;
        flows.Gateway.Loop.Remove(slot);
        _ = Linux.Close(socket);
    }
}
