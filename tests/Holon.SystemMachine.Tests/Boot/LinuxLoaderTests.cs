using Holon.Machines;
using Holon.Memory;
using Holon.SystemMachine.Boot;
using Holon.X86;
using static Holon.SystemMachine.Tests.Boot.TestKernels;

namespace Holon.SystemMachine.Tests.Boot;

public sealed class LinuxLoaderTests
{
    private static readonly byte[] Packed = BzImage(Payloads.Gzip(Elf()));

    [Fact]
    public void A_64_bit_kernel_is_unpacked_and_entered_at_its_elf_entry()
    {
        using var memory = NewMemory();
        var guest = Load(memory, Packed, "console=ttyS0");
        Assert.Empty(guest.Warnings);
        Assert.Equal(BootProtocol.LinuxDirect, guest.Protocol);
        Assert.Equal(Preferred + 0x10, guest.Entry.Rip);
        Assert.Equal(EntryMode.Long, guest.Entry.Mode);
        Assert.Equal(Code, memory.Span(Preferred, Code.Length));
        Assert.Contains("6.1.0-test", guest.Description, StringComparison.Ordinal);
    }

    [Fact]
    public void Boot_parameters_have_the_documented_fields() // zero-page.rst
    {
        using var memory = new GuestMemory(new MemoryRange(0, 64 << 20), new MemoryRange(1ul << 32, 16 << 20));
        var ecam = new MemoryRange(0xB0000000, 0x10000000);
        var guest = KernelLoader.Load(memory, Packed, Request("root=/dev/vda") with { AcpiRsdpAddress = 0xE0000, Reserved = [ecam], RandomSeed = new byte[] { 1, 2, 3 } });
        var page = guest.Entry.Rsi;
        Assert.Equal(0xE0000ul, memory.Read<ulong>(page + 0x070));
        Assert.Equal(0, memory.Read<byte>(page + 0x1EF)); // the sentinel
        Assert.Equal(Packed.AsSpan(0x1FC..0x210), memory.Span(page + 0x1FC, 0x210 - 0x1FC)); // the kernel's own header
        Assert.Equal(Packed.AsSpan(0x22C..0x24C), memory.Span(page + 0x22C, 0x24C - 0x22C));
        Assert.Equal((ushort)0xFFFF, memory.Read<ushort>(page + 0x1FA));
        Assert.Equal(0xFF, memory.Read<byte>(page + 0x210));
        Assert.Equal(1, memory.Read<byte>(page + 0x211));
        Assert.Equal("root=/dev/vda", Text(memory, memory.Read<uint>(page + 0x228)));
        Assert.Equal(0ul, memory.Read<ulong>(page + 0x218)); // no initrd

        var entries = Enumerable.Range(0, memory.Read<byte>(page + 0x1E8)).Select(i => page + 0x2D0 + (20 * (ulong)i))
            .Select(at => (memory.Read<ulong>(at), memory.Read<ulong>(at + 8), memory.Read<uint>(at + 16)));
        Assert.Equal([(0, 0x9FC00, 1u), (0x9FC00, 0x60400, 2u), (0x100000, 0x3F00000, 1u), (ecam.Start, ecam.Length, 2u), (1ul << 32, 16ul << 20, 1u)], entries);

        var seed = memory.Read<ulong>(page + 0x250);
        Assert.Equal((0ul, 9u, 3u), (memory.Read<ulong>(seed), memory.Read<uint>(seed + 8), memory.Read<uint>(seed + 12)));
        Assert.Equal([1, 2, 3], memory.Span(seed + 16, 3).ToArray());
    }

    [Fact]
    public void The_processor_starts_as_the_64_bit_protocol_says()
    {
        using var memory = NewMemory();
        var state = default(CpuState);
        state.Reset(0x600);
        Load(memory, Packed).Entry.ApplyTo(ref state);
        Assert.Equal(Cr0.PE | Cr0.ET | Cr0.PG, state.Cr0);
        Assert.Equal(Cr4.Pae, state.Cr4);
        Assert.Equal(Efer.Lme | Efer.Lma, state.Efer);
        Assert.Equal(Rflags.Fixed, state.Rflags);
        var cs = state.Segments[SegmentRegisters.Cs];
        Assert.Equal((0x10, 0ul, uint.MaxValue, true, true), (cs.Selector, cs.Base, cs.Limit, cs.IsLong, cs.IsReadable && cs.IsCode));
        foreach (var register in (int[])[SegmentRegisters.Ds, SegmentRegisters.Es, SegmentRegisters.Ss])
        {
            var segment = state.Segments[register];
            Assert.Equal((0x18, 0ul, uint.MaxValue, true), (segment.Selector, segment.Base, segment.Limit, segment.IsWritable));
        }

        // What the GDT in memory says is what the hidden parts hold.
        Assert.Equal(31, state.Gdtr.Limit);
        Assert.Equal(cs, Segment.FromDescriptor(0x10, memory.Read<ulong>(state.Gdtr.Base + 0x10)));
        Assert.Equal(state.Segments[SegmentRegisters.Ds], Segment.FromDescriptor(0x18, memory.Read<ulong>(state.Gdtr.Base + 0x18)));
    }

