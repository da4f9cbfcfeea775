using System.Text;
using System.Text.Json;
using Holon.Machines.Control;

namespace Holon.EndToEnd;

/// <summary>Machines that are seen and steered from other terminals.</summary>
public sealed class ControlTests(Busybox busybox) : IClassFixture<Busybox>, IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();

    private Dictionary<string, string> Environment => new() { ["XDG_RUNTIME_DIR"] = _folder.Path, ["XDG_STATE_HOME"] = _folder.Path };

    /// <summary>A failed test leaves no machine behind.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var machine in JsonSerializer.Deserialize((await RunAsync("ps", "--json")).Output, MachineJson.Default.IReadOnlyListMachineDescription)!) await RunAsync("kill", machine.Name);
        _folder.Dispose();
    }

    [Fact]
    public async Task A_machine_without_a_terminal_is_seen_steered_and_remembered()
    {
        busybox.Require();
        Assert.Equal("web\n", await DoneAsync("run", "--detach", "--name", "web", "busybox", "--", "sh", "-c", "echo hello; read line; echo got $line; exit 7"));
        await UntilAsync("hello", "logs", "web");
        var row = (await DoneAsync("ps")).Split('\n')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["web", "vm", "running"], row[..3]);
        Assert.Equal(["1", "512M"], row[4..6]);
        Assert.Equal("busybox", row[^1]);

        var statistics = JsonSerializer.Deserialize(await DoneAsync("stats", "web", "--json"), MachineJson.Default.MachineStatistics)!;
        Assert.InRange(statistics.ResidentBytes, 10ul << 20, statistics.MemoryBytes);
        Assert.True(Assert.Single(statistics.Processors).CpuSeconds > 0);
        Assert.Contains("of a host processor", await DoneAsync("stats", "web"), StringComparison.Ordinal);

        await DoneAsync("pause", "web");
        Assert.Contains(" paused ", await DoneAsync("ps"), StringComparison.Ordinal);
        Assert.Contains("is not running", await RefusedAsync("pause", "web"), StringComparison.Ordinal);
        await DoneAsync("resume", "web");
        Assert.Contains("power button", await RefusedAsync("stop", "web"), StringComparison.Ordinal);
        Assert.Contains("runs already", await RefusedAsync("run", "--detach", "--name", "web", "busybox"), StringComparison.Ordinal);
        Assert.Contains("runs; end it first", await RefusedAsync("rm", "web"), StringComparison.Ordinal);

        var events = HolonProgram.RunAsync(["events", "web"], [], environment: Environment);
        var attached = await HolonProgram.RunAsync(["attach", "web"], Encoding.ASCII.GetBytes("abc\r"), environment: Environment);
        Assert.Equal(7, attached.ExitCode);
        Assert.Contains("got abc", attached.Output, StringComparison.Ordinal);
        Assert.Contains("status.paused", (await events).Output, StringComparison.Ordinal);

        Assert.Equal(7, (await RunAsync("wait", "web")).ExitCode);
        Assert.DoesNotContain("web", await DoneAsync("ps"), StringComparison.Ordinal);
        Assert.Contains("ended (7)", await DoneAsync("ps", "--all"), StringComparison.Ordinal);
        Assert.Contains("got abc", await DoneAsync("logs", "web"), StringComparison.Ordinal);
        Assert.Contains("does not run any more", await RefusedAsync("stats", "web"), StringComparison.Ordinal);
        await DoneAsync("rm", "web");
        Assert.Contains("There is no machine 'web'", await RefusedAsync("logs", "web"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_disk_comes_and_goes_and_a_killed_machine_is_noticed()
    {
        busybox.Require();
        var first = _folder.File("first", new byte[1 << 20]);
        var second = _folder.File("second, of two", new byte[1 << 20]);
        const string guest = "while ! [ -e /dev/vdb ]; do sleep 0.1; done; cat /dev/vdb >/dev/null; echo there; while [ -e /dev/vdb ]; do sleep 0.1; done; echo gone; sleep 1000";
        Assert.Equal("busybox\n", await DoneAsync("run", "-d", "busybox", "--disk", first, "--", "sh", "-c", guest));
        await DoneAsync("disk", "attach", "busybox", second.Replace(",", ",,", StringComparison.Ordinal) + ",ro,format=raw,name=b");
        await UntilAsync("there", "logs", "busybox");
        Assert.Contains("There is a device 'b' already", await RefusedAsync("disk", "attach", "busybox", second.Replace(",", ",,", StringComparison.Ordinal) + ",ro,format=raw,name=b"), StringComparison.Ordinal);
        Assert.Contains("first", await DoneAsync("stats", "busybox"), StringComparison.Ordinal);
        await DoneAsync("disk", "detach", "busybox", "b");
        await UntilAsync("gone", "logs", "busybox");
        Assert.Contains("cannot be taken out", await RefusedAsync("disk", "detach", "busybox", "first"), StringComparison.Ordinal);
        await DoneAsync("kill", "busybox");
        Assert.DoesNotContain("busybox", await DoneAsync("ps"), StringComparison.Ordinal);
        Assert.Contains("its process was killed", await DoneAsync("ps", "--all"), StringComparison.Ordinal);
        Assert.Contains("was killed", await RefusedAsync("wait", "busybox"), StringComparison.Ordinal);
        await DoneAsync("rm", "busybox");
    }

    [Fact]
    public async Task A_machine_that_cannot_start_says_why_before_it_is_left()
    {
        Assert.Contains("there-is-none", await RefusedAsync("run", "--detach", "--kernel", "/there-is-none"), StringComparison.Ordinal);
        Assert.DoesNotContain("machine", await DoneAsync("ps"), StringComparison.Ordinal);
    }

    private Task<Outcome> RunAsync(params string[] arguments) => HolonProgram.RunAsync(arguments, [], environment: Environment);

    private async Task<string> DoneAsync(params string[] arguments)
    {
        var outcome = await RunAsync(arguments);
        Assert.True(outcome.ExitCode == 0, $"holon {string.Join(' ', arguments)}: {outcome.ExitCode}, {outcome.Error}");
        return outcome.Output;
    }

    private async Task<string> RefusedAsync(params string[] arguments)
    {
        var outcome = await RunAsync(arguments);
        Assert.Equal(125, outcome.ExitCode);
        return outcome.Error;
    }

    private async Task UntilAsync(string text, params string[] arguments)
    {
        for (var deadline = DateTime.UtcNow + TimeSpan.FromMinutes(2); DateTime.UtcNow < deadline; await Task.Delay(100, TestContext.Current.CancellationToken))
        {
            if ((await DoneAsync(arguments)).Contains(text, StringComparison.Ordinal)) return;
        }

        Assert.Fail($"holon {string.Join(' ', arguments)} did not show '{text}'.");
    }
}
