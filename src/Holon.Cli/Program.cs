using Holon.Cli;
using Holon.Cli.Commands;
using Holon.Cli.Running;
using Holon.Cli.Terminal;
using Holon.SystemMachine;

AppDomain.CurrentDomain.ProcessExit += (_, _) => HostTerminal.Restore();
AppDomain.CurrentDomain.UnhandledException += (_, _) => HostTerminal.Restore();
try
{
    return await HolonCommand.RunAsync(args, (spec, output, trace) =>
    {
        var machine = SystemMachine.Create(spec, data => output(data), trace);
        return new ConnectedMachine(machine, machine.SendSerial);
    }).ConfigureAwait(false);
}
catch (Exception exception)
{
    HostTerminal.Restore();
    ErrorReport.PrintDefect(exception, args);
    return ExitCodes.HolonError;
}
