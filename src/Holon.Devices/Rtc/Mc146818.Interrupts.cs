using Holon.Devices.Time;

namespace Holon.Devices.Rtc;

/// <summary>Alarm, periodic and update-ended interrupts (data sheet, "Interrupts").</summary>
public sealed partial class Mc146818
{
    private const byte DoNotCare = 0xC0;

    /// <summary>Nanoseconds between two periodic interrupts (table 5, 32.768 kHz), 0 for none.</summary>
    private long Period
    {
        get
        {
            var rate = _controlA & 0x0F;
            if (rate == 0 || (_controlA & 0x60) == 0x60) return 0; // none selected, or the divider is held in reset
            if (rate <= 2) rate += 7;
            return 1_000_000_000L * (1 << (rate - 1)) / 32_768;
        }
    }

    /// <summary>Sets the flags of all that happened since the last look.</summary>
    private void UpdateFlags()
    {
        if (Period is > 0 and var period)
        {
            var periods = (_clock.Nanoseconds - _periodStart) / period;
            if (periods > 0) _flags |= PeriodicFlag;
            _periodStart += periods * period;
        }

        var second = TimeOfDay / TimeSpan.TicksPerSecond;
        if (second > _seenSecond && !TimeIsSet)
        {
            _flags |= UpdateFlag;
            if (NextAlarm(_seenSecond) <= second) _flags |= AlarmFlag;
        }

        _seenSecond = second;
    }

    /// <summary>The first second after one at which the alarm goes off. One that never does is far away.</summary>
    private long NextAlarm(long after)
    {
        // At most the rest of a minute and of an hour, 24 hours, 60 minutes and 60 seconds are looked at.
        var second = after + 1;
        for (var i = 0; i < 300 && second < DateTime.MaxValue.Ticks / TimeSpan.TicksPerSecond; i++)
        {
            var time = new DateTime(second * TimeSpan.TicksPerSecond);
            if (!Matches(time, HoursAlarm, RtcTime.Hours)) second += 3600 - (second % 3600);
            else if (!Matches(time, MinutesAlarm, RtcTime.Minutes)) second += 60 - (second % 60);
            else if (!Matches(time, SecondsAlarm, RtcTime.Seconds)) second++;
            else return second;
        }

        return long.MaxValue;
    }

    private bool Matches(DateTime time, int alarm, int register) =>
        (_cmos[alarm] & DoNotCare) == DoNotCare || _cmos[alarm] == RtcTime.Encode(time, register, (_controlB & Binary) != 0, (_controlB & Hours24) != 0);

    private void OnTimer()
    {
        UpdateFlags();
        Drive();
    }

    /// <summary>Brings the line to what flags and enables say, and sets the timer for the next event that may interrupt.</summary>
    private void Drive()
    {
        var requested = (_flags & _controlB & (PeriodicFlag | AlarmFlag | UpdateFlag)) != 0;
        _flags = (byte)(requested ? _flags | RequestFlag : _flags & ~RequestFlag);
        _irq.Set(requested);

        var now = _clock.Nanoseconds;
        var deadline = long.MaxValue;
        if ((_controlB & PeriodicEnable) != 0 && Period is > 0 and var period) deadline = Periodic.NextDeadline(now, _periodStart, period);
        if (!TimeIsSet && (_controlB & UpdateEnable) != 0) deadline = Math.Min(deadline, At(now, _seenSecond + 1));
        if (!TimeIsSet && (_controlB & AlarmEnable) != 0 && NextAlarm(_seenSecond) is < long.MaxValue and var alarm) deadline = Math.Min(deadline, At(now, alarm));
        if (deadline == long.MaxValue) _timer.Cancel();
        else _timer.Arm(deadline);
    }

    /// <summary>When a second of the guest's time of day begins, on the machine's clock.</summary>
    private long At(long now, long second) => now + Math.Max(((second * TimeSpan.TicksPerSecond) - TimeOfDay) * 100, Periodic.MinimumNanoseconds);
}
