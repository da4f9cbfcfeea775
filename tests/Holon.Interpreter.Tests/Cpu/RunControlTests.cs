using System.Diagnostics;
using Holon.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>How a vCPU is stopped, woken and continued from outside (<see cref="IVcpu"/>).</summary>
public sealed class RunControlTests
{
    private static readonly TimeSpan _bound = TimeSpan.FromSeconds(2); // milliseconds in practice; the host may be busy

    public static TheoryData<string, Action<Assembler>> EndlessPrograms => new()
    {
        { "jump to itself", c => { var here = c.CreateLabel(); c.Label(ref here); c.jmp(here); } },
        { "short loop", c => { var here = c.CreateLabel(); c.Label(ref here); c.inc(eax); c.dec(ecx); c.jmp(here); } },
        { "conditional loop", c => { var here = c.CreateLabel(); c.Label(ref here); c.xor(eax, eax); c.jz(here); } },
        { "calls", c => { var here = c.CreateLabel(); var routine = c.CreateLabel(); c.Label(ref here); c.call(routine); c.jmp(here); c.Label(ref routine); c.ret(); } },
        { "indirect jump", c => { c.mov(eax, (uint)GuestProgram.Start); c.jmp(rax); } },
        { "masked halt", c => { c.cli(); c.hlt(); } },
        { "huge repeat", c => { c.mov(rcx, -1L); c.mov(edi, (uint)GuestProgram.Data); c.mov(esi, (uint)GuestProgram.Data); c.mov(edx, 0x1000); c.rep.outsb(); } },
        { "huge repeat in memory", c => { c.mov(rcx, -1L); c.db(0x67, 0xF3, 0xA6); } }, // REPE CMPSB with 32-bit addresses never ends
        { "faults", c => c.ud2() },
    };

    [Theory]
    [MemberData(nameof(EndlessPrograms))]
    public void A_stop_request_ends_any_loop_soon(string name, Action<Assembler> code)
    {
        using var guest = new GuestProgram(GuestMode.Long) { StopsAtHalt = false };
        if (name == "faults") guest.Handler(ExceptionVector.InvalidOpcode, c => c.iretq());
        if (name == "huge repeat in memory") MapAll(guest);
        guest.Cpu.ExceptionTrace = null;
        guest.Code(code);
        var clock = new Stopwatch();
        using var timer = new Timer(_ => { clock.Start(); guest.Cpu.RequestStop(); }, null, 50, Timeout.Infinite);
        var exit = guest.Run();
        Assert.Equal(VcpuExitReason.StopRequested, exit.Reason);
        Assert.True(clock.IsRunning, "It stopped before it was asked to.");
        Assert.True(clock.Elapsed < _bound, $"It took {clock.Elapsed}.");
    }

    [Fact]
    public void A_stopped_guest_goes_on_as_if_nothing_had_happened()
    {
        const int Turns = 10_000_000;
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c =>
        {
            c.mov(ecx, Turns);
            var again = c.CreateLabel();
            c.Label(ref again);
            c.add(rax, rcx);
            c.dec(ecx);
            c.jnz(again);
        });
        // A thread of its own: the pool's may all be busy with other tests until the loop is over.
        var over = false;
        var asking = new Thread(() =>
        {
            while (!Volatile.Read(ref over))
            {
                guest.Cpu.RequestStop();
                Thread.Sleep(1);
            }
        })
        {
            IsBackground = true,
        };
        asking.Start();
        var stops = 0;
        while (guest.State.Activity != VcpuActivity.Halted)
        {
            guest.Vcpu.Run();
            stops++;
        }

