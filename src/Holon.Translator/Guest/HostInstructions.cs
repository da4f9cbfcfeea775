using System.Runtime.Intrinsics.X86;
using Holon.Machines.Host;
using Iced.Intel;

namespace Holon.Translator.Guest;

/// <summary>What the host's processor can run, when it is an x86-64 one.</summary>
internal static class HostInstructions
{
    private const uint Extended = 0x8000_0000;

    // Asked of CPUID itself: what .NET calls supported is, in a program compiled ahead of time, what the compiler was told to use.
    private static readonly bool _level3 = EngineSelection.WhyNoTranslator() is null;
    private static readonly bool _aes = Bit(1, 2, 25), _pclmulqdq = Bit(1, 2, 1), _sha = Bit(7, 1, 29), _adx = Bit(7, 1, 19);

    /// <summary>Whether the translating engine can work here: it needs what x86-64-v3 has.</summary>
    public static bool IsSuitable => _level3;

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
        CpuidFeature.CMPXCHG16B or CpuidFeature.SSE3 or CpuidFeature.SSSE3 or CpuidFeature.SSE4_1 or CpuidFeature.SSE4_2 or CpuidFeature.POPCNT
            or CpuidFeature.AVX or CpuidFeature.AVX2 or CpuidFeature.FMA or CpuidFeature.BMI1 or CpuidFeature.BMI2 or CpuidFeature.LZCNT or CpuidFeature.MOVBE
            or CpuidFeature.F16C => _level3,
        CpuidFeature.AES => _aes,
        CpuidFeature.PCLMULQDQ => _pclmulqdq,
        CpuidFeature.SHA => _sha,
        CpuidFeature.ADX => _adx,
        _ => false,
    };

    /// <param name="leaf">Leaf of CPUID, subleaf 0.</param>
    /// <param name="register">0 EAX to 3 EDX.</param>
    /// <param name="bit">Its bit.</param>
    private static bool Bit(uint leaf, int register, int bit)
    {
        if (!X86Base.IsSupported || (uint)X86Base.CpuId(unchecked((int)(leaf & Extended)), 0).Eax < leaf) return false;
        var (eax, ebx, ecx, edx) = X86Base.CpuId(unchecked((int)leaf), 0);
        return ((register switch { 0 => eax, 1 => ebx, 2 => ecx, _ => edx }) >> bit & 1) != 0;
    }
}
