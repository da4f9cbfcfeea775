using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Holon.Machines.Control;

namespace Holon.Machines.Tests.Control;

/// <summary>What a machine answers, also to those who mean it ill.</summary>
public sealed class ControlServerTests
{
    [Fact]
    public void It_says_what_it_is_and_what_it_did()
    {
        using var machine = new ControlledMachine();
        var described = machine.Client.TryDescribe(ControlClient.Patience)!;
        Assert.Equal(("fake", "vm", MachineStatus.Running, "none", 2, 512 * MemorySize.MiB, "image", Environment.ProcessId), (described.Name, described.Kind, described.Status, described.Engine, described.Processors, described.MemoryBytes, described.Image, described.ProcessId));
        Assert.Equal(0.5, Assert.Single(machine.Client.Get("/v1/machine/statistics", MachineJson.Default.MachineStatistics).Processors).CpuSeconds);
        Assert.Contains("\"status\":\"Running\"", machine.Say("GET /v1/machine HTTP/1.1\r\n\r\n"u8), StringComparison.Ordinal);
    }

    [Fact]
    public void It_is_paused_resumed_and_stopped()
    {
        using var machine = new ControlledMachine();
        machine.Client.Change("POST", "/v1/machine/pause");
        Assert.Equal(MachineStatus.Paused, machine.Machine.Status);
        Assert.Contains("paused", Assert.Throws<HolonException>(() => machine.Client.Change("POST", "/v1/machine/stop")).Message, StringComparison.Ordinal);
        Assert.Equal("The machine 'fake' is not running.", Assert.Throws<HolonException>(() => machine.Client.Change("POST", "/v1/machine/pause")).Message);
        machine.Client.Change("POST", "/v1/machine/resume");
        machine.Client.Change("POST", "/v1/machine/stop");
        machine.Client.Change("POST", "/v1/machine/devices", new ControlRequest { Kind = "disk", Device = "/a,ro" });
        Assert.Equal(["shutdown", "attach disk /a,ro"], machine.Machine.Asked);
        Assert.Equal("There is no device 'x y/z' in the machine.", Assert.Throws<HolonException>(() => machine.Client.Change("DELETE", "/v1/machine/devices/x%20y%2Fz")).Message);
        Assert.True(machine.Client.TryChange("POST", "/v1/machine/stop", new ControlRequest { Force = true }));
        Assert.Equal(MachineStatus.Stopped, machine.Machine.Status);
    }

    [Fact]
    public async Task Everybody_who_waits_hears_of_the_end()
    {
        using var machine = new ControlledMachine();
        var cancellation = TestContext.Current.CancellationToken;
        var waiters = Enumerable.Range(0, 3).Select(_ => Task.Run(() => machine.Client.Wait(cancellation), cancellation)).ToArray();
        machine.Machine.End(new MachineExit(MachineExitReason.DebugExit, 7));
        foreach (var outcome in await Task.WhenAll(waiters)) Assert.Equal(new MachineOutcome(MachineExitReason.DebugExit, 7), outcome);
    }

    [Fact]
    public void Events_from_before_and_after_are_told_to_every_reader()
    {
        using var machine = new ControlledMachine();
        machine.Machine.Events.Add("one", "The first.");
        using var first = new StreamReader(machine.Client.Open("/v1/machine/events"));
        using var second = new StreamReader(machine.Client.Open("/v1/machine/events"));
        Assert.Contains("\"one\"", first.ReadLine(), StringComparison.Ordinal);
        machine.Machine.Events.Add("two", "The second.");
        Assert.Contains("\"two\"", first.ReadLine(), StringComparison.Ordinal);
        Assert.Equal(["one", "two"], [Kind(second.ReadLine()!), Kind(second.ReadLine()!)]);
        machine.Machine.Events.End();
        Assert.Null(first.ReadLine());

        static string Kind(string line) => JsonSerializer.Deserialize(line, MachineJson.Default.MachineEvent)!.Kind;
    }

    [Fact]
    public void The_console_shows_what_was_printed_and_takes_keys()
    {
        using var machine = new ControlledMachine();
        machine.Console.Write("login: "u8);
        using var console = machine.Client.Open("/v1/machine/console", ControlApi.ConsoleProtocol);
        console.Write("root\n"u8);
        var shown = new byte[12];
        console.ReadExactly(shown);
        Assert.Equal("login: root\n", Encoding.ASCII.GetString(shown));
        Assert.Equal("root\n", machine.Typed.ToString());
        machine.Console.End();
        Assert.Equal(0, console.Read(shown));
        using var log = new StreamReader(machine.Client.Open("/v1/machine/console/log"));
        Assert.Equal("login: root\n", log.ReadToEnd());
    }

