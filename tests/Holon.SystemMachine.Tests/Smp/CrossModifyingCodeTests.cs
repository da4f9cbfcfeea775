using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.SystemMachine.Tests.Smp;

/// <summary>Code that one processor writes while others execute it (SDM vol. 3 §8.1.3): once it has told them, they execute the new one.</summary>
public sealed class CrossModifyingCodeTests
{
    private const long Published = SmpGuest.Data, Round = SmpGuest.Data + 0x100, Function = SmpGuest.SmallPages + 0x10000;
    private const int Pages = 64, WritesPerPage = 40;

    public enum Serialization
    {
        Cpuid,
        Iret,
        None,
    }

    /// <summary>Engines, what readers do before they call, and how many there are.</summary>
    public static MatrixTheoryData<SmpEngine, Serialization, int> Kinds => new(Enum.GetValues<SmpEngine>(), Enum.GetValues<Serialization>(), [1, 2]);

    /// <summary>
    /// The writer counts a constant in a function up and publishes it, in page after page; readers call the function and never get less than was published. In each page
    /// the writer has written, through a writable translation, before anybody has executed there.
    /// </summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Published_code_is_executed(SmpEngine engine, Serialization serialization, int readers)
    {
        using var guest = new SmpGuest(engine, [Writer, .. Enumerable.Repeat(Reader(serialization), readers)]);
        // mov eax, constant; ret: the constant is aligned, so that it changes at once.
        for (var page = 0; page < Pages; page++) guest.Memory.Write((ulong)(Function + (page * 4096)), [0x90, 0x90, 0x90, 0xB8, 0, 0, 0, 0, 0xC3]);
        guest.Run();
        Assert.Equal((ulong)(Pages * WritesPerPage), guest[Published]);
    }

    /// <summary>The same for writers that execute the function, too: everybody has code of the page and overwrites everybody's.</summary>
    [Theory]
    [InlineData(SmpEngine.Interpreter)]
    [InlineData(SmpEngine.Translator)]
    [InlineData(SmpEngine.HotTranslator)]
    public void Processors_that_write_each_others_code_agree(SmpEngine engine)
    {
        const int each = 1_000, processors = 3;
        using var guest = new SmpGuest(engine, [.. Enumerable.Repeat<Action<Assembler>>(
            a =>
            {
                var (again, good) = (a.CreateLabel(), a.CreateLabel());
                a.mov(r12d, each);
                a.mov(r13, Function);
                a.Label(ref again); // a lock beside the code
                a.pause();
                a.mov(eax, 1);
                a.xchg(__dword_ptr[r13 + 0x800], eax);
                a.test(eax, eax);
                a.jne(again);
                a.call(r13);
                a.cmp(eax, __dword_ptr[Published]);
                a.je(good);
                SmpGuest.Fail(a);
                a.Label(ref good);
                a.inc(eax);
                a.mov(__dword_ptr[r13 + 4], eax);
                a.mov(__dword_ptr[Published], eax);
                a.mov(__dword_ptr[r13 + 0x800], 0);
                a.dec(r12d);
                a.jne(again);
            },
            processors)]);
        guest.Memory.Write((ulong)Function, [0x90, 0x90, 0x90, 0xB8, 0, 0, 0, 0, 0xC3]);
        guest.Run();
        Assert.Equal((ulong)(each * processors), guest[Published]);
    }

    /// <summary>A whole page is written over by a repeated store that begins before the code.</summary>
    [Theory]
    [InlineData(SmpEngine.Interpreter)]
    [InlineData(SmpEngine.Translator)]
    [InlineData(SmpEngine.HotTranslator)]
    public void Repeated_stores_over_a_page_reach_the_code_in_it(SmpEngine engine)
    {
        const long code = Function + 0x900;
        using var guest = new SmpGuest(
            engine,
            a =>
            {
                a.mov(rax, code);
                a.call(rax); // now the page has code of this processor, behind its first pieces
                a.mov(rdi, Function);
                a.mov(ecx, 512);
                a.mov(rax, 0xC3C3C3C3C3C3C3C3); // ret
                a.rep.stosq();
                a.mov(ebx, 7);
                a.mov(rax, code);
                a.call(rax);
                a.mov(__qword_ptr[Published], rbx);
            });
        guest.Place(code, a =>
        {
            a.mov(ebx, 5);
            a.ret();
        });
        guest.Run();
        Assert.Equal(7ul, guest[Published]);
    }

    private static void Writer(Assembler a)
    {
        var (page, write, wait) = (a.CreateLabel(), a.CreateLabel(), a.CreateLabel());
        a.mov(r12, Function);
        a.xor(eax, eax);
        a.xor(ebx, ebx);
        a.Label(ref page);
        a.mov(ecx, WritesPerPage);
        a.Label(ref write);
        a.inc(eax);
        a.mov(__dword_ptr[r12 + 4], eax);
        a.mov(__dword_ptr[Published], eax);
        a.mov(edx, 300);
        a.Label(ref wait); // so that readers meet all kinds of moments
        a.dec(edx);
        a.jne(wait);
        a.dec(ecx);
        a.jne(write);
        // The next page begins with what this one ended with, before readers are told to go there.
        a.add(r12, 4096);
        a.inc(ebx);
        a.cmp(ebx, Pages);
        var done = a.CreateLabel();
        a.je(done);
        a.mov(__dword_ptr[r12 + 4], eax);
        a.mov(__qword_ptr[Round], rbx);
        a.jmp(page);
        a.Label(ref done);
    }

    private static Action<Assembler> Reader(Serialization serialization) => a =>
    {
        var (again, good) = (a.CreateLabel(), a.CreateLabel());
        a.Label(ref again);
        a.mov(r12, __qword_ptr[Round]);
        a.shl(r12, 12);
        a.add(r12, (int)Function);
        a.mov(r13d, __dword_ptr[Published]);
        // The writer may have gone on to another page since: only where it still is, is what it published.
        a.mov(r14, __qword_ptr[Round]);
        switch (serialization)
        {
            case Serialization.Cpuid:
                a.xor(eax, eax);
                a.cpuid();
                break;
            case Serialization.Iret:
                var next = a.CreateLabel();
                a.mov(rcx, rsp);
                a.push(16);
                a.push(rcx);
                a.pushfq();
                a.push(8);
                a.lea(rdx, __[next]);
                a.push(rdx);
                a.iretq();
                a.Label(ref next);
                break;
        }

        a.call(r12); // an indirect branch
        a.shl(r14, 12);
        a.add(r14, (int)Function);
        a.cmp(r12, r14);
        a.jne(good);
        a.cmp(eax, r13d);
        a.jae(good);
        SmpGuest.Fail(a);
        a.Label(ref good);
        a.cmp(__dword_ptr[Published], Pages * WritesPerPage);
        a.jne(again);
    };
}
