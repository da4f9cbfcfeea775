using System.Text;

namespace Holon.X86;

/// <summary>The four registers that CPUID returns.</summary>
/// <param name="Eax">EAX.</param>
/// <param name="Ebx">EBX.</param>
/// <param name="Ecx">ECX.</param>
/// <param name="Edx">EDX.</param>
public readonly record struct CpuidResult(uint Eax, uint Ebx, uint Ecx, uint Edx);

/// <summary>What CPUID says (SDM vol. 2, CPUID; Linux Documentation/virt/kvm/x86/cpuid.rst for the hypervisor's leaves).</summary>
public static class CpuidTable
{
    private const uint LastBasic = 0x15, LastHypervisor = 0x40000010, LastExtended = 0x80000008;
    private const string Brand = "Holon Virtual x86-64 Processor";

    /// <summary>The answer for one leaf.</summary>
    /// <param name="model">The processor presented.</param>
    /// <param name="state">The vCPU: some bits follow its control registers.</param>
    /// <param name="leaf">EAX.</param>
    /// <param name="subleaf">ECX.</param>
    /// <param name="apicId">The vCPU's APIC ID.</param>
    /// <param name="cpus">vCPUs of the machine, all cores of one package.</param>
    /// <param name="physicalAddressBits">Bits of a physical address.</param>
    /// <param name="tscFrequency">Ticks a second of the TSC, and of the APIC's bus.</param>
    public static CpuidResult Get(CpuModel model, ref CpuState state, uint leaf, uint subleaf, uint apicId, int cpus, int physicalAddressBits, ulong tscFrequency)
    {
        // A leaf beyond the last of its range answers as the last basic leaf does (SDM vol. 2).
        if (leaf is > LastBasic and < 0x40000000 or > LastHypervisor and < 0x80000000 or > LastExtended) leaf = LastBasic;
        var v3 = model.HasAvx2;
        return leaf switch
        {
            0 => new CpuidResult(LastBasic, Text("Genu"), Text("ntel"), Text("ineI")),
            1 => Features(model, ref state, apicId, cpus),
            2 => new CpuidResult(0x00FEFF01, 0xF0, 0, 0), // caches and TLBs: see leaf 4 and 0x18
            4 => Caches(subleaf, cpus),
            6 => new CpuidResult(4, 0, 0, 0), // ARAT: the APIC timer never stops
            7 when subleaf == 0 => new CpuidResult(
                0,
                Bit(0) | Bit(1) | Bit(7) | Bit(9) | Bit(10) | Bit(18) | Bit(19) | Bit(20) | Bit(23) | Bit(24) | Bit(29) | Bit(13) // FSGSBASE TSC_ADJUST SMEP ERMS INVPCID RDSEED ADX SMAP CLFLUSHOPT CLWB SHA, FPU CS/DS deprecated
                    | (v3 ? Bit(3) | Bit(5) | Bit(8) : 0), // BMI1 AVX2 BMI2
                Bit(2) | Bit(22), // UMIP RDPID
                Bit(26) | Bit(29) | Bit(31)), // IBRS, ARCH_CAPABILITIES, SSBD
            0xB => Topology(subleaf, apicId, cpus),
            0xD => Xsave(model, ref state, subleaf),
            0x15 => new CpuidResult(1, 1, (uint)tscFrequency, 0),
            0x40000000 => new CpuidResult(LastHypervisor, Text("KVMK"), Text("VMKV"), Text("M\0\0\0")),
            0x40000001 => new CpuidResult(Bit(3) | Bit(24) | (cpus > 1 ? Bit(7) | Bit(11) : 0), 0, 0, 0), // kvm-clock with the new MSRs, stable; locks that sleep, IPIs to many
            0x40000010 => new CpuidResult((uint)(tscFrequency / 1000), (uint)(tscFrequency / 1000), 0, 0),
            0x80000000 => new CpuidResult(LastExtended, 0, 0, 0),
            0x80000001 => new CpuidResult(
                0,
                0,
                Bit(0) | Bit(8) | (v3 ? Bit(5) : 0), // LAHF in 64-bit mode, PREFETCHW, LZCNT
                Bit(20) | Bit(26) | Bit(27) | Bit(29) | ((state.Efer & Efer.Lma) != 0 ? Bit(11) : 0)), // NX, 1 GiB pages, RDTSCP, long mode; SYSCALL in 64-bit mode
            >= 0x80000002 and <= 0x80000004 => BrandString(leaf - 0x80000002),
            0x80000006 => new CpuidResult(0, 0, 0x04008040, 0),
            0x80000007 => new CpuidResult(0, 0, 0, Bit(8)), // invariant TSC
            0x80000008 => new CpuidResult((uint)physicalAddressBits | (48 << 8), 0, 0, 0),
            _ => default,
        };
    }

