using System.CommandLine;
using System.Globalization;
using Holon.Machines;
using Holon.SystemMachine;

namespace Holon.Cli.Commands;

/// <summary><c>holon disasm</c>: what the translator makes of guest code.</summary>
internal sealed class DisassembleCommand : Command
{
    private readonly Argument<string[]> _bytes = new("BYTES") { Description = "64-bit guest code as hexadecimal bytes.", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string?> _file = new("--file") { Description = "Take the code from this file of raw machine code.", HelpName = "FILE" };
    private readonly Option<bool> _user = new("--user") { Description = "As code of privilege level 3 instead of 0." };

    private readonly Option<bool> _hot = new("--hot") { Description = "As code that is executed often, which remembers the pages of its accesses." };

    /// <summary>The command.</summary>
    public DisassembleCommand()
        : base("disasm", "Show a block of guest code beside the host code that the translator makes of it.")
    {
        Add(_bytes);
        Add(_file);
        Add(_user);
        Add(_hot);
        SetAction(parsed =>
        {
            var code = parsed.GetValue(_file) is { } file ? ReadFile(file) : ParseBytes(parsed.GetValue(_bytes) ?? []);
            Console.Out.Write(TranslationListing.Of(code, parsed.GetValue(_user), parsed.GetValue(_hot)));
        });
    }

    private static byte[] ReadFile(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            var bytes = new byte[TranslationListing.MaxBytes];
            return bytes[..file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HolonException($"The code in {path} cannot be read.", exception);
        }
    }

    private static byte[] ParseBytes(string[] words)
    {
        var text = string.Concat(words).Replace(" ", "", StringComparison.Ordinal);
        if (text.Length == 0) throw new HolonException("There is no code; give its bytes, such as: holon disasm 48 01 d8 c3.");
        if (text.Length % 2 != 0 || !text.All(char.IsAsciiHexDigit) || text.Length > 2 * TranslationListing.MaxBytes)
            throw new HolonException("The code is not pairs of hexadecimal digits; give its bytes, such as: holon disasm 48 01 d8 c3.");
        return [.. text.Chunk(2).Select(pair => byte.Parse(pair, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];
    }
}
