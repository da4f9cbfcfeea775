using System.Runtime.InteropServices;
using Holon.X86;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.X87;

/// <summary>What the x87 does outside 64-bit user mode, where the host's processor is not the oracle.</summary>
public sealed class X87InstructionTests
{
    private const int Completed = -1, DeviceNotAvailable = 7, FloatingPoint = 16, Image = 0x2000;
    private const ushort AllUnmasked = 0x340, ZeroDivide = 4;

    [Theory] // SDM vol. 3 table 2-2
    [InlineData(Cr0.EM), InlineData(Cr0.TS)]
    public void Emulation_and_task_switch_make_the_x87_unavailable(ulong bit)
    {
        using var machine = new RealModeMachine();
        machine.Cpu.State.Cr0 |= bit;
        Assert.Equal(DeviceNotAvailable, machine.Execute(a => a.fld1()));
        Assert.Equal(DeviceNotAvailable, machine.Execute(a => a.fninit()));
        Assert.Equal(Completed, machine.Execute(a => a.wait()));
    }

    [Fact] // the same table: WAIT heeds TS if MP is set
    public void Wait_is_unavailable_with_monitor_coprocessor_and_task_switch()
    {
        using var machine = new RealModeMachine();
        machine.Cpu.State.Cr0 |= Cr0.MP | Cr0.TS;
        Assert.Equal(DeviceNotAvailable, machine.Execute(a => a.wait()));
    }

    [Fact] // SDM vol. 1 §8.7
    public void An_unmasked_exception_is_raised_by_the_next_waiting_instruction()
    {
        using var machine = new RealModeMachine();
        machine.Cpu.State.FpuControl = AllUnmasked;
        Assert.Equal(Completed, machine.Execute(a =>
        {
            a.fld1();
            a.fldz();
            a.fdivp(st1, st0);
            a.fnstsw(ax);
        }));
        Assert.Equal(0x8080 | ZeroDivide, machine.Ax & 0x80FF);
        Assert.Equal(FloatingPoint, machine.Execute(a => a.fldz()));
        Assert.Equal(FloatingPoint, machine.Execute(a => a.wait()));
        Assert.Equal(0x6F9, machine.Cpu.State.FpuOpcode); // DE F9, recorded for the exception alone
        Assert.Equal(Completed, machine.Execute(a =>
        {
            a.fnclex();
            a.wait();
        }));
    }

    [Fact] // as on a PC that does not connect FERR
    public void Without_numeric_error_reporting_the_exception_only_shows_in_the_status()
    {
        using var machine = new RealModeMachine();
        machine.Cpu.State.Cr0 &= ~Cr0.NE;
        machine.Cpu.State.FpuControl = AllUnmasked;
        Assert.Equal(Completed, machine.Execute(a =>
        {
            a.fld1();
            a.fldz();
            a.fdivp(st1, st0);
            a.wait();
            a.fnop();
        }));
        Assert.NotEqual(0, machine.Cpu.State.FpuStatus & ZeroDivide);
    }

    [Fact]
    public void A_control_word_that_unmasks_an_old_exception_makes_it_pending()
    {
        using var machine = new RealModeMachine();
        MemoryMarshal.Write(machine.Memory(Image, 2), AllUnmasked);
        Assert.Equal(Completed, machine.Execute(a =>
        {
            a.fld1();
            a.fldz();
            a.fdivp(st1, st0); // masked: infinity and a sticky flag
            a.fldcw(__word_ptr[Image]);
        }));
        Assert.Equal(FloatingPoint, machine.Execute(a => a.fldz()));
    }

    [Fact] // SDM vol. 1 figure 8-12
    public void Sixteen_bit_real_mode_saves_fourteen_bytes_of_environment()
    {
        using var machine = new RealModeMachine();
        Assert.Equal(Completed, machine.Execute(a =>
        {
            a.fld1();
            a.fldz();
            a.fld(__dword_ptr[0x3000]);
            a.fnstenv(__[Image]);
        }));
        var fields = MemoryMarshal.Cast<byte, ushort>(machine.Memory(Image, 14));
        Assert.Equal(0x37F, fields[0]);
        Assert.Equal(5 << 11, fields[1]); // TOP
        Assert.Equal(0x17FF, fields[2]); // R7 valid, R6 and R5 zero, the others empty
        Assert.Equal(0x1004, fields[3]); // FLD
        Assert.Equal(0, fields[4]);
        Assert.Equal(0x3000, fields[5]);
        Assert.Equal(0, fields[6]);
    }

    [Fact] // SDM vol. 1 figure 8-10
    public void Thirty_two_bit_real_mode_splits_the_pointers()
    {
        using var machine = new RealModeMachine();
        machine.Cpu.State.FpuInstructionPointer = 0x12345;
        machine.Cpu.State.FpuOpcode = 0x6F9;
        machine.Cpu.State.FpuDataPointer = 0xABCDE;
        Assert.Equal(Completed, machine.Execute(a => a.db(0x66, 0xD9, 0x36, 0x00, 0x20))); // FNSTENV, 32-bit operand
        var fields = MemoryMarshal.Cast<byte, uint>(machine.Memory(Image, 28));
        Assert.Equal(0xFFFF2345u, fields[3]);
        Assert.Equal(0x16F9u, fields[4]);
        Assert.Equal(0xFFFFBCDEu, fields[5]);
        Assert.Equal(0xA000u, fields[6]);
        machine.Cpu.State.FpuInstructionPointer = machine.Cpu.State.FpuDataPointer = machine.Cpu.State.FpuOpcode = 0;
        Assert.Equal(Completed, machine.Execute(a => a.db(0x66, 0xD9, 0x26, 0x00, 0x20))); // FLDENV
        Assert.Equal(0x12345ul, machine.Cpu.State.FpuInstructionPointer);
        Assert.Equal(0xABCDEul, machine.Cpu.State.FpuDataPointer);
        Assert.Equal(0x6F9, machine.Cpu.State.FpuOpcode);
    }

    [Fact]
    public void Saving_and_restoring_keeps_registers_tags_and_top()
    {
        using var machine = new RealModeMachine();
        machine.Execute(a =>
        {
            a.fldpi();
            a.fldz();
            a.fld1();
            a.ffree(st1);
            a.fnsave(__[Image]);
        });
        Assert.Equal(0xFFFF, machine.Cpu.State.FpuTag);
        Assert.Equal(0, machine.Cpu.State.FpuStatus);
        machine.Execute(a =>
        {
            a.frstor(__[Image]);
            a.fxch(st0, st2);
            a.fstp(__qword_ptr[Image]);
        });
        Assert.Equal(Math.PI, MemoryMarshal.Read<double>(machine.Memory(Image, 8)));
        Assert.Equal(0x3FFF, machine.Cpu.State.FpuTag); // only R7 is left, with the 1 that FXCH put there
    }

    [Fact] // SDM vol. 1 §8.5.1.1: C1 tells overflow from underflow
    public void The_ninth_push_overflows_the_stack()
    {
        using var machine = new RealModeMachine();
        machine.Execute(a =>
        {
            for (var i = 0; i < 9; i++) a.fld1();
        });
        Assert.Equal(0x241, machine.Cpu.State.FpuStatus & 0x3FF & ~0x100);
        machine.Execute(a => a.fstp(__qword_ptr[Image]));
        Assert.Equal(0xFFF8000000000000, MemoryMarshal.Read<ulong>(machine.Memory(Image, 8)));
    }
}
