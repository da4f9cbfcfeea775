using Holon.Devices;
using Holon.Devices.Acpi;
using Holon.Devices.Apic;
using Holon.Devices.Debug;
using Holon.Devices.Flash;
using Holon.Devices.FwCfg;
using Holon.Devices.Keyboard;
using Holon.Devices.Pci;
using Holon.Devices.Pic;
using Holon.Devices.Pit;
using Holon.Devices.Rtc;
using Holon.Devices.Serial;
using Holon.Devices.State;
using Holon.Devices.Time;
using Holon.Memory;
using Holon.SystemMachine.Bus;
using Holon.SystemMachine.Firmware;

namespace Holon.SystemMachine;

/// <summary>What a board tells the machine that it is part of. Called on a vCPU's thread, under a device's lock: only note it and return.</summary>
internal interface IBoardEvents
{
    /// <summary>The guest switched itself off.</summary>
    void PoweredOff();

    /// <summary>The guest asked for a reset.</summary>
    void ResetRequested();

    /// <summary>The guest wrote an exit code to the debug exit port.</summary>
    void DebugExit(int code);

    /// <summary>The host has no space for what the guest writes to a disk: pause the machine. Called on any thread.</summary>
    /// <param name="disk">The disk's name.</param>
    /// <param name="path">Its file.</param>
    void DiskFull(string disk, string path);

    /// <summary>A driver in the guest broke a rule, and its device waits to be reset. Called on any thread, under locks.</summary>
    void DriverBroke(string device, string reason);

    /// <summary>A device was taken out of the running machine.</summary>
    void DeviceRemoved(string device);

    /// <summary>Something in a network failed that must not; the network goes on. Called on the network's thread.</summary>
    void NetworkFailed(string device, Exception exception);
}

/// <summary>What a board is built for.</summary>
/// <param name="Memory">The guest's memory.</param>
/// <param name="Ram">What of it is RAM: below 4 GiB, then above.</param>
/// <param name="Processors">How many vCPUs there will be.</param>
/// <param name="Platform">What its tables tell, when firmware is to pass them on; null when they are in memory already.</param>
/// <param name="TestDevice">Whether kvm-unit-tests' device is there.</param>
/// <param name="Variables">A flash for the firmware's variables, and where it lies; null for none.</param>
internal sealed record BoardPlan(
    GuestMemory Memory, IReadOnlyList<MemoryRange> Ram, int Processors, PlatformDescription? Platform, bool TestDevice, (ParallelFlash Flash, MemoryRange Place)? Variables = null);

/// <summary>
/// The PC's board: chipset devices, where they are mapped, and how their interrupts are wired. ISA interrupts go to the 8259A pair and to
/// the I/O APIC alike; the guest uses one of them. Each device has its own lock; the interrupt controllers keep their own.
/// </summary>
/// <remarks>Lock order: a device, then I/O APIC or 8259A, then local APIC. None of the last three is held while calling out.</remarks>
internal sealed class Board : IDisposable
{
    private readonly PortSpace _ports = new();
    private readonly DeviceMemory _deviceMemory = new();
    private readonly ApicBus _apicBus = new();
    private readonly List<(Lock? Lock, IStatefulDevice Device)> _devices = [];
    private readonly PicPair _pic = new();
    private readonly IoApic _ioApic;
    private readonly Chipset _chipset;
    private readonly Lock _serialLock = new(), _powerLock = new();
    private GeneralPurposeEvents _generalEvents = null!; // made with the chipset
    private AcpiPowerManagement _power = null!; // likewise
    private readonly SerialQueue _serialInput;
    private readonly BusTrace? _trace;

