using Holon.Devices.State;
using Holon.Devices.Time;

namespace Holon.Devices.Apic;

/// <summary>How the timer counts: bits 17 and 18 of its LVT entry.</summary>
internal enum LocalApicTimerMode : byte
{
    OneShot = 0,
    Periodic = 1,
    TscDeadline = 2,
}

/// <summary>
/// The local APIC's timer (SDM vol. 3 §11.5.4). The bus clock that it divides runs at 1 GHz: one tick a nanosecond. The count is
/// computed from the clock when it is read.
/// </summary>
/// <remarks>Guarded by <see cref="Lock"/>, under which the callback for expiry is called; the APIC's own lock may be taken inside, never outside.</remarks>
internal sealed class LocalApicTimer
{
    private readonly IMachineClock _clock;
    private readonly Action _expired;
    private readonly ITimer _timer;
    private LocalApicTimerMode _mode;
    private bool _counting;
    private uint _initialCount;
    private byte _divideConfiguration;
    private long _start; // when the count was last equal to the initial one
    private ulong _deadline, _tscOffset;

    public LocalApicTimer(IMachineClock clock, Action expired)
    {
        _clock = clock;
        _expired = expired;
        _timer = clock.CreateTimer(Lock, OnTimer);
    }

    public Lock Lock { get; } = new();

    public uint InitialCount
    {
        get => _initialCount;
        set
        {
            if (_mode == LocalApicTimerMode.TscDeadline) return;
            _initialCount = value;
            _counting = value != 0;
            _start = _clock.Nanoseconds;
            Arm();
        }
    }

    public uint CurrentCount
    {
        get
        {
            if (!_counting) return 0;
            var elapsed = (_clock.Nanoseconds - _start) >> DivideShift;
            if (_mode == LocalApicTimerMode.Periodic) return _initialCount - (uint)(elapsed % _initialCount);
            return elapsed >= _initialCount ? 0 : _initialCount - (uint)elapsed;
        }
    }

    public byte DivideConfiguration
    {
        get => _divideConfiguration;
        set
        {
            var done = _initialCount - CurrentCount;
            _divideConfiguration = (byte)(value & 0x0B);
            if (!_counting) return;
            _start = _clock.Nanoseconds - ((long)done << DivideShift);
            Arm();
        }
    }

    /// <summary>IA32_TSC_DEADLINE: zero in the other modes, which ignore writes.</summary>
    public ulong Deadline
    {
        get => _deadline;
        set
        {
            if (_mode != LocalApicTimerMode.TscDeadline) return;
            _deadline = value;
            Arm();
        }
    }

    /// <summary>What the vCPU adds to the clock's time-stamp counter.</summary>
    public ulong TscOffset
    {
        get => _tscOffset;
        set
        {
            _tscOffset = value;
            if (_mode == LocalApicTimerMode.TscDeadline) Arm();
        }
    }

    private int DivideShift => (((_divideConfiguration & 3) | ((_divideConfiguration >> 1) & 4)) + 1) & 7;

    private long Period => (long)_initialCount << DivideShift;

    public void SetMode(LocalApicTimerMode mode)
    {
        if (mode == _mode) return;
        if (mode == LocalApicTimerMode.TscDeadline || _mode == LocalApicTimerMode.TscDeadline)
        {
            _counting = false; // only these changes disarm the timer
            _deadline = 0;
        }
        else if (_counting)
        {
            var elapsed = _clock.Nanoseconds - _start;
            if (_mode == LocalApicTimerMode.Periodic)
            {
                _start += elapsed / Period * Period;
            }
            else if (elapsed >= Period)
            {
                _counting = false;
                _expired();
            }
        }

        _mode = mode;
        Arm();
    }

    public void Reset()
    {
        _mode = LocalApicTimerMode.OneShot;
        _counting = false;
        _initialCount = 0;
        _divideConfiguration = 0;
        _deadline = 0;
        _timer.Cancel();
    }

    public void Save(DeviceStateWriter writer)
    {
        writer.Write((byte)_mode);
        writer.Write(_counting);
        writer.Write(_initialCount);
        writer.Write(_divideConfiguration);
        writer.Write(_start);
        writer.Write(_deadline);
        writer.Write(_tscOffset);
    }

    public void Load(DeviceStateReader reader)
    {
        _mode = (LocalApicTimerMode)reader.ReadByte((byte)LocalApicTimerMode.TscDeadline);
        _counting = reader.ReadBoolean();
        _initialCount = reader.ReadUInt32();
        if (_counting && _initialCount == 0) throw reader.Damaged("a running timer has no count");
        _divideConfiguration = (byte)(reader.ReadByte() & 0x0B);
        _start = Math.Min(reader.ReadNanoseconds(), _clock.Nanoseconds);
        _deadline = reader.ReadUInt64();
        _tscOffset = reader.ReadUInt64();
        Arm();
    }

    private void Arm()
    {
        if (_mode == LocalApicTimerMode.TscDeadline) ArmDeadline();
        else if (!_counting) _timer.Cancel();
        else if (_mode == LocalApicTimerMode.Periodic) _timer.Arm(Periodic.NextDeadline(_clock.Nanoseconds, _start, Period));
        else _timer.Arm(_start + Period);
    }

    private void ArmDeadline()
    {
        if (_deadline == 0)
        {
            _timer.Cancel();
            return;
        }

        var tsc = _clock.Tsc + _tscOffset;
        if (_deadline <= tsc)
        {
            _deadline = 0;
            _timer.Cancel();
            _expired();
            return;
        }

        var ticks = _deadline - tsc;
        var nanoseconds = _clock.TscFrequency == 1_000_000_000 ? ticks : (ulong)UInt128.Min((UInt128)ticks * 1_000_000_000 / _clock.TscFrequency, long.MaxValue);
        _timer.Arm(_clock.Nanoseconds + (long)Math.Min(nanoseconds, Periodic.MaximumNanoseconds));
    }

    private void OnTimer()
    {
        if (_mode == LocalApicTimerMode.TscDeadline)
        {
            ArmDeadline(); // expires, or goes on when rounding woke us early
            return;
        }

        if (!_counting) return;
        var elapsed = _clock.Nanoseconds - _start;
        if (elapsed >= Period)
        {
            if (_mode == LocalApicTimerMode.Periodic) _start += elapsed / Period * Period;
            else _counting = false;
            _expired();
        }

        Arm();
    }
}
