using Holon.SystemMachine.Boot.Compression;

namespace Holon.SystemMachine.Boot;

/// <summary>Says what a file looks like that is not the kernel it was taken for.</summary>
internal static class FileKinds
{
    private const int MagicOfImage = 0x38; // ARM64's and RISC-V's boot image headers have their magic numbers here

    /// <summary>What the file looks like, as a noun phrase for an error.</summary>
    public static string Describe(ReadOnlySpan<byte> file)
    {
        if (CompressionFormats.Recognise(file) is var format and not CompressionFormat.None) return $"a file compressed with {format switch { CompressionFormat.Lz4Legacy => "lz4", _ => format.ToString().ToLowerInvariant() }} (unpack it first)";
        if (HasAt(file, MagicOfImage, "ARMd"u8)) return "a Linux kernel for ARM64";
        if (HasAt(file, MagicOfImage, "RSC\x05"u8)) return "a Linux kernel for RISC-V";
        if (file.StartsWith("#!"u8)) return "a script";
        if (file.StartsWith("MZ"u8)) return "an EFI or Windows program";
        if (file.StartsWith((ReadOnlySpan<byte>)[0x27, 0x05, 0x19, 0x56])) return "a U-Boot image";
        if (file.StartsWith((ReadOnlySpan<byte>)[0xD0, 0x0D, 0xFE, 0xED])) return "a device tree";
        if (file.StartsWith("070701"u8)) return "an initrd (a cpio archive)";
        if (file.StartsWith("!<arch>"u8)) return "a package or library archive";
        if (file.StartsWith("PK"u8)) return "a zip archive";
        if (file.StartsWith("hsqs"u8)) return "a squashfs file system";
        if (HasAt(file, 0, [(byte)'Q', (byte)'F', (byte)'I', 0xFB])) return "a qcow2 disk image (boot it as a disk)";
        if (HasAt(file, 0x8001, "CD001"u8)) return "a CD image (boot it as a disk)";
        if (HasAt(file, 0x1FE, [0x55, 0xAA])) return "a disk image (boot it as a disk)";
        if (!file[..Math.Min(file.Length, 512)].ContainsAnyExceptInRange((byte)'\t', (byte)'~')) return "a text file";
        return "of no known kind";
    }

    private static bool HasAt(ReadOnlySpan<byte> file, int offset, ReadOnlySpan<byte> magic) =>
        file.Length >= offset + magic.Length && file[offset..].StartsWith(magic);
}
