using System.CommandLine;
using System.CommandLine.Parsing;
using Holon.Cli.Running;
using Holon.Cli.Terminal;
using Holon.Machines;
using Holon.Machines.Control;
using Holon.SystemMachine;
using Holon.SystemMachine.Images;

namespace Holon.Cli.Commands;

/// <summary><c>holon run</c>: options become a request, and a run makes of it what it is.</summary>
internal sealed class RunCommand : Command
{
    private readonly Argument<string?> _image = new("IMAGE") { Description = "What to start: busybox, busybox-full or debian. Made on first use.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _kernel = new("--kernel") { Description = "Boot this kernel: a Linux bzImage or vmlinux, or a multiboot kernel.", HelpName = "FILE" };
    private readonly Option<string[]> _initrd = new("--initrd") { Description = "Give the kernel this initrd, or multiboot module. Repeatable.", HelpName = "FILE", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string?> _append = new("--append") { Description = "Add this to the kernel's command line.", HelpName = "STRING" };
    private readonly Option<string?> _bios = new("--bios") { Description = $"Boot firmware [{SystemMachineSpec.DefaultFirmware}] instead of a kernel.", HelpName = "FILE", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<bool> _uefi = new("--uefi") { Description = "Boot UEFI firmware (Debian's OVMF) instead of a kernel; a machine with a name keeps its variables." };
    private readonly Option<string[]> _disk = new("--disk") { Description = "Add a disk; without an image, kernel or firmware the first one's system is started. FILE[,ro][,serial=TEXT][,bus=virtio|ahci][,format=raw|qcow2][,name=NAME][,iops=N][,rate=SIZE]; the last two are limits a second. Repeatable.", HelpName = "FILE[,…]", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string[]> _device = new("--device") { Description = "Add a device: rng, balloon, vsock,socket=PATH[,cid=N] or console,socket=PATH. Repeatable.", HelpName = "KIND[,…]", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string> _memory = new("--memory", "-m") { Description = "RAM, with K, M or G.", HelpName = "SIZE", DefaultValueFactory = _ => SystemMachineSpec.DefaultMemory.ToString() };
    private readonly Option<string> _cpus = new("--cpus") { Description = $"Processors, 1 to {SystemMachineSpec.MostCpus}.", HelpName = "N", DefaultValueFactory = _ => "1" };
    private readonly Option<string> _cpu = new("--cpu") { Description = "The processor the guest sees: x86-64-v2 or x86-64-v3.", HelpName = "MODEL", DefaultValueFactory = _ => "x86-64-v3" };
    private readonly Option<string> _engine = new("--engine") { Description = "What executes the guest: translator, interpreter, or auto for the best that works here.", HelpName = "ENGINE", DefaultValueFactory = _ => "auto" };
    private readonly Option<string> _codeCache = new("--code-cache") { Description = "Host code that the translator keeps at most, with K, M or G.", HelpName = "SIZE", DefaultValueFactory = _ => SystemMachineSpec.DefaultCodeCache.ToString() };
    private readonly Option<bool> _engineStats = new("--engine-stats") { Description = "Tell at the end what the engine did, with hit rates; counting costs some speed." };
    private readonly Option<string?> _name = new("--name") { Description = "The machine's name, and the guest's host name. [default: the image's]", HelpName = "NAME" };
    private readonly Option<bool> _detach = new("--detach", "-d") { Description = "Start the machine, print its name, and leave it running: holon ps, attach, logs and stop find it." };
    private readonly Option<bool> _detached = new(DetachedStart.InnerOption) { Hidden = true };
    private readonly Option<string?> _timeout = new("--timeout") { Description = "End the machine after this long, such as 30s or 5m.", HelpName = "DURATION" };
    private readonly Option<bool> _temporary = new("--rm") { Description = "Throw the machine's own disk away at its end; for images with a disk." };
    private readonly SeedOptions _seed = new();
    private readonly Option<bool> _noReboot = new("--no-reboot") { Description = "End the machine when the guest resets it; always so for images." };
    private readonly Option<string> _serial = new("--serial") { Description = "Where the serial line goes: stdio, file:PATH or none.", HelpName = "TARGET", DefaultValueFactory = _ => "stdio" };
    private readonly Option<bool> _testDevice = new("--test-device") { Description = "Add the device that kvm-unit-tests drives (pc-testdev)." };
    private readonly Option<string?> _trace = new("--trace") { Description = "Write down what happens: cpu, exceptions, io, mmio, firmware, separated by commas.", HelpName = "WHAT" };
    private readonly Option<string?> _traceFile = new("--trace-file") { Description = "Where the trace goes. [default: standard error]", HelpName = "FILE" };

    private readonly NetworkOptions _networks = new();
    private readonly ShareOptions _shares = new();

    /// <summary>The command, for a guest command that was taken off the command line before.</summary>
    public RunCommand(IReadOnlyList<string> guestCommand, MachineFactory factory)
        : base("run", "Start a machine, run a command in it, and exit with the command's code.")
    {
        _image.Validators.Add(RefuseUnknownOption);
        Add(_image);
        foreach (var option in (ReadOnlySpan<Option>)[_kernel, _initrd, _append, _bios, _uefi, _disk, _device, _memory, _cpus, _cpu, _engine, _codeCache, _engineStats, _name, _detach, _detached, _timeout, _temporary, _noReboot, _serial, _testDevice, _trace, _traceFile, .. _networks.All, .. _shares.All, .. _seed.All]) Add(option);
        SetAction((parsed, cancellationToken) =>
        {
            var request = Request(parsed, guestCommand);
            if (parsed.GetValue(_detach)) return DetachedStart.RunAsync(Environment.GetCommandLineArgs()[1..], [_detach.Name, .. _detach.Aliases], cancellationToken);
            if (request.Detached) Daemon.LeaveSession();
            return new MachineRun(request, factory, ImageStore.ForUser(), FindRegistry(request)).RunAsync(cancellationToken);
        });
    }

    /// <summary>A machine at a terminal runs also for a user without a home, and is then not found by others.</summary>
    private static MachineRegistry? FindRegistry(RunRequest request)
    {
        try
        {
            return MachineRegistry.ForUser();
        }
        catch (HolonException) when (!request.Detached)
        {
            return null;
        }
    }

    private RunRequest Request(ParseResult parsed, IReadOnlyList<string> guestCommand)
    {
        var image = parsed.GetValue(_image);
        var networks = _networks.Parse(parsed);
        return new RunRequest
        {
            Image = image,
            Command = guestCommand,
            Seed = _seed.Get(parsed),
            Named = parsed.GetValue(_name) is not null,
            Detached = parsed.GetValue(_detached),
            Temporary = parsed.GetValue(_temporary),
            Serial = ParseSerial(parsed.GetRequiredValue(_serial)),
            EngineStatistics = parsed.GetValue(_engineStats),
            TraceFile = parsed.GetValue(_traceFile),
            DefaultNetwork = networks is null,
            Spec = new SystemMachineSpec
            {
                Name = parsed.GetValue(_name) ?? image ?? "machine",
                Kernel = parsed.GetValue(_kernel),
                Initrds = parsed.GetValue(_initrd) ?? [],
                CommandLine = parsed.GetValue(_append) ?? "",
                Bios = Firmware(parsed),
                Uefi = parsed.GetValue(_uefi),
                Disks = [.. (parsed.GetValue(_disk) ?? []).Select(DiskSpec.Parse)],
                Devices = [.. (parsed.GetValue(_device) ?? []).Select(DeviceSpec.Parse)],
                Networks = networks ?? [],
                Shares = _shares.Parse(parsed),
                Memory = MemorySize.Parse(parsed.GetRequiredValue(_memory)),
                Cpus = int.TryParse(parsed.GetRequiredValue(_cpus), out var cpus) ? cpus : throw new HolonException($"'{parsed.GetValue(_cpus)}' is not a number of processors; give --cpus 1 to {SystemMachineSpec.MostCpus}."),
                CpuModel = Parse("CPU model", parsed.GetRequiredValue(_cpu), ("x86-64-v2", CpuLevel.V2), ("x86-64-v3", CpuLevel.V3)),
                Engine = Parse("engine", parsed.GetRequiredValue(_engine), ("translator", EngineChoice.Translator), ("interpreter", EngineChoice.Interpreter), ("auto", EngineChoice.Auto)),
                CodeCache = MemorySize.Parse(parsed.GetRequiredValue(_codeCache)),
                CountsExecution = parsed.GetValue(_engineStats),
                Timeout = parsed.GetValue(_timeout) is { } limit ? TimeLimit.Parse(limit) : null,
                StopOnReset = parsed.GetValue(_noReboot),
                TestDevice = parsed.GetValue(_testDevice),
                Trace = ParseTrace(parsed.GetValue(_trace)),
            },
        };
    }

    private string? Firmware(ParseResult parsed)
    {
        if (!parsed.GetValue(_uefi)) return parsed.GetResult(_bios) is null ? null : parsed.GetValue(_bios) ?? SystemMachineSpec.DefaultFirmware;
        return parsed.GetResult(_bios) is null ? SystemMachineSpec.UefiFirmware : throw new HolonException("A machine has one firmware; give --bios or --uefi, not both.");
    }

    private static SerialTarget ParseSerial(string target) => target switch
    {
        "stdio" => new(SerialTargetKind.StandardStreams),
        "none" => new(SerialTargetKind.None),
        _ when target.StartsWith("file:", StringComparison.Ordinal) && target.Length > 5 => new(SerialTargetKind.File, target[5..]),
        _ => throw new HolonException($"The serial line cannot go to '{target}'; give --serial stdio, file:PATH or none."),
    };

    private static TraceCategories ParseTrace(string? list) =>
        (list ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Aggregate(TraceCategories.None, (sum, word) => sum | Parse(
            "trace", word, ("cpu", TraceCategories.Cpu), ("exceptions", TraceCategories.Exceptions), ("io", TraceCategories.Io), ("mmio", TraceCategories.Mmio), ("firmware", TraceCategories.Firmware)));

    private static T Parse<T>(string kind, string value, params ReadOnlySpan<(string Name, T Value)> known)
    {
        var names = new List<string>();
        foreach (var (name, result) in known)
        {
            if (name == value) return result;
            names.Add(name);
        }

        throw new HolonException($"There is no {kind} '{value}'; use {string.Join(", ", names[..^1])} or {names[^1]}.");
    }

    /// <summary>The parser takes what looks like an option but is none as the image's name.</summary>
    private void RefuseUnknownOption(ArgumentResult result)
    {
        if (result.Tokens is [{ Value: ['-', ..] option }]) result.AddError(Suggestions.UnknownOption(option, this));
    }
}
