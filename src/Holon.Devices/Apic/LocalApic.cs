using Holon.Devices.Pic;
using Holon.Devices.State;
using Holon.X86;

namespace Holon.Devices.Apic;

/// <summary>
/// A processor's local APIC, xAPIC and x2APIC (Intel SDM vol. 3, chapter 11 "Advanced Programmable Interrupt Controller").
/// </summary>
/// <remarks>
/// Thread-safe: its vCPU's accesses, messages from the bus and its timer meet under <c>_lock</c>, which is never held while calling out.
/// The timer has its own lock, taken before <c>_lock</c> where both are needed.
/// </remarks>
public sealed partial class LocalApic : IVcpuInterrupts, IBusDevice, IStatefulDevice
{
    /// <summary>Where the registers are after reset.</summary>
    public const ulong DefaultAddress = 0xFEE0_0000;

    /// <summary>Bytes of the register page.</summary>
    public const int MmioLength = 4096;

    private const ulong BaseBootstrap = 1 << 8, BaseX2Apic = 1 << 10, BaseEnable = 1 << 11, BaseMode = BaseX2Apic | BaseEnable, BaseReservedLow = 0x2FF;
    private const uint SoftwareEnable = 1 << 8, Masked = 1 << 16;
    private const ulong NotMapped = ulong.MaxValue;

    private readonly Lock _lock = new();
    private readonly LocalApicTimer _timer;
    private readonly ApicBus _bus;
    private readonly IExternalInterrupts? _pic;
    private readonly Action _kick;
    private readonly bool _bootstrap;
    private readonly uint[] _lvt = new uint[LvtCount];

    private ulong _base;
    private uint _taskPriority, _logicalDestination, _destinationFormat, _spurious, _errors, _pendingErrors, _icrLow, _icrHigh;
    private VectorSet _requests, _inService, _triggerMode;
    private int _startup = -1; // vector of a start-up message that waits
    private bool _initPending, _waitsForStartup, _extIntMessage, _lint0;
    private volatile bool _hasInterrupt, _hasStartup;
    private int _nmis; // that wait: at most one to be delivered and one behind it
    private int _wakeUp;
    private ulong _mmioBase; // volatile accesses; NotMapped outside xAPIC mode

    /// <summary>Makes a local APIC and joins the bus with it.</summary>
    /// <param name="id">The APIC id. Processors above 254 are reached in x2APIC mode only.</param>
    /// <param name="bootstrap">True for the processor that starts by itself at reset.</param>
    /// <param name="bus">Where messages go.</param>
    /// <param name="clock">The machine's time, for the timer.</param>
    /// <param name="pic">The 8259A pair wired to LINT0, or null: on a PC only the bootstrap processor has it. Its
    /// <see cref="PicPair.OutputChanged"/> must call <see cref="ExternalInterruptChanged"/>.</param>
    /// <param name="kick">Called, under no lock of the APIC's registers, when something new waits for the vCPU. Must not block.</param>
    public LocalApic(uint id, bool bootstrap, ApicBus bus, IMachineClock clock, IExternalInterrupts? pic, Action kick)
    {
        Id = id;
        _bootstrap = bootstrap;
        _bus = bus;
        _pic = pic;
        _kick = kick;
        _timer = new LocalApicTimer(clock, OnTimerExpired);
        Reset();
        bus.Join(this);
    }

    /// <summary>The APIC id.</summary>
    public uint Id { get; }

    /// <summary>MAXPHYADDR of the processor: bits of IA32_APIC_BASE at and above it are reserved.</summary>
    public int PhysicalAddressBits { get; init; } = 40;

    /// <summary>Where the register page is, or all ones when it is not mapped (disabled, or x2APIC mode). A volatile read.</summary>
    public ulong MmioBase => Volatile.Read(ref _mmioBase);

    /// <summary>IA32_APIC_BASE.</summary>
    public ulong ApicBase
    {
        get
        {
            lock (_lock) return _base;
        }
    }

    /// <inheritdoc/>
    public ulong TscOffset
    {
        get
        {
            lock (_timer.Lock) return _timer.TscOffset;
        }

        set
        {
            lock (_timer.Lock) _timer.TscOffset = value;
        }
    }

    /// <inheritdoc/>
    public bool HasInterrupt => _hasInterrupt;

    /// <inheritdoc/>
    public bool HasNmi => Volatile.Read(ref _nmis) > 0;

    /// <inheritdoc/>
    public bool HasStartup => _hasStartup;

    /// <inheritdoc/>
    public byte TaskPriority
    {
        get => (byte)(Volatile.Read(ref _taskPriority) >> 4);
        set
        {
            bool kick;
            lock (_lock)
            {
                _taskPriority = (uint)(value & 0x0F) << 4;
                kick = Update();
            }

            if (kick) _kick();
        }
    }

