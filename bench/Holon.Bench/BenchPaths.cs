namespace Holon.Bench;

/// <summary>Where things are.</summary>
/// <param name="Root">The repository.</param>
internal sealed record BenchPaths(string Root)
{
    /// <summary>The command under test.</summary>
    public string Holon => Path.Combine(Root, "artifacts/cli/holon");

    /// <summary>The repository's page on benchmarks and its charts.</summary>
    public string Docs => Path.Combine(Root, "docs");

    /// <summary>Sources of the guests' programs.</summary>
    public string GuestSources => Path.Combine(Root, "bench/guest");

    /// <summary>Where results go; made when missing.</summary>
    public string Results => Directory.CreateDirectory(Path.Combine(Root, "artifacts/bench")).FullName;
}