    public Board(BoardPlan plan, IBoardEvents events, Action<byte> serialOutput, BusTrace? trace)
    {
        _trace = trace;
        _ioApic = new IoApic(_apicBus);
        _devices.Add((null, _pic));
        _devices.Add((null, _ioApic));
        _ports.Map(0x20, 2, _pic.Master, null);
        _ports.Map(0xA0, 2, _pic.Slave, null);
        _ports.Map(0x4D0, 2, _pic.TriggerControl, null);
        _deviceMemory.Map(new MemoryRange(BoardResources.IoApicAddress, IoApic.MmioLength), _ioApic, null);

        var pitLock = new Lock();
        var pit = Add(pitLock, new Pit8254(pitLock, Clock, IsaLine(0)));
        _ports.Map(0x40, 4, pit, pitLock);
        _ports.Map(0x61, 1, pit.SystemControl, pitLock);

        Serial = Add(_serialLock, new Uart16550(IsaLine(4), serialOutput));
        _serialInput = new SerialQueue(Serial);
        _ports.Map(BoardResources.SerialPorts[0].Port, 8, Serial, _serialLock);

        var rtcLock = new Lock();
        var rtc = Add(rtcLock, new Mc146818(rtcLock, Clock, TimeProvider.System, IsaLine(8)));
        rtc.SetMemorySize(plan.Ram[0].End, plan.Ram.Count > 1 ? plan.Ram[1].Length : 0);
        rtc.SetProcessorCount(plan.Processors);
        _ports.Map(0x70, 2, rtc, rtcLock);

        AddKeyboard(events);
        _chipset = AddPowerAndPci(plan.Memory, events);
        Pci = AddPciSlots(plan.Memory, events);
        AddFirmwareConfiguration(plan);
        if (plan.TestDevice) AddTestDevice();
        if (plan.Variables is var (flash, place))
        {
            var flashLock = new Lock();
            _deviceMemory.Map(place, Add(flashLock, flash), flashLock);
        }

        // The device counts as QEMU's does, (value << 1) | 1; users give and get the value itself.
        _ports.Map(0xF4, 4, new DebugExit(code => events.DebugExit(code >> 1)), new Lock());
        if (trace is { Firmware: true }) _ports.Map(0x402, 1, new DebugConsole(trace.FirmwareOutput), new Lock());
    }

    /// <summary>The machine's time.</summary>
    public MachineClock Clock { get; } = new();

    /// <summary>COM1.</summary>
    public Uart16550 Serial { get; }

    /// <summary>What is in the PCI slots.</summary>
    public PciDevices Pci { get; }

    /// <summary>Makes the local APIC of a vCPU, and what the vCPU reaches.</summary>
    /// <param name="id">APIC id; 0 is the processor that starts.</param>
    /// <param name="kick">Wakes the vCPU.</param>
    public (LocalApic Apic, VcpuBus Bus) AddProcessor(uint id, Action kick)
    {
        var first = id == 0;
        var apic = new LocalApic(id, first, _apicBus, Clock, first ? _pic : null, kick) { PhysicalAddressBits = X86.Paging.PageWalk.PhysicalAddressBits };
        if (first) _pic.OutputChanged = apic.ExternalInterruptChanged;
        _devices.Add((null, apic));
        return (apic, new VcpuBus(_ports, _deviceMemory, apic, _trace));
    }

    /// <summary>Presses the power button.</summary>
    /// <returns>False when no driver in the guest listens to it.</returns>
    public bool PressPowerButton()
    {
        lock (_powerLock) return _power.PressPowerButton();
    }

    /// <summary>Gives bytes to COM1.</summary>
    /// <returns>How many it took.</returns>
    public int ReceiveSerial(ReadOnlySpan<byte> data)
    {
        lock (_serialLock) return _serialInput.Offer(data);
    }

    /// <summary>Does to the chipset what firmware does before it boots, for guests that are booted without.</summary>
    public void SetUpAsFirmwareDoes()
    {
        const ulong PciInterruptsAreLevels = (1 << (10 - 8)) | (1 << (11 - 8));
        _chipset.SetUpAsFirmwareDoes();
        _pic.TriggerControl.Write(1, 1, PciInterruptsAreLevels);
    }

    /// <summary>Sets interrupt controllers and timer as firmware leaves them for real-mode code.</summary>
    public void SetUpForRealMode()
    {
        foreach (var (port, value) in RealModeVectors.PortWrites) _ports.Write(port, 1, value);
    }

    /// <summary>Puts every device into the state that RESET leaves. The vCPUs must stand still.</summary>
    public void Reset()
    {
        foreach (var (deviceLock, device) in _devices)
        {
            if (deviceLock is null)
            {
                device.Reset();
                continue;
            }

            lock (deviceLock) device.Reset();
        }
    }

    public void Dispose()
    {
        Pci.Close();
        Clock.Dispose();
    }

    private void AddKeyboard(IBoardEvents events)
    {
        var keyboardLock = new Lock();
        // Address line 20 always works: since 1990 nothing relies on the wrap-around at 1 MiB, and boot loaders only ever open the gate.
        var keyboard = Add(keyboardLock, new I8042(IsaLine(1), IsaLine(12), a20: _ => { }, events.ResetRequested));
        _ports.Map(0x60, 1, keyboard.Data, keyboardLock);
        _ports.Map(0x64, 1, keyboard.Command, keyboardLock);
        _ports.Map(0x92, 1, keyboard.SystemControl, keyboardLock);
    }

