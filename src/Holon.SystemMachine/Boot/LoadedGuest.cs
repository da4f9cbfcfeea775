namespace Holon.SystemMachine.Boot;

/// <summary>By which agreement a guest is started.</summary>
public enum BootProtocol
{
    /// <summary>Linux, unpacked by Holon and entered at its 64-bit start.</summary>
    LinuxDirect,

    /// <summary>Linux's 64-bit boot protocol: the kernel unpacks itself.</summary>
    Linux64,

    /// <summary>Linux's 32-bit boot protocol, for 32-bit kernels.</summary>
    Linux32,

    /// <summary>An ELF kernel with a PVH entry.</summary>
    Pvh,

    /// <summary>Multiboot version 1.</summary>
    Multiboot,
}

/// <summary>A guest that lies in memory, ready to run.</summary>
/// <param name="Protocol">The agreement.</param>
/// <param name="Description">For people: which kernel, how it is entered and where.</param>
/// <param name="Entry">The first processor's state; the others wait for their start-up message.</param>
/// <param name="Warnings">What did not go as hoped, one sentence each; the guest runs all the same.</param>
public sealed record LoadedGuest(BootProtocol Protocol, string Description, CpuEntry Entry, IReadOnlyList<string> Warnings);
