using Holon.Memory;
using Holon.SystemMachine.Boot.Linux;

namespace Holon.SystemMachine.Boot;

/// <summary>What to boot, and what the guest is told about its machine.</summary>
public sealed record BootRequest
{
    /// <summary>The kernel: a bzImage, an ELF file with a PVH entry, or a Multiboot kernel.</summary>
    public required string KernelPath { get; init; }

    /// <summary>The initrd. Several files become one for Linux and PVH, and stay modules for Multiboot.</summary>
    public IReadOnlyList<BootModule> Modules { get; init; } = [];

    /// <summary>One more initrd that is not in a file, after the others; empty for none.</summary>
    public ReadOnlyMemory<byte> ExtraModule { get; init; }

    /// <summary>The kernel's command line.</summary>
    public string CommandLine { get; init; } = "";

    /// <summary>Where the ACPI tables begin (the RSDP), or 0: then the guest searches below 1 MiB.</summary>
    public ulong AcpiRsdpAddress { get; init; }

    /// <summary>Ranges the guest's memory map marks as reserved, such as PCI's ECAM window.</summary>
    public IReadOnlyList<MemoryRange> Reserved { get; init; } = [];

    /// <summary>Random bytes for Linux's generator (at most 256), so that it need not wait for entropy; empty for none.</summary>
    public ReadOnlyMemory<byte> RandomSeed { get; init; }

    /// <summary>
    /// Unpacks a bzImage's kernel into an ELF file on the host, which is much faster than in the guest. Replace it to keep the
    /// result on disk, or set null to let the kernel unpack itself.
    /// </summary>
    public Func<ReadOnlyMemory<byte>, byte[]>? Unpack { get; init; } = image => KernelPayload.Unpack(image.Span);
}
