using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using Holon.Machines;

namespace Holon.SystemMachine.Boot.Linux;

/// <summary>
/// The header of a Linux kernel file for x86 (Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"), checked against
/// the file's length, so that whoever reads it may trust its offsets.
/// </summary>
public sealed record BzImage
{
    /// <summary>Bytes of the file that must be there before anything can be said about it.</summary>
    public const int MinimumLength = 0x264;

    /// <summary>Where the setup header begins, in the file and in the boot parameters.</summary>
    public const int HeaderOffset = 0x1F1;

    private const int MagicOffset = 0x202, SectorLength = 512;
    private const uint Magic = 0x53726448; // "HdrS"
    private const ushort OldestVersion = 0x20A; // 2.10, Linux 2.6.31: the first that says how much memory it needs

    /// <summary>True when a file calls itself a Linux kernel for x86.</summary>
    public static bool IsMatch(ReadOnlySpan<byte> image) =>
        image.Length >= MagicOffset + 4 && BinaryPrimitives.ReadUInt32LittleEndian(image[MagicOffset..]) == Magic
        && BinaryPrimitives.ReadUInt16LittleEndian(image[0x1FE..]) == 0xAA55;

    /// <summary>Bytes of the boot sector and setup code, which precede the protected-mode kernel.</summary>
    public required int SetupLength { get; init; }

    /// <summary>Bytes of the protected-mode kernel.</summary>
    public required int KernelLength { get; init; }

    /// <summary>The first byte after the setup header, in the file.</summary>
    public required int HeaderEnd { get; init; }

    /// <summary>Protocol version, such as 0x20F.</summary>
    public required ushort Version { get; init; }

    /// <summary>XLF_KERNEL_64: there is a 64-bit entry, 0x200 after the protected-mode kernel's start.</summary>
    public required bool Has64BitEntry { get; init; }

    /// <summary>The highest address the initrd's last byte may have.</summary>
    public required uint InitrdAddressMax { get; init; }

    /// <summary>The longest command line, without its terminating zero.</summary>
    public required uint CommandLineMax { get; init; }

    /// <summary>Where the kernel runs when it is not moved.</summary>
    public required ulong PreferredAddress { get; init; }

    /// <summary>Bytes it needs there until it reads its memory map.</summary>
    public required uint InitLength { get; init; }

    /// <summary>Where the compressed kernel lies in the file; 0 long when the header does not say.</summary>
    public required Range Payload { get; init; }

    /// <summary>What the kernel calls itself, such as <c>6.1.0-50-cloud-amd64</c>; empty when it does not.</summary>
    public required string KernelVersion { get; init; }

    /// <summary>Reads and checks a header.</summary>
    /// <param name="image">The whole file.</param>
    /// <param name="name">The file's name, for errors.</param>
    /// <exception cref="HolonException">The file is truncated, damaged, or a kind of kernel that cannot be started.</exception>
    public static BzImage Parse(ReadOnlySpan<byte> image, string name)
    {
        if (image.Length < MinimumLength) throw Truncated(name, image.Length, MinimumLength);
        if (!IsMatch(image)) throw new HolonException($"The file {name} is not a Linux kernel for x86; name a bzImage.");

        var version = U16(image, 0x206);
        if (version < OldestVersion) throw new HolonException($"The Linux kernel {name} speaks boot protocol {version >> 8}.{version & 0xFF:00}, older than 2.10; use Linux 2.6.31 or later.");
        if ((image[0x211] & 1) == 0) throw new HolonException($"The Linux kernel {name} is a zImage that loads below 1 MiB; build a bzImage.");

        var setupSectors = image[HeaderOffset] == 0 ? 4 : image[HeaderOffset];
        var setupLength = (setupSectors + 1) * SectorLength;
        var kernelLength = U32(image, 0x1F4) * 16ul;
        var expected = (ulong)setupLength + kernelLength;
        // The length is counted in units of 16 bytes, rounded up; the file may end before the last unit does, or go on with a signature.
        if (expected > (ulong)image.Length + 15) throw Truncated(name, image.Length, expected);
        if (kernelLength < SectorLength * 2) throw Damaged(name, "holds no protected-mode kernel");
        kernelLength = Math.Min(kernelLength, (ulong)(image.Length - setupLength));

        var headerEnd = MagicOffset + image[0x201];
        if (headerEnd < MinimumLength || headerEnd > setupLength) throw Damaged(name, $"gives its header {image[0x201]} bytes");

        var preferred = U64(image, 0x258);
        var initLength = U32(image, 0x260);
        if (preferred < GuestLayout.HighStart || preferred >= GuestLayout.FourGiB || (preferred & 0xFFF) != 0) throw Damaged(name, $"wants to run at 0x{preferred:x}");
        if (initLength == 0) throw Damaged(name, "needs no memory");
        if (U8(image, 0x234) != 0 && !BitOperations.IsPow2(U32(image, 0x230))) throw Damaged(name, "wants an alignment that is not a power of two");

        var commandLineMax = U32(image, 0x238);
        if (commandLineMax == 0) throw Damaged(name, "takes no command line");

        return new BzImage
        {
            SetupLength = setupLength,
            KernelLength = (int)kernelLength,
            HeaderEnd = headerEnd,
            Version = version,
            Has64BitEntry = version >= 0x20C && (U16(image, 0x236) & 1) != 0,
            InitrdAddressMax = U32(image, 0x22C),
            CommandLineMax = commandLineMax,
            PreferredAddress = preferred,
            InitLength = initLength,
            Payload = FindPayload(image, setupLength, (uint)kernelLength, name),
            KernelVersion = FindVersion(image, setupLength),
        };
    }

    private static Range FindPayload(ReadOnlySpan<byte> image, int setupLength, uint kernelLength, string name)
    {
        ulong offset = U32(image, 0x248), length = U32(image, 0x24C);
        if (offset + length > kernelLength) throw Damaged(name, "places its compressed kernel beyond its end");
        var start = setupLength + (int)offset;
        return start..(start + (int)length);
    }

    private static string FindVersion(ReadOnlySpan<byte> image, int setupLength)
    {
        const int LongestVersion = 64;
        var pointer = U16(image, 0x20E);
        if (pointer == 0 || pointer + 0x200 >= setupLength) return "";
        var text = image[(pointer + 0x200)..setupLength];
        var end = text.IndexOfAny((byte)' ', (byte)0);
        text = text[..Math.Min(end < 0 ? text.Length : end, LongestVersion)];
        return text.ContainsAnyExceptInRange((byte)0x21, (byte)0x7E) ? "" : Encoding.ASCII.GetString(text);
    }

    private static HolonException Truncated(string name, int length, ulong expected) =>
        new($"The Linux kernel {name} is truncated: it has {length} bytes of {expected}; copy it again.");

    private static HolonException Damaged(string name, string how) =>
        new($"The Linux kernel {name} is damaged: its header {how}; copy it again.");

    private static byte U8(ReadOnlySpan<byte> image, int offset) => image[offset];

    private static ushort U16(ReadOnlySpan<byte> image, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(image[offset..]);

    private static uint U32(ReadOnlySpan<byte> image, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(image[offset..]);

    private static ulong U64(ReadOnlySpan<byte> image, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(image[offset..]);
}
