using System.Globalization;
using System.Text;
using Holon.Machines;
using Holon.SystemMachine.Boot.Elf;

namespace Holon.SystemMachine.Boot.Linux;

/// <summary>
/// Loads a Linux kernel for x86 (Documentation/arch/x86/boot.rst). A 64-bit kernel is unpacked by the host and entered where its
/// own decompressor would enter it, which spares the guest its slowest half second; when that is not possible it unpacks itself.
/// </summary>
internal static class LinuxLoader
{
    private const ulong SelfUnpackingAddress = GuestLayout.HighStart; // where boot loaders have always put a bzImage
    private const ulong LongEntryOffset = 0x200;

    /// <summary>Puts the kernel, its initrd and its boot parameters into memory.</summary>
    public static LoadedGuest Load(GuestLayout layout, ReadOnlyMemory<byte> image, BootRequest request, OpenModules modules)
    {
        var header = BzImage.Parse(image.Span, request.KernelPath);
        var commandLineLength = Encoding.UTF8.GetByteCount(request.CommandLine);
        if ((uint)commandLineLength > header.CommandLineMax)
            throw new HolonException($"The command line has {commandLineLength} bytes and this kernel takes {header.CommandLineMax}; shorten it.");

        // The kernel's file ends before its zeroed data does, and setup code runs in what init_size adds: all of it is needed,
        // unpacked or not. Refused here, a kernel that is too large has not been unpacked first.
        new GuestLayout(layout.Memory).Claim(header.PreferredAddress, header.InitLength, "the kernel");
        var end = header.PreferredAddress + header.InitLength;
        var warnings = new List<string>();
        var elf = header.Has64BitEntry && request.Unpack is { } unpack ? TryUnpack(unpack, image, request.KernelPath, warnings) : null;
        if (elf is null)
        {
            var kernelEnd = SelfUnpackingAddress + (ulong)header.KernelLength;
            layout.Claim(SelfUnpackingAddress, Math.Max(end, kernelEnd) - SelfUnpackingAddress, "the kernel");
            layout.Memory.Write(SelfUnpackingAddress, image.Span.Slice(header.SetupLength, header.KernelLength));
        }
        else
        {
            elf.LoadSegments(layout);
            if (end > elf.LoadedEnd) layout.Claim(elf.LoadedEnd, end - elf.LoadedEnd, "the kernel");
        }

        var mode = header.Has64BitEntry ? EntryMode.Long : EntryMode.Protected;
        var parameters = new BootParameters(layout, image.Span, header);
        parameters.SetAcpi(request.AcpiRsdpAddress);
        parameters.SetMemoryMap(BootMemoryMap.Build(layout.Memory, request.Reserved));
        parameters.SetCommandLine(BootText.Place(layout, request.CommandLine, "the command line"));
        if (!request.RandomSeed.IsEmpty) parameters.SetRandomSeed(layout, request.RandomSeed.Span);
        if (modules.Count > 0)
        {
            var length = modules.ConcatenatedLength;
            var address = layout.AllocateHigh(length, 4096, header.InitrdAddressMax + 1ul, "the initrd");
            modules.CopyConcatenated(layout.Memory, address);
            parameters.SetInitrd(address, length);
        }

        var protocol = elf is not null ? BootProtocol.LinuxDirect : mode == EntryMode.Long ? BootProtocol.Linux64 : BootProtocol.Linux32;
        var entry = new CpuEntry
        {
            Mode = mode,
            Rip = elf?.Entry ?? SelfUnpackingAddress + (mode == EntryMode.Long ? LongEntryOffset : 0),
            Rsi = parameters.Address,
            GdtAddress = CpuEntry.PlaceDescriptors(layout, mode),
            PageTableAddress = mode == EntryMode.Long ? IdentityPageTables.Place(layout) : 0,
        };
        return new LoadedGuest(protocol, Describe(header, protocol, entry), entry, warnings);
    }

    private static ElfFile? TryUnpack(Func<ReadOnlyMemory<byte>, byte[]> unpack, ReadOnlyMemory<byte> image, string name, List<string> warnings)
    {
        try
        {
            var elf = ElfFile.Parse(unpack(image), name);
            return elf.Is64Bit && elf.Machine == ElfFile.MachineX64 && elf.Holds(elf.Entry)
                ? elf
                : throw new HolonException($"What {name} contains is not a 64-bit kernel that is entered inside itself.");
        }
        catch (HolonException reason)
        {
            warnings.Add($"The kernel unpacks itself in the guest, which takes longer. {reason.Message}");
            return null;
        }
    }

    private static string Describe(BzImage header, BootProtocol protocol, CpuEntry entry)
    {
        var how = protocol switch
        {
            BootProtocol.LinuxDirect => "unpacked by the host, entered in 64-bit mode",
            BootProtocol.Linux64 => "entered in 64-bit mode to unpack itself",
            _ => "entered in 32-bit mode to unpack itself",
        };
        return string.Create(CultureInfo.InvariantCulture, $"Linux {header.KernelVersion} (boot protocol {header.Version >> 8}.{header.Version & 0xFF:00}), {how} at 0x{entry.Rip:x}");
    }
}
