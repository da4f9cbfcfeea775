using System.Security.Cryptography;

namespace Holon.EndToEnd;

/// <summary>Whole machines, from the command line to the guest and back.</summary>
public sealed class BusyboxTests(Busybox busybox) : IClassFixture<Busybox>
{
    private const string Limit = "180s"; // a boot takes a small part of it, on a host that does nothing else

    [Fact]
    public async Task A_command_prints_its_output_and_nothing_else()
    {
        busybox.Require();
        var outcome = await HolonProgram.RunAsync("run", "busybox", "--timeout", Limit, "--", "uname", "-a");
        AssertEnded(0, outcome);
        Assert.Matches(@"^Linux busybox 6\.\S+ #1 SMP PREEMPT_DYNAMIC .* x86_64 GNU/Linux\n$", outcome.Output);
        Assert.Empty(outcome.Error);
    }

    [Theory]
    [InlineData("translator", 2)]
    [InlineData("translator", 4)]
    [InlineData("interpreter", 2)]
    public async Task Several_processors_start_and_the_kernel_has_nothing_to_complain_about(string engine, int cpus)
    {
        busybox.Require();
        var outcome = await HolonProgram.RunAsync("run", "busybox", "--engine", engine, "--cpus", $"{cpus}", "--timeout", Limit, "--", "sh", "-c", "nproc; dmesg; poweroff -f");
        AssertEnded(0, outcome);
        Assert.StartsWith($"{cpus}\n", outcome.Output, StringComparison.Ordinal);
        Assert.Contains($"Brought up 1 node, {cpus} CPUs", outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"BUG:|WARNING:|soft lockup|rcu.*stall|Marking TSC unstable|Call Trace", outcome.Output);
    }

    [Fact]
    public async Task Input_output_and_exit_code_travel_unchanged()
    {
        busybox.Require();
        var input = new byte[20_000];
        new Random(1).NextBytes(input);
        var outcome = await HolonProgram.RunAsync(["run", "busybox", "--timeout", Limit, "--name", "web-1", "--", "sh", "-c", "cat; hostname >&2; exit 7"], input);
        AssertEnded(7, outcome);
        Assert.Equal(Convert.ToHexString(SHA256.HashData([.. input, .. "web-1\n"u8])), Convert.ToHexString(SHA256.HashData(outcome.OutputBytes)));
    }

    [Fact]
    public async Task Much_output_arrives_to_the_last_byte()
    {
        busybox.Require();
        var outcome = await HolonProgram.RunAsync("run", "busybox", "--timeout", Limit, "--", "seq", "1", "20000");
        AssertEnded(0, outcome);
        Assert.Equal(string.Concat(Enumerable.Range(1, 20000).Select(number => $"{number}\n")), outcome.Output);
    }

    [Fact]
    public async Task A_shell_on_a_terminal_takes_keys_and_returns_its_exit_code()
    {
        busybox.Require();
        var outcome = await HolonProgram.RunOnTerminalAsync($"stty rows 33 cols 99; '{HolonProgram.Path}' run busybox --timeout {Limit}; code=$?; stty -a | grep -o ' .icanon'; exit $code", async process =>
        {
            await process.WaitForAsync("~ # ");
            await process.TypeAsync("stty size; sleep 1000\r");
            await process.WaitForAsync("33 99");
            await Task.Delay(1000, TestContext.Current.CancellationToken);
            await process.TypeAsync("\u0003");
            await process.WaitForAsync("~ # ");
            await process.TypeAsync("exit 9\r");
        });
        Assert.Equal(9, outcome.ExitCode);
        Assert.DoesNotContain("-icanon", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ctrl_A_X_ends_the_machine_and_puts_the_terminal_back()
    {
        busybox.Require();
        var outcome = await HolonProgram.RunOnTerminalAsync($"'{HolonProgram.Path}' run busybox --timeout {Limit}; code=$?; stty -a | grep -o ' .icanon'; exit $code", async process =>
        {
            await Task.Delay(2000, TestContext.Current.CancellationToken);
            await process.TypeAsync("\u0001h\u0001x");
        });
        Assert.Equal(130, outcome.ExitCode);
        Assert.Contains("Ctrl-A X", outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("-icanon", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_time_limit_ends_with_124()
    {
        busybox.Require();
        var outcome = await HolonProgram.RunAsync("run", "busybox", "--timeout", "1s", "--", "sleep", "1000");
        Assert.Equal(124, outcome.ExitCode);
        Assert.True(outcome.Took < TimeSpan.FromSeconds(20), $"It took {outcome.Took}.");
    }

    [Fact]
    public async Task A_signal_ends_the_machine_with_its_code()
    {
        busybox.Require();
        var outcome = await HolonProgram.RunAsync(["run", "busybox", "--", "sleep", "1000"], [], meanwhile: async process =>
        {
            await Task.Delay(1500, TestContext.Current.CancellationToken);
            process.Signal(2);
        });
        AssertEnded(130, outcome);
    }

    [Fact]
    public async Task The_serial_line_in_a_file_leaves_the_command_without_input_and_the_terminal_alone()
    {
        busybox.Require();
        using var folder = new TemporaryFolder();
        var log = folder.File("serial", []);
        var outcome = await HolonProgram.RunAsync(["run", "busybox", "--timeout", Limit, "--serial", $"file:{log}", "--", "sh", "-c", "cat; echo done; exit 3"], "not for the guest"u8.ToArray());
        AssertEnded(3, outcome);
        Assert.Empty(outcome.Output);
        Assert.EndsWith("done\n", await File.ReadAllTextAsync(log, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_guest_that_panics_is_an_error_that_shows_its_last_words()
    {
        busybox.Require();
        var outcome = await HolonProgram.RunAsync("run", "busybox", "--timeout", Limit, "--append", "rdinit=/nonexistent", "--", "true");
        Assert.Equal(125, outcome.ExitCode);
        Assert.Contains("Kernel panic", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("reset itself", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(outcome.Output);
    }

    [Fact]
    public async Task Switching_off_is_success()
    {
        busybox.Require();
        AssertEnded(0, await HolonProgram.RunAsync("run", "busybox", "--timeout", Limit, "--", "poweroff"));
    }

    [Fact]
    public async Task A_truncated_kernel_and_an_initrd_beyond_memory_are_refused()
    {
        busybox.Require();
        using var folder = new TemporaryFolder();
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        var kernel = Path.Combine(cache, "holon", "images", "busybox", "kernel");
        var truncated = folder.File("truncated", (await File.ReadAllBytesAsync(kernel, TestContext.Current.CancellationToken))[..5_000_000]);
        var outcome = await HolonProgram.RunAsync("run", "--kernel", truncated, "--timeout", "10s");
        Assert.Equal(125, outcome.ExitCode);
        Assert.Contains(truncated, outcome.Error, StringComparison.Ordinal);

        var large = folder.File("large", []);
        await using (var file = File.OpenWrite(large)) file.SetLength(600_000_000); // sparse: takes no disk
        outcome = await HolonProgram.RunAsync("run", "--kernel", kernel, "--initrd", large, "--timeout", "10s");
        Assert.Equal(125, outcome.ExitCode);
        Assert.Contains("memory", outcome.Error, StringComparison.Ordinal);
    }

    private static void AssertEnded(int expected, Outcome outcome) =>
        Assert.True(outcome.ExitCode == expected, $"It ended with {outcome.ExitCode} after {outcome.Took}, printed\n{outcome.Output}\nand complained\n{outcome.Error}");
}
