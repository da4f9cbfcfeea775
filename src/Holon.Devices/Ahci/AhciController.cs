using Holon.Devices.Pci;
using Holon.Devices.State;
using Holon.Memory;
using Holon.Storage;

namespace Holon.Devices.Ahci;

/// <summary>A disk on a port.</summary>
/// <param name="Backend">Its contents, which the controller owns.</param>
/// <param name="Serial">Its serial number.</param>
/// <param name="ReadOnly">True when writes are refused even where the backend could.</param>
/// <param name="OutOfSpace">Called under the controller's lock when the host has no space for a write.</param>
public sealed record AhciDisk(IBlockBackend Backend, string Serial = "", bool ReadOnly = false, Action? OutOfSpace = null)
{
    /// <summary>True when writes are refused.</summary>
    public bool IsReadOnly => ReadOnly || Backend.IsReadOnly;
}

/// <summary>A SATA controller with native command queuing (Serial ATA AHCI specification 1.3.1), as in Intel's ICH9.</summary>
/// <remarks>Thread-safe: registers and ends of requests meet under <see cref="Lock"/>. Lock order: configuration space, this, MSI.</remarks>
public sealed class AhciController : PciFunction, IBusDevice
{
    /// <summary>The most disks.</summary>
    public const int MostPorts = 6;

    private const uint Capabilities = (1u << 31) | (1 << 30) | (1 << 27) | (1 << 18) | (2 << 20) | (31 << 8); // 64-bit, NCQ, staggered spin-up, AHCI only, 3 Gbit/s, 32 slots
    private const uint ControlReset = 1, ControlInterrupts = 2, ControlAhci = 1u << 31;
    private const uint Version131 = 0x0001_0301;

    private readonly AhciPort[] _ports;
    private readonly MsiCapability _msi;
    private readonly int _msiOffset;
    private uint _control = ControlAhci, _status;
    private bool _resetting, _level;

    /// <summary>Makes the controller.</summary>
    public AhciController(GuestMemory memory, IMessageBus messages, IReadOnlyList<AhciDisk> disks)
        : base(new PciIdentity(0x8086, 0x2922, 0x010601, Revision: 2), interruptPin: 1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)(disks.Count - 1), (uint)MostPorts - 1, nameof(disks));
        _ports = [.. disks.Select((disk, number) => new AhciPort(this, memory, number, disk))];
        Registers = new RegisterMap(
        [
            new Register(0x00, 4, "CAP", () => Capabilities | (uint)(_ports.Length - 1)),
            new Register(0x04, 4, "GHC", () => _control | (_resetting ? ControlReset : 0), value => SetControl((uint)value)),
            new Register(0x08, 4, "IS", () => _status, value => ClearStatus((uint)value), PartialWrite.Zero),
            new Register(0x0C, 4, "PI", () => (1u << _ports.Length) - 1),
            new Register(0x10, 4, "VS", () => Version131),
            new Register(0x24, 4, "CAP2", () => 0),
            .. _ports.SelectMany(port => port.Registers),
        ]);
        AddRegion(5, PciRegionKind.Memory32, 4096, this);
        _msiOffset = AddCapability(MsiCapability.CapabilityId, MsiCapability.Body());
        foreach (var (offset, size, mask) in MsiCapability.WritableBits) Writable(_msiOffset + offset, size, mask);
        _msi = new MsiCapability(messages, _msiOffset);
    }

    /// <summary>The registers.</summary>
    public RegisterMap Registers { get; }

    /// <summary>Held while registers are accessed and requests end.</summary>
    internal Lock Lock { get; } = new();

    /// <summary>True while no command may be begun.</summary>
    internal bool IsPaused { get; private set; }

    /// <inheritdoc/>
    public ulong Read(ulong offset, int size)
    {
        lock (Lock) return offset < (ulong)Registers.Length ? Registers.Read(offset, size) : 0;
    }

    /// <inheritdoc/>
    public void Write(ulong offset, int size, ulong value)
    {
        lock (Lock) Registers.Write(offset, size, value);
    }

    /// <inheritdoc/>
    public override void Pause()
    {
        lock (Lock) IsPaused = true;
        Drain();
    }

    /// <inheritdoc/>
    public override void Continue()
    {
        lock (Lock)
        {
            IsPaused = false;
            foreach (var port in _ports) port.Continue();
        }
    }

    /// <inheritdoc/>
    public override void Close()
    {
        lock (Lock) ResetPorts();
        Drain();
        foreach (var port in _ports) port.Disk.Backend.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        lock (Lock) ResetPorts();
        Drain();
        base.Reset();
    }

    /// <inheritdoc/>
    public override void Save(DeviceStateWriter writer)
    {
        base.Save(writer);
        lock (Lock)
        {
            writer.BeginSection("ahci", 1);
            writer.Write(_control);
            writer.Write(_status);
            foreach (var port in _ports) port.Save(writer);
            writer.EndSection();
        }
    }

    /// <inheritdoc/>
    public override void Load(DeviceStateReader reader)
    {
        base.Load(reader);
        lock (Lock)
        {
            reader.BeginSection("ahci", 1);
            _control = reader.ReadUInt32() & (ControlAhci | ControlInterrupts);
            _status = reader.ReadUInt32();
            foreach (var port in _ports) port.Load(reader);
            reader.EndSection();
            IsPaused = true; // until Continue
            _level = false;
            UpdateInterrupt();
        }
    }

    /// <summary>Works out whether an interrupt is due (§10.7.2): a message for every new one, or the level of the pin.</summary>
    internal void UpdateInterrupt()
    {
        var before = _status;
        for (var i = 0; i < _ports.Length; i++)
        {
            if (_ports[i].Interrupts) _status |= 1u << i;
        }

        var level = (_control & ControlInterrupts) != 0 && _status != 0;
        if (_msi.IsEnabled)
        {
            if (level && (!_level || (_status & ~before) != 0)) _msi.Signal();
            SetInterrupt(false);
        }
        else
        {
            SetInterrupt(level);
        }

        _level = level;
    }

    /// <summary>A request that was forgotten has ended: perhaps the last that a reset waited for.</summary>
    internal void Settle()
    {
        if (_resetting && _ports.All(port => port.UnderWay == 0)) _resetting = false;
    }

    /// <inheritdoc/>
    protected override void OnWritten(int offset, int size)
    {
        if (!Overlaps(offset, size, _msiOffset, MsiCapability.Length)) return;
        _msi.Update(Configuration);
    }

    private void SetControl(uint value)
    {
        if ((value & ControlReset) != 0)
        {
            ResetPorts();
            _resetting = true; // until nothing touches memory any more
            Settle();
            return;
        }

        _control = ControlAhci | (value & ControlInterrupts);
        UpdateInterrupt();
    }

    private void ClearStatus(uint bits)
    {
        _status &= ~bits;
        _level = false; // what is still asserted interrupts again
        UpdateInterrupt();
    }

    private void ResetPorts()
    {
        foreach (var port in _ports) port.Reset();
        _control = ControlAhci;
        _status = 0;
        UpdateInterrupt();
    }

    private void Drain()
    {
        var wait = default(SpinWait);
        while (_ports.Any(port => port.UnderWay > 0)) wait.SpinOnce();
    }
}
