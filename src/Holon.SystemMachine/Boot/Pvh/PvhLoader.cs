using System.Buffers.Binary;
using System.Globalization;
using Holon.Machines;
using Holon.SystemMachine.Boot.Elf;

namespace Holon.SystemMachine.Boot.Pvh;

/// <summary>
/// Loads an ELF kernel with a PVH entry (Xen, docs/misc/pvh.pandoc; structures of public/arch-x86/hvm/start_info.h):
/// 32-bit protected mode without paging, EBX pointing to the start information.
/// </summary>
internal static class PvhLoader
{
    private const uint EntryNote = 18; // XEN_ELFNOTE_PHYS32_ENTRY
    private const uint StartInfoMagic = 0x336EC578, StartInfoVersion = 1;
    private const int StartInfoLength = 56, ModuleLength = 32, MapEntryLength = 24;

    /// <summary>The last address an initrd may have: what Linux copies from with 31-bit offsets in mind.</summary>
    private const ulong InitrdLimit = 1ul << 31;

    /// <summary>The entry point that a kernel's note gives.</summary>
    public static bool TryFindEntry(ElfFile elf, out uint entry)
    {
        entry = 0;
        if (!elf.TryFindNote("Xen"u8, EntryNote, out var note) || note.Length < sizeof(uint)) return false;
        entry = BinaryPrimitives.ReadUInt32LittleEndian(note);
        return true;
    }

    /// <summary>Puts the kernel, its modules and the start information into memory.</summary>
    public static LoadedGuest Load(GuestLayout layout, ElfFile elf, uint entryPoint, BootRequest request, OpenModules modules)
    {
        if (!elf.Holds(entryPoint)) throw new HolonException($"The kernel {request.KernelPath} is damaged: its PVH entry 0x{entryPoint:x} lies outside of it; build or copy it again.");
        elf.LoadSegments(layout);

        var memory = layout.Memory;
        var map = BootMemoryMap.Build(memory, request.Reserved);
        var mapAddress = layout.AllocateLow(map.Count * MapEntryLength, 8, "the memory map");
        for (var i = 0; i < map.Count; i++)
        {
            var at = mapAddress + (ulong)(i * MapEntryLength);
            memory.Write(at, map[i].Range.Start);
            memory.Write(at + 8, map[i].Range.Length);
            memory.Write(at + 16, (uint)map[i].Kind);
            memory.Write(at + 20, 0u);
        }

        var info = layout.AllocateLow(StartInfoLength, 8, "the start information");
        memory.Span(info, StartInfoLength).Clear();
        memory.Write(info, StartInfoMagic);
        memory.Write(info + 4, StartInfoVersion);
        if (modules.Count > 0)
        {
            memory.Write(info + 12, 1u);
            memory.Write(info + 16, PlaceModule(layout, modules));
        }

        memory.Write(info + 24, BootText.Place(layout, request.CommandLine, "the command line"));
        memory.Write(info + 32, request.AcpiRsdpAddress);
        memory.Write(info + 40, mapAddress);
        memory.Write(info + 48, (uint)map.Count);

        var entry = new CpuEntry { Mode = EntryMode.Protected, Rip = entryPoint, Rbx = info, GdtAddress = CpuEntry.PlaceDescriptors(layout, EntryMode.Protected) };
        var description = string.Create(CultureInfo.InvariantCulture, $"ELF kernel {Path.GetFileName(request.KernelPath)}, entered by PVH at 0x{entryPoint:x}");
        return new LoadedGuest(BootProtocol.Pvh, description, entry, []);
    }

    private static ulong PlaceModule(GuestLayout layout, OpenModules modules)
    {
        var length = modules.ConcatenatedLength;
        var address = layout.AllocateHigh(length, 4096, InitrdLimit, "the initrd");
        modules.CopyConcatenated(layout.Memory, address);
        var list = layout.AllocateLow(ModuleLength, 8, "the module list");
        layout.Memory.Write(list, address);
        layout.Memory.Write(list + 8, length);
        layout.Memory.Write(list + 16, 0ul);
        layout.Memory.Write(list + 24, 0ul);
        return list;
    }
}
