using CsCheck;
using Holon.Devices.Acpi;
using Holon.Devices.State;

namespace Holon.Devices.Tests.Acpi;

/// <summary>ACPI specification 6.5, §4.8.</summary>
public sealed class AcpiTests
{
    private readonly FakeClock _clock = new();
    private readonly FakeLine _sci = new();
    private readonly AcpiPowerManagement _acpi;
    private int _powerOffs;

    public AcpiTests() => _acpi = new AcpiPowerManagement(new Lock(), _clock, _sci, () => _powerOffs++);

    [Fact]
    public void The_command_port_switches_ACPI_on_and_off()
    {
        _acpi.Command.Write(0, 1, AcpiPowerManagement.EnableCommand);
        Assert.Equal(1ul, _acpi.Read(4, 2));
        _acpi.Write(4, 2, 0);
        Assert.Equal(1ul, _acpi.Read(4, 2)); // the operating system itself cannot
        _acpi.Command.Write(0, 1, AcpiPowerManagement.DisableCommand);
        Assert.Equal(0ul, _acpi.Read(4, 2));
    }

    [Fact]
    public void The_power_button_raises_SCI_until_its_status_is_cleared()
    {
        _acpi.EnableAcpi();
        _acpi.Write(2, 2, 0x100);
        _acpi.PressPowerButton();
        Assert.True(_sci.Asserted);
        _acpi.Write(0, 1, 0xFF); // the other byte
        Assert.True(_sci.Asserted);
        _acpi.Write(0, 2, 0x100);
        Assert.False(_sci.Asserted);
    }

    [Fact]
    public void Entering_S5_powers_off()
    {
        _acpi.Write(4, 2, 0x2000 | (AcpiPowerManagement.SleepTypeS3 << 10));
        Assert.Equal(0, _powerOffs);
        _acpi.Write(4, 2, 0x2000 | (AcpiPowerManagement.SleepTypeS5 << 10));
        Assert.Equal(1, _powerOffs);
    }

    [Fact]
    public void The_timer_counts_3579545_a_second()
    {
        _clock.Advance(2_000_000_000);
        Assert.Equal(2ul * 3_579_545, _acpi.Read(8, 4));
        _acpi.Write(8, 4, 0);
        Assert.Equal(2ul * 3_579_545, _acpi.Read(8, 4));
    }

    [Fact]
    public void The_timer_interrupts_when_its_highest_bit_changes()
    {
        _acpi.EnableAcpi();
        _acpi.Write(2, 2, 1);
        _clock.Advance(2_343_000_000);
        Assert.False(_sci.Asserted);
        _clock.Advance(1_000_000);
        Assert.True(_sci.Asserted);
        Assert.Equal(1ul, _acpi.Read(0, 2));
        _acpi.Write(0, 2, 1);
        Assert.False(_sci.Asserted);
    }

    [Fact]
    public void General_purpose_events_raise_SCI_when_enabled()
    {
        var gpe = new GeneralPurposeEvents(_sci);
        gpe.Signal(3);
        Assert.False(_sci.Asserted);
        gpe.Write(2, 1, 0x08);
        Assert.True(_sci.Asserted);
        gpe.Write(0, 1, 0x08);
        Assert.False(_sci.Asserted);
    }

    [Fact]
    public void A_rising_reset_bit_resets()
    {
        var resets = 0;
        var control = new ResetControl(() => resets++);
        control.Write(0, 1, 0x02);
        Assert.Equal(0, resets);
        control.Write(0, 1, 0x06);
        control.Write(0, 1, 0x06);
        Assert.Equal(1, resets);
        Assert.Equal(0x06ul, control.Read(0, 1));
    }

    [Fact]
    public void Saved_state_goes_on()
    {
        _acpi.EnableAcpi();
        _acpi.Write(2, 2, 0x100);
        _acpi.PressPowerButton();
        var writer = new DeviceStateWriter();
        _acpi.Save(writer);
        var sci = new FakeLine();
        new AcpiPowerManagement(new Lock(), new FakeClock(), sci, () => { }).Load(new DeviceStateReader(writer.Written, "test"));
        Assert.True(sci.Asserted);
    }

    [Fact]
    public void Any_sequence_of_accesses_leaves_it_working() =>
        Gen.Select(Gen.ULong[0, 20], Gen.Int[0, 9], Gen.ULong, Gen.Long[0, 1_000_000_000], Gen.Int[0, 3]).Array.Sample(operations =>
        {
            var (clock, sci) = (new FakeClock(), new FakeLine());
            var acpi = new AcpiPowerManagement(new Lock(), clock, sci, () => { });
            var gpe = new GeneralPurposeEvents(sci);
            var reset = new ResetControl(() => { });
            foreach (var (offset, size, value, time, kind) in operations)
            {
                foreach (var device in new IBusDevice[] { acpi, acpi.Command, gpe, reset })
                {
                    if (kind == 0) device.Read(offset, size);
                    else device.Write(offset, kind == 1 ? size : 2, value);
                }

                clock.Advance(time);
            }

            Assert.True(clock.Fired <= operations.Length);
            acpi.Reset();
            acpi.EnableAcpi();
            acpi.Write(2, 2, 0x100);
            acpi.PressPowerButton();
            Assert.True(sci.Asserted);
        });
}
