using CsCheck;
using Holon.Devices.Apic;
using Holon.Devices.State;
using static Holon.Devices.Tests.Apic.ApicFixture;

namespace Holon.Devices.Tests.Apic;

public sealed class LocalApicTests
{
    [Fact]
    public void Registers_after_reset_are_the_manuals() // SDM vol. 3 §11.4.7.1
    {
        var apic = new ApicFixture(2, enabled: false).Processors[1];
        Assert.Equal(0x0100_0000ul, apic.Read(Id, 4));
        Assert.Equal(0x50014ul, apic.Read(ApicFixture.Version, 4));
        Assert.Equal(0xFFul, apic.Read(Svr, 4));
        Assert.Equal(0xFFFF_FFFFul, apic.Read(Dfr, 4));
        Assert.Equal(0x10000ul, apic.Read(LvtTimer, 4));
        Assert.Equal(0xFEE0_0800ul, apic.ApicBase);
        Assert.Equal(LocalApic.DefaultAddress, apic.MmioBase);
    }

    [Fact]
    public void A_self_interrupt_is_delivered_by_priority()
    {
        var machine = new ApicFixture();
        var apic = machine.Apic;
        machine.Send(apic, 0x40000 | 0x41, 0);
        machine.Send(apic, 0x40000 | 0x62, 0);
        Assert.True(apic.HasInterrupt);
        Assert.Equal(1, machine.Kicks[0]);
        Assert.Equal(0x62, apic.Acknowledge());
        Assert.Equal(0x60ul, apic.Read(Ppr, 4));
        Assert.False(apic.HasInterrupt); // 0x41 must wait
        apic.Write(Eoi, 4, 0);
        Assert.True(apic.HasInterrupt);
        Assert.Equal(2, machine.Kicks[0]);
        Assert.Equal(0x41, apic.Acknowledge());
        Assert.Equal(-1, apic.Acknowledge());
    }

    [Fact]
    public void The_task_priority_holds_interrupts_back()
    {
        var machine = new ApicFixture();
        machine.Apic.TaskPriority = 5;
        Assert.Equal(0x50ul, machine.Apic.Read(Tpr, 4));
        machine.Send(machine.Apic, 0x40000 | 0x55, 0);
        Assert.False(machine.Apic.HasInterrupt); // same class
        machine.Apic.Write(Tpr, 4, 0x40);
        Assert.True(machine.Apic.HasInterrupt);
        Assert.Equal(4, machine.Apic.TaskPriority);
    }

    [Fact]
    public void A_disabled_apic_takes_no_interrupts_but_non_maskable_ones() // §11.4.7.2
    {
        var machine = new ApicFixture(2, enabled: false);
        machine.Processors[0].Write(Svr, 4, 0x1FF);
        machine.Send(machine.Apic, 0x41, 1);
        Assert.False(machine.Processors[1].HasInterrupt);
        machine.Send(machine.Apic, 0x400, 1);
        Assert.True(machine.Processors[1].HasNmi);
        machine.Processors[1].AcknowledgeNmi();
        Assert.False(machine.Processors[1].HasNmi);
        machine.Processors[1].Write(LvtTimer, 4, 0x30);
        Assert.Equal(0x10030ul, machine.Processors[1].Read(LvtTimer, 4)); // the mask bit cannot be cleared
    }

    [Fact]
    public void One_nmi_waits_behind_the_one_that_is_delivered_next_and_one_behind_the_one_in_service() // SDM vol. 3 §6.7.1
    {
        var machine = new ApicFixture(2);
        var nmi = new ApicMessage(1, false, DeliveryMode.Nmi, 0);
        for (var i = 0; i < 3; i++) machine.Bus.Deliver(nmi);
        machine.Processors[1].AcknowledgeNmi();
        Assert.True(machine.Processors[1].HasNmi);
        machine.Bus.Deliver(nmi);
        machine.Processors[1].KeepOneNmi(); // in service
        machine.Processors[1].AcknowledgeNmi();
        Assert.False(machine.Processors[1].HasNmi);
    }

    [Fact]
    public void A_wake_up_is_for_one_processor_and_taken_once()
    {
        var machine = new ApicFixture(2);
        machine.Processors[0].WakeProcessor(1);
        Assert.False(machine.Processors[0].TakeWakeUp());
        Assert.True(machine.Processors[1].TakeWakeUp());
        Assert.False(machine.Processors[1].TakeWakeUp());
    }

