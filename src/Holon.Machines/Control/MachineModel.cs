using System.Text.Json.Serialization;

namespace Holon.Machines.Control;

/// <summary>A machine as others see it: a row of <c>holon ps</c>.</summary>
public sealed record MachineDescription
{
    /// <summary>How it is known on this host.</summary>
    public required string Name { get; init; }

    /// <summary><c>vm</c>, <c>jvm</c>, <c>python</c> or <c>container</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>Where it is in its life.</summary>
    public MachineStatus Status { get; init; }

    /// <summary>What executes it.</summary>
    public string Engine { get; init; } = "";

    /// <summary>Virtual processors.</summary>
    public int Processors { get; init; }

    /// <summary>Memory that it may have, in bytes.</summary>
    public ulong MemoryBytes { get; init; }

    /// <summary>What it was started from; null when that has no name.</summary>
    public string? Image { get; init; }

    /// <summary>When it was started.</summary>
    public DateTimeOffset Started { get; init; }

    /// <summary>When it ended; null while it has not.</summary>
    public DateTimeOffset? Ended { get; init; }

    /// <summary>The host's process.</summary>
    public int ProcessId { get; init; }

    /// <summary>True when no terminal belongs to it.</summary>
    public bool Detached { get; init; }

    /// <summary>How it ended; null while it has not.</summary>
    public MachineOutcome? Outcome { get; init; }
}

/// <summary>How a machine ended: <see cref="MachineExit"/> as it is told.</summary>
/// <param name="Reason">What ended it.</param>
/// <param name="Code">The exit code the guest gave, 0 when it gave none.</param>
/// <param name="Message">For failures: what happened.</param>
public sealed record MachineOutcome(MachineExitReason Reason, int Code, string? Message = null)
{
    /// <summary>Of a machine's end.</summary>
    public static MachineOutcome Of(MachineExit exit)
    {
        ArgumentNullException.ThrowIfNull(exit);
        return new MachineOutcome(exit.Reason, exit.Code, exit.Failure);
    }
}

/// <summary>What a machine did so far. Everything is counted from its start; absent parts are null or empty.</summary>
public sealed record MachineStatistics
{
    /// <summary>Seconds since it was started, pauses included.</summary>
    public double UptimeSeconds { get; init; }

    /// <summary>Memory that it may have, in bytes.</summary>
    public ulong MemoryBytes { get; init; }

    /// <summary>Memory of the host that the guest's takes.</summary>
    public ulong ResidentBytes { get; init; }

    /// <summary>Memory of the host that the whole process takes, the guest's included.</summary>
    public ulong ProcessBytes { get; init; }

    /// <summary>A part for each processor.</summary>
    public IReadOnlyList<ProcessorStatistics> Processors { get; init; } = [];

    /// <summary>A part for each disk.</summary>
    public IReadOnlyList<DiskStatistics> Disks { get; init; } = [];

    /// <summary>A part for each network card.</summary>
    public IReadOnlyList<NetworkStatistics> Networks { get; init; } = [];
}

/// <summary>What one processor did.</summary>
public sealed record ProcessorStatistics
{
    /// <summary>Which it is.</summary>
    public int Number { get; init; }

    /// <summary>Time of the host that its thread took, in seconds.</summary>
    public double CpuSeconds { get; init; }

    /// <summary>How often it was found doing what, when it was not asleep: <c>guest</c>, <c>engine</c>, <c>interpreter</c>, <c>translation</c>, <c>devices</c>.</summary>
    public IReadOnlyDictionary<string, long> Samples { get; init; } = new Dictionary<string, long>();

    /// <summary>Instructions that were interpreted.</summary>
    public ulong InterpretedInstructions { get; init; }

    /// <summary>What the translator did; null on other engines.</summary>
    public TranslationStatistics? Translation { get; init; }

    /// <summary>Where the guest was when it was looked at, most frequent first.</summary>
    public IReadOnlyList<HotAddress> Hottest { get; init; } = [];
}

/// <summary>What a translator did.</summary>
public sealed record TranslationStatistics
{
    /// <summary>Blocks translated, with those translated again.</summary>
    public long Blocks { get; init; }

    /// <summary>Guest instructions in them.</summary>
    public long GuestInstructions { get; init; }