    /// <summary>The processor priority's class, for lowest-priority arbitration; read without the lock, since it may change at once anyway.</summary>
    internal int ProcessorPriority => (int)(Priority() >> 4);

    /// <summary>True when fixed interrupts are taken: enabled by both hardware and software.</summary>
    internal bool AcceptsInterrupts => HardwareEnabled && (Volatile.Read(ref _spurious) & SoftwareEnable) != 0;

    private bool HardwareEnabled => (Volatile.Read(ref _base) & BaseEnable) != 0;

    private bool X2Apic => (Volatile.Read(ref _base) & BaseMode) == BaseMode;

    /// <inheritdoc/>
    public int Acknowledge()
    {
        lock (_lock)
        {
            var vector = PendingVector();
            if (vector >= 0)
            {
                _requests.Remove((byte)vector);
                _inService.Add((byte)vector);
                Update();
                return vector;
            }

            if (!ExternalInterruptPending())
            {
                Update();
                return -1;
            }

            _extIntMessage = false;
        }

        // The 8259A has its own lock; its change of output comes back through ExternalInterruptChanged.
        var external = _pic!.Acknowledge();
        ExternalInterruptChanged();
        return external;
    }

    /// <inheritdoc/>
    public void AcknowledgeNmi()
    {
        lock (_lock) _nmis = Math.Max(_nmis - 1, 0);
    }

    /// <inheritdoc/>
    public void KeepOneNmi()
    {
        lock (_lock) _nmis = Math.Min(_nmis, 1);
    }

    /// <inheritdoc/>
    public int SendToMany(UInt128 destinations, uint first, uint command) =>
        _bus.DeliverToMany(destinations, first, new ApicMessage(0, false, (DeliveryMode)((command >> 8) & 7), (byte)command));

    /// <inheritdoc/>
    public void WakeProcessor(uint apicId) => _bus.Wake(apicId);

    /// <inheritdoc/>
    public bool TakeWakeUp() => Volatile.Read(ref _wakeUp) != 0 && Interlocked.Exchange(ref _wakeUp, 0) != 0;

    internal void WakeUp()
    {
        Volatile.Write(ref _wakeUp, 1);
        _kick();
    }

    /// <inheritdoc/>
    public int AcknowledgeStartup()
    {
        lock (_timer.Lock)
        {
            lock (_lock)
            {
                if (_initPending)
                {
                    _initPending = false;
                    ResetRegisters();
                    Update();
                    return -1;
                }

                var vector = _startup;
                _startup = -1;
                _waitsForStartup = false;
                Update();
                return vector;
            }
        }
    }

    /// <summary>To be called after <see cref="IExternalInterrupts.Output"/> of the 8259A pair changed.</summary>
    public void ExternalInterruptChanged()
    {
        bool kick;
        lock (_lock)
        {
            var level = _pic is { Output: true }; // read here, not passed in: the last caller to get the lock sees the last value
            if (level && !_lint0 && HardwareEnabled) SignalLocal(LvtLint0);
            _lint0 = level;
            kick = Update();
        }

        if (kick) _kick();
    }

    /// <summary>Signals LINT1, which a PC connects to its NMI sources.</summary>
    public void SignalLint1()
    {
        bool kick;
        lock (_lock)
        {
            if (HardwareEnabled) SignalLocal(LvtLint1);
            else RaiseNmi();
            kick = Update() || _nmis > 0;
        }

        if (kick) _kick();
    }

    /// <inheritdoc/>
    public void Reset()
    {
        lock (_timer.Lock)
        {
            lock (_lock)
            {
                SetBase(DefaultAddress | BaseEnable | (_bootstrap ? BaseBootstrap : 0));
                ResetRegisters();
                _initPending = false;
                _startup = -1;
                _waitsForStartup = !_bootstrap;
                Update();
            }
        }
    }

    /// <inheritdoc/>
    public void Save(DeviceStateWriter writer)
    {
        lock (_timer.Lock)
        {
            lock (_lock)
            {
                writer.BeginSection("local-apic", 1);
                writer.Write(Id);
                writer.Write(_base);
                foreach (var register in (ReadOnlySpan<uint>)[_taskPriority, _logicalDestination, _destinationFormat, _spurious, _errors, _pendingErrors, _icrLow, _icrHigh])
                    writer.Write(register);
                foreach (var entry in _lvt) writer.Write(entry);
                _requests.Save(writer);
                _inService.Save(writer);
                _triggerMode.Save(writer);
                writer.Write(_startup);
                foreach (var flag in (ReadOnlySpan<bool>)[_initPending, _waitsForStartup, _extIntMessage, _lint0, HasNmi]) writer.Write(flag);
                _timer.Save(writer);
                writer.EndSection();
            }
        }
    }

