using Holon.Machines;
using Holon.SystemMachine.Boot;
using Holon.X86;
using static Holon.SystemMachine.Tests.Boot.TestKernels;

namespace Holon.SystemMachine.Tests.Boot;

public sealed class MultibootLoaderTests
{
    private const uint AOut = 1 << 16;

    [Fact]
    public void An_elf_kernel_finds_the_information_structure() // Multiboot 0.6.96 §3.3
    {
        using var memory = NewMemory();
        using var module = new TemporaryFile([1, 2, 3]);
        var kernel = WithMultibootHeader(Elf(is64: false), 0x200, 3);
        var guest = KernelLoader.Load(memory, kernel, Request("a b") with { Modules = [new(module.Path, "x=1"), new(module.Path)] });
        Assert.Equal((BootProtocol.Multiboot, Preferred + 0x10), (guest.Protocol, guest.Entry.Rip));
        Assert.Equal(0x2BADB002ul, guest.Entry.Rax);
        var info = guest.Entry.Rbx;
        Assert.Equal(0b10_0100_1101u, memory.Read<uint>(info));
        Assert.Equal((639u, 63u * 1024), (memory.Read<uint>(info + 4), memory.Read<uint>(info + 8)));
        Assert.Equal("test-kernel a b", Text(memory, memory.Read<uint>(info + 16)));
        Assert.Equal("Holon", Text(memory, memory.Read<uint>(info + 64)));

        Assert.Equal(2u, memory.Read<uint>(info + 20));
        var list = memory.Read<uint>(info + 24);
        var start = memory.Read<uint>(list);
        Assert.Equal(0u, start % 4096);
        Assert.Equal([1, 2, 3], memory.Span(start, (int)(memory.Read<uint>(list + 4) - start)).ToArray());
        Assert.Equal($"{module.Path} x=1", Text(memory, memory.Read<uint>(list + 8)));
        Assert.Equal(module.Path, Text(memory, memory.Read<uint>(list + 24)));

        Assert.Equal(3u * 24, memory.Read<uint>(info + 44));
        var map = memory.Read<uint>(info + 48);
        Assert.Equal((20u, 0ul, 0x9FC00ul, 1u), (memory.Read<uint>(map), memory.Read<ulong>(map + 4), memory.Read<ulong>(map + 12), memory.Read<uint>(map + 20)));
    }

    [Fact]
    public void The_processor_starts_in_protected_mode()
    {
        using var memory = NewMemory();
        var state = default(CpuState);
        state.Reset(0x600);
        var entry = Load(memory, WithMultibootHeader(Elf(is64: false), 0x200, 0)).Entry;
        entry.ApplyTo(ref state);
        Assert.Equal(Cr0.PE | Cr0.ET, state.Cr0);
        Assert.Equal(Rflags.Fixed, state.Rflags);
        Assert.Equal((entry.Rbx, Preferred + 0x10), (entry.Rbx, state.Rip));
        Assert.True(state.Segments[SegmentRegisters.Ss] is { IsWritable: true, IsBig: true, Limit: uint.MaxValue });
    }

    [Fact]
    public void A_plain_file_is_loaded_by_its_header_addresses()
    {
        using var memory = NewMemory();
        memory.Span(0x200000, 0x4000).Fill(0xCC);
        var kernel = WithMultibootHeader(Code, 0x40, AOut, 0x200020, 0x200000, 0x200100, 0x200200, 0x200030);
        var guest = Load(memory, kernel);
        Assert.Equal(0x200030ul, guest.Entry.Rip);
        Assert.Equal(kernel.AsSpan(0x20, 0x100), memory.Span(0x200000, 0x100));
        Assert.False(memory.Span(0x200100, 0x100).ContainsAnyExcept((byte)0));
        Assert.Equal(0xCC, memory.Read<byte>(0x200200));
    }

    [Fact]
    public void Without_an_end_the_whole_file_is_loaded()
    {
        using var memory = NewMemory();
        var kernel = WithMultibootHeader(Code, 0, AOut, 0x200000, 0x200000, 0, 0, 0x200020);
        Load(memory, kernel);
        Assert.Equal(kernel, memory.Span(0x200000, kernel.Length));
    }

    [Theory]
    [InlineData(0x200000u, 0x200100u, 0u, 0u, 0x200100u, "begins before its file")]
    [InlineData(0x200000u, 0x1F0000u, 0u, 0u, 0x200000u, "begins before its file")]
    [InlineData(0x200000u, 0x200000u, 0x1FFFFFu, 0u, 0x200000u, "ends before it begins")]
    [InlineData(0x200000u, 0x200000u, 0x202000u, 0u, 0x200000u, "truncated")]
    [InlineData(0x200000u, 0x200000u, 0x200100u, 0x200080u, 0x200000u, "zeroes what it loads")]
    [InlineData(0x200000u, 0x200000u, 0x200100u, 0u, 0x200100u, "outside of it")]
    [InlineData(0xFFFFFF00u, 0xFFFFFF00u, 0u, 0u, 0xFFFFFF00u, "outside the machine's memory")]
    public void Addresses_that_make_no_sense_are_refused(uint header, uint load, uint loadEnd, uint bssEnd, uint entry, string message)
    {
        using var memory = NewMemory();
        var kernel = WithMultibootHeader(Code, 0, AOut, header, load, loadEnd, bssEnd, entry);
        Assert.Contains(message, Assert.Throws<HolonException>(() => Load(memory, kernel)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(8180, true)]
    [InlineData(8184, false)]
    public void The_header_lies_within_the_first_8_kib(int offset, bool found)
    {
        using var memory = NewMemory();
        var kernel = WithMultibootHeader(Elf(is64: false, code: new byte[10000]), offset, 0);
        if (found) Assert.Equal(BootProtocol.Multiboot, Load(memory, kernel).Protocol);
        else Assert.Contains("neither a PVH entry nor a Multiboot header", Assert.Throws<HolonException>(() => Load(memory, kernel)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Required_features_that_do_not_exist_are_refused_and_a_video_mode_is_warned_of()
    {
        using var memory = NewMemory();
        Assert.Throws<HolonException>(() => { Load(memory, WithMultibootHeader(Elf(is64: false), 0x200, 8)); });
        Assert.Single(Load(memory, WithMultibootHeader(Elf(is64: false), 0x200, 4)).Warnings);
    }
}