    /// <summary>Blocks dropped because their code changed, or to translate them better.</summary>
    public long DroppedBlocks { get; init; }

    /// <summary>Blocks translated again since they are hot.</summary>
    public long HotBlocks { get; init; }

    /// <summary>Seconds spent translating.</summary>
    public double Seconds { get; init; }

    /// <summary>Bytes of host code kept now, and at most.</summary>
    public long CodeCacheBytes { get; init; }

    /// <inheritdoc cref="CodeCacheBytes"/>
    public long CodeCacheLimit { get; init; }

    /// <summary>Times that a piece of the code cache was emptied to make room.</summary>
    public long CodeCacheEvictions { get; init; }

    /// <summary>Times that translated code was entered; between an entry and its exit blocks follow each other by themselves.</summary>
    public long Entries { get; init; }

    /// <summary>Exits of translated code by what they were for.</summary>
    public IReadOnlyDictionary<string, long> Exits { get; init; } = new Dictionary<string, long>();

    /// <summary>Exits that jump directly to the block they lead to since.</summary>
    public long Links { get; init; }

    /// <summary>Memory accesses that the TLB did not know.</summary>
    public long TlbMisses { get; init; }

    /// <summary>Times that the code to go on with had to be looked for.</summary>
    public long Lookups { get; init; }

    /// <summary>Blocks that were executed, and instructions in them that access memory; zero unless the machine was told to count them.</summary>
    public long BlocksExecuted { get; init; }

    /// <inheritdoc cref="BlocksExecuted"/>
    public long MemoryAccesses { get; init; }
}

/// <summary>A guest address at which a processor was found.</summary>
/// <param name="Address">Linear address.</param>
/// <param name="Samples">How often.</param>
public sealed record HotAddress(ulong Address, long Samples);

/// <summary>What passed between a guest and a disk.</summary>
public sealed record DiskStatistics
{
    /// <summary>The disk's name.</summary>
    public required string Name { get; init; }

    /// <summary>Read requests.</summary>
    public long Reads { get; init; }

    /// <summary>Bytes that they asked for.</summary>
    public long ReadBytes { get; init; }

    /// <summary>Write requests.</summary>
    public long Writes { get; init; }

    /// <summary>Their bytes.</summary>
    public long WrittenBytes { get; init; }

    /// <summary>Requests to make everything durable.</summary>
    public long Flushes { get; init; }

    /// <summary>Requests to discard or zero a range.</summary>
    public long Discards { get; init; }
}

/// <summary>What passed between a guest and a network.</summary>
public sealed record NetworkStatistics
{
    /// <summary>The card's name.</summary>
    public required string Name { get; init; }

    /// <summary>Frames that the guest sent.</summary>
    public long SentFrames { get; init; }

    /// <summary>Their bytes.</summary>
    public long SentBytes { get; init; }

    /// <summary>Frames that the guest received.</summary>
    public long ReceivedFrames { get; init; }

    /// <summary>Their bytes.</summary>
    public long ReceivedBytes { get; init; }

    /// <summary>Frames dropped.</summary>
    public long Dropped { get; init; }

    /// <summary>Connections that a rule refused.</summary>
    public long Denied { get; init; }
}

/// <summary>What a request that changes something may say. Which members count depends on the request.</summary>
public sealed record ControlRequest
{
    /// <summary>For stopping: end the machine now instead of asking what runs in it.</summary>
    public bool Force { get; init; }

    /// <summary>For plugging in: <c>disk</c> or <c>network</c>.</summary>
    public string? Kind { get; init; }

    /// <summary>For plugging in: the device as <c>holon run</c> takes it.</summary>
    public string? Device { get; init; }

    /// <summary>For a cable: in or out.</summary>
    public bool? Up { get; init; }
}

/// <summary>Why a request was not carried out.</summary>
/// <param name="Error">One sentence.</param>
public sealed record ControlError(string Error);

/// <summary>How machines are written in JSON: names in camel case, values of enumerations in words.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(MachineDescription))]
[JsonSerializable(typeof(IReadOnlyList<MachineDescription>))]
[JsonSerializable(typeof(MachineStatistics))]
[JsonSerializable(typeof(MachineEvent))]
[JsonSerializable(typeof(MachineOutcome))]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlError))]
public sealed partial class MachineJson : JsonSerializerContext;
