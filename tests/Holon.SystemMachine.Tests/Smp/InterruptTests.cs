using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.SystemMachine.Tests.Smp;

/// <summary>Interrupts and wake-ups between processors.</summary>
public sealed class InterruptTests
{
    private const int Rounds = 500, Vector = 0x40, WakeProcessor = 5, SendToMany = 10;
    private const long Turn = SmpGuest.Data, Taken = SmpGuest.Data + 0x100;

    /// <summary>Two processors wake each other from HLT by interrupts; a wake-up that is lost ends the test.</summary>
    [Theory]
    [InlineData(SmpEngine.Interpreter)]
    [InlineData(SmpEngine.Translator)]
    [InlineData(SmpEngine.HotTranslator)]
    public void Interrupts_wake_from_halt(SmpEngine engine)
    {
        using var guest = new SmpGuest(engine, Alternate(0, Interrupt, Sleep), Alternate(1, Interrupt, Sleep));
        guest.Handler(Vector, a =>
        {
            a.push(rax);
            a.mov(rax, SmpGuest.Apic);
            a.mov(__dword_ptr[rax + SmpGuest.EndOfInterrupt], 0);
            a.pop(rax);
        });
        guest.Run();

        static void Interrupt(Assembler a)
        {
            a.mov(rcx, SmpGuest.Apic);
            a.mov(__dword_ptr[rcx + SmpGuest.CommandLow], 0xC4000 | Vector); // to all but itself
        }

        static void Sleep(Assembler a)
        {
            a.sti(); // takes effect behind HLT, so that no interrupt comes between
            a.hlt();
            a.cli();
        }
    }

    /// <summary>The same by KVM's hypercall, which wakes processors that have interrupts switched off.</summary>
    [Theory]
    [InlineData(SmpEngine.Interpreter)]
    [InlineData(SmpEngine.Translator)]
    [InlineData(SmpEngine.HotTranslator)]
    public void The_hypercall_wakes_from_halt_without_interrupts(SmpEngine engine)
    {
        using var guest = new SmpGuest(engine, Alternate(0, a => Wake(a, 1), a => a.hlt()), Alternate(1, a => Wake(a, 0), a => a.hlt()));
        guest.Run();

        static void Wake(Assembler a, int number)
        {
            a.mov(eax, WakeProcessor);
            a.xor(ebx, ebx);
            a.mov(ecx, number);
            a.vmcall();
        }
    }

    [Theory]
    [InlineData(SmpEngine.Interpreter)]
    [InlineData(SmpEngine.Translator)]
    [InlineData(SmpEngine.HotTranslator)]
    public void One_hypercall_interrupts_many(SmpEngine engine)
    {
        Action<Assembler> wait = a =>
        {
            var again = a.CreateLabel();
            a.sti();
            a.Label(ref again);
            a.pause();
            a.cmp(__dword_ptr[Taken], 2 * Rounds);
            a.jne(again);
        };
        using var guest = new SmpGuest(
            engine,
            a =>
            {
                var (again, answer, good) = (a.CreateLabel(), a.CreateLabel(), a.CreateLabel());
                a.xor(r12d, r12d);
                a.Label(ref again);
                a.mov(eax, SendToMany);
                a.mov(ebx, 0b110); // processors 1 and 2
                a.xor(ecx, ecx);
                a.xor(edx, edx);
                a.mov(esi, Vector);
                a.vmcall();
                a.cmp(eax, 2);
                a.je(good);
                SmpGuest.Fail(a);
                a.Label(ref good);
                a.add(r12d, 2);
                a.Label(ref answer);
                a.pause();
                a.cmp(__dword_ptr[Taken], r12d);
                a.jne(answer);
                a.cmp(r12d, 2 * Rounds);
                a.jne(again);
            },
            wait,
            wait);
        guest.Handler(Vector, a =>
        {
            a.@lock.inc(__dword_ptr[Taken]);
            a.push(rax);
            a.mov(rax, SmpGuest.Apic);
            a.mov(__dword_ptr[rax + SmpGuest.EndOfInterrupt], 0);
            a.pop(rax);
        });
        guest.Run();
    }

    /// <summary>Two processors take turns, and sleep while it is the other's.</summary>
    private static Action<Assembler> Alternate(int number, Action<Assembler> wake, Action<Assembler> sleep) => a =>
    {
        var (again, mine) = (a.CreateLabel(), a.CreateLabel());
        a.Label(ref again);
        a.mov(eax, __dword_ptr[Turn]);
        a.and(eax, 1);
        a.cmp(eax, number);
        a.je(mine);
        sleep(a);
        a.jmp(again);
        a.Label(ref mine);
        a.inc(__dword_ptr[Turn]);
        wake(a);
        a.cmp(__dword_ptr[Turn], 2 * Rounds);
        a.jb(again);
    };
}
