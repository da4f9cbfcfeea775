using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Holon.Machines;
using Holon.SystemMachine.Shares;

namespace Holon.SystemMachine.Images;

/// <summary>
/// What a cloud image is told on its first boot, as cloud-init's NoCloud data source reads it: a disk with the label CIDATA and the files
/// <c>user-data</c> and <c>meta-data</c>.
/// </summary>
public sealed record CloudSeed
{
    private const int MostBytes = 16 << 20;

    /// <summary>The file that says what the guest is to do: cloud-init's YAML, or a script. Null for nothing.</summary>
    public string? UserData { get; init; }

    /// <summary>The file that says who the guest is; null to have it made of the rest.</summary>
    public string? MetaData { get; init; }

    /// <summary>Files of public keys that may log in.</summary>
    public IReadOnlyList<string> SshKeys { get; init; } = [];

    /// <summary>The guest's host name; null to leave it.</summary>
    public string? HostName { get; init; }

    /// <summary>Folders of the host that the guest mounts on every start.</summary>
    public IReadOnlyList<ShareSpec> Shares { get; init; } = [];

    /// <summary>Makes the disk's contents.</summary>
    /// <exception cref="HolonException">A file cannot be read, or things contradict each other.</exception>
    public byte[] ToDisk()
    {
        if (MetaData is not null && (HostName is not null || SshKeys.Count > 0)) throw new HolonException("--meta-data says already who the guest is; put host name and keys into that file, or leave it out.");
        var userData = UserData is null ? "#cloud-config\n{}\n"u8.ToArray() : Read(UserData);
        var metaData = MetaData is null ? MakeMetaData(userData) : Read(MetaData);
        return Shares.Count == 0
            ? Iso9660.Build("CIDATA", [("meta-data", metaData), ("user-data", userData)])
            : Iso9660.Build("CIDATA", [("meta-data", metaData), ("user-data", userData), ("vendor-data", VendorData())]);
    }

    /// <summary>JSON, which is YAML too. The instance is another one, for which cloud-init acts again, when anything that it is told changes.</summary>
    private byte[] MakeMetaData(byte[] userData)
    {
        var keys = SshKeys.SelectMany(path => Encoding.UTF8.GetString(Read(path)).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Where(line => line[0] != '#').ToList();
        foreach (var key in keys)
            if (key.StartsWith("-----BEGIN", StringComparison.Ordinal)) throw new HolonException("--ssh-key was given a private key, which stays at home; give the public one, whose name ends in .pub.");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(userData);
        foreach (var text in keys.Append(HostName ?? "").Concat(ShareMounts.BootCommands(Shares))) hash.AppendData(Encoding.UTF8.GetBytes($"{text}\n"));
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            writer.WriteString("instance-id", $"holon-{Convert.ToHexStringLower(hash.GetHashAndReset())[..16]}");
            if (HostName is not null) writer.WriteString("local-hostname", HostName);
            if (keys.Count > 0)
            {
                writer.WriteStartArray("public-keys");
                foreach (var key in keys) writer.WriteStringValue(key);
                writer.WriteEndArray();
            }

            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    /// <summary>What the maker of a cloud says besides its user: cloud-init takes both.</summary>
    private byte[] VendorData()
    {
        using var stream = new MemoryStream();
        stream.Write("#cloud-config\n"u8);
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            writer.WriteStartArray("bootcmd");
            foreach (var command in ShareMounts.BootCommands(Shares)) writer.WriteStringValue(command);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static byte[] Read(string path)
    {
        try
        {
            if (new FileInfo(path).Length > MostBytes) throw new HolonException($"{path} has more than {MostBytes >> 20} MiB, too much to tell a guest on its first boot; name another file.");
            return File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HolonException($"The file {path} for the guest's first boot cannot be read; name one that is there.", exception);
        }
    }
}