    [Fact]
    public void A_message_to_many_reaches_those_of_its_set()
    {
        var machine = new ApicFixture(3);
        Assert.Equal(2, machine.Processors[0].SendToMany(0b1001_0110, 0, 0x400)); // NMI to 1, 2, 4 and 7
        Assert.Equal([false, true, true], machine.Processors.Select(processor => processor.HasNmi));
        Assert.Equal(1, machine.Processors[0].SendToMany(0b111, 2, 0x400)); // to 2, 3 and 4
        Assert.Equal(0, machine.Processors[0].SendToMany(UInt128.MaxValue, uint.MaxValue, 0x400));
    }

    [Theory]
    [InlineData(0x00041u, 2u, 0b0100)]
    [InlineData(0x00041u, 0xFFu, 0b1111)]
    [InlineData(0x40041u, 0u, 0b0001)]
    [InlineData(0x80041u, 0u, 0b1111)]
    [InlineData(0xC0041u, 0u, 0b1110)]
    [InlineData(0x00841u, 0x0Au, 0b1010)] // flat logical
    public void Destinations_and_shorthands_reach_whom_they_name(uint command, uint destination, int expected)
    {
        var machine = new ApicFixture(4);
        for (var i = 0; i < 4; i++) machine.Processors[i].Write(Ldr, 4, 0x0100_0000u << i);
        machine.Send(machine.Apic, command, destination);
        for (var i = 0; i < 4; i++) Assert.Equal((expected & (1 << i)) != 0, machine.Processors[i].HasInterrupt);
    }

    [Fact]
    public void Cluster_model_matches_cluster_and_member()
    {
        var machine = new ApicFixture(3);
        uint[] ids = [0x11, 0x12, 0x21];
        for (var i = 0; i < 3; i++)
        {
            machine.Processors[i].Write(Dfr, 4, 0);
            machine.Processors[i].Write(Ldr, 4, ids[i] << 24);
        }

        machine.Send(machine.Apic, 0x841, 0x13);
        Assert.Equal([true, true, false], machine.Processors.Select(processor => processor.HasInterrupt));
    }

    [Fact]
    public void Lowest_priority_chooses_who_has_least_to_do()
    {
        var machine = new ApicFixture(3);
        machine.Processors[0].TaskPriority = 3;
        machine.Processors[1].TaskPriority = 1;
        machine.Processors[2].TaskPriority = 2;
        machine.Send(machine.Apic, 0x80141, 0);
        Assert.Equal([false, true, false], machine.Processors.Select(processor => processor.HasInterrupt));
    }

    [Fact]
    public void Init_and_start_up_start_another_processor() // §9.4.4: INIT, SIPI, SIPI
    {
        var machine = new ApicFixture(2);
        var other = machine.Processors[1];
        other.TaskPriority = 7;
        machine.Send(machine.Apic, 0xC500, 1);
        Assert.True(other.HasStartup);
        machine.Send(machine.Apic, 0x8500, 1); // level de-assert does nothing
        Assert.Equal(-1, other.AcknowledgeStartup());
        Assert.Equal(0, other.TaskPriority);
        Assert.False(other.HasStartup);
        machine.Send(machine.Apic, 0x699, 1);
        machine.Send(machine.Apic, 0x69A, 1);
        Assert.Equal(0x99, other.AcknowledgeStartup());
        machine.Send(machine.Apic, 0x69A, 1);
        Assert.False(other.HasStartup); // it runs: further ones are ignored
    }

    [Fact]
    public void Illegal_vectors_show_in_the_error_status_after_a_write() // §11.5.3
    {
        var machine = new ApicFixture();
        machine.Apic.Write(LvtError, 4, 0x80);
        machine.Send(machine.Apic, 0x40005, 0);
        Assert.Equal(0ul, machine.Apic.Read(Esr, 4));
        Assert.Equal(0x80, machine.Apic.Acknowledge());
        machine.Apic.Write(Esr, 4, 0);
        Assert.Equal(0x20ul, machine.Apic.Read(Esr, 4));
        machine.Apic.Read(0x3F0, 4);
        machine.Apic.Write(Esr, 4, 0);
        Assert.Equal(0x80ul, machine.Apic.Read(Esr, 4));
    }

    [Fact]
    public void The_8259A_is_heard_through_LINT0_and_directly_when_disabled()
    {
        var machine = new ApicFixture(enabled: false);
        machine.InitializePic();
        var line = machine.Pic.CreateLine(1);
        line.Set(true);
        Assert.True(machine.Apic.HasInterrupt);
        Assert.Equal(1, machine.Kicks[0]);
        machine.Apic.Write(Svr, 4, 0x1FF);
        machine.Apic.Write(Lint0, 4, 0x10700);
        Assert.False(machine.Apic.HasInterrupt);
        machine.Apic.Write(Lint0, 4, 0x700);
        Assert.Equal(0x21, machine.Apic.Acknowledge());
        Assert.False(machine.Apic.HasInterrupt);
        machine.Pic.Master.Write(0, 1, 0x20);
        Assert.True(machine.Apic.TryWriteMsr(0x1B, 0xFEE0_0100));
        Assert.Equal(ulong.MaxValue, machine.Apic.MmioBase);
        line.Set(false);
        line.Set(true);
        Assert.Equal(0x21, machine.Apic.Acknowledge());
    }

