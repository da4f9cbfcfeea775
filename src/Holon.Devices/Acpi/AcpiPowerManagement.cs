using Holon.Devices.State;
using Holon.Devices.Time;

namespace Holon.Devices.Acpi;

/// <summary>
/// The ACPI fixed hardware as the PIIX4 lays it out (82371AB §7.2): PM1a event block at 0, PM1a control block at 4, power management
/// timer at 8 (ACPI specification 6.5, §4.8.3). Also answers the ports by which an operating system takes ACPI over from firmware.
/// </summary>
/// <remarks>Not thread-safe: every call, callbacks included, is made under the device's lock.</remarks>
public sealed class AcpiPowerManagement : IBusDevice, IStatefulDevice
{
    /// <summary>Ticks of the power management timer a second.</summary>
    public const long TimerFrequency = 3_579_545;

    /// <summary>Bytes of the register block.</summary>
    public const int Length = 64;

    /// <summary>Written to port 0xB2 to hand over to the operating system and back: FADT's ACPI_ENABLE and ACPI_DISABLE.</summary>
    public const byte EnableCommand = 0xF1, DisableCommand = 0xF0;

    /// <summary>SLP_TYP of the sleep states, for the DSDT's \_S5 and \_S3 packages: as on a PIIX4.</summary>
    public const byte SleepTypeS5 = 0, SleepTypeS3 = 1;

    private const ushort StatusTimer = 1 << 0, StatusGlobal = 1 << 5, StatusPowerButton = 1 << 8, StatusSleepButton = 1 << 9, StatusRtc = 1 << 10, StatusWake = 1 << 15;
    private const ushort StatusAll = StatusTimer | StatusGlobal | StatusPowerButton | StatusSleepButton | StatusRtc | StatusWake;
    private const ushort EnableAll = StatusTimer | StatusGlobal | StatusPowerButton | StatusSleepButton | StatusRtc;
    private const ushort ControlSci = 1, ControlSleepEnable = 1 << 13, ControlWritable = 0x1C03;

    private readonly IMachineClock _clock;
    private readonly IInterruptLine _sci;
    private readonly Action _powerOff;
    private readonly ITimer _timer;
    private ushort _status, _enable, _control;
    private byte _command, _commandStatus;
    private long _seenHalf; // half periods of the timer's highest bit, as last looked at

    /// <summary>Makes the block.</summary>
    /// <param name="deviceLock">The device's lock.</param>
    /// <param name="clock">The machine's time.</param>
    /// <param name="sci">The system control interrupt, IRQ 9, level-triggered.</param>
    /// <param name="powerOff">Called when the guest enters S5. Must not block.</param>
    public AcpiPowerManagement(Lock deviceLock, IMachineClock clock, IInterruptLine sci, Action powerOff)
    {
        _clock = clock;
        _sci = sci;
        _powerOff = powerOff;
        _timer = clock.CreateTimer(deviceLock, Drive);
        Registers = new RegisterMap(
            new Register(0, 2, "PM1_STS", () => ReadStatus(), value => ClearStatus((ushort)value), PartialWrite.Zero),
            new Register(2, 2, "PM1_EN", () => _enable, value => WriteEnable((ushort)value)),
            new Register(4, 2, "PM1_CNT", () => _control, value => WriteControl((ushort)value)),
            new Register(8, 4, "PM_TMR", () => (uint)Ticks));
        Command = new RegisterMap(
            new Register(0, 1, "APMC", () => _command, value => WriteCommand((byte)value)),
            new Register(1, 1, "APMS", () => _commandStatus, value => _commandStatus = (byte)value));
    }

    /// <summary>The block at the base that FADT names.</summary>
    public RegisterMap Registers { get; }

    /// <summary>Ports 0xB2 and 0xB3.</summary>
    public RegisterMap Command { get; }

    private long Ticks
    {
        get
        {
            var (seconds, rest) = Math.DivRem(_clock.Nanoseconds, 1_000_000_000);
            return (seconds * TimerFrequency) + (rest * TimerFrequency / 1_000_000_000);
        }
    }

    /// <inheritdoc/>
    public ulong Read(ulong offset, int size) => Registers.Read(offset, size);

    /// <inheritdoc/>
    public void Write(ulong offset, int size, ulong value) => Registers.Write(offset, size, value);

    /// <summary>Presses the power button: an operating system with a driver for it shuts down, or does what else its user wants then.</summary>
    /// <returns>False when no driver listens.</returns>
    public bool PressPowerButton()
    {
        _status |= StatusPowerButton;
        Drive();
        return (_control & ControlSci) != 0 && (_enable & StatusPowerButton) != 0;
    }

    /// <summary>Starts in ACPI mode already, for machines without firmware that would switch it on.</summary>
    public void EnableAcpi()
    {
        _control |= ControlSci;
        Drive();
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _status = _enable = _control = 0;
        _command = _commandStatus = 0;
        _seenHalf = Ticks >> 23;
        Drive();
    }

    /// <inheritdoc/>
    public void Save(DeviceStateWriter writer)
    {
        LookAtTimer();
        writer.BeginSection("acpi-pm", 1);
        writer.Write(_status);
        writer.Write(_enable);
        writer.Write(_control);
        writer.Write(_command);
        writer.Write(_commandStatus);
        writer.EndSection();
    }

    /// <inheritdoc/>
    public void Load(DeviceStateReader reader)
    {
        reader.BeginSection("acpi-pm", 1);
        _status = (ushort)(reader.ReadUInt16() & StatusAll);
        _enable = (ushort)(reader.ReadUInt16() & EnableAll);
        _control = (ushort)(reader.ReadUInt16() & ControlWritable);
        _command = reader.ReadByte();
        _commandStatus = reader.ReadByte();
        reader.EndSection();
        _seenHalf = Ticks >> 23;
        Drive();
    }

    private ushort ReadStatus()
    {
        LookAtTimer();
        return _status;
    }

    private void ClearStatus(ushort value)
    {
        LookAtTimer();
        _status &= (ushort)~value;
        Drive();
    }

    private void WriteEnable(ushort value)
    {
        _enable = (ushort)(value & EnableAll);
        Drive();
    }

    private void WriteControl(ushort value)
    {
        _control = (ushort)((value & ControlWritable & ~ControlSci) | (_control & ControlSci)); // SCI_EN follows the command port only
        Drive();
        if ((value & ControlSleepEnable) != 0 && ((value >> 10) & 7) == SleepTypeS5) _powerOff();
    }

    private void WriteCommand(byte value)
    {
        _command = value;
        if (value == EnableCommand) _control |= ControlSci;
        else if (value == DisableCommand) _control &= unchecked((ushort)~ControlSci);
        Drive();
    }

    /// <summary>TMR_STS is set whenever the highest of the timer's 24 bits changes.</summary>
    private void LookAtTimer()
    {
        var half = Ticks >> 23;
        if (half != _seenHalf) _status |= StatusTimer;
        _seenHalf = half;
    }

    private void Drive()
    {
        LookAtTimer();
        _sci.Set((_control & ControlSci) != 0 && (_status & _enable) != 0);
        if ((_enable & StatusTimer) == 0 || (_status & StatusTimer) != 0)
        {
            _timer.Cancel();
            return;
        }

        var left = ((_seenHalf + 1) << 23) - Ticks;
        _timer.Arm(_clock.Nanoseconds + Math.Max((left + 1) * 1_000_000_000 / TimerFrequency, Periodic.MinimumNanoseconds));
    }
}
