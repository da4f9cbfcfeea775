using System.Text;
using Holon.Cli.Terminal;
using Holon.Machines;
using Holon.Machines.Control;
using Holon.Networking;
using Holon.Storage;
using Holon.SystemMachine;
using Holon.SystemMachine.Disks;
using Holon.SystemMachine.Images;
using Holon.SystemMachine.Networks;

namespace Holon.Cli.Running;

/// <summary>One <c>holon run</c>: finds the image, builds the machine, connects it to the user and turns its end into an exit code.</summary>
internal sealed class MachineRun
{
    private const int LinesOnFailure = 20;

    private readonly RunRequest _request;
    private readonly MachineFactory _factory;
    private readonly ImageStore _images;
    private readonly MachineRegistry? _registry;
    private readonly bool _terminal;
    private string? _temporaryFolder, _seedFile;

    /// <summary>Prepares a run.</summary>
    /// <param name="request">What to run.</param>
    /// <param name="factory">Builds it.</param>
    /// <param name="images">Where images are.</param>
    /// <param name="registry">Where others find the machine; null for nowhere.</param>
    public MachineRun(RunRequest request, MachineFactory factory, ImageStore images, MachineRegistry? registry = null)
    {
        _request = request;
        _factory = factory;
        _images = images;
        _registry = registry;
        _terminal = OnStandardStreams
            && HostTerminal.IsTerminal(HostTerminal.StandardInput) && HostTerminal.IsTerminal(HostTerminal.StandardOutput);
    }

    /// <summary>True when the serial line is at the standard streams of this process.</summary>
    private bool OnStandardStreams => _request.Serial.Kind == SerialTargetKind.StandardStreams && !_request.Detached;

