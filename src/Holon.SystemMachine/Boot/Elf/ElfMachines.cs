using System.Globalization;

namespace Holon.SystemMachine.Boot.Elf;

/// <summary>Names of processors by their ELF machine number, for errors.</summary>
internal static class ElfMachines
{
    /// <summary>What people call the processor.</summary>
    public static string NameOf(ushort machine) => machine switch
    {
        2 or 18 or 43 => "SPARC",
        8 => "MIPS",
        20 => "PowerPC",
        21 => "64-bit PowerPC",
        22 => "S/390",
        40 => "32-bit ARM",
        50 => "Itanium",
        183 => "ARM64",
        243 => "RISC-V",
        258 => "LoongArch",
        _ => string.Create(CultureInfo.InvariantCulture, $"ELF machine number {machine}"),
    };
}
