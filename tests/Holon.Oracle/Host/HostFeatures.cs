using Iced.Intel;

namespace Holon.Oracle.Host;

/// <summary>What the host's processor can execute, as the kernel lists it in <c>/proc/cpuinfo</c>.</summary>
public static class HostFeatures
{
    // Names that differ between Iced and the kernel (arch/x86/include/asm/cpufeatures.h); null: every x86-64 processor has it.
    private static readonly Dictionary<CpuidFeature, string?> _kernelNames = new()
    {
        [CpuidFeature.LZCNT] = "abm",
        [CpuidFeature.SSE3] = "pni",
        [CpuidFeature.CMPXCHG16B] = "cx16",
        [CpuidFeature.PCLMULQDQ] = "pclmulqdq",
        [CpuidFeature.SHA] = "sha_ni",
        [CpuidFeature.AVX_VNNI] = "avx_vnni",
        [CpuidFeature.PREFETCHW] = "3dnowprefetch",
        [CpuidFeature.D3NOW] = "3dnow",
        [CpuidFeature.D3NOWEXT] = "3dnowext",
        [CpuidFeature.HLE_or_RTM] = "rtm",
        [CpuidFeature.CLFSH] = "clflush",
        [CpuidFeature.SSE4_1] = "sse4_1",
        [CpuidFeature.SSE4_2] = "sse4_2",
        [CpuidFeature.FXSR] = "fxsr",
        [CpuidFeature.MULTIBYTENOP] = null,
        [CpuidFeature.INTEL8086] = null,
        [CpuidFeature.INTEL186] = null,
        [CpuidFeature.INTEL286] = null,
        [CpuidFeature.INTEL386] = null,
        [CpuidFeature.INTEL486] = null,
        [CpuidFeature.X64] = null,
        [CpuidFeature.FPU] = null,
        [CpuidFeature.FPU287] = null,
        [CpuidFeature.FPU387] = null,
        [CpuidFeature.CX8] = null,
        [CpuidFeature.CMOV] = null,
        [CpuidFeature.PAUSE] = null,
        [CpuidFeature.CPUID] = null,
        [CpuidFeature.SYSCALL] = null,
        [CpuidFeature.FSGSBASE] = "fsgsbase",
    };

    private static readonly HashSet<string> _flags = ReadFlags();

    /// <summary>True when the kernel lists a flag.</summary>
    public static bool Has(string kernelName) => _flags.Contains(kernelName);

    /// <summary>The first feature that a form needs and the host lacks; null when it can run it.</summary>
    public static string? Missing(Code code)
    {
        if (Comparison.MakerDifferences.Missing(HostMaker.Current, code) is { } ability) return ability;
        foreach (var feature in code.CpuidFeatures())
        {
            var name = _kernelNames.TryGetValue(feature, out var kernelName) ? kernelName : feature.ToString().ToLowerInvariant();
            if (name is not null && !_flags.Contains(name)) return name;
        }

        return null;
    }

    private static HashSet<string> ReadFlags()
    {
        const string path = "/proc/cpuinfo";
        if (!File.Exists(path)) return [];
        var line = File.ReadLines(path).FirstOrDefault(text => text.StartsWith("flags", StringComparison.Ordinal)) ?? "";
        return [.. line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)];
    }
}
