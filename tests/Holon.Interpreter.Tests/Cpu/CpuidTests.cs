using Holon.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>What CPUID says and what the processor does are the same thing (SDM vol. 2, CPUID).</summary>
public sealed class CpuidTests
{
    private const int Eax = 0, Ebx = 1, Ecx = 2, Edx = 3;

    public static TheoryData<CpuModel> Models => [.. CpuModel.All];

    /// <summary>Feature bits that stand for instructions: leaf, subleaf, register, bit, and what Iced calls them.</summary>
    private static readonly (uint Leaf, uint Subleaf, int Register, int Bit, CpuidFeature Feature)[] _bits =
    [
        (1, 0, Edx, 0, CpuidFeature.FPU), (1, 0, Edx, 4, CpuidFeature.TSC), (1, 0, Edx, 5, CpuidFeature.MSR), (1, 0, Edx, 8, CpuidFeature.CX8),
        (1, 0, Edx, 11, CpuidFeature.SEP), (1, 0, Edx, 15, CpuidFeature.CMOV), (1, 0, Edx, 19, CpuidFeature.CLFSH), (1, 0, Edx, 23, CpuidFeature.MMX),
        (1, 0, Edx, 24, CpuidFeature.FXSR), (1, 0, Edx, 25, CpuidFeature.SSE), (1, 0, Edx, 26, CpuidFeature.SSE2),
        (1, 0, Ecx, 0, CpuidFeature.SSE3), (1, 0, Ecx, 1, CpuidFeature.PCLMULQDQ), (1, 0, Ecx, 3, CpuidFeature.MONITOR), (1, 0, Ecx, 5, CpuidFeature.VMX),
        (1, 0, Ecx, 6, CpuidFeature.SMX), (1, 0, Ecx, 9, CpuidFeature.SSSE3), (1, 0, Ecx, 12, CpuidFeature.FMA), (1, 0, Ecx, 13, CpuidFeature.CMPXCHG16B),
        (1, 0, Ecx, 19, CpuidFeature.SSE4_1), (1, 0, Ecx, 20, CpuidFeature.SSE4_2), (1, 0, Ecx, 22, CpuidFeature.MOVBE), (1, 0, Ecx, 23, CpuidFeature.POPCNT),
        (1, 0, Ecx, 25, CpuidFeature.AES), (1, 0, Ecx, 26, CpuidFeature.XSAVE), (1, 0, Ecx, 28, CpuidFeature.AVX), (1, 0, Ecx, 29, CpuidFeature.F16C), (1, 0, Ecx, 30, CpuidFeature.RDRAND),
        (7, 0, Ebx, 0, CpuidFeature.FSGSBASE), (7, 0, Ebx, 3, CpuidFeature.BMI1), (7, 0, Ebx, 5, CpuidFeature.AVX2), (7, 0, Ebx, 8, CpuidFeature.BMI2),
        (7, 0, Ebx, 10, CpuidFeature.INVPCID), (7, 0, Ebx, 11, CpuidFeature.RTM), (7, 0, Ebx, 16, CpuidFeature.AVX512F), (7, 0, Ebx, 18, CpuidFeature.RDSEED),
        (7, 0, Ebx, 19, CpuidFeature.ADX), (7, 0, Ebx, 20, CpuidFeature.SMAP), (7, 0, Ebx, 23, CpuidFeature.CLFLUSHOPT), (7, 0, Ebx, 24, CpuidFeature.CLWB), (7, 0, Ebx, 29, CpuidFeature.SHA),
        (7, 0, Ecx, 8, CpuidFeature.GFNI), (7, 0, Ecx, 9, CpuidFeature.VAES), (7, 0, Ecx, 10, CpuidFeature.VPCLMULQDQ), (7, 0, Ecx, 22, CpuidFeature.RDPID),
        (7, 0, Ecx, 27, CpuidFeature.MOVDIRI), (7, 0, Ecx, 28, CpuidFeature.MOVDIR64B), (7, 0, Edx, 14, CpuidFeature.SERIALIZE),
        (7, 1, Eax, 4, CpuidFeature.AVX_VNNI),
        (0xD, 1, Eax, 0, CpuidFeature.XSAVEOPT), (0xD, 1, Eax, 1, CpuidFeature.XSAVEC), (0xD, 1, Eax, 3, CpuidFeature.XSAVES),
        (0x80000001, 0, Ecx, 5, CpuidFeature.LZCNT), (0x80000001, 0, Ecx, 6, CpuidFeature.SSE4A), (0x80000001, 0, Ecx, 8, CpuidFeature.PREFETCHW),
        (0x80000001, 0, Ecx, 11, CpuidFeature.XOP), (0x80000001, 0, Ecx, 16, CpuidFeature.FMA4), (0x80000001, 0, Ecx, 21, CpuidFeature.TBM),
        (0x80000001, 0, Edx, 11, CpuidFeature.SYSCALL), (0x80000001, 0, Edx, 27, CpuidFeature.RDTSCP), (0x80000001, 0, Edx, 29, CpuidFeature.X64), (0x80000001, 0, Edx, 31, CpuidFeature.D3NOW),
    ];

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_feature_bit_stands_for_instructions_that_exist(CpuModel model)
    {
        foreach (var (leaf, subleaf, register, bit, feature) in _bits)
        {
            var said = (Query(model, leaf, subleaf)[register] & (1u << bit)) != 0;
            var codes = Enum.GetValues<Code>().Where(code => code.CpuidFeatures() is [var only] && only == feature
                && code.Encoding() is EncodingKind.Legacy or EncodingKind.VEX && code is not (Code.INVALID or Code.Vmcall)).ToList(); // VMCALL is KVM's hypercall
            if (codes.Count == 0) continue;
            var has = codes.Count(model.Has);
            Assert.True(said ? has == codes.Count : has == 0, $"{model.Name}: CPUID {leaf:x}.{subleaf} bit {bit} of register {register} is {said}, and {has} of {codes.Count} encodings of {feature} exist.");
        }
    }

