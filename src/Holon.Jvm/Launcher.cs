using Holon.Jvm.Diagnostics;
using Holon.Jvm.Runtime;
using Holon.Machines;
using Holon.Machines.Host;

namespace Holon.Jvm;

/// <summary>The command <c>java</c>: its options as Java people know them, and what it prints.</summary>
public static class Launcher
{
    private const int MainStackBytes = 64 << 20;

    /// <summary>
    /// Runs a program and then shows what became of one of its methods: the last argument names it as <c>Class.method</c>. When
    /// no jar or main class comes before it, the class's own main is run.
    /// </summary>
    public static int RunLive(IReadOnlyList<string> arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        if (arguments.Count == 0) throw new HolonException("javap-live needs a method: ./holon javap-live [java's options] -jar app.jar Class.method, or … -cp classes Class.method.");
        var method = arguments[^1];
        var (className, _) = LiveListing.Split(method);
        if (!MachineCodeListing.IsKept) return MachineCodeListing.Run(["javap-live", .. arguments], "*" + method);
        List<string> command = [.. arguments.SkipLast(1)];
        if (JavaCommand.Parse(command).Main == null) command.Add(className);
        return Run(command, method);
    }

    /// <summary>Runs a Java program; gives the exit code.</summary>
    public static int Run(IReadOnlyList<string> arguments) => Run(arguments, null);

    private static int Run(IReadOnlyList<string> arguments, string? live)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var command = JavaCommand.Parse(arguments);
        foreach (var notice in command.Notices) Console.Error.WriteLine(notice);
        if (command.Message != null)
        {
            (command.MessageToError ? Console.Error : Console.Out).WriteLine(command.Message);
            return command.Code;
        }
        var options = command.Options with { JavaCommand = ChildCommand.Of(command.Options, Environment.ProcessPath) };
        var machine = new JavaMachine(options) { MachineLog = command.Log }; // it goes with the process
        machine.Signals = new ProcessSignals(machine, command.ReducedSignals);
        if (command.Log.Wants(MachineLog.Gc, LogLevel.Info)) command.Log.WatchCollections();
        HolonException? failure = null;
        JThread? booted = null;
        var main = new Thread(() =>
        {
            try
            {
                machine.StartLimits();
                var t = booted = machine.Boot();
                machine.RunMain(t, command);
            }
            catch (HolonException e)
            {
                if (!machine.BootLayerFailed) failure = e;
                machine.End(1);
            }
            catch (MachineEnd)
            {
                // The exit code is the machine's.
            }
        }, (int)Math.Clamp(command.Options.StackSize * 2 ?? 0, MainStackBytes, 1 << 30))
        { Name = "main", IsBackground = true };
        main.Start();
        var code = machine.WaitForEnd();
        command.Log.Dispose();
        if (live != null && booted != null) LiveListing.Write(machine, booted, live, Console.Out);
        if (failure != null) throw failure;
        if (machine.Broken is { } limit) Console.Error.WriteLine($"holon: {new JavaLimitException(limit).Message}");
        return code;
    }
}
