using Holon.X86;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>Exceptions while exceptions are delivered (SDM vol. 3 §6.15, "Interrupt 8", tables 6-4 and 6-5).</summary>
public sealed class DoubleFaultTests
{
    public static TheoryData<GuestMode> ProtectedModes => [GuestMode.Protected, GuestMode.Paging32, GuestMode.Pae, GuestMode.Long];

    [Theory]
    [MemberData(nameof(ProtectedModes))]
    public void Two_contributory_exceptions_make_a_double_fault(GuestMode mode)
    {
        using var guest = new GuestProgram(mode);
        guest.SetGate((int)ExceptionVector.DivideError, 0, 0); // not a gate: #GP
        guest.Code(c => { guest.Mark(c, "divide"); c.div(ecx); });
        guest.Run();
        Assert.Equal([ExceptionVector.DivideError, ExceptionVector.DoubleFault], guest.Events.Select(e => e.Vector));
        Assert.Equal(new GuestEvent(ExceptionVector.DoubleFault, 0, guest.AddressOf("divide")), guest.Events[1]);
    }

    [Theory]
    [MemberData(nameof(ProtectedModes))]
    public void A_benign_exception_and_a_contributory_one_are_handled_in_turn(GuestMode mode)
    {
        using var guest = new GuestProgram(mode);
        guest.SetGate((int)ExceptionVector.InvalidOpcode, 0, 0);
        guest.Code(c => c.ud2());
        guest.Run();
        Assert.Equal([ExceptionVector.InvalidOpcode, ExceptionVector.GeneralProtection], guest.Events.Select(e => e.Vector));
        Assert.Equal(((uint)ExceptionVector.InvalidOpcode << 3) | 3, guest.Events[1].ErrorCode);
    }

    [Fact]
    public void A_contributory_exception_and_a_page_fault_are_handled_in_turn()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.Pages[GuestProgram.InterruptStackTop - 8] = PageBits.None;
        guest.SetGate((int)ExceptionVector.GeneralProtection, Descriptors.InterruptGate32, GuestProgram.Handlers, stack: 1);
        guest.Code(c => { c.mov(eax, 0x1000); c.mov(ds, eax); });
        guest.Run();
        Assert.Equal([ExceptionVector.GeneralProtection, ExceptionVector.PageFault], guest.Events.Select(e => e.Vector));
        Assert.Equal(GuestProgram.InterruptStackTop - 48, guest.State.Cr2);
    }

    [Fact]
    public void A_page_fault_on_the_stack_of_the_page_fault_handler_makes_a_double_fault() // how kernels notice stack overflow
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.SetGate((int)ExceptionVector.DoubleFault, Descriptors.InterruptGate32, GuestProgram.Handlers, stack: 1);
        guest.Pages[GuestProgram.FreePages] = PageBits.None;
        guest.Code(c => { c.mov(esp, (uint)GuestProgram.FreePages + 0x800); guest.Mark(c, "push"); c.push(rax); });
        guest.Run();
        Assert.Equal([ExceptionVector.PageFault, ExceptionVector.DoubleFault], guest.Events.Select(e => e.Vector));
        Assert.Equal(guest.AddressOf("push"), guest.Memory.Read<ulong>(GuestProgram.InterruptStackTop - 40));
        Assert.Equal(GuestProgram.FreePages + 0x800, guest.Memory.Read<ulong>(GuestProgram.InterruptStackTop - 16)); // RSP as it was
        Assert.Equal(GuestProgram.InterruptStackTop - 48, guest.Rsp);
    }

    [Theory]
    [MemberData(nameof(ProtectedModes))]
    public void A_fault_while_delivering_a_double_fault_shuts_the_processor_down(GuestMode mode)
    {
        using var guest = new GuestProgram(mode);
        guest.State.Idtr = default;
        guest.Code(c => c.ud2());
        var exit = guest.Run();
        Assert.Equal(VcpuExitReason.TripleFault, exit.Reason);
        Assert.Contains(mode == GuestMode.Long ? "8000" : "8000", exit.Detail);
        Assert.Equal(VcpuActivity.Shutdown, guest.State.Activity);
        Assert.Equal(VcpuExitReason.TripleFault, guest.Vcpu.Run().Reason); // and it stays down
    }

    [Fact]
    public void A_triple_fault_while_delivering_an_interrupt_executes_nothing_more()
    {
        using var guest = new GuestProgram(GuestMode.Long);
        guest.State.Rflags |= Rflags.IF;
        guest.State.Idtr = default;
        guest.Code(c => { c.mov(eax, 0x40); c.@out((byte)GuestDevices.InterruptPort, al); c.mov(ebx, 1); });
        Assert.Equal(VcpuExitReason.TripleFault, guest.Run().Reason);
        Assert.Equal(0u, guest.Rbx);
    }

    [Fact]
    public void Real_mode_without_a_table_shuts_down_too() // vol. 3 §20.1.4
    {
        using var guest = new GuestProgram(GuestMode.Real);
        guest.State.Idtr = default;
        guest.Code(c => c.@int(0x10));
        Assert.Equal(VcpuExitReason.TripleFault, guest.Run().Reason);
    }
}
