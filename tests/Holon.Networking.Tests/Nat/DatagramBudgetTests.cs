using System.Net;
using System.Net.Sockets;
using Holon.Machines;
using Holon.Networking.Nat;
using static Holon.Networking.Tests.Nat.GatewayFixture;

namespace Holon.Networking.Tests.Nat;

/// <summary>Datagrams come to a guest no faster than it looks at them.</summary>
public sealed class DatagramBudgetTests : IDisposable
{
    private readonly ProcessorRest _processors = new();
    private readonly UdpClient _host = new(new IPEndPoint(IPAddress.Loopback, 0));
    private readonly GatewayFixture _fixture;

    public DatagramBudgetTests() => _fixture = new GatewayFixture(new NatOptions { HostAccess = [HostGrant.Parse("all")], Processors = _processors });

    public void Dispose()
    {
        _host.Dispose();
        _fixture.Dispose();
    }

    [Fact]
    public void A_guest_that_rests_may_always_be_given_more()
    {
        _processors.Begin();
        var budget = new DatagramBudget(_fixture.Loop, _processors, () => { });
        for (var i = 0; i < 10; i++)
        {
            Assert.True(budget.HasAny());
            budget.Take(DatagramBudget.Most);
        }
    }

    [Fact]
    public void A_busy_guest_is_given_no_more_until_it_rests()
    {
        var resumed = 0;
        using var budget = new DatagramBudget(_fixture.Loop, _processors, () => resumed++);
        Assert.True(budget.HasAny());
        budget.Take(DatagramBudget.Most);
        Assert.True(budget.HasAny()); // the first time, since it has been given nothing for long
        budget.Take(DatagramBudget.Most);
        Assert.False(budget.HasAny());
        _fixture.Loop.Signalled!();
        Assert.Equal(0, resumed); // that was somebody else
        _processors.Begin();
        _fixture.Loop.Signalled!();
        Assert.Equal(1, resumed);
        Assert.True(budget.HasAny());
        _processors.End();
        budget.Take(DatagramBudget.Most);
        Assert.False(budget.HasAny());
        Assert.True(_fixture.Loop.Timers.Next < long.MaxValue); // if it never rests, time will do
        budget.Fire(_fixture.Loop.Timers.Next);
        Assert.Equal(2, resumed);
    }

    [Fact]
    public void Whoever_has_asked_is_told_once_when_a_processor_rests()
    {
        var told = 0;
        _processors.Rested += () => told++;
        _processors.Begin();
        Assert.Equal(0, told);
        Assert.True(_processors.Await());
        _processors.End();
        Assert.False(_processors.Await());
        _processors.Begin();
        _processors.Begin();
        Assert.Equal(1, told);
    }

    [Fact]
    public async Task All_datagrams_reach_a_guest_that_never_rests()
    {
        var cancellation = TestContext.Current.CancellationToken;
        _fixture.Loop.Start();
        _fixture.Loop.Call(() =>
        {
            _fixture.Send(Udp(Guest4, 1000, _fixture.Gateway.Gateway4, (ushort)((IPEndPoint)_host.Client.LocalEndPoint!).Port, [1]));
            return true;
        });
        var question = await _host.ReceiveAsync(cancellation);
        const int Count = 10 * DatagramBudget.Most;
        for (var i = 0; i < Count; i++) await _host.SendAsync(new byte[100], question.RemoteEndPoint, cancellation);
        while (_fixture.Loop.Call(() => _fixture.Answers.Count) < Count) await Task.Delay(1, cancellation);
    }
}
