using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Holon.Machines;

/// <summary>An amount of memory, written as people write it: <c>512M</c>, <c>2G</c>, <c>65536K</c> or plain bytes.</summary>
/// <param name="Bytes">The amount.</param>
[JsonConverter(typeof(MemorySizeJsonConverter))]
public readonly record struct MemorySize(ulong Bytes)
{
    /// <summary>Bytes in a kibibyte, mebibyte and gibibyte.</summary>
    public const ulong KiB = 1ul << 10, MiB = 1ul << 20, GiB = 1ul << 30;

    /// <summary>Reads a whole number with an optional suffix K, M, G or T (powers of 1024; <c>KiB</c> and the like also do).</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out MemorySize size)
    {
        size = default;
        text = text.Trim();
        var digits = text.LastIndexOfAnyInRange('0', '9') + 1;
        var suffix = text[digits..].Trim();
        if (!ulong.TryParse(text[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out var count)) return false;
        if (suffix.EndsWith("iB", StringComparison.OrdinalIgnoreCase)) suffix = suffix[..^2];
        else if (suffix.Length == 2 && suffix[1] is 'B' or 'b') suffix = suffix[..1];
        var shift = suffix switch
        {
            [] => 0,
            ['K' or 'k'] => 10,
            ['M' or 'm'] => 20,
            ['G' or 'g'] => 30,
            ['T' or 't'] => 40,
            _ => -1,
        };
        if (shift < 0 || count > ulong.MaxValue >> shift) return false;
        size = new MemorySize(count << shift);
        return true;
    }

    /// <summary>Reads an amount.</summary>
    /// <exception cref="HolonException">It is not one.</exception>
    public static MemorySize Parse(string text) => TryParse(text, out var size)
        ? size
        : throw new HolonException($"'{text}' is not an amount of memory; write a whole number with K, M or G, such as 512M.");

    /// <summary>The shortest exact form, such as <c>512M</c>.</summary>
    public override string ToString()
    {
        var (unit, suffix) = Bytes switch
        {
            0 => (1ul, ""),
            _ when Bytes % GiB == 0 => (GiB, "G"),
            _ when Bytes % MiB == 0 => (MiB, "M"),
            _ when Bytes % KiB == 0 => (KiB, "K"),
            _ => (1ul, ""),
        };
        return string.Create(CultureInfo.InvariantCulture, $"{Bytes / unit}{suffix}");
    }
}

/// <summary>Writes <see cref="MemorySize"/> in JSON as the text people write.</summary>
public sealed class MemorySizeJsonConverter : JsonConverter<MemorySize>
{
    /// <inheritdoc/>
    public override MemorySize Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Number
            ? new MemorySize(reader.GetUInt64())
            : MemorySize.TryParse(reader.GetString(), out var size)
                ? size
                : throw new JsonException($"'{reader.GetString()}' is not an amount of memory.");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, MemorySize value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStringValue(value.ToString());
    }
}
