using System.Buffers.Binary;
using Holon.Devices.Pci;
using Holon.Devices.Rtl8139;
using Holon.Devices.State;
using Holon.Devices.Tests.Virtio;
using Holon.Devices.Tests.Virtio.Net;
using Holon.Memory;
using Holon.Networking;

namespace Holon.Devices.Tests.Rtl8139;

/// <summary>Realtek RTL8139C(L) data sheet, driven as Linux's 8139too does.</summary>
public sealed class Rtl8139CardTests : IDisposable
{
    private const ulong SendBuffers = 0x1_0000, Ring = 0x10_0000;

    private readonly GuestMemory _memory = new(new MemoryRange(0, 4 << 20));
    private readonly FakeLine _line = new();
    private readonly CardFixture.FakeLink _link = new();
    private readonly PciBus _bus;
    private readonly Rtl8139Card _card;

    public Rtl8139CardTests()
    {
        _card = new Rtl8139Card(_memory, CardFixture.Mac);
        _card.Plug(_link);
        _bus = new PciBus(new FakeAddressSpace(), (_, _) => _line);
        _bus.Attach(_card, 3);
        _bus.WriteConfiguration(3 << 3, 4, 2, 7);
    }

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void The_address_is_in_the_eeprom() // AT93C46, read bit by bit through 9346CR
    {
        Assert.Equal(0x8129, ReadEeprom(0));
        var mac = new byte[6];
        for (var i = 0; i < 3; i++) BinaryPrimitives.WriteUInt16LittleEndian(mac.AsSpan(i * 2), ReadEeprom(7 + i));
        Assert.Equal(CardFixture.Mac, MacAddress.Read(mac));
        Assert.Equal(0x74u, Read(0x43, 1)); // an RTL8139C
    }

    [Fact]
    public void Frames_are_sent_in_the_order_of_the_slots()
    {
        Start();
        for (var round = 0; round < 3; round++)
        {
            for (var slot = 0; slot < 4; slot++)
            {
                var frame = CardFixture.Frame(100 + slot, fill: (byte)(round + slot));
                _memory.Write(SendBuffers + ((ulong)slot * 2048), frame);
                Write(0x20 + (slot * 4), 4, (uint)SendBuffers + ((uint)slot * 2048));
                Write(0x10 + (slot * 4), 4, (uint)frame.Length);
                Assert.Equal(frame, Take());
                Assert.Equal(0xA000u, Read(0x10 + (slot * 4), 4) & 0xA000); // OWN and TOK
            }
        }

        Assert.Null(Take());
        Assert.True(_line.Asserted);
        Write(0x3E, 2, 0xFFFF);
        Assert.False(_line.Asserted);
    }

    [Fact]
    public void Short_frames_are_filled_up_and_impossible_ones_aborted()
    {
        Start();
        Write(0x20, 4, (uint)SendBuffers);
        Write(0x10, 4, 20);
        Assert.Equal(60, Take()!.Length);
        Write(0x24, 4, 0xFFFF_0000);
        Write(0x14, 4, 100);
        Assert.Null(Take());
        Assert.Equal(1u << 30, Read(0x14, 4) & (1u << 30));
        Write(0x18, 4, 0x1FFF);
        Assert.Null(Take());
    }

    [Fact]
    public void Received_frames_go_round_the_ring()
    {
        Start();
        var at = 0;
        for (var i = 0; i < 100; i++)
        {
            var frame = CardFixture.Frame(60 + (i * 14), fill: (byte)i);
            Assert.Equal(1u, Read(0x37, 1) & 1);
            Assert.True(Put(frame));
            Assert.Equal(0u, Read(0x37, 1) & 1);
            Assert.Equal(0x4001, _memory.Read<ushort>(Ring + (ulong)at));
            Assert.Equal(frame.Length + 4, _memory.Read<ushort>(Ring + (ulong)at + 2));
            var got = Enumerable.Range(0, frame.Length).Select(k => _memory.Read<byte>(Ring + (ulong)((at + 4 + k) % 8192))).ToArray();
            Assert.Equal(frame, got);
            at = (at + frame.Length + 8 + 3) / 4 * 4 % 8192;
            Write(0x38, 2, (uint)(ushort)(at - 16));
        }
    }

