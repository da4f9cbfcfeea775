using Holon.Cli.Running;
using Holon.Machines;
using Holon.SystemMachine;
using Holon.SystemMachine.Images;

namespace Holon.Cli.Tests.Running;

public sealed class MachineRunTests
{
    private static readonly SystemMachineSpec Spec = new() { Kernel = "kernel" };

    [Theory]
    [InlineData(MachineExitReason.PowerOff, 0, 0)]
    [InlineData(MachineExitReason.DebugExit, 7, 7)]
    [InlineData(MachineExitReason.DebugExit, 255, 255)]
    [InlineData(MachineExitReason.TimedOut, 0, ExitCodes.TimedOut)]
    [InlineData(MachineExitReason.Stopped, 0, ExitCodes.Interrupted)]
    public async Task A_machines_end_becomes_the_exit_code(MachineExitReason reason, int code, int expected) =>
        Assert.Equal(expected, await RunAsync(Request(), machine => End(machine, new MachineExit(reason, code))));

    [Fact]
    public async Task A_reset_is_an_error_that_says_so() =>
        Assert.Contains("reset itself", await FailAsync(new MachineExit(MachineExitReason.Reset)), StringComparison.Ordinal);

    [Fact]
    public async Task A_failure_is_told_in_the_machines_own_words() =>
        Assert.Equal("No instruction at 0x1234.", await FailAsync(new MachineExit(MachineExitReason.Failed, Failure: "No instruction at 0x1234")));

    [Fact]
    public async Task A_stack_trace_is_a_defect_and_not_the_users_error() =>
        await Assert.ThrowsAsync<InvalidOperationException>(() => RunAsync(Request(), machine => End(machine, new MachineExit(MachineExitReason.Failed, Failure: "Holon itself failed\n   at X"))));

    [Fact]
    public async Task The_time_limit_ends_a_machine_that_does_not_end()
    {
        FakeMachine? seen = null;
        var request = Request() with { Spec = Spec with { Timeout = TimeSpan.FromMilliseconds(50) } };
        Assert.Equal(ExitCodes.TimedOut, await RunAsync(request, machine => Keep(machine, out seen)));
        Assert.True(seen!.Stopped);
    }

    [Fact]
    public async Task Cancelling_ends_it_as_the_user_did()
    {
        using var source = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        Assert.Equal(ExitCodes.Interrupted, await RunUntilAsync(Request(), _ => Task.CompletedTask, source.Token));
    }

    [Fact]
    public async Task The_serial_line_goes_to_a_file()
    {
        var path = Path.GetTempFileName();
        try
        {
            await RunAsync(Request() with { Serial = new SerialTarget(SerialTargetKind.File, path) }, machine =>
            {
                machine.Print("hello"u8);
                return End(machine, new MachineExit(MachineExitReason.PowerOff));
            });
            Assert.Equal("hello", await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task A_full_disk_under_the_serial_file_ends_the_run_with_a_clear_error()
    {
        var request = Request() with { Serial = new SerialTarget(SerialTargetKind.File, "/dev/full") };
        var error = await Assert.ThrowsAsync<HolonException>(() => RunAsync(request, machine =>
        {
            machine.Print("hello"u8);
            return Task.CompletedTask;
        }));
        Assert.Contains("/dev/full", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_without_an_image_is_refused() =>
        Assert.Contains("image", (await Assert.ThrowsAsync<HolonException>(() => RunAsync(Request() with { Command = ["ls"] }, _ => Task.CompletedTask))).Message, StringComparison.Ordinal);

    private static RunRequest Request() => new() { Spec = Spec, Serial = new SerialTarget(SerialTargetKind.None) };

    private static Task<int> RunAsync(RunRequest request, Func<FakeMachine, Task> guest) => RunUntilAsync(request, guest, TestContext.Current.CancellationToken);

    private static Task<int> RunUntilAsync(RunRequest request, Func<FakeMachine, Task> guest, CancellationToken cancellationToken) =>
        new MachineRun(request, FakeMachine.Factory(guest), new ImageStore("/nonexistent")).RunAsync(cancellationToken);

    private static async Task<string> FailAsync(MachineExit exit) =>
        (await Assert.ThrowsAsync<HolonException>(() => RunAsync(Request(), machine => End(machine, exit)))).Message;

    private static Task End(FakeMachine machine, MachineExit exit)
    {
        machine.End(exit);
        return Task.CompletedTask;
    }

    private static Task Keep(FakeMachine machine, out FakeMachine? seen)
    {
        seen = machine;
        return Task.CompletedTask;
    }
}
