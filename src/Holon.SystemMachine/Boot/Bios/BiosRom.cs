using Holon.Machines;
using Holon.Memory;

namespace Holon.SystemMachine.Boot.Bios;

/// <summary>
/// Puts a PC firmware image, such as SeaBIOS, where the processor finds it after reset: it ends at 4 GiB, and its last 128 KiB
/// appear below 1 MiB as on every PC, where 16-bit code calls it.
/// </summary>
public static class BiosRom
{
    /// <summary>The largest image.</summary>
    public const int MaxLength = 16 << 20;

    private const int Granularity = 4 << 10, LegacyLength = 128 << 10;

    /// <summary>The range below 4 GiB that an image of some length takes: what the machine must have as memory there.</summary>
    /// <exception cref="HolonException">No image can have this length.</exception>
    public static MemoryRange RangeOf(int length) =>
        length is > 0 and <= MaxLength && length % Granularity == 0
            ? new MemoryRange(GuestLayout.FourGiB - (ulong)length, (ulong)length)
            : throw new HolonException($"The firmware has {length} bytes, and a PC's has a multiple of 4 KiB up to {MaxLength >> 20} MiB; name another file.");

    /// <summary>Reads an image from a file.</summary>
    /// <exception cref="HolonException">The file cannot be read, or is no firmware by its length.</exception>
    public static byte[] ReadFile(string path)
    {
        var rom = BootFile.ReadAll(path, "firmware");
        RangeOf(rom.Length);
        return rom;
    }

    /// <summary>Puts an image into both places. The processor then starts with its plain reset state.</summary>
    /// <param name="memory">Has memory at <see cref="RangeOf"/> and below 1 MiB.</param>
    /// <param name="rom">The image.</param>
    /// <exception cref="HolonException">No image can have this length.</exception>
    public static void Load(GuestMemory memory, ReadOnlySpan<byte> rom)
    {
        ArgumentNullException.ThrowIfNull(memory);
        var range = RangeOf(rom.Length);
        memory.Write(range.Start, rom);
        var legacy = rom[^Math.Min(rom.Length, LegacyLength)..];
        memory.Write(GuestLayout.HighStart - (ulong)legacy.Length, legacy);
    }
}
