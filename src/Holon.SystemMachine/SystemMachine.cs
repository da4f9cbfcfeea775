using System.Diagnostics;
using System.Security.Cryptography;
using Holon.Devices.Flash;
using Holon.Devices.Pci;
using Holon.Machines;
using Holon.Machines.Control;
using Holon.Memory;
using Holon.SystemMachine.Boot;
using Holon.SystemMachine.Boot.Bios;
using Holon.SystemMachine.Bus;
using Holon.SystemMachine.Firmware;
using Holon.SystemMachine.Firmware.Acpi;
using Holon.SystemMachine.Firmware.Smbios;
using Holon.SystemMachine.Images;
using Holon.SystemMachine.Networks;
using Holon.X86;

namespace Holon.SystemMachine;

/// <summary>A whole PC: memory, board and vCPUs, built from a specification, with the lifecycle that every machine has.</summary>
/// <remarks>
/// Each vCPU runs on a thread of its own. Everybody else only leaves a request and asks the vCPUs to stop; when all stand still between two
/// instructions, one of their threads carries the request out. So state and devices are never touched while the guest executes.
/// </remarks>
public sealed class SystemMachine : IManagedMachine, IBoardEvents, IProcessorEvents
{
    /// <summary>Where RAM below 4 GiB ends at most: above are PCI's window, the APICs and the firmware.</summary>
    private const ulong LowMemoryLimit = 0xC0000000;
    private const ulong FourGiB = 1ul << 32;

    private static readonly TimeSpan _spaceInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly GuestMemory _memory;
    private readonly Board _board;
    private readonly ProcessorRest _rest = new();
    private readonly MachineDevices _devices;
    private readonly SerialPump _serial;
    private readonly Processors _processors;
    private readonly TextWriter? _trace;
    private readonly EventLog _events = new();
    private readonly TaskCompletionSource<MachineExit> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly byte[]? _firmware;
    private readonly FirmwareVariables? _variables;
    private readonly Guid _uuid = Guid.NewGuid();
    private readonly ManualResetEventSlim _resume = new(true);
    private MachineExit? _endRequest;
    private bool _pauseRequested, _resetRequested;
    private TaskCompletionSource? _paused;
    private Timer? _timeout, _spaceWatch;
    private string? _fullDisk;
    private long _started, _lastSample; // ticks of the host's monotonic clock
    private volatile MachineStatus _status = MachineStatus.Created;

    private SystemMachine(SystemMachineSpec spec, SerialOutputHandler serialOutput, TextWriter? trace)
    {
        Spec = spec;
        _trace = trace is null || spec.Cpus == 1 ? trace : TextWriter.Synchronized(trace);
        _firmware = spec.Bios is { } path ? BiosRom.ReadFile(path) : null;
        if (spec.Uefi) _variables = FirmwareVariables.Open(SystemMachineSpec.UefiVariables, spec.Variables);
        var ram = RamOf(spec.Memory.Bytes);
        _memory = new GuestMemory(_firmware is null ? ram : [ram[0], BiosRom.RangeOf(_firmware.Length), .. ram[1..]]);
        if (_firmware is not null) _memory.SetReadOnly(BiosRom.RangeOf(_firmware.Length), readOnly: true);
        _serial = new SerialPump(serialOutput);
        var busTrace = trace is not null && (spec.Trace & BusTrace.Categories) != 0 ? new BusTrace(_trace!, spec.Trace) : null;
        var plan = new BoardPlan(_memory, ram, spec.Cpus, _firmware is null ? null : Platform(), spec.TestDevice, PlaceVariables());
        _board = new Board(plan, this, _serial.Send, busTrace);
        _devices = new MachineDevices(_board.Pci, this, spec.Name, _rest);
        var model = spec.CpuModel == CpuLevel.V2 ? CpuModel.X8664V2 : CpuModel.X8664V3;
        _processors = new Processors(this);
        try
        {
            for (var number = 0; number < spec.Cpus; number++) AddProcessor(number, model);
            _devices.Add(spec);
            Load();
        }
        catch
        {
            Release();
            throw;
        }
    }