    [Fact]
    public void LINT1_is_the_NMI_pin()
    {
        var machine = new ApicFixture();
        machine.Apic.SignalLint1();
        Assert.False(machine.Apic.HasNmi);
        machine.Apic.Write(Lint1, 4, 0x400);
        machine.Apic.SignalLint1();
        Assert.True(machine.Apic.HasNmi);
    }

    [Fact]
    public void Base_register_transitions_are_the_manuals() // §11.12.5, figure 11-27
    {
        var machine = new ApicFixture();
        var apic = machine.Apic;
        Assert.False(apic.TryWriteMsr(0x1B, 0xFEE0_0801)); // reserved bit
        Assert.False(apic.TryWriteMsr(0x1B, 0xFEE0_0800 | (1ul << 40)));
        Assert.False(apic.TryWriteMsr(0x1B, 0xFEE0_0500)); // x2APIC without enable
        Assert.False(apic.TryReadMsr(0x802, out _)); // not in xAPIC mode
        Assert.True(apic.TryWriteMsr(0x1B, 0xFEE0_0D00));
        Assert.True(apic.TryReadMsr(0x802, out _));
        Assert.Equal(0xFFFF_FFFFul, apic.Read(Id, 4));
        Assert.False(apic.TryWriteMsr(0x1B, 0xFEE0_0900)); // back to xAPIC only through disabled
        Assert.True(apic.TryWriteMsr(0x1B, 0xFEE0_0100));
        Assert.False(apic.TryWriteMsr(0x1B, 0xFEE0_0D00));
        Assert.True(apic.TryWriteMsr(0x1B, 0xFED0_0900));
        Assert.Equal(0xFED0_0000ul, apic.MmioBase);
    }

    [Fact]
    public void X2apic_registers_refuse_reserved_bits_and_wrong_directions() // table 11-6
    {
        var machine = new ApicFixture(2);
        foreach (var processor in machine.Processors) machine.EnterX2Apic(processor);
        var apic = machine.Processors[1];
        Assert.True(apic.TryReadMsr(0x802, out var id));
        Assert.Equal(1ul, id);
        Assert.True(apic.TryReadMsr(0x80D, out var logical));
        Assert.Equal(2ul, logical);
        foreach (var msr in new uint[] { 0x80B, 0x80E, 0x831, 0x83F, 0x80C, 0x8FF }) Assert.False(apic.TryReadMsr(msr, out _));
        foreach (var msr in new uint[] { 0x802, 0x803, 0x80A, 0x80D, 0x80E, 0x810, 0x827, 0x831, 0x839, 0x8FF }) Assert.False(apic.TryWriteMsr(msr, 0));
        Assert.False(apic.TryWriteMsr(0x80B, 1));
        Assert.True(apic.TryWriteMsr(0x80B, 0));
        Assert.False(apic.TryWriteMsr(0x828, 1));
        Assert.False(apic.TryWriteMsr(0x808, 0x100));
        Assert.False(apic.TryWriteMsr(0x832, 0x80000000));
        Assert.False(apic.TryWriteMsr(0x808, 1ul << 32));
        Assert.True(apic.TryWriteMsr(0x83F, 0x77)); // self-IPI
        Assert.Equal(0x77, apic.Acknowledge());
        Assert.True(machine.Apic.TryWriteMsr(0x830, 0x1_0000_0051));
        Assert.False(apic.HasInterrupt); // 0x77 is in service
        Assert.True(apic.TryWriteMsr(0x80B, 0));
        Assert.Equal(0x51, apic.Acknowledge());
    }

    [Fact]
    public void X2apic_logical_destinations_name_a_cluster_of_sixteen()
    {
        var machine = new ApicFixture(20);
        foreach (var processor in machine.Processors) machine.EnterX2Apic(processor);
        Assert.True(machine.Apic.TryWriteMsr(0x830, (0x0001_0006ul << 32) | 0x851));
        Assert.Equal([17, 18], machine.Processors.Where(processor => processor.HasInterrupt).Select(processor => (int)processor.Id));
        Assert.True(machine.Apic.TryWriteMsr(0x830, (0xFFFF_FFFFul << 32) | 0x51));
        Assert.All(machine.Processors, processor => Assert.True(processor.HasInterrupt));
    }

