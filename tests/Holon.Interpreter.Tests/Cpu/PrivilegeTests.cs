using Holon.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>What level 3 may not do, and the ways between the levels (SDM vol. 3 ch. 5; vol. 2, SYSCALL, SYSRET, SYSENTER, SYSEXIT, IRET).</summary>
public sealed class PrivilegeTests
{
    public static TheoryData<string, Action<Assembler>> PrivilegedInstructions => new() // vol. 3 §5.9
    {
        { "hlt", c => c.hlt() },
        { "cli", c => c.cli() },
        { "sti", c => c.sti() },
        { "in", c => c.@in(al, 0x60) },
        { "out", c => c.@out(0x60, al) },
        { "outs", c => c.outsb() },
        { "lgdt", c => c.lgdt(__fword_ptr[GuestProgram.UserData]) },
        { "lidt", c => c.lidt(__fword_ptr[GuestProgram.UserData]) },
        { "lldt", c => c.lldt(ax) },
        { "ltr", c => c.ltr(ax) },
        { "lmsw", c => c.lmsw(ax) },
        { "clts", c => c.clts() },
        { "mov to cr", c => c.mov(cr3, rax) },
        { "mov from cr", c => c.mov(rax, cr0) },
        { "mov to cr8", c => c.mov(cr8, rax) },
        { "mov to dr", c => c.mov(dr7, rax) },
        { "mov from dr", c => c.mov(rax, dr6) },
        { "invlpg", c => c.invlpg(__byte_ptr[rax]) },
        { "invpcid", c => c.invpcid(rax, __xmmword_ptr[GuestProgram.UserData]) },
        { "invd", c => c.invd() },
        { "wbinvd", c => c.wbinvd() },
        { "rdmsr", c => c.rdmsr() },
        { "wrmsr", c => c.wrmsr() },
        { "rdpmc", c => c.rdpmc() },
        { "swapgs", c => c.swapgs() },
        { "sysret", c => c.sysretq() },
        { "sysexit", c => c.sysexitq() },
        { "xsetbv", c => c.xsetbv() },
    };

    public static TheoryData<string, Action<Assembler>> InstructionsHiddenByUmip => new() // vol. 3 §2.5, CR4.UMIP
    {
        { "sgdt", c => c.sgdt(__fword_ptr[GuestProgram.UserData]) },
        { "sidt", c => c.sidt(__fword_ptr[GuestProgram.UserData]) },
        { "sldt", c => c.sldt(eax) },
        { "str", c => c.str(eax) },
        { "smsw", c => c.smsw(eax) },
    };

