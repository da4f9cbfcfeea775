using System.Globalization;
using System.Text.Json.Serialization;
using Holon.Machines;
using Holon.Storage;

namespace Holon.SystemMachine;

/// <summary>How a disk is connected.</summary>
public enum DiskBus
{
    /// <summary>virtio-blk: the fastest.</summary>
    [JsonStringEnumMemberName("virtio")]
    Virtio,

    /// <summary>A SATA disk: for guests and firmware without virtio.</summary>
    [JsonStringEnumMemberName("ahci")]
    Ahci,
}

/// <summary>A disk of a machine.</summary>
public sealed record DiskSpec
{
    /// <summary>The longest serial number that a guest can be told.</summary>
    public const int LongestSerial = 20;

    /// <summary>The file.</summary>
    public required string Path { get; init; }

    /// <summary>What the file holds; a raw disk that a guest could make look like another format is safest named.</summary>
    public DiskFormat Format { get; init; }

    /// <summary>True when nothing needs to survive the host's crash: flushes are skipped.</summary>
    public bool Temporary { get; init; }

    /// <summary>True when the guest may not write.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>By what the guest knows it; empty for nothing.</summary>
    public string Serial { get; init; } = "";

    /// <summary>How it is connected.</summary>
    public DiskBus Bus { get; init; }

    /// <summary>Requests in a second at most; 0 for no limit.</summary>
    public long Iops { get; init; }

    /// <summary>Bytes in a second at most, reads and writes together; 0 for no limit.</summary>
    public long BytesPerSecond { get; init; }

    /// <summary>How the machine's user knows it, for plugging and for messages; null for the file's name.</summary>
    public string? Name { get; init; }

    /// <summary>Reads what <c>--disk</c> is given: <c>FILE[,ro][,serial=…][,bus=virtio|ahci][,format=raw|qcow2][,name=…][,iops=N][,rate=SIZE]</c>. A comma in the file's name is written twice.</summary>
    /// <exception cref="HolonException">It is not that.</exception>
    public static DiskSpec Parse(string text)
    {
        var words = text.Replace(",,", "\0", StringComparison.Ordinal).Split(',').Select(word => word.Replace('\0', ',')).ToArray();
        var disk = new DiskSpec { Path = words[0] };
        foreach (var word in words[1..])
        {
            disk = word.Split('=', 2) switch
            {
                ["ro"] => disk with { ReadOnly = true },
                ["serial", var serial] => disk with { Serial = serial },
                ["name", var name] => disk with { Name = name },
                ["format", "raw"] => disk with { Format = DiskFormat.Raw },
                ["format", "qcow2"] => disk with { Format = DiskFormat.Qcow2 },
                ["bus", "virtio"] => disk with { Bus = DiskBus.Virtio },
                ["iops", var number] when long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var iops) && iops > 0 => disk with { Iops = iops },
                ["rate", { Length: > 0 } size] => disk with { BytesPerSecond = (long)Math.Min(MemorySize.Parse(size).Bytes, long.MaxValue) },
                ["bus", "ahci"] => disk with { Bus = DiskBus.Ahci },
                _ => throw new HolonException($"A disk has no property '{word}'; use ro, serial=…, bus=virtio, bus=ahci, format=raw, format=qcow2, name=…, iops=NUMBER or rate=SIZE (bytes a second), and write a comma in the file's name twice."),
            };
        }

        disk.Validate();
        return disk;
    }

    /// <summary>Checks what can be checked without opening the file.</summary>
    /// <exception cref="HolonException">Something cannot be.</exception>
    internal void Validate()
    {
        if (string.IsNullOrEmpty(Path)) throw new HolonException("A disk has no file; give --disk FILE.");
        if (Serial.Length > LongestSerial || !Serial.All(character => character is > ' ' and <= '~'))
            throw new HolonException($"'{Serial}' cannot be the serial number of {Path}; use up to {LongestSerial} printable ASCII characters without spaces.");
        if (Iops < 0 || BytesPerSecond < 0) throw new HolonException($"The limits of {Path} cannot be negative; leave them out, or give numbers above 0.");
        if (!Enum.IsDefined(Bus)) throw new HolonException($"There is no disk bus {Bus}; use virtio or ahci.");
    }
}
