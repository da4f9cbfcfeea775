namespace Holon.Devices.Apic;

/// <summary>
/// The registers as a guest sees them: page of memory (SDM vol. 3, table 11-1) or MSRs 0x800–0x8FF (table 11-6).
/// A switch instead of a <see cref="RegisterMap"/>: end of interrupt, ICR and the timer's count are on every guest's hot path.
/// </summary>
public sealed partial class LocalApic
{
    private const uint ApicBaseMsr = 0x1B, TscDeadlineMsr = 0x6E0, X2ApicFirstMsr = 0x800, X2ApicLastMsr = 0x8FF;
    private const uint SpuriousWritable = 0x3FF;

    /// <summary>Version 0x14, six LVT entries, no suppression of EOI broadcasts.</summary>
    private const uint Version = 0x14 | ((LvtCount - 1) << 16);

    // Register numbers: offset in the page divided by 16, or MSR minus 0x800.
    private const int RegId = 0x02, RegVersion = 0x03, RegTaskPriority = 0x08, RegArbitration = 0x09, RegProcessorPriority = 0x0A, RegEoi = 0x0B,
        RegRemoteRead = 0x0C, RegLogicalDestination = 0x0D, RegDestinationFormat = 0x0E, RegSpurious = 0x0F, RegInService = 0x10, RegTriggerMode = 0x18,
        RegRequest = 0x20, RegErrorStatus = 0x28, RegIcrLow = 0x30, RegIcrHigh = 0x31, RegLvt = 0x32, RegInitialCount = 0x38, RegCurrentCount = 0x39,
        RegDivide = 0x3E, RegSelfIpi = 0x3F;

    /// <summary>In the order timer, thermal, performance, LINT0, LINT1, error (figure 11-8).</summary>
    private static ReadOnlySpan<uint> LvtWritable => [0x7_00FF, 0x1_07FF, 0x1_07FF, 0x1_A7FF, 0x1_A7FF, 0x1_00FF];

    private uint X2LogicalDestination => ((Id >> 4) << 16) | (1u << (int)(Id & 15)); // §11.12.10.2

    /// <summary>Reads the register page. Registers are 32 bits wide on 16-byte boundaries; the bytes between read as zero.</summary>
    public ulong Read(ulong offset, int size)
    {
        var ones = RegisterMap.Ones(size);
        if (MmioBase == NotMapped || offset >= MmioLength) return ones;
        var inside = (int)(offset & 15);
        if (inside >= 4) return 0;
        if (TryReadRegister((int)(offset >> 4), out var value)) return ((ulong)value >> (inside * 8)) & ones;
        ReportIllegalRegister();
        return 0;
    }

    /// <summary>Writes the register page. Only aligned writes of 32 bits or more are defined; others are ignored (§11.4.1).</summary>
    public void Write(ulong offset, int size, ulong value)
    {
        if (MmioBase == NotMapped || offset >= MmioLength || (offset & 15) != 0 || size < 4) return;
        if (!TryWriteRegister((int)(offset >> 4), (uint)value)) ReportIllegalRegister();
    }

    /// <inheritdoc/>
    public bool TryReadMsr(uint msr, out ulong value)
    {
        value = 0;
        switch (msr)
        {
            case ApicBaseMsr:
                value = ApicBase;
                return true;
            case TscDeadlineMsr:
                lock (_timer.Lock) value = _timer.Deadline;
                return true;
            case >= X2ApicFirstMsr and <= X2ApicLastMsr when X2Apic:
                var register = (int)(msr - X2ApicFirstMsr);
                if (register is RegEoi or RegSelfIpi or RegArbitration or RegRemoteRead or RegDestinationFormat or RegIcrHigh) return false;
                if (!TryReadRegister(register, out var low)) return false;
                value = low;
                if (register == RegIcrLow)
                {
                    lock (_lock) value |= (ulong)_icrHigh << 32;
                }

                return true;
            default:
                return false;
        }
    }

    /// <inheritdoc/>
    public bool TryWriteMsr(uint msr, ulong value)
    {
        switch (msr)
        {
            case ApicBaseMsr:
                return TryWriteBase(value);
            case TscDeadlineMsr:
                lock (_timer.Lock) _timer.Deadline = value;
                return true;
            case >= X2ApicFirstMsr and <= X2ApicLastMsr when X2Apic:
                return TryWriteX2Apic((int)(msr - X2ApicFirstMsr), value);
            default:
                return false;
        }
    }

    /// <summary>Bits of a register that x2APIC mode lets a guest set; others raise #GP (§11.12.1.3).</summary>
    private static uint X2Writable(int register) => register switch
    {
        RegTaskPriority or RegSelfIpi => 0xFF,
        RegEoi or RegErrorStatus => 0,
        RegSpurious => SpuriousWritable,
        >= RegLvt and < RegLvt + LvtCount => LvtWritable[register - RegLvt] | 0x5000, // delivery status and remote IRR are read-only, not reserved
        RegDivide => 0x0B,
        _ => uint.MaxValue,
    };

    private bool TryWriteX2Apic(int register, ulong value)
    {
        if (register == RegIcrLow)
        {
            if ((value & 0xFFF3_2000) != 0) return false; // reserved bits; bit 12, the delivery status of old, is ignored
            lock (_lock)
            {
                _icrLow = (uint)value & ~0x1000u;
                _icrHigh = (uint)(value >> 32);
            }

            Send((uint)value, (uint)(value >> 32));
            return true;
        }

        if (register is RegLogicalDestination or RegDestinationFormat or RegIcrHigh || (value & ~(ulong)X2Writable(register)) != 0) return false;
        if (register != RegSelfIpi) return TryWriteRegister(register, (uint)value);
        Send((uint)value | ((uint)DestinationShorthand.Self << 18), 0);
        return true;
    }