    [Theory]
    [InlineData(0ul)]
    [InlineData(0x1234567ul)]
    [InlineData(0xFFFFFFFFul)]
    public void The_page_tables_map_the_first_4_gib_to_themselves(ulong address)
    {
        using var memory = NewMemory();
        var table = Load(memory, Packed).Entry.PageTableAddress;
        var upper = memory.Read<ulong>(table) & ~0xFFFul;
        var directory = memory.Read<ulong>(upper + ((address >> 30) * 8)) & ~0xFFFul;
        var entry = memory.Read<ulong>(directory + (((address >> 21) & 511) * 8));
        Assert.Equal((address & ~0x1FFFFFul) | 0x83, entry);
        Assert.Equal(0ul, memory.Read<ulong>(table + 8));
        Assert.Equal(0ul, memory.Read<ulong>(upper + 32));
    }

    [Fact]
    public void Without_an_unpacker_the_kernel_unpacks_itself()
    {
        using var memory = NewMemory();
        var guest = KernelLoader.Load(memory, Packed, Request() with { Unpack = null });
        Assert.Equal((BootProtocol.Linux64, 0x100200ul), (guest.Protocol, guest.Entry.Rip));
        Assert.Equal(Packed.AsSpan(0x400), memory.Span(0x100000, Packed.Length - 0x400));
        Assert.Empty(guest.Warnings);
    }

