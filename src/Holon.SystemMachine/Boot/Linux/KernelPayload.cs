using System.Buffers.Binary;
using System.IO.Compression;
using Holon.Machines;
using Holon.SystemMachine.Boot.Compression;
using SharpCompress.Compressors.BZip2;
using SharpCompress.Compressors.ZStandard;
using CompressionMode = System.IO.Compression.CompressionMode;

namespace Holon.SystemMachine.Boot.Linux;

/// <summary>
/// The compressed kernel inside a bzImage. Whatever the format, its last four bytes are the unpacked length
/// (scripts/Makefile.lib, <c>size_append</c>; gzip ends with it by itself). What comes out is an ELF file, followed by the
/// relocations that only a kernel at a random address needs.
/// </summary>
public static class KernelPayload
{
    /// <summary>The largest unpacked kernel: several times what distributions ship. A small hostile file must not take more.</summary>
    public const int MaxLength = 512 << 20;

    private const int LengthField = 4;

    /// <summary>Unpacks the kernel of a bzImage.</summary>
    /// <param name="image">The whole file.</param>
    /// <returns>The ELF file, relocations after it.</returns>
    /// <exception cref="HolonException">The file is not a bzImage, or its kernel is damaged or in a format that only the kernel itself can unpack.</exception>
    public static byte[] Unpack(ReadOnlySpan<byte> image)
    {
        var header = BzImage.Parse(image, "given");
        var payload = image[header.Payload];
        if (payload.Length < 2 * LengthField) throw new HolonException("The kernel's header does not say where its compressed part lies.");
        var length = BinaryPrimitives.ReadUInt32LittleEndian(payload[^LengthField..]);
        var format = CompressionFormats.Recognise(payload);
        if (format == CompressionFormat.None && payload.StartsWith("\u007FELF"u8)) return payload.ToArray();
        if (length is 0 or > MaxLength) throw new HolonException($"The kernel claims to unpack to {length} bytes, and Holon unpacks up to {MaxLength >> 20} MiB.");
        if (length > header.InitLength) throw new HolonException($"The kernel claims to unpack to {length} bytes and to need only {header.InitLength}.");

        // Pages of this array are taken only as they are written: a false claim costs address space.
        var output = GC.AllocateUninitializedArray<byte>((int)length);
        var unpacked = format == CompressionFormat.Gzip ? payload : payload[..^LengthField];
        try
        {
            var written = Unpack(format, unpacked, output);
            if (written != output.Length) throw new InvalidDataException($"It unpacks to {written} bytes and claims {length}.");
        }
        catch (Exception error) when (error is not (OutOfMemoryException or HolonException))
        {
            // Decoders meet damaged data in many ways, each with its own exception.
            throw new HolonException($"The kernel's {format} data is damaged.", error);
        }

        return output;
    }

    private static int Unpack(CompressionFormat format, ReadOnlySpan<byte> input, byte[] output) => format switch
    {
        CompressionFormat.Lz4Legacy => Lz4Legacy.Unpack(input, output),
        CompressionFormat.Xz => Xz.XzDecoder.Unpack(input, output),
        CompressionFormat.Lzma => Xz.LzmaAlone.Unpack(input, output),
        CompressionFormat.Gzip => ReadAll(input, output, stream => new GZipStream(stream, CompressionMode.Decompress)),
        CompressionFormat.Zstd => ReadAll(input, output, stream => new DecompressionStream(stream)),
        CompressionFormat.Bzip2 => ReadAll(input, output, stream => BZip2Stream.Create(stream, SharpCompress.Compressors.CompressionMode.Decompress, false)),
        _ => throw new HolonException($"Holon cannot unpack the kernel's compression format ({format})."),
    };

    private static unsafe int ReadAll(ReadOnlySpan<byte> input, byte[] output, Func<Stream, Stream> open)
    {
        // The stream over the pinned span is read-only, bounded by its length and gone before the pin is.
        fixed (byte* start = input)
        {
            using var source = new UnmanagedMemoryStream(start, input.Length);
            using var decoder = open(source);
            var written = decoder.ReadAtLeast(output, output.Length, throwOnEndOfStream: false);
            return decoder.ReadByte() < 0 ? written : throw new InvalidDataException("It unpacks to more than it claims."); // and checks are at the end
        }
    }
}
