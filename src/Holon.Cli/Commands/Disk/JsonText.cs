using System.Text;
using System.Text.Json;

namespace Holon.Cli.Commands.Disk;

/// <summary>Writes JSON to standard output, by hand: no reflection, as ahead-of-time compilation wants it.</summary>
internal static class JsonText
{
    /// <summary>Writes one value and a line's end.</summary>
    public static void Write(Action<Utf8JsonWriter> content)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true })) content(writer);
        Console.WriteLine(Encoding.UTF8.GetString(stream.ToArray()));
    }
}
