namespace Holon.Machines.Host;

/// <summary>A program or file of the host that some command needs.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Path">Where it is, or would be.</param>
/// <param name="Package">Debian's package that has it.</param>
/// <param name="Purpose">What it is needed for.</param>
public sealed record HostTool(string Name, string? Path, string Package, string Purpose)
{
    /// <summary>True when it is here.</summary>
    public bool IsPresent => File.Exists(Path);

    /// <summary>A program, looked for on the PATH.</summary>
    public static HostTool Program(string name, string package, string purpose) =>
        new(name, (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => System.IO.Path.Combine(folder, name)).FirstOrDefault(File.Exists), package, purpose);
}
