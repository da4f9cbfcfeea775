using Holon.Interpreter.Tests.Cpu;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Translator.Tests.LockStep;

/// <summary>
/// Random programs that end: arithmetic with flags that later instructions read, loads and stores that cross pages, stack, calls, branches and loops.
/// What a processor leaves undefined no instruction reads.
/// </summary>
internal sealed class RandomProgram
{
    /// <summary>Where RBX and RBP point; RBP to the last bytes of a page.</summary>
    public const ulong DataBase = GuestProgram.Data + 0x800, EdgeBase = GuestProgram.Data + 0x1FF0;

    private const int Statements = 40, MostDepth = 2;

    // Not RBX and RBP, the bases; not RSP; not RCX, the loops' counter.
    private static readonly AssemblerRegister64[] _wide = [rax, rdx, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15];
    private static readonly AssemblerRegister32[] _narrow = [eax, edx, esi, edi, r8d, r9d, r10d, r11d, r12d, r13d, r14d, r15d];
    private static readonly AssemblerRegister8[] _bytes = [al, dl, ah, dh, sil, dil, r8b, r11b, r13b, r14b];
    private static readonly AssemblerRegisterXMM[] _vectors = [xmm0, xmm3, xmm7, xmm8, xmm15];

    private readonly Random _random;
    private readonly Assembler _asm;

    private RandomProgram(Random random, Assembler assembler) => (_random, _asm) = (random, assembler);

    /// <summary>Writes a program.</summary>
    public static void Write(Random random, Assembler assembler)
    {
        var program = new RandomProgram(random, assembler);
        for (var i = 0; i < Statements; i++) program.Statement(0);
        assembler.cmp(rax, rdx); // every flag is defined at the end
    }

    private AssemblerRegister64 Wide => _wide[_random.Next(_wide.Length)];

    private AssemblerRegister32 Narrow => _narrow[_random.Next(_narrow.Length)];

    private AssemblerRegister8 Low => _bytes[4 + _random.Next(_bytes.Length - 4)];

    private AssemblerRegisterXMM Vector => _vectors[_random.Next(_vectors.Length)];

    private AssemblerMemoryOperand Memory => (_random.Next(4) switch
    {
        0 => rbp + _random.Next(-8, 24),
        1 => rbx + _random.Next(-100, 100),
        2 => rbx + (rcx * 4) + _random.Next(-64, 64), // RCX is small
        _ => rbx + (8 * _random.Next(-8, 8)),
    });

    private void Statement(int depth)
    {
        switch (_random.Next(22))
        {
            case 0 or 1 or 2: Arithmetic(); break;
            case 3: ArithmeticWithMemory(); break;
            case 4: Carry(); break;
            case 5: _asm.mov(Wide, __qword_ptr[Memory]); break;
            case 6: _asm.mov(__qword_ptr[Memory], Wide); break;
            case 7: _asm.mov(__dword_ptr[Memory], Narrow); break;
            case 8: Extend(); break;
            case 9: _asm.lea(Wide, __[Wide + (Wide * 4) + _random.Next(-1000, 1000)]); break;
            case 10: Read(); break;
            case 11: _asm.inc(Wide); _asm.setc(Low); break;
            case 12: _asm.dec(__dword_ptr[Memory]); Read(); break;
            case 13: Shift(); break;
            case 14: Stack(); break;
            case 15: Exchange(); break;
            case 16: Vectors(); break;
            case 17: HighBytes(); break;
            case 18 when depth < MostDepth: Branch(depth); break;
            case 19 when depth == 0: Loop(); break;
            case 20 when depth == 0: Call(); break;
            case 21: Bits(); break;
            default: _asm.mov(Wide, _random.NextInt64()); break;
        }
    }

