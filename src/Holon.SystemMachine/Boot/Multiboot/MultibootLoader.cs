using System.Globalization;
using Holon.Machines;
using Holon.SystemMachine.Boot.Elf;

namespace Holon.SystemMachine.Boot.Multiboot;

/// <summary>
/// Loads a Multiboot kernel (Multiboot Specification 0.6.96): an ELF file or plain bytes whose header gives addresses, entered
/// in 32-bit protected mode with EAX holding a magic number and EBX pointing to the information structure.
/// </summary>
internal static class MultibootLoader
{
    private const uint EntryMagic = 0x2BADB002;

    /// <summary>Puts the kernel, its modules and the information into memory.</summary>
    public static LoadedGuest Load(GuestLayout layout, ReadOnlyMemory<byte> file, MultibootHeader header, BootRequest request, OpenModules modules)
    {
        var entryPoint = header.Addresses is { } addresses ? LoadPlain(layout, file.Span, header.FileOffset, addresses, request.KernelPath)
            : ElfFile.IsMatch(file.Span) ? LoadElf(layout, ElfFile.Parse(file, request.KernelPath), request.KernelPath)
            : throw new HolonException($"The Multiboot kernel {request.KernelPath} is no ELF file and its header gives no addresses; build it as ELF.");

        var information = new MultibootInformation(layout);
        information.SetMemory(BootMemoryMap.Build(layout.Memory, request.Reserved));
        // The command line begins with the kernel's name, as GRUB's and QEMU's do: programs take it as argv[0].
        information.SetCommandLine(WithArguments(request.KernelPath, request.CommandLine));
        information.SetModules(PlaceModules(layout, modules));

        var entry = new CpuEntry
        {
            Mode = EntryMode.Protected,
            Rip = entryPoint,
            Rax = EntryMagic,
            Rbx = information.Address,
            GdtAddress = CpuEntry.PlaceDescriptors(layout, EntryMode.Protected),
        };
        var description = string.Create(CultureInfo.InvariantCulture, $"Multiboot kernel {Path.GetFileName(request.KernelPath)}, entered in 32-bit mode at 0x{entryPoint:x}");
        return new LoadedGuest(BootProtocol.Multiboot, description, entry, header.WantsVideoMode ? ["The kernel asks for a video mode, which is not set; it finds the screen as the machine starts."] : []);
    }

    private static ulong LoadElf(GuestLayout layout, ElfFile elf, string name)
    {
        // Entry points are virtual addresses; kernels that run elsewhere than they are loaded give the physical one.
        if (!elf.Holds(elf.Entry) || elf.Entry >= GuestLayout.FourGiB) throw new HolonException($"The Multiboot kernel {name} is damaged: its entry 0x{elf.Entry:x} lies outside of it; build or copy it again.");
        elf.LoadSegments(layout);
        return elf.Entry;
    }

    private static ulong LoadPlain(GuestLayout layout, ReadOnlySpan<byte> file, int headerOffset, MultibootAddresses addresses, string name)
    {
        var (header, load, loadEnd, bssEnd, entry) = addresses;
        var before = (long)header - load;
        if (before < 0 || before > headerOffset) throw Damaged(name, "begins before its file does");
        var content = file[(headerOffset - (int)before)..];
        if (loadEnd != 0)
        {
            if (loadEnd < load) throw Damaged(name, "ends before it begins");
            if (loadEnd - load > (uint)content.Length) throw new HolonException($"The Multiboot kernel {name} is truncated: its header names {loadEnd - load} bytes of which {content.Length} are there; copy it again.");
            content = content[..(int)(loadEnd - load)];
        }

        var end = load + (ulong)content.Length;
        if (bssEnd != 0 && bssEnd < end) throw Damaged(name, "zeroes what it loads");
        if (entry < load || entry >= Math.Max(end, bssEnd)) throw Damaged(name, $"has its entry 0x{entry:x} outside of it");
        layout.Claim(load, Math.Max(end, bssEnd) - load, "the kernel");
        layout.Memory.Write(load, content);
        if (bssEnd > end) layout.Clear(end, bssEnd - end);
        return entry;
    }

    private static List<MultibootModule> PlaceModules(GuestLayout layout, OpenModules modules)
    {
        var placed = new List<MultibootModule>(modules.Count);
        for (var i = 0; i < modules.Count; i++)
        {
            var length = modules.LengthOf(i);
            var address = layout.AllocateHigh(length, 4096, GuestLayout.FourGiB, "a module");
            modules.CopyTo(i, layout.Memory, address);
            placed.Add(new MultibootModule((uint)address, (uint)(address + length), WithArguments(modules[i].Path, modules[i].Arguments)));
        }

        return placed;
    }

    private static string WithArguments(string path, string arguments) => arguments.Length == 0 ? path : $"{path} {arguments}";

    private static HolonException Damaged(string name, string how) => new($"The Multiboot kernel {name} is damaged: it {how}; build or copy it again.");
}
