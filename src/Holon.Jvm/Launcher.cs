using Holon.Jvm.Runtime;
using Holon.Machines;

namespace Holon.Jvm;

/// <summary>The command <c>java</c>: its options as Java people know them, and what it prints.</summary>
public static class Launcher
{
    private const int MainStackBytes = 64 << 20;

    /// <summary>Runs a Java program; gives the exit code.</summary>
    public static int Run(IReadOnlyList<string> arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var command = JavaCommand.Parse(arguments);
        if (command.Message != null)
        {
            (command.MessageToError ? Console.Error : Console.Out).WriteLine(command.Message);
            return command.Code;
        }
        var machine = new JavaMachine(command.Options); // it goes with the process
        HolonException? failure = null;
        var main = new Thread(() =>
        {
            try
            {
                machine.StartLimits();
                var t = machine.Boot();
                machine.RunMain(t, command.Main!, command.IsJar, command.Arguments);
            }
            catch (HolonException e)
            {
                failure = e;
                machine.End(1);
            }
            catch (MachineEnd)
            {
                // The exit code is the machine's.
            }
        }, MainStackBytes)
        { Name = "main", IsBackground = true };
        main.Start();
        var code = machine.WaitForEnd();
        if (failure != null) throw failure;
        if (machine.Broken is { } limit) Console.Error.WriteLine($"holon: {new JavaLimitException(limit).Message}");
        return code;
    }
}
