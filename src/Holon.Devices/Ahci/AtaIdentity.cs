using System.Buffers.Binary;
using System.Text;

namespace Holon.Devices.Ahci;

/// <summary>What IDENTIFY DEVICE answers: 256 words (ATA/ATAPI Command Set 3, §7.12.7).</summary>
internal static class AtaIdentity
{
    /// <summary>Bytes of the answer.</summary>
    public const int Length = 512;

    private const uint MostLba28 = 0x0FFF_FFFF;

    /// <summary>Makes the answer for a disk.</summary>
    public static byte[] Build(string serial, long sectors, int queueDepth)
    {
        var data = new byte[Length];
        Word(0, 0x0040); // fixed disk
        Word(1, 16383); // cylinders, heads, sectors: only for programs of before 1994
        Word(3, 16);
        Word(6, 63);
        Text(10, 20, serial.Length > 0 ? serial : "HOLON0000");
        Text(23, 8, "1.0");
        Text(27, 40, "HOLON DISK");
        Word(47, 0x8010);
        Word(49, 0x0F00); // DMA, LBA, IORDY
        Word(50, 0x4000);
        Word(53, 0x0006);
        var lba28 = (uint)Math.Min(sectors, MostLba28);
        Word(60, (ushort)lba28);
        Word(61, (ushort)(lba28 >> 16));
        Word(63, 0x0007);
        Word(64, 0x0003);
        foreach (var word in (ReadOnlySpan<int>)[65, 66, 67, 68]) Word(word, 120);
        Word(69, 0x4020); // trimmed sectors read as zeroes
        Word(75, (ushort)(queueDepth - 1));
        Word(76, 0x0106); // native command queuing, 1.5 and 3 Gbit/s
        Word(80, 0x01F0);
        Word(82, 0x4020); // write cache
        Word(83, 0x7400); // FLUSH CACHE, 48-bit addresses
        Word(84, 0x4040);
        Word(85, 0x4020);
        Word(86, 0x3400);
        Word(87, 0x4040);
        Word(88, 0x207F);
        Word(93, 0x0000);
        for (var i = 0; i < 4; i++) Word(100 + i, (ushort)(sectors >> (16 * i)));
        Word(105, 1); // one block of ranges a trim
        Word(106, 0x6003); // 8 logical sectors a physical one
        Word(169, 1); // trim
        Word(217, 1); // does not turn
        Word(222, 0x1020);
        data[510] = 0xA5;
        byte sum = 0;
        foreach (var value in data) sum += value;
        data[511] = (byte)-sum;
        return data;

        void Word(int number, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(data.AsSpan(number * 2), value);

        // Two characters a word, the first in the upper byte.
        void Text(int word, int length, string text)
        {
            var bytes = Encoding.ASCII.GetBytes(text.PadRight(length)[..length]);
            for (var i = 0; i < length; i++) data[(word * 2) + (i ^ 1)] = bytes[i];
        }
    }
}
