using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.SystemMachine.Tests.Smp;

/// <summary>Page tables that one processor changes under another.</summary>
public sealed class TranslationTests
{
    private const long Epoch = SmpGuest.Data, Answers = SmpGuest.Data + 0x100, Window = SmpGuest.SmallPages + 0x1000, Entry = SmpGuest.PageTable + 8, Frames = SmpGuest.SmallPages + 0x100000;
    private const int Rounds = 400, Vector = 0x40;

    /// <summary>Shoot-down as kernels do it: change the entry, INVLPG, interrupt the others, wait for their answer, go on.</summary>
    [Theory]
    [InlineData(SmpEngine.Interpreter, 1)]
    [InlineData(SmpEngine.Translator, 1)]
    [InlineData(SmpEngine.HotTranslator, 1)]
    [InlineData(SmpEngine.Interpreter, 2)]
    [InlineData(SmpEngine.Translator, 2)]
    [InlineData(SmpEngine.HotTranslator, 2)]
    public void A_translation_that_was_shot_down_is_not_used(SmpEngine engine, int others)
    {
        using var guest = new SmpGuest(engine, [a => ShootDown(a, others), .. Enumerable.Repeat<Action<Assembler>>(Read, others)]);
        guest.Handler(Vector, a =>
        {
            a.invlpg(__byte_ptr[Window]);
            a.@lock.inc(__dword_ptr[Answers]);
            a.push(rax);
            a.mov(rax, SmpGuest.Apic);
            a.mov(__dword_ptr[rax + SmpGuest.EndOfInterrupt], 0);
            a.pop(rax);
        });
        for (var round = 0; round <= 1; round++) guest.Memory.Write((ulong)(Frames + (round * 4096)), 0ul);
        guest.Memory.Write((ulong)Entry, (ulong)Frames | 3);
        guest.Run();
        Assert.Equal((ulong)(Rounds * others), guest[Answers]);
    }

    /// <summary>A page walk that sets accessed and dirty bits must not bring back an entry that was cleared meanwhile.</summary>
    [Theory]
    [InlineData(SmpEngine.Interpreter)]
    [InlineData(SmpEngine.Translator)]
    [InlineData(SmpEngine.HotTranslator)]
    public void Accessed_and_dirty_bits_go_into_present_entries_only(SmpEngine engine)
    {
        const int rounds = 20_000;
        using var guest = new SmpGuest(
            engine,
            a =>
            {
                var (again, good) = (a.CreateLabel(), a.CreateLabel());
                a.mov(ebx, rounds);
                a.Label(ref again);
                a.xor(eax, eax);
                a.xchg(__qword_ptr[Entry], rax);
                for (var i = 0; i < 8; i++) a.pause();
                a.mov(rax, __qword_ptr[Entry]);
                a.test(rax, rax);
                a.je(good);
                SmpGuest.Fail(a);
                a.Label(ref good);
                a.mov(rax, Frames | 3);
                a.mov(__qword_ptr[Entry], rax);
                for (var i = 0; i < 4; i++) a.nop();
                a.dec(ebx);
                a.jne(again);
                a.mov(__qword_ptr[Epoch], 1);
            },
            a =>
            {
                var again = a.CreateLabel();
                a.Label(ref again);
                a.invlpg(__byte_ptr[Window]);
                a.mov(__dword_ptr[Window], 1);
                a.cmp(__qword_ptr[Epoch], 0);
                a.je(again);
            });
        guest.Handler(14, a => a.add(rsp, 8)); // tries again
        guest.Run();
    }

    private static void ShootDown(Assembler a, int others)
    {
        var (again, wait) = (a.CreateLabel(), a.CreateLabel());
        a.mov(rbp, SmpGuest.Apic);
        a.xor(ebx, ebx);
        a.xor(r12d, r12d);
        a.Label(ref again);
        a.inc(rbx);
        // The next frame, with this round's number in it.
        a.mov(rcx, rbx);
        a.and(ecx, 1);
        a.shl(rcx, 12);
        a.lea(rdx, __[rcx + (int)Frames]);
        a.mov(__qword_ptr[rdx], rbx);
        a.or(rdx, 3);
        a.mov(__qword_ptr[Entry], rdx);
        a.invlpg(__byte_ptr[Window]);
        a.mov(__dword_ptr[rbp + SmpGuest.CommandLow], 0xC4000 | Vector); // to all but itself
        a.add(r12d, others);
        a.Label(ref wait);
        a.pause();
        a.cmp(__dword_ptr[Answers], r12d);
        a.jne(wait);
        a.mov(__qword_ptr[Epoch], rbx);
        a.cmp(rbx, Rounds);
        a.jne(again);
    }

    private static void Read(Assembler a)
    {
        var (again, good) = (a.CreateLabel(), a.CreateLabel());
        a.sti();
        a.Label(ref again);
        a.mov(rcx, __qword_ptr[Epoch]);
        a.mov(rax, __qword_ptr[Window]);
        a.cmp(rax, rcx);
        a.jae(good);
        SmpGuest.Fail(a);
        a.Label(ref good);
        a.cmp(rcx, Rounds);
        a.jne(again);
    }
}
