using System.Buffers.Binary;
using Holon.Machines;

namespace Holon.SystemMachine.Images;

/// <summary>
/// Puts GRUB where a BIOS finds it, as grub-bios-setup does: the boot sector loads the first sector of the core, and that one the rest
/// (GRUB's boot.S and diskboot.S say at which offsets they expect where).
/// </summary>
internal static class GrubForBios
{
    private const int BootCodeLength = 440, CoreSector = 0x5C, DriveCheck = 0x66, FirstBlock = GuidPartitionTable.Sector - 12;

    /// <summary>Points the boot sector and the core's first sector to where the core will lie.</summary>
    /// <param name="bootSector">GRUB's boot.img.</param>
    /// <param name="core">The core, as grub-mkimage made it; changed.</param>
    /// <param name="start">Where it will lie on the disk, in bytes.</param>
    /// <param name="room">Bytes there.</param>
    /// <returns>What belongs into the disk's first sector.</returns>
    /// <exception cref="HolonException">The files are not what they should be, or do not fit.</exception>
    public static byte[] Prepare(ReadOnlySpan<byte> bootSector, Span<byte> core, long start, long room)
    {
        if (bootSector.Length != GuidPartitionTable.Sector || core.Length <= GuidPartitionTable.Sector || core.Length > room)
            throw new HolonException("Debian's GRUB is not as expected, or does not fit its partition; the image cannot be made with this version.");
        var sector = (ulong)(start / GuidPartitionTable.Sector);
        BinaryPrimitives.WriteUInt64LittleEndian(core[FirstBlock..], sector + 1);
        var code = bootSector[..BootCodeLength].ToArray();
        BinaryPrimitives.WriteUInt64LittleEndian(code.AsSpan(CoreSector), sector);
        code.AsSpan(DriveCheck, 2).Fill(0x90); // no doubts about the drive's number: that workaround is for old machines
        return code;
    }
}
