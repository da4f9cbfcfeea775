using Holon.Memory;

namespace Holon.SystemMachine.Boot.Multiboot;

/// <summary>A module that lies in memory.</summary>
/// <param name="Start">Its first byte.</param>
/// <param name="End">The byte after it.</param>
/// <param name="Text">Its name and arguments.</param>
internal readonly record struct MultibootModule(uint Start, uint End, string Text);

/// <summary>What a Multiboot kernel is told (Multiboot Specification 0.6.96, §3.3), at the offsets given there.</summary>
internal readonly struct MultibootInformation
{
    private const int Flags = 0, MemoryLower = 4, MemoryUpper = 8, CommandLine = 16, ModuleCount = 20, ModuleList = 24, MapLength = 44, MapAddress = 48, LoaderName = 64, Length = 120;
    private const uint HasMemory = 1, HasCommandLine = 1 << 2, HasModules = 1 << 3, HasMap = 1 << 6, HasLoaderName = 1 << 9;
    private const int ModuleLength = 16, MapEntryLength = 24;

    private readonly GuestLayout _layout;

    /// <summary>Places an empty structure that names its boot loader.</summary>
    public MultibootInformation(GuestLayout layout)
    {
        _layout = layout;
        Address = layout.AllocateLow(Length, 8, "the Multiboot information");
        layout.Memory.Span(Address, Length).Clear();
        Set(LoaderName, (uint)BootText.Place(layout, "Holon", "the boot loader's name"), HasLoaderName);
    }

    /// <summary>Where it lies, for EBX.</summary>
    public ulong Address { get; }

    /// <summary>Gives the command line.</summary>
    public void SetCommandLine(string text) => Set(CommandLine, (uint)BootText.Place(_layout, text, "the command line"), HasCommandLine);

    /// <summary>Gives the memory map, and what it says below and above 1 MiB in KiB.</summary>
    public void SetMemory(IReadOnlyList<MemoryMapEntry> map)
    {
        var address = _layout.AllocateLow(map.Count * MapEntryLength, 8, "the memory map");
        for (var i = 0; i < map.Count; i++)
        {
            var at = address + (ulong)(i * MapEntryLength);
            Memory.Write(at, (uint)(MapEntryLength - sizeof(uint))); // an entry's size does not count itself
            Memory.Write(at + 4, map[i].Range.Start);
            Memory.Write(at + 12, map[i].Range.Length);
            Memory.Write(at + 20, (uint)map[i].Kind);
            if (map[i].Kind != MemoryKind.Usable) continue;
            if (map[i].Range.Start == 0) Set(MemoryLower, (uint)(map[i].Range.Length >> 10), HasMemory);
            if (map[i].Range.Start == GuestLayout.HighStart) Set(MemoryUpper, (uint)Math.Min(map[i].Range.Length >> 10, uint.MaxValue), HasMemory);
        }

        Set(MapLength, (uint)(map.Count * MapEntryLength), HasMap);
        Set(MapAddress, (uint)address, HasMap);
    }

    /// <summary>Gives the modules.</summary>
    public void SetModules(IReadOnlyList<MultibootModule> modules)
    {
        if (modules.Count == 0) return;
        var list = _layout.AllocateLow(modules.Count * ModuleLength, 8, "the module list");
        for (var i = 0; i < modules.Count; i++)
        {
            var at = list + (ulong)(i * ModuleLength);
            Memory.Write(at, modules[i].Start);
            Memory.Write(at + 4, modules[i].End);
            Memory.Write(at + 8, (uint)BootText.Place(_layout, modules[i].Text, "a module's command line"));
            Memory.Write(at + 12, 0u);
        }

        Set(ModuleCount, (uint)modules.Count, HasModules);
        Set(ModuleList, (uint)list, HasModules);
    }

    private GuestMemory Memory => _layout.Memory;

    private void Set(int offset, uint value, uint flag)
    {
        Memory.Write(Address + (ulong)offset, value);
        Memory.Write(Address + Flags, Memory.Read<uint>(Address + Flags) | flag);
    }
}
