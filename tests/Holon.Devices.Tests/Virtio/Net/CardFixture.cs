using System.Runtime.InteropServices;
using Holon.Devices.Virtio;
using Holon.Devices.Virtio.Net;
using Holon.Networking;

namespace Holon.Devices.Tests.Virtio.Net;

/// <summary>A card between a driver, which fills its queues, and a network, which the test is.</summary>
internal sealed class CardFixture : IDisposable
{
    public const ulong NoFeatures = VirtioFeatures.Version1;
    public const int HeaderLength = 12;

    public static readonly MacAddress Mac = new(0x525400123456);

    private const ulong Buffers = 0x30_0000;

    private readonly nint _native = Marshal.AllocHGlobal(1 << 17);
    private ulong _next = Buffers;

    public CardFixture(ulong features = TestDriver.Everything, int pairs = 1, ushort queueSize = 64)
    {
        Card = new VirtioNet(new VirtioNetOptions(Mac, 1500, pairs));
        Card.Plug(Link);
        Driver = new TestDriver(Card);
        Driver.Negotiate(features);
        Driver.UseMessages();
        Queues = [.. Enumerable.Range(0, (int)Driver.Common(0x12, 2)).Select(i => Driver.SetUp(i, queueSize))];
        Driver.Ready();
    }

    public VirtioNet Card { get; }

    public TestDriver Driver { get; }

    public FakeLink Link { get; } = new();

    public TestQueue[] Queues { get; }

    public TestQueue Receive => Queues[0];

    public TestQueue Transmit => Queues[1];

    public TestQueue Control => Queues[^1];

    /// <summary>Memory for a buffer.</summary>
    public ulong Allocate(int length)
    {
        var at = _next;
        _next += (ulong)(length + 15) & ~15ul;
        return at;
    }

    /// <summary>Gives a frame to be sent, header and body in buffers of their own.</summary>
    public void Send(byte[] frame, FrameOffload offload = default, int pair = 0)
    {
        var header = Allocate(HeaderLength);
        var body = Allocate(frame.Length);
        Driver.Memory.Write(header, offload);
        frame.CopyTo(Driver.Memory.Span(body, frame.Length));
        Queues[(pair * 2) + 1].Add(indirect: false, new DriverBuffer(header, HeaderLength, false), new DriverBuffer(body, (uint)frame.Length, false));
        Queues[(pair * 2) + 1].Notify();
    }

    /// <summary>What the network takes; null when there is nothing. The frame is given back at once.</summary>
    public (byte[] Bytes, FrameOffload Offload)? Take()
    {
        var frame = new Frame();
        if (!Card.TryTake(frame)) return null;
        var bytes = new byte[frame.Length];
        frame.CopyTo(0, bytes);
        Card.Release(frame);
        Card.Flush();
        return (bytes, frame.Offload);
    }

    /// <summary>Gives receive buffers of a length.</summary>
    public ulong[] GiveBuffers(int count, int length, int pair = 0)
    {
        var buffers = Enumerable.Range(0, count).Select(_ => Allocate(length)).ToArray();
        foreach (var buffer in buffers) Queues[pair * 2].Add(indirect: false, new DriverBuffer(buffer, (uint)length, true));
        return buffers;
    }

    /// <summary>Puts a frame, the first bytes as its head and the rest as a segment.</summary>
    public bool Put(byte[] frame, FrameOffload offload = default, int head = 14)
    {
        Marshal.Copy(frame, head, _native, frame.Length - head);
        var done = Card.TryPut(frame.AsSpan(0, head), [new MemorySegment(_native, frame.Length - head)], offload);
        Card.Flush();
        return done;
    }

    /// <summary>Gives a command to the control queue.</summary>
    /// <returns>The answer: 0 is done, 1 is refused.</returns>
    public byte Command(byte group, byte command, params byte[] data)
    {
        var at = Allocate(data.Length + 2);
        var answer = Allocate(1);
        Driver.Memory.Write(answer, (byte)0xEE);
        Driver.Memory.Write(at, (ushort)(group | (command << 8)));
        data.CopyTo(Driver.Memory.Span(at + 2, data.Length));
        Assert.Equal(1u, Control.Do(indirect: false, new DriverBuffer(at, (uint)data.Length + 2, false), new DriverBuffer(answer, 1, true)));
        return Driver.Memory.Read<byte>(answer);
    }

    /// <summary>An IPv4 frame from or to the card.</summary>
    public static byte[] Frame(int length, MacAddress? destination = null, byte fill = 1, ushort sourcePort = 1000, ushort destinationPort = 2000)
    {
        var frame = new byte[length];
        for (var i = 0; i < length; i++) frame[i] = (byte)(fill + i);
        (destination ?? Mac).Write(frame);
        ((ReadOnlySpan<byte>)[2, 0, 0, 0, 0, 1, 8, 0, 0x45]).CopyTo(frame.AsSpan(6));
        if (length < 38) return frame;
        frame[23] = 6;
        (frame[34], frame[35], frame[36], frame[37]) = ((byte)(sourcePort >> 8), (byte)sourcePort, (byte)(destinationPort >> 8), (byte)destinationPort);
        return frame;
    }

    public void Dispose()
    {
        Driver.Dispose();
        Marshal.FreeHGlobal(_native);
    }

    internal sealed class FakeLink : INetworkLink
    {
        private int _signals;

        public int Signals => _signals;

        public NetworkCounters Counters => default;

        public void Signal() => Interlocked.Increment(ref _signals);

        public void Dispose()
        {
        }
    }
}
