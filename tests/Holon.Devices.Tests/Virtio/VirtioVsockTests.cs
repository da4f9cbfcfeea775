using System.Net.Sockets;
using System.Text;
using Holon.Devices.Virtio.Vsock;

namespace Holon.Devices.Tests.Virtio;

/// <summary>virtio 1.2, §5.10, with Unix sockets at the host's end.</summary>
public sealed class VirtioVsockTests : IDisposable
{
    private const ulong Transmit = 0x1_0000, Receive = 0x2_0000;
    private const int ReceiveLength = 4096 + 44, Buffers = 8;

    private readonly string _folder = Directory.CreateTempSubdirectory("holon").FullName;
    private readonly TestDriver _driver;
    private readonly TestQueue _receive, _transmit;
    private readonly Dictionary<ushort, ulong> _given = [];

    public VirtioVsockTests()
    {
        _driver = new TestDriver(new VirtioVsock(7, SocketPath));
        _driver.Negotiate();
        _driver.UseMessages();
        (_receive, _transmit) = (_driver.SetUp(0), _driver.SetUp(1));
        _driver.Ready();
        for (var i = 0ul; i < Buffers; i++) Give(Receive + (i * 0x2000));
        _receive.Notify();
    }

    private string SocketPath => Path.Combine(_folder, "v");

    public void Dispose()
    {
        _driver.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private void Give(ulong at) => _given[_receive.Add(indirect: false, new DriverBuffer(at, ReceiveLength, true))] = at;

    private void Send(uint guestPort, uint hostPort, VsockOperation operation, string data = "", uint flags = 0, uint credit = 65536, uint forwarded = 0)
    {
        var packet = new VsockPacket(7, 2, guestPort, hostPort, (uint)data.Length, 1, operation, flags, credit, forwarded);
        packet.Write(_driver.Memory.Span(Transmit, VsockPacket.HeaderLength));
        _driver.Memory.Write(Transmit + VsockPacket.HeaderLength, Encoding.ASCII.GetBytes(data));
        _transmit.Do(indirect: true, new DriverBuffer(Transmit, (uint)(VsockPacket.HeaderLength + data.Length), false));
    }

    private (VsockPacket Packet, string Data) Get()
    {
        var (id, written) = _receive.Wait();
        var at = _given[id];
        var packet = VsockPacket.Parse(_driver.Memory.Span(at, VsockPacket.HeaderLength));
        var data = Encoding.ASCII.GetString(_driver.Memory.Span(at + VsockPacket.HeaderLength, (int)written - VsockPacket.HeaderLength));
        Give(at);
        _receive.Notify();
        return (packet, data);
    }

    /// <summary>Asks how many bytes of a connection have been passed on.</summary>
    private uint Forwarded(uint guestPort, uint hostPort)
    {
        Send(guestPort, hostPort, VsockOperation.CreditRequest);
        var (packet, _) = Get();
        Assert.Equal(VsockOperation.CreditUpdate, packet.Operation);
        return packet.Forwarded;
    }

    private static string ReadLine(Socket socket, int length)
    {
        var buffer = new byte[length];
        var done = 0;
        while (done < length && socket.Receive(buffer.AsSpan(done)) is var count and > 0) done += count;
        return Encoding.ASCII.GetString(buffer, 0, done);
    }

    [Fact]
    public void A_guest_reaches_a_listener_on_the_host()
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(SocketPath + "_1000"));
        listener.Listen();
        Send(50, 1000, VsockOperation.Request);
        using var host = listener.Accept();
        Assert.Equal(VsockOperation.Response, Get().Packet.Operation);
        Send(50, 1000, VsockOperation.Data, "from guest");
        Assert.Equal("from guest", ReadLine(host, 10));
        Assert.True(SpinWait.SpinUntil(() => Forwarded(50, 1000) == 10, TimeSpan.FromSeconds(20))); // who reads may be quicker than who counts what was passed on
        host.Send("from host"u8);
        var (packet, data) = Get();
        Assert.Equal((VsockOperation.Data, "from host", 1000u, 50u), (packet.Operation, data, packet.SourcePort, packet.DestinationPort));
        Assert.Equal(10u, packet.Forwarded);
        host.Shutdown(SocketShutdown.Send);
        Assert.Equal((VsockOperation.Shutdown, VsockPacket.NoSend), (Get().Packet is var end ? end.Operation : default, end.Flags));
        Send(50, 1000, VsockOperation.Shutdown, flags: 3);
        Assert.Equal("", ReadLine(host, 1));
        Assert.Equal(VsockOperation.Reset, Get().Packet.Operation);
    }

    [Fact]
    public void A_program_on_the_host_reaches_a_port_of_the_guest()
    {
        using var host = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        host.Connect(new UnixDomainSocketEndPoint(SocketPath));
        host.Send("CONNECT 22\nearly"u8);
        var (request, _) = Get();
        Assert.Equal((VsockOperation.Request, 22u), (request.Operation, request.DestinationPort));
        Send(22, request.SourcePort, VsockOperation.Response);
        var greeting = $"OK {request.SourcePort}\n";
        Assert.Equal(greeting, ReadLine(host, greeting.Length));
        Assert.Equal("early", Get().Data);
    }

    [Fact]
    public void Nobody_there_is_a_reset()
    {
        Send(50, 4444, VsockOperation.Request);
        Assert.Equal(VsockOperation.Reset, Get().Packet.Operation);
        Send(50, 5555, VsockOperation.Data, "x");
        Assert.Equal(VsockOperation.Reset, Get().Packet.Operation);
        Send(50, 5555, VsockOperation.Reset); // not answered, or two ends would answer each other for ever
        Send(51, 5555, VsockOperation.Shutdown);
        Assert.Equal(51u, Get().Packet.DestinationPort);
    }

    [Fact]
    public void More_is_never_sent_than_the_guest_has_room_for()
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(SocketPath + "_1000"));
        listener.Listen();
        Send(50, 1000, VsockOperation.Request, credit: 10);
        using var host = listener.Accept();
        Assert.Equal(VsockOperation.Response, Get().Packet.Operation);
        host.Send("0123456789abcdef"u8);
        Assert.Equal("0123456789", Get().Data);
        Send(50, 1000, VsockOperation.CreditUpdate, credit: 10, forwarded: 10);
        Assert.Equal("abcdef", Get().Data);
    }
}
