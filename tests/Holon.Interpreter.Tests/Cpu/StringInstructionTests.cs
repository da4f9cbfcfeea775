using Holon.X86;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>Repeated string instructions: suspended and resumed, overlapping, backwards, with narrow addresses (SDM vol. 2, REP, MOVS, STOS).</summary>
public sealed class StringInstructionTests
{
    private const ulong First = GuestProgram.FreePages, Second = First + 0x1000, Source = GuestProgram.Data;

    [Fact]
    public void Rep_movs_stops_at_a_page_fault_and_goes_on()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Pages[Second] = PageBits.None;
        var entry = guest.Pages.EntryAddress(Second);
        for (var i = 0; i < 64; i++) guest.Memory.Write(Source + (ulong)i, (byte)(i + 1));
        guest.Handler(ExceptionVector.PageFault, c =>
        {
            c.mov(r8, rcx);
            c.mov(r9, rdi);
            c.mov(r10, rsi);
            c.mov(__dword_ptr[entry], (uint)Second | 3);
            c.add(rsp, 8);
            c.iretq();
        });
        guest.Code(c => { guest.Mark(c, "copy"); c.rep.movsb(); });
        (guest[6], guest[7], guest[1]) = (Source, Second - 40, 64);
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.PageFault, 2, guest.AddressOf("copy")), guest.Event);
        Assert.Equal((24ul, Second, Source + 40), (guest[8], guest[9], guest[10])); // 40 elements were done
        Assert.Equal((0ul, Second + 24, Source + 64), (guest.Rcx, guest.Rdi, guest.Rsi));
        for (var i = 0; i < 64; i++) Assert.Equal(i + 1, guest.Memory.Read<byte>(Second - 40 + (ulong)i));
    }

    [Fact]
    public void Rep_stos_stops_at_the_element_that_crosses_into_a_missing_page()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Pages[Second] = PageBits.None;
        guest.Code(c => c.rep.stosq());
        (guest[0], guest[7], guest[1]) = (ulong.MaxValue, Second - 20, 10);
        guest.Run();
        Assert.Equal(Second, guest.State.Cr2);
        Assert.Equal((8ul, Second - 4), (guest.Rcx, guest.Rdi));
        Assert.Equal(0, guest.Memory.Read<int>(Second - 4)); // nothing of the element that faults
        Assert.Equal(-1L, guest.Memory.Read<long>(Second - 12));
    }

    [Fact]
    public void Overlapping_copies_upwards_repeat_what_they_have_just_written()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Memory.Write(Source, 0x04030201);
        guest.Code(c => c.rep.movsb());
        (guest[6], guest[7], guest[1]) = (Source, Source + 3, 100);
        guest.Run();
        for (var i = 0ul; i < 103; i++) Assert.Equal((byte)((i % 3) + 1), guest.Memory.Read<byte>(Source + i));
    }

    [Fact]
    public void Overlapping_copies_through_two_addresses_of_one_page_repeat_too()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Pages[First] = (PageBits)Source | PageBits.Kernel;
        guest.Memory.Write(Source, (byte)7);
        guest.Code(c => c.rep.movsb());
        (guest[6], guest[7], guest[1]) = (Source, First + 1, 100);
        guest.Run();
        for (var i = 0ul; i < 101; i++) Assert.Equal(7, guest.Memory.Read<byte>(Source + i));
    }

    [Fact]
    public void Copies_downwards_go_from_the_last_element_to_the_first()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        for (var i = 0; i < 16; i++) guest.Memory.Write(Second - 32 + (ulong)(4 * i), i);
        guest.Code(c => { c.std(); c.rep.movsd(); c.cld(); });
        (guest[6], guest[7], guest[1]) = (Second + 28, Second + 32, 16); // memmove by one element across a page
        guest.Run();
        for (var i = 0; i < 16; i++) Assert.Equal(i, guest.Memory.Read<int>(Second - 28 + (ulong)(4 * i)));
        Assert.Equal((Second - 36, Second - 32), (guest.Rsi, guest.Rdi));
    }

    [Fact]
    public void A_32_bit_address_size_wraps_and_clears_the_upper_halves() // vol. 2 §2.1.1; vol. 1 §3.4.1.1
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Pages.Map(0xFFFFF000, First, PageBits.Kernel);
        guest.Pages.Map(0, Second, PageBits.Kernel);
        guest.Code(c => c.db(0x67, 0xF3, 0xAA)); // REP STOSB with EDI and ECX
        (guest[0], guest[7], guest[1]) = (0x5A, 0x1_FFFF_FFFE, 0xFFFF_0000_0000_0004);
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal((2ul, 0ul), (guest.Rdi, guest.Rcx));
        Assert.Equal(0x5A5A, guest.Memory.Read<short>(First + 0xFFE));
        Assert.Equal(0x5A5A, guest.Memory.Read<short>(Second));
    }

    [Fact]
    public void A_16_bit_index_wraps_and_keeps_the_upper_halves()
    {
        using var guest = new GuestProgram(GuestMode.Real);
        guest.State.Segments[SegmentRegisters.Es] = Segment.RealMode(0x6000);
        guest.Code(c => c.rep.stosb());
        (guest[0], guest[7], guest[1]) = (0x5A, 0xABCD_FFFE, 0x1234_0004);
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal((0xABCD0002ul, 0x12340000ul), (guest.Rdi, guest.Rcx));
        Assert.Equal(0x5A5A, guest.Memory.Read<short>(0x6FFFE));
        Assert.Equal(0x5A5A, guest.Memory.Read<short>(0x60000));
    }

    [Theory]
    [InlineData(GuestMode.Protected, 1)]
    [InlineData(GuestMode.Protected, 4)]
    [InlineData(GuestMode.Paging32, 4)]
    [InlineData(GuestMode.Pae, 1)]
    [InlineData(GuestMode.Long, 4)]
    public void Copies_and_fills_of_several_pages_are_whole(GuestMode mode, int size)
    {
        const ulong target = Source + 0x5003;
        using var guest = new GuestProgram(mode);
        for (var i = 0ul; i < 0x2000; i++) guest.Memory.Write(Source + i, (byte)((i * 7) + (i >> 8)));
        guest.Code(c =>
        {
            if (size == 1) c.rep.movsb();
            else c.rep.movsd();
            c.mov(ecx, 0x1803 / size);
            if (size == 1) c.rep.stosb();
            else c.rep.stosd();
        });
        (guest[6], guest[7], guest[1], guest[0]) = (Source + 1, target, 0x1800 / (ulong)size, 0x5A5A5A5A);
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.True(guest.Memory.Span(Source + 1, 0x1800).SequenceEqual(guest.Memory.Span(target, 0x1800)));
        var filled = 0x1803 / size * size;
        Assert.False(guest.Memory.Span(target + 0x1800, filled).ContainsAnyExcept((byte)0x5A));
        Assert.NotEqual(0x5A, guest.Memory.Read<byte>(target + 0x1800 + (ulong)filled));
        Assert.Equal((0ul, Source + 0x1801, target + 0x1800 + (ulong)filled), (guest.Rcx, guest.Rsi, guest.Rdi));
    }

    [Theory]
    [InlineData(SegmentRegisters.Ds)]
    [InlineData(SegmentRegisters.Es)]
    public void Copies_stop_at_the_element_that_leaves_its_segment(int segment) // vol. 3 §5.3
    {
        const ulong target = Source + 0x1000;
        using var guest = new GuestProgram(GuestMode.Protected);
        guest.State.Segments[segment] = guest.State.Segments[segment] with { Limit = (uint)(segment == SegmentRegisters.Ds ? Source : target) + 0x41 };
        for (var i = 0ul; i < 0x100; i++) guest.Memory.Write(Source + i, (byte)(i + 1));
        guest.Code(c => { guest.Mark(c, "copy"); c.rep.movsd(); });
        (guest[6], guest[7], guest[1]) = (Source, target, 0x40);
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.GeneralProtection, 0, guest.AddressOf("copy")), guest.Event);
        Assert.Equal((0x30ul, Source + 0x40, target + 0x40), (guest.Rcx, guest.Rsi, guest.Rdi));
        Assert.Equal(((byte)0x40, (byte)0), (guest.Memory.Read<byte>(target + 0x3F), guest.Memory.Read<byte>(target + 0x40)));
    }

    [Fact]
    public void A_count_of_zero_touches_nothing()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c => { c.cmp(eax, eax); c.rep.movsb(); c.repne.scasb(); c.pushfq(); c.pop(rbx); });
        (guest[6], guest[7], guest[1]) = (0xDEAD_0000_0000_0000, 0xDEAD_0000_0000_0000, 0);
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal(Rflags.ZF, guest.Rbx & Rflags.ZF);
    }

    [Fact]
    public void Comparisons_stop_where_the_prefix_says()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        "hello, world\0"u8.CopyTo(guest.Memory.Span(Source, 16));
        "hello, there\0"u8.CopyTo(guest.Memory.Span(First, 16));
        guest.Code(c =>
        {
            c.mov(ecx, 100);
            c.repe.cmpsb();
            c.mov(r8, rcx);
            c.mov(edi, (uint)Source);
            c.mov(ecx, -1);
            c.xor(eax, eax);
            c.repne.scasb();
        });
        (guest[6], guest[7]) = (Source, First);
        guest.Run();
        Assert.Equal(Source + 8, guest.Rsi);
        Assert.Equal(92u, guest[8]);
        Assert.Equal(Source + 13, guest.Rdi);
    }

    [Fact]
    public void An_interrupt_finds_a_repeated_instruction_that_can_go_on() // vol. 3 §6.6
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.State.Rflags |= Rflags.IF;
        guest.Handler(0x40, c => { c.inc(r8); c.mov(r9, rcx); c.iretq(); });
        var reads = 0;
        guest.Devices.PortReads = (_, _) =>
        {
            // In the middle of INS, whose device asks for attention.
            if (++reads == 5000)
            {
                guest.Devices.Raise(0x40);
                guest.Cpu.Kick();
            }

            return 0x77;
        };
        guest.Code(c => { guest.Mark(c, "input"); c.rep.insb(); c.mov(eax, 1); });
        (guest[2], guest[7], guest[1]) = (0x300, 0x60000, 0x30000);
        guest.Run();
        Assert.Equal(guest.AddressOf("input"), guest.Event.Rip);
        Assert.Equal((1ul, 1ul, 0ul), (guest[8], guest.Rax, guest.Rcx));
        Assert.True(guest[9] is > 0 and < 0x30000);
        Assert.Equal(0x30000, reads);
        Assert.Equal(0x77, guest.Memory.Read<byte>(0x8FFFF));
    }

    [Fact]
    public void Ins_reads_no_device_when_its_destination_faults() // vol. 2, INS: restartable
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Pages[First] = PageBits.None;
        var reads = 0;
        guest.Devices.PortReads = (_, _) => (uint)++reads;
        guest.Code(c => c.insb());
        (guest[2], guest[7]) = (0x300, First);
        guest.Run();
        Assert.Equal(ExceptionVector.PageFault, guest.Event.Vector);
        Assert.Equal(0, reads);
    }

    [Fact]
    public void Segment_overrides_apply_to_the_source_only() // vol. 2, MOVS
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.State.Segments[SegmentRegisters.Fs] = guest.State.Segments[SegmentRegisters.Fs] with { Base = 0x1000 };
        guest.Memory.Write(Source + 0x1000, (byte)9);
        guest.Code(c => c.db(0x64, 0xA4)); // MOVSB with FS
        (guest[6], guest[7]) = (Source, First);
        guest.Run();
        Assert.Equal(9, guest.Memory.Read<byte>(First));
    }
}
