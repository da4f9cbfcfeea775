namespace Holon.Jvm.Runtime;

/// <summary>Which classes have their assert statements on, as <c>-ea</c>, <c>-da</c>, <c>-esa</c> and <c>-dsa</c> say.</summary>
public sealed record AssertionRules
{
    /// <summary>Classes that nothing else is said of, but for the boot loader's.</summary>
    public bool Default { get; init; }

    /// <summary>Classes of the boot loader.</summary>
    public bool System { get; init; }

    /// <summary>Single classes by their Java names; the last rule that names a class counts.</summary>
    public IReadOnlyList<(string Name, bool Enabled)> Classes { get; init; } = [];

    /// <summary>Packages with those below them; "" is the unnamed one.</summary>
    public IReadOnlyList<(string Name, bool Enabled)> Packages { get; init; } = [];

    /// <summary>These rules with one more, as it comes after <c>-ea:</c> or <c>-da:</c>.</summary>
    public AssertionRules With(string target, bool enabled) =>
        target == "..." ? this with { Packages = [.. Packages, ("", enabled)] }
        : target.EndsWith("...", StringComparison.Ordinal) ? this with { Packages = [.. Packages, (target[..^3], enabled)] }
        : this with { Classes = [.. Classes, (target, enabled)] };

    /// <summary>Whether a class has assertions on.</summary>
    public bool Enabled(string javaName, bool isSystem)
    {
        foreach (var (name, enabled) in Classes.Reverse())
        {
            if (name == javaName) return enabled;
        }
        for (var package = javaName.LastIndexOf('.') is var i && i >= 0 ? javaName[..i] : ""; ; package = package.LastIndexOf('.') is var j && j >= 0 ? package[..j] : "")
        {
            foreach (var (name, enabled) in Packages.Reverse())
            {
                // The unnamed package is no parent of others.
                if (name == package && (package.Length > 0 || !javaName.Contains('.'))) return enabled;
            }
            if (package.Length == 0) break;
        }
        return isSystem ? System : Default;
    }
}
