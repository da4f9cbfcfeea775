using Holon.Interpreter.Tests.Cpu;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Translator.Tests.Blocks;

/// <summary>
/// Operands that must be aligned and are not, on pages that translated code knows already in one way or another: the host would fault, and with it the process.
/// </summary>
public sealed class MisalignedOperandTests
{
    /// <summary>Each is given an address in RBX (and RSP, where it is the stack's), which is misaligned in the second round.</summary>
    private static readonly Dictionary<string, Action<Assembler>> _accesses = new()
    {
        ["one"] = c => c.movaps(xmm0, __xmmword_ptr[rbx + 0x20]),
        ["one, written"] = c => c.movntdq(__xmmword_ptr[rbx + 0x20], xmm0),
        ["indexed"] = c => c.movaps(xmm0, __xmmword_ptr[rbx + rcx * 8]),
        ["base without a home"] = c => { c.mov(r13, rbx); c.movdqa(xmm0, __xmmword_ptr[r13]); },
        ["stack"] = c => { c.mov(rsp, rbx); c.movaps(xmm0, __xmmword_ptr[rsp + 0x20]); },
        ["stack, written"] = c => { c.mov(rsp, rbx); c.movaps(__xmmword_ptr[rsp + 0x20], xmm0); },
        ["below the frame"] = c => { c.mov(rbp, rbx); c.movaps(__xmmword_ptr[rbp - 0x20], xmm0); },
        ["group"] = c => { c.movaps(xmm0, __xmmword_ptr[rbx]); c.movaps(xmm1, __xmmword_ptr[rbx + 0x10]); c.mov(rax, __qword_ptr[rbx + 0x20]); },
        ["group, written"] = c => { c.movaps(__xmmword_ptr[rbx], xmm0); c.movaps(__xmmword_ptr[rbx + 0x10], xmm1); c.mov(__qword_ptr[rbx + 0x20], rax); },
        ["group behind others"] = c => { c.mov(rax, __qword_ptr[rbx + 0x20]); c.movaps(xmm1, __xmmword_ptr[rbx + 0x10]); },
        ["group of the stack"] = c => { c.mov(rsp, rbx); c.mov(rax, __qword_ptr[rsp + 0x20]); c.movaps(__xmmword_ptr[rsp + 0x10], xmm1); c.movaps(__xmmword_ptr[rsp + 0x20], xmm1); },
        ["VEX"] = c => { c.mov(rsp, rbx); c.vmovaps(ymm0, __ymmword_ptr[rsp + 0x20]); },
    };

    public static TheoryData<string, bool, ulong, ulong> Cases
    {
        get
        {
            var cases = new TheoryData<string, bool, ulong, ulong>();
            foreach (var access in _accesses.Keys)
            {
                foreach (var hot in new[] { false, true })
                {
                    cases.Add(access, hot, 0x100, 0x101); // the page that was met last
                    cases.Add(access, hot, 0x1100, 0x101); // one that the TLB knows
                    cases.Add(access, hot, 0x1100, 0x2108); // one that was never met
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_guest_gets_a_protection_fault(string access, bool hot, ulong first, ulong second)
    {
        Assert.SkipUnless(Translator.IsSupported, "the translator does not work on this host");
        GuestProgram.Hot = hot;
        try
        {
            using var guest = new GuestProgram(GuestMode.Long);
            guest.State.Cr4 |= X86.Cr4.Osfxsr | X86.Cr4.Osxsave;
            guest.State.Xcr0 = 7;
            guest.Code(c =>
            {
                c.mov(rcx, 4);
                c.mov(rsi, 20);
                c.mov(rax, __qword_ptr[GuestProgram.Data + 0x100]); // the TLB knows it
                c.mov(__qword_ptr[GuestProgram.Data + 0x108], rax);
                c.mov(rbx, GuestProgram.Data + first);
                var again = c.CreateLabel();
                c.Label(ref again);
                _accesses[access](c);
                c.dec(rsi);
                c.jg(again);
                c.mov(rbx, GuestProgram.Data + second);
                c.jz(again);
            });
            guest.Run();
            Assert.Equal(X86.ExceptionVector.GeneralProtection, guest.Event.Vector);
            Assert.Equal(0ul, guest.Rsi);
        }
        finally
        {
            GuestProgram.Hot = false;
        }
    }
}