    [Fact]
    public void A_full_ring_makes_the_network_wait_until_the_driver_has_read()
    {
        Start();
        var count = 0;
        for (; Put(CardFixture.Frame(1000)); count++) Assert.True(count < 10);
        Assert.Equal(8, count);
        Assert.NotEqual(0u, Read(0x3E, 2) & 0x10);
        var before = _link.Signals;
        Write(0x38, 2, (uint)(ushort)(1008 - 16));
        Assert.Equal(before + 1, _link.Signals);
        Assert.True(Put(CardFixture.Frame(500)));
    }

    [Theory]
    [InlineData(0x02u, "own")]
    [InlineData(0x08u, "broadcast")]
    [InlineData(0x04u, "group")]
    [InlineData(0x01u, "other own broadcast group")]
    public void Only_what_is_asked_for_is_received(uint accept, string expected)
    {
        Start(accept);
        Write(0x08, 4, 0xFFFF_FFFF);
        Write(0x0C, 4, 0xFFFF_FFFF);
        var got = new List<string>();
        foreach (var (name, mac) in new[] { ("other", new MacAddress(0x525400AAAAAA)), ("own", CardFixture.Mac), ("broadcast", MacAddress.Broadcast), ("group", new MacAddress(0x01005E000001)) })
        {
            var before = Read(0x3A, 2);
            Assert.True(Put(CardFixture.Frame(60, mac)));
            if (Read(0x3A, 2) != before) got.Add(name);
        }

        Assert.Equal(expected, string.Join(' ', got));
    }

    [Fact]
    public void A_saved_card_goes_on()
    {
        Start();
        Write(0x20, 4, (uint)SendBuffers);
        Write(0x10, 4, 64);
        _card.Pause();
        Assert.Null(Take());
        var writer = new DeviceStateWriter();
        _card.Save(writer);
        var other = new Rtl8139Card(_memory, new MacAddress(0x525400000001));
        new PciBus(new FakeAddressSpace(), (_, _) => _line).Attach(other, 3);
        other.Load(new DeviceStateReader(writer.Written, "test"));
        other.Continue();
        Assert.Equal(_card.Registers.Read(0, 8), other.Registers.Read(0, 8));
        Assert.True(other.TryTake(new Frame()));
    }

    [Fact]
    public void No_guest_breaks_it()
    {
        var random = new Random(8139);
        for (var i = 0; i < 100_000; i++)
        {
            if (random.Next(2) == 0) Write(random.Next(256), 1 << random.Next(3), (uint)random.NextInt64(1L << 32));
            else Read(random.Next(256), 1 << random.Next(3));
            if (i % 5 == 0) Take();
            if (i % 7 == 0) Put(CardFixture.Frame(60 + random.Next(1400)));
        }

        _card.Reset();
        _bus.WriteConfiguration(3 << 3, 4, 2, 7);
        Start();
        Assert.True(Put(CardFixture.Frame(60)));
    }

    private void Start(uint accept = 0x0A)
    {
        Write(0x37, 1, 0x10);
        Assert.Equal(0u, Read(0x37, 1) & 0x10);
        Write(0x30, 4, (uint)Ring);
        Write(0x37, 1, 0x0C);
        Write(0x44, 4, accept);
        Write(0x3C, 2, 0xFFFF);
    }

    private uint Read(int offset, int size) => (uint)_card.Read((ulong)offset, size);

    private void Write(int offset, int size, uint value) => _card.Write((ulong)offset, size, value);

    private byte[]? Take()
    {
        var frame = new Frame();
        if (!_card.TryTake(frame)) return null;
        var bytes = new byte[frame.Length];
        frame.CopyTo(0, bytes);
        _card.Release(frame);
        return bytes;
    }

    private bool Put(byte[] frame) => _card.TryPut(frame, [], default);

    private ushort ReadEeprom(int word)
    {
        Write(0x50, 1, 0x80);
        Write(0x50, 1, 0x88);
        var command = word | (6 << 6);
        for (var bit = 10; bit >= 0; bit--)
        {
            var data = (uint)(command >> bit & 1) << 1;
            Write(0x50, 1, 0x88 | data);
            Write(0x50, 1, 0x8C | data);
        }

        Write(0x50, 1, 0x88);
        var value = 0u;
        for (var bit = 0; bit < 16; bit++)
        {
            Write(0x50, 1, 0x8C);
            value = value << 1 | (Read(0x50, 1) & 1);
            Write(0x50, 1, 0x88);
        }

        Write(0x50, 1, 0);
        return (ushort)value;
    }
}
