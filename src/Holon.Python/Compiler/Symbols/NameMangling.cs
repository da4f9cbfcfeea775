namespace Holon.Python.Compiler;

/// <summary>Private names: <c>__x</c> in class C is <c>_C__x</c>.</summary>
internal static class NameMangling
{
    /// <summary>The name as the class makes it.</summary>
    public static string Mangle(string? className, string name)
    {
        if (className == null || name.Length < 2 || name[0] != '_' || name[1] != '_')
            return name;
        if (name.EndsWith("__", StringComparison.Ordinal) || name.Contains('.', StringComparison.Ordinal))
            return name;
        var stripped = className.AsSpan().TrimStart('_');
        return stripped.IsEmpty ? name : string.Concat("_", stripped, name);
    }
}
