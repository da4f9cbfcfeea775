using Holon.SystemMachine.Images;
using Spectre.Console;

namespace Holon.Cli.Terminal;

/// <summary>
/// Shows how far the making of an image is, on standard error: one changing line on a terminal, which goes away at the end; elsewhere
/// a line for each step.
/// </summary>
internal sealed class ProgressLine : IProgress<ImageProgress>, IDisposable
{
    private static readonly ControlCode EraseLine = new("\r\x1b[2K");

    private readonly Lock _gate = new();
    private IAnsiConsole? _console;
    private string _shown = "";

    /// <inheritdoc/>
    public void Report(ImageProgress value)
    {
        var text = value.Fraction is { } fraction ? $"{value.Step} {fraction:P0}" : value.Step;
        lock (_gate)
        {
            if (text == _shown) return;
            _shown = text;
            if (!Console.IsErrorRedirected)
            {
                _console ??= AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
                _console.Write(EraseLine);
                _console.Markup($"[grey]holon:[/] {Markup.Escape(text)}");
            }
            else if (value.Fraction is null or 0)
            {
                Console.Error.WriteLine($"holon: {value.Step}");
            }
        }
    }

    /// <summary>Erases the line.</summary>
    public void Dispose()
    {
        lock (_gate) _console?.Write(EraseLine);
    }
}
