using Holon.Devices.State;

namespace Holon.Devices.Rtc;

/// <summary>
/// A PC's clock with battery-backed memory: a Motorola MC146818A (data sheet ADI-1029) at ports 0x70 and 0x71. Its time of day is the
/// host's, in UTC, plus what the guest changed.
/// </summary>
/// <remarks>
/// Not thread-safe: every call is made under the device's lock. Flags are computed when the guest reads them; a timer runs only while
/// one of the three interrupts is enabled.
/// </remarks>
public sealed partial class Mc146818 : IBusDevice, IStatefulDevice
{
    /// <summary>Bytes behind the index port, the clock's own registers included.</summary>
    public const int CmosLength = 128;

    private const int SecondsAlarm = 1, MinutesAlarm = 3, HoursAlarm = 5, RegA = 10, RegB = 11, RegC = 12, RegD = 13;
    private const byte UpdateInProgress = 0x80;
    private const byte Set = 0x80, PeriodicEnable = 0x40, AlarmEnable = 0x20, UpdateEnable = 0x10, Binary = 0x04, Hours24 = 0x02; // B
    private const byte RequestFlag = 0x80, PeriodicFlag = 0x40, AlarmFlag = 0x20, UpdateFlag = 0x10; // C
    private const byte ValidTime = 0x80; // D

    /// <summary>UIP rises 244 µs before the update and falls when it ends, 1984 µs later ("Update cycle", table 6).</summary>
    private const long UpdateTicks = (244 + 1984) * TimeSpan.TicksPerMicrosecond;

    private readonly IMachineClock _clock;
    private readonly TimeProvider _host;
    private readonly IInterruptLine _irq;
    private readonly ITimer _timer;
    private readonly byte[] _cmos = new byte[CmosLength];
    private byte _index, _controlA = 0x26, _controlB = Hours24, _flags;
    private bool _nmiMasked;
    private long _offset; // of the guest's time of day from the host's, in ticks of 100 ns
    private long _seenSecond; // of the guest's time of day: flags are up to date until then
    private long _periodStart; // guest nanoseconds; always a multiple of the period before the last look at the flags

    /// <summary>Makes the clock.</summary>
    /// <param name="deviceLock">The device's lock.</param>
    /// <param name="clock">The machine's time, for the interrupts.</param>
    /// <param name="host">The time of day.</param>
    /// <param name="irq">IRQ 8.</param>
    public Mc146818(Lock deviceLock, IMachineClock clock, TimeProvider host, IInterruptLine irq)
    {
        _clock = clock;
        _host = host;
        _irq = irq;
        _timer = clock.CreateTimer(deviceLock, OnTimer);
        _seenSecond = TimeOfDay / TimeSpan.TicksPerSecond;
        Registers = new RegisterMap(
            new Register(0, 1, "Index, NMI mask", null, value => (_index, _nmiMasked) = ((byte)(value & 0x7F), (value & 0x80) != 0)),
            new Register(1, 1, "Data", () => ReadRegister(_index), value => WriteRegister(_index, (byte)value)));
    }

    /// <summary>Ports 0x70 and 0x71.</summary>
    public RegisterMap Registers { get; }

    /// <summary>Bit 7 of the index port, which on a PC keeps NMI sources from the processor.</summary>
    public bool NmiMasked => _nmiMasked;

    private bool TimeIsSet => (_controlB & Set) != 0;

    /// <summary>The guest's time of day in ticks of 100 ns since year 1, kept within what a date can be.</summary>
    private long TimeOfDay => Math.Clamp(_host.GetUtcNow().UtcTicks + _offset, 0, DateTime.MaxValue.Ticks);

    /// <inheritdoc/>
    public ulong Read(ulong offset, int size) => Registers.Read(offset, size);

    /// <inheritdoc/>
    public void Write(ulong offset, int size, ulong value) => Registers.Write(offset, size, value);

    /// <summary>The RESET pin: disables interrupts and clears flags; time and memory live on the battery.</summary>
    public void Reset()
    {
        _controlB &= unchecked((byte)~(PeriodicEnable | AlarmEnable | UpdateEnable));
        _flags = 0;
        _nmiMasked = false;
        _index = 0;
        _timer.Cancel();
        _irq.Set(false);
    }

