using Holon.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>Combinations of CR0, CR3, CR4 and EFER bits that the processor refuses, and changes of mode (SDM vol. 3 §2.5, §4.1, §9.8, §9.9).</summary>
public sealed class ControlRegisterTests
{
    private const uint EferMsr = 0xC0000080;

    public static TheoryData<string, GuestMode, ulong, ulong> RefusedCr0 => new()
    {
        { "paging without protection", GuestMode.Long, Cr0.PG, Cr0.PE },
        { "not write-through without cache disable", GuestMode.Long, Cr0.NW, Cr0.CD },
        { "leaving paging in 64-bit code", GuestMode.Long, 0, Cr0.PG },
        { "upper half", GuestMode.Long, 1ul << 32, 0 },
    };

    public static TheoryData<string, GuestMode, ulong, ulong> RefusedCr4 => new()
    {
        { "leaving PAE in long mode", GuestMode.Long, 0, Cr4.Pae },
        { "unknown bit", GuestMode.Long, 1ul << 19, 0 },
        { "VMX, which is not presented", GuestMode.Long, 1ul << 13, 0 },
        { "57-bit addresses, which are not presented", GuestMode.Long, 1ul << 12, 0 },
        { "upper half", GuestMode.Long, 1ul << 40, 0 },
        { "PCIDs outside long mode", GuestMode.Pae, Cr4.Pcide, 0 },
    };

