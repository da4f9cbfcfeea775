using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;

namespace Holon.Machines.Host;

/// <summary>The host's processor, as its CPUID instruction tells (Intel SDM vol. 2, CPUID; AMD APM vol. 3, appendix E).</summary>
public static class HostProcessor
{
    private const uint ExtendedLeaf = 0x8000_0000;

    /// <summary>What x86-64-v3 has beyond the baseline (System V ABI, AMD64 supplement, table 3.1), and where CPUID says so.</summary>
    private static readonly (string Name, uint Leaf, Register Register, int Bit)[] Level3 =
    [
        ("cx16", 1, Register.Ecx, 13), ("lahf_lm", ExtendedLeaf + 1, Register.Ecx, 0), ("popcnt", 1, Register.Ecx, 23),
        ("sse3", 1, Register.Ecx, 0), ("ssse3", 1, Register.Ecx, 9), ("sse4.1", 1, Register.Ecx, 19), ("sse4.2", 1, Register.Ecx, 20),
        ("avx", 1, Register.Ecx, 28), ("avx2", 7, Register.Ebx, 5), ("bmi1", 7, Register.Ebx, 3), ("bmi2", 7, Register.Ebx, 8),
        ("f16c", 1, Register.Ecx, 29), ("fma", 1, Register.Ecx, 12), ("lzcnt", ExtendedLeaf + 1, Register.Ecx, 5), ("movbe", 1, Register.Ecx, 22),
        ("osxsave", 1, Register.Ecx, 27),
    ];

    private enum Register
    {
        Eax,
        Ebx,
        Ecx,
        Edx,
    }

    /// <summary>True when the host's processor speaks x86.</summary>
    public static bool IsX86 => X86Base.IsSupported;

    /// <summary>The processor's own name for itself, or the architecture where it has none.</summary>
    public static string Model
    {
        get
        {
            if (!IsX86 || (uint)X86Base.CpuId(unchecked((int)ExtendedLeaf), 0).Eax < ExtendedLeaf + 4) return RuntimeInformation.OSArchitecture.ToString();
            Span<int> brand = stackalloc int[12];
            for (var i = 0; i < 3; i++) (brand[4 * i], brand[(4 * i) + 1], brand[(4 * i) + 2], brand[(4 * i) + 3]) = X86Base.CpuId(unchecked((int)(ExtendedLeaf + 2 + (uint)i)), 0);
            return Encoding.ASCII.GetString(MemoryMarshal.AsBytes(brand)).TrimEnd('\0', ' ').TrimStart();
        }
    }

    /// <summary>The features of x86-64-v3 that this processor lacks; empty when it has them all.</summary>
    public static IReadOnlyList<string> MissingFromLevel3 => [.. Level3.Where(feature => !Has(feature.Leaf, feature.Register, feature.Bit)).Select(feature => feature.Name)];

    /// <summary>Intel's or AMD's hardware virtualization, as far as this host passes it on; null when there is none.</summary>
    public static string? HardwareVirtualization =>
        Has(1, Register.Ecx, 5) ? "vmx" : Has(ExtendedLeaf + 1, Register.Ecx, 2) ? "svm" : null;

    /// <summary>True when this host is itself a virtual machine.</summary>
    public static bool IsVirtual => Has(1, Register.Ecx, 31);

    private static bool Has(uint leaf, Register register, int bit)
    {
        if (!IsX86 || (uint)X86Base.CpuId(unchecked((int)(leaf & ExtendedLeaf)), 0).Eax < leaf) return false;
        var (eax, ebx, ecx, edx) = X86Base.CpuId(unchecked((int)leaf), 0);
        var value = register switch { Register.Eax => eax, Register.Ebx => ebx, Register.Ecx => ecx, _ => edx };
        return (value >> bit & 1) != 0;
    }
}