    [Fact]
    public void A_console_at_a_terminal_is_not_shared()
    {
        using var machine = new ControlledMachine(hasTerminal: true);
        Assert.Contains("at the terminal", Assert.Throws<HolonException>(() => machine.Client.Open("/v1/machine/console", ControlApi.ConsoleProtocol)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n", 404)]
    [InlineData("GET /v2/machine HTTP/1.1\r\n\r\n", 404)]
    [InlineData("GET /v1/nothing HTTP/1.1\r\n\r\n", 404)]
    [InlineData("DELETE /v1/machine HTTP/1.1\r\n\r\n", 405)]
    [InlineData("GET /v1/machine/pause HTTP/1.1\r\n\r\n", 405)]
    [InlineData("PATCH /v1/machine HTTP/1.1\r\n\r\n", 501)]
    [InlineData("GET /v1/machine HTTP/2.0\r\n\r\n", 400)]
    [InlineData("GET /v1/machine\r\n\r\n", 400)]
    [InlineData("GET  /v1/machine HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET http://machine/v1/machine HTTP/1.1\r\n\r\n", 400)]
    [InlineData("\r\n\r\n", 400)]
    [InlineData("GET /v1/machine HTTP/1.1\r\nno field\r\n\r\n", 400)]
    [InlineData("GET /v1/machine HTTP/1.1\r\n: empty\r\n\r\n", 400)]
    [InlineData("GET /v1/machine HTTP/1.1\r\nName : x\r\n\r\n", 400)]
    [InlineData("GET /v1/machine HTTP/1.1\r\nName: \u0000\r\n\r\n", 400)]
    [InlineData("POST /v1/machine/devices HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400)]
    [InlineData("POST /v1/machine/devices HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 400)]
    [InlineData("POST /v1/machine/devices HTTP/1.1\r\nContent-Length: 65537\r\n\r\n", 413)]
    [InlineData("POST /v1/machine/devices HTTP/1.1\r\nContent-Length: 2\r\ncontent-length: 3\r\n\r\n{}", 400)]
    [InlineData("POST /v1/machine/devices HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501)]
    [InlineData("POST /v1/machine/devices HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 400)]
    [InlineData("POST /v1/machine/devices HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]", 400)]
    [InlineData("POST /v1/machine/devices HTTP/1.1\r\nContent-Length: 4\r\n\r\n{\"a\"", 400)]
    [InlineData("POST /v1/machine/devices HTTP/1.1\r\n\r\n{}", 400)]
    [InlineData("GET /v1/machine/console HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET /v1/machine HTTP/1.1\r\n\r\nGET /v1/machine HTTP/1.1\r\n\r\n", 400)]
    public void What_is_no_request_is_refused_in_a_sentence(string message, int status)
    {
        using var machine = new ControlledMachine();
        var answer = machine.Say(Encoding.Latin1.GetBytes(message));
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains("{\"error\":\"", answer, StringComparison.Ordinal);
        Assert.NotNull(machine.Client.TryDescribe(ControlClient.Patience));
    }

    [Theory]
    [InlineData("")]
    [InlineData("GET /v1/mach")]
    [InlineData("GET /v1/machine HTTP/1.1\r\nContent-Length: 10\r\n\r\n{")]
    public void A_request_that_ends_early_is_nobodys_trouble(string message)
    {
        using var machine = new ControlledMachine();
        var answer = machine.Say(Encoding.Latin1.GetBytes(message), closeBehind: true);
        Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 400 ", StringComparison.Ordinal), answer);
        Assert.NotNull(machine.Client.TryDescribe(ControlClient.Patience));
    }

    [Fact]
    public void A_head_without_end_is_cut_off()
    {
        using var machine = new ControlledMachine();
        Assert.StartsWith("HTTP/1.1 431 ", machine.Say(Encoding.ASCII.GetBytes("GET /v1/machine HTTP/1.1\r\n" + new string('a', 1 << 20))), StringComparison.Ordinal);
    }

    [Fact]
    public void Random_bytes_do_no_harm()
    {
        using var machine = new ControlledMachine(patience: TimeSpan.FromMilliseconds(50));
        var random = new Random(1);
        for (var round = 0; round < 100; round++)
        {
            var message = new byte[random.Next(1, 600)];
            random.NextBytes(message);
            var answer = machine.Say([.. message, .. "\r\n\r\n"u8], closeBehind: true);
            Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 4", StringComparison.Ordinal) || answer.StartsWith("HTTP/1.1 50", StringComparison.Ordinal), answer); // also 503: on a busy host old connections are still being closed
        }

        SpinWait.SpinUntil(() => machine.Say("GET /v1/machine HTTP/1.1\r\n\r\n"u8).StartsWith("HTTP/1.1 200", StringComparison.Ordinal));
    }

    [Fact]
    public void A_client_that_sends_slowly_is_cut_off_and_holds_up_nobody()
    {
        using var machine = new ControlledMachine(patience: TimeSpan.FromMilliseconds(200));
        using var slow = machine.Connect();
        slow.Send("GET /v1/ma"u8);
        Assert.NotNull(machine.Client.TryDescribe(ControlClient.Patience));
        var answer = new byte[4096];
        Assert.StartsWith("HTTP/1.1 408 ", Encoding.ASCII.GetString(answer, 0, slow.Receive(answer)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_client_that_reads_nothing_holds_up_nobody_and_misses_what_is_overwritten()
    {
        using var machine = new ControlledMachine();
        using var log = machine.Client.Open("/v1/machine/console/log?follow=true");
        var line = Encoding.ASCII.GetBytes(new string('x', 1023) + "\n");
        for (var i = 0; i < 4096; i++) machine.Console.Write(line); // 4 MiB: more than is kept and than the socket holds
        machine.Console.Write("end"u8);
        Assert.NotNull(machine.Client.TryDescribe(ControlClient.Patience));
        machine.Console.End();
        using var text = new StreamReader(log);
        var read = text.ReadToEnd();
        Assert.EndsWith("end", read, StringComparison.Ordinal);
        Assert.True(read.Length < 4 << 20);
    }

    [Fact]
    public void Too_many_clients_are_turned_away_and_come_back_when_others_have_gone()
    {
        using var machine = new ControlledMachine();
        var open = new List<Socket>();
        for (var i = 0; i < ControlServer.MostConnections; i++)
        {
            open.Add(machine.Connect());
            open[^1].Send("GET"u8);
        }

        Assert.StartsWith("HTTP/1.1 503 ", machine.Say(""u8), StringComparison.Ordinal);
        foreach (var socket in open) socket.Dispose();
        SpinWait.SpinUntil(() => machine.Say("GET /v1/machine HTTP/1.1\r\n\r\n"u8).StartsWith("HTTP/1.1 200", StringComparison.Ordinal));
    }
}