    private void Arithmetic()
    {
        var (to, from) = (Wide, Wide);
        switch (_random.Next(11))
        {
            case 9: _asm.add(to, _random.Next(-200, 200)); break;
            case 10: _asm.sub(to, _random.Next(-200, 200)); break;
            case 0: _asm.add(to, from); break;
            case 1: _asm.sub(to, from); break;
            case 2: _asm.cmp(to, from); break;
            case 3: _asm.add(Narrow, Narrow); break;
            case 4: _asm.sub(Narrow, _random.Next()); break;
            case 5: _asm.neg(to); break;
            case 6: _asm.add(Low, Low); break;
            case 7: _asm.imul(to, from); _asm.cmp(to, from); break;
            default: _asm.not(to); break;
        }
    }

    private void ArithmeticWithMemory()
    {
        switch (_random.Next(6))
        {
            case 0: _asm.add(Wide, __qword_ptr[Memory]); break;
            case 1: _asm.sub(__qword_ptr[Memory], Wide); break;
            case 2: _asm.cmp(__dword_ptr[Memory], _random.Next()); break;
            case 3: _asm.add(__byte_ptr[Memory], Low); break;
            case 4: _asm.@lock.add(__dword_ptr[Memory], Narrow); break;
            default: _asm.add(__word_ptr[Memory], 12345); break;
        }
    }

    private void Carry()
    {
        _asm.add(Wide, Wide);
        if (_random.Next(2) == 0) _asm.mov(Wide, __qword_ptr[Memory]); // the carry lives across a load
        _asm.adc(Wide, __qword_ptr[Memory]);
        if (_random.Next(2) == 0) _asm.push(Wide);
        else _asm.push(1);
        _asm.sbb(Wide, Wide);
        _asm.pop(Wide);
        _asm.adc(__qword_ptr[Memory], 1);
    }

    private void Extend()
    {
        switch (_random.Next(4))
        {
            case 0: _asm.movzx(Narrow, __byte_ptr[Memory]); break;
            case 1: _asm.movsx(Wide, __word_ptr[Memory]); break;
            case 2: _asm.movsxd(Wide, __dword_ptr[Memory]); break;
            default: _asm.movzx(Wide, Low); break;
        }
    }

    private void Read()
    {
        switch (_random.Next(8))
        {
            case 0: _asm.setl(Low); break;
            case 1: _asm.seta(Low); break;
            case 2: _asm.cmovo(Wide, Wide); break;
            case 3: _asm.cmovbe(Wide, Wide); break;
            case 4: _asm.sets(__byte_ptr[Memory]); break;
            case 5: _asm.setp(Low); break;
            case 6: _asm.cmove(Narrow, __dword_ptr[Memory]); break;
            default: _asm.setge(Low); break;
        }
    }

    private void Shift()
    {
        switch (_random.Next(6))
        {
            case 0: _asm.shl(Wide, 1); _asm.setc(Low); break;
            case 1: _asm.shr(Wide, 7); _asm.test(Wide, Wide); break;
            case 2: _asm.rol(__qword_ptr[Memory], 1); _asm.setc(Low); break;
            case 3: _asm.cmp(Wide, Wide); _asm.shl(Wide, 0); Read(); break; // by nothing: the flags stay
            case 4: _asm.sar(Narrow, cl); _asm.cmp(Wide, Wide); break;
            default: _asm.shld(Wide, Wide, 3); _asm.cmp(Wide, Wide); break;
        }
    }

    private void Stack()
    {
        _asm.push(Wide);
        _asm.push(__qword_ptr[Memory]);
        if (_random.Next(2) == 0) _asm.add(__qword_ptr[rsp + 8], 1);
        else if (_random.Next(2) == 0) _asm.sub(Wide, _random.Next(-200, 200)); // flags of registers that are popped next
        _asm.pop(Wide);
        _asm.pop(Wide);
        if (_random.Next(2) == 0) Read();
    }

