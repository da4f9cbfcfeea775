using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Holon.Networking.Nat;

namespace Holon.Networking.Tests.Real;

/// <summary>
/// Linux's own stack on both sides of our NAT: guest — TAP — NAT — host — router — far, each a namespace of its own. The far side serves DNS,
/// HTTP and echoes.
/// </summary>
public sealed class RealNetwork : IDisposable
{
    public const string Far4 = "203.0.113.2", Far6 = "2001:db8:2::2", Router4 = "198.51.100.1", Router6 = "2001:db8:1::1";
    public const int BodySize = 32 << 20;

    private readonly List<IDisposable> _parts = [];
    private readonly CancellationTokenSource _ending = new();

    public RealNetwork()
        : this(new NatOptions())
    {
    }

    internal RealNetwork(NatOptions options, Func<TapPort, INetworkPort>? wrap = null)
    {
        if (NetworkNamespace.Unavailable is not null) return;
        Guest = Keep(new NetworkNamespace("hg"));
        Host = Keep(new NetworkNamespace("hh"));
        var router = Keep(new NetworkNamespace("hr"));
        Far = Keep(new NetworkNamespace("hf"));
        Wire(Host, "198.51.100.2/24", "2001:db8:1::2/64", router, "198.51.100.1/24", "2001:db8:1::1/64");
        Wire(router, "203.0.113.1/24", "2001:db8:2::1/64", Far, "203.0.113.2/24", "2001:db8:2::2/64");
        router.Execute("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0");
        Host.Execute("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647");
        Host.Execute("ip", "route", "add", "default", "via", Router4);
        Host.Execute("ip", "-6", "route", "add", "default", "via", Router6);
        Far.Execute("sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0");
        Far.Execute("ip", "route", "add", "default", "via", "203.0.113.1");
        Far.Execute("ip", "-6", "route", "add", "default", "via", "2001:db8:2::1");
        Body = new byte[BodySize];
        new Random(1).NextBytes(Body);
        Serve(Far, IPAddress.Any);
        Serve(Far, IPAddress.IPv6Any);
        Serve(Host, IPAddress.Loopback);

        options = options with { Resolvers = [IpAddress.From(IPAddress.Parse(Far4))] };
        Tap = Keep(Guest.Run(() => TapPort.Open("tap0")));
        Guest.Execute("ip", "link", "set", "tap0", "address", "52:54:00:12:34:56");
        Nat = Keep(Host.Run(() => new NatNetwork(options)));
        Nat.Faulted += Faults.Add;
        Link = Nat.Connect(wrap is null ? Tap : wrap(Tap), "debian", new MacAddress(0x5254_0012_3456));
        Guest.Execute("sysctl", "-qw", "net.ipv6.conf.tap0.accept_dad=0");
        Guest.Execute("ip", "link", "set", "tap0", "up");
        Guest.Execute("ip", "addr", "add", "10.0.2.2/24", "dev", "tap0");
        Guest.Execute("ip", "route", "add", "default", "via", "10.0.2.1");
        Guest.Execute("ip", "-6", "addr", "add", "fd68:6f6c:6f6e::2/64", "dev", "tap0", "nodad");
        for (var i = 0; i < 100 && !Guest.Execute("ip", "-6", "route").Contains("default via fe80::1", StringComparison.Ordinal); i++) Thread.Sleep(50); // the advertisement
        Guest.TryExecute("ping", "-c", "1", "-W", "1", "fd68:6f6c:6f6e::1"); // the gateway learns the guest's address, as from any traffic
    }

    public NetworkNamespace Guest { get; } = null!;

    public NetworkNamespace Host { get; } = null!;

    public NetworkNamespace Far { get; } = null!;

    public TapPort Tap { get; } = null!;

    public NatNetwork Nat { get; } = null!;

    public INetworkLink Link { get; } = null!;

    public byte[] Body { get; } = null!;

    public List<Exception> Faults { get; } = [];

    /// <summary>Skips the test where there is no such network, or not the program that it compares with.</summary>
    public static void Require(params string[] programs)
    {
        if (NetworkNamespace.Unavailable is { } reason) Assert.Skip(reason);
        foreach (var program in programs)
        {
            if (!new[] { "/usr/bin", "/usr/sbin", "/bin", "/sbin" }.Any(folder => File.Exists(Path.Combine(folder, program))))
                Assert.Skip($"{program} is not installed");
        }
    }

