using Holon.Machines;
using Holon.Networking.Host;

namespace Holon.Networking.Nat;

/// <summary>Ports of the host that lead to a guest.</summary>
internal sealed class PortForwarder(Gateway gateway) : IDisposable
{
    private readonly List<IDisposable> _listeners = [];

    private Gateway Gateway => gateway;

    /// <summary>Opens a forwarded port.</summary>
    /// <param name="forward">Which.</param>
    /// <param name="guest">The guest's address of a family, or null when it has none yet.</param>
    /// <exception cref="HolonException">The host does not give the port.</exception>
    public void Add(PortForward forward, Func<bool, IpAddress?> guest)
    {
        IpAddress[] addresses = forward.Address is { } one ? [one] : [IpAddress.V4(0), default];
        foreach (var address in addresses)
        {
            var socket = HostSocket.Open(address, forward.Transport == Transport.Udp ? Linux.Datagram : Linux.Stream);
            if (socket < 0 && addresses.Length > 1 && !address.IsV4) continue; // a host without IPv6
            Linux.SetOption(socket, Linux.LevelSocket, Linux.ReuseAddress, forward.Transport == Transport.Udp ? 0 : 1);
            if (!address.IsV4) Linux.SetOption(socket, Linux.LevelIp6, Linux.OnlyV6, 1);
            var error = socket < 0 ? Linux.Error : HostSocket.Bind(socket, address, forward.HostPort);
            if (error == 0 && forward.Transport != Transport.Udp && Linux.Listen(socket, 128) < 0) error = Linux.Error;
            if (error != 0)
            {
                if (socket >= 0) _ = Linux.Close(socket);
                throw new HolonException(error switch
                {
                    Linux.AddressInUse => $"The port of '{forward}' is in use on this host; choose another one.",
                    Linux.AccessDenied => $"The port of '{forward}' is for root only; choose one from 1024 on.",
                    _ => $"The port of '{forward}' cannot be opened ({Linux.Describe(error)}).",
                });
            }

            _listeners.Add(forward.Transport == Transport.Udp ? new UdpListener(this, socket, forward, guest) : new TcpListener(this, socket, forward, guest));
        }
    }

    public void Dispose()
    {
        foreach (var listener in _listeners) listener.Dispose();
        _listeners.Clear();
    }

    /// <summary>The address that a guest sees a peer under: its own, unless that one would not come back through us.</summary>
    private IpAddress Shown(IpAddress peer, IpAddress guest) =>
        peer.IsV4 != guest.IsV4 || peer.IsNeverForwarded || gateway.Options.Subnet4.Contains(peer) || gateway.Options.Subnet6.Contains(peer)
            ? gateway.AddressFor(guest)
            : peer;

    private sealed class TcpListener : IPollHandler, IDisposable
    {
        private readonly PortForwarder _owner;
        private readonly PortForward _forward;
        private readonly Func<bool, IpAddress?> _guest;
        private readonly int _socket, _slot;

        public TcpListener(PortForwarder owner, int socket, PortForward forward, Func<bool, IpAddress?> guest)
        {
            (_owner, _socket, _forward, _guest) = (owner, socket, forward, guest);
            _slot = owner.Gateway.Loop.Add(socket, Linux.EpollIn, this);
        }

        public void OnEvents(uint events)
        {
            for (var i = 0; i < 64; i++)
            {
                var socket = HostSocket.Accept(_socket, out var peer, out var port);
                if (socket < 0) return;
                // A guest that never took an IPv6 address is reached by IPv4 all the same.
                if ((_guest(peer.IsV4) ?? _guest(!peer.IsV4)) is not { } guest
                    || !_owner.Gateway.Tcp.Connect(HostStream.Accepted(_owner.Gateway.Loop, socket), guest, _forward.GuestPort, _owner.Shown(peer, guest), port))
                    HostSocket.CloseWithReset(socket);
            }
        }

        public void Dispose()
        {
            _owner.Gateway.Loop.Remove(_slot);
            _ = Linux.Close(_socket);
        }
    }

    /// <summary>A forwarded UDP port; answers leave through it.</summary>
    internal sealed class UdpListener : IPollHandler, IDisposable
    {
        private readonly PortForwarder _owner;
        private readonly PortForward _forward;
        private readonly Func<bool, IpAddress?> _guest;
        private readonly int _socket;
        private readonly DatagramIntake _intake;

        public UdpListener(PortForwarder owner, int socket, PortForward forward, Func<bool, IpAddress?> guest)
        {
            (_owner, _socket, _forward, _guest) = (owner, socket, forward, guest);
            _intake = new DatagramIntake(owner.Gateway.Udp, socket, owner.Gateway.Loop.Add(socket, Linux.EpollIn, this));
        }

        public void OnEvents(uint events)
        {
            var udp = _owner.Gateway.Udp;
            var count = _intake.Read();
            for (var i = 0; i < count; i++)
            {
                var (peer, port) = udp.Reader.Sender(i);
                if ((_guest(peer.IsV4) ?? _guest(!peer.IsV4)) is not { } guest) continue;
                udp.Forward(this, peer, port, guest, _forward.GuestPort, _owner.Shown(peer, guest), udp.Reader.Bytes(i), udp.Reader.SegmentSize(i));
            }
        }

        public void Send(ReadOnlySpan<byte> payload, IpAddress peer, ushort port) => HostSocket.SendTo(_socket, payload, peer, port);

        public int SendMany(ReadOnlySpan<byte> payload, int size, IpAddress peer, ushort port) => HostSocket.SendMany(_socket, payload, size, peer, port);

        public void Dispose() => _intake.Close();
    }
}
