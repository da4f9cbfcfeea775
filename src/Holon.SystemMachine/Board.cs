using Holon.Devices;
using Holon.Devices.Acpi;
using Holon.Devices.Apic;
using Holon.Devices.Debug;
using Holon.Devices.Pic;
using Holon.Devices.Pit;
using Holon.Devices.Rtc;
using Holon.Devices.Serial;
using Holon.Devices.State;
using Holon.Devices.Time;
using Holon.Memory;
using Holon.SystemMachine.Bus;
using Holon.SystemMachine.Firmware;
using Holon.X86;

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
}

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
    private readonly Lock _serialLock = new();
    private readonly BusTrace? _trace;

    public Board(GuestMemory memory, MemoryRange[] ram, IBoardEvents events, Action<byte> serialOutput, BusTrace? trace)
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
        _ports.Map(BoardResources.SerialPorts[0].Port, 8, Serial, _serialLock);

        var rtcLock = new Lock();
        var rtc = Add(rtcLock, new Mc146818(rtcLock, Clock, TimeProvider.System, IsaLine(8)));
        rtc.SetMemorySize(ram[0].End, ram.Length > 1 ? ram[1].Length : 0);
        _ports.Map(0x70, 2, rtc, rtcLock);

        var powerLock = new Lock();
        var sci = IsaLine(BoardResources.SciInterrupt);
        var power = Add(powerLock, new AcpiPowerManagement(powerLock, Clock, sci, events.PoweredOff));
        _ports.Map(BoardResources.PowerEventPort, 12, power, powerLock);
        _ports.Map(BoardResources.SmiCommandPort, 2, power.Command, powerLock);
        var generalEvents = Add(powerLock, new GeneralPurposeEvents(sci));
        _ports.Map(BoardResources.GeneralEventPort, BoardResources.GeneralEventLength, generalEvents, powerLock);
        var resetLock = new Lock();
        var reset = Add(resetLock, new ResetControl(events.ResetRequested));
        _ports.Map(BoardResources.ResetPort, 1, reset, resetLock);

        // The device counts as QEMU's does, (value << 1) | 1; users give and get the value itself.
        _ports.Map(0xF4, 4, new DebugExit(code => events.DebugExit(code >> 1)), new Lock());
    }

    /// <summary>The machine's time.</summary>
    public MachineClock Clock { get; } = new();

    /// <summary>COM1.</summary>
    public Uart16550 Serial { get; }

    /// <summary>Makes the local APIC of a vCPU, and what the vCPU reaches.</summary>
    /// <param name="id">APIC id; 0 is the processor that starts.</param>
    /// <param name="kick">Wakes the vCPU.</param>
    public (LocalApic Apic, IVcpuBus Bus) AddProcessor(uint id, Action kick)
    {
        var first = id == 0;
        var apic = new LocalApic(id, first, _apicBus, Clock, first ? _pic : null, kick) { PhysicalAddressBits = X86.Paging.PageWalk.PhysicalAddressBits };
        if (first) _pic.OutputChanged = apic.ExternalInterruptChanged;
        _devices.Add((null, apic));
        return (apic, new VcpuBus(_ports, _deviceMemory, apic, _trace));
    }

    /// <summary>Gives bytes to COM1.</summary>
    /// <returns>How many it took.</returns>
    public int ReceiveSerial(ReadOnlySpan<byte> data)
    {
        lock (_serialLock) return Serial.Receive(data);
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

    public void Dispose() => Clock.Dispose();

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
