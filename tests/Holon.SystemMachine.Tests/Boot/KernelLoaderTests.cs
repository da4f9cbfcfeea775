using CsCheck;
using Holon.Machines;
using Holon.Memory;
using Holon.SystemMachine.Boot;
using static Holon.SystemMachine.Tests.Boot.TestKernels;

namespace Holon.SystemMachine.Tests.Boot;

public sealed class KernelLoaderTests
{
    private static readonly byte[][] Valid =
    [
        BzImage(Payloads.Gzip(Elf())),
        BzImage(Payloads.Lz4(Elf())),
        BzImage([.. CompressedFixtures.XzX86, .. BitConverter.GetBytes(CompressedFixtures.Length)]),
        BzImage(Payloads.Gzip(Elf(is64: false)), loadFlags64: 0),
        Elf(pvhEntry: (uint)Preferred + 8),
        Elf(is64: false, pvhEntry: (uint)Preferred + 8),
        WithMultibootHeader(Elf(is64: false), 0x200, 3),
        WithMultibootHeader(Code, 0, 1 << 16, 0x200000, 0x200000, 0, 0x210000, 0x200020),
    ];

    public static TheoryData<byte[], string> NotKernels => new()
    {
        { [0x1F, 0x8B, 8, 0], "a file compressed with gzip" },
        { [0x28, 0xB5, 0x2F, 0xFD, 0], "a file compressed with zstd" },
        { [.. new byte[0x38], .. "ARMd"u8, 0], "a Linux kernel for ARM64" },
        { [.. new byte[0x38], .. "RSC\u0005"u8, 0], "a Linux kernel for RISC-V" },
        { [.. "#!/bin/sh\n"u8], "a script" },
        { [.. "hello\n"u8], "a text file" },
        { [.. "MZ"u8, 0, 0], "an EFI or Windows program" },
        { [.. "070701"u8, 0], "an initrd" },
        { [(byte)'Q', (byte)'F', (byte)'I', 0xFB], "a qcow2 disk image" },
        { [.. new byte[510], 0x55, 0xAA, .. new byte[512]], "a disk image" },
        { [.. new byte[0x8001], .. "CD001"u8, 0], "a CD image" },
        { [0, 1, 2, 3], "of no known kind" },
        { Elf(machine: 183), "for another processor (ARM64)" },
        { Elf(machine: 243), "for another processor (RISC-V)" },
        { Elf(), "neither a PVH entry nor a Multiboot header" },
        { Elf()[..30], "truncated" },
        { Elf(pvhEntry: 0x1000010)[..^1], "truncated" },
    };

    [Theory]
    [MemberData(nameof(NotKernels))]
    public void What_is_not_a_kernel_is_named(byte[] file, string expected)
    {
        using var memory = NewMemory();
        Assert.Contains(expected, Assert.Throws<HolonException>(() => { Load(memory, file); }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_cannot_be_read_are_named()
    {
        using var memory = NewMemory();
        using var empty = new TemporaryFile([]);
        Refused(memory, "/nowhere/vmlinuz", "The kernel /nowhere/vmlinuz does not exist");
        Refused(memory, Path.GetTempPath(), "is a directory");
        Refused(memory, empty.Path, "is empty");
        using var kernel = new TemporaryFile(Valid[0]);
        var error = Assert.Throws<HolonException>(() => { KernelLoader.Load(memory, new BootRequest { KernelPath = kernel.Path, Modules = [new("/nowhere/initrd")] }); });
        Assert.Contains("The initrd /nowhere/initrd does not exist", error.Message, StringComparison.Ordinal);
        Assert.Equal(BootProtocol.LinuxDirect, KernelLoader.Load(memory, new BootRequest { KernelPath = kernel.Path }).Protocol);
    }

    [Fact]
    public void A_machine_without_a_mebibyte_of_memory_is_refused()
    {
        using var memory = new GuestMemory(new MemoryRange(0, 0x100000));
        Assert.Contains("too little for any kernel", Assert.Throws<HolonException>(() => { Load(memory, Valid[0]); }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_zero_in_the_command_line_is_refused()
    {
        using var memory = NewMemory();
        foreach (var kernel in Valid) Assert.Throws<HolonException>(() => { Load(memory, kernel, "a\0b"); });
    }

    [Fact]
    public void Any_mutation_of_a_kernel_is_loaded_or_refused_in_bounded_memory()
    {
        using var memory = NewMemory();
        var mutation = Gen.Select(Gen.Int[0, 0x3FF], Gen.OneOf(Gen.Byte, Gen.Int[0, 4].Select(i => (byte)(0xFF807F0100ul >> (8 * i)))));
        Gen.Select(Gen.Int[0, Valid.Length - 1], mutation.Array[1, 8], Gen.Int[0, 40]).Sample((which, mutations, cut) =>
        {
            var kernel = Valid[which].ToArray();
            foreach (var (at, value) in mutations) kernel[at % kernel.Length] = value;
            if (cut > 30) kernel = kernel[..(kernel.Length * (cut - 30) / 10)];
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                Load(memory, kernel);
            }
            catch (HolonException error)
            {
                Assert.NotEmpty(error.Message);
            }

            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 64 << 20);
        }, iter: 4000, threads: 1);
    }

    private static void Refused(GuestMemory memory, string path, string message) =>
        Assert.Contains(message, Assert.Throws<HolonException>(() => { KernelLoader.Load(memory, new BootRequest { KernelPath = path }); }).Message, StringComparison.Ordinal);
}
