using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.SystemMachine.Tests.Smp;

/// <summary>The litmus tests of SDM vol. 3 §8.2.3: what must not be seen, is not.</summary>
public sealed class MemoryOrderTests
{
    private const int Rounds = 5_000;
    private const long X = SmpGuest.Data, Y = SmpGuest.Data + 0x100, Seen0 = SmpGuest.Data + 0x1000, Seen1 = SmpGuest.Data + 0x20000, Barrier = SmpGuest.Data + 0x200;

    [Theory]
    [InlineData(SmpEngine.Interpreter)]
    [InlineData(SmpEngine.Translator)]
    [InlineData(SmpEngine.HotTranslator)]
    public void Stores_are_seen_in_order(SmpEngine engine) // §8.2.3.2
    {
        using var guest = new SmpGuest(
            engine,
            a =>
            {
                var again = a.CreateLabel();
                a.xor(eax, eax);
                a.Label(ref again);
                a.inc(rax);
                a.mov(__qword_ptr[X], rax);
                a.mov(__qword_ptr[Y], rax);
                a.cmp(rax, 200 * Rounds);
                a.jne(again);
            },
            a =>
            {
                var (again, good) = (a.CreateLabel(), a.CreateLabel());
                a.Label(ref again);
                a.mov(rcx, __qword_ptr[Y]);
                a.mov(rax, __qword_ptr[X]);
                a.cmp(rax, rcx);
                a.jae(good);
                SmpGuest.Fail(a);
                a.Label(ref good);
                a.cmp(rcx, 200 * Rounds);
                a.jne(again);
            });
        guest.Run();
    }

    public enum Fence
    {
        Mfence,
        Exchange,
        LockedAdd,
    }

    /// <summary>All of them on all engines.</summary>
    public static MatrixTheoryData<SmpEngine, Fence> Fences => new(Enum.GetValues<SmpEngine>(), Enum.GetValues<Fence>());

    [Theory]
    [MemberData(nameof(Fences))]
    public void Loads_do_not_pass_fenced_stores(SmpEngine engine, Fence fence) // §8.2.3.4, §8.2.3.8, §8.2.5
    {
        using var guest = new SmpGuest(engine, StoreThenLoad(X, Y, Seen0, fence), StoreThenLoad(Y, X, Seen1, fence));
        guest.Run();
        for (var round = 0; round < Rounds; round++)
            Assert.False(guest.Memory.Read<byte>((ulong)(Seen0 + round)) == 0 && guest.Memory.Read<byte>((ulong)(Seen1 + round)) == 0, $"in round {round} both loads were done before both stores");
    }

    /// <summary>In each round: meet, store, fence, load, keep what was loaded, meet, clear.</summary>
    private static Action<Assembler> StoreThenLoad(long mine, long other, long seen, Fence fence) => a =>
    {
        var again = a.CreateLabel();
        a.xor(ebx, ebx); // round
        a.xor(esi, esi); // what the barrier counts to
        a.Label(ref again);
        Meet(a);
        switch (fence)
        {
            case Fence.Mfence:
                a.mov(__byte_ptr[mine], 1);
                a.mfence();
                break;
            case Fence.Exchange:
                a.mov(ecx, 1);
                a.xchg(__byte_ptr[mine], cl);
                break;
            default:
                a.mov(__byte_ptr[mine], 1);
                a.@lock.add(__dword_ptr[rsp - 8], 0);
                break;
        }

        a.mov(al, __byte_ptr[other]);
        a.mov(__byte_ptr[rbx + (int)seen], al);
        Meet(a);
        a.mov(__byte_ptr[mine], 0);
        a.inc(ebx);
        a.cmp(ebx, Rounds);
        a.jne(again);
    };

    private static void Meet(Assembler a)
    {
        var wait = a.CreateLabel();
        a.add(esi, 2);
        a.@lock.inc(__dword_ptr[Barrier]);
        a.Label(ref wait);
        a.pause();
        a.cmp(__dword_ptr[Barrier], esi);
        a.jb(wait);
    }
}
