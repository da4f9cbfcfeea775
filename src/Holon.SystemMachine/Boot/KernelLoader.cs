using Holon.Machines;
using Holon.Memory;
using Holon.SystemMachine.Boot.Elf;
using Holon.SystemMachine.Boot.Linux;
using Holon.SystemMachine.Boot.Multiboot;
using Holon.SystemMachine.Boot.Pvh;

namespace Holon.SystemMachine.Boot;

/// <summary>Loads a kernel of any kind that a PC can be started with directly, without firmware.</summary>
public static class KernelLoader
{
    /// <summary>Reads the files that a request names and puts a guest into memory.</summary>
    /// <param name="memory">The machine's memory. What lies in it is overwritten where the guest is loaded and kept elsewhere.</param>
    /// <param name="request">What to boot.</param>
    /// <exception cref="HolonException">A file is missing, damaged, or not for this machine, or the machine has too little memory.</exception>
    public static LoadedGuest Load(GuestMemory memory, BootRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Load(memory, BootFile.ReadAll(request.KernelPath, "kernel"), request);
    }

    /// <summary>Puts a guest whose kernel has been read already into memory.</summary>
    /// <param name="memory">The machine's memory.</param>
    /// <param name="kernel">The whole kernel file; <see cref="BootRequest.KernelPath"/> only names it.</param>
    /// <param name="request">What to boot.</param>
    /// <exception cref="HolonException">The kernel or initrd is damaged or not for this machine, or the machine has too little memory.</exception>
    public static LoadedGuest Load(GuestMemory memory, ReadOnlyMemory<byte> kernel, BootRequest request)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(request);
        var layout = new GuestLayout(memory);
        if (layout.LowRamEnd == 0 || !memory.Contains(0, GuestLayout.LowEnd)) throw new HolonException($"The machine has {memory.Size >> 20} MiB of memory, too little for any kernel; give it at least 2 MiB with --memory.");

        using var modules = new OpenModules(request.Modules, request.ExtraModule);
        if (BzImage.IsMatch(kernel.Span)) return LinuxLoader.Load(layout, kernel, request, modules);
        if (MultibootHeader.Find(kernel.Span, request.KernelPath) is { } header) return MultibootLoader.Load(layout, kernel, header, request, modules);
        if (!ElfFile.IsMatch(kernel.Span)) throw new HolonException($"The kernel {request.KernelPath} is not one: it is {FileKinds.Describe(kernel.Span)}; name a bzImage, an ELF kernel with a PVH entry or a Multiboot kernel.");

        var elf = ElfFile.Parse(kernel, request.KernelPath);
        return PvhLoader.TryFindEntry(elf, out var entry)
            ? PvhLoader.Load(layout, elf, entry, request, modules)
            : throw new HolonException($"The ELF file {request.KernelPath} has neither a PVH entry nor a Multiboot header; for Linux, name the bzImage or enable CONFIG_PVH.");
    }
}
