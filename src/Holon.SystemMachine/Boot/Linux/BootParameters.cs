using Holon.Machines;
using Holon.Memory;

namespace Holon.SystemMachine.Boot.Linux;

/// <summary>
/// Linux's boot parameters, the "zero page" (Documentation/arch/x86/zero-page.rst, arch/x86/include/uapi/asm/bootparam.h).
/// Fields are addressed by their offset in <c>struct boot_params</c>.
/// </summary>
internal readonly struct BootParameters
{
    private const int AcpiRsdpAddress = 0x070, InitrdAddressHigh = 0x0C0, InitrdLengthHigh = 0x0C4, E820Count = 0x1E8,
        VideoMode = 0x1FA, LoaderType = 0x210, LoadFlags = 0x211, InitrdAddress = 0x218, InitrdLength = 0x21C,
        CommandLineAddress = 0x228, SetupData = 0x250, HeaderLimit = 0x290, E820Table = 0x2D0;

    private const int MaxE820Entries = 128, E820EntryLength = 20;
    private const byte UnregisteredLoader = 0xFF, LoadedHigh = 1;
    private const ushort NormalVideo = 0xFFFF;
    private const uint SetupRandomSeed = 9;

    private readonly GuestMemory _memory;

    /// <summary>Places the parameters in conventional memory, with the kernel's own setup header in them and all else zero.</summary>
    public BootParameters(GuestLayout layout, ReadOnlySpan<byte> image, BzImage header)
    {
        _memory = layout.Memory;
        Address = layout.AllocateLow(GuestMemory.PageSize, GuestMemory.PageSize, "the boot parameters");
        _memory.Span(Address, GuestMemory.PageSize).Clear();
        _memory.Write(Address + BzImage.HeaderOffset, image[BzImage.HeaderOffset..Math.Min(header.HeaderEnd, HeaderLimit)]);
        Set(LoaderType, UnregisteredLoader);
        Set(LoadFlags, LoadedHigh); // KASLR_FLAG and the setup heap are the business of code that does not run here
        Set(VideoMode, NormalVideo);
        Set(SetupData, 0ul);
    }

    /// <summary>Where they lie, for RSI.</summary>
    public ulong Address { get; }

    /// <summary>Tells the kernel where the ACPI tables begin.</summary>
    public void SetAcpi(ulong rsdpAddress) => Set(AcpiRsdpAddress, rsdpAddress);

    /// <summary>Tells the kernel where its command line lies, below 4 GiB.</summary>
    public void SetCommandLine(ulong address) => Set(CommandLineAddress, (uint)address);

    /// <summary>Tells the kernel where its initrd lies.</summary>
    public void SetInitrd(ulong address, ulong length)
    {
        Set(InitrdAddress, (uint)address);
        Set(InitrdAddressHigh, (uint)(address >> 32));
        Set(InitrdLength, (uint)length);
        Set(InitrdLengthHigh, (uint)(length >> 32));
    }

    /// <summary>Gives the kernel its memory map.</summary>
    public void SetMemoryMap(IReadOnlyList<MemoryMapEntry> map)
    {
        if (map.Count > MaxE820Entries) throw new HolonException($"The machine's memory has {map.Count} ranges, and Linux takes {MaxE820Entries}; give it fewer memory regions.");
        Set(E820Count, (byte)map.Count);
        for (var i = 0; i < map.Count; i++)
        {
            var offset = E820Table + (i * E820EntryLength);
            Set(offset, map[i].Range.Start);
            Set(offset + 8, map[i].Range.Length);
            Set(offset + 16, (uint)map[i].Kind);
        }
    }

    /// <summary>Gives the kernel random bytes (SETUP_RNG_SEED, since Linux 6.0), which it uses and wipes.</summary>
    public void SetRandomSeed(GuestLayout layout, ReadOnlySpan<byte> seed)
    {
        const int NodeLength = 16;
        var node = layout.AllocateLow(NodeLength + seed.Length, 16, "the random seed");
        _memory.Write(node, 0ul);
        _memory.Write(node + 8, SetupRandomSeed);
        _memory.Write(node + 12, (uint)seed.Length);
        _memory.Write(node + NodeLength, seed);
        Set(SetupData, node);
    }

    private void Set<T>(int offset, T value)
        where T : unmanaged
        => _memory.Write(Address + (ulong)offset, value);
}
