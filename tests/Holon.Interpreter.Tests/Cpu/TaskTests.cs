using Holon.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Holon.Interpreter.Tests.Cpu;

/// <summary>Hardware task switching (SDM vol. 3 ch. 7).</summary>
public sealed class TaskTests
{
    private const ushort Task = Selectors.Free, TaskGate = Selectors.Free + 8, Bad = Selectors.Free + 16;
    private const ulong NewTss = GuestProgram.Data, TaskCode = 0x70000, TaskStack = 0x3C000;

    [Theory]
    [InlineData(GuestMode.Protected)]
    [InlineData(GuestMode.Paging32)]
    [InlineData(GuestMode.Pae)]
    public void Jmp_saves_one_task_and_loads_the_other(GuestMode mode) // §7.3
    {
        using var guest = WithTask(mode);
        guest.Assemble(TaskCode, c => { c.mov(edx, esp); c.mov(esi, cr0); c.str(edi); });
        guest.Code(c => { c.mov(eax, 0x1111); c.stc(); Jump(c, Task); guest.Mark(c, "after"); c.nop(); });
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal((0xAAAAul, TaskStack, (ulong)Task), (guest.Rax, guest.Rdx, guest.Rdi));
        Assert.Equal(Cr0.TS, guest.Rsi & Cr0.TS); // step 12
        Assert.Equal((uint)guest.AddressOf("after"), guest.Memory.Read<uint>(GuestProgram.Tss + 0x20));
        Assert.Equal(Rflags.CF, guest.Memory.Read<uint>(GuestProgram.Tss + 0x24) & Rflags.CF);
        Assert.Equal(0x1111, guest.Memory.Read<int>(GuestProgram.Tss + 0x28));
        Assert.Equal(Selectors.KernelCode, guest.Memory.Read<ushort>(GuestProgram.Tss + 0x4C));
        Assert.Equal((0x89, 0x8B), (Type(guest, Selectors.Tss), Type(guest, Task))); // JMP frees the old task (table 7-2)
        Assert.Equal(0ul, guest.State.Rflags & Rflags.NT);
    }

    [Fact]
    public void Call_nests_and_iret_comes_back() // §7.4
    {
        using var guest = WithTask(GuestMode.Protected);
        guest.Assemble(TaskCode, c =>
        {
            c.pushfd();
            c.pop(ebp);
            c.mov(__dword_ptr[0x11000], ebp);
            c.iretd();
            c.mov(eax, 0xBBBB); // the second CALL goes on here
            c.mov(__dword_ptr[0x11004], eax);
            c.iretd();
        });
        guest.Code(c => { c.mov(ebx, 7); Call(c, Task); c.inc(ebx); Call(c, TaskGate); c.inc(ebx); c.clts(); });
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal(9u, guest.Rbx);
        Assert.Equal(Rflags.NT, guest.Memory.Read<uint>(0x11000) & Rflags.NT);
        Assert.Equal(0xBBBB, guest.Memory.Read<int>(0x11004));
        Assert.Equal(Selectors.Tss, guest.Memory.Read<ushort>(NewTss)); // the link
        Assert.Equal((0x8B, 0x89), (Type(guest, Selectors.Tss), Type(guest, Task)));
        Assert.Equal(0ul, guest.State.Rflags & Rflags.NT);
        Assert.Equal(0ul, guest.Memory.Read<uint>(NewTss + 0x24) & Rflags.NT); // cleared in what IRET saves
    }

    [Fact]
    public void A_task_gate_takes_an_exception_with_its_error_code() // §6.12.2
    {
        using var guest = WithTask(GuestMode.Protected);
        guest.SetGate((int)ExceptionVector.GeneralProtection, Descriptors.TaskGate, 0, Task);
        guest.Assemble(TaskCode, c => { c.pop(edx); c.mov(ecx, __dword_ptr[(uint)GuestProgram.Tss + 0x20]); });
        guest.Code(c => { c.mov(eax, 0x1000); guest.Mark(c, "load"); c.mov(ds, eax); });
        guest.Run();
        Assert.Equal((0x1000ul, guest.AddressOf("load")), (guest.Rdx, guest.Rcx));
        Assert.Equal(TaskStack, guest.Rsp);
    }