    /// <summary>What it was built from.</summary>
    public SystemMachineSpec Spec { get; }

    /// <inheritdoc/>
    public string Name => Spec.Name;

    /// <inheritdoc/>
    public MachineStatus Status => _status;

    /// <inheritdoc/>
    public Task<MachineExit> Completion => _completion.Task;

    /// <summary>Guest instructions executed so far.</summary>
    public ulong InstructionCount => _processors.All.Aggregate(0ul, (sum, processor) => sum + processor.Vcpu.InstructionCount);

    /// <summary>What the engine did so far, as lines for people: for each vCPU.</summary>
    public string EngineReport => _processors.All.Count == 1
        ? _processors.First.Report
        : string.Concat(_processors.All.Select(processor => $"cpu {processor.Number}{Environment.NewLine}{processor.Report}"));

    string IManagedMachine.Kind => "vm";

    string IManagedMachine.Engine => _processors.First.Vcpu.Engine;

    int IManagedMachine.Processors => Spec.Cpus;

    MemorySize IManagedMachine.Memory => Spec.Memory;

    /// <summary>Builds a machine and loads its guest; nothing runs yet.</summary>
    /// <param name="spec">What to build.</param>
    /// <param name="serialOutput">Takes what the guest prints on its first serial port.</param>
    /// <param name="trace">Takes trace lines; only written when the specification asks for some.</param>
    /// <exception cref="HolonException">A file, a value or the host stands in the way.</exception>
    public static SystemMachine Create(SystemMachineSpec spec, SerialOutputHandler serialOutput, TextWriter? trace = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(serialOutput);
        return new SystemMachine(spec.Validate(), serialOutput, trace);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<MachineEvent> EventsAsync(CancellationToken cancellationToken = default) => _events.ReadAsync(cancellationToken);

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            if (_status != MachineStatus.Created) throw new InvalidOperationException($"The machine '{Name}' was started before.");
            SetStatus(MachineStatus.Running, "The machine runs.");
        }

