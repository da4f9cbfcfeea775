using Holon.Machines;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.SystemMachine.Tests.Machine;

/// <summary>Created → Running ⇄ Paused → Stopped, or Failed.</summary>
public sealed class LifecycleTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_guest_that_exits_by_the_debug_port_ends_its_machine_with_its_code()
    {
        await using var test = new TestMachine(c => { c.Print("hello"); c.Exit(5); });
        Assert.Equal(MachineStatus.Created, test.Machine.Status);
        Assert.Equal(new MachineExit(MachineExitReason.DebugExit, 5), await test.Run());
        Assert.Equal((MachineStatus.Stopped, "hello"), (test.Machine.Status, test.Output));
        Assert.True(test.Machine.InstructionCount > 10);
        Assert.Equal(["boot.loaded", "status.running", "engine.chosen", "status.stopped"], await test.EventKinds());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(127)]
    [InlineData(255)]
    public async Task Every_exit_code_arrives(byte code)
    {
        await using var test = new TestMachine(c => c.Exit(code));
        Assert.Equal(new MachineExit(MachineExitReason.DebugExit, code), await test.Run());
    }

    [Fact]
    public async Task Soft_off_ends_it() // ACPI §4.8.3.2.1, PM1 control
    {
        await using var test = new TestMachine(c => { c.Out(0x604, 0x2000, 2); c.Forever(); });
        Assert.Equal(new MachineExit(MachineExitReason.PowerOff), await test.Run());
    }

    [Fact]
    public async Task A_triple_fault_fails_it_and_says_where()
    {
        await using var test = new TestMachine(c => { c.lidt(__fword_ptr[TestMachine.Scratch]); c.ud2(); });
        var exit = await test.Run();
        Assert.Equal((MachineExitReason.Failed, MachineStatus.Failed), (exit.Reason, test.Machine.Status));
        Assert.Contains("triple fault at CS:RIP", exit.Failure);
        Assert.Contains("cpu.triple-fault", await test.EventKinds());
    }

    [Fact]
    public async Task A_reset_by_the_reset_port_starts_the_guest_again()
    {
        await using var test = new TestMachine(ResetOnce);
        Assert.Equal(new MachineExit(MachineExitReason.DebugExit, 42), await test.Run());
        Assert.Equal("12", test.Output);
        Assert.Single(await test.EventKinds(), "machine.reset");
    }

    [Fact]
    public async Task A_reset_can_be_the_end()
    {
        await using var test = new TestMachine(ResetOnce, spec => spec with { StopOnReset = true });
        Assert.Equal(new MachineExit(MachineExitReason.Reset), await test.Run());
        Assert.Equal("1", test.Output);
    }

    [Fact]
    public async Task A_time_limit_ends_it_whatever_the_guest_does()
    {
        await using var test = new TestMachine(c => c.Forever(), spec => spec with { Timeout = TimeSpan.FromMilliseconds(100) });
        Assert.Equal(new MachineExit(MachineExitReason.TimedOut), await test.Run());

        await using var halted = new TestMachine(c => { c.cli(); c.hlt(); }, spec => spec with { Timeout = TimeSpan.FromMilliseconds(100) });
        Assert.Equal(new MachineExit(MachineExitReason.TimedOut), await halted.Run());
    }

    [Fact]
    public async Task Paused_it_executes_nothing_and_resumed_it_goes_on()
    {
        await using var test = new TestMachine(Counting);
        await test.Machine.StartAsync(Token);
        await test.Printed(".");
        await test.Machine.PauseAsync(Token);
        Assert.Equal(MachineStatus.Paused, test.Machine.Status);
        var count = test.Machine.InstructionCount;
        await Task.Delay(30, Token);
        Assert.Equal(count, test.Machine.InstructionCount);
        await Assert.ThrowsAsync<InvalidOperationException>(() => test.Machine.PauseAsync(Token));

        await test.Machine.ResumeAsync(Token);
        Assert.Equal(MachineStatus.Running, test.Machine.Status);
        while (test.Machine.InstructionCount == count) await Task.Delay(1, Token);
        await Assert.ThrowsAsync<InvalidOperationException>(() => test.Machine.ResumeAsync(Token));
        await test.Machine.StopAsync(Token);
        Assert.Equal(["boot.loaded", "status.running", "engine.chosen", "status.paused", "status.running", "status.stopped"], await test.EventKinds());
    }

    [Fact]
    public async Task Time_stands_still_while_it_is_paused()
    {
        // Waits 200 ms by the ACPI timer.
        await using var test = new TestMachine(c =>
        {
            c.Print("s");
            c.mov(edx, 0x608);
            c.@in(eax, dx);
            c.mov(ebx, eax);
            var again = c.CreateLabel();
            c.Label(ref again);
            c.mov(edx, 0x608);
            c.@in(eax, dx);
            c.sub(eax, ebx);
            c.cmp(eax, 3579545 * 2 / 10);
            c.jb(again);
            c.Exit(1);
        });
        await test.Machine.StartAsync(Token);
        await test.Printed("s");
        await test.Machine.PauseAsync(Token);
        await Task.Delay(400, Token);
        var resumed = DateTime.UtcNow;
        await test.Machine.ResumeAsync(Token);
        await test.End();
        Assert.True(DateTime.UtcNow - resumed > TimeSpan.FromMilliseconds(50), "The pause counted as guest time.");
    }

    [Fact]
    public async Task It_can_be_stopped_in_every_state()
    {
        await using var created = new TestMachine(Counting);
        await created.Machine.StopAsync(Token);
        Assert.Equal(new MachineExit(MachineExitReason.Stopped), await created.End());
        await Assert.ThrowsAsync<InvalidOperationException>(() => created.Machine.StartAsync(Token));

        await using var running = new TestMachine(Counting);
        await running.Machine.StartAsync(Token);
        await Assert.ThrowsAsync<InvalidOperationException>(() => running.Machine.StartAsync(Token));
        await running.Machine.StopAsync(Token);
        Assert.Equal((new MachineExit(MachineExitReason.Stopped), MachineStatus.Stopped), (await running.End(), running.Machine.Status));
        await running.Machine.StopAsync(Token); // again: nothing happens

        await using var paused = new TestMachine(Counting);
        await paused.Machine.StartAsync(Token);
        await paused.Machine.PauseAsync(Token);
        await paused.Machine.StopAsync(Token);
        Assert.Equal(new MachineExit(MachineExitReason.Stopped), await paused.End());
        await Assert.ThrowsAsync<InvalidOperationException>(() => paused.Machine.ResumeAsync(Token));
    }

    [Fact]
    public async Task A_pause_that_meets_the_end_does_not_wait_for_ever()
    {
        for (var round = 0; round < 20; round++)
        {
            await using var test = new TestMachine(c => { c.mov(ecx, 20_000 * round); var again = c.CreateLabel(); c.Label(ref again); c.dec(ecx); c.jns(again); c.Exit(3); });
            await test.Machine.StartAsync(Token);
            try
            {
                await test.Machine.PauseAsync(Token).WaitAsync(TimeSpan.FromSeconds(10), Token);
                await test.Machine.ResumeAsync(Token);
            }
            catch (InvalidOperationException)
            {
                // It had ended before, or ended instead of pausing.
            }

            Assert.Equal(new MachineExit(MachineExitReason.DebugExit, 3), await test.End());
        }
    }

    [Fact]
    public async Task Disposing_a_running_machine_ends_it()
    {
        var test = new TestMachine(Counting);
        await test.Machine.StartAsync(Token);
        await test.DisposeAsync();
        Assert.Equal(MachineStatus.Stopped, test.Machine.Status);
    }

    [Fact]
    public void A_kernel_that_is_not_there_is_named()
    {
        var spec = new SystemMachineSpec { Kernel = "/nowhere/kernel", Memory = new MemorySize(32 * MemorySize.MiB) };
        var error = Assert.Throws<HolonException>(() => SystemMachine.Create(spec, _ => { }));
        Assert.Contains("/nowhere/kernel", error.Message);
    }

    /// <summary>Prints a dot, then counts for ever.</summary>
    private static void Counting(Iced.Intel.Assembler assembler)
    {
        assembler.Print(".");
        var again = assembler.CreateLabel();
        assembler.Label(ref again);
        assembler.inc(ebx);
        assembler.jmp(again);
    }

    /// <summary>Prints how often it was started, resets the first time, exits the second.</summary>
    private static void ResetOnce(Iced.Intel.Assembler assembler)
    {
        assembler.mov(edi, TestMachine.Scratch);
        assembler.inc(__dword_ptr[edi]);
        assembler.mov(al, __byte_ptr[edi]);
        assembler.add(al, (sbyte)'0');
        assembler.mov(edx, KernelCode.Serial);
        assembler.@out(dx, al);
        assembler.cmp(__dword_ptr[edi], 2);
        var second = assembler.CreateLabel();
        assembler.je(second);
        assembler.Out(0xCF9, 6);
        assembler.Forever();
        assembler.Label(ref second);
        assembler.Exit(42);
    }
}