    private static CpuidResult Features(CpuModel model, ref CpuState state, uint apicId, int cpus)
    {
        var v3 = model.HasAvx2;
        var ecx = Bit(0) | Bit(1) | Bit(9) | Bit(13) | Bit(17) | Bit(19) | Bit(20) | Bit(21) | Bit(23) | Bit(24) | Bit(25) | Bit(30) | Bit(31)
            // SSE3 PCLMULQDQ SSSE3 CMPXCHG16B PCID SSE4.1 SSE4.2 x2APIC POPCNT TSC-deadline AES RDRAND hypervisor
            | (v3 ? Bit(12) | Bit(22) | Bit(26) | Bit(28) | Bit(29) : 0) // FMA MOVBE XSAVE AVX F16C
            | (v3 && (state.Cr4 & Cr4.Osxsave) != 0 ? Bit(27) : 0);
        var edx = Bit(0) | Bit(1) | Bit(2) | Bit(3) | Bit(4) | Bit(5) | Bit(6) | Bit(7) | Bit(8) | Bit(11) | Bit(12) | Bit(13) | Bit(14) | Bit(15) | Bit(16)
            | Bit(17) | Bit(19) | Bit(23) | Bit(24) | Bit(25) | Bit(26) | Bit(27) | (cpus > 1 ? Bit(28) : 0);
        // FPU VME DE PSE TSC MSR PAE MCE CX8 SEP MTRR PGE MCA CMOV PAT PSE36 CLFLUSH MMX FXSR SSE SSE2 SS
        if ((state.ApicBase & 0x800) != 0) edx |= Bit(9); // APIC, while it is enabled
        return new CpuidResult(model.Signature, (apicId << 24) | (IdsOf(cpus) << 16) | (8 << 8), ecx, edx);
    }

    private static CpuidResult Caches(uint subleaf, int cpus)
    {
        var cores = (IdsOf(cpus) - 1) << 26;
        return subleaf switch
        {
            0 => new CpuidResult(cores | 0x121, 0x01C0003F, 63, 0), // 32 KiB L1 data, 8 ways
            1 => new CpuidResult(cores | 0x122, 0x01C0003F, 63, 0), // 32 KiB L1 code
            2 => new CpuidResult(cores | 0x143, 0x03C0003F, 1023, 0), // 1 MiB L2, 16 ways
            3 => new CpuidResult(cores | ((IdsOf(cpus) - 1) << 14) | 0x163, 0x03C0003F, 16383, 4), // 16 MiB L3
            _ => default,
        };
    }

    private static CpuidResult Topology(uint subleaf, uint apicId, int cpus)
    {
        var bits = (uint)System.Numerics.BitOperations.Log2(IdsOf(cpus)); // 0 for one vCPU
        return subleaf switch
        {
            0 => new CpuidResult(0, 1, 0x100, apicId), // threads: one a core
            1 => new CpuidResult(bits, (uint)cpus, 0x201, apicId),
            _ => new CpuidResult(0, 0, subleaf & 0xFF, apicId),
        };
    }

    /// <summary>APIC ids that are set aside for a package: a power of two (SDM vol. 3 §9.9.3).</summary>
    private static uint IdsOf(int cpus) => System.Numerics.BitOperations.RoundUpToPowerOf2((uint)cpus);

    private static CpuidResult Xsave(CpuModel model, ref CpuState state, uint subleaf) => (model.HasAvx2, subleaf) switch
    {
        (true, 0) => new CpuidResult((uint)model.XsaveMask, (state.Xcr0 & 4) != 0 ? 832u : 576u, 832, 0),
        (true, 1) => new CpuidResult(Bit(0) | Bit(1) | Bit(2), (state.Xcr0 & 4) != 0 ? 832u : 576u, 0, 0), // XSAVEOPT, XSAVEC, XGETBV with ECX=1
        (true, 2) => new CpuidResult(256, 576, 0, 0), // AVX: upper halves of YMM
        _ => default,
    };

    private static CpuidResult BrandString(uint part)
    {
        Span<byte> text = stackalloc byte[48];
        text.Clear();
        Encoding.ASCII.GetBytes(Brand, text);
        var words = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(text).Slice((int)part * 4, 4);
        return new CpuidResult(words[0], words[1], words[2], words[3]);
    }

    private static uint Bit(int number) => 1u << number;

    private static uint Text(string four) => four[0] | ((uint)four[1] << 8) | ((uint)four[2] << 16) | ((uint)four[3] << 24);
}
