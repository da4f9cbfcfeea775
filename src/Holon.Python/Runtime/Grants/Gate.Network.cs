using System.Buffers.Binary;
using System.Net;
using Holon.Machines;
using SocketAddress = Holon.Python.Modules.Network.SocketAddress;

namespace Holon.Python.Runtime;

/// <summary>Sockets by grant. Addresses are judged as the kernel gets them; names only when they are looked up.</summary>
internal sealed partial class Gate
{
    private readonly GrantedHosts hosts;

    /// <summary>Asks for a socket of a family.</summary>
    public void AskSocket(int family)
    {
        if (IsOpen || family == SocketAddress.Unix || (family is SocketAddress.Inet or SocketAddress.Inet6 && hosts.Any))
            return;
        if (!hosts.All || family is not (SocketAddress.Inet or SocketAddress.Inet6))
            throw Denied("the network", "--allow-net");
    }

    /// <summary>
    /// Calls with a structure sockaddr that has been asked for. The path of a Unix socket is led through a folder that has been opened.
    /// </summary>
    public long OnAddress(byte[] address, bool creates, Func<byte[], long> call)
    {
        if (IsOpen || address.Length < 2)
            return call(address);
        switch (BitConverter.ToInt16(address))
        {
            case SocketAddress.Inet:
                AskHost(new IPAddress(address.AsSpan(4, 4)), BinaryPrimitives.ReadUInt16BigEndian(address.AsSpan(2)));
                return call(address);
            case SocketAddress.Inet6:
                AskHost(new IPAddress(address.AsSpan(8, 16)), BinaryPrimitives.ReadUInt16BigEndian(address.AsSpan(2)));
                return call(address);
            case SocketAddress.Unix when address.Length > 2 && address[2] != 0:
                var path = address.AsSpan(2);
                var name = FileSystemCodec.Decode(path[..(path.IndexOf((byte)0) is >= 0 and var end ? end : path.Length)]);
                return On(name, null, Access.Write, !creates, real => call(SocketAddress.OfPath(real)));
            case SocketAddress.Unix when creates && address.Length == 2:
                return call(address); // the kernel chooses a name that nobody knows
            default:
                AskAll();
                return call(address);
        }
    }

    /// <summary>listen on a socket without a name has the kernel choose one, open to everybody.</summary>
    public void AskListen(ReadOnlySpan<byte> name)
    {
        if (IsOpen || name.Length < 4 || BitConverter.ToInt16(name) is not (SocketAddress.Inet or SocketAddress.Inet6) || BinaryPrimitives.ReadUInt16BigEndian(name[2..]) != 0)
            return;
        AskAll();
    }

    /// <summary>Asks whether a name may be looked up.</summary>
    public void AskName(string? name)
    {
        if (!IsOpen && !string.IsNullOrEmpty(name) && !hosts.AllowsName(name))
            throw Denied("looking up names", $"--allow-net {name}");
    }

    /// <summary>Asks whether the name of an address may be looked up.</summary>
    public void AskHost(IPAddress address, int port)
    {
        if (!IsOpen && !hosts.Allows(address, port))
            throw Denied("the network", $"--allow-net {(address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{address}]" : address)}:{port}");
    }

    public void Learn(string? name, IEnumerable<IPAddress> addresses)
    {
        if (!IsOpen && name is not null)
            hosts.Learn(name, addresses);
    }

    /// <summary>Asks for what is about the network as a whole.</summary>
    public void AskAll()
    {
        if (!IsOpen && !hosts.All)
            throw Denied("the network", "--allow-net *");
    }
}
