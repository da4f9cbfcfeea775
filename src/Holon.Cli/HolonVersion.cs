using System.Reflection;

namespace Holon.Cli;

/// <summary>Which Holon this is.</summary>
internal static class HolonVersion
{
    /// <summary>The version, such as <c>0.1.0</c>, with the commit it was built from where that is known.</summary>
    public static string Text { get; } =
        typeof(HolonVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
}
