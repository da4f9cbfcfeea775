using Holon.Networking;

namespace Holon.Devices.Tests.Virtio.Net;

/// <summary>virtio 1.2, §5.1.6.5: the control queue.</summary>
public sealed class NetControlTests
{
    private const byte Ok = 0, Refused = 1;

    private static readonly MacAddress _other = new(0x525400AAAAAA), _group = new(0x01005E000001);

    [Fact]
    public void Filters_let_through_what_the_driver_asks_for()
    {
        using var card = new CardFixture();
        card.GiveBuffers(40, 512);
        Assert.True(Passes(card, _other)); // promiscuous until the driver says otherwise
        Assert.Equal(Ok, card.Command(0, 0, 0));
        Assert.False(Passes(card, _other));
        Assert.False(Passes(card, _group));
        Assert.True(Passes(card, CardFixture.Mac));
        Assert.True(Passes(card, MacAddress.Broadcast));
        Assert.Equal(Ok, card.Command(0, 1, 1));
        Assert.True(Passes(card, _group));
        Assert.Equal(Ok, card.Command(0, 1, 0));
        Assert.Equal(Ok, card.Command(1, 0, [1, 0, 0, 0, 0x52, 0x54, 0, 0xAA, 0xAA, 0xAA, 1, 0, 0, 0, 1, 0, 0x5E, 0, 0, 1]));
        Assert.True(Passes(card, _other));
        Assert.True(Passes(card, _group));
        Assert.False(Passes(card, new MacAddress(0x01005E000002)));
        Assert.Equal(Ok, card.Command(0, 5, 1));
        Assert.False(Passes(card, MacAddress.Broadcast));
    }

    [Fact]
    public void A_table_that_is_too_long_lets_everything_of_its_kind_through()
    {
        using var card = new CardFixture();
        card.GiveBuffers(4, 512);
        Assert.Equal(Ok, card.Command(0, 0, 0));
        var table = new byte[4 + (100 * 6) + 4];
        table[0] = 100;
        Assert.Equal(Ok, card.Command(1, 0, table));
        Assert.True(Passes(card, _other));
        Assert.False(Passes(card, _group));
    }

    [Fact]
    public void Tables_that_are_cut_off_are_refused()
    {
        using var card = new CardFixture();
        Assert.Equal(Refused, card.Command(1, 0, 9, 0, 0, 0, 1, 2, 3));
        Assert.Equal(Refused, card.Command(1, 0, 0xFF, 0xFF, 0xFF, 0xFF));
        Assert.Equal(Refused, card.Command(1, 0, 0, 0, 0));
    }

    [Fact]
    public void Frames_of_a_virtual_network_need_that_to_be_asked_for()
    {
        using var card = new CardFixture();
        card.GiveBuffers(4, 512);
        var tagged = CardFixture.Frame(100);
        (tagged[12], tagged[13], tagged[14], tagged[15]) = (0x81, 0, 0, 5);
        Assert.True(card.Put(tagged));
        Assert.Null(card.Receive.Take());
        Assert.Equal(Ok, card.Command(2, 0, 5, 0));
        Assert.True(card.Put(tagged));
        Assert.NotNull(card.Receive.Take());
        Assert.Equal(Ok, card.Command(2, 1, 5, 0));
        Assert.True(card.Put(tagged));
        Assert.Null(card.Receive.Take());
        Assert.Equal(Refused, card.Command(2, 0, 0, 0x10));
    }

    [Fact]
    public void The_address_can_be_changed_and_a_reset_brings_the_first_back()
    {
        using var card = new CardFixture();
        Assert.Equal(Ok, card.Command(1, 1, 2, 0, 0, 0, 0, 9));
        Assert.Equal(0x0900_0000_0002u, card.Driver.Device(0, 4) | (card.Driver.Device(4, 2) << 32));
        Assert.Equal(new MacAddress(0x020000000009), card.Card.Mac);
        card.Driver.Common(0x14, 1, 0);
        Assert.Equal(CardFixture.Mac, card.Card.Mac);
    }

    [Fact]
    public void Offloads_can_be_switched_within_what_was_negotiated()
    {
        using var card = new CardFixture();
        Assert.Equal(Ok, card.Command(5, 0, 2, 0, 0, 0, 0, 0, 0, 0));
        Assert.Equal(PortFeatures.PartialChecksum, ((IFrameSink)card.Card).Features);
        Assert.Equal(Refused, card.Command(5, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0));
        Assert.Equal(Ok, card.Command(5, 0, 0, 0, 0, 0, 0, 0, 0, 0));
        Assert.Equal(PortFeatures.None, ((IFrameSink)card.Card).Features);
    }

    [Theory]
    [InlineData(0, Refused)]
    [InlineData(1, Ok)]
    [InlineData(2, Ok)]
    [InlineData(3, Refused)]
    public void As_many_pairs_as_there_are(byte pairs, byte answer)
    {
        using var card = new CardFixture(pairs: 2);
        Assert.Equal(2u, card.Driver.Device(8, 2));
        Assert.Equal(answer, card.Command(4, 0, pairs, 0));
    }

    [Fact]
    public void The_guest_announces_itself_when_it_is_asked_to() // §5.1.6.5.4
    {
        using var card = new CardFixture();
        card.Card.Announce();
        Assert.Equal(3u, card.Driver.Device(6, 2));
        Assert.Equal(Ok, card.Command(3, 0));
        Assert.Equal(1u, card.Driver.Device(6, 2));
    }

    [Fact]
    public void Without_several_queues_the_control_queue_is_the_third() // §5.1.2
    {
        using var card = new CardFixture(TestDriver.Everything & ~(1ul << 22), pairs: 2);
        card.Queues[^1] = card.Queues[2];
        Assert.Equal(Ok, card.Command(0, 0, 1));
    }

    [Fact]
    public void Commands_that_do_not_exist_are_refused()
    {
        using var card = new CardFixture();
        Assert.Equal(Refused, card.Command(99, 0, 1));
        Assert.Equal(Refused, card.Command(0, 6, 1));
        Assert.Equal(Refused, card.Command(0, 0));
        Assert.Equal(Refused, card.Command(4, 0, 1, 0)); // one pair only: the feature is not there
        Assert.Null(card.Driver.Broken);
    }

    private static bool Passes(CardFixture card, MacAddress destination)
    {
        Assert.True(card.Put(CardFixture.Frame(100, destination)));
        return card.Receive.Take() is not null;
    }
}
