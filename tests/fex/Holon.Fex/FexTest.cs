using System.Globalization;
using System.Text.Json;

namespace Holon.Fex;

/// <summary>Memory that a test asks for besides its own code.</summary>
internal readonly record struct FexRegion(ulong Start, ulong Length);

/// <summary>A register and the 64-bit words it must hold at the end, lowest first.</summary>
internal sealed record FexExpectation(string Register, IReadOnlyList<ulong> Words);

/// <summary>
/// One test of FEX-Emu's <c>unittests/ASM</c> or <c>unittests/32Bit_ASM</c>: a NASM file of user-mode code that ends on HLT, with what
/// it needs and expects as JSON between <c>%ifdef CONFIG</c> and <c>%endif</c>.
/// </summary>
internal sealed record FexTest
{
    /// <summary>Its path in the suite, without <c>.asm</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Its folder in the suite.</summary>
    public string Folder => Path.GetDirectoryName(Name) is { Length: > 0 } folder ? folder : ".";

    /// <summary>The source's file.</summary>
    public required string Source { get; init; }

    /// <summary>True for code of 32 bits, which runs in compatibility mode.</summary>
    public bool Is32Bit { get; init; }

    /// <summary>Features of the processor that it needs.</summary>
    public IReadOnlyList<string> Features { get; init; } = [];

    /// <summary>Memory that it needs.</summary>
    public IReadOnlyList<FexRegion> Regions { get; init; } = [];

    /// <summary>What must be in that memory at the start.</summary>
    public IReadOnlyList<(ulong Address, byte[] Bytes)> Data { get; init; } = [];

    /// <summary>What must be in registers at the end.</summary>
    public IReadOnlyList<FexExpectation> Expected { get; init; } = [];

    /// <summary>Reads a test's file.</summary>
    /// <exception cref="FormatException">It is not one of this kind; the message says why.</exception>
    public static FexTest Read(string suite, string file)
    {
        var text = File.ReadAllText(file);
        var name = Path.ChangeExtension(Path.GetRelativePath(suite, file), null);
        var start = text.IndexOf("%ifdef CONFIG", StringComparison.Ordinal);
        var end = start < 0 ? -1 : text.IndexOf("%endif", start, StringComparison.Ordinal);
        if (end < 0) throw new FormatException("it has no %ifdef CONFIG … %endif");
        JsonElement configuration;
        try
        {
            configuration = JsonSerializer.Deserialize<JsonElement>(text[(start + "%ifdef CONFIG".Length)..end], _json);
        }
        catch (JsonException problem)
        {
            throw new FormatException($"its configuration is not JSON: {problem.Message}");
        }

        var test = new FexTest { Name = name, Source = file };
        foreach (var property in configuration.EnumerateObject())
        {
            test = property.Name.ToUpperInvariant() switch
            {
                "HOSTFEATURES" => test with { Features = [.. property.Value.EnumerateArray().Select(each => each.GetString()!.ToUpperInvariant())] },
                "MODE" => test with { Is32Bit = property.Value.GetString() == "32BIT" },
                "MEMORYREGIONS" => test with { Regions = [.. property.Value.EnumerateObject().Select(each => new FexRegion(Number(each.Name), Number(each.Value.GetString()!)))] },
                "MEMORYDATA" => test with { Data = [.. property.Value.EnumerateObject().Select(each => (Number(each.Name), Bytes(each.Value.GetString()!)))] },
                "REGDATA" => test with { Expected = [.. property.Value.EnumerateObject().GroupBy(each => each.Name.ToUpperInvariant()).Select(same => new FexExpectation(same.Key, Words(same.Last().Value)))] }, // the last of a register's values counts
                _ => test, // what concerns FEX itself
            };
        }

        return test;
    }

    private static readonly JsonSerializerOptions _json = new() { AllowTrailingCommas = true, ReadCommentHandling = JsonCommentHandling.Skip };

    private static IReadOnlyList<ulong> Words(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(each => Number(each.GetString()!))] : [Number(value.GetString()!)];

    private static ulong Number(string text)
    {
        var digits = text.Trim().Replace("_", "", StringComparison.Ordinal);
        return digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.Parse(digits.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
            : ulong.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
    }

    /// <summary>Numbers in hexadecimal, each little-endian in memory: with <c>0x</c> of any width, else byte by byte.</summary>
    private static byte[] Bytes(string text) =>
    [
        .. from word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
           from each in Convert.FromHexString(word.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? word[2..] : word).Reverse()
           select each,
    ];
}