    [Fact]
    public void A_task_gate_rescues_from_a_bad_stack() // why #DF has one
    {
        using var guest = WithTask(GuestMode.Paging32);
        guest.SetGate((int)ExceptionVector.DoubleFault, Descriptors.TaskGate, 0, Task);
        guest.Pages[GuestProgram.FreePages] = PageBits.None;
        guest.Assemble(TaskCode, c => c.pop(edx));
        guest.Code(c => { c.mov(esp, (uint)GuestProgram.FreePages + 0x100); c.push(eax); });
        guest.Run();
        Assert.Equal([ExceptionVector.PageFault, ExceptionVector.DoubleFault], guest.Events.Select(e => e.Vector));
        Assert.Equal((0ul, 0xAAAAul), (guest.Rdx, guest.Rax));
    }

    [Fact]
    public void A_new_task_brings_its_own_address_space() // §7.5
    {
        using var guest = WithTask(GuestMode.Paging32);
        var root = guest.Pages.NewTable();
        guest.Memory.Span(guest.Pages.Root, 4096).CopyTo(guest.Memory.Span(root, 4096));
        guest.Memory.Write(root + (0x80000000 >> 20), 0u | (uint)(PageBits.Kernel | PageBits.Large)); // 4 MiB at 2 GiB
        guest.Memory.Write(NewTss + 0x1C, (uint)root);
        guest.Memory.Write(0x11000, 0x66);
        guest.Assemble(TaskCode, c => c.mov(edx, __dword_ptr[0x80011000]));
        guest.Code(c => Jump(c, Task));
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal((0x66ul, root), (guest.Rdx, guest.State.Cr3));
    }

    [Fact]
    public void A_task_with_interrupts_on_takes_one_that_waits()
    {
        using var guest = WithTask(GuestMode.Protected);
        guest.Memory.Write(NewTss + 0x24, (uint)(Rflags.Fixed | Rflags.IF));
        guest.Handler(0x40, c => { c.inc(edx); c.iretd(); });
        guest.Assemble(TaskCode, c => { c.nop(); c.nop(); });
        guest.Code(c => { c.mov(eax, 0x40); c.@out((byte)GuestDevices.InterruptPort, al); c.nop(); Jump(c, Task); });
        guest.Run();
        Assert.Equal((1ul, TaskCode), (guest.Rdx, guest.Event.Rip));
    }

    [Fact]
    public void A_16_bit_task_has_16_bit_registers() // §7.6
    {
        using var guest = WithTask(GuestMode.Protected);
        guest.SetDescriptor(Task, Descriptors.System(Descriptors.Tss16, (uint)NewTss, 0x2B));
        guest.Memory.Write(NewTss + 0x0E, (ushort)0x9000);
        guest.Memory.Write(NewTss + 0x10, (ushort)Rflags.Fixed);
        guest.Memory.Write(NewTss + 0x12, (ushort)0x1234);
        guest.Memory.Write(NewTss + 0x1A, (ushort)0x7000);
        guest.Memory.Write(NewTss + 0x22, Selectors.KernelData);
        guest.Memory.Write(NewTss + 0x24, Selectors.KernelCode);
        guest.Memory.Write(NewTss + 0x26, Selectors.KernelData);
        guest.Memory.Write(NewTss + 0x28, Selectors.KernelData);
        guest.Assemble(0x9000, c => { c.mov(edx, eax); c.mov(ecx, fs); });
        guest.Code(c => Jump(c, Task));
        guest.Run();
        Assert.Empty(guest.Events);
        Assert.Equal((0x1234ul, 0ul), (guest.Rdx & 0xFFFF, guest.Rcx));
    }

    [Fact]
    public void Errors_before_the_switch_are_the_old_tasks() // §7.3
    {
        foreach (var (descriptor, vector) in ((ulong, ExceptionVector)[])
        [
            (Descriptors.System(Descriptors.TssBusy, (uint)NewTss, 0x67), ExceptionVector.GeneralProtection),
            (Descriptors.System(Descriptors.Tss32, (uint)NewTss, 0x67, present: false), ExceptionVector.SegmentNotPresent),
            (Descriptors.System(Descriptors.Tss32, (uint)NewTss, 0x66), ExceptionVector.InvalidTss),
        ])
        {
            using var guest = WithTask(GuestMode.Protected);
            guest.SetDescriptor(Task, descriptor);
            guest.Code(c => { c.nop(); guest.Mark(c, "jump"); Jump(c, Task); });
            guest.Run();
            Assert.Equal(new GuestEvent(vector, Task, guest.AddressOf("jump")), guest.Event);
            Assert.Equal((Selectors.Tss, 0x8B), (guest.State.Tr.Selector, Type(guest, Selectors.Tss)));
        }
    }

