using Holon.Interpreter.Tests.Cpu;
using Holon.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Translator.Tests.Blocks;

/// <summary>
/// A hot loop reads and writes at random in 64 pages that are in no order in memory, until it has windows. Then the page tables change, or the pages become
/// code, and it goes on: what it leaves in memory must be what a model of it leaves.
/// </summary>
public sealed class AccessWindowTests : IDisposable
{
    private const ulong Base = 0x40_0000_0000, Frames = 0x400000, Step = GuestProgram.Data, NewFrame = 0x800000;
    private const int Pages = 64, Moved = 5, Protected = 9, Mask = (Pages * 4096) - 8;
    private const long Factor = 6364136223846793005;
    private const uint Rounds = 200_000;

    private readonly GuestProgram _guest = new(GuestMode.Long);
    private readonly byte[] _expected = new byte[(Pages + 1) * 4096]; // the page that takes the place of another comes last
    private readonly int[] _frameOf = [.. Enumerable.Range(0, Pages)];
    private ulong _seed = 1, _sum;

    public AccessWindowTests()
    {
        if (!Translator.IsSupported) Assert.Skip("The translator does not run on this host.");
        for (var page = 0; page < Pages; page++) _guest.Pages.Map(Base + ((ulong)page * 4096), FrameOf(page), PageBits.Kernel);
        new Random(1).NextBytes(_expected);
        for (var page = 0; page < Pages; page++) _guest.Memory.Write(FrameOf(page), _expected.AsSpan(page * 4096, 4096));
        _guest.Memory.Write(NewFrame, _expected.AsSpan(Pages * 4096, 4096));
        _guest[3] = Base;
        _guest[6] = _seed;
    }

    [Fact]
    public void A_page_that_moved_is_seen_where_it_is()
    {
        var entry = _guest.Pages.EntryAddress(Base + (Moved * 4096));
        _guest.Code(c =>
        {
            var loop = BeginWithLoop(c);
            c.mov(rax, NewFrame | (ulong)PageBits.Kernel);
            c.mov(__qword_ptr[entry], rax);
            c.invlpg(__byte_ptr[rbx + (Moved * 4096)]);
            Again(c, loop);
        });
        RunUntilThereAreWindows(() => _frameOf[Moved] = Pages);
    }

    [Fact]
    public void A_page_that_became_read_only_faults()
    {
        var address = Base + (Protected * 4096);
        var entry = _guest.Pages.EntryAddress(address);
        _guest.Handler(ExceptionVector.PageFault, c =>
        {
            c.push(rax);
            c.mov(r11, cr2);
            c.or(__dword_ptr[entry], 2);
            c.mov(rax, address);
            c.invlpg(__byte_ptr[rax]);
            c.pop(rax);
            c.add(rsp, 8);
            c.iretq();
        });
        _guest.Code(c =>
        {
            var loop = BeginWithLoop(c);
            c.and(__dword_ptr[entry], ~2);
            c.invlpg(__byte_ptr[rbx + (Protected * 4096)]);
            Again(c, loop);
        });
        RunUntilThereAreWindows(() => { });
        Assert.Equal(ExceptionVector.PageFault, _guest.Event.Vector);
        Assert.Equal(address, _guest[11] & ~0xFFFul);
    }

    [Fact]
    public void A_page_that_became_code_is_translated_again_when_it_is_written()
    {
        _guest.Code(c =>
        {
            var loop = BeginWithLoop(c);
            // RET in a page of the window, executed, and then overwritten through the window's page with INC R12; RET.
            c.lea(rdi, __[rbx + (20 * 4096)]);
            c.mov(__byte_ptr[rdi], 0xC3);
            c.call(rdi);
            Again(c, loop);
            c.mov(__dword_ptr[rdi], unchecked((int)0xC3C4FF49));
            c.call(rdi);
        });
        RunUntilThereAreWindows(() => _expected[20 * 4096] = 0xC3);
        Assert.Equal(1ul, _guest[12]);
    }

    public void Dispose() => _guest.Dispose();

    private ulong FrameOf(int page) => page == Pages ? NewFrame : Frames + ((ulong)((page * 37) % Pages) * 2 * 4096);

    /// <summary>The loop, R10 rounds of it; or without end, while the word at <see cref="Step"/> is zero. The program begins with the latter.</summary>
    private static Label BeginWithLoop(Assembler c)
    {
        var (loop, again, begin) = (c.CreateLabel(), c.CreateLabel(), c.CreateLabel());
        c.mov(rdi, Factor);
        c.mov(r10d, 1);
        c.jmp(begin);
        c.Label(ref loop);
        c.nop();
        c.Label(ref again);
        c.imul(rsi, rdi);
        c.add(rsi, 12345);
        c.mov(rdx, rsi);
        c.shr(rdx, 33);
        c.and(edx, Mask);
        c.add(__qword_ptr[rbx + rdx], rsi);
        c.mov(rdx, rsi);
        c.shr(rdx, 40);
        c.and(edx, Mask);
        c.xor(rbp, __qword_ptr[rbx + rdx]);
        c.inc(r9);
        c.sub(r10, __qword_ptr[Step]);
        c.jne(again);
        c.ret();
        c.Label(ref begin);
        c.call(loop);
        return loop;
    }

    private static void Again(Assembler c, Label loop)
    {
        c.mov(rdi, Factor);
        c.mov(r10d, Rounds);
        c.call(loop);
        c.lea(rdi, __[rbx + (20 * 4096)]);
    }

    private void RunUntilThereAreWindows(Action change)
    {
        const int wanted = 2; // one to read, one to write
        var translator = (Translator)_guest.Vcpu;
        using (new Timer(_ => LookForWindows(translator, wanted), null, 1, 1)) _guest.Run();
        Assert.True(translator.Statistics.Windows >= wanted, "There are no windows.");
        Simulate(_guest[9] - Rounds);
        change();
        Simulate(Rounds);
        if (_guest[12] == 0) Assert.Equal(_sum, _guest[5]);
        for (var page = 0; page <= Pages; page++)
        {
            if (page == 20 && _guest[12] != 0) continue; // the program wrote code there
            Assert.True(_expected.AsSpan(page * 4096, 4096).SequenceEqual(_guest.Memory.Span(FrameOf(page), 4096)), $"page {page} differs");
        }
    }

    /// <summary>Events make the engine look where the guest is; once it has windows the endless loop may end.</summary>
    private void LookForWindows(Translator translator, int wanted)
    {
        if (translator.Statistics.WindowsOpened >= wanted) _guest.Memory.Write(Step, 1ul);
        translator.Kick();
    }

    private void Simulate(ulong rounds)
    {
        for (var i = 0ul; i < rounds; i++)
        {
            _seed = unchecked((_seed * (ulong)Factor) + 12345);
            ref var word = ref Word((int)(_seed >> 33) & Mask);
            word += _seed;
            _sum ^= Word((int)(_seed >> 40) & Mask);
        }
    }

    private ref ulong Word(int offset) => ref System.Runtime.CompilerServices.Unsafe.As<byte, ulong>(ref _expected[(_frameOf[offset >> 12] * 4096) + (offset & 0xFFF)]);
}
