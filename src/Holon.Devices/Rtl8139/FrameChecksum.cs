namespace Holon.Devices.Rtl8139;

/// <summary>Ethernet's frame check sequence (IEEE 802.3 §3.2.9): CRC-32.</summary>
internal static class FrameChecksum
{
    private const uint Polynomial = 0xEDB8_8320, MostSignificantFirst = 0x04C1_1DB7;

    private static readonly uint[] _table = MakeTable();

    /// <summary>The checksum as it follows a frame.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var part in bytes) crc = _table[(byte)crc ^ part] ^ (crc >> 8);
        return ~crc;
    }

    /// <summary>The register's value with its most significant bit first and not inverted, of which multicast filters take the upper bits.</summary>
    public static uint OfMostSignificantFirst(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var part in bytes)
        {
            for (var bit = 0; bit < 8; bit++) crc = (crc << 1) ^ ((((crc >> 31) ^ (uint)(part >> bit)) & 1) * MostSignificantFirst);
        }

        return crc;
    }

    private static uint[] MakeTable()
    {
        var table = new uint[256];
        for (var i = 0u; i < table.Length; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++) value = (value >> 1) ^ ((value & 1) * Polynomial);
            table[i] = value;
        }

        return table;
    }
}