    [Theory]
    [MemberData(nameof(PrivilegedInstructions))]
    public void Level_3_may_not(string name, Action<Assembler> code)
    {
        Assert.NotEmpty(name);
        using var guest = User(code);
        guest.State.SysenterCs = Selectors.KernelCode;
        guest.State.Cr4 |= Cr4.Osxsave;
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.GeneralProtection, 0, GuestProgram.UserCode), guest.Event);
    }

    [Theory]
    [MemberData(nameof(InstructionsHiddenByUmip))]
    public void Umip_hides_system_tables_from_level_3(string name, Action<Assembler> code)
    {
        Assert.NotEmpty(name);
        using var open = User(c => { code(c); c.ud2(); });
        open.Run();
        Assert.Equal(ExceptionVector.InvalidOpcode, open.Event.Vector); // it got as far as to UD2

        using var hidden = User(code);
        hidden.State.Cr4 |= Cr4.Umip;
        hidden.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.GeneralProtection, 0, GuestProgram.UserCode), hidden.Event);
    }

    [Fact]
    public void Rdtsc_is_privileged_when_tsd_says_so() // vol. 3 §2.5, CR4.TSD
    {
        using var free = User(c => { c.rdtsc(); c.ud2(); });
        free.Run();
        Assert.Equal(ExceptionVector.InvalidOpcode, free.Event.Vector);
        using var guest = User(c => c.rdtsc());
        guest.State.Cr4 |= Cr4.Tsd;
        guest.Run();
        Assert.Equal(ExceptionVector.GeneralProtection, guest.Event.Vector);
    }

    [Fact]
    public void Syscall_and_sysret_go_to_the_kernel_and_back() // vol. 2, SYSCALL, SYSRET
    {
        using var guest = User(c => { c.stc(); c.syscall(); c.nop(); c.mov(edx, cs); c.mov(esi, ss); c.ud2(); });
        guest.State.Star = (0x0020ul << 48) | ((ulong)Selectors.KernelCode << 32);
        guest.State.Lstar = 0x70000;
        guest.State.FmaskMsr = Rflags.CF | Rflags.IF;
        guest.State.Rflags |= Rflags.IF;
        guest.Assemble(0x70000, c => { c.pushfq(); c.pop(rbx); c.mov(r8, rcx); c.mov(r9, r11); c.mov(r10d, cs); c.mov(edi, ss); c.sysretq(); });
        guest.Run();
        Assert.Equal((0ul, GuestProgram.UserCode + 3), (guest.Rbx & (Rflags.CF | Rflags.IF), guest[8]));
        Assert.Equal(Rflags.CF | Rflags.IF, guest[9] & (Rflags.CF | Rflags.IF));
        Assert.Equal((ulong)Selectors.KernelCode, guest[10]);
        Assert.Equal((ulong)Selectors.KernelData, guest.Rdi);
        Assert.Equal(((ulong)Selectors.UserCode64, (ulong)Selectors.UserData), (guest.Rdx, guest.Rsi));
        Assert.Equal(Rflags.CF | Rflags.IF, guest.Memory.Read<ulong>(guest.Rsp + 16) & (Rflags.CF | Rflags.IF)); // seen by UD2's handler
    }

    [Fact]
    public void Sysret_to_compatibility_mode() // vol. 2, SYSRET without REX.W
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.State.Star = 0x0020ul << 48;
        guest.Assemble(GuestProgram.UserCode, c => { c.mov(eax, cs); c.mov(ebx, ss); c.db(0x40); c.ud2(); }, 32); // 40: INC EAX there
        guest.Code(c => { c.mov(ecx, (uint)GuestProgram.UserCode); c.mov(r11d, 2); c.mov(esp, (uint)GuestProgram.UserStackTop); c.sysret(); });
        guest.Run();
        Assert.Equal((Selectors.UserCode32 + 1ul, (ulong)Selectors.UserData), (guest.Rax, guest.Rbx));
    }

    [Fact]
    public void Sysret_to_an_address_that_is_not_canonical_faults_in_the_kernel() // vol. 2, SYSRET: Intel's order
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Code(c => { c.mov(rcx, 0x8000_0000_0000); guest.Mark(c, "return"); c.sysretq(); });
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.GeneralProtection, 0, guest.AddressOf("return")), guest.Event);
        Assert.Equal(Selectors.KernelCode, guest.Memory.Read<ulong>(guest.Rsp + 16));
    }

    [Fact]
    public void Syscall_needs_sce_and_64_bit_code() // vol. 2, SYSCALL
    {
        using var guest = GuestProgram.Run(GuestMode.Protected, c => c.syscall());
        Assert.Equal(ExceptionVector.InvalidOpcode, guest.Event.Vector);
        using var off = new GuestProgram(GuestMode.Long);
        off.State.Efer &= ~Efer.Sce;
        off.Code(c => c.syscall());
        off.Run();
        Assert.Equal(ExceptionVector.InvalidOpcode, off.Event.Vector);
    }

    [Theory]
    [InlineData(GuestMode.Protected)]
    [InlineData(GuestMode.Long)]
    public void Sysenter_and_sysexit_go_to_the_kernel_and_back(GuestMode mode) // vol. 2, SYSENTER, SYSEXIT
    {
        using var guest = new GuestProgram(mode);
        guest.StartInUserMode();
        var wide = mode == GuestMode.Long;
        // SYSENTER_CS gives all four segments: kernel code and data, then user code and data (in long mode 64-bit ones behind).
        const ushort table = 0x60;
        guest.SetDescriptor(table, Descriptors.Segment(Descriptors.Code, attributes: wide ? SegmentAttributes.Long : SegmentAttributes.Big));
        guest.State.SysenterCs = table;
        guest.State.SysenterEip = 0x70000;
        guest.State.SysenterEsp = GuestProgram.InnerStackTop;
        guest.State.Rflags |= Rflags.IF;
        guest.Assemble(GuestProgram.UserCode, c => { c.sysenter(); c.nop(); c.mov(esi, cs); c.mov(edi, ss); c.ud2(); });
        guest.Assemble(0x70000, c =>
        {
            c.mov(ebx, cs);
            c.mov(ebp, esp);
            c.mov(edx, (uint)GuestProgram.UserCode + 2);
            c.mov(ecx, (uint)GuestProgram.UserStackTop - 0x10);
            if (wide) c.sysexitq();
            else c.sysexit();
        });
        guest.Run();
        Assert.Equal((ulong)table, guest.Rbx);
        Assert.Equal(GuestProgram.InnerStackTop, guest[5]);
        Assert.Equal((table + (wide ? 35ul : 19), table + (wide ? 43ul : 27)), (guest.Rsi, guest.Rdi));
    }

    [Fact]
    public void Sysenter_without_a_target_segment_faults() // vol. 2, SYSENTER
    {
        using var guest = User(c => c.sysenter());
        guest.Run();
        Assert.Equal(ExceptionVector.GeneralProtection, guest.Event.Vector);
    }

    [Theory]
    [InlineData(GuestMode.Protected)]
    [InlineData(GuestMode.Long)]
    public void Iret_goes_to_level_3_and_drops_inner_segments(GuestMode mode) // vol. 2, IRET, RET: data segments that the outer level may not use
    {
        using var guest = new GuestProgram(mode);
        guest.Assemble(GuestProgram.UserCode, c => { c.mov(eax, ds); c.mov(ebx, es); c.mov(ecx, ss); c.mov(edx, cs); c.ud2(); });
        guest.Code(c =>
        {
            c.mov(eax, Selectors.UserData);
            c.mov(es, eax);
            c.push(Selectors.UserData);
            c.push((int)GuestProgram.UserStackTop);
            c.push(0x202);
            c.push(mode == GuestMode.Long ? Selectors.UserCode64 : Selectors.UserCode32);
            c.push((int)GuestProgram.UserCode);
            if (mode == GuestMode.Long) c.iretq();
            else c.iretd();
        });
        guest.Run();
        Assert.Equal(ExceptionVector.InvalidOpcode, guest.Event.Vector);
        Assert.Equal((0ul, (ulong)Selectors.UserData, (ulong)Selectors.UserData), (guest.Rax, guest.Rbx, guest.Rcx));
        Assert.Equal(mode == GuestMode.Long ? Selectors.UserCode64 : (ulong)Selectors.UserCode32, guest.Rdx);
    }

    [Fact]
    public void Level_3_changes_neither_iopl_nor_if_by_popf() // vol. 2, POPF
    {
        using var guest = User(c => { c.push(0x3002); c.popfq(); c.pushfq(); c.pop(rbx); c.ud2(); });
        guest.State.Rflags |= Rflags.IF;
        guest.Run();
        Assert.Equal(Rflags.IF, guest.Rbx & (Rflags.IF | Rflags.Iopl));
    }

    [Fact]
    public void Io_privilege_lets_level_3_mask_interrupts() // vol. 3 §5.9; vol. 2, CLI
    {
        using var guest = User(c => { c.cli(); c.pushfq(); c.pop(rbx); c.sti(); c.nop(); c.@in(al, 0x60); c.ud2(); });
        guest.State.Rflags |= Rflags.IF | Rflags.Iopl;
        guest.Run();
        Assert.Equal(ExceptionVector.InvalidOpcode, guest.Event.Vector);
        Assert.Equal(0ul, guest.Rbx & Rflags.IF);
    }

    [Theory]
    [InlineData(GuestMode.Protected)]
    [InlineData(GuestMode.Long)]
    public void The_io_permission_bitmap_opens_single_ports(GuestMode mode) // vol. 1 §19.5.2
    {
        using var guest = new GuestProgram(mode);
        guest.StartInUserMode();
        guest.State.Tr = guest.State.Tr with { Limit = 0x68 + 0x2000 };
        guest.Memory.Span(GuestProgram.Tss + 0x68, 0x2000).Fill(0xFF);
        guest.Memory.Write(GuestProgram.Tss + 0x68 + (0x3F8 / 8), (byte)0xF0); // 3F8 to 3FB open
        guest.Devices.PortReads = (port, _) => (byte)port;
        guest.Assemble(GuestProgram.UserCode, c =>
        {
            c.mov(edx, 0x3F8);
            c.@in(eax, dx);
            c.add(edx, 3);
            c.@in(al, dx);
            c.mov(ebx, eax);
            guest.Mark(c, "word");
            c.@in(ax, dx); // 3FB is open, 3FC is not
        });
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.GeneralProtection, 0, guest.AddressOf("word")), guest.Event);
        Assert.Equal(0xFBu, guest.Rbx & 0xFF);
    }

    [Fact]
    public void A_permission_bitmap_beyond_the_tss_closes_all_ports() // vol. 1 §19.5.2
    {
        using var guest = User(c => c.@in(al, 0x60));
        guest.Memory.Write(GuestProgram.Tss + 102, (ushort)0x1000);
        guest.Run();
        Assert.Equal(ExceptionVector.GeneralProtection, guest.Event.Vector);
    }

    private static GuestProgram User(Action<Assembler> code)
    {
        var guest = new GuestProgram(GuestMode.Long);
        guest.StartInUserMode();
        guest.Assemble(GuestProgram.UserCode, code);
        return guest;
    }
}
