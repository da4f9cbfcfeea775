using System.Buffers.Binary;
using Holon.Machines;

namespace Holon.SystemMachine.Boot.Multiboot;

/// <summary>A Multiboot header: what a kernel wants from its boot loader (Multiboot Specification 0.6.96, §3.1).</summary>
/// <param name="FileOffset">Where it lies in the file.</param>
/// <param name="Flags">The kernel's wishes.</param>
/// <param name="Addresses">Where the kernel goes when it is not an ELF file, or null.</param>
public sealed record MultibootHeader(int FileOffset, uint Flags, MultibootAddresses? Addresses)
{
    private const uint Magic = 0x1BADB002;
    private const int SearchLength = 8192, Length = 12, LengthWithAddresses = 32;
    private const uint PageAlignedModules = 1, MemoryInformation = 2, VideoMode = 4, HasAddresses = 1 << 16, Required = 0xFFFF;

    /// <summary>True when the kernel would like a video mode set, which is not done.</summary>
    public bool WantsVideoMode => (Flags & VideoMode) != 0;

    /// <summary>Finds and checks the header.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="name">The file's name, for errors.</param>
    /// <returns>The header, or null when there is none.</returns>
    /// <exception cref="HolonException">There is one, which asks for what cannot be given.</exception>
    public static MultibootHeader? Find(ReadOnlySpan<byte> file, string name)
    {
        var searched = file[..Math.Min(file.Length, SearchLength)];
        for (var offset = 0; offset + Length <= searched.Length; offset += 4)
        {
            var header = searched[offset..];
            var flags = U32(header, 4);
            if (U32(header, 0) != Magic || Magic + flags + U32(header, 8) != 0) continue;
            if ((flags & Required & ~(PageAlignedModules | MemoryInformation | VideoMode)) != 0)
                throw new HolonException($"The Multiboot kernel {name} requires features 0x{flags & Required:x}, and only module alignment, memory information and video mode exist; build it without the others.");
            if ((flags & HasAddresses) == 0) return new MultibootHeader(offset, flags, null);
            if (header.Length < LengthWithAddresses) throw new HolonException($"The Multiboot kernel {name} is truncated in its header; copy it again.");
            return new MultibootHeader(offset, flags, new MultibootAddresses(U32(header, 12), U32(header, 16), U32(header, 20), U32(header, 24), U32(header, 28)));
        }

        return null;
    }

    private static uint U32(ReadOnlySpan<byte> header, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(header[offset..]);
}

/// <summary>The address fields of a header, "the a.out kludge".</summary>
/// <param name="Header">Where the header itself goes.</param>
/// <param name="Load">Where the loaded part begins.</param>
/// <param name="LoadEnd">Where it ends; 0: with the file.</param>
/// <param name="BssEnd">Where the zeroed part after it ends; 0: there is none.</param>
/// <param name="Entry">The first instruction.</param>
public readonly record struct MultibootAddresses(uint Header, uint Load, uint LoadEnd, uint BssEnd, uint Entry);
