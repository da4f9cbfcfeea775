using CsCheck;
using Holon.Machines;
using Holon.Networking.Rules;

namespace Holon.Networking.Tests.Rules;

public sealed class RulesTests
{
    [Theory]
    [InlineData("2222:22", null, 2222, 22, Transport.Tcp)]
    [InlineData("127.0.0.1:8080:80", "127.0.0.1", 8080, 80, Transport.Tcp)]
    [InlineData("5353:53/udp", null, 5353, 53, Transport.Udp)]
    [InlineData("[::1]:80:80", "::1", 80, 80, Transport.Tcp)]
    [InlineData("[::1]:0:65535/tcp", "::1", 0, 65535, Transport.Tcp)]
    public void Forwarded_ports_are_read(string text, string? address, int host, int guest, Transport transport)
    {
        var forward = PortForward.Parse(text);
        Assert.Equal((address, host, guest, transport), (forward.Address?.ToString(), forward.HostPort, forward.GuestPort, forward.Transport));
        Assert.Equal(forward, PortForward.Parse(forward.ToString()));
    }

    [Theory]
    [InlineData("22", "the guest's port is missing")]
    [InlineData("22:", "'' is not a port")]
    [InlineData("22:0", "'0' is not a port")]
    [InlineData("70000:22", "'70000' is not a port")]
    [InlineData("a:22", "'a' is not a port")]
    [InlineData("1:2/sctp", "'sctp' is neither tcp nor udp")]
    [InlineData("1.2.3:1:2", "'1.2.3' is not an IPv4 address")]
    [InlineData("[1.2.3.4]:1:2", "not an IPv6 address")]
    [InlineData("[::1]", "the ports are missing")]
    [InlineData("::1:80:80", "is not a port")]
    [InlineData("", "the guest's port is missing")]
    public void A_wrong_forwarded_port_is_explained(string text, string why) =>
        Assert.Contains(why, Assert.Throws<HolonException>(() => PortForward.Parse(text)).Message);

    [Fact]
    public void No_text_breaks_the_parsers() => Gen.String.Sample(text =>
    {
        foreach (var parse in new Action[] { () => PortForward.Parse(text), () => FirewallRule.Parse(text, true), () => ByteRate.Parse(text), () => HostGrant.Parse(text) })
        {
            try
            {
                parse();
            }
            catch (HolonException)
            {
                // the only kind there is
            }
        }
    });

    // rules (+ allow, - deny), transport, address, port, whether it passes; example.org was answered with 192.0.2.80
    [Theory]
    [InlineData("", Transport.Tcp, "192.0.2.1", 80, true)]
    [InlineData("-all", Transport.Tcp, "192.0.2.1", 80, false)]
    [InlineData("-all", Transport.Any, "192.0.2.1", 0, false)]
    [InlineData("+example.org:443 -all", Transport.Tcp, "192.0.2.80", 443, true)]
    [InlineData("+example.org:443 -all", Transport.Tcp, "192.0.2.80", 80, false)]
    [InlineData("+example.org:443 -all", Transport.Tcp, "192.0.2.81", 443, false)]
    [InlineData("+*.example.org -all", Transport.Tcp, "192.0.2.90", 443, true)]
    [InlineData("+*.example.org -all", Transport.Tcp, "192.0.2.80", 443, false)]
    [InlineData("+192.0.2.0/24:80-90/tcp -all", Transport.Tcp, "192.0.2.7", 85, true)]
    [InlineData("+192.0.2.0/24:80-90/tcp -all", Transport.Udp, "192.0.2.7", 85, false)]
    [InlineData("+192.0.2.0/24:80-90/tcp -all", Transport.Tcp, "192.0.3.7", 85, false)]
    [InlineData("-10.0.0.0/8 -192.168.0.0/16", Transport.Tcp, "10.1.2.3", 80, false)]
    [InlineData("-10.0.0.0/8 -192.168.0.0/16", Transport.Tcp, "11.1.2.3", 80, true)]
    [InlineData("+[2001:db8::/32]:53/udp -all", Transport.Udp, "2001:db8:1::1", 53, true)]
    [InlineData("+[2001:db8::/32]:53/udp -all", Transport.Udp, "2001:db9::1", 53, false)]
    [InlineData("-all +192.0.2.1", Transport.Tcp, "192.0.2.1", 80, false)]
    public void The_first_rule_that_matches_decides(string rules, Transport transport, string address, int port, bool passes)
    {
        var firewall = Firewall(rules);
        Assert.True(IpAddress.TryParse("192.0.2.80", out var known));
        Assert.True(IpAddress.TryParse("192.0.2.90", out var below));
        firewall.Remember("example.org", known, 300_000_000_000, 0);
        firewall.Remember("www.example.org", below, 300_000_000_000, 0);
        Assert.True(IpAddress.TryParse(address, out var asked));
        Assert.Equal(passes, firewall.Allows(transport, asked, (ushort)port, 1));
    }

    [Theory]
    [InlineData("", "anything.org", true)]
    [InlineData("-all", "anything.org", false)]
    [InlineData("+example.org:443 -all", "example.org", true)]
    [InlineData("+example.org:443 -all", "secret-data.attacker.org", false)]
    [InlineData("+192.0.2.0/24 -all", "anything.org", true)]
    [InlineData("-example.org", "example.org", false)]
    public void Names_are_resolved_only_where_they_may_lead_somewhere(string rules, string name, bool may) => Assert.Equal(may, Firewall(rules).MayResolve(name));

    [Fact]
    public void An_answer_is_remembered_for_its_lifetime_and_no_more_than_there_is_room_for()
    {
        var firewall = new Firewall([FirewallRule.Parse("*.org", true), FirewallRule.Parse("all", false)], 100);
        var address = IpAddress.V4(0xC0000201);
        firewall.Remember("a.org", address, 300_000_000_000, 0);
        Assert.True(firewall.Allows(Transport.Tcp, address, 1, 300_000_000_000));
        Assert.False(firewall.Allows(Transport.Tcp, address, 1, 300_000_000_001));
        for (var i = 0u; i < 1000; i++) firewall.Remember($"h{i}.org", IpAddress.V4(i), 300_000_000_000, 0);
        Assert.Equal(100, firewall.Remembered);
    }

    [Fact]
    public void A_token_bucket_keeps_its_rate()
    {
        var bucket = new TokenBucket(ByteRate.Parse("8M")); // a million bytes a second
        long now = 1, passed = 0;
        while (now < 10_000_000_000)
        {
            var opens = bucket.OpensAt(now);
            if (opens > now)
            {
                now = opens;
                continue;
            }

            bucket.Take(1500);
            passed += 1500;
        }

        Assert.InRange(passed, 9_900_000, 10_200_000);
    }

    private static Firewall Firewall(string rules) => new(
        [.. rules.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(rule => FirewallRule.Parse(rule[1..], rule[0] == '+'))],
        4096);
}
