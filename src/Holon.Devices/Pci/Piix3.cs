using Holon.Devices.State;

namespace Holon.Devices.Pci;

/// <summary>
/// The ISA bridge of an Intel 82371SB (PIIX3, data sheet 290550), function 0 of device 1: routes the four PCI interrupts to ISA ones.
/// </summary>
/// <remarks>
/// Its lines are driven from many threads; its own lock is held while it drives those behind it, which lead only towards the processor.
/// </remarks>
public sealed class Piix3 : PciFunction, IWiredOr
{
    private const int PirqRouteA = 0x60, PirqCount = 4;
    private const byte RouteDisabled = 0x80;

    /// <summary>Interrupts that a PIRQ may become (§2.3.10): not those of timer, keyboard, cascade, clock and coprocessor.</summary>
    private const int Routable = 0xDEF8;

    private readonly Lock _lock = new();
    private readonly IReadOnlyList<IInterruptLine> _irqs;
    private readonly int[] _drivers = new int[PirqCount];
    private readonly byte[] _routes = new byte[PirqCount];
    private int _levels;

    /// <summary>Makes the bridge.</summary>
    /// <param name="irqs">The 16 ISA interrupts, each a line of the bridge's own; those that cannot be routed are never driven.</param>
    public Piix3(IReadOnlyList<IInterruptLine> irqs)
        : base(new PciIdentity(0x8086, 0x7000, 0x060100))
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(irqs.Count, 16, nameof(irqs));
        _irqs = irqs;
        Set16(PciConfig.Command, 0x0007);
        Writable(PciConfig.Command, 2, 0x0008);
        for (var i = 0; i < PirqCount; i++)
        {
            Set8(PirqRouteA + i, RouteDisabled);
            Writable(PirqRouteA + i, 1, 0x8F);
            _routes[i] = RouteDisabled;
        }

        Writable(0x4C, 4, 0xFFFF_FFFF); // ISA timing and chip selects: kept, without effect
    }

    /// <summary>Makes a line from a device's pin to its PIRQ: pins rotate with device numbers, so that devices share evenly.</summary>
    /// <param name="device">Device number.</param>
    /// <param name="pin">0 for INTA#.</param>
    public IInterruptLine CreateLine(int device, int pin) => new WiredOrInput(this, (device + pin - 1) & 3);

    /// <inheritdoc/>
    public override void Load(DeviceStateReader reader)
    {
        base.Load(reader);
        lock (_lock) Route();
    }

    void IWiredOr.Drive(WiredOrInput input, bool asserted)
    {
        lock (_lock)
        {
            if (input.Asserted == asserted) return;
            input.Asserted = asserted;
            _drivers[input.Pin] += asserted ? 1 : -1;
            Route();
        }
    }

    /// <inheritdoc/>
    protected override void OnWritten(int offset, int size)
    {
        if (!Overlaps(offset, size, PirqRouteA, PirqCount)) return;
        lock (_lock)
        {
            for (var i = 0; i < PirqCount; i++) _routes[i] = Get8(PirqRouteA + i);
            Route();
        }
    }

    private void Route()
    {
        var levels = 0;
        for (var i = 0; i < PirqCount; i++)
        {
            if (_drivers[i] > 0 && (_routes[i] & RouteDisabled) == 0) levels |= 1 << (_routes[i] & 15);
        }

        levels &= Routable;
        var changed = levels ^ _levels;
        _levels = levels;
        for (var irq = 0; changed != 0; irq++, changed >>= 1)
        {
            if ((changed & 1) != 0) _irqs[irq].Set((levels & (1 << irq)) != 0);
        }
    }
}
