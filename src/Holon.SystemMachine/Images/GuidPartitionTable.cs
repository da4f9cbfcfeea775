using System.Buffers.Binary;
using System.Text;
using Holon.SystemMachine.Boot.Compression;
using Microsoft.Win32.SafeHandles;

namespace Holon.SystemMachine.Images;

/// <summary>A partition of a disk that is to be written.</summary>
/// <param name="Number">Its number, from 1.</param>
/// <param name="Kind">What it is for.</param>
/// <param name="Name">Its name, up to 36 characters.</param>
/// <param name="Start">Its first byte, a multiple of a sector.</param>
/// <param name="Length">Its bytes, a multiple of a sector.</param>
internal sealed record Partition(int Number, Guid Kind, string Name, long Start, long Length)
{
    /// <summary>A Linux file system.</summary>
    public static readonly Guid Linux = new("0fc63daf-8483-4772-8e79-3d69d8477de4");

    /// <summary>Where GRUB keeps what does not fit into the boot sector.</summary>
    public static readonly Guid BiosBoot = new("21686148-6449-6e6f-744e-656564454649");

    /// <summary>Where UEFI firmware looks for boot loaders.</summary>
    public static readonly Guid EfiSystem = new("c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
}

/// <summary>Writes a GUID partition table (UEFI §5.3), in front of it a protective MBR whose code is the boot loader's (§5.2.3).</summary>
internal static class GuidPartitionTable
{
    /// <summary>Bytes of a sector.</summary>
    public const int Sector = 512;

    private const int Entries = 128, EntryLength = 128, TableSectors = Entries * EntryLength / Sector, HeaderLength = 92;
    private const int MbrTable = 446, MbrSignature = 510, NameCharacters = 36;
    private const byte Protective = 0xEE;

    /// <summary>Writes both copies.</summary>
    /// <param name="file">The disk.</param>
    /// <param name="length">Its bytes, a multiple of a sector.</param>
    /// <param name="partitions">What it is divided into.</param>
    /// <param name="bootCode">What the BIOS executes: at most the first 440 bytes of a sector.</param>
    public static void Write(SafeFileHandle file, long length, IReadOnlyList<Partition> partitions, ReadOnlySpan<byte> bootCode)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(length % Sector, 0, nameof(length));
        var sectors = length / Sector;
        var table = Table(partitions);
        var disk = Guid.NewGuid();
        RandomAccess.Write(file, ProtectiveMbr(sectors, bootCode), 0);
        RandomAccess.Write(file, Header(disk, sectors, here: 1, other: sectors - 1, tableAt: 2, table), Sector);
        RandomAccess.Write(file, table, 2 * Sector);
        RandomAccess.Write(file, table, (sectors - 1 - TableSectors) * Sector);
        RandomAccess.Write(file, Header(disk, sectors, here: sectors - 1, other: 1, tableAt: sectors - 1 - TableSectors, table), (sectors - 1) * Sector);
    }

    private static byte[] ProtectiveMbr(long sectors, ReadOnlySpan<byte> bootCode)
    {
        var sector = new byte[Sector];
        bootCode.CopyTo(sector);
        var entry = sector.AsSpan(MbrTable);
        entry[2] = 2; // the first sector, in cylinders and heads: 0/0/2
        entry[4] = Protective;
        entry[5..8].Fill(0xFF);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], (uint)Math.Min(sectors - 1, uint.MaxValue));
        BinaryPrimitives.WriteUInt16LittleEndian(sector.AsSpan(MbrSignature), 0xAA55);
        return sector;
    }

    private static byte[] Header(Guid disk, long sectors, long here, long other, long tableAt, byte[] table)
    {
        var sector = new byte[Sector];
        var header = sector.AsSpan(0, HeaderLength);
        "EFI PART"u8.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], 0x10000); // revision 1.0
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], HeaderLength);
        BinaryPrimitives.WriteInt64LittleEndian(header[24..], here);
        BinaryPrimitives.WriteInt64LittleEndian(header[32..], other);
        BinaryPrimitives.WriteInt64LittleEndian(header[40..], 2 + TableSectors);
        BinaryPrimitives.WriteInt64LittleEndian(header[48..], sectors - 2 - TableSectors);
        disk.TryWriteBytes(header[56..]);
        BinaryPrimitives.WriteInt64LittleEndian(header[72..], tableAt);
        BinaryPrimitives.WriteInt32LittleEndian(header[80..], Entries);
        BinaryPrimitives.WriteInt32LittleEndian(header[84..], EntryLength);
        BinaryPrimitives.WriteUInt32LittleEndian(header[88..], Crc32.Compute(table));
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], Crc32.Compute(header));
        return sector;
    }

    private static byte[] Table(IReadOnlyList<Partition> partitions)
    {
        var table = new byte[Entries * EntryLength];
        foreach (var partition in partitions)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(partition.Name.Length, NameCharacters, nameof(partitions));
            var entry = table.AsSpan((partition.Number - 1) * EntryLength, EntryLength);
            partition.Kind.TryWriteBytes(entry);
            Guid.NewGuid().TryWriteBytes(entry[16..]);
            BinaryPrimitives.WriteInt64LittleEndian(entry[32..], partition.Start / Sector);
            BinaryPrimitives.WriteInt64LittleEndian(entry[40..], ((partition.Start + partition.Length) / Sector) - 1);
            Encoding.Unicode.GetBytes(partition.Name, entry[56..]);
        }

        return table;
    }
}
