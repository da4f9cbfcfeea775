using System.Buffers.Binary;
using Holon.Memory;
using Holon.SystemMachine.Boot;

namespace Holon.SystemMachine.Tests.Boot;

/// <summary>Small files in the formats that kernels come in, with recognisable contents.</summary>
internal static class TestKernels
{
    public const ulong Preferred = 0x1000000;
    public const int InitLength = 0x100000;

    public static readonly byte[] Code = [.. Enumerable.Range(0, 5000).Select(i => (byte)((i * 7) ^ (i >> 5)))];

    public static GuestMemory NewMemory(int mebibytes = 64) => new(new MemoryRange(0, (ulong)mebibytes << 20));

    public static BootRequest Request(string commandLine = "") => new() { KernelPath = "test-kernel", CommandLine = commandLine };

    public static LoadedGuest Load(GuestMemory memory, byte[] kernel, string commandLine = "") => KernelLoader.Load(memory, kernel, Request(commandLine));

    /// <summary>A bzImage of protocol 2.15 with a payload that already ends with its length field.</summary>
    public static byte[] BzImage(byte[] payload, ushort version = 0x20F, ushort loadFlags64 = 1, int initLength = InitLength)
    {
        const int SetupLength = 2 * 512, PayloadOffset = 0x400;
        var kernelLength = (PayloadOffset + payload.Length + 15) & ~15;
        var image = new byte[SetupLength + kernelLength];
        image[0x1F1] = 1;
        Put(image, 0x1F4, (uint)kernelLength / 16);
        Put(image, 0x1FE, (ushort)0xAA55);
        image[0x200] = 0xEB;
        image[0x201] = 0x6A;
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        Put(image, 0x206, version);
        Put(image, 0x20E, (ushort)(0x300 - 0x200));
        "6.1.0-test (someone) #1"u8.CopyTo(image.AsSpan(0x300));
        image[0x211] = 1;
        Put(image, 0x214, 0x100000u);
        Put(image, 0x22C, 0x7FFFFFFFu);
        Put(image, 0x230, 0x200000u);
        image[0x234] = 1;
        Put(image, 0x236, loadFlags64);
        Put(image, 0x238, 2047u);
        Put(image, 0x248, (uint)PayloadOffset);
        Put(image, 0x24C, (uint)payload.Length);
        Put(image, 0x250, 0x1122334455667788ul);
        Put(image, 0x258, Preferred);
        Put(image, 0x260, (uint)initLength);
        payload.CopyTo(image, SetupLength + PayloadOffset);
        return image;
    }

    /// <summary>An ELF file of one loadable segment with <see cref="Code"/>, and a note segment.</summary>
    public static byte[] Elf(bool is64 = true, ulong address = Preferred, ulong entryOffset = 0x10, uint? pvhEntry = null, int bss = 4096, ushort machine = 0, byte[]? code = null)
    {
        const int Notes = 0x100, Start = 0x200;
        var content = code ?? Code;
        var elf = new byte[Start + content.Length];
        "\u007FELF"u8.CopyTo(elf);
        (elf[4], elf[5], elf[6]) = ((byte)(is64 ? 2 : 1), 1, 1);
        Put(elf, 16, (ushort)2);
        Put(elf, 18, machine != 0 ? machine : (ushort)(is64 ? 62 : 3));
        if (is64)
        {
            Put(elf, 24, address + entryOffset);
            Put(elf, 32, 64ul);
            Put(elf, 54, (ushort)56);
            Put(elf, 56, (ushort)2);
            Segment64(elf.AsSpan(64), 1, Start, address, (ulong)content.Length, (ulong)(content.Length + bss));
            Segment64(elf.AsSpan(120), 4, Notes, 0, 20, 20);
        }
        else
        {
            Put(elf, 24, (uint)(address + entryOffset));
            Put(elf, 28, 52u);
            Put(elf, 42, (ushort)32);
            Put(elf, 44, (ushort)2);
            Segment32(elf.AsSpan(52), 1, Start, (uint)address, (uint)content.Length, (uint)(content.Length + bss));
            Segment32(elf.AsSpan(84), 4, Notes, 0, 20, 20);
        }

        Put(elf, Notes, 4u);
        Put(elf, Notes + 4, 4u);
        Put(elf, Notes + 8, pvhEntry is null ? 99u : 18u);
        "Xen\0"u8.CopyTo(elf.AsSpan(Notes + 12));
        Put(elf, Notes + 16, pvhEntry ?? 0);
        content.CopyTo(elf, Start);
        return elf;
    }

    /// <summary>A copy of some file with a Multiboot header at an offset.</summary>
    public static byte[] WithMultibootHeader(byte[] file, int offset, uint flags, params uint[] addresses)
    {
        var copy = file.ToArray();
        Put(copy, offset, 0x1BADB002u);
        Put(copy, offset + 4, flags);
        Put(copy, offset + 8, unchecked(0u - 0x1BADB002u - flags));
        for (var i = 0; i < addresses.Length; i++) Put(copy, offset + 12 + (4 * i), addresses[i]);
        return copy;
    }

    public static string Text(GuestMemory memory, ulong address)
    {
        var bytes = memory.Span(address, 4096);
        return System.Text.Encoding.UTF8.GetString(bytes[..bytes.IndexOf((byte)0)]);
    }

    public static void Put(byte[] target, int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(target.AsSpan(offset), value);

    public static void Put(byte[] target, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(target.AsSpan(offset), value);

    public static void Put(byte[] target, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(target.AsSpan(offset), value);

    private static void Segment64(Span<byte> header, uint type, int fileOffset, ulong address, ulong fileLength, ulong memoryLength)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(header, type);
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], (ulong)fileOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(header[16..], address + 0xFFFFFFFF80000000);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], fileLength);
        BinaryPrimitives.WriteUInt64LittleEndian(header[40..], memoryLength);
        BinaryPrimitives.WriteUInt64LittleEndian(header[48..], 4);
    }

    private static void Segment32(Span<byte> header, uint type, int fileOffset, uint address, uint fileLength, uint memoryLength)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(header, type);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], (uint)fileOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], address);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], address);
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], fileLength);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], memoryLength);
        BinaryPrimitives.WriteUInt32LittleEndian(header[28..], 4);
    }
}