        Volatile.Write(ref over, true);
        asking.Join();
        Assert.True(stops > 1);
        Assert.Equal((ulong)Turns * (Turns + 1) / 2, guest.Rax);
        if (GuestProgram.IsInterpreter) Assert.Equal(1u + (3ul * Turns) + 1, guest.Cpu.InstructionCount);
    }

    [Fact]
    public void A_stop_request_before_the_run_ends_it_at_once()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c => c.mov(eax, 1));
        guest.Cpu.RequestStop();
        Assert.Equal(VcpuExitReason.StopRequested, guest.Run().Reason);
        Assert.Equal(0u, guest.Rax);
    }

    [Fact]
    public async Task An_interrupt_from_another_thread_wakes_hlt()
    {
        using var guest = new GuestProgram(GuestMode.Long) { StopsAtHalt = false };
        guest.Handler(0x40, c => { c.inc(eax); c.iretq(); });
        guest.Code(c =>
        {
            c.sti();
            c.hlt();
            guest.Mark(c, "after");
            c.@out(0x99, al);
            c.cli();
        });
        var sleeping = Task.Run(guest.Run, TestContext.Current.CancellationToken);
        while (guest.State.Activity != VcpuActivity.Halted) await Task.Delay(1, TestContext.Current.CancellationToken);
        guest.Cpu.Kick(); // with nothing behind it: it goes on sleeping
        await Task.Delay(20, TestContext.Current.CancellationToken);
        Assert.Equal(VcpuActivity.Halted, guest.State.Activity);
        guest.Devices.Raise(0x40);
        guest.Cpu.Kick();
        while (guest.Devices.PortWrites.Count == 0) await Task.Delay(1, TestContext.Current.CancellationToken);
        guest.Cpu.RequestStop();
        await sleeping;
        Assert.Equal(1u, guest.Rax);
        Assert.Equal(guest.AddressOf("after"), guest.Event.Rip);
    }

    [Fact]
    public async Task A_running_loop_takes_interrupts_from_another_thread()
    {
        const int interrupts = 200;
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Handler(0x40, c => { c.inc(eax); c.iretq(); });
        guest.Code(c =>
        {
            c.sti();
            var again = c.CreateLabel();
            c.Label(ref again);
            c.inc(ecx);
            c.cmp(eax, interrupts);
            c.jb(again);
            c.cli();
        });
        var running = Task.Run(guest.Run, TestContext.Current.CancellationToken);
        for (var i = 0; i < interrupts; i++)
        {
            guest.Devices.Raise(0x40);
            guest.Cpu.Kick();
        }

        await running;
        Assert.Equal((ulong)interrupts, guest.Rax);
        Assert.All(guest.Events, e => Assert.True(e.IsInterrupt));
    }

    [Fact]
    public void A_shadow_survives_a_stop() // the state is all there is to move a vCPU elsewhere
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Handler(0x40, c => { c.inc(edx); c.iretq(); });
        guest.Code(c => { c.nop(); guest.Mark(c, "after"); c.nop(); });
        guest.State.Rflags |= Rflags.IF;
        guest.State.Shadow = InterruptShadow.Sti;
        guest.Devices.Raise(0x40);
        guest.Run();
        Assert.Equal(guest.AddressOf("after"), guest.Event.Rip);
        Assert.Equal(InterruptShadow.None, guest.State.Shadow);
    }

    [Fact]
    public void Changed_memory_and_state_count_after_invalidate()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c => c.mov(eax, 1));
        guest.Run();
        guest.Memory.Span(GuestProgram.Start, 16)[1] = 7; // behind the back of the map of code pages
        guest.State.Rip = GuestProgram.Start;
        guest.State.Activity = VcpuActivity.Active;
        guest.Cpu.Invalidate();
        guest.Vcpu.Run();
        Assert.Equal(7u, guest.Rax);
    }

    [Fact]
    public void Where_there_is_no_memory_there_are_no_instructions() // all bits read as ones
    {
        using var guest = new GuestProgram(GuestMode.Protected);
        guest.Code(c => c.jmp(0xF0000000));
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.InvalidOpcode, 0, 0xF0000000), guest.Event);
    }

    [Fact]
    public void One_step_executes_one_instruction()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c => { c.mov(eax, 1); c.add(eax, 1); c.ud2(); });
        Assert.Equal(-1, guest.Cpu.StepOne());
        Assert.Equal((1ul, GuestProgram.Start + 5), (guest.Rax, guest.State.Rip));
        Assert.Equal(-1, guest.Cpu.StepOne());
        Assert.Equal((int)ExceptionVector.InvalidOpcode, guest.Cpu.StepOne());
        Assert.Equal(GuestProgram.Handlers + 0x60, guest.State.Rip);
        Assert.Equal(2u, guest.Cpu.InstructionCount);
    }

    /// <summary>Maps all 4 GiB to the first 2 MiB, so that a 32-bit address never faults.</summary>
    private static void MapAll(GuestProgram guest)
    {
        for (var linear = 4ul << 20; linear < 1ul << 32; linear += 2 << 20) guest.Pages.Map(linear, 0, PageBits.Kernel, 2);
    }
}