    [Fact]
    public void A_payload_that_cannot_be_unpacked_leaves_it_to_the_kernel_and_says_why()
    {
        using var memory = NewMemory();
        byte[] lzo = [0x89, (byte)'L', (byte)'Z', (byte)'O', 0, 0, 0, 0, 1, 0, 0, 0];
        var guest = Load(memory, BzImage(lzo));
        Assert.Equal(BootProtocol.Linux64, guest.Protocol);
        Assert.Contains("Lzo", Assert.Single(guest.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_32_bit_kernel_is_entered_in_protected_mode()
    {
        using var memory = NewMemory();
        var guest = Load(memory, BzImage(Payloads.Gzip(Elf(is64: false)), loadFlags64: 0));
        Assert.Equal((BootProtocol.Linux32, 0x100000ul, EntryMode.Protected), (guest.Protocol, guest.Entry.Rip, guest.Entry.Mode));
        var state = default(CpuState);
        state.Reset(0x600);
        guest.Entry.ApplyTo(ref state);
        Assert.Equal(Cr0.PE | Cr0.ET, state.Cr0);
        Assert.Equal((0ul, 0ul), (state.Cr4, state.Efer));
        Assert.True(state.Segments[SegmentRegisters.Cs] is { IsBig: true, IsLong: false, Selector: 0x10 });
    }

    [Fact]
    public void The_initrd_ends_at_the_top_of_low_memory_on_a_page()
    {
        using var memory = NewMemory();
        using var initrd = new TemporaryFile(Code);
        var page = KernelLoader.Load(memory, Packed, Request() with { Modules = [new(initrd.Path)] }).Entry.Rsi;
        var address = memory.Read<uint>(page + 0x218);
        Assert.Equal(((64u << 20) - (uint)Code.Length) & ~0xFFFu, address);
        Assert.Equal((uint)Code.Length, memory.Read<uint>(page + 0x21C));
        Assert.Equal(Code, memory.Span(address, Code.Length));
    }

    [Fact]
    public void Several_initrds_follow_each_other_at_multiples_of_four()
    {
        using var memory = NewMemory();
        using var first = new TemporaryFile([1, 2, 3, 4, 5]);
        using var second = new TemporaryFile([6, 7]);
        var page = KernelLoader.Load(memory, Packed, Request() with { Modules = [new(first.Path), new(second.Path)] }).Entry.Rsi;
        Assert.Equal(10u, memory.Read<uint>(page + 0x21C));
        Assert.Equal([1, 2, 3, 4, 5, 0, 0, 0, 6, 7], memory.Span(memory.Read<uint>(page + 0x218), 10).ToArray());
    }

    [Fact]
    public void The_initrd_stays_below_the_kernels_limit()
    {
        var kernel = Packed.ToArray();
        Put(kernel, 0x22C, 0x27FFFFFu);
        using var memory = NewMemory();
        using var initrd = new TemporaryFile(Code);
        var page = KernelLoader.Load(memory, kernel, Request() with { Modules = [new(initrd.Path)] }).Entry.Rsi;
        Assert.Equal(0x2800000u - 0x2000, memory.Read<uint>(page + 0x218));
    }

    [Fact]
    public void Memory_just_large_enough_is_enough_and_one_page_less_is_refused_with_the_amount()
    {
        var end = Preferred + InitLength;
        using var enough = new GuestMemory(new MemoryRange(0, end));
        Assert.Equal(BootProtocol.LinuxDirect, Load(enough, Packed).Protocol);
        using var less = new GuestMemory(new MemoryRange(0, end - 4096));
        var error = Assert.Throws<HolonException>(() => Load(less, Packed));
        Assert.Contains("at least 17 MiB", error.Message, StringComparison.Ordinal);
        Assert.Contains("at least 17 MiB", Assert.Throws<HolonException>(() => KernelLoader.Load(less, Packed, Request() with { Unpack = null })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public void An_initrd_fits_to_the_byte(int more, bool fits)
    {
        const int Free = (64 << 20) - (int)Preferred - InitLength;
        using var memory = NewMemory();
        using var initrd = new TemporaryFile(new byte[Free + more]);
        var request = Request() with { Modules = [new(initrd.Path)] };
        if (fits) Assert.Equal((uint)Free, memory.Read<uint>(KernelLoader.Load(memory, Packed, request).Entry.Rsi + 0x21C));
        else Assert.Contains("the initrd; give it at least 65 MiB", Assert.Throws<HolonException>(() => KernelLoader.Load(memory, Packed, request)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2047, true)]
    [InlineData(2048, false)]
    public void The_command_line_is_bounded_by_the_kernels_limit(int length, bool fits)
    {
        using var memory = NewMemory();
        var text = new string('a', length);
        if (fits) Assert.Equal(text, Text(memory, memory.Read<uint>(Load(memory, Packed, text).Entry.Rsi + 0x228)));
        else Assert.Contains("2048 bytes and this kernel takes 2047", Assert.Throws<HolonException>(() => Load(memory, Packed, text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_truncated_kernel_is_refused_with_the_length_it_should_have()
    {
        using var memory = NewMemory();
        foreach (var length in (int[])[0x206, 0x263, 0x264, 0x400, Packed.Length - 16])
        {
            Assert.Contains($"truncated: it has {length} bytes", Assert.Throws<HolonException>(() => Load(memory, Packed[..length])).Message, StringComparison.Ordinal);
        }

        var padded = BzImage(new byte[17]);
        Load(memory, padded[..^15]); // the last unit of 16 bytes need not be complete
        Assert.Throws<HolonException>(() => { Load(memory, padded[..^16]); });
    }

    [Fact]
    public void Headers_that_make_no_sense_are_refused()
    {
        using var memory = NewMemory();
        Refused(memory, "older than 2.10", image => Put(image, 0x206, (ushort)0x209));
        Refused(memory, "zImage", image => image[0x211] = 0);
        Refused(memory, "header 5 bytes", image => image[0x201] = 5);
        Refused(memory, "wants to run at 0x1000", image => Put(image, 0x258, 0x1000ul));
        Refused(memory, "wants to run at 0x1000001", image => Put(image, 0x258, 0x1000001ul));
        Refused(memory, "needs no memory", image => Put(image, 0x260, 0u));
        Refused(memory, "power of two", image => Put(image, 0x230, 3u));
        Refused(memory, "beyond its end", image => Put(image, 0x24C, uint.MaxValue));
        Refused(memory, "beyond its end", image => Put(image, 0x248, uint.MaxValue));
        Refused(memory, "takes no command line", image => Put(image, 0x238, 0u));
        Refused(memory, "no protected-mode kernel", image => Put(image, 0x1F4, 0u));
    }

    [Fact]
    public void The_callers_unpacker_is_asked_with_the_whole_file()
    {
        using var memory = NewMemory();
        var guest = KernelLoader.Load(memory, Packed, Request() with { Unpack = image => image.Length == Packed.Length ? Elf(entryOffset: 0x20) : [] });
        Assert.Equal(Preferred + 0x20, guest.Entry.Rip);
    }

    private static void Refused(GuestMemory memory, string expected, Action<byte[]> damage)
    {
        var image = Packed.ToArray();
        damage(image);
        Assert.Contains(expected, Assert.Throws<HolonException>(() => Load(memory, image)).Message, StringComparison.Ordinal);
    }
}
