using System.Runtime.Intrinsics.X86;
using Iced.Intel;

namespace Holon.Translator.Guest;

/// <summary>What the host's processor can run, when it is an x86-64 one.</summary>
internal static class HostProcessor
{
    private static readonly bool _bmi = Bmi1.X64.IsSupported && Bmi2.X64.IsSupported && Lzcnt.X64.IsSupported;
    private static readonly bool _movbe = Leaf(1).Ecx >> 22 is var ecx && (ecx & 1) != 0;
    private static readonly bool _f16c = (Leaf(1).Ecx & (1 << 29)) != 0;
    private static readonly bool _sha = (Leaf(7).Ebx & (1 << 29)) != 0;
    private static readonly bool _adx = (Leaf(7).Ebx & (1 << 19)) != 0;

    /// <summary>Whether the translating engine can work here: it needs what x86-64-v3 has.</summary>
    public static bool IsSuitable { get; } = System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64
        && Avx2.IsSupported && Fma.IsSupported && _bmi;

    /// <summary>Whether the host executes an encoding as the manual says.</summary>
    public static bool Runs(Code code)
    {
        foreach (var feature in code.CpuidFeatures())
        {
            if (!Has(feature)) return false;
        }

        return true;
    }

    private static bool Has(CpuidFeature feature) => feature switch
    {
        CpuidFeature.INTEL8086 or CpuidFeature.INTEL186 or CpuidFeature.INTEL286 or CpuidFeature.INTEL386 or CpuidFeature.INTEL486 or CpuidFeature.X64
            or CpuidFeature.FPU or CpuidFeature.FPU287 or CpuidFeature.FPU387 or CpuidFeature.CMOV or CpuidFeature.CX8 or CpuidFeature.MMX or CpuidFeature.SSE or CpuidFeature.SSE2
            or CpuidFeature.MULTIBYTENOP or CpuidFeature.PAUSE or CpuidFeature.CLFSH => true,
        CpuidFeature.CMPXCHG16B => true, // required by x86-64-v2, as are the next ones
        CpuidFeature.SSE3 or CpuidFeature.SSSE3 or CpuidFeature.SSE4_1 or CpuidFeature.SSE4_2 or CpuidFeature.POPCNT => Sse42.IsSupported && Popcnt.IsSupported,
        CpuidFeature.AES => System.Runtime.Intrinsics.X86.Aes.IsSupported,
        CpuidFeature.PCLMULQDQ => Pclmulqdq.IsSupported,
        CpuidFeature.AVX => Avx.IsSupported,
        CpuidFeature.AVX2 => Avx2.IsSupported,
        CpuidFeature.FMA => Fma.IsSupported,
        CpuidFeature.BMI1 or CpuidFeature.BMI2 or CpuidFeature.LZCNT => _bmi,
        CpuidFeature.MOVBE => _movbe,
        CpuidFeature.F16C => _f16c,
        CpuidFeature.SHA => _sha,
        CpuidFeature.ADX => _adx,
        _ => false,
    };

    private static (int Ebx, int Ecx) Leaf(int leaf)
    {
        if (!X86Base.IsSupported) return default;
        var (_, ebx, ecx, _) = X86Base.CpuId(leaf, 0);
        return (ebx, ecx);
    }
}