    /// <summary>Runs it to its end.</summary>
    /// <returns>The exit code of the process.</returns>
    /// <exception cref="HolonException">It could not be run, or did not end as it should.</exception>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await RunToEndAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (_seedFile is not null) File.Delete(_seedFile);
            if (_temporaryFolder is not null && Directory.Exists(_temporaryFolder)) Directory.Delete(_temporaryFolder, recursive: true);
        }
    }

    private async Task<int> RunToEndAsync(CancellationToken cancellationToken)
    {
        var spec = WithSeed(await CompleteAsync(cancellationToken).ConfigureAwait(false));
        ShareNotes.Tell(spec, told: _request.Image is null ? _request.Seed is not null : spec.Bios is null);
        await using var trace = OpenTrace(spec);
        using var file = OpenSerialFile();
        using var control = MachineControl.Open(_registry, _request);
        var gate = RunsCommand && OnStandardStreams ? new ReadyGate() : null;
        var ending = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var interrupted = cancellationToken.Register(() => ending.TrySetResult(ExitCodes.Interrupted));
        using var limit = new CancellationTokenSource(spec.Timeout ?? Timeout.InfiniteTimeSpan);
        using var timedOut = limit.Token.Register(() => ending.TrySetResult(ExitCodes.TimedOut)); // also when the guest waits for a slow reader

        using var output = new SerialOutput(HostTerminal.StandardOutput, () => ending.TrySetResult(ExitCodes.BrokenPipe));
        using var abandon = cancellationToken.Register(output.Abandon); // also when the machine has ended and only a slow reader is waited for
        using var notice = _terminal && gate is not null && IsQuiet(spec) ? new BootNotice(spec.Name) : null;
        SerialInput? input = null;
        void Receive(ReadOnlySpan<byte> data)
        {
            if (file is not null) WriteFile(file, data, ending);
            control?.Print(data);
            if (!OnStandardStreams) return;
            var wasOpen = gate?.IsOpen != false;
            var boot = gate?.Take(data) ?? 0;
            if (boot > 0 && !IsQuiet(spec)) Descriptor.TryWrite(HostTerminal.StandardError, data[..boot]);
            if (gate?.IsOpen == true) notice?.Dispose();
            output.Write(data[boot..]);
            if (!wasOpen && gate!.IsOpen && !_terminal) input!.Start(); // before, nobody in the guest listens
        }

        var (machine, send) = _factory(spec, Receive, trace);
        await using var owned = machine.ConfigureAwait(false);
        if (machine is IManagedMachine managed) control?.Serve(managed, send);
        input = new SerialInput(InputMode(), send, () => ending.TrySetResult(ExitCodes.Interrupted));
        try
        {
            if (_terminal) HostTerminal.TryMakeRaw();
            await machine.StartAsync(CancellationToken.None).ConfigureAwait(false);
            control?.Announce();
            if (OnStandardStreams && (_terminal || gate is null)) input.Start();
            _ = TellAsync(machine);
            await Task.WhenAny(machine.Completion, ending.Task).ConfigureAwait(false);
            if (!machine.Completion.IsCompleted)
            {
                output.Abandon();
                await machine.StopAsync(CancellationToken.None).ConfigureAwait(false);
                await machine.Completion.ConfigureAwait(false);
                if (_terminal) Descriptor.TryWrite(HostTerminal.StandardError, "\r\n"u8); // the guest was in the middle of a line
                return await ending.Task.ConfigureAwait(false);
            }

            output.Dispose();
            return ExitCode(await machine.Completion.ConfigureAwait(false), gate);
        }
        finally
        {
            input.Stop();
            HostTerminal.Restore();
            if (machine.Completion.IsCompletedSuccessfully) control?.Ended(machine.Completion.Result);
            if (_request.EngineStatistics && machine is SystemMachine.SystemMachine system) Console.Error.Write(system.EngineReport);
        }
    }

    /// <summary>Tells people what they must know while the machine runs. Ends with the machine's events.</summary>
    private async Task TellAsync(IMachine machine)
    {
        await foreach (var happened in machine.EventsAsync().ConfigureAwait(false))
        {
            if (happened.Kind is not ("disk.full" or "disk.space")) continue;
            var line = $"{(_terminal ? "\r\n" : "")}holon: {happened.Message}{(_terminal ? "\r\n" : "\n")}";
            Descriptor.TryWrite(HostTerminal.StandardError, Encoding.UTF8.GetBytes(line));
        }
    }

    /// <summary>Called on the machine's thread, where nobody could catch an exception: a full disk ends the run instead.</summary>
    private static void WriteFile(FileStream file, ReadOnlySpan<byte> data, TaskCompletionSource<int> ending)
    {
        try
        {
            file.Write(data);
        }
        catch (IOException exception)
        {
            ending.TrySetException(new HolonException($"The serial line cannot be written to {file.Name} any more.", exception));
        }
    }

    /// <summary>True when the user did not ask to see the kernel's messages.</summary>
    private static bool IsQuiet(SystemMachineSpec spec) =>
        !spec.CommandLine.Split(' ').Any(word => word is "debug" or "ignore_loglevel" || word.StartsWith("loglevel=", StringComparison.Ordinal));

    /// <summary>True for an image whose first process tells when the command begins.</summary>
    private bool RunsCommand => _request.Image is not null && ImageRecipe.Find(_request.Image) is BusyboxImage;

    private SerialInputMode InputMode() => (_terminal, RunsCommand) switch
    {
        (true, _) => SerialInputMode.Keys,
        (_, true) => SerialInputMode.Quoted,
        _ => SerialInputMode.Plain,
    };

    private async Task<SystemMachineSpec> CompleteAsync(CancellationToken cancellationToken)
    {
        var spec = _request.Spec;
        var debian = _request.Image is { } name && ImageRecipe.Find(name) is DebianImage;
        if (debian && _request.Seed is { } told && (told.UserData ?? told.MetaData) is not null)
            throw new HolonException("The image 'debian' has no cloud-init; give it --ssh-key and --hostname alone, or a cloud image with --disk.");
        if (_request.DefaultNetwork && (spec.Disks.Count > 0 || debian)) spec = spec with { Networks = [new NetworkSpec()] };
        if (_request.Image is null)
        {
            if (_request.Command.Count > 0) throw new HolonException("A command needs an image whose init runs it; give one, such as: holon run busybox -- uname -a.");
            spec = DiskFirmware.Complete(spec);
            return (spec.Uefi && _request.Named && !_request.Temporary ? spec with { Variables = VariablesIn(Path.Combine(MachineFolder.ForUser(), spec.Name)) } : spec).Validate();
        }

        if (ImageRecipe.Find(_request.Image) is DebianImage) return await CompleteDebianAsync(spec, cancellationToken).ConfigureAwait(false);
        if (spec.Bios is not null) throw new HolonException($"Firmware cannot boot the image '{_request.Image}', which is a kernel and an initrd; leave out --bios or the image.");
        var commandLine = $"{BusyboxImage.CommandLine} {spec.CommandLine}".TrimEnd();
        Check(spec with { Kernel = "", CommandLine = commandLine });
        var image = await GetImageAsync(_request.Image, cancellationToken).ConfigureAwait(false);
        var session = new GuestSession
        {
            Command = _request.Command,
            Terminal = _terminal || _request.Detached,
            HasInput = _request.Serial.Kind == SerialTargetKind.StandardStreams,
            Size = HostTerminal.Size,
            TerminalType = Environment.GetEnvironmentVariable("TERM") is { Length: > 0 and < 64 } type ? type : "linux",
            HostName = spec.Name,
            Modules = GuestModules.For(spec),
            HasNetwork = spec.Networks.Count > 0,
            Shares = spec.Shares,
            Quiet = IsQuiet(spec),
        };
        return (spec with
        {
            Kernel = spec.Kernel ?? image.Kernel,
            Initrds = spec.Initrds.Count > 0 ? spec.Initrds : session.Modules.Count > 0 ? [image.Initrd, image.Modules] : [image.Initrd],
            CommandLine = commandLine,
            ExtraInitrd = session.ToInitrd(),
            StopOnReset = true, // the kernel resets when it panics, and a command must not run twice
        }).Validate();
    }

    /// <summary>Finds what is wrong with a machine before minutes are spent on its image.</summary>
    private static void Check(SystemMachineSpec spec)
    {
        _ = spec.Validate();
        foreach (var network in spec.Networks)
            if (network.Kind == NetworkKind.Named) _ = NetworkStore.ForUser().Get(network.Network!);
    }

    /// <summary>A machine of the Debian image has a disk of its own, which stays for the next run under the same name unless that is unwanted.</summary>
    private async Task<SystemMachineSpec> CompleteDebianAsync(SystemMachineSpec spec, CancellationToken cancellationToken)
    {
        if (_request.Command.Count > 0) throw new HolonException("The image 'debian' boots to a login and runs no command; leave the command out, or use busybox.");
        Check(spec.Bios is null ? spec with { Kernel = "" } : spec);
        if (spec.Bios is not null && _request.Seed is not null) throw new HolonException("--ssh-key and --hostname are for machines that are booted without firmware; leave out one of the two.");
        var keys = string.Concat(_request.Seed?.SshKeys.Select(ReadKeys) ?? []);
        var image = await GetImageAsync(_request.Image!, cancellationToken).ConfigureAwait(false);
        var folder = Path.Combine(MachineFolder.ForUser(), _request.Temporary ? $".{spec.Name}-{Path.GetRandomFileName()}" : spec.Name);
        _temporaryFolder = _request.Temporary ? folder : null;
        var disk = Path.Combine(folder, "disk.qcow2");
        if (!File.Exists(disk)) DebianImage.CreateDisk(image, disk);
        if (spec.Uefi) spec = spec with { Variables = VariablesIn(folder) };
        return DebianImage.Complete(spec, image, new DiskSpec { Path = disk, Format = DiskFormat.Qcow2, Name = "disk", Temporary = _request.Temporary }, keys, HostName(spec.Name));
    }

    /// <summary>What a machine of the Debian image is to call itself; null for what is on its disk.</summary>
    private string? HostName(string machine)
    {
        if (_request.Seed?.HostName is not { } asked) return _request.Named && NetworkDefinition.IsName(machine) ? machine : null;
        return NetworkDefinition.IsName(asked) ? asked : throw new HolonException($"'{asked}' cannot be a host name; give up to 32 letters, digits and '-', beginning with a letter.");
    }

    /// <summary>Adds the disk that tells a cloud image what it is to be, behind all others. It may hold passwords: nobody else can read its file.</summary>
    private SystemMachineSpec WithSeed(SystemMachineSpec spec)
    {
        if (_request.Seed is not { } seed || _request.Image is not null) return spec; // the image 'debian' takes keys another way
        var content = (seed with { Shares = spec.Shares }).ToDisk();
        _seedFile = Path.Combine(Path.GetTempPath(), $"holon-seed-{Path.GetRandomFileName()}");
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var file = new FileStream(_seedFile, options)) file.Write(content);
        return (spec with { Disks = [.. spec.Disks, new DiskSpec { Path = _seedFile, Format = DiskFormat.Raw, ReadOnly = true, Name = "seed" }] }).Validate();
    }

    /// <summary>Where a machine's UEFI variables are kept.</summary>
    private static string VariablesIn(string folder)
    {
        Directory.CreateDirectory(folder);
        return Path.Combine(folder, "uefi-variables.fd");
    }

    private async Task<StoredImage> GetImageAsync(string name, CancellationToken cancellationToken)
    {
        using var progress = new ProgressLine();
        return await _images.GetAsync(name, progress, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Public keys as ssh-keygen writes them, a line each.</summary>
    private static string ReadKeys(string path)
    {
        const int Longest = 64 * 1024;
        string[] lines;
        try
        {
            if (new FileInfo(path).Length > Longest) throw new HolonException($"{path} is too long for a file of public keys; give one such as ~/.ssh/id_ed25519.pub.");
            lines = File.ReadAllLines(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HolonException($"The public key {path} cannot be read; make one with ssh-keygen, and give the file whose name ends with .pub.", exception);
        }

        if (lines.Any(line => line.Contains("PRIVATE KEY", StringComparison.Ordinal))) throw new HolonException($"{path} is a private key, which no machine should see; give the file whose name ends with .pub.");
        if (!lines.Any(line => line.StartsWith("ssh-", StringComparison.Ordinal) || line.StartsWith("ecdsa-", StringComparison.Ordinal) || line.StartsWith("sk-", StringComparison.Ordinal)))
            throw new HolonException($"{path} holds no public key; make one with ssh-keygen, and give the file whose name ends with .pub.");
        return string.Join('\n', lines) + "\n";
    }

    private FileStream? OpenSerialFile()
    {
        if (_request.Serial is not { Kind: SerialTargetKind.File, Path: { } path }) return null;
        try
        {
            return new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 1); // written as it comes: people follow the file
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HolonException($"The serial line cannot be written to {path}; give a file in a folder you can write to.", exception);
        }
    }

    private StreamWriter? OpenTrace(SystemMachineSpec spec)
    {
        if (spec.Trace == TraceCategories.None) return null;
        if (_request.TraceFile is not { } path) return new StreamWriter(Console.OpenStandardError());
        try
        {
            return new StreamWriter(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HolonException($"The trace cannot be written to {path}; give a file in a folder you can write to.", exception);
        }
    }

    private static int ExitCode(MachineExit exit, ReadyGate? gate)
    {
        if (exit.Reason is not (MachineExitReason.Reset or MachineExitReason.Failed)) return ExitCodes.Of(exit.Reason, exit.Code);
        var what = exit.Reason == MachineExitReason.Reset
            ? "The guest reset itself, as a kernel does when it panics"
            : exit.Failure ?? "The machine failed and did not say why";
        if (what.Contains('\n', StringComparison.Ordinal)) throw new InvalidOperationException(what); // a stack trace: not the user's error
        if (gate is not { IsOpen: false }) throw new HolonException($"{what.TrimEnd('.')}.");
        foreach (var line in gate.LastLines(LinesOnFailure)) Console.Error.WriteLine(line);
        throw new HolonException($"{what.TrimEnd('.')}, before its command began; run it again with --append loglevel=7 to see its messages.");
    }
}
