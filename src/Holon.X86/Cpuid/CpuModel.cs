using Holon.Machines;
using Iced.Intel;

namespace Holon.X86;

/// <summary>The processor that a guest sees: its name, identification and features. Everything it says in CPUID, the engines do.</summary>
public sealed class CpuModel
{
    private readonly HashSet<CpuidFeature> _features;
    private readonly sbyte[] _allowed = new sbyte[Enum.GetValues<Code>().Length]; // 0 unknown, 1 yes, -1 no

    private CpuModel(string name, bool avx2, params ReadOnlySpan<CpuidFeature> features)
    {
        Name = name;
        HasAvx2 = avx2;
        _features = [.. features];
    }

    /// <summary>The level most distributions of 2020 and later build for: SSE4.2, POPCNT, CMPXCHG16B; no AVX.</summary>
    public static CpuModel X8664V2 { get; } = new("x86-64-v2", false, BaseFeatures);

    /// <summary>x86-64-v2 and AVX, AVX2, BMI, FMA, F16C, LZCNT, MOVBE, XSAVE.</summary>
    public static CpuModel X8664V3 { get; } = new("x86-64-v3", true, [.. BaseFeatures, .. Version3Features]);

    /// <summary>All models, by name.</summary>
    public static IReadOnlyList<CpuModel> All { get; } = [X8664V2, X8664V3];

    /// <summary>The name that <c>--cpu</c> takes.</summary>
    public string Name { get; }

    /// <summary>True for x86-64-v3 and later.</summary>
    public bool HasAvx2 { get; }

    /// <summary>
    /// CPUID leaf 1 EAX, and EDX after RESET: a Haswell (family 6, model 0x3C, stepping 3), or a Westmere (model 0x2C, stepping 1). Programs that choose
    /// between variants of their functions by the processor's name, as gcc's target_clones lets them, must find one that has no more than we present.
    /// </summary>
    public uint Signature => HasAvx2 ? 0x306C3u : 0x206C1;

    /// <summary>XCR0 bits that may be set: x87, SSE and, from v3 on, AVX.</summary>
    public ulong XsaveMask => HasAvx2 ? 7ul : 0;

    private static ReadOnlySpan<CpuidFeature> BaseFeatures =>
    [
        CpuidFeature.INTEL8086, CpuidFeature.INTEL8086_ONLY, CpuidFeature.INTEL186, CpuidFeature.INTEL286, CpuidFeature.INTEL386, CpuidFeature.INTEL486,
        CpuidFeature.X64, CpuidFeature.FPU, CpuidFeature.FPU287, CpuidFeature.FPU387, CpuidFeature.CPUID, CpuidFeature.CX8, CpuidFeature.CMOV, CpuidFeature.MSR,
        CpuidFeature.RDPMC, CpuidFeature.TSC, CpuidFeature.SEP, CpuidFeature.SYSCALL, CpuidFeature.PAUSE, CpuidFeature.MULTIBYTENOP,
        CpuidFeature.MMX, CpuidFeature.FXSR, CpuidFeature.SSE, CpuidFeature.SSE2, CpuidFeature.SSE3, CpuidFeature.SSSE3, CpuidFeature.SSE4_1, CpuidFeature.SSE4_2,
        CpuidFeature.POPCNT, CpuidFeature.CMPXCHG16B, CpuidFeature.CLFSH, CpuidFeature.RDTSCP, CpuidFeature.AES, CpuidFeature.PCLMULQDQ, CpuidFeature.SHA,
        CpuidFeature.RDRAND, CpuidFeature.RDSEED, CpuidFeature.ADX, CpuidFeature.FSGSBASE, CpuidFeature.INVPCID, CpuidFeature.CLFLUSHOPT, CpuidFeature.SMAP,
        CpuidFeature.PREFETCHW, CpuidFeature.RDPID, CpuidFeature.CLWB,
    ];

    private static ReadOnlySpan<CpuidFeature> Version3Features =>
    [
        CpuidFeature.AVX, CpuidFeature.AVX2, CpuidFeature.BMI1, CpuidFeature.BMI2, CpuidFeature.FMA, CpuidFeature.F16C, CpuidFeature.LZCNT, CpuidFeature.MOVBE,
        CpuidFeature.XSAVE, CpuidFeature.XSAVEOPT, CpuidFeature.XSAVEC,
    ];

    /// <summary>The model of a name.</summary>
    /// <exception cref="HolonException">There is none.</exception>
    public static CpuModel Parse(string name) =>
        All.FirstOrDefault(model => model.Name == name)
        ?? throw new HolonException($"There is no CPU model '{name}'; use one of {string.Join(", ", All.Select(model => model.Name))}.");

    /// <summary>True when the processor has an instruction; it raises #UD for others.</summary>
    public bool Has(Code code)
    {
        ref var allowed = ref _allowed[(int)code];
        if (allowed == 0) allowed = IsPresented(code) ? (sbyte)1 : (sbyte)-1;
        return allowed > 0;
    }

    private bool IsPresented(Code code)
    {
        if (code == Code.INVALID || code.Encoding() is EncodingKind.EVEX or EncodingKind.XOP or EncodingKind.D3NOW or EncodingKind.MVEX) return false;
        if (code == Code.Vmcall) return true; // belongs to the hypervisor leaves, not to VMX
        foreach (var feature in code.CpuidFeatures())
        {
            if (!_features.Contains(feature)) return false;
        }

        return true;
    }
}
