namespace Holon.SystemMachine.Boot.Compression;

/// <summary>Formats that kernels and their initrds come in.</summary>
public enum CompressionFormat
{
    /// <summary>Not compressed, or in no known format.</summary>
    None,

    /// <summary>gzip.</summary>
    Gzip,

    /// <summary>xz.</summary>
    Xz,

    /// <summary>Zstandard.</summary>
    Zstd,

    /// <summary>LZ4 in the format before frames, which Linux uses.</summary>
    Lz4Legacy,

    /// <summary>bzip2.</summary>
    Bzip2,

    /// <summary>The format before xz, "LZMA alone".</summary>
    Lzma,

    /// <summary>lzop.</summary>
    Lzo,
}

/// <summary>Tells formats by their first bytes, as lib/decompress.c of Linux does.</summary>
public static class CompressionFormats
{
    /// <summary>The format that data begins with.</summary>
    public static CompressionFormat Recognise(ReadOnlySpan<byte> data)
    {
        if (data.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B])) return CompressionFormat.Gzip;
        if (data.StartsWith((ReadOnlySpan<byte>)[0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0])) return CompressionFormat.Xz;
        if (data.StartsWith((ReadOnlySpan<byte>)[0x28, 0xB5, 0x2F, 0xFD])) return CompressionFormat.Zstd;
        if (data.StartsWith((ReadOnlySpan<byte>)[0x02, 0x21, 0x4C, 0x18])) return CompressionFormat.Lz4Legacy;
        if (data.StartsWith("BZh"u8)) return CompressionFormat.Bzip2;
        if (data.StartsWith((ReadOnlySpan<byte>)[0x5D, 0, 0])) return CompressionFormat.Lzma;
        if (data.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'L', (byte)'Z', (byte)'O'])) return CompressionFormat.Lzo;
        return CompressionFormat.None;
    }
}
