using Holon.Devices.Apic;
using Holon.Devices.Pci;
using Holon.Devices.Virtio;
using Holon.Devices.Virtio.Pci;
using Holon.Machines;
using Holon.Memory;
using Holon.SystemMachine.Firmware;

namespace Holon.SystemMachine;

/// <summary>
/// The devices in the board's PCI slots: those that were there at power-on, and those plugged in while the machine runs. A device is
/// known by the name that its specification gives it.
/// </summary>
/// <remarks>Thread-safe. Lock order: its own, then configuration space.</remarks>
internal sealed class PciDevices : IMessageBus
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, PciFunction> _functions = new(StringComparer.Ordinal);
    private readonly Chipset _chipset;
    private readonly GuestMemory _memory;
    private readonly ApicBus _apicBus;
    private readonly IBoardEvents _events;
    private readonly Lock _hotplugLock = new();

    /// <summary>No devices yet.</summary>
    public PciDevices(Chipset chipset, GuestMemory memory, ApicBus apicBus, IBoardEvents events, Action signalHotplug)
    {
        _chipset = chipset;
        _memory = memory;
        _apicBus = apicBus;
        _events = events;
        Hotplug = new PciHotplug(signalHotplug, Eject);
    }

    /// <summary>The ports by which the guest learns of devices that come and go, called under <see cref="HotplugLock"/>.</summary>
    public PciHotplug Hotplug { get; }

    /// <summary>Held while the hot-plug ports are accessed.</summary>
    public Lock HotplugLock => _hotplugLock;

    /// <summary>Puts a device into the first free slot.</summary>
    /// <param name="name">How it is known.</param>
    /// <param name="device">The device, which the slot owns from now on.</param>
    /// <param name="hot">True while the machine runs: the guest is told.</param>
    /// <exception cref="HolonException">The name is taken or no slot is free.</exception>
    public void Add(string name, VirtioDevice device, bool hot) =>
        Add(name, new VirtioPciFunction(device, _memory, this, reason => _events.DriverBroke(name, reason)), hot);

    /// <summary>Puts a function into the first free slot.</summary>
    /// <param name="name">How it is known.</param>
    /// <param name="create">Makes it for the guest's memory.</param>
    /// <param name="hot">True while the machine runs: the guest is told.</param>
    /// <exception cref="HolonException">The name is taken or no slot is free.</exception>
    public void Add(string name, Func<GuestMemory, PciFunction> create, bool hot) => Add(name, create(_memory), hot);

    private void Add(string name, PciFunction function, bool hot)
    {
        int slot;
        lock (_lock)
        {
            if (_functions.ContainsKey(name)) throw new HolonException($"There is a device '{name}' already; give this one another name.");
            lock (_chipset.Lock) slot = _chipset.Bus.AttachToFreeDevice(function, hot ? BoardResources.FirstHotplugDevice : 0);
            if (slot < 0) throw new HolonException($"There is no PCI slot left for '{name}'; take another device out.");
            _functions.Add(name, function);
        }

        if (!hot) return;
        lock (_hotplugLock) Hotplug.Insert(slot);
    }

    /// <summary>Asks the guest to let go of a device.</summary>
    /// <exception cref="HolonException">There is none, or it cannot be taken out.</exception>
    public void RequestRemoval(string name)
    {
        int slot;
        lock (_lock) slot = _functions.TryGetValue(name, out var function) ? function.DeviceNumber : throw new HolonException($"There is no device '{name}' in the machine.");
        if (slot < BoardResources.FirstHotplugDevice) throw new HolonException($"The device '{name}' was there when the machine was switched on and cannot be taken out.");
        lock (_hotplugLock) Hotplug.RequestRemoval(slot);
    }

    /// <summary>A device by its name, or null.</summary>
    public VirtioDevice? Find(string name)
    {
        lock (_lock) return (_functions.GetValueOrDefault(name) as VirtioPciFunction)?.Device;
    }

    /// <summary>Returns when no device touches guest memory any more. The vCPUs stand still.</summary>
    public void Pause()
    {
        foreach (var function in All()) function.Pause();
    }

    /// <summary>Goes on after <see cref="Pause"/>.</summary>
    public void Continue()
    {
        foreach (var function in All()) function.Continue();
    }

    /// <summary>Closes what the devices hold. The machine has ended.</summary>
    public void Close()
    {
        foreach (var function in All()) function.Close();
    }

    void IMessageBus.Send(ulong address, uint data)
    {
        if (address >> 20 == 0xFEE) _apicBus.DeliverMsi(address, data); // a message to anywhere else reaches nobody
    }

    private PciFunction[] All()
    {
        lock (_lock) return [.. _functions.Values];
    }

    /// <summary>The guest has let go of what is in a slot.</summary>
    private void Eject(int slot)
    {
        if (slot < BoardResources.FirstHotplugDevice) return; // the guest may write what it likes
        string? name;
        lock (_lock)
        {
            name = _functions.FirstOrDefault(each => each.Value.DeviceNumber == slot).Key;
            if (name is null) return;
            lock (_chipset.Lock) _chipset.Bus.Detach(slot);
            _functions.Remove(name);
        }

        _events.DeviceRemoved(name);
    }
}
