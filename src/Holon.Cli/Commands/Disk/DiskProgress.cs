using Holon.Cli.Terminal;
using Spectre.Console;

namespace Holon.Cli.Commands.Disk;

/// <summary>Shows how far a long step is, on a terminal: one changing line on standard error, which goes away at the end.</summary>
internal sealed class DiskProgress : IProgress<double>, IDisposable
{
    private static readonly ControlCode EraseLine = new("\r\x1b[2K");

    private readonly Lock _gate = new();
    private readonly string _step;
    private readonly IAnsiConsole? _console;
    private int _shown = -1;

    /// <summary>Begins a step.</summary>
    public DiskProgress(string step)
    {
        _step = step;
        if (HostTerminal.IsTerminal(HostTerminal.StandardError)) _console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
    }

    /// <inheritdoc/>
    public void Report(double value)
    {
        if (_console is null) return;
        lock (_gate)
        {
            var percent = (int)(value * 100);
            if (percent <= _shown) return; // several threads report, not always in order
            _shown = percent;
            _console.Write(EraseLine);
            _console.Markup($"[grey]holon:[/] {Markup.Escape(_step)} {percent} %");
        }
    }

    /// <summary>Erases the line.</summary>
    public void Dispose()
    {
        lock (_gate) _console?.Write(EraseLine);
    }
}
