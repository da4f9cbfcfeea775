using System.Text.Json;
using System.Text.Json.Serialization;
using Holon.Machines;
using Holon.SystemMachine.Networks;
using Holon.SystemMachine.Shares;

namespace Holon.SystemMachine;

/// <summary>
/// What a system machine is to be: everything needed to build it, and nothing about how it is going. Immutable; as JSON it is what
/// users keep, send and compare.
/// </summary>
public sealed record SystemMachineSpec
{
    /// <summary>The least memory a machine can have: a Linux kernel needs more, but small firmware and test kernels do not.</summary>
    public static readonly MemorySize LeastMemory = new(16 * MemorySize.MiB);

    /// <summary>The most memory: what fits below the 46-bit addresses that the board's processors have, with room for devices.</summary>
    public static readonly MemorySize MostMemory = new(16 * 1024 * MemorySize.GiB);

    /// <summary>Memory when the user does not say.</summary>
    public static readonly MemorySize DefaultMemory = new(512 * MemorySize.MiB);

    /// <summary>Host code kept when the user does not say, and the least and the most there can be.</summary>
    public static readonly MemorySize DefaultCodeCache = new(128 * MemorySize.MiB), LeastCodeCache = new(MemorySize.MiB), MostCodeCache = new(1024 * MemorySize.MiB);

    /// <summary>Where Debian's seabios package puts its firmware.</summary>
    public const string DefaultFirmware = "/usr/share/seabios/bios-256k.bin";

    /// <summary>The longest kernel command line that x86 Linux takes (COMMAND_LINE_SIZE).</summary>
    public const int LongestCommandLine = 2047;

    /// <summary>The longest <see cref="Name"/>: it becomes a file name on the host.</summary>
    public const int LongestName = 64;

    /// <summary>How the machine is known on this host.</summary>
    public string Name { get; init; } = "machine";

    /// <summary>The kernel file: a Linux bzImage or vmlinux, or a multiboot kernel. Null when firmware boots the machine.</summary>
    public string? Kernel { get; init; }

    /// <summary>Initial RAM disks in order: Linux sees them as one, a multiboot kernel as its modules.</summary>
    public IReadOnlyList<string> Initrds { get; init; } = [];

    /// <summary>What the kernel is told.</summary>
    public string CommandLine { get; init; } = "";

    /// <summary>Firmware to boot instead of a kernel.</summary>
    public string? Bios { get; init; }

    /// <summary>Where Debian's ovmf package puts UEFI firmware, and the empty variables that belong to it.</summary>
    public const string UefiFirmware = "/usr/share/OVMF/OVMF_CODE_4M.fd", UefiVariables = "/usr/share/OVMF/OVMF_VARS_4M.fd";

    /// <summary>True when <see cref="Bios"/> is UEFI firmware, which keeps variables.</summary>
    public bool Uefi { get; init; }

    /// <summary>The file that UEFI's variables are kept in; null to forget them when the machine ends.</summary>
    public string? Variables { get; init; }

    /// <summary>RAM.</summary>
    public MemorySize Memory { get; init; } = DefaultMemory;

    /// <summary>The most virtual processors.</summary>
    public const int MostCpus = Holon.Memory.CodePageMap.MostHolders;

    /// <summary>Virtual processors, each of which runs on a thread of the host.</summary>
    public int Cpus { get; init; } = 1;

    /// <summary>Which processor the guest sees.</summary>
    public CpuLevel CpuModel { get; init; } = CpuLevel.V3;

    /// <summary>What executes the guest.</summary>
    public EngineChoice Engine { get; init; } = EngineChoice.Auto;

    /// <summary>Host code that the translator keeps at most.</summary>
    public MemorySize CodeCache { get; init; } = DefaultCodeCache;

    /// <summary>The translator counts every block and memory access that it executes, which its hit rates are made of. Costs some speed.</summary>
    public bool CountsExecution { get; init; }

    /// <summary>What is written down while it runs.</summary>
    public TraceCategories Trace { get; init; }

    /// <summary>When the machine is ended if it has not ended by itself; null for never.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Disks, in the order in which the guest finds them.</summary>
    public IReadOnlyList<DiskSpec> Disks { get; init; } = [];

    /// <summary>Other devices.</summary>
    public IReadOnlyList<DeviceSpec> Devices { get; init; } = [];

    /// <summary>Network cards, in the order in which the guest finds them.</summary>
    public IReadOnlyList<NetworkSpec> Networks { get; init; } = [];

    /// <summary>Folders of the host that the guest is given.</summary>
    public IReadOnlyList<ShareSpec> Shares { get; init; } = [];

    /// <summary>A reset ends the machine instead of starting it again: for guests whose kernel resets when it panics.</summary>
    public bool StopOnReset { get; init; }

    /// <summary>The device that kvm-unit-tests drives is there.</summary>
    public bool TestDevice { get; init; }

    /// <summary>A cpio archive made for this run; it is unpacked over <see cref="Initrds"/>. Not kept in JSON: it is not part of what the machine is.</summary>
    [JsonIgnore]
    public ReadOnlyMemory<byte> ExtraInitrd { get; init; }

    /// <summary>Reads a specification.</summary>
    /// <exception cref="HolonException">It is not one.</exception>
    public static SystemMachineSpec FromJson(string json)
    {
        try
        {
            var spec = JsonSerializer.Deserialize(json, SystemMachineJson.Default.SystemMachineSpec);
            return (spec ?? throw new HolonException("The machine's specification is empty; give a JSON object.")).Validate();
        }
        catch (JsonException exception)
        {
            throw new HolonException("The machine's specification is not valid JSON of the form that Holon writes; correct it.", exception);
        }
    }