    public void Dispose()
    {
        _ending.Cancel();
        _parts.Reverse();
        foreach (var part in _parts) part.Dispose();
        _ending.Dispose();
    }

    private T Keep<T>(T part)
        where T : IDisposable
    {
        _parts.Add(part);
        return part;
    }

    private static void Wire(NetworkNamespace left, string left4, string left6, NetworkNamespace right, string right4, string right6)
    {
        left.Execute("ip", "link", "add", "away", "type", "veth", "peer", "name", "home", "netns", right.Name);
        foreach (var (side, device, v4, v6) in new[] { (left, "away", left4, left6), (right, "home", right4, right6) })
        {
            side.Execute("ip", "addr", "add", v4, "dev", device);
            side.Execute("ip", "-6", "addr", "add", v6, "dev", device, "nodad");
            side.Execute("ip", "link", "set", device, "up");
        }
    }

    /// <summary>Port 80 sends the body, port 7 echoes (TCP and UDP), port 53 answers every name with 203.0.113.2 and 2001:db8:2::2.</summary>
    internal void Serve(NetworkNamespace where, IPAddress address) => where.Run(() =>
    {
        Listen(address, 80, async stream =>
        {
            var request = new byte[4096];
            _ = await stream.ReadAsync(request, _ending.Token);
            await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes($"HTTP/1.0 200 OK\r\nContent-Length: {BodySize}\r\n\r\n"), _ending.Token);
            await stream.WriteAsync(Body, _ending.Token);
        });
        Listen(address, 7, stream => stream.CopyToAsync(stream, _ending.Token));
        Listen(address, 53, async stream =>
        {
            var message = new byte[65537];
            while (true)
            {
                await stream.ReadExactlyAsync(message.AsMemory(0, 2), _ending.Token);
                var length = BinaryPrimitives.ReadUInt16BigEndian(message);
                await stream.ReadExactlyAsync(message.AsMemory(0, length), _ending.Token);
                var answer = Answer(message.AsSpan(0, length));
                var framed = new byte[answer.Length + 2];
                BinaryPrimitives.WriteUInt16BigEndian(framed, (ushort)answer.Length);
                answer.CopyTo(framed, 2);
                await stream.WriteAsync(framed, _ending.Token);
            }
        });
        Datagrams(address, 7, message => message);
        Datagrams(address, 53, message => Answer(message));
        return true;
    });

    private void Listen(IPAddress address, int port, Func<NetworkStream, Task> serve)
    {
        var listener = new TcpListener(address, port);
        listener.Server.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        if (address.AddressFamily == AddressFamily.InterNetworkV6) listener.Server.DualMode = false;
        listener.Start(4096);
        _parts.Add(listener);
        _ = Task.Run(async () =>
        {
            while (!_ending.IsCancellationRequested)
            {
                var client = await listener.AcceptTcpClientAsync(_ending.Token);
                _ = Task.Run(async () =>
                {
                    try
                    {
                        using (client) await serve(client.GetStream());
                    }
                    catch (Exception exception) when (exception is IOException or OperationCanceledException or SocketException)
                    {
                        // the client's business
                    }
                });
            }
        });
    }

    private void Datagrams(IPAddress address, int port, Func<byte[], byte[]> answer)
    {
        var socket = new UdpClient(new IPEndPoint(address, port));
        _parts.Add(socket);
        _ = Task.Run(async () =>
        {
            while (!_ending.IsCancellationRequested)
            {
                var received = await socket.ReceiveAsync(_ending.Token);
                await socket.SendAsync(answer(received.Buffer), received.RemoteEndPoint, _ending.Token);
            }
        });
    }

    private static byte[] Answer(ReadOnlySpan<byte> query)
    {
        Services.DnsMessage.TryReadQuestion(query, out _, out var type, out var end);
        return Services.DnsMessage.Answer(query, end, 0, type switch
        {
            Services.DnsMessage.TypeA => IpAddress.From(IPAddress.Parse(Far4)),
            Services.DnsMessage.TypeAaaa => IpAddress.From(IPAddress.Parse(Far6)),
            _ => null,
        });
    }
}