    /// <inheritdoc/>
    public void Load(DeviceStateReader reader)
    {
        lock (_timer.Lock)
        {
            lock (_lock) LoadRegisters(reader);
            _timer.Load(reader); // may expire at once, which takes the lock
            reader.EndSection();
            lock (_lock) Update();
        }

        _kick();
    }

    private void LoadRegisters(DeviceStateReader reader)
    {
        reader.BeginSection("local-apic", 1);
        if (reader.ReadUInt32() != Id) throw reader.Damaged("it belongs to another processor");
        var apicBase = reader.ReadUInt64();
        if ((apicBase & BaseMode) == BaseX2Apic) throw reader.Damaged("the mode is impossible");
        SetBase(apicBase);
        _taskPriority = reader.ReadUInt32() & 0xFF;
        _logicalDestination = reader.ReadUInt32();
        _destinationFormat = reader.ReadUInt32() | 0x0FFF_FFFF;
        _spurious = reader.ReadUInt32() & SpuriousWritable;
        _errors = reader.ReadUInt32();
        _pendingErrors = reader.ReadUInt32();
        _icrLow = reader.ReadUInt32();
        _icrHigh = reader.ReadUInt32();
        for (var i = 0; i < LvtCount; i++) _lvt[i] = reader.ReadUInt32() & LvtWritable[i];
        _requests.Load(reader);
        _inService.Load(reader);
        _triggerMode.Load(reader);
        _startup = reader.ReadInt32(-1, 255);
        _initPending = reader.ReadBoolean();
        _waitsForStartup = reader.ReadBoolean();
        _extIntMessage = reader.ReadBoolean();
        _lint0 = reader.ReadBoolean();
        _nmis = reader.ReadBoolean() ? 1 : 0;
    }

    /// <summary>The state after power-up or INIT (§11.4.7.1, §11.4.7.3). The mode and the id stay.</summary>
    private void ResetRegisters()
    {
        _timer.Reset();
        _taskPriority = 0;
        _logicalDestination = 0;
        _destinationFormat = uint.MaxValue;
        _spurious = 0xFF;
        _errors = _pendingErrors = _icrLow = _icrHigh = 0;
        _requests = _inService = _triggerMode = default;
        _lvt.AsSpan().Fill(Masked);

        // PC firmware opens LINT0 to the 8259A (virtual wire mode); machines that boot a kernel directly have no firmware to do it.
        if (_bootstrap) _lvt[LvtLint0] = (uint)DeliveryMode.ExtInt << 8;
        _extIntMessage = false;
        _nmis = _wakeUp = 0;
        _lint0 = _pic is { Output: true };
    }

    private void SetBase(ulong value)
    {
        Volatile.Write(ref _base, value);
        Volatile.Write(ref _mmioBase, (value & BaseMode) == BaseEnable ? value & ~0xFFFul : NotMapped);
    }

    private uint Priority()
    {
        var task = Volatile.Read(ref _taskPriority);
        var inService = _inService.Highest();
        return inService < 0 || (task >> 4) >= (uint)(inService >> 4) ? task : (uint)inService & 0xF0;
    }

    /// <summary>The request that would be delivered now (§11.8.4), or -1.</summary>
    private int PendingVector()
    {
        if (!HardwareEnabled) return -1;
        var vector = _requests.Highest();
        return vector >= 16 && (uint)(vector >> 4) > Priority() >> 4 ? vector : -1;
    }

    /// <summary>True when the 8259A asks and is heard: directly when the APIC is disabled, else through LINT0 or an ExtINT message.</summary>
    private bool ExternalInterruptPending()
    {
        if (_pic is not { Output: true }) return false;
        return !HardwareEnabled || _extIntMessage || (_lvt[LvtLint0] & (Masked | 0x700)) == (uint)DeliveryMode.ExtInt << 8;
    }

    /// <summary>Recomputes what the vCPU polls. Under the lock.</summary>
    /// <returns>True when the vCPU must be kicked, after the lock is released.</returns>
    private bool Update()
    {
        var interrupt = PendingVector() >= 0 || ExternalInterruptPending();
        var startup = _initPending || _startup >= 0;
        var raised = (interrupt && !_hasInterrupt) || (startup && !_hasStartup);
        _hasInterrupt = interrupt;
        _hasStartup = startup;
        return raised;
    }

    private void OnTimerExpired()
    {
        bool kick;
        lock (_lock)
        {
            SignalLocal(LvtTimer);
            kick = Update();
        }

        if (kick) _kick();
    }
}
