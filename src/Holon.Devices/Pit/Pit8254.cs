using Holon.Devices.State;
using Holon.Devices.Time;

namespace Holon.Devices.Pit;

/// <summary>
/// A PC's interval timer: an Intel 8254 (data sheet 231164-005) at ports 0x40–0x43, and port 0x61, which gates its counter 2
/// (82371SB §2.5.3). Counter 0 drives IRQ 0, counter 1 the refresh of old memories, counter 2 the speaker.
/// </summary>
/// <remarks>Not thread-safe: every call is made under the device's lock.</remarks>
public sealed class Pit8254 : IBusDevice, IStatefulDevice
{
    /// <summary>Periods of its input clock a second: 14.31818 MHz / 12.</summary>
    public const long Frequency = 1_193_182;

    /// <summary><see cref="Periodic.MinimumNanoseconds"/> in ticks.</summary>
    internal const long MinimumTicks = Periodic.MinimumNanoseconds * Frequency / 1_000_000_000;

    private const byte GateBit = 1, WritableControl = 0x0F;

    private readonly PitChannel[] _channels = [new(), new(), new()];
    private readonly IMachineClock _clock;
    private readonly IInterruptLine _irq;
    private readonly ITimer _timer;
    private byte _systemControl;

    /// <summary>Makes the timer.</summary>
    /// <param name="deviceLock">The device's lock.</param>
    /// <param name="clock">The machine's time.</param>
    /// <param name="irq">IRQ 0: input 0 of the 8259A and, on a PC, input 2 of the I/O APIC.</param>
    public Pit8254(Lock deviceLock, IMachineClock clock, IInterruptLine irq)
    {
        _clock = clock;
        _irq = irq;
        _timer = clock.CreateTimer(deviceLock, OnTimer);
        Registers = new RegisterMap(
            new Register(0, 1, "Counter 0", () => _channels[0].Read(Now), value => WriteCount(0, (byte)value)),
            new Register(1, 1, "Counter 1", () => _channels[1].Read(Now), value => WriteCount(1, (byte)value)),
            new Register(2, 1, "Counter 2", () => _channels[2].Read(Now), value => WriteCount(2, (byte)value)),
            new Register(3, 1, "Control word", null, value => WriteControl((byte)value)));
        SystemControl = new RegisterMap(new Register(0, 1, "NMISC", () => ReadSystemControl(), value => WriteSystemControl((byte)value)));
        Reset();
    }

    /// <summary>Ports 0x40 to 0x43.</summary>
    public RegisterMap Registers { get; }

    /// <summary>Port 0x61.</summary>
    public RegisterMap SystemControl { get; }

    private long Now => ToTicks(_clock.Nanoseconds);

    /// <inheritdoc/>
    public ulong Read(ulong offset, int size) => Registers.Read(offset, size);

    /// <inheritdoc/>
    public void Write(ulong offset, int size, ulong value) => Registers.Write(offset, size, value);

    /// <inheritdoc/>
    public void Reset()
    {
        foreach (var channel in _channels) channel.Reset();
        WriteSystemControl(0);
        _timer.Cancel();
        _irq.Set(false);
    }

    /// <inheritdoc/>
    public void Save(DeviceStateWriter writer)
    {
        writer.BeginSection("pit", 1);
        writer.Write(_systemControl);
        foreach (var channel in _channels) channel.Save(writer);
        writer.EndSection();
    }

    /// <inheritdoc/>
    public void Load(DeviceStateReader reader)
    {
        reader.BeginSection("pit", 1);
        _systemControl = reader.ReadByte(WritableControl);
        foreach (var channel in _channels) channel.Load(reader, Now);
        reader.EndSection();
        _irq.Set(_channels[0].Mode >= 2 || _channels[0].Output(Now));
        Arm();
    }

    private static long ToTicks(long nanoseconds)
    {
        var (seconds, rest) = Math.DivRem(nanoseconds, 1_000_000_000); // split: the whole product would overflow in two hours
        return (seconds * Frequency) + (rest * Frequency / 1_000_000_000);
    }

    private static long ToNanoseconds(long ticks)
    {
        var (seconds, rest) = Math.DivRem(ticks, Frequency);
        return (seconds * 1_000_000_000) + (((rest * 1_000_000_000) + Frequency - 1) / Frequency); // rounded up: never early
    }

    private void WriteCount(int index, byte value)
    {
        _channels[index].WriteCount(value, Now);
        if (index == 0) Drive();
    }

    private void WriteControl(byte value)
    {
        var now = Now;
        var index = value >> 6;
        if (index == 3)
        {
            for (var i = 0; i < 3; i++)
            {
                if ((value & (2 << i)) == 0) continue;
                if ((value & 0x20) == 0) _channels[i].LatchCount(now);
                if ((value & 0x10) == 0) _channels[i].LatchStatus(now);
            }
        }
        else if ((value & 0x30) == 0)
        {
            _channels[index].LatchCount(now);
        }
        else
        {
            _channels[index].WriteControl(value);
            if (index == 0) Drive();
        }
    }

    private byte ReadSystemControl()
    {
        var nanoseconds = _clock.Nanoseconds;
        var refresh = nanoseconds / 15_085 % 2 == 0 ? 0 : 0x10; // toggles with every refresh request, each 18 ticks
        return (byte)(_systemControl | refresh | (_channels[2].Output(ToTicks(nanoseconds)) ? 0x20 : 0));
    }

    private void WriteSystemControl(byte value)
    {
        _systemControl = (byte)(value & WritableControl);
        _channels[2].SetGate((value & GateBit) != 0, Now);
    }

    /// <summary>Brings the line to OUT of counter 0 after the guest changed it.</summary>
    private void Drive()
    {
        _irq.Set(_channels[0].Mode >= 2 || _channels[0].Output(Now));
        Arm();
    }

    private void Arm()
    {
        var rise = _channels[0].NextRise(Now);
        if (rise < 0) _timer.Cancel();
        else _timer.Arm(ToNanoseconds(rise));
    }

    private void OnTimer()
    {
        // Only rising edges matter to an interrupt controller: the low part of a period or strobe is not given a timer of its own.
        if (_channels[0].Mode >= 2) _irq.Set(false);
        _irq.Set(_channels[0].Mode >= 2 || _channels[0].Output(Now));
        Arm();
    }
}