    [Theory]
    [InlineData(0x4C, ExceptionVector.InvalidTss)] // CS
    [InlineData(0x50, ExceptionVector.InvalidTss)] // SS
    [InlineData(0x54, ExceptionVector.InvalidTss)] // DS
    [InlineData(0x60, ExceptionVector.InvalidTss)] // LDT
    public void Errors_after_the_switch_are_the_new_tasks(int field, ExceptionVector vector) // §7.3, table 7-1
    {
        using var guest = WithTask(GuestMode.Protected);
        guest.SetDescriptor(Bad, Descriptors.System(Descriptors.CallGate32, 0, 0)); // no segment at all
        guest.Memory.Write(NewTss + (ulong)field, (uint)Bad);
        // The handler's own task, as the new task has no stack worth that name.
        guest.Code(c => Jump(c, Task));
        guest.Run();
        Assert.Equal(new GuestEvent(vector, Bad, TaskCode), guest.Events[0]);
        Assert.Equal(Task, guest.State.Tr.Selector);
        Assert.Equal(0x89, Type(guest, Selectors.Tss));
    }

    [Fact]
    public void A_switch_to_a_task_whose_state_is_not_paged_in_changes_nothing() // §7.3, step 5
    {
        using var guest = WithTask(GuestMode.Paging32);
        guest.Pages[NewTss] = PageBits.None;
        guest.Code(c => { guest.Mark(c, "jump"); Jump(c, Task); });
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.PageFault, 0, guest.AddressOf("jump")), guest.Event);
        Assert.Equal((Selectors.Tss, 0x8B, 0x89), (guest.State.Tr.Selector, Type(guest, Selectors.Tss), Type(guest, Task)));
    }

    [Fact]
    public void The_debug_flag_of_a_task_traps_before_its_first_instruction() // §17.3.1.5
    {
        using var guest = WithTask(GuestMode.Protected);
        guest.Memory.Write(NewTss + 0x64, (ushort)1);
        guest.Code(c => Jump(c, Task));
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.Debug, 0, TaskCode), guest.Event);
        unsafe
        {
            Assert.Equal(1ul << 15, guest.State.Dr[6] & (1ul << 15));
        }
    }

    [Fact]
    public void A_task_switch_disarms_local_breakpoints() // §17.2.4
    {
        using var guest = WithTask(GuestMode.Protected);
        unsafe
        {
            guest.State.Dr[0] = TaskCode;
            guest.State.Dr[1] = TaskCode + 1;
            guest.State.Dr[7] = 0x400 | 1 | 8; // L0, G1
        }

        guest.Assemble(TaskCode, c => { c.nop(); c.nop(); });
        guest.Code(c => Jump(c, Task));
        guest.Run();
        Assert.Equal(new GuestEvent(ExceptionVector.Debug, 0, TaskCode + 1), guest.Event);
    }

    private static GuestProgram WithTask(GuestMode mode)
    {
        var guest = new GuestProgram(mode);
        guest.SetDescriptor(Task, Descriptors.System(Descriptors.Tss32, (uint)NewTss, 0x67));
        guest.SetDescriptor(TaskGate, Descriptors.Gate(Descriptors.TaskGate, Task, 0));
        guest.Memory.Write(NewTss + 0x1C, (uint)guest.State.Cr3);
        guest.Memory.Write(NewTss + 0x20, (uint)TaskCode);
        guest.Memory.Write(NewTss + 0x24, (uint)Rflags.Fixed);
        guest.Memory.Write(NewTss + 0x28, 0xAAAAu);
        guest.Memory.Write(NewTss + 0x38, (uint)TaskStack);
        foreach (var field in (ReadOnlySpan<uint>)[0x48, 0x50, 0x54, 0x58, 0x5C]) guest.Memory.Write(NewTss + field, (uint)Selectors.KernelData);
        guest.Memory.Write(NewTss + 0x4C, (uint)Selectors.KernelCode);
        return guest;
    }

    private static int Type(GuestProgram guest, ushort selector) => guest.Memory.Read<byte>(GuestProgram.Gdt + selector + 5);

    private static void Jump(Assembler assembler, ushort selector) => Far(assembler, 0xEA, selector);

    private static void Call(Assembler assembler, ushort selector) => Far(assembler, 0x9A, selector);

    private static void Far(Assembler assembler, byte opcode, ushort selector)
    {
        assembler.db(opcode);
        assembler.dd(0);
        assembler.dw(selector);
    }
}
