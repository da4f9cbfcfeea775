namespace Holon.Devices.Apic;

/// <summary>
/// Carries messages between local APICs, I/O APICs and devices that signal interrupts by message (SDM vol. 3 §11.2).
/// </summary>
/// <remarks>
/// Thread-safe without a lock of its own. Lock order of everything about interrupts: device → PIRQ router → one of PIC, I/O APIC,
/// local APIC. These last three never hold their lock while they call anybody; so none of them ever waits for another.
/// </remarks>
public sealed class ApicBus
{
    private readonly Lock _joining = new();
    private volatile LocalApic[] _processors = [];
    private volatile IoApic[] _ioApics = [];
    private uint _arbitration;

    /// <summary>Delivers a message to whom it names.</summary>
    /// <returns>False when nobody took it.</returns>
    public bool Deliver(in ApicMessage message) => Deliver(message, null, DestinationShorthand.None);

    /// <summary>Delivers a message-signalled interrupt: a device's write to 0xFEExxxxx.</summary>
    /// <returns>False when nobody took it.</returns>
    public bool DeliverMsi(ulong address, uint data) => Deliver(ApicMessage.FromMsi(address, data));

    internal bool Deliver(in ApicMessage message, LocalApic? sender, DestinationShorthand shorthand)
    {
        if (message.Mode == DeliveryMode.LowestPriority) return DeliverLowestPriority(message, sender, shorthand);
        var taken = false;
        foreach (var processor in _processors)
        {
            if (Names(processor, message, sender, shorthand)) taken |= processor.Accept(message);
        }

        return taken;
    }

    /// <summary>Delivers a message to each processor of a set.</summary>
    /// <returns>How many took it.</returns>
    internal int DeliverToMany(UInt128 destinations, uint first, in ApicMessage message)
    {
        var taken = 0;
        foreach (var processor in _processors)
        {
            var bit = processor.Id - first;
            if (processor.Id >= first && bit < 128 && (destinations >> (int)bit & UInt128.One) != UInt128.Zero && processor.Accept(message)) taken++;
        }

        return taken;
    }

    /// <summary>Wakes a processor from HLT.</summary>
    internal void Wake(uint id)
    {
        foreach (var processor in _processors)
        {
            if (processor.Id == id) processor.WakeUp();
        }
    }

    /// <summary>Tells the I/O APICs that a level-triggered interrupt was served.</summary>
    internal void EndOfInterrupt(byte vector)
    {
        foreach (var ioApic in _ioApics) ioApic.EndOfInterrupt(vector);
    }

    internal void Join(LocalApic processor)
    {
        lock (_joining) _processors = [.. _processors, processor];
    }

    internal void Join(IoApic ioApic)
    {
        lock (_joining) _ioApics = [.. _ioApics, ioApic];
    }

    private static bool Names(LocalApic processor, in ApicMessage message, LocalApic? sender, DestinationShorthand shorthand) => shorthand switch
    {
        DestinationShorthand.Self => processor == sender,
        DestinationShorthand.All => true,
        DestinationShorthand.Others => processor != sender,
        _ => processor.Matches(message.Destination, message.Logical),
    };

    /// <summary>Chooses among those named (SDM vol. 3 §11.6.2.4); equals take turns.</summary>
    private bool DeliverLowestPriority(in ApicMessage message, LocalApic? sender, DestinationShorthand shorthand)
    {
        var processors = _processors;
        LocalApic? best = null;
        var turn = Interlocked.Increment(ref _arbitration);
        for (var i = 0u; i < (uint)processors.Length; i++)
        {
            var processor = processors[(turn + i) % (uint)processors.Length];
            if (!processor.AcceptsInterrupts || !Names(processor, message, sender, shorthand)) continue;
            if (best is null || processor.ProcessorPriority < best.ProcessorPriority) best = processor;
        }

        return best is not null && best.Accept(message);
    }
}
