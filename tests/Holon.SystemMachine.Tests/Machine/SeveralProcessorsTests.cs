using Holon.Machines;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.SystemMachine.Tests.Machine;

/// <summary>Pause, reset and end of machines with several processors, started as operating systems start them: by INIT and start-up messages.</summary>
public sealed class SeveralProcessorsTests
{
    private const int Cpus = 4;
    private const uint Trampoline = 0x9000, Started = TestMachine.Scratch, Counters = TestMachine.Scratch + 0x100, Apic = 0xFEE00000, Again = TestMachine.Scratch + 0x80;
    private const uint ToAllOthers = 0xC0000, Init = 0x4500, StartUp = 0x4600;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Both engines.</summary>
    public static TheoryData<EngineChoice> Engines => [EngineChoice.Interpreter, EngineChoice.Translator];

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task All_stand_still_while_it_is_paused(EngineChoice engine)
    {
        await using var test = Machine(engine, c => { c.Print("."); Count(c); });
        await test.Machine.StartAsync(Token);
        await test.Printed(".");
        for (var i = 0; i < 5; i++)
        {
            await test.Machine.PauseAsync(Token);
            var count = test.Machine.InstructionCount;
            await Task.Delay(10, Token);
            Assert.Equal(count, test.Machine.InstructionCount);
            await test.Machine.ResumeAsync(Token);
        }

        await test.Machine.StopAsync(Token);
        Assert.Equal(MachineStatus.Stopped, test.Machine.Status);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_reset_stops_the_others_until_they_are_started_again(EngineChoice engine)
    {
        await using var test = Machine(engine, c =>
        {
            var second = c.CreateLabel();
            c.inc(__dword_ptr[Again]);
            c.cmp(__dword_ptr[Again], 2);
            c.je(second);
            c.Out(0xCF9, 6);
            c.Forever();
            c.Label(ref second);
            c.Print("2");
            c.Exit(9);
        });
        Assert.Equal(new MachineExit(MachineExitReason.DebugExit, 9), await test.Run());
        Assert.Equal("2", test.Output);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_triple_fault_of_any_ends_it(EngineChoice engine)
    {
        await using var test = Machine(engine, c => c.Forever(), others: c =>
        {
            c.lidt(__fword_ptr[0x9400]); // nothing there: a limit of zero
            c.ud2();
        });
        var exit = await test.Run();
        Assert.Equal(MachineExitReason.Failed, exit.Reason);
        Assert.Matches("cpu [123]: triple fault at CS:RIP", exit.Failure);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task It_ends_while_the_others_wait_to_be_started(EngineChoice engine)
    {
        await using var test = new TestMachine(c => c.Exit(3), spec => spec with { Cpus = 64, Engine = engine, CodeCache = new Holon.Machines.MemorySize(1 << 20) });
        Assert.Equal(new MachineExit(MachineExitReason.DebugExit, 3), await test.Run());
    }

    /// <summary>A machine whose first processor starts the others, waits until all have started, and goes on; the others count, or do what is given, in real mode.</summary>
    private static TestMachine Machine(EngineChoice engine, Action<Assembler> code, Action<Assembler>? others = null) => new(
        c =>
        {
            var bytes = RealMode(others ?? Count16);
            for (var i = 0; i < bytes.Length; i += 4) c.mov(__dword_ptr[Trampoline + i], BitConverter.ToInt32(bytes, i));
            c.mov(__dword_ptr[Started], 0);
            c.mov(__dword_ptr[Apic + 0xF0], 0x1FF);
            c.mov(__dword_ptr[Apic + 0x300], unchecked((int)(ToAllOthers | Init)));
            c.mov(__dword_ptr[Apic + 0x300], unchecked((int)(ToAllOthers | StartUp | (Trampoline >> 12))));
            var wait = c.CreateLabel();
            c.Label(ref wait);
            c.pause();
            c.cmp(__dword_ptr[Trampoline + 0x800], Cpus - 1);
            c.jb(wait);
            c.mov(__dword_ptr[Trampoline + 0x800], 0);
            code(c);
        },
        spec => spec with { Cpus = Cpus, Engine = engine });

    private static byte[] RealMode(Action<Assembler> code)
    {
        var assembler = new Assembler(16);
        assembler.@lock.inc(__dword_ptr[0x9800]);
        code(assembler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), Trampoline);
        stream.SetLength((stream.Length + 3) & ~3);
        return stream.ToArray();
    }

    private static void Count16(Assembler c)
    {
        var again = c.CreateLabel();
        c.Label(ref again);
        c.@lock.inc(__dword_ptr[0x9900]);
        c.jmp(again);
    }

    private static void Count(Assembler c)
    {
        var again = c.CreateLabel();
        c.Label(ref again);
        c.@lock.inc(__dword_ptr[Counters]);
        c.jmp(again);
    }
}
