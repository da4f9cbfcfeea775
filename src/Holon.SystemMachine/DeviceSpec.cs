using System.Globalization;
using System.Text.Json.Serialization;
using Holon.Machines;

namespace Holon.SystemMachine;

/// <summary>Kinds of devices that a machine may have besides disks.</summary>
public enum DeviceKind
{
    /// <summary>virtio-rng: the host's random numbers.</summary>
    [JsonStringEnumMemberName("rng")]
    Entropy,

    /// <summary>virtio-balloon: memory that the guest gives back.</summary>
    [JsonStringEnumMemberName("balloon")]
    Balloon,

    /// <summary>virtio-vsock: sockets between host and guest.</summary>
    [JsonStringEnumMemberName("vsock")]
    Vsock,

    /// <summary>virtio-console: terminals and named ports.</summary>
    [JsonStringEnumMemberName("console")]
    Console,
}

/// <summary>A device of a machine.</summary>
public sealed record DeviceSpec
{
    /// <summary>The smallest and greatest context identifier of a guest (virtio 1.2, §5.10.4).</summary>
    public const uint LeastCid = 3, GreatestCid = uint.MaxValue - 1;

    /// <summary>What it is.</summary>
    public required DeviceKind Kind { get; init; }

    /// <summary>Of a vsock: by what the host knows the guest.</summary>
    public uint Cid { get; init; } = LeastCid;

    /// <summary>Of a vsock or console: the Unix socket on the host.</summary>
    public string? Socket { get; init; }

    /// <summary>Reads what <c>--device</c> is given: <c>rng</c>, <c>balloon</c>, <c>vsock,socket=PATH[,cid=N]</c> or <c>console,socket=PATH</c>.</summary>
    /// <exception cref="HolonException">It is not that.</exception>
    public static DeviceSpec Parse(string text)
    {
        var words = text.Split(',');
        var device = new DeviceSpec
        {
            Kind = words[0] switch
            {
                "rng" => DeviceKind.Entropy,
                "balloon" => DeviceKind.Balloon,
                "vsock" => DeviceKind.Vsock,
                "console" => DeviceKind.Console,
                _ => throw new HolonException($"There is no device '{words[0]}'; use rng, balloon, vsock or console."),
            },
        };
        foreach (var word in words[1..])
        {
            device = word.Split('=', 2) switch
            {
                ["socket", { Length: > 0 } path] => device with { Socket = path },
                ["cid", var number] when uint.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var cid) => device with { Cid = cid },
                _ => throw new HolonException($"The device {words[0]} has no property '{word}'; use socket=PATH or cid=NUMBER."),
            };
        }

        device.Validate();
        return device;
    }

    /// <summary>Checks what can be checked without touching the host.</summary>
    /// <exception cref="HolonException">Something cannot be.</exception>
    internal void Validate()
    {
        if (!Enum.IsDefined(Kind)) throw new HolonException($"There is no device {Kind}; use rng, balloon, vsock or console.");
        if (Kind is DeviceKind.Vsock or DeviceKind.Console && string.IsNullOrEmpty(Socket))
            throw new HolonException($"A {(Kind == DeviceKind.Vsock ? "vsock" : "console")} needs a Unix socket on the host; give socket=PATH.");
        if (Cid is < LeastCid or > GreatestCid) throw new HolonException($"A guest cannot have the context identifier {Cid}; use {LeastCid} to {GreatestCid}.");
    }
}
