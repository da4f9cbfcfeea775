using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.SystemMachine.Tests.Smp;

/// <summary>Atomic operations of several processors on the same memory lose nothing.</summary>
public sealed class AtomicTests
{
    private const int Rounds = 20_000, Processors = 3;
    private const long Counter = SmpGuest.Data;

    public enum Operation
    {
        Inc,
        Add,
        AddByte,
        Xadd,
        Cmpxchg,
        Cmpxchg8b,
        SubWord,
    }

    /// <summary>All of them on all engines.</summary>
    public static MatrixTheoryData<SmpEngine, Operation> All => new(Enum.GetValues<SmpEngine>(), Enum.GetValues<Operation>());

    [Theory]
    [MemberData(nameof(All))]
    public void Locked_operations_lose_nothing(SmpEngine engine, Operation operation)
    {
        Count(engine, operation, Counter);
        Count(engine, operation, Counter + 0x3D); // across two cache lines
    }

    /// <summary>A page with code, in which engine code may not store by itself.</summary>
    [Theory]
    [MemberData(nameof(All))]
    public void Nor_beside_code(SmpEngine engine, Operation operation) => Count(engine, operation, SmpGuest.SmallPages + 0x800, rounds: 2_000);

    /// <summary>Across two pages, and across two pages of which one has code.</summary>
    [Theory]
    [InlineData(SmpEngine.Interpreter)]
    [InlineData(SmpEngine.Translator)]
    [InlineData(SmpEngine.HotTranslator)]
    public void Nor_across_pages(SmpEngine engine)
    {
        foreach (var address in (ReadOnlySpan<long>)[SmpGuest.Data + 0xFFE, SmpGuest.SmallPages + 0xFFE]) Count(engine, Operation.Xadd, address, rounds: 2_000);
    }

    [Theory]
    [InlineData(SmpEngine.Interpreter)]
    [InlineData(SmpEngine.Translator)]
    [InlineData(SmpEngine.HotTranslator)]
    public void Cmpxchg16b_changes_both_halves_at_once(SmpEngine engine)
    {
        foreach (var address in (ReadOnlySpan<long>)[Counter, SmpGuest.SmallPages + 0x800])
        {
            using var guest = new SmpGuest(engine, Same(a =>
            {
                var (again, retry) = (a.CreateLabel(), a.CreateLabel());
                TouchCode(a);
                a.mov(r8d, 5_000);
                a.mov(r9, address);
                a.Label(ref again);
                a.xor(eax, eax);
                a.xor(edx, edx);
                a.Label(ref retry);
                a.lea(rbx, __[rax + 1]);
                a.lea(rcx, __[rdx + 3]);
                a.@lock.cmpxchg16b(__xmmword_ptr[r9]);
                a.jne(retry);
                a.dec(r8d);
                a.jne(again);
            }));
            PlaceCode(guest);
            guest.Run();
            Assert.Equal((5_000ul * Processors, 15_000ul * Processors), (guest[address], guest[address + 8]));
        }
    }

    [Theory]
    [InlineData(SmpEngine.Interpreter)]
    [InlineData(SmpEngine.Translator)]
    [InlineData(SmpEngine.HotTranslator)]
    public void Spin_locks_of_exchanges_and_bits_exclude(SmpEngine engine)
    {
        const long exchanged = Counter, bits = Counter + 64, first = Counter + 128, second = Counter + 192;
        using var guest = new SmpGuest(engine, Same(a =>
        {
            var (spin, spinBit) = (a.CreateLabel(), a.CreateLabel());
            a.mov(r8d, 5_000);
            a.Label(ref spin);
            a.pause();
            a.mov(eax, 1);
            a.xchg(__dword_ptr[exchanged], eax);
            a.test(eax, eax);
            a.jne(spin);
            a.inc(__qword_ptr[first]);
            a.mov(__dword_ptr[exchanged], 0);
            a.Label(ref spinBit);
            a.pause();
            a.@lock.bts(__dword_ptr[bits], 7);
            a.jc(spinBit);
            a.inc(__qword_ptr[second]);
            a.@lock.btr(__dword_ptr[bits], 7);
            a.dec(r8d);
            a.jne(spin);
        }));
        guest.Run();
        Assert.Equal((5_000ul * Processors, 5_000ul * Processors), (guest[first], guest[second]));
    }

    private static void Count(SmpEngine engine, Operation operation, long address, int rounds = Rounds)
    {
        using var guest = new SmpGuest(engine, Same(a =>
        {
            var again = a.CreateLabel();
            TouchCode(a);
            a.mov(r8d, rounds);
            a.mov(r9, address);
            a.Label(ref again);
            One(a, operation);
            a.dec(r8d);
            a.jne(again);
        }));
        PlaceCode(guest);
        guest.Run();
        var total = (ulong)rounds * Processors;
        Assert.Equal(operation switch { Operation.AddByte => total & 0xFF, Operation.SubWord => (ushort)-(long)total, _ => total }, guest[address]);
    }

    private static void One(Assembler a, Operation operation)
    {
        var retry = a.CreateLabel();
        switch (operation)
        {
            case Operation.Inc:
                a.@lock.inc(__dword_ptr[r9]);
                break;
            case Operation.Add:
                a.@lock.add(__qword_ptr[r9], 1);
                break;
            case Operation.AddByte:
                a.@lock.add(__byte_ptr[r9], 1);
                break;
            case Operation.SubWord:
                a.mov(ecx, 1);
                a.@lock.sub(__word_ptr[r9], cx);
                break;
            case Operation.Xadd:
                a.mov(ecx, 1);
                a.@lock.xadd(__dword_ptr[r9], ecx);
                break;
            case Operation.Cmpxchg:
                a.mov(rax, __[r9]);
                a.Label(ref retry);
                a.lea(rcx, __[rax + 1]);
                a.@lock.cmpxchg(__[r9], rcx);
                a.jne(retry);
                break;
            case Operation.Cmpxchg8b:
                a.xor(eax, eax);
                a.xor(edx, edx);
                a.Label(ref retry);
                a.lea(ebx, __[rax + 1]);
                a.mov(ecx, edx);
                a.@lock.cmpxchg8b(__qword_ptr[r9]);
                a.jne(retry);
                break;
        }
    }

    private static void PlaceCode(SmpGuest guest) => guest.Place(SmpGuest.SmallPages, a => a.ret());

    /// <summary>Makes the page one that every processor has code of.</summary>
    private static void TouchCode(Assembler a)
    {
        a.mov(rax, SmpGuest.SmallPages);
        a.call(rax);
    }

    private static Action<Assembler>[] Same(Action<Assembler> program) => [.. Enumerable.Repeat(program, Processors)];
}
