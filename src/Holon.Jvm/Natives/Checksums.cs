namespace Holon.Jvm.Natives;

/// <summary>The checksums of zip files (RFC 1950, RFC 1952).</summary>
internal static class Checksums
{
    private static readonly uint[] Table = BuildTable();

    private static uint[] BuildTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            var c = i;
            for (var k = 0; k < 8; k++) c = (c & 1) != 0 ? 0xEDB88320 ^ c >> 1 : c >> 1;
            table[i] = c;
        }
        return table;
    }

    public static int Crc32(int crc, ReadOnlySpan<byte> data)
    {
        var c = ~(uint)crc;
        foreach (var b in data) c = Table[(byte)(c ^ b)] ^ c >> 8;
        return (int)~c;
    }

    public static int Adler32(int adler, ReadOnlySpan<byte> data)
    {
        uint a = (uint)adler & 0xFFFF, b = (uint)adler >> 16;
        for (var i = 0; i < data.Length;)
        {
            for (var end = Math.Min(data.Length, i + 5552); i < end; i++)
            {
                a += data[i];
                b += a;
            }
            a %= 65521;
            b %= 65521;
        }
        return (int)(b << 16 | a);
    }
}