    /// <inheritdoc/>
    public void Save(DeviceStateWriter writer)
    {
        UpdateFlags();
        writer.BeginSection("rtc", 1);
        writer.WriteBytes(_cmos);
        writer.WriteBytes([_index, _controlA, _controlB, _flags]);
        writer.Write(_nmiMasked);
        writer.Write(_offset);
        writer.Write(_periodStart);
        writer.EndSection();
    }

    /// <summary>Takes saved state; the time of day goes on with the host's.</summary>
    public void Load(DeviceStateReader reader)
    {
        reader.BeginSection("rtc", 1);
        reader.ReadBytes(_cmos);
        _index = reader.ReadByte(CmosLength - 1);
        _controlA = (byte)(reader.ReadByte() & 0x7F);
        _controlB = reader.ReadByte();
        _flags = (byte)(reader.ReadByte() & 0xF0);
        _nmiMasked = reader.ReadBoolean();
        _offset = reader.ReadInt64();
        if (_offset is < -long.MaxValue / 4 or > long.MaxValue / 4) throw reader.Damaged("the time of day is out of range");
        _periodStart = Math.Min(reader.ReadNanoseconds(), _clock.Nanoseconds);
        reader.EndSection();
        _seenSecond = TimeOfDay / TimeSpan.TicksPerSecond;
        Drive();
    }

    private byte ReadRegister(int index)
    {
        switch (index)
        {
            case RegA:
                return (byte)(_controlA | (UpdateIsNear() ? UpdateInProgress : 0));
            case RegB:
                return _controlB;
            case RegC: // reading clears all flags and releases the line
                UpdateFlags();
                var flags = _flags;
                _flags = 0;
                Drive();
                return flags;
            case RegD:
                return ValidTime;
            default:
                return RtcTime.Contains(index) && !TimeIsSet ? RtcTime.Encode(new DateTime(TimeOfDay), index, (_controlB & Binary) != 0, (_controlB & Hours24) != 0) : _cmos[index];
        }
    }

    private void WriteRegister(int index, byte value)
    {
        UpdateFlags();
        switch (index)
        {
            case RegA:
                var rateChanged = ((_controlA ^ value) & 0x0F) != 0;
                _controlA = (byte)(value & 0x7F);
                if (rateChanged) _periodStart = _clock.Nanoseconds;
                break;
            case RegB:
                WriteControlB(value);
                break;
            case RegC or RegD:
                return;
            default:
                if (!RtcTime.Contains(index))
                {
                    _cmos[index] = value;
                }
                else if (TimeIsSet)
                {
                    _cmos[index] = value;
                }
                else
                {
                    CaptureTime();
                    _cmos[index] = value;
                    ApplyTime();
                }

                break;
        }

        Drive();
    }

    /// <summary>While SET is one the registers stand still and take a new time; it counts from when SET falls.</summary>
    private void WriteControlB(byte value)
    {
        if (!TimeIsSet && (value & Set) != 0) CaptureTime();
        var wasSet = TimeIsSet;
        _controlB = (byte)((value & Set) != 0 ? value & ~UpdateEnable : value); // SET clears UIE
        if (wasSet && !TimeIsSet) ApplyTime();
    }

    private void CaptureTime()
    {
        var now = new DateTime(TimeOfDay);
        for (var index = 0; index < CmosLength; index++)
        {
            if (RtcTime.Contains(index)) _cmos[index] = RtcTime.Encode(now, index, (_controlB & Binary) != 0, (_controlB & Hours24) != 0);
        }
    }

    private void ApplyTime()
    {
        _offset = RtcTime.Decode(_cmos, (_controlB & Binary) != 0, (_controlB & Hours24) != 0).Ticks - _host.GetUtcNow().UtcTicks;
        _seenSecond = TimeOfDay / TimeSpan.TicksPerSecond;
    }

    private bool UpdateIsNear() => !TimeIsSet && TimeSpan.TicksPerSecond - (TimeOfDay % TimeSpan.TicksPerSecond) <= UpdateTicks;
}
