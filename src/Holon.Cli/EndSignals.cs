using System.Runtime.InteropServices;
using Holon.Cli.Running;
using Holon.Cli.Terminal;

namespace Holon.Cli;

/// <summary>Turns the signals that ask a process to end into a cancellation: work is undone and the terminal put back before we go.</summary>
internal sealed class EndSignals : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;

    /// <summary>Begins listening.</summary>
    public EndSignals()
    {
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, context => End(context, 2)),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => End(context, 15)),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => End(context, 1)),
            PosixSignalRegistration.Create(PosixSignal.SIGQUIT, context => End(context, 3)),
        ];
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>What the process returns when a signal ended it; null when none came.</summary>
    public int? ExitCode { get; private set; }

    /// <summary>Stops listening.</summary>
    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
        _source.Dispose();
    }

    private void End(PosixSignalContext context, int number)
    {
        context.Cancel = true; // we end by ourselves
        if (ExitCode is not null)
        {
            // Asked a second time: something hangs, and the user wants out.
            HostTerminal.Restore();
            Environment.Exit(ExitCodes.Signal + number);
        }

        ExitCode = ExitCodes.Signal + number;
        _source.Cancel();
    }
}
