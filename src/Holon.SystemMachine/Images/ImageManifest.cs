using System.Text.Json.Serialization;

namespace Holon.SystemMachine.Images;

/// <summary>What is known of a stored image; kept beside its files as <c>image.json</c>. An image without one is not an image.</summary>
public sealed record ImageManifest
{
    /// <summary>The layout of stored images that this version reads and writes.</summary>
    public const int CurrentFormat = 1;

    /// <summary>The layout it was stored with.</summary>
    public required int Format { get; init; }

    /// <summary>The image's name.</summary>
    public required string Name { get; init; }

    /// <summary>The revision of the recipe that it was made by.</summary>
    public int Revision { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>The packages it was made from.</summary>
    public required IReadOnlyList<SourcePackage> Packages { get; init; }
}

/// <summary>A package an image was made from.</summary>
/// <param name="Name">The package.</param>
/// <param name="Version">Its version.</param>
public sealed record SourcePackage(string Name, string Version);

/// <summary>How manifests become JSON, generated at build time so that no reflection is needed.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ImageManifest))]
internal sealed partial class ImageManifestJson : JsonSerializerContext;