    private void Exchange()
    {
        switch (_random.Next(5))
        {
            case 0: _asm.xchg(__qword_ptr[Memory], Wide); break;
            case 1: _asm.xadd(__dword_ptr[Memory], Narrow); break;
            case 2: _asm.cmpxchg(__qword_ptr[Memory], Wide); Read(); break;
            case 3: _asm.xchg(Wide, Wide); break;
            default: _asm.bswap(Wide); break;
        }
    }

    private void Vectors()
    {
        switch (_random.Next(6))
        {
            case 0: _asm.movups(Vector, __xmmword_ptr[Memory]); break;
            case 1: _asm.movups(__xmmword_ptr[Memory], Vector); break;
            case 2: _asm.paddd(Vector, Vector); break;
            case 3: _asm.movq(Vector, Wide); break;
            case 4: _asm.pmovmskb(Narrow, Vector); break;
            default: _asm.vpxor(ymm1, ymm2, ymm3); break;
        }
    }

    private void HighBytes()
    {
        switch (_random.Next(3))
        {
            case 0: _asm.mov(__byte_ptr[Memory], ah); break;
            case 1: _asm.add(dh, __byte_ptr[Memory]); break;
            default: _asm.xchg(ah, dl); break;
        }
    }

    private void Bits()
    {
        switch (_random.Next(6))
        {
            case 4: _asm.mulx(Wide, Wide, __qword_ptr[Memory]); break;
            case 5: _asm.mulx(r13, r14, __qword_ptr[rbx + 8]); _asm.mulx(r15, r13, __qword_ptr[rbx + 16]); _asm.adc(r14, r15); break; // none of these has a home
            case 0: _asm.bt(Wide, (byte)_random.Next(64)); _asm.setc(Low); _asm.cmp(Wide, Wide); break;
            case 1: _asm.cmp(Wide, Wide); _asm.bts(__qword_ptr[rbx], rcx); _asm.setc(Low); _asm.cmp(Wide, Wide); break;
            case 2: _asm.popcnt(Wide, Wide); _asm.cmp(Wide, Wide); break;
            default: _asm.andn(Wide, Wide, Wide); _asm.cmp(Wide, Wide); break;
        }
    }

    private void Branch(int depth)
    {
        var over = _asm.CreateLabel();
        _asm.cmp(Wide, Wide);
        if (_random.Next(2) == 0) _asm.mov(__qword_ptr[Memory], Wide);
        switch (_random.Next(5))
        {
            case 4: JumpIfRcxIsZero(); _asm.jbe(over); break;
            case 0: _asm.je(over); break;
            case 1: _asm.jb(over); break;
            case 2: _asm.jl(over); break;
            default: _asm.jns(over); break;
        }

        for (var i = _random.Next(4); i >= 0; i--) Statement(depth + 1);
        _asm.Label(ref over);
        _asm.nop();
    }

    /// <summary>RCX is zero behind a loop; the flags live across the jump.</summary>
    private void JumpIfRcxIsZero()
    {
        var over = _asm.CreateLabel();
        _asm.jrcxz(over);
        _asm.cmp(Wide, Wide);
        _asm.Label(ref over);
        _asm.nop();
    }

    private void Loop()
    {
        var again = _asm.CreateLabel();
        _asm.mov(ecx, _random.Next(1, 20));
        _asm.Label(ref again);
        _asm.nop();
        for (var i = _random.Next(4); i >= 0; i--) Statement(MostDepth);
        _asm.dec(ecx);
        _asm.jne(again);
    }

    private void Call()
    {
        var (function, after) = (_asm.CreateLabel(), _asm.CreateLabel());
        _asm.cmp(Wide, Wide);
        _asm.call(function);
        Read(); // flags that the function leaves
        _asm.jmp(after);
        _asm.Label(ref function);
        _asm.push(rbx);
        Statement(MostDepth);
        _asm.cmp(Wide, Wide);
        _asm.pop(rbx);
        _asm.ret();
        _asm.Label(ref after);
        _asm.nop();
    }
}
