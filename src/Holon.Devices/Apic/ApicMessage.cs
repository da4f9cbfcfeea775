namespace Holon.Devices.Apic;

/// <summary>What a message asks of a processor (SDM vol. 3 §11.6.1, delivery mode).</summary>
public enum DeliveryMode : byte
{
    /// <summary>An interrupt with the vector, at every destination.</summary>
    Fixed = 0,

    /// <summary>An interrupt with the vector, at the destination that has least to do.</summary>
    LowestPriority = 1,

    /// <summary>A system management interrupt.</summary>
    Smi = 2,

    /// <summary>A non-maskable interrupt; the vector is ignored.</summary>
    Nmi = 4,

    /// <summary>Resets the processor, which then waits for a start-up message.</summary>
    Init = 5,

    /// <summary>Starts the processor at the page that the vector names.</summary>
    StartUp = 6,

    /// <summary>An interrupt whose vector comes from the 8259A.</summary>
    ExtInt = 7,
}

/// <summary>Which processors besides a destination a message may name.</summary>
public enum DestinationShorthand : byte
{
    /// <summary>None: the destination counts.</summary>
    None = 0,

    /// <summary>The sender.</summary>
    Self = 1,

    /// <summary>Everybody.</summary>
    All = 2,

    /// <summary>Everybody but the sender.</summary>
    Others = 3,
}

/// <summary>A message on the APIC bus.</summary>
/// <param name="Destination">An APIC id or, when logical, a mask; <see cref="Broadcast"/> for everybody.</param>
/// <param name="Logical">True when the destination is a logical one.</param>
/// <param name="Mode">What is asked for.</param>
/// <param name="Vector">The vector.</param>
/// <param name="LevelTriggered">True when the end of the interrupt is to be broadcast to the I/O APICs.</param>
public readonly record struct ApicMessage(uint Destination, bool Logical, DeliveryMode Mode, byte Vector, bool LevelTriggered = false)
{
    /// <summary>The destination that means all processors.</summary>
    public const uint Broadcast = uint.MaxValue;

    /// <summary>Decodes a message-signalled interrupt (SDM vol. 3 §11.11).</summary>
    /// <param name="address">The address written, 0xFEExxxxx.</param>
    /// <param name="data">The value written there.</param>
    public static ApicMessage FromMsi(ulong address, uint data)
    {
        var logical = (address & 4) != 0;
        var mode = (DeliveryMode)((data >> 8) & 7);
        var level = (data & 0x8000) != 0 && mode <= DeliveryMode.LowestPriority;
        return new ApicMessage(Widen((byte)(address >> 12), logical), logical, mode, (byte)data, level);
    }

    /// <summary>A destination of 8 bits, as xAPICs, I/O APICs and MSIs know them: all ones mean all processors.</summary>
    public static uint Widen(byte destination, bool logical) => destination == 0xFF && !logical ? Broadcast : destination;
}
