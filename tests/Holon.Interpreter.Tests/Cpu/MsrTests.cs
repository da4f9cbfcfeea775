using Holon.X86;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>Model-specific registers (SDM vol. 4; vol. 2, RDMSR, WRMSR).</summary>
public sealed class MsrTests
{
    [Theory]
    [InlineData(0x00000004u)]
    [InlineData(0x00000400u)]
    [InlineData(0x0000FFFFu)]
    [InlineData(0x4B564DFFu)]
    [InlineData(0xC0000104u)]
    [InlineData(0xC0010015u)] // AMD's
    [InlineData(0xFFFFFFFFu)]
    public void Unknown_registers_raise_general_protection(uint msr)
    {
        using var read = GuestProgram.Run(GuestMode.Long, c => { c.mov(ecx, msr); c.rdmsr(); });
        Assert.Equal((ExceptionVector.GeneralProtection, 0u), (read.Event.Vector, read.Event.ErrorCode));
        using var write = GuestProgram.Run(GuestMode.Long, c => { c.mov(ecx, msr); c.wrmsr(); });
        Assert.Equal((ExceptionVector.GeneralProtection, 0u), (write.Event.Vector, write.Event.ErrorCode));
    }

    [Theory]
    [InlineData(0xFEu)] // MTRRCAP
    [InlineData(0xCEu)] // PLATFORM_INFO
    [InlineData(0x10Au)] // ARCH_CAPABILITIES
    public void Read_only_registers_refuse_writes(uint msr)
    {
        using var guest = GuestProgram.Run(GuestMode.Long, c => { c.mov(ecx, msr); c.rdmsr(); c.wrmsr(); });
        Assert.Equal(ExceptionVector.GeneralProtection, guest.Event.Vector);
    }

    [Theory]
    [InlineData(0xC0000081u, 0x0123456789ABCDEFul)] // STAR
    [InlineData(0xC0000082u, 0xFFFF_8123_4567_89ABul)] // LSTAR
    [InlineData(0xC0000083u, 0xFFFF_8123_4567_89ABul)] // CSTAR
    [InlineData(0xC0000084u, 0x47700ul)] // FMASK
    [InlineData(0xC0000100u, 0x7FFF_1234_5678ul)] // FS_BASE
    [InlineData(0xC0000101u, 0x7FFF_1234_5678ul)] // GS_BASE
    [InlineData(0xC0000102u, 0xFFFF_8000_0000_0000ul)] // KERNEL_GS_BASE
    [InlineData(0xC0000103u, 0xFFul)] // TSC_AUX
    [InlineData(0x174u, 0x10ul)]
    [InlineData(0x175u, 0xFFFF_8123_4567_89ABul)]
    [InlineData(0x176u, 0xFFFF_8123_4567_89ABul)]
    [InlineData(0x277u, 0x0407050600070106ul)] // PAT
    [InlineData(0x200u, 0x80000006ul)] // MTRR_PHYSBASE0
    [InlineData(0x2FFu, 0xC06ul)] // MTRR_DEF_TYPE
    public void A_value_written_reads_back(uint msr, ulong value)
    {
        using var guest = GuestProgram.Run(GuestMode.Long, c =>
        {
            c.mov(ecx, msr);
            c.mov(eax, (uint)value);
            c.mov(edx, (uint)(value >> 32));
            c.wrmsr();
            c.xor(eax, eax);
            c.xor(edx, edx);
            c.rdmsr();
        });
        Assert.Empty(guest.Events);
        Assert.Equal(value, (guest.Rdx << 32) | guest.Rax);
    }

    [Theory]
    [InlineData(0xC0000082u, 0x8000_0000_0000_0000ul)]
    [InlineData(0xC0000100u, 0x0001_0000_0000_0000ul)]
    [InlineData(0xC0000102u, 0x0001_0000_0000_0000ul)]
    [InlineData(0x175u, 0x0001_0000_0000_0000ul)]
    [InlineData(0x277u, 0x0000000000000002ul)] // memory type 2 is reserved
    [InlineData(0xC0000103u, 0x1_0000_0000ul)]
    [InlineData(0x48u, 8ul)] // SPEC_CTRL
    public void Invalid_values_raise_general_protection(uint msr, ulong value)
    {
        using var guest = GuestProgram.Run(GuestMode.Long, c => { c.mov(ecx, msr); c.mov(eax, (uint)value); c.mov(edx, (uint)(value >> 32)); c.wrmsr(); });
        Assert.Equal((ExceptionVector.GeneralProtection, 0u), (guest.Event.Vector, guest.Event.ErrorCode));
    }

    [Fact]
    public void Rdmsr_clears_the_upper_halves() // vol. 2, RDMSR
    {
        using var guest = GuestProgram.Run(GuestMode.Long, c => { c.mov(rax, -1L); c.mov(rdx, -1L); c.mov(ecx, 0x277); c.rdmsr(); });
        Assert.Equal(0x0007040600070406ul, (guest.Rdx << 32) | guest.Rax);
    }

    [Fact]
    public void The_time_stamp_counter_can_be_set_and_adjusted() // vol. 3 §17.17.3
    {
        using var guest = GuestProgram.Run(GuestMode.Long, c =>
        {
            c.mov(ecx, 0x10);
            c.mov(edx, 0x100);
            c.xor(eax, eax);
            c.wrmsr();
            c.rdtsc();
            c.mov(esi, edx);
            c.mov(ecx, 0x3B); // TSC_ADJUST moved with it
            c.rdmsr();
            c.mov(edi, edx);
            c.xor(eax, eax);
            c.xor(edx, edx);
            c.wrmsr();
            c.rdtsc();
        });
        Assert.Equal((0x100ul, 0ul), (guest.Rsi, guest.Rdx));
        Assert.True(guest.Rdi is 0xFF or 0x100);
        Assert.Equal(guest.State.TscOffset, guest.Devices.TscOffset); // the local APIC's deadline timer counts in the guest's
    }

    [Fact]
    public void Swapgs_exchanges_the_bases() // vol. 2, SWAPGS
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.State.KernelGsBase = 0x11000;
        guest.Memory.Write(0x11008, 0x99);
        guest.Code(c => { c.swapgs(); c.mov(eax, __dword_ptr.gs[8]); c.swapgs(); });
        guest.Run();
        Assert.Equal(0x99u, guest.Rax);
        Assert.Equal(0x11000ul, guest.State.KernelGsBase);
    }

    [Fact]
    public void Nothing_promises_cpuid_faulting() // vol. 4, MSR_PLATFORM_INFO bit 31: what it offers must work
    {
        using var guest = GuestProgram.Run(GuestMode.Long, c => { c.mov(ecx, 0xCE); c.rdmsr(); });
        Assert.Equal(0u, guest.Rax & 0x80000000);
    }
}
