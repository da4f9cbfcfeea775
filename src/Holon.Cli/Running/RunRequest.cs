using Holon.SystemMachine;
using Holon.SystemMachine.Images;

namespace Holon.Cli.Running;

/// <summary>What <c>holon run</c> was asked to do.</summary>
internal sealed record RunRequest
{
    /// <summary>The image's name; null when the user gave kernel or firmware alone.</summary>
    public string? Image { get; init; }

    /// <summary>The guest's command; empty for a shell.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>The machine as far as the command line says; an image fills in the rest.</summary>
    public required SystemMachineSpec Spec { get; init; }

    /// <summary>True when the user gave the machine a name, by which what it keeps is found again.</summary>
    public bool Named { get; init; }

    /// <summary>What a cloud image is told on its first boot; null for nothing.</summary>
    public CloudSeed? Seed { get; init; }

    /// <summary>True when the machine's own disk goes away with it.</summary>
    public bool Temporary { get; init; }

    /// <summary>True when the user said nothing about networks: machines with disks then get a way to the outside.</summary>
    public bool DefaultNetwork { get; init; }

    /// <summary>True when the machine goes on without a terminal; whoever started it waits on the standard streams to hear that it runs.</summary>
    public bool Detached { get; init; }

    /// <summary>Where the serial line goes.</summary>
    public SerialTarget Serial { get; init; } = new(SerialTargetKind.StandardStreams);

    /// <summary>Tell at the end what the engine did.</summary>
    public bool EngineStatistics { get; init; }

    /// <summary>Where trace lines go; null for standard error.</summary>
    public string? TraceFile { get; init; }
}

/// <summary>Where a machine's serial line goes.</summary>
internal enum SerialTargetKind
{
    /// <summary>Standard input and output.</summary>
    StandardStreams,

    /// <summary>A file; nothing comes in.</summary>
    File,

    /// <summary>Nowhere.</summary>
    None,
}

/// <summary>Where a machine's serial line goes.</summary>
/// <param name="Kind">What kind of place.</param>
/// <param name="Path">The file.</param>
internal sealed record SerialTarget(SerialTargetKind Kind, string? Path = null);
