using Holon.X86;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>Instructions and operands that lie in two pages.</summary>
public sealed class PageCrossingTests
{
    private const ulong First = GuestProgram.FreePages, Second = First + 0x1000;

    public static TheoryData<GuestMode> ModesWithPaging => [GuestMode.Paging32, GuestMode.Pae, GuestMode.Long];

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void A_fetch_faults_with_the_address_of_the_second_page(GuestMode mode) // SDM vol. 3 §6.15, #PF: CR2
    {
        using var guest = new GuestProgram(mode);
        guest.Assemble(Second - 3, c => c.mov(eax, 0x12345678)); // five bytes
        guest.Pages[Second] = PageBits.None;
        guest.Code(c => c.jmp(Second - 3));
        guest.Run();
        var fetch = mode == GuestMode.Paging32 ? 0u : 16; // said with NXE only (§4.7)
        Assert.Equal(new GuestEvent(ExceptionVector.PageFault, fetch, Second - 3), guest.Event);
        Assert.Equal(Second, guest.State.Cr2);
    }

    [Fact]
    public void An_instruction_that_ends_with_its_page_needs_no_second_one()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Assemble(Second - 6, c => c.mov(eax, 0x12345678)); // and the HLT behind it is the page's last byte
        guest.Pages[Second] = PageBits.None;
        guest.Code(c => c.jmp(Second - 6));
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal(0x12345678u, guest.Rax);
    }

    [Fact]
    public void The_second_page_of_an_instruction_may_change()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Assemble(Second - 2, c => { c.mov(eax, 0x01010101); c.ret(); });
        guest.Code(c =>
        {
            c.call(Second - 2);
            c.mov(ebx, eax);
            c.mov(__byte_ptr[Second], 2); // the second byte of the immediate
            c.call(Second - 2);
        });
        guest.Run();
        Assert.Equal(0x01010101u, guest.Rbx);
        Assert.Equal(0x01010201u, guest.Rax);
    }

    [Fact]
    public void The_first_page_of_an_instruction_may_change()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Assemble(Second - 2, c => { c.mov(eax, 0x01010101); c.ret(); });
        guest.Code(c =>
        {
            c.call(Second - 2);
            c.mov(ebx, eax);
            c.mov(__byte_ptr[Second - 1], 3);
            c.call(Second - 2);
        });
        guest.Run();
        Assert.Equal((0x01010101ul, 0x01010103ul), (guest.Rbx, guest.Rax));
    }

    [Fact]
    public void The_second_page_of_an_instruction_may_be_mapped_elsewhere()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Assemble(Second - 2, c => { c.mov(eax, 0x01010101); c.ret(); });
        guest.Memory.Span(Second, 16).CopyTo(guest.Memory.Span(0x90000, 16));
        guest.Memory.Write(0x90000, (byte)4);
        var entry = guest.Pages.EntryAddress(Second);
        guest.Code(c =>
        {
            c.call(Second - 2);
            c.mov(ebx, eax);
            c.mov(__dword_ptr[entry], 0x90000 | 3);
            c.invlpg(__byte_ptr[Second]);
            c.call(Second - 2);
        });
        guest.Run();
        Assert.Equal((0x01010101ul, 0x01010401ul), (guest.Rbx, guest.Rax));
    }

    [Fact]
    public void A_loop_over_an_instruction_in_two_pages_counts_right()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Assemble(Second - 4, c =>
        {
            var again = c.CreateLabel();
            c.Label(ref again);
            c.add(rax, 0x11111); // six bytes
            c.dec(ecx);
            c.jnz(again);
        });
        guest.Code(c => { c.mov(ecx, 100); c.jmp(Second - 4); });
        guest.Run();
        Assert.Equal(0x11111u * 100, guest.Rax);
    }

    [Fact]
    public void Execution_wraps_from_the_last_page_of_32_bit_addresses_to_the_first() // SDM vol. 1 §3.3.7
    {
        using var guest = new GuestProgram(GuestMode.Paging32);
        guest.Pages.Map(0xFFFFF000, First, PageBits.Kernel);
        guest.Pages.Map(0, Second, PageBits.Kernel);
        guest.Assemble(First + 0xFFE, c => c.mov(eax, 0x12345678));
        guest.Code(c => c.jmp(0xFFFFFFFE));
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal((0x12345678ul, 4ul), (guest.Rax, guest.State.Rip));
    }

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void A_read_faults_with_the_address_of_the_second_page(GuestMode mode)
    {
        using var guest = new GuestProgram(mode);
        guest.Pages[Second] = PageBits.None;
        guest.Code(c => { c.mov(eax, 5); guest.Mark(c, "read"); c.mov(eax, __dword_ptr[Second - 1]); });
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.PageFault, 0, guest.AddressOf("read")), guest.Event);
        Assert.Equal((Second, 5ul), (guest.State.Cr2, guest.Rax));
    }

    [Theory]
    [MemberData(nameof(ModesWithPaging))]
    public void A_write_whose_second_page_faults_leaves_the_first_alone(GuestMode mode) // SDM vol. 3 §6.5: faults are restartable
    {
        using var guest = new GuestProgram(mode);
        guest.Pages[Second] &= ~PageBits.Writable;
        guest.Code(c => { c.mov(eax, -1); c.mov(__dword_ptr[Second - 2], eax); });
        guest.Run();
        Assert.Equal((ExceptionVector.PageFault, 3u, Second), (guest.Event.Vector, guest.Event.ErrorCode, guest.State.Cr2));
        Assert.Equal(0, guest.Memory.Read<short>(Second - 2));
    }

    [Fact]
    public void A_read_modify_write_whose_second_page_is_read_only_changes_nothing()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Pages[Second] &= ~PageBits.Writable;
        guest.Code(c => { c.stc(); c.adc(__dword_ptr[Second - 2], eax); });
        guest[0] = 0x7FFFFFFF;
        guest.Run();
        Assert.Equal(0, guest.Memory.Read<short>(Second - 2));
        Assert.Equal(Rflags.CF, guest.State.Rflags & Rflags.Status & ~Rflags.PF); // the instruction has not set its flags
    }

    [Fact]
    public void Values_across_pages_that_are_no_neighbours_in_memory_stay_whole()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Pages[Second] = (PageBits)0x90000 | PageBits.Kernel;
        guest.Code(c =>
        {
            c.mov(rax, 0x1122334455667788);
            for (var at = 1; at < 8; at++)
            {
                c.mov(__qword_ptr[Second - (ulong)at], rax);
                c.cmp(__qword_ptr[Second - (ulong)at], rax);
                c.setne(bl);
                c.or(bh, bl);
            }

            c.@lock.add(__qword_ptr[Second - 3], 1);
        });
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal(0u, guest.Rbx);
        // The last store was 7 bytes before the boundary; the addition went to its fifth byte, 0x44.
        Assert.Equal(0x45, guest.Memory.Read<byte>(Second - 3));
        Assert.Equal(0x11, guest.Memory.Read<byte>(0x90000));
    }

    [Fact]
    public void Memory_then_device_in_one_value_is_accessed_bytewise()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Pages[Second] = (PageBits)0xF0000000 | PageBits.Kernel;
        guest.Devices.MmioReads = (address, size) => size == 1 ? address & 0xFF : 0xEE;
        guest.Memory.Write(Second - 2, (ushort)0xBBAA);
        guest.Code(c => { c.mov(eax, __dword_ptr[Second - 2]); c.mov(__dword_ptr[Second - 2], eax); });
        guest.Run();
        Assert.Equal(0x0100BBAAu, guest.Rax);
        Assert.Equal([(0xF0000000ul, 1, 0ul), (0xF0000001ul, 1, 1ul)], guest.Devices.MmioWrites);
    }
}
