using System.Buffers.Binary;
using System.Text;

namespace Holon.SystemMachine.Images;

/// <summary>
/// Writes a small read-only file system that every guest knows: ISO 9660 (ECMA-119) with one folder, and beside it the same folder with names as
/// they are (Joliet).
/// </summary>
internal static class Iso9660
{
    private const int Sector = 2048, SystemArea = 16;

    /// <summary>Where things lie: the descriptors of volume, Joliet volume and end, their path tables in both byte orders, their folders, then the files.</summary>
    private const int PathTables = SystemArea + 3, Folders = PathTables + 4, Files = Folders + 2;

    private const int MostFiles = 16; // a folder of one sector

    /// <summary>Makes the file system.</summary>
    /// <param name="label">The volume's name: up to 16 capital letters, digits and underscores.</param>
    /// <param name="files">Names of up to 16 characters, and contents.</param>
    public static byte[] Build(string label, IReadOnlyList<(string Name, byte[] Content)> files)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(label.Length, 16, nameof(label));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(files.Count, MostFiles, nameof(files));
        var starts = new int[files.Count];
        var sectors = Files;
        for (var i = 0; i < files.Count; i++)
        {
            starts[i] = sectors;
            sectors += (files[i].Content.Length + Sector - 1) / Sector;
        }

        var disk = new byte[sectors * Sector];
        for (var joliet = 0; joliet < 2; joliet++)
        {
            WriteVolume(disk.AsSpan((SystemArea + joliet) * Sector, Sector), label, sectors, joliet == 1);
            WritePathTable(disk.AsSpan((PathTables + (2 * joliet)) * Sector), Folders + joliet);
            WriteFolder(disk.AsSpan((Folders + joliet) * Sector, Sector), files, starts, joliet == 1);
        }

        var end = disk.AsSpan((SystemArea + 2) * Sector);
        end[0] = 0xFF;
        WriteStandard(end);
        for (var i = 0; i < files.Count; i++) files[i].Content.CopyTo(disk, starts[i] * Sector);
        return disk;
    }

    /// <summary>A volume descriptor (ECMA-119 §8.4, §8.5).</summary>
    private static void WriteVolume(Span<byte> sector, string label, int sectors, bool joliet)
    {
        sector[0] = joliet ? (byte)2 : (byte)1;
        WriteStandard(sector);
        Text(sector.Slice(8, 32), "", joliet);
        Text(sector.Slice(40, 32), label, joliet);
        Both32(sector[80..], sectors);
        if (joliet) "%/E"u8.CopyTo(sector[88..]); // names are UCS-2, level 3
        Both16(sector[120..], 1);
        Both16(sector[124..], 1);
        Both16(sector[128..], Sector);
        var tables = PathTables + (joliet ? 2 : 0);
        Both32(sector[132..], 10); // bytes of a path table
        BinaryPrimitives.WriteInt32LittleEndian(sector[140..], tables);
        BinaryPrimitives.WriteInt32BigEndian(sector[148..], tables + 1);
        WriteRecord(sector[156..], [0], Folders + (joliet ? 1 : 0), Sector, folder: true);
        Text(sector[190..813], "", joliet);
        sector[813..881].Fill((byte)'0'); // dates that are not given: zeros as digits
        foreach (var date in (ReadOnlySpan<int>)[829, 846, 863, 880]) sector[date] = 0;
        sector[881] = 1;
    }

    private static void WriteStandard(Span<byte> sector)
    {
        "CD001"u8.CopyTo(sector[1..]);
        sector[6] = 1;
    }

    /// <summary>The path table of a volume with one folder (§9.4), in both byte orders.</summary>
    private static void WritePathTable(Span<byte> sectors, int folder)
    {
        foreach (var big in (ReadOnlySpan<bool>)[false, true])
        {
            var table = sectors[(big ? Sector : 0)..];
            table[0] = 1;
            table[big ? 7 : 6] = 1; // the folder above is the first
            if (big) BinaryPrimitives.WriteInt32BigEndian(table[2..], folder);
            else BinaryPrimitives.WriteInt32LittleEndian(table[2..], folder);
        }
    }

    /// <summary>The folder: itself, the one above, which is itself too, and the files in the order of their names.</summary>
    private static void WriteFolder(Span<byte> sector, IReadOnlyList<(string Name, byte[] Content)> files, int[] starts, bool joliet)
    {
        var here = Folders + (joliet ? 1 : 0);
        var at = WriteRecord(sector, [0], here, Sector, folder: true);
        at += WriteRecord(sector[at..], [1], here, Sector, folder: true);
        foreach (var i in Enumerable.Range(0, files.Count).OrderBy(i => files[i].Name, StringComparer.Ordinal))
        {
            var name = joliet ? Encoding.BigEndianUnicode.GetBytes(files[i].Name) : Encoding.ASCII.GetBytes(ShortName(files[i].Name));
            at += WriteRecord(sector[at..], name, starts[i], files[i].Content.Length, folder: false);
        }
    }

    /// <summary>A directory record (§9.1); returns its length.</summary>
    private static int WriteRecord(Span<byte> record, ReadOnlySpan<byte> name, int start, int length, bool folder)
    {
        var bytes = (33 + name.Length + 1) & ~1;
        record[0] = (byte)bytes;
        Both32(record[2..], start);
        Both32(record[10..], length);
        (record[18], record[19], record[20]) = (70, 1, 1); // 1970-01-01
        record[25] = folder ? (byte)2 : (byte)0;
        Both16(record[28..], 1);
        record[32] = (byte)name.Length;
        name.CopyTo(record[33..]);
        return bytes;
    }

    /// <summary>Eight characters that every system can read.</summary>
    private static string ShortName(string name) => $"{string.Concat(name.Take(8).Select(each => char.IsAsciiLetterOrDigit(each) ? char.ToUpperInvariant(each) : '_'))}.;1";

    private static void Text(Span<byte> field, string text, bool joliet)
    {
        if (!joliet)
        {
            field.Fill((byte)' ');
            Encoding.ASCII.GetBytes(text, field);
            return;
        }

        for (var i = 0; i + 1 < field.Length; i += 2) BinaryPrimitives.WriteUInt16BigEndian(field[i..], i / 2 < text.Length ? text[i / 2] : ' ');
    }

    private static void Both16(Span<byte> field, int value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(field, (ushort)value);
        BinaryPrimitives.WriteUInt16BigEndian(field[2..], (ushort)value);
    }

    private static void Both32(Span<byte> field, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(field, value);
        BinaryPrimitives.WriteInt32BigEndian(field[4..], value);
    }
}
