using System.Text.Json;
using System.Text.Json.Serialization;
using Holon.Machines;

namespace Holon.Networking;

/// <summary>A named network as its user defined it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Subnet4">IPv4 addresses, <c>10.7.0.0/24</c>.</param>
/// <param name="Subnet6">IPv6 addresses, a /64.</param>
/// <param name="Internal">True when it has no way to the outside.</param>
public sealed record NetworkDefinition(string Name, string Subnet4, string Subnet6, bool Internal)
{
    /// <summary>The gateway's options.</summary>
    /// <exception cref="HolonException">A subnet cannot be read.</exception>
    public NatOptions ToOptions() => new()
    {
        Subnet4 = Read(Subnet4),
        Subnet6 = Read(Subnet6),
        Rules = Internal ? [FirewallRule.Parse("all", allow: false)] : [],
    };

    /// <summary>True for names that can be those of files, sockets and DNS.</summary>
    public static bool IsName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Length is > 0 and <= 32 && char.IsAsciiLetter(name[0]) && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '-');
    }

    private IpPrefix Read(string text) =>
        IpPrefix.TryParse(text, out var prefix) ? prefix : throw new HolonException($"The subnet '{text}' of the network '{Name}' cannot be read; write it as 10.7.0.0/24.");
}

/// <summary>What a running network says of itself.</summary>
/// <param name="Machines">The machines on it.</param>
/// <param name="Cards">Cards that the switch knows.</param>
/// <param name="Connections">TCP connections through the gateway.</param>
/// <param name="UdpFlows">UDP flows through the gateway.</param>
public sealed record NetworkReport(IReadOnlyList<NetworkReport.Machine> Machines, int Cards, int Connections, int UdpFlows)
{
    /// <summary>A machine on a network.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Address">Its IPv4 address, when it has one.</param>
    /// <param name="Counters">What has passed.</param>
    public sealed record Machine(string Name, string? Address, NetworkCounters Counters);
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(NetworkDefinition))]
[JsonSerializable(typeof(NetworkReport))]
internal sealed partial class NetworkJson : JsonSerializerContext;

/// <summary>The networks that a user has defined: a file each, in the XDG configuration folder; sockets of running ones in the runtime folder.</summary>
/// <param name="folder">Where definitions are.</param>
/// <param name="runtimeFolder">Where sockets are.</param>
public sealed class NetworkStore(string folder, string runtimeFolder)
{
    /// <summary>The user's own.</summary>
    /// <exception cref="HolonException">There is no folder for it.</exception>
    public static NetworkStore ForUser()
    {
        var configuration = Environment.GetEnvironmentVariable("XDG_CONFIG_HOME") is { } given && Path.IsPathRooted(given)
            ? given
            : Environment.GetEnvironmentVariable("HOME") is { Length: > 0 } home
                ? Path.Combine(home, ".config")
                : throw new HolonException("There is no folder to keep networks in, because neither HOME nor XDG_CONFIG_HOME is set; set one.");
        var runtime = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { } shared && Path.IsPathRooted(shared)
            ? Path.Combine(shared, "holon", "networks")
            : Path.Combine(configuration, "holon", "run");
        return new NetworkStore(Path.Combine(configuration, "holon", "networks"), runtime);
    }

    /// <summary>The socket of a network's switch.</summary>
    public string SocketOf(string name) => Path.Combine(runtimeFolder, name + ".sock");

    /// <summary>Every network, by name.</summary>
    public IReadOnlyList<NetworkDefinition> List() => !Directory.Exists(folder)
        ? []
        : [.. Directory.EnumerateFiles(folder, "*.json").Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal).Select(name => Get(name!))];

    /// <summary>One network.</summary>
    /// <exception cref="HolonException">There is none, or its file is damaged.</exception>
    public NetworkDefinition Get(string name)
    {
        Check(name);
        var file = FileOf(name);
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(file), NetworkJson.Default.NetworkDefinition) is { Name: not null, Subnet4: not null, Subnet6: not null } found
                ? found with { Name = name }
                : throw new HolonException($"The file {file} does not describe a network; remove it and create the network again.");
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new HolonException($"There is no network '{name}'; make it with: holon network create {name}");
        }
        catch (JsonException exception)
        {
            throw new HolonException($"The file {file} cannot be read; remove it and create the network again.", exception);
        }
    }

    /// <summary>Makes a network; without a subnet one that no other network has.</summary>
    /// <exception cref="HolonException">There is one of that name, or a subnet is not usable.</exception>
    public NetworkDefinition Create(string name, string? subnet4, string? subnet6, bool isInternal)
    {
        Check(name);
        var known = List();
        if (known.Any(other => other.Name == name)) throw new HolonException($"There is a network '{name}' already; choose another name, or remove it with: holon network rm {name}");
        subnet4 ??= FreeSubnet(known);
        var seed = System.Security.Cryptography.RandomNumberGenerator.GetInt32(int.MaxValue);
        subnet6 ??= new IpPrefix(new IpAddress(0xFD68_6F00_0000_0000 | ((ulong)(uint)seed << 8), 0), 64).ToString(); // RFC 4193: random
        var definition = new NetworkDefinition(name, subnet4, subnet6, isInternal);
        var options = definition.ToOptions();
        Nat.NatNetwork.Check(options);
        definition = definition with { Subnet4 = options.Subnet4.ToString(), Subnet6 = options.Subnet6.ToString() };
        foreach (var other in known)
        {
            var theirs = other.ToOptions().Subnet4;
            if (theirs.Contains(options.Subnet4.Address) || options.Subnet4.Contains(theirs.Address))
                throw new HolonException($"The subnet {options.Subnet4} overlaps that of the network '{other.Name}' ({theirs}); choose another one.");
        }

        Directory.CreateDirectory(folder);
        using var file = new FileStream(FileOf(name), FileMode.CreateNew);
        JsonSerializer.Serialize(file, definition, NetworkJson.Default.NetworkDefinition);
        return definition;
    }

    /// <summary>Removes a network that no machine is on.</summary>
    /// <exception cref="HolonException">There is none, or machines are on it.</exception>
    public void Remove(string name)
    {
        _ = Get(name);
        if (Switching.SwitchClient.TryInspect(this, name) is { Machines.Count: > 0 and var count })
            throw new HolonException($"The network '{name}' has {count} machine{(count == 1 ? "" : "s")} on it; stop {(count == 1 ? "it" : "them")} first.");
        File.Delete(FileOf(name));
    }

    /// <summary>Makes the runtime folder, for this user only.</summary>
    internal void PrepareRuntimeFolder()
    {
        if (OperatingSystem.IsWindows()) return;
        Directory.CreateDirectory(runtimeFolder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private static void Check(string name)
    {
        if (!NetworkDefinition.IsName(name)) throw new HolonException($"'{name}' cannot be the name of a network; use up to 32 letters, digits and '-', a letter first.");
    }

    private static string FreeSubnet(IReadOnlyList<NetworkDefinition> known)
    {
        for (var second = 7; second < 256; second++)
        {
            var subnet = $"10.{second}.0.0/24";
            if (!known.Any(other => IpPrefix.TryParse(other.Subnet4, out var theirs) && theirs.Contains(IpAddress.V4(0x0A00_0000u | (uint)second << 16)))) return subnet;
        }

        throw new HolonException("There is no free subnet left in 10.7.0.0 to 10.255.0.0; give one with --subnet.");
    }

    private string FileOf(string name) => Path.Combine(folder, name + ".json");
}
