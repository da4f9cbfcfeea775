using Holon.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Vector;

/// <summary>What the system switches on and off: the host's user mode cannot show it.</summary>
public sealed class VectorUnitTests
{
    private const int Ud = (int)ExceptionVector.InvalidOpcode, Nm = (int)ExceptionVector.DeviceNotAvailable, Mf = (int)ExceptionVector.FloatingPoint;

    private static readonly Action<Assembler> Mmx = assembler => assembler.paddb(mm0, mm1);
    private static readonly Action<Assembler> Sse = assembler => assembler.paddb(xmm0, xmm1);
    private static readonly Action<Assembler> Avx = assembler => assembler.vpaddb(ymm0, ymm1, ymm2);

    [Fact]
    public void Everything_works_when_it_is_on()
    {
        using var machine = new FlatMachine();
        Assert.Equal(-1, machine.Execute(Mmx + Sse + Avx));
    }

    [Fact]
    public void Task_switched_raises_nm() // SDM vol. 3 §2.5, CR0.TS
    {
        using var machine = new FlatMachine();
        machine.State.Cr0 |= Cr0.TS;
        Assert.Equal(Nm, machine.Execute(Mmx));
        Assert.Equal(Nm, machine.Execute(Sse));
        Assert.Equal(Nm, machine.Execute(Avx));
        Assert.Equal(Nm, machine.Execute(assembler => assembler.fxsave(__[FlatMachine.Data])));
        Assert.Equal(Nm, machine.Execute(assembler => assembler.xsave(__[FlatMachine.Data])));
    }

    [Fact]
    public void Emulation_takes_mmx_and_sse_away_but_not_avx() // SDM vol. 2, table 2-16 and 2-21
    {
        using var machine = new FlatMachine();
        machine.State.Cr0 |= Cr0.EM;
        Assert.Equal(Ud, machine.Execute(Mmx));
        Assert.Equal(Ud, machine.Execute(Sse));
        Assert.Equal(-1, machine.Execute(Avx));
    }

    [Fact]
    public void Sse_needs_the_system_to_save_it()
    {
        using var machine = new FlatMachine();
        machine.State.Cr4 &= ~Cr4.Osfxsr;
        Assert.Equal(Ud, machine.Execute(Sse));
        Assert.Equal(-1, machine.Execute(Mmx));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void Avx_needs_xcr0(ulong components)
    {
        using var machine = new FlatMachine();
        machine.State.Xcr0 = components;
        Assert.Equal(Ud, machine.Execute(Avx));
        Assert.Equal(-1, machine.Execute(Sse));
    }

    [Fact]
    public void Avx_needs_xsave_switched_on()
    {
        using var machine = new FlatMachine();
        machine.State.Cr4 &= ~Cr4.Osxsave;
        Assert.Equal(Ud, machine.Execute(Avx));
        Assert.Equal(Ud, machine.Execute(assembler => assembler.xgetbv()));
        Assert.Equal(Ud, machine.Execute(assembler => assembler.xsave(__[FlatMachine.Data])));
    }

    [Fact]
    public void Mmx_reports_a_pending_x87_exception()
    {
        using var machine = new FlatMachine();
        machine.State.FpuStatus = 0x8081;
        machine.State.FpuControl = 0x37E;
        Assert.Equal(Mf, machine.Execute(Mmx));
        Assert.Equal(-1, machine.Execute(Sse));
    }

    [Theory]
    [InlineData(7, -1)]
    [InlineData(3, -1)]
    [InlineData(1, -1)]
    [InlineData(0, (int)ExceptionVector.GeneralProtection)] // x87 always
    [InlineData(5, (int)ExceptionVector.GeneralProtection)] // AVX without SSE
    [InlineData(15, (int)ExceptionVector.GeneralProtection)] // what the processor has not
    public void Xsetbv_takes_what_the_processor_can_save(uint components, int vector)
    {
        using var machine = new FlatMachine();
        Assert.Equal(vector, machine.Execute(assembler =>
        {
            assembler.mov(eax, components);
            assembler.xor(edx, edx);
            assembler.xor(ecx, ecx);
            assembler.xsetbv();
        }));
        Assert.Equal(vector < 0 ? components : 7ul, machine.State.Xcr0);
    }

    [Fact]
    public void An_unmasked_exception_writes_no_result()
    {
        using var machine = new FlatMachine();
        machine.Ymm(0).Fill(0x55);
        machine.State.Mxcsr = 0x1F00; // invalid is unmasked
        Assert.Equal((int)ExceptionVector.SimdFloatingPoint, machine.Execute(assembler =>
        {
            assembler.xorps(xmm1, xmm1);
            assembler.divps(xmm1, xmm1);
        }));
        Assert.Equal(0x1F01u, machine.State.Mxcsr);
        Assert.False(machine.Ymm(1).ContainsAnyExcept((byte)0));

        machine.State.Cr4 &= ~Cr4.Osxmmexcpt;
        Assert.Equal(Ud, machine.Execute(assembler => assembler.divps(xmm1, xmm1)));
    }

    [Fact]
    public void Thirty_two_bit_code_leaves_the_upper_eight_registers_alone()
    {
        using var machine = new FlatMachine(bitness: 32);
        for (var i = 0; i < 16; i++) machine.Ymm(i).Fill(0xAA);
        machine.Memory(FlatMachine.Data, 512).Fill(0x11);
        Assert.Equal(-1, machine.Execute(assembler =>
        {
            assembler.fxsave(__[FlatMachine.Data]);
            assembler.vzeroall();
        }));
        Assert.Equal(0xAA, machine.Memory(FlatMachine.Data, 512)[160 + 127]);
        Assert.Equal(0x11, machine.Memory(FlatMachine.Data, 512)[160 + 128]);
        Assert.False(machine.Ymm(7).ContainsAnyExcept((byte)0));
        Assert.False(machine.Ymm(8).ContainsAnyExcept((byte)0xAA));
    }

    [Fact]
    public void State_that_is_initial_is_not_in_use()
    {
        using var machine = new FlatMachine();
        Assert.Equal(-1, machine.Execute(assembler =>
        {
            assembler.vzeroall();
            assembler.mov(ecx, 1);
            assembler.xgetbv();
            assembler.mov(ebx, eax);
            assembler.vpcmpeqb(ymm0, ymm0, ymm0);
            assembler.xgetbv();
        }));
        Assert.Equal(0ul, machine.Gpr(3) & 6);
        Assert.Equal(6ul, machine.Gpr(0) & 6);
    }
}
