namespace Holon.Devices.Apic;

/// <summary>Sending and taking messages (SDM vol. 3 §11.6), and local interrupts (§11.5).</summary>
public sealed partial class LocalApic
{
    private const int LvtTimer = 0, LvtLint0 = 3, LvtLint1 = 4, LvtError = 5, LvtCount = 6;
    private const uint SendIllegalVector = 1 << 5, ReceiveIllegalVector = 1 << 6, IllegalRegister = 1 << 7;

    /// <summary>True when a message with this destination is for us (§11.6.2).</summary>
    internal bool Matches(uint destination, bool logical)
    {
        if (!HardwareEnabled) return false;
        if (destination == ApicMessage.Broadcast) return true;
        if (X2Apic)
        {
            if (!logical) return destination == Id;
            var own = X2LogicalDestination;
            return destination >> 16 == own >> 16 && (destination & own & 0xFFFF) != 0;
        }

        if (destination > 0xFF) return false;
        if (!logical) return destination == 0xFF || destination == (Id & 0xFF);
        var mask = Volatile.Read(ref _logicalDestination) >> 24;
        if (Volatile.Read(ref _destinationFormat) >> 28 == 0xF) return (destination & mask) != 0; // flat model
        return destination == 0xFF || (destination >> 4 == mask >> 4 && (destination & mask & 0x0F) != 0); // cluster model
    }

    /// <summary>Takes a message from the bus.</summary>
    /// <returns>False when it cannot be taken now.</returns>
    internal bool Accept(in ApicMessage message)
    {
        bool taken, kick;
        lock (_lock)
        {
            var nmis = _nmis;
            taken = AcceptLocked(message);
            kick = Update() || _nmis > nmis;
        }

        if (kick) _kick();
        return taken;
    }

    private bool AcceptLocked(in ApicMessage message)
    {
        if (!HardwareEnabled) return false;
        switch (message.Mode)
        {
            case DeliveryMode.Fixed or DeliveryMode.LowestPriority:
                return AcceptsInterrupts && Request(message.Vector, message.LevelTriggered);
            case DeliveryMode.Nmi:
                RaiseNmi();
                return true;
            case DeliveryMode.Init:
                _initPending = true;
                _startup = -1;
                _waitsForStartup = (_base & BaseBootstrap) == 0; // the bootstrap processor starts again by itself
                return true;
            case DeliveryMode.StartUp:
                if (_waitsForStartup && _startup < 0) _startup = message.Vector;
                return true;
            case DeliveryMode.ExtInt:
                _extIntMessage = true;
                return true;
            default:
                return false; // no system management mode
        }
    }

    /// <summary>Puts a vector into IRR. Vectors below 16 are errors (§11.5.2).</summary>
    private bool Request(byte vector, bool levelTriggered)
    {
        if (vector < 16)
        {
            Error(ReceiveIllegalVector);
            return true; // taken, but not delivered
        }

        _requests.Add(vector);
        if (levelTriggered) _triggerMode.Add(vector);
        else _triggerMode.Remove(vector);
        return true;
    }

    private void RaiseNmi() => _nmis = Math.Min(_nmis + 1, 2);

    /// <summary>Delivers a local interrupt as its LVT entry says (§11.5.1). Under the lock.</summary>
    private void SignalLocal(int index)
    {
        var entry = _lvt[index];
        if ((entry & Masked) != 0) return;
        switch ((DeliveryMode)((entry >> 8) & 7))
        {
            case DeliveryMode.Fixed:
                Request((byte)entry, levelTriggered: false);
                break;
            case DeliveryMode.Nmi:
                RaiseNmi();
                break;
            case DeliveryMode.Init:
                _initPending = true;
                break;
        }
    }

    /// <summary>Records an error; the interrupt comes once until the guest writes ESR (§11.5.3).</summary>
    private void Error(uint error)
    {
        var first = _pendingErrors == 0;
        _pendingErrors |= error;
        if (!first || (_lvt[LvtError] & Masked) != 0 || (byte)_lvt[LvtError] < 16) return; // an illegal error vector must not recurse
        SignalLocal(LvtError);
    }

    /// <summary>Sends what ICR says (§11.6.1). Not under the lock.</summary>
    private void Send(uint low, uint destination)
    {
        var mode = (DeliveryMode)((low >> 8) & 7);
        var vector = (byte)low;
        if (mode <= DeliveryMode.LowestPriority && vector < 16)
        {
            bool kick;
            lock (_lock)
            {
                Error(SendIllegalVector);
                kick = Update();
            }

            if (kick) _kick();
            return;
        }

        var deassert = mode == DeliveryMode.Init && (low & 0x4000) == 0; // only told arbitration ids to synchronize
        if (deassert || mode is DeliveryMode.ExtInt or (DeliveryMode)3) return;
        var logical = (low & 0x800) != 0;
        if (!X2Apic) destination = ApicMessage.Widen((byte)destination, logical);
        _bus.Deliver(new ApicMessage(destination, logical, mode, vector), this, (DestinationShorthand)((low >> 18) & 3));
    }

    /// <summary>Ends the interrupt in service that has the highest priority (§11.8.5). Not under the lock.</summary>
    private void EndOfInterrupt()
    {
        int vector;
        bool kick, broadcast;
        lock (_lock)
        {
            vector = _inService.Highest();
            if (vector < 0) return;
            _inService.Remove((byte)vector);
            broadcast = _triggerMode.Contains((byte)vector);
            kick = Update();
        }

        if (kick) _kick();
        if (broadcast) _bus.EndOfInterrupt((byte)vector);
    }
}