    [Fact]
    public void Message_signalled_interrupts_are_decoded()
    {
        var machine = new ApicFixture(2);
        Assert.True(machine.Bus.DeliverMsi(0xFEE0_1000, 0x4061));
        Assert.Equal(0x61, machine.Processors[1].Acknowledge());
        Assert.False(machine.Bus.DeliverMsi(0xFEE0_7000, 0x4061));
        Assert.True(machine.Bus.DeliverMsi(0xFEEF_F000, 0x4071));
        Assert.True(machine.Processors[0].HasInterrupt && machine.Processors[1].HasInterrupt);
    }

    [Fact]
    public void A_saved_apic_goes_on()
    {
        var machine = new ApicFixture();
        machine.Apic.Write(LvtTimer, 4, 0x20030);
        machine.Apic.Write(InitialCount, 4, 1_000_000);
        machine.Send(machine.Apic, 0x40041, 0);
        machine.Clock.Advance(250_000);
        var writer = new DeviceStateWriter();
        machine.Apic.Save(writer);

        var restored = new ApicFixture();
        restored.Clock.Advance(250_000);
        restored.Apic.Load(new DeviceStateReader(writer.Written, "test"));
        Assert.Equal(0x41, restored.Apic.Acknowledge());
        Assert.Equal(machine.Apic.Read(CurrentCount, 4), restored.Apic.Read(CurrentCount, 4));
        restored.Apic.Write(Eoi, 4, 0);
        restored.Clock.Advance(2_000_000); // the divisor is 2
        Assert.Equal(0x30, restored.Apic.Acknowledge());
    }

    [Fact]
    public void Any_sequence_of_accesses_leaves_it_working() =>
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, 0x410], Gen.Int[0, 9], Gen.OneOf(Gen.ULong, Gen.ULong[0, 0xFFFFF]), Gen.Bool).Array.Sample(operations =>
        {
            var machine = new ApicFixture(2);
            var apic = machine.Apic;
            foreach (var (kind, register, size, value, write) in operations)
            {
                var msr = register > 0x400 ? 0x1Bu : register > 0x3FC ? 0x6E0u : 0x800u + (uint)(register & 0xFF);
                if (kind < 3 && write) apic.Write((ulong)register & ~(kind == 0 ? 0ul : 15), kind == 0 ? size : 4, value);
                else if (kind < 3) apic.Read((ulong)register, size);
                else if (kind == 3 && write) apic.TryWriteMsr(msr, msr == 0x1B ? value & 0xD00 | 0xFEE0_0000 : value);
                else if (kind == 3) apic.TryReadMsr(msr, out _);
                else if (kind == 4 && write) machine.Clock.Advance((long)(value & 0xFFFFF));
                else if (kind == 4) machine.Bus.DeliverMsi(value, (uint)(value >> 32));
                else if (write) Assert.InRange(apic.Acknowledge(), -1, 255);
                else apic.AcknowledgeStartup();
            }

            Assert.True(machine.Clock.Fired < 100 + (operations.Length * 25));
            apic.Reset();
            apic.Write(Svr, 4, 0x1FF);
            machine.Send(apic, 0x40041, 0);
            Assert.Equal(0x41, apic.Acknowledge());
        });

    [Fact]
    public void Processors_that_interrupt_each_other_from_all_sides_lose_nothing()
    {
        var machine = new ApicFixture(2);
        var taken = new int[2];
        machine.WriteEntry(5, 0x8041); // a lower priority, so that it starves nobody
        var line = machine.IoApic.CreateLine(5);
        const int Rounds = 5_000;
        var threads = Enumerable.Range(0, 2).Select(self => new Thread(() =>
        {
            var own = machine.Processors[self];
            for (var sent = 0; sent < Rounds || taken[self] < Rounds;)
            {
                if (sent < Rounds && taken[1 - self] >= sent)
                {
                    machine.Send(own, 0x50, (uint)(1 - self)); // one at a time: IRR merges equal vectors
                    sent++;
                }

                if (self == 0 && sent % 16 == 0) line.Set(sent % 32 == 0);
                if (!own.HasInterrupt) continue;
                var vector = own.Acknowledge();
                if (vector == 0x50) Interlocked.Increment(ref taken[self]);
                if (vector >= 0) own.Write(Eoi, 4, 0);
            }
        })
        { IsBackground = true }).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) Assert.True(thread.Join(20_000));
        Assert.Equal([Rounds, Rounds], taken);
    }
}