    /// <summary>Mode changes (§11.12.5): only disabled → xAPIC → x2APIC → disabled, and xAPIC → disabled.</summary>
    private bool TryWriteBase(ulong value)
    {
        if ((value & BaseReservedLow) != 0 || value >> PhysicalAddressBits != 0) return false;
        bool kick;
        lock (_timer.Lock)
        {
            lock (_lock)
            {
                var from = _base & BaseMode;
                var to = value & BaseMode;
                var allowed = to == from || to == 0 || (from == 0 && to == BaseEnable) || (from == BaseEnable && to == BaseMode);
                if (!allowed || to == BaseX2Apic) return false;
                if (to == 0 && from != 0) ResetRegisters();
                SetBase(value);
                kick = Update();
            }
        }

        if (kick) _kick();
        return true;
    }

    private bool TryReadRegister(int register, out uint value)
    {
        switch (register)
        {
            case RegInitialCount:
                lock (_timer.Lock) value = _timer.InitialCount;
                return true;
            case RegCurrentCount:
                lock (_timer.Lock) value = _timer.CurrentCount;
                return true;
            case RegDivide:
                lock (_timer.Lock) value = _timer.DivideConfiguration;
                return true;
        }

        lock (_lock)
        {
            uint? found = register switch
            {
                RegId => X2Apic ? Id : Id << 24,
                RegVersion => Version,
                RegTaskPriority => _taskPriority,
                RegArbitration or RegProcessorPriority => Priority(),
                RegEoi or RegRemoteRead => 0,
                RegLogicalDestination => X2Apic ? X2LogicalDestination : _logicalDestination,
                RegDestinationFormat => _destinationFormat,
                RegSpurious => _spurious,
                >= RegInService and < RegInService + 8 => _inService.Word(register - RegInService),
                >= RegTriggerMode and < RegTriggerMode + 8 => _triggerMode.Word(register - RegTriggerMode),
                >= RegRequest and < RegRequest + 8 => _requests.Word(register - RegRequest),
                RegErrorStatus => _errors,
                RegIcrLow => _icrLow,
                RegIcrHigh => _icrHigh,
                >= RegLvt and < RegLvt + LvtCount => _lvt[register - RegLvt],
                _ => null,
            };
            value = found.GetValueOrDefault();
            return found.HasValue;
        }
    }

    private bool TryWriteRegister(int register, uint value)
    {
        switch (register)
        {
            case RegEoi:
                EndOfInterrupt();
                return true;
            case RegIcrLow:
                uint destination;
                lock (_lock)
                {
                    _icrLow = value & 0x000C_CFFF; // the delivery status always reads as idle
                    destination = _icrHigh >> 24;
                }

                Send(value, destination);
                return true;
            case RegInitialCount:
                lock (_timer.Lock) _timer.InitialCount = value;
                return true;
            case RegDivide:
                lock (_timer.Lock) _timer.DivideConfiguration = (byte)value;
                return true;
            case RegLvt + LvtTimer:
                WriteLvtTimer(value);
                return true;
        }

        bool known, kick;
        lock (_lock)
        {
            known = TryWriteLocked(register, value);
            kick = Update();
        }

        if (kick) _kick();
        return known;
    }

    private bool TryWriteLocked(int register, uint value)
    {
        switch (register)
        {
            case RegTaskPriority:
                _taskPriority = value & 0xFF;
                return true;
            case RegLogicalDestination:
                _logicalDestination = value & 0xFF00_0000;
                return true;
            case RegDestinationFormat:
                _destinationFormat = value | 0x0FFF_FFFF;
                return true;
            case RegSpurious:
                _spurious = value & SpuriousWritable;
                if ((value & SoftwareEnable) == 0)
                {
                    foreach (ref var entry in _lvt.AsSpan()) entry |= Masked; // and they stay so until enabled (§11.4.7.2)
                }

                return true;
            case RegErrorStatus:
                _errors = _pendingErrors; // a write shows what came since the last one, and arms the interrupt again (§11.5.3)
                _pendingErrors = 0;
                return true;
            case RegIcrHigh:
                _icrHigh = value & 0xFF00_0000;
                return true;
            case > RegLvt and < RegLvt + LvtCount:
                WriteLvt(register - RegLvt, value);
                return true;
            case RegId or RegVersion or RegArbitration or RegProcessorPriority or RegRemoteRead or RegCurrentCount
                or (>= RegInService and < RegErrorStatus):
                return !X2Apic; // read-only: ignored in memory, #GP through an MSR
            default:
                return false;
        }
    }

    private void WriteLvt(int index, uint value)
    {
        _lvt[index] = value & LvtWritable[index];
        if ((_spurious & SoftwareEnable) == 0) _lvt[index] |= Masked;
    }

    private void WriteLvtTimer(uint value)
    {
        var mode = (LocalApicTimerMode)((value >> 17) & 3);
        if (mode > LocalApicTimerMode.TscDeadline) mode = LocalApicTimerMode.OneShot; // reserved encoding
        lock (_timer.Lock)
        {
            _timer.SetMode(mode); // first: what has already expired is delivered with the old entry
            lock (_lock) WriteLvt(LvtTimer, value);
        }
    }

    private void ReportIllegalRegister()
    {
        bool kick;
        lock (_lock)
        {
            Error(IllegalRegister);
            kick = Update();
        }

        if (kick) _kick();
    }
}