    private Chipset AddPowerAndPci(GuestMemory memory, IBoardEvents events)
    {
        var sci = IsaLine(BoardResources.SciInterrupt);
        var power = _power = Add(_powerLock, new AcpiPowerManagement(_powerLock, Clock, sci, events.PoweredOff));
        var generalEvents = _generalEvents = Add(_powerLock, new GeneralPurposeEvents(IsaLine(BoardResources.SciInterrupt)));
        _ports.Map(BoardResources.SmiCommandPort, 2, power.Command, _powerLock);
        ushort mappedAt = 0;

        var reset = new ResetControl(events.ResetRequested);
        var chipset = new Chipset(_ports, _deviceMemory, _pic.CreateLine, _ioApic.CreateLine, reset, SetShadow, MovePowerPorts);
        foreach (var (start, length) in I440fx.Segments) SetShadow(start, length, readMemory: false, writeMemory: false);
        Add(chipset.Lock, reset);
        Add(chipset.Lock, chipset.ConfigurationPorts);
        Add(chipset.Lock, chipset.Bus);
        return chipset;

        // The ROM's copy below 1 MiB lies in the RAM that shadows it, so only writing has to change.
        void SetShadow(ulong start, ulong length, bool readMemory, bool writeMemory) => memory.SetReadOnly(new MemoryRange(start, length), !writeMemory);

        void MovePowerPorts(ushort port, bool enabled)
        {
            const int ToGeneralEvents = BoardResources.GeneralEventPort - BoardResources.PowerEventPort;
            if (mappedAt != 0)
            {
                _ports.Unmap(mappedAt, power);
                _ports.Unmap((ushort)(mappedAt + ToGeneralEvents), generalEvents);
            }

            mappedAt = enabled ? port : (ushort)0;
            if (mappedAt == 0) return;
            _ports.Map(port, 12, power, _powerLock);
            _ports.Map((ushort)(port + ToGeneralEvents), BoardResources.GeneralEventLength, generalEvents, _powerLock);
        }
    }

    private PciDevices AddPciSlots(GuestMemory memory, IBoardEvents events)
    {
        var slots = new PciDevices(_chipset, memory, _apicBus, events, SignalHotplug);
        Add(slots.HotplugLock, slots.Hotplug);
        _ports.Map(BoardResources.HotplugPort, PciHotplug.Length, slots.Hotplug, slots.HotplugLock);
        return slots;

        void SignalHotplug()
        {
            lock (_powerLock) _generalEvents.Signal(PciHotplug.GeneralEvent);
        }
    }

    private void AddFirmwareConfiguration(BoardPlan plan)
    {
        var fwCfgLock = new Lock();
        var fwCfg = Add(fwCfgLock, new FwCfgDevice(plan.Memory));
        FirmwareItems.Add(fwCfg, plan);
        _ports.Map(FwCfgDevice.DefaultPort, FwCfgDevice.Length, fwCfg, fwCfgLock);
    }

    private void AddTestDevice()
    {
        var testLock = new Lock();
        var lines = Enumerable.Range(0, BoardResources.IoApicInputs).Select(input => input < 16 && input != 2 ? (IInterruptLine)IsaLine(input) : _ioApic.CreateLine(input));
        // Everything that is derived from guest memory is kept exact, so there is nothing to forget when a test asks for it.
        var test = Add(testLock, new TestDevice([.. lines], flushPage: _ => { }));
        _ports.Map(0xE0, 4, test.Scratch, testLock);
        _ports.Map(0xE4, 4, test.Flush, testLock);
        _ports.Map(0xE8, 4, test.Scratch, testLock);
        _ports.Map(0x2000, BoardResources.IoApicInputs, test.Interrupts, testLock);
        _deviceMemory.Map(new MemoryRange(0xFF000000, TestDevice.MemoryLength), test.Memory, testLock);
    }

    /// <summary>An ISA interrupt: to the 8259A input of its number and to the I/O APIC input (the timer's is 2, as the MADT says).</summary>
    private InterruptFanOut IsaLine(int irq) =>
        new(_pic.CreateLine(irq), _ioApic.CreateLine(irq == 0 ? (int)BoardResources.TimerInput : irq));

    private T Add<T>(Lock deviceLock, T device)
        where T : IStatefulDevice
    {
        _devices.Add((deviceLock, device));
        return device;
    }
}