    /// <summary>Writes it, with names and amounts as people write them.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, SystemMachineJson.Default.SystemMachineSpec);

    /// <summary>Checks everything that can be checked without opening a file, and returns the specification itself.</summary>
    /// <exception cref="HolonException">Something in it cannot be.</exception>
    public SystemMachineSpec Validate()
    {
        if (Name is not { Length: > 0 and <= LongestName } || !Name.All(IsNameCharacter) || !char.IsAsciiLetterOrDigit(Name[0]))
            throw new HolonException($"'{Name}' cannot be a machine's name; use up to {LongestName} letters, digits, '-', '_' and '.', beginning with a letter or digit.");
        if (Kernel is null && Bios is null) throw new HolonException("The machine has nothing to boot; give an image, --disk FILE with a system on it, --kernel FILE or --bios.");
        if (Kernel is not null && Bios is not null) throw new HolonException("A machine boots either a kernel or firmware; give --kernel or --bios, not both.");
        if (Kernel is null && (Initrds.Count > 0 || !ExtraInitrd.IsEmpty)) throw new HolonException("An initrd needs a kernel to read it; give --kernel FILE too.");
        if (Kernel is null && CommandLine.Length > 0) throw new HolonException("--append needs a kernel to read it; give --kernel FILE too.");
        if (Memory.Bytes < LeastMemory.Bytes) throw new HolonException($"{Memory} of memory is too little; give --memory {LeastMemory} or more.");
        if (Memory.Bytes > MostMemory.Bytes) throw new HolonException($"{Memory} of memory is too much; give --memory {MostMemory} or less.");
        if (Memory.Bytes % 4096 != 0) throw new HolonException($"{Memory} of memory is not a whole number of 4K pages; give --memory {new MemorySize((Memory.Bytes + 4095) & ~4095ul)}.");
        if (Cpus is < 1 or > MostCpus) throw new HolonException($"{Cpus} processors were asked for, and a machine has 1 to {MostCpus}; give --cpus 1 to {MostCpus}.");
        if (!Enum.IsDefined(CpuModel)) throw new HolonException($"There is no CPU model {CpuModel}; use x86-64-v2 or x86-64-v3.");
        if (!Enum.IsDefined(Engine)) throw new HolonException($"There is no engine {Engine}; use translator, interpreter or auto.");
        if (CodeCache.Bytes < LeastCodeCache.Bytes || CodeCache.Bytes > MostCodeCache.Bytes)
            throw new HolonException($"A code cache of {CodeCache} cannot be; give --code-cache {LeastCodeCache} to {MostCodeCache}.");
        if (CommandLine.Length > LongestCommandLine) throw new HolonException($"The kernel command line has {CommandLine.Length} characters, and a kernel reads {LongestCommandLine}; shorten --append.");
        if (!CommandLine.All(char.IsAscii) || CommandLine.Any(char.IsControl)) throw new HolonException("The kernel command line has characters that are not printable ASCII; remove them from --append.");
        if (Timeout is { } timeout && (timeout <= TimeSpan.Zero || timeout > TimeLimit.Longest))
            throw new HolonException($"A time limit of {timeout} cannot be; give --timeout a positive duration of at most {TimeLimit.Longest.TotalDays:0} days.");
        foreach (var disk in Disks) disk.Validate();
        foreach (var device in Devices) device.Validate();
        foreach (var network in Networks) network.Validate();
        ShareSpec.Validate(Shares);
        return this;
    }

    private static bool IsNameCharacter(char character) => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.';
}

/// <summary>Which processor the guest sees: the levels of the x86-64 psABI.</summary>
public enum CpuLevel
{
    /// <summary>x86-64-v2: up to SSE4.2 and POPCNT.</summary>
    [JsonStringEnumMemberName("x86-64-v2")]
    V2,

    /// <summary>x86-64-v3: with AVX2, BMI and FMA.</summary>
    [JsonStringEnumMemberName("x86-64-v3")]
    V3,
}

/// <summary>What executes the guest.</summary>
public enum EngineChoice
{
    /// <summary>The best that works on this host.</summary>
    [JsonStringEnumMemberName("auto")]
    Auto,

    /// <summary>The interpreter: precise, plain, everywhere.</summary>
    [JsonStringEnumMemberName("interpreter")]
    Interpreter,

    /// <summary>The translator: guest code becomes code of the host.</summary>
    [JsonStringEnumMemberName("translator")]
    Translator,
}

/// <summary>What is written down while a machine runs.</summary>
[Flags]
public enum TraceCategories
{
    /// <summary>Nothing.</summary>
    [JsonStringEnumMemberName("none")]
    None = 0,

    /// <summary>Every instruction, with the registers it changed.</summary>
    [JsonStringEnumMemberName("cpu")]
    Cpu = 1,

    /// <summary>Every exception and interrupt delivered.</summary>
    [JsonStringEnumMemberName("exceptions")]
    Exceptions = 2,

    /// <summary>Every access to an I/O port.</summary>
    [JsonStringEnumMemberName("io")]
    Io = 4,

    /// <summary>Every access to a device's memory.</summary>
    [JsonStringEnumMemberName("mmio")]
    Mmio = 8,

    /// <summary>What firmware writes to its debug console.</summary>
    [JsonStringEnumMemberName("firmware")]
    Firmware = 16,
}

/// <summary>How specifications become JSON, generated at build time so that no reflection is needed.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, UseStringEnumConverter = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(SystemMachineSpec))]
internal sealed partial class SystemMachineJson : JsonSerializerContext;
