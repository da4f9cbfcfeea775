using System.Runtime.Intrinsics.X86;

namespace Holon.Oracle.Host;

/// <summary>Who made a processor, as CPUID leaf 0 says.</summary>
public enum Maker
{
    /// <summary>Intel, whose behaviour Holon presents: nothing is set aside.</summary>
    Intel,

    /// <summary>AMD.</summary>
    Amd,
}

/// <summary>Who made the host's processor.</summary>
public static class HostMaker
{
    /// <summary>The maker; any but AMD is held to what Intel's manual says.</summary>
    public static Maker Current { get; } = Read();

    private static Maker Read()
    {
        if (!X86Base.IsSupported) return Maker.Intel;
        var (_, ebx, ecx, edx) = X86Base.CpuId(0, 0);
        const int auth = 0x6874_7541, enti = 0x6974_6E65, cAmd = 0x444D_4163; // "AuthenticAMD" in EBX, EDX, ECX
        return (ebx, edx, ecx) == (auth, enti, cAmd) ? Maker.Amd : Maker.Intel;
    }
}
