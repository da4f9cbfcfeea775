using Holon.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>Status flags are worked out only when somebody looks: PUSHF must see what each class of instruction left (SDM vol. 1 §3.4.3.1).</summary>
public sealed class FlagsTests
{
    private const ulong CF = Rflags.CF, PF = Rflags.PF, AF = Rflags.AF, ZF = Rflags.ZF, SF = Rflags.SF, OF = Rflags.OF, All = Rflags.Status;

    [Fact]
    public void Add_overflows_into_the_sign() => Expect(OF | SF | AF | PF, All, c => { c.mov(eax, 0x7FFFFFFF); c.add(eax, 1); });

    [Fact]
    public void Add_of_bytes_carries_out_of_bit_7() => Expect(CF | ZF | AF | PF, All, c => { c.mov(eax, 0x1FF); c.add(al, 1); });

    [Fact]
    public void Add_of_words_looks_at_the_low_byte_for_parity() => Expect(0, All, c => { c.mov(eax, 0x0300); c.add(ax, 1); });

    [Fact]
    public void Adc_takes_the_carry_of_the_instruction_before() => Expect(CF | ZF | AF | PF, All, c => { c.stc(); c.mov(rax, -1L); c.adc(rax, 0); });

    [Fact]
    public void Sub_borrows() => Expect(CF | SF | AF | PF, All, c => { c.xor(eax, eax); c.sub(eax, 1); });

    [Fact]
    public void Sbb_takes_the_borrow_of_the_instruction_before() => Expect(CF | SF | AF | PF, All, c => { c.xor(eax, eax); c.stc(); c.sbb(rax, 0); });

    [Fact]
    public void Cmp_of_equal_values_sets_zero() => Expect(ZF | PF, All, c => { c.mov(eax, -7); c.cmp(eax, -7); });

    [Fact]
    public void Cmp_overflows_when_signs_differ() => Expect(OF | AF | PF, All & ~PF & ~AF | AF, c => { c.mov(eax, int.MinValue); c.cmp(eax, 1); });

    [Fact]
    public void Logic_clears_carry_and_overflow() => Expect(SF | PF, All & ~AF, c => { c.mov(eax, 0x7FFFFFFF); c.add(eax, 1); c.stc(); c.or(eax, 0x80000000); });

    [Fact]
    public void Test_sets_parity_of_the_low_byte() => Expect(PF, All & ~AF, c => { c.mov(eax, 0x0F03); c.test(eax, eax); });

    [Fact]
    public void Inc_keeps_carry() => Expect(CF | OF | SF | AF, All, c => { c.mov(eax, 0x7F); c.stc(); c.inc(al); });

    [Fact]
    public void Dec_keeps_carry() => Expect(OF | AF, All, c => { c.mov(eax, 0x80); c.clc(); c.dec(al); });

    [Fact]
    public void Neg_of_zero_clears_carry() => Expect(ZF | PF, All, c => { c.xor(eax, eax); c.stc(); c.neg(eax); });

    [Fact]
    public void Neg_of_the_least_number_overflows() => Expect(CF | OF | SF | PF, All & ~AF, c => { c.mov(rax, long.MinValue); c.neg(rax); });

    [Fact]
    public void Not_changes_no_flag() => Expect(CF | ZF | PF, All & ~AF, c => { c.xor(eax, eax); c.stc(); c.not(eax); });

    [Fact]
    public void Shl_by_one_overflows_when_the_sign_changes() => Expect(CF | OF | ZF | PF, All & ~AF, c => { c.mov(eax, 0x80000000); c.shl(eax, 1); });

    [Fact]
    public void Shr_by_one_gives_the_old_sign_as_overflow() => Expect(CF | OF | PF, All & ~AF, c => { c.mov(eax, 0x80000001); c.shr(eax, 1); });

    [Fact]
    public void A_shift_by_zero_keeps_all_flags() => Expect(CF | ZF | PF, All & ~AF, c => { c.mov(eax, 3); c.xor(ecx, ecx); c.stc(); c.shl(eax, cl); });

    [Fact]
    public void Rol_changes_carry_and_overflow_only() => Expect(CF | ZF | PF, CF | ZF | PF | SF, c => { c.mov(eax, 0x80000000); c.cmp(eax, eax); c.rol(eax, 1); });

    [Fact]
    public void Rcr_goes_through_the_carry() => Expect(CF, CF, c => { c.mov(eax, 1); c.clc(); c.rcr(eax, 1); });

    [Fact]
    public void Imul_that_does_not_fit_sets_carry_and_overflow() => Expect(CF | OF, CF | OF, c => { c.mov(eax, 0x10000); c.imul(eax, eax); });

    [Fact]
    public void Mul_that_fits_clears_carry_and_overflow() => Expect(0, CF | OF, c => { c.stc(); c.mov(eax, 0xFFFF); c.mov(ecx, 0xFFFF); c.mul(ecx); });