    [Fact]
    public void Control_registers_are_read_and_no_flag_changes()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.State.Cr2 = 0x1234_5678_9ABC_DEF0;
        guest.Code(c => { c.std(); c.stc(); c.mov(rax, cr0); c.mov(r13, cr2); c.mov(rcx, cr3); c.mov(rdx, cr4); c.cld(); c.pushfq(); c.pop(rbx); });
        guest.Run();
        Assert.Equal((guest.State.Cr0, guest.State.Cr2, guest.State.Cr3, guest.State.Cr4), (guest.Rax, guest[13], guest.Rcx, guest.Rdx));
        Assert.Equal(Rflags.CF, guest.Rbx & (Rflags.CF | Rflags.DF));
    }

    [Fact]
    public void Control_registers_are_not_for_user_code()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Assemble(GuestProgram.UserCode, c => c.mov(rax, cr3));
        guest.StartInUserMode();
        guest.Run();
        Assert.Equal((ExceptionVector.GeneralProtection, GuestProgram.UserCode), (guest.Event.Vector, guest.Event.Rip));
    }

    [Theory]
    [MemberData(nameof(RefusedCr0))]
    public void Cr0_refuses(string what, GuestMode mode, ulong set, ulong clear) // vol. 2, MOV to control registers
    {
        Assert.NotEmpty(what);
        using var guest = new GuestProgram(mode);
        var before = guest.State.Cr0;
        guest[3] = (before | set) & ~clear;
        guest.Code(c => c.mov(cr0, rbx));
        guest.Run();
        Assert.Equal((ExceptionVector.GeneralProtection, 0u), (guest.Event.Vector, guest.Event.ErrorCode));
        Assert.Equal(before, guest.State.Cr0);
    }

    [Theory]
    [MemberData(nameof(RefusedCr4))]
    public void Cr4_refuses(string what, GuestMode mode, ulong set, ulong clear)
    {
        Assert.NotEmpty(what);
        using var guest = new GuestProgram(mode);
        var before = guest.State.Cr4;
        guest[3] = (before | set) & ~clear;
        guest.Code(c => { if (mode == GuestMode.Long) c.mov(cr4, rbx); else c.mov(cr4, ebx); });
        guest.Run();
        Assert.Equal((ExceptionVector.GeneralProtection, 0u), (guest.Event.Vector, guest.Event.ErrorCode));
        Assert.Equal(before, guest.State.Cr4);
    }

    [Fact]
    public void Pcids_need_a_zero_pcid_to_begin_with() // §4.10.1
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.State.Cr3 |= 8;
        guest[3] = guest.State.Cr4 | Cr4.Pcide;
        guest.Code(c => c.mov(cr4, rbx));
        guest.Run();
        Assert.Equal(ExceptionVector.GeneralProtection, guest.Event.Vector);
    }

    [Theory]
    [InlineData(1ul << 46)] // beyond the physical address
    [InlineData(1ul << 63)] // "do not flush" without PCIDs
    public void Cr3_refuses_reserved_bits(ulong bits) // §2.5
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest[3] = guest.State.Cr3 | bits;
        guest.Code(c => c.mov(cr3, rbx));
        guest.Run();
        Assert.Equal(ExceptionVector.GeneralProtection, guest.Event.Vector);
    }

    [Theory]
    [InlineData(Efer.Sce | Efer.Lma | Efer.Nxe)] // LME while paging
    [InlineData(Efer.Sce | Efer.Lme | Efer.Lma | Efer.Nxe | 2)] // reserved
    [InlineData(Efer.Sce | Efer.Lme | Efer.Lma | Efer.Nxe | (1ul << 12))] // SVM, which is not presented
    public void Efer_refuses(ulong value) // vol. 3 §2.2.1; vol. 4, table 2-2
    {
        using var guest = new GuestProgram(GuestMode.Long);
        var before = guest.State.Efer;
        guest.Code(c => { c.mov(ecx, EferMsr); c.mov(eax, (uint)value); c.mov(edx, (uint)(value >> 32)); c.wrmsr(); });
        guest.Run();
        Assert.Equal(ExceptionVector.GeneralProtection, guest.Event.Vector);
        Assert.Equal(before, guest.State.Efer);
    }

    [Fact]
    public void Lma_follows_paging_and_is_not_written() // §9.8.5
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c => { c.mov(ecx, EferMsr); c.rdmsr(); c.and(eax, ~(uint)Efer.Lma); c.wrmsr(); c.rdmsr(); });
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal(Efer.Lma, guest.Rax & Efer.Lma);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Enabling_long_mode_needs_pae(bool pae) // §9.8.5
    {
        using var guest = new GuestProgram(GuestMode.Pae);
        guest.State.Cr0 &= ~Cr0.PG;
        guest.State.Efer |= Efer.Lme;
        if (!pae) guest.State.Cr4 &= ~Cr4.Pae;
        // A root for long mode: its first entry is the PAE root with the rights that a PDPT has there.
        var root = guest.Pages.NewTable();
        var pdpt = guest.Pages.NewTable();
        guest.Memory.Write(root, pdpt | 7);
        guest.Memory.Write(pdpt, guest.Memory.Read<ulong>(guest.Pages.Root) | 7);
        guest.State.Cr3 = root;
        guest[3] = guest.State.Cr0 | Cr0.PG;
        guest.Code(c => { c.mov(cr0, ebx); c.mov(ecx, EferMsr); c.rdmsr(); });
        guest.Run();
        if (pae)
        {
            Assert.Empty(guest.Events);
            Assert.Equal(Efer.Lma, guest.Rax & Efer.Lma);
        }
        else
        {
            Assert.Equal(ExceptionVector.GeneralProtection, guest.Event.Vector);
            Assert.Equal(0ul, guest.State.Efer & Efer.Lma);
        }
    }

    [Fact]
    public void From_real_mode_to_64_bit_mode_and_back() // §9.8.5, §9.8.5.4, §9.9
    {
        using var guest = new GuestProgram(GuestMode.Real);
        using var model = new GuestProgram(GuestMode.Long); // its tables are what this guest needs too
        model.Memory.Span(0x1000, 0x5000).CopyTo(guest.Memory.Span(0x1000, 0x5000));
        model.Memory.Span(0x100000, 0x10000).CopyTo(guest.Memory.Span(0x100000, 0x10000));
        guest.SetDescriptor(Selectors.Free, Descriptors.Segment(Descriptors.Code, limit: 0xFFFF, attributes: SegmentAttributes.None));
        guest.SetDescriptor(Selectors.Free + 8, Descriptors.Segment(Descriptors.Data, limit: 0xFFFF, attributes: SegmentAttributes.None));
        guest.Memory.Write(0x7000, (ushort)0xFFF);
        guest.Memory.Write(0x7002, (uint)GuestProgram.Gdt);
        var root = model.State.Cr3;
        guest.Code(c =>
        {
            c.lgdt(__fword_ptr[0x7000]);
            c.mov(eax, (uint)Cr4.Pae);
            c.mov(cr4, eax);
            c.mov(eax, (uint)root);
            c.mov(cr3, eax);
            c.mov(ecx, EferMsr);
            c.mov(eax, (uint)(Efer.Lme | Efer.Nxe));
            c.xor(edx, edx);
            c.wrmsr();
            c.mov(eax, (uint)(Cr0.PE | Cr0.PG));
            c.mov(cr0, eax);
            c.db(0xEA, 0x00, 0x90); // JMP KernelCode:9000
            c.dw(Selectors.KernelCode);
        });
        guest.Assemble(0x9000, c =>
        {
            c.mov(r8, 0x1234_5678_9ABC);
            c.push(Selectors.Free);
            c.push(0xA000);
            c.db(0x48, 0xCB); // RETFQ to 16-bit compatibility mode
        }, 64);
        guest.Assemble(0xA000, c =>
        {
            c.mov(ax, Selectors.Free + 8);
            c.mov(ss, ax);
            c.mov(ds, ax);
            c.mov(es, ax);
            c.mov(eax, cr0);
            c.and(eax, 0x7FFFFFFF);
            c.mov(cr0, eax); // no more paging: long mode is off
            c.and(eax, ~1);
            c.mov(cr0, eax);
            c.db(0xEA, 0x00, 0xB0, 0x00, 0x00); // JMP 0000:B000
        }, 16);
        guest.Assemble(0xB000, c => { c.mov(ax, 0x1000); c.mov(ds, ax); c.mov(bx, cs); c.mov(cx, __word_ptr[0]); }, 16);
        guest.Memory.Write(0x10000, (ushort)0x4242);
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal((0x1234_5678_9ABCul, 0ul, 0x4242ul), (guest[8], guest.Rbx & 0xFFFF, guest.Rcx & 0xFFFF));
        Assert.Equal(0ul, guest.State.Efer & Efer.Lma);
        Assert.Equal(0ul, guest.State.Cr0 & (Cr0.PE | Cr0.PG));
    }

    [Fact]
    public void Lmsw_enters_protected_mode_but_does_not_leave_it() // vol. 2, LMSW
    {
        using var guest = GuestProgram.Run(GuestMode.Protected, c => { c.xor(eax, eax); c.lmsw(ax); c.smsw(ebx); });
        Assert.Empty(guest.Events);
        Assert.Equal(Cr0.PE, guest.State.Cr0 & (Cr0.PE | Cr0.MP));
        Assert.Equal((uint)guest.State.Cr0, guest.Rbx);
    }

    [Fact]
    public void Cr8_is_the_task_priority() // vol. 3 §10.8.6.1
    {
        using var guest = GuestProgram.Run(GuestMode.Long, c => { c.mov(eax, 9); c.mov(cr8, rax); c.mov(rbx, cr8); c.mov(eax, 16); c.mov(cr8, rax); });
        Assert.Equal((9, 9ul), (guest.Devices.TaskPriority, guest.Rbx));
        Assert.Equal(ExceptionVector.GeneralProtection, guest.Event.Vector);
    }

    [Fact]
    public void Undefined_control_registers_are_undefined_opcodes() // vol. 2, MOV to control registers
    {
        foreach (var register in (AssemblerRegisterCR[])[cr1, cr5, cr7, cr9, cr15])
        {
            using var guest = GuestProgram.Run(GuestMode.Long, c => c.mov(rax, register));
            Assert.Equal(ExceptionVector.InvalidOpcode, guest.Event.Vector);
        }
    }
}