        Tell("engine.chosen", _processors.First.Engine.Reason);
        // Kernel and initrd went through buffers of their size; an idle machine should not go on holding them.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        _started = Stopwatch.GetTimestamp();
        _board.Clock.Ticking = Sample;
        _board.Clock.Resume();
        _processors.Start();
        if (Spec.Timeout is { } timeout) _timeout = new Timer(_ => RequestEnd(new MachineExit(MachineExitReason.TimedOut)), null, timeout, System.Threading.Timeout.InfiniteTimeSpan);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task PauseAsync(CancellationToken cancellationToken = default)
    {
        Task paused;
        lock (_lock)
        {
            if (_status != MachineStatus.Running) throw new InvalidOperationException($"The machine '{Name}' is not running.");
            _paused ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            paused = _paused.Task; // taken here: a vCPU's thread clears the field once the pause is there
            _pauseRequested = true;
        }

        _processors.RequestStop();
        return paused.WaitAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public Task ResumeAsync(CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            if (_status != MachineStatus.Paused) throw new InvalidOperationException($"The machine '{Name}' is not paused.");
            _fullDisk = null;
            SetStatus(MachineStatus.Running, "The machine goes on.");
            _board.Clock.Resume();
            _board.Pci.Continue();
            _resume.Set();
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        bool never;
        lock (_lock) never = _status == MachineStatus.Created;
        if (never) Finish(new MachineExit(MachineExitReason.Stopped));
        else RequestEnd(new MachineExit(MachineExitReason.Stopped));
        await Completion.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Gives bytes to the guest's first serial port.</summary>
    /// <returns>How many it took; offer the rest again a little later.</returns>
    public int SendSerial(ReadOnlySpan<byte> data) => _board.ReceiveSerial(data);

    /// <summary>Plugs a disk in while the machine runs.</summary>
    /// <exception cref="HolonException">It cannot be opened, or there is no place for it.</exception>
    public void AttachDisk(DiskSpec disk) => _devices.AddDisk(disk, hot: true, Spec.Cpus);

    /// <summary>Plugs a network card in while the machine runs.</summary>
    /// <exception cref="HolonException">Its network does not exist, or there is no place for it.</exception>
    public void AttachNetwork(NetworkSpec network) => _devices.Networks.Add(network, hot: true, Spec.Cpus);

    /// <summary>Pulls the cable of a network card out, or puts it in again; the first card is <c>net</c>, the second <c>net2</c>.</summary>
    /// <exception cref="HolonException">There is no such card.</exception>
    public void SetLink(string card, bool up)
    {
        if (!_devices.Networks.TrySetLink(card, up)) throw new HolonException($"There is no network card '{card}' in the machine.");
    }

    /// <summary>Asks the guest to let go of a device that was plugged in; the event <c>device.removed</c> tells when it has.</summary>
    /// <exception cref="HolonException">There is none, or it cannot be taken out.</exception>
    public void DetachDevice(string name) => _board.Pci.RequestRemoval(name);

    /// <inheritdoc/>
    public MachineStatistics Measure() => new()
    {
        UptimeSeconds = _started == 0 ? 0 : Stopwatch.GetElapsedTime(_started).TotalSeconds,
        MemoryBytes = _memory.Size,
        ResidentBytes = _memory.ResidentBytes,
        ProcessBytes = (ulong)Environment.WorkingSet,
        Processors = [.. _processors.All.Select(processor => processor.Measure((long)Spec.CodeCache.Bytes))],
        Disks = _devices.Disks.Measure(),
        Networks = _devices.Networks.Measure(),
    };

    /// <summary>Presses the power button.</summary>
    /// <exception cref="HolonException">The machine does not run, or its guest has no driver for the button.</exception>
    public void RequestShutdown()
    {
        if (_status != MachineStatus.Running) throw new HolonException($"The machine '{Name}' does not run.");
        if (!_board.PressPowerButton()) throw new HolonException($"Nothing in the guest of '{Name}' listens to the power button; end the machine with: holon stop --force {Name}");
        Tell("machine.power-button", "The power button was pressed.");
    }

    void IManagedMachine.AttachDevice(string kind, string description)
    {
        if (_status is not (MachineStatus.Running or MachineStatus.Paused)) throw new HolonException($"The machine '{Name}' does not run.");
        switch (kind)
        {
            case "disk":
                AttachDisk(DiskSpec.Parse(description));
                break;
            case "network":
                AttachNetwork(NetworkSpec.Parse(description));
                break;
            default:
                throw new HolonException($"There is no kind of device '{kind}' that can be plugged in; use disk or network.");
        }

        Tell("device.attached", $"A {kind} was plugged in: {description}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        _processors.Join();
        Release();
    }

    void IBoardEvents.PoweredOff() => RequestEnd(new MachineExit(MachineExitReason.PowerOff));

    void IBoardEvents.DebugExit(int code) => RequestEnd(new MachineExit(MachineExitReason.DebugExit, code));

    void IBoardEvents.ResetRequested()
    {
        if (Spec.StopOnReset)
        {
            RequestEnd(new MachineExit(MachineExitReason.Reset));
            return;
        }

        lock (_lock) _resetRequested = true;
        _processors.RequestStop();
    }

    void IBoardEvents.DiskFull(string disk, string path)
    {
        lock (_lock)
        {
            if (_status != MachineStatus.Running || _pauseRequested) return;
            _pauseRequested = true;
            _fullDisk = path;
            _spaceWatch ??= new Timer(_ => LookForSpace());
            _spaceWatch.Change(_spaceInterval, _spaceInterval);
        }

        Tell("disk.full", $"The host has no space left for what the guest writes to '{disk}'; the machine is paused and goes on when there is space again.");
        _processors.RequestStop();
    }

    /// <summary>A machine that a full disk has paused goes on when there is space; what was being written is then tried again.</summary>
    private void LookForSpace()
    {
        string? path;
        lock (_lock) path = _status == MachineStatus.Paused ? _fullDisk : null;
        if (path is null || !DiskSpace.IsThereAgain(path)) return;
        lock (_lock)
        {
            if (_status != MachineStatus.Paused || _fullDisk != path) return;
            _spaceWatch!.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            Tell("disk.space", $"There is space again for {path}.");
            _ = ResumeAsync();
        }
    }

    void IBoardEvents.DriverBroke(string device, string reason) => Tell("device.broken", $"The guest's driver of '{device}' {reason}; the device waits to be reset.");

    void IBoardEvents.DeviceRemoved(string device)
    {
        _devices.Removed(device);
        Tell("device.removed", $"The guest has let go of '{device}'.");
    }

    void IBoardEvents.NetworkFailed(string device, Exception exception) => Tell("network.failed", $"The network of '{device}' failed at something: {exception}");

    /// <summary>Looks at what each vCPU is doing, at most once a millisecond.</summary>
    private void Sample()
    {
        var now = Stopwatch.GetTimestamp();
        if (now - _lastSample < Stopwatch.Frequency / 1000) return;
        _lastSample = now;
        foreach (var processor in _processors.All) processor.Sample();
    }

    private static MemoryRange[] RamOf(ulong bytes) => bytes <= LowMemoryLimit
        ? [new MemoryRange(0, bytes)]
        : [new MemoryRange(0, LowMemoryLimit), new MemoryRange(FourGiB, bytes - LowMemoryLimit)];

    /// <summary>Puts the guest into memory and the vCPU at its first instruction.</summary>
    private void Load()
    {
        foreach (var processor in _processors.All) processor.Reset();
        if (_firmware is not null)
        {
            BiosRom.Load(_memory, _firmware);
        }
        else
        {
            _board.SetUpAsFirmwareDoes();
            var platform = Platform();
            var rsdp = AcpiTables.Place(_memory, platform);
            SmbiosTables.Place(_memory, platform);
            var guest = KernelLoader.Load(_memory, new BootRequest
            {
                KernelPath = Spec.Kernel!,
                Modules = [.. Spec.Initrds.Select(path => new BootModule(path))],
                ExtraModule = Spec.ExtraInitrd,
                CommandLine = Spec.CommandLine,
                AcpiRsdpAddress = rsdp,
                RandomSeed = RandomNumberGenerator.GetBytes(64),
            });
            foreach (var warning in guest.Warnings) Tell("boot.warning", warning);
            Tell("boot.loaded", guest.Description);
            guest.Entry.ApplyTo(ref _processors.First.Vcpu.State);
            if (guest.Protocol == BootProtocol.Multiboot)
            {
                // Such kernels may go back to real mode; Linux and PVH kernels never do.
                RealModeVectors.Place(_memory);
                _board.SetUpForRealMode();
            }
        }

        foreach (var processor in _processors.All) processor.Vcpu.Invalidate();
    }

    private void AddProcessor(int number, CpuModel model)
    {
        var processor = new Processor(number, _board, (bus, apic) => Engine.Create(Spec, _memory, bus, apic, _board.Clock, model));
        _processors.Add(processor);
        var core = processor.Engine.Core;
        core.Rest = _rest;
        (core.ApicId, core.CpuCount, core.PhysicalAddressBits) = ((uint)number, Spec.Cpus, PhysicalAddressBits);
        if (_trace is not null && (Spec.Trace & (TraceCategories.Cpu | TraceCategories.Exceptions)) != 0) CpuTrace.Attach(core, _trace, Spec.Trace, Spec.Cpus > 1 ? number : null);
    }

    /// <summary>The variables' flash lies directly below the firmware's.</summary>
    private (ParallelFlash Flash, MemoryRange Place)? PlaceVariables() =>
        _variables is null ? null : (_variables.Flash, new MemoryRange(BiosRom.RangeOf(_firmware!.Length).Start - (ulong)_variables.Length, (ulong)_variables.Length));

    /// <summary>
    /// OVMF maps all addresses that CPUID tells, in pages of 2 MiB: seconds and gigabytes for 46 bits. It does not believe 40 bits, and goes by the memory there is.
    /// </summary>
    private int PhysicalAddressBits => Spec.Uefi && Spec.Memory.Bytes <= 1ul << (BoardResources.UefiPhysicalAddressBits - 1)
        ? BoardResources.UefiPhysicalAddressBits
        : X86.Paging.PageWalk.PhysicalAddressBits;

    /// <summary>What the tables tell the guest about its machine.</summary>
    private PlatformDescription Platform() => new()
    {
        Processors = Spec.Cpus,
        Memory = RamOf(Spec.Memory.Bytes),
        Name = Spec.Name,
        Uuid = _uuid,
        Version = typeof(SystemMachine).Assembly.GetName().Version?.ToString(3) ?? "",
        Ecam = new MemoryRange(BoardResources.EcamAddress, PciExpressConfiguration.Length),
        PciWindow64 = BoardResources.PciWindow64(RamOf(Spec.Memory.Bytes)[^1].End, PhysicalAddressBits),
        PowerPort = Spec.Uefi ? BoardResources.UefiPowerEventPort : BoardResources.PowerEventPort,
        FirstHotplugDevice = BoardResources.FirstHotplugDevice,
        HasKeyboardController = _firmware is not null, // a kernel booted directly need not spend time on looking for a keyboard
    };

    void IProcessorEvents.Failed(string kind, string detail)
    {
        Tell(kind, detail);
        RequestEnd(new MachineExit(MachineExitReason.Failed, Failure: detail));
    }

    void IProcessorEvents.Ended(MachineExit exit) => Finish(exit);

    /// <inheritdoc/>
    MachineExit? IProcessorEvents.Attend()
    {
        bool pause, reset;
        lock (_lock)
        {
            if (_endRequest is not null) return _endRequest;
            (pause, reset) = (_pauseRequested, _resetRequested);
            _resetRequested = false;
        }

        if (reset)
        {
            Tell("machine.reset", "The guest reset the machine.");
            _board.Reset();
            _devices.Networks.Reset();
            Load();
        }

        if (!pause) return null;
        _board.Clock.Pause();
        _board.Pci.Pause();
        lock (_lock)
        {
            if (_endRequest is not null) return _endRequest;
            _pauseRequested = false; // not before: who asks meanwhile has this pause
            _resume.Reset(); // here and not with the request: the pause before may not have been left yet
            SetStatus(MachineStatus.Paused, "The machine is paused.");
            _paused?.TrySetResult();
            _paused = null;
        }

        _resume.Wait();
        lock (_lock) return _endRequest;
    }

    private void RequestEnd(MachineExit exit)
    {
        if (exit.Reason is MachineExitReason.Stopped or MachineExitReason.TimedOut) _serial.Hurry();
        lock (_lock) _endRequest ??= exit;
        _resume.Set();
        _processors.RequestStop();
    }

    private void Finish(MachineExit exit)
    {
        _timeout?.Dispose();
        _spaceWatch?.Dispose();
        _board.Clock.Pause();
        _serial.Drain();
        lock (_lock)
        {
            if (_completion.Task.IsCompleted) return;
            _paused?.TrySetException(new InvalidOperationException($"The machine '{Name}' ended instead of pausing."));
            if (exit.Reason == MachineExitReason.Failed) SetStatus(MachineStatus.Failed, exit.Failure ?? "The machine failed.");
            else SetStatus(MachineStatus.Stopped, $"The machine ended: {exit.Reason}.");
        }

        _events.End();
        _completion.TrySetResult(exit);
    }

    private void SetStatus(MachineStatus status, string message)
    {
        _status = status;
#pragma warning disable CA1308 // event names are lower case
        Tell($"status.{status.ToString().ToLowerInvariant()}", message);
#pragma warning restore CA1308
    }

    private void Tell(string kind, string message)
    {
        _events.Add(kind, message);
        if (_trace is not null) _trace.WriteLine($"event {kind}: {message}");
    }

    private void Release()
    {
        _serial.Dispose();
        _devices.Networks.Dispose(); // before the devices: nobody takes frames out of memory that goes away
        _board.Dispose();
        _devices.Dispose();
        _variables?.Dispose();
        _processors.Dispose();
        _memory.Dispose();
        _resume.Dispose();
        _trace?.Flush();
    }
}