    /// <summary>gcc's target_clones and <c>__builtin_cpu_is</c> take AVX-512 for granted by the processor's name (libgcc, common/config/i386/cpuinfo.h).</summary>
    [Theory]
    [MemberData(nameof(Models))]
    public void Its_name_is_of_no_processor_with_avx512(CpuModel model)
    {
        var signature = Query(model, 1, 0)[Eax];
        Assert.Equal(6u, (signature >> 8) & 0xF);
        Assert.DoesNotContain(((signature >> 4) & 0xF) | ((signature >> 12) & 0xF0), (uint[])[0x55, 0x57, 0x66, 0x6A, 0x6C, 0x7D, 0x7E, 0x85, 0x8C, 0x8D, 0x8F, 0xA7, 0xAD, 0xAE, 0xCF]);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Control_register_bits_exist_with_their_features(CpuModel model) // vol. 3 §2.5
    {
        foreach (var (leaf, register, bit, control) in ((uint, int, int, ulong)[])
        [
            (1, Edx, 1, Cr4.Vme), (1, Edx, 2, Cr4.De), (1, Edx, 3, Cr4.Pse), (1, Edx, 6, Cr4.Pae), (1, Edx, 7, Cr4.Mce), (1, Edx, 13, Cr4.Pge), (1, Edx, 24, Cr4.Osfxsr),
            (1, Ecx, 17, Cr4.Pcide), (1, Ecx, 26, Cr4.Osxsave), (1, Ecx, 5, 1 << 13), (1, Ecx, 6, 1 << 14),
            (7, Ebx, 0, Cr4.Fsgsbase), (7, Ebx, 7, Cr4.Smep), (7, Ebx, 20, Cr4.Smap), (7, Ecx, 2, Cr4.Umip), (7, Ecx, 3, 1 << 22), (7, Ecx, 7, 1 << 23), (7, Ecx, 16, 1 << 12),
        ])
        {
            using var guest = new GuestProgram(GuestMode.Long, model);
            guest[3] = guest.State.Cr4 ^ (control == Cr4.Pae ? 0 : control);
            guest.Code(c => c.mov(cr4, rbx));
            guest.Run();
            var said = (Query(model, leaf, 0)[register] & (1u << bit)) != 0;
            Assert.True(said == (guest.Events.Count == 0), $"{model.Name}: CPUID {leaf:x} bit {bit} of register {register} is {said}, and setting CR4 to {guest[3]:x} {(guest.Events.Count == 0 ? "works" : "faults")}.");
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Leaves_beyond_the_last_answer_as_the_last_basic_one(CpuModel model) // vol. 2, CPUID
    {
        var last = Query(model, Query(model, 0, 0)[Eax], 0);
        Assert.Equal(last, Query(model, 0x1000, 0));
        Assert.Equal(last, Query(model, 0x90000000, 0));
    }

    [Fact]
    public void Some_bits_follow_control_registers() // vol. 2, CPUID: OSXSAVE, APIC; leaf D
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.State.ApicBase = 0xFEE00800;
        guest[6] = guest.State.Cr4 | Cr4.Osxsave;
        guest.Code(c =>
        {
            c.mov(eax, 1);
            c.cpuid();
            c.mov(r8d, ecx);
            c.mov(r9d, edx);
            c.mov(cr4, rsi);
            c.mov(eax, 1);
            c.cpuid();
            c.mov(r10d, ecx);
            c.mov(eax, 0xD);
            c.xor(ecx, ecx);
            c.cpuid();
            c.mov(r11d, ebx);
            c.mov(eax, 7);
            c.xor(edx, edx);
            c.xor(ecx, ecx);
            c.xsetbv();
            c.mov(eax, 0xD);
            c.xor(ecx, ecx);
            c.cpuid();
        });
        guest.Run();
        Assert.Empty(guest.Events);
        const ulong osxsave = 1 << 27, apic = 1 << 9;
        Assert.Equal((0ul, apic, osxsave), (guest[8] & osxsave, guest[9] & apic, guest[10] & osxsave));
        Assert.Equal((576ul, 832ul, 832ul), (guest[11], guest.Rbx, guest.Rcx));
    }

    [Fact]
    public void The_version_2_model_has_no_vex()
    {
        using var guest = new GuestProgram(GuestMode.Long, CpuModel.X8664V2);
        guest.Code(c => c.vzeroupper());
        guest.Run();
        Assert.Equal(ExceptionVector.InvalidOpcode, guest.Event.Vector);
        using var counting = new GuestProgram(GuestMode.Long, CpuModel.X8664V2);
        counting.Code(c => { c.mov(ecx, 0x80); c.db(0xF3, 0x0F, 0xBD, 0xC1); }); // LZCNT is BSR there
        counting.Run();
        Assert.Equal(7u, counting.Rax);
    }

    private static uint[] Query(CpuModel model, uint leaf, uint subleaf)
    {
        var state = default(CpuState);
        state.Efer = Efer.Lma;
        var result = CpuidTable.Get(model, ref state, leaf, subleaf, 0, 1, 46, 1_000_000_000);
        return [result.Eax, result.Ebx, result.Ecx, result.Edx];
    }
}
