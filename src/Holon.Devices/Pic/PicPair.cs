using Holon.Devices.State;

namespace Holon.Devices.Pic;

/// <summary>What a local APIC asks when it gets an interrupt in ExtINT mode.</summary>
public interface IExternalInterrupts
{
    /// <summary>The INTR signal. A volatile read.</summary>
    bool Output { get; }

    /// <summary>The interrupt acknowledge cycle: returns the vector, perhaps a spurious one.</summary>
    int Acknowledge();
}

/// <summary>
/// A PC's two cascaded 8259A: 16 inputs, the second chip on input 2 of the first. Ports 0x20–0x21 (<see cref="Master"/>),
/// 0xA0–0xA1 (<see cref="Slave"/>), 0x4D0–0x4D1 (<see cref="TriggerControl"/>).
/// </summary>
/// <remarks>
/// Thread-safe with a lock of its own, never held while calling out; the board needs none around it.
/// </remarks>
public sealed class PicPair : IExternalInterrupts, IStatefulDevice, IWiredOr
{
    private const int Cascade = 2;

    // System timer, keyboard, cascade, clock and coprocessor stay edge-triggered (82371SB §2.5.5).
    private readonly Pic8259 _master = new(isMaster: true, edgeOnly: 0x07), _slave = new(isMaster: false, edgeOnly: 0x21);
    private readonly Lock _lock = new();
    private readonly int[] _drivers = new int[16];
    private volatile bool _output;

    /// <summary>Both chips as after power-on.</summary>
    public PicPair()
    {
        Master = Ports(_master);
        Slave = Ports(_slave);
        TriggerControl = new RegisterMap(
            new Register(0, 1, "ELCR1", () => _master.LevelTriggered, value => WriteTriggerControl(_master, (byte)value)),
            new Register(1, 1, "ELCR2", () => _slave.LevelTriggered, value => WriteTriggerControl(_slave, (byte)value)));
    }

    /// <summary>Ports 0x20 and 0x21.</summary>
    public RegisterMap Master { get; }

    /// <summary>Ports 0xA0 and 0xA1.</summary>
    public RegisterMap Slave { get; }

    /// <summary>Ports 0x4D0 and 0x4D1.</summary>
    public RegisterMap TriggerControl { get; }

    /// <summary>Called after <see cref="Output"/> changed, under no lock of ours, on any thread.</summary>
    public Action? OutputChanged { get; set; }

    /// <inheritdoc/>
    public bool Output => _output;

    /// <summary>Connects one more device to an input. Several on one input are OR-ed.</summary>
    /// <param name="irq">0 to 15, but not 2.</param>
    public IInterruptLine CreateLine(int irq)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)irq, 15u, nameof(irq));
        ArgumentOutOfRangeException.ThrowIfEqual(irq, Cascade);
        return new WiredOrInput(this, irq);
    }

    /// <inheritdoc/>
    public int Acknowledge()
    {
        int vector;
        bool changed;
        lock (_lock)
        {
            var level = _master.Acknowledge();
            if (level == Cascade)
            {
                vector = _slave.Vector(_slave.Acknowledge());
                _master.SetLine(Cascade, false); // INT goes low during the acknowledge cycle, so a further request is an edge again
            }
            else
            {
                vector = _master.Vector(level);
            }

            changed = Update();
        }

        if (changed) OutputChanged?.Invoke();
        return vector;
    }

    /// <inheritdoc/>
    public void Reset()
    {
        lock (_lock)
        {
            _master.Reset();
            _slave.Reset();
            Update();
        }

        OutputChanged?.Invoke();
    }

    /// <inheritdoc/>
    public void Save(DeviceStateWriter writer)
    {
        lock (_lock)
        {
            writer.BeginSection("pic", 1);
            _master.Save(writer);
            _slave.Save(writer);
            writer.EndSection();
        }
    }

    /// <summary>Takes saved state into freshly made chips; devices loaded later drive their lines again, which makes no new edges.</summary>
    public void Load(DeviceStateReader reader)
    {
        lock (_lock)
        {
            reader.BeginSection("pic", 1);
            _master.Load(reader);
            _slave.Load(reader);
            reader.EndSection();
            Update();
        }

        OutputChanged?.Invoke();
    }

    void IWiredOr.Drive(WiredOrInput input, bool asserted)
    {
        bool changed;
        lock (_lock)
        {
            if (input.Asserted == asserted) return;
            input.Asserted = asserted;
            _drivers[input.Pin] += asserted ? 1 : -1;
            var chip = input.Pin < 8 ? _master : _slave;
            chip.SetLine(input.Pin & 7, _drivers[input.Pin] > 0);
            changed = Update();
        }

        if (changed) OutputChanged?.Invoke();
    }

    private RegisterMap Ports(Pic8259 chip) => new(
        new Register(0, 1, "ICW1/OCW2/OCW3, IRR/ISR", () => ReadPort(chip, data: false), value => WritePort(chip, data: false, (byte)value)),
        new Register(1, 1, "ICW2-4/OCW1", () => ReadPort(chip, data: true), value => WritePort(chip, data: true, (byte)value)));

    private byte ReadPort(Pic8259 chip, bool data)
    {
        byte value;
        bool changed;
        lock (_lock)
        {
            value = data ? chip.ReadData() : chip.ReadCommand();
            changed = Update(); // a poll acknowledges
        }

        if (changed) OutputChanged?.Invoke();
        return value;
    }

    private void WritePort(Pic8259 chip, bool data, byte value)
    {
        bool changed;
        lock (_lock)
        {
            if (data) chip.WriteData(value);
            else chip.WriteCommand(value);
            changed = Update();
        }

        if (changed) OutputChanged?.Invoke();
    }

    private void WriteTriggerControl(Pic8259 chip, byte value)
    {
        bool changed;
        lock (_lock)
        {
            chip.LevelTriggered = value;
            changed = Update();
        }

        if (changed) OutputChanged?.Invoke();
    }

    /// <summary>Passes the slave's output to the master, and the master's on.</summary>
    private bool Update()
    {
        _master.SetLine(Cascade, _slave.Output);
        var output = _master.Output;
        if (output == _output) return false;
        _output = output;
        return true;
    }
}