    [Fact]
    public void Bt_changes_carry_only() => Expect(CF | ZF | PF, CF | ZF, c => { c.xor(eax, eax); c.mov(ecx, 0x10); c.bt(ecx, 4); });

    [Fact]
    public void Bsf_of_zero_sets_zero() => Expect(ZF, ZF, c => { c.mov(eax, 1); c.test(eax, eax); c.mov(ecx, 0); c.bsf(eax, ecx); });

    [Fact]
    public void Popcnt_clears_all_but_zero() => Expect(ZF, All, c => { c.mov(eax, 0x7FFFFFFF); c.add(eax, 1); c.stc(); c.mov(eax, 0); c.popcnt(eax, eax); });

    [Fact]
    public void Carry_instructions_keep_overflow() => Expect(OF | SF | AF | PF | CF, All, c => { c.mov(eax, 0x7FFFFFFF); c.add(eax, 1); c.stc(); c.cmc(); c.cmc(); });

    [Fact]
    public void Cmpxchg_compares_with_the_accumulator() => Expect(CF | SF | AF | PF, All, c => { c.mov(eax, 0); c.mov(ecx, 1); c.mov(edx, 5); c.cmpxchg(ecx, edx); });

    [Fact]
    public void Xadd_sets_the_flags_of_an_addition() => Expect(CF | ZF | AF | PF, All, c => { c.mov(eax, -1); c.mov(ecx, 1); c.xadd(ecx, eax); });

    [Fact]
    public void Sahf_keeps_overflow() => Expect(OF | CF | ZF, All, c => { c.mov(eax, 0x7FFFFFFF); c.add(eax, 1); c.mov(ah, 0x41); c.sahf(); });

    [Fact]
    public void A_repeated_comparison_leaves_the_flags_of_its_last_element() => Expect(CF | SF | AF, CF | SF | ZF, c =>
    {
        c.mov(rdi, (long)GuestProgram.Data);
        c.mov(__byte_ptr[rdi], 0);
        c.mov(__byte_ptr[rdi + 1], 1);
        c.mov(ecx, 2);
        c.xor(eax, eax);
        c.repe.scasb();
    });

    [Fact]
    public void Popf_and_pushf_agree_on_all_combinations_of_status_flags()
    {
        for (var combination = 0; combination < 64; combination++)
        {
            var image = Rflags.Fixed;
            for (var bit = 0; bit < 6; bit++) image |= (combination & (1 << bit)) != 0 ? ((ulong[])[CF, PF, AF, ZF, SF, OF])[bit] : 0;
            Expect(image & All, All, c => { c.push((int)image); c.popfq(); c.nop(); });
        }
    }

    [Fact]
    public void Conditions_see_what_pushf_sees() // SDM vol. 1, appendix B
    {
        foreach (var (left, right) in ((int, int)[])[(0, 0), (1, 2), (2, 1), (-1, 1), (1, -1), (int.MinValue, 1), (int.MaxValue, -1)])
        {
            using var guest = GuestProgram.Run(GuestMode.Long, c =>
            {
                c.mov(eax, left);
                c.cmp(eax, right);
                c.setb(bl);
                c.setle(bh);
                c.setl(cl);
                c.seta(ch);
                c.pushfq();
                c.pop(rdx);
            });
            Assert.Equal((uint)left < (uint)right, (guest.Rbx & 0xFF) != 0);
            Assert.Equal(left <= right, (guest.Rbx & 0xFF00) != 0);
            Assert.Equal(left < right, (guest.Rcx & 0xFF) != 0);
            Assert.Equal((uint)left > (uint)right, (guest.Rcx & 0xFF00) != 0);
            Assert.Equal((uint)left < (uint)right, (guest.Rdx & CF) != 0);
        }
    }

    private static void Expect(ulong expected, ulong mask, Action<Assembler> code)
    {
        using var guest = GuestProgram.Run(GuestMode.Long, c =>
        {
            code(c);
            c.pushfq();
            c.pop(rbx);
        });
        Assert.Empty(guest.Events);
        Assert.Equal(expected & mask, guest.Rbx & mask);
        Assert.Equal(expected & mask, guest.State.Rflags & mask); // and what is left when the vCPU stops
        Assert.Equal(Rflags.Fixed, guest.Rbx & Rflags.Fixed);
    }

    [Fact]
    public void Flags_of_a_sum_stay_when_its_register_is_popped()
    {
        using var guest = GuestProgram.Run(GuestMode.Long, c =>
        {
            c.push(100);
            c.push(200);
            c.mov(ebx, 0x87);
            c.sub(rbx, 0x88); // borrows, also in the low digit: CF, AF, SF and PF
            c.pop(rbx);
            c.setc(al);
            c.pop(rcx);
            c.sets(dl);
        });
        Assert.Equal((1ul, 1ul, 200ul, 100ul), (guest.Rax & 0xFF, guest.Rdx & 0xFF, guest.Rbx, guest.Rcx));
    }
}
