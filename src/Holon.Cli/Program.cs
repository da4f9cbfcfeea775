using Holon.Cli;
using Holon.Cli.Commands;
using Holon.Cli.Running;
using Holon.Cli.Terminal;
using Holon.Machines;

AppDomain.CurrentDomain.ProcessExit += (_, _) => HostTerminal.Restore();
AppDomain.CurrentDomain.UnhandledException += (_, _) => HostTerminal.Restore();
try
{
    return await HolonCommand.RunAsync(args, (_, _, _) => throw new HolonException("This version of Holon has no system machine.")).ConfigureAwait(false);
}
catch (Exception exception)
{
    HostTerminal.Restore();
    ErrorReport.PrintDefect(exception, args);
    return ExitCodes.HolonError;
}
