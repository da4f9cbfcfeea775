using Holon.Devices.State;
using Holon.Devices.Virtio;
using Holon.Networking;

namespace Holon.Devices.Tests.Virtio.Net;

/// <summary>virtio 1.2, §5.1: frames in both directions.</summary>
public sealed class VirtioNetTests
{
    private const ulong MergeableBuffers = 1ul << 15;

    public static TheoryData<ulong> Layouts =>
        [CardFixture.NoFeatures, VirtioFeatures.Version1 | VirtioFeatures.EventIndex | MergeableBuffers, TestDriver.Everything & ~VirtioFeatures.PackedRing, TestDriver.Everything];

    [Theory]
    [MemberData(nameof(Layouts))]
    public void What_the_guest_sends_reaches_the_network_and_comes_back(ulong features)
    {
        using var card = new CardFixture(features);
        for (var i = 0; i < 200; i++)
        {
            var frame = CardFixture.Frame(60 + i, fill: (byte)i);
            card.Send(frame);
            Assert.Equal(frame, card.Take()!.Value.Bytes);
            Assert.NotNull(card.Transmit.Take());
        }

        Assert.Null(card.Take());
        Assert.Equal(0, card.Card.Dropped);
        Assert.True(card.Link.Signals >= 200);
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public void What_the_network_puts_is_in_the_buffers_with_its_header(ulong features)
    {
        using var card = new CardFixture(features);
        for (var i = 0; i < 200; i++)
        {
            var buffer = card.GiveBuffers(1, 2048)[0];
            if (i % 100 == 99) card.Driver.Messages.Clear();
            var frame = CardFixture.Frame(60 + i, fill: (byte)i);
            Assert.True(card.Put(frame, head: i % 3 == 0 ? 0 : 14));
            Assert.Equal((uint)frame.Length + 12, card.Receive.Take()!.Value.Written);
            Assert.Equal(frame, card.Driver.Memory.Span(buffer + 12, frame.Length).ToArray());
            Assert.Equal(1, card.Driver.Memory.Read<ushort>(buffer + 10)); // num_buffers, also when nothing is merged (§5.1.6.4.1)
        }

        Assert.Single(card.Driver.Messages.Sent);
    }

    [Theory]
    [InlineData(TestDriver.Everything)]
    [InlineData(TestDriver.Everything & ~VirtioFeatures.PackedRing)]
    public void A_frame_of_64_KiB_is_merged_from_many_buffers(ulong features) // §5.1.6.4
    {
        using var card = new CardFixture(features);
        for (var round = 0; round < 5; round++)
        {
            var buffers = card.GiveBuffers(20, 4096);
            var frame = CardFixture.Frame(65_000, fill: (byte)round);
            Assert.True(card.Put(frame));
            Assert.Equal(16, card.Driver.Memory.Read<ushort>(buffers[0] + 10));
            var got = new List<byte>();
            for (var i = 0; i < 16; i++) got.AddRange(card.Driver.Memory.Span(buffers[i], (int)card.Receive.Take()!.Value.Written));
            Assert.Equal(frame, got.Skip(12));
            Assert.Null(card.Receive.Take());
            for (var i = 16; i < 20; i++)
            {
                Assert.True(card.Put(CardFixture.Frame(100)));
                Assert.NotNull(card.Receive.Take());
            }
        }
    }

    [Theory]
    [InlineData(TestDriver.Everything)]
    [InlineData(TestDriver.Everything & ~VirtioFeatures.PackedRing)]
    [InlineData((TestDriver.Everything & ~VirtioFeatures.PackedRing) & ~VirtioFeatures.EventIndex)]
    public void Without_room_for_all_of_a_frame_nothing_of_it_is_taken_and_new_buffers_are_told(ulong features)
    {
        using var card = new CardFixture(features);
        card.GiveBuffers(3, 1024);
        Assert.False(card.Put(CardFixture.Frame(5000)));
        Assert.Null(card.Receive.Take());
        card.GiveBuffers(1, 1024);
        Assert.True(card.Receive.WantsNotification);
        var before = card.Link.Signals;
        card.GiveBuffers(2, 1024);
        card.Receive.Notify();
        Assert.Equal(before + 1, card.Link.Signals);
        Assert.True(card.Put(CardFixture.Frame(5000)));
        Assert.Equal([1024u, 1024u, 1024u, 1024u, 916u], Enumerable.Range(0, 5).Select(_ => card.Receive.Take()!.Value.Written));
    }

    [Fact]
    public void A_frame_that_no_buffer_can_hold_is_lost_and_the_buffer_stays()
    {
        using var card = new CardFixture(CardFixture.NoFeatures);
        card.GiveBuffers(1, 128);
        Assert.True(card.Put(CardFixture.Frame(1000)));
        Assert.Equal(1, card.Card.Dropped);
        Assert.True(card.Put(CardFixture.Frame(100)));
        Assert.Equal(112u, card.Receive.Take()!.Value.Written);
    }

    [Theory]
    [InlineData(true, true, PortFeatures.PartialChecksum | PortFeatures.Tso4 | PortFeatures.Tso6 | PortFeatures.Uso4 | PortFeatures.Uso6)]
    [InlineData(true, false, PortFeatures.PartialChecksum)]
    [InlineData(false, true, PortFeatures.None)]
    public void The_network_leaves_undone_what_the_guest_can_do(bool checksum, bool segments, PortFeatures expected)
    {
        const ulong GuestChecksum = 1 << 1, GuestSegments = (1 << 7) | (1 << 8) | (1ul << 54) | (1ul << 55);
        using var card = new CardFixture(TestDriver.Everything & ~(checksum ? 0 : GuestChecksum) & ~(segments ? 0 : GuestSegments));
        Assert.Equal(expected, ((IFrameSink)card.Card).Features);
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public void A_network_that_looks_by_itself_is_not_signalled(ulong features)
    {
        using var card = new CardFixture(features);
        INetworkPort port = card.Card;
        foreach (var signals in new[] { true, false, true, false })
        {
            port.Signals = signals;
            Assert.Null(card.Take());
            card.Send(CardFixture.Frame(100));
            Assert.Equal(signals, card.Transmit.WantsNotification);
            Assert.NotNull(card.Take());
            Assert.NotNull(card.Transmit.Take());
        }
    }

    public static TheoryData<byte, byte, ushort, ushort, ushort> Impossible => new()
    {
        { 1, 0, 0, 50, 60 }, // a checksum field behind the frame's end
        { 1, 0, 0, 0xFFFF, 0xFFFF },
        { 0, 1, 1448, 0, 0 }, // segments without a checksum to complete
        { 1, 1, 0, 34, 16 }, // segments of no bytes
        { 1, 5, 0, 34, 6 },
        { 1, 3, 1448, 34, 16 }, // UDP fragmentation, which was not offered
        { 1, 77, 1448, 34, 16 },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    public void A_header_that_cannot_be_loses_its_frame_only(byte flags, byte gso, ushort segment, ushort start, ushort offset)
    {
        using var card = new CardFixture();
        card.Send(CardFixture.Frame(100), new FrameOffload { Flags = flags, GsoCode = gso, SegmentSize = segment, ChecksumStart = start, ChecksumOffset = offset });
        Assert.Null(card.Take());
        Assert.NotNull(card.Transmit.Take());
        Assert.Equal(1, card.Card.Dropped);
        card.Send(CardFixture.Frame(100));
        Assert.NotNull(card.Take());
        Assert.Null(card.Driver.Broken);
    }

    [Fact]
    public void Offloads_travel_with_the_frame_but_a_driver_vouches_for_nothing()
    {
        using var card = new CardFixture();
        var offload = new FrameOffload { Flags = 3, GsoCode = 0x81, HeaderLength = 54, SegmentSize = 1448, ChecksumStart = 34, ChecksumOffset = 16 };
        card.Send(CardFixture.Frame(9000), offload);
        offload.Flags = FrameOffload.NeedsChecksum;
        Assert.Equal(offload, card.Take()!.Value.Offload);
    }

    [Fact]
    public void A_frame_without_its_header_and_one_of_too_many_bytes_are_dropped()
    {
        using var card = new CardFixture();
        card.Transmit.Add(indirect: false, new DriverBuffer(card.Allocate(8), 8, false));
        card.Transmit.Add(indirect: false, new DriverBuffer(card.Allocate(12), 12, false));
        card.Transmit.Add(indirect: true, new DriverBuffer(0x40_0000, 1 << 18, false));
        card.Transmit.Notify();
        Assert.Null(card.Take());
        Assert.Equal(3, card.Card.Dropped);
        for (var i = 0; i < 3; i++) Assert.NotNull(card.Transmit.Take());
    }

    [Fact]
    public async Task Stopping_waits_for_the_frame_that_the_network_holds()
    {
        using var card = new CardFixture();
        card.Send(CardFixture.Frame(100));
        var frame = new Frame();
        Assert.True(card.Card.TryTake(frame));
        var stopping = Task.Run(card.Driver.Function.Pause, TestContext.Current.CancellationToken);
        await Task.Delay(20, TestContext.Current.CancellationToken);
        Assert.False(stopping.IsCompleted);
        card.Card.Release(frame);
        await stopping;
        card.Send(CardFixture.Frame(100));
        Assert.Null(card.Take());
        Assert.False(card.Put(CardFixture.Frame(100)));
        card.Driver.Messages.Clear();
        card.Driver.Function.Continue();
        Assert.NotEmpty(card.Driver.Messages.Sent); // the frame that came back while it stood still
        Assert.NotNull(card.Take());
    }

    [Fact]
    public void Flows_are_received_where_they_were_sent() // §5.1.6.5.5
    {
        using var card = new CardFixture(pairs: 4);
        Assert.Equal(0, card.Command(4, 0, 4, 0));
        for (var pair = 0; pair < 4; pair++) card.GiveBuffers(8, 2048, pair);
        for (ushort port = 1; port <= 4; port++)
        {
            card.Send(CardFixture.Frame(100, sourcePort: port), pair: port - 1);
            Assert.NotNull(card.Take());
        }

        for (ushort port = 1; port <= 4; port++)
        {
            Assert.True(card.Put(CardFixture.Frame(100, sourcePort: 2000, destinationPort: port)));
            Assert.NotNull(card.Queues[(port - 1) * 2].Take());
        }
    }

    [Fact]
    public void Every_queue_has_its_turn()
    {
        using var card = new CardFixture(pairs: 2);
        Assert.Equal(0, card.Command(4, 0, 2, 0));
        for (var i = 0; i < 30; i++) card.Send(CardFixture.Frame(100, fill: 1), pair: 0);
        card.Send(CardFixture.Frame(200), pair: 1);
        for (var i = 0; i < 31; i++) Assert.NotNull(card.Take());
        Assert.Null(card.Take());
    }

    [Fact]
    public void A_pulled_cable_loses_frames_and_the_guest_knows()
    {
        using var card = new CardFixture();
        Assert.Equal(1u, card.Driver.Device(6, 2));
        card.Card.SetLink(false);
        Assert.Equal(0u, card.Driver.Device(6, 2));
        Assert.Contains(card.Driver.Messages.Sent, message => message.Data == 0);
        card.Send(CardFixture.Frame(100));
        Assert.Null(card.Take());
        Assert.NotNull(card.Transmit.Take());
        card.GiveBuffers(1, 2048);
        Assert.True(card.Put(CardFixture.Frame(100)));
        Assert.Null(card.Receive.Take());
        card.Card.SetLink(true);
        card.Send(CardFixture.Frame(100));
        Assert.NotNull(card.Take());
    }

    [Fact]
    public void A_saved_card_goes_on_in_another_one_and_asks_the_guest_to_announce_itself()
    {
        using var card = new CardFixture();
        card.GiveBuffers(2, 2048);
        card.Send(CardFixture.Frame(77));
        Assert.Equal(0, card.Command(1, 1, 2, 3, 4, 5, 6, 7));
        card.Driver.Function.Pause();
        var writer = new DeviceStateWriter();
        card.Driver.Function.Save(writer);

        using var other = new CardFixture();
        card.Driver.Memory.Span(0, 8 << 20).CopyTo(other.Driver.Memory.Span(0, 8 << 20));
        other.Driver.Function.Pause();
        other.Driver.Function.Load(new DeviceStateReader(writer.Written, "test"));
        other.Driver.Function.Continue();
        Assert.Equal(new MacAddress(0x020304050607), other.Card.Mac);
        Assert.Equal(77, other.Take()!.Value.Bytes.Length);
        Assert.True(other.Put(CardFixture.Frame(100)));
        Assert.Equal(3u, other.Driver.Device(6, 2));
    }

    [Fact]
    public void Nothing_is_allocated_while_frames_flow()
    {
        using var card = new CardFixture();
        var frame = new Frame();
        var bytes = CardFixture.Frame(64);
        var buffers = new DriverBuffer[] { new(card.Allocate(100), 76, false) };
        var receive = new DriverBuffer[] { new(card.Allocate(2048), 2048, true) };
        var allocated = 0L;
        for (var i = 0; i < 1000; i++)
        {
            card.Transmit.Add(indirect: false, buffers);
            card.Receive.Add(indirect: false, receive);
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.True(card.Card.TryTake(frame));
            card.Card.Release(frame);
            Assert.True(card.Card.TryPut(bytes, [], default));
            card.Card.Flush();
            if (i > 100) allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            card.Transmit.Take();
            card.Receive.Take();
        }

        Assert.True(allocated < 100_000, $"{allocated} bytes"); // the test's own message queue
    }
}
