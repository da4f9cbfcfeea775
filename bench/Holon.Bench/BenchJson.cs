using System.Text.Json;
using System.Text.Json.Serialization;

namespace Holon.Bench;

/// <summary>Results as JSON, for programs that compare them.</summary>
internal static class BenchJson
{
    private static readonly JsonSerializerOptions _options = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>Writes results down.</summary>
    public static string Write<T>(T results) => JsonSerializer.Serialize(results, _options) + "\n";
}
