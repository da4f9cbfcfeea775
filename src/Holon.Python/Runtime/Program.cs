using Holon.Python.Modules;

namespace Holon.Python.Runtime;

/// <summary>The end of a program: its exceptions, atexit, flushing, exit code.</summary>
internal static class Program
{
    public static int Exit(Machine machine, Func<bool> run)
    {
        var code = 0;
        try
        {
            run();
        }
        catch (PyError error)
        {
            code = ExitCode(machine, error.Value);
        }
        if (machine.Options.Inspect && !machine.IsConsole)
            code = Inspect(machine);
        try
        {
            if (machine.Modules.Get("threading") is { } threading && Attributes.TryGet(threading, "_shutdown") is { } shutdown)
                Calls.Call(shutdown);
            AtExitModule.Run(machine);
        }
        catch (PyError error)
        {
            ErrorPrinter.Print(machine, error.Value);
        }
        IoModule.FlushAll(machine);
        return Flush(machine) ? code : 120;
    }

    /// <summary><c>-i</c>: the console, after the program.</summary>
    private static int Inspect(Machine machine)
    {
        try
        {
            new Terminal.InteractiveConsole(machine, ((PyModule)machine.Modules.Get("__main__")!).Dict).Run(false);
            return 0;
        }
        catch (PyError error)
        {
            return ExitCode(machine, error.Value);
        }
    }

    private static bool Flush(Machine machine)
    {
        var good = true;
        foreach (var name in new[] { "stdout", "stderr" })
        {
            try
            {
                if (Attributes.TryGet(machine.Sys, name) is { } stream && stream != Values.None && Attributes.TryGet(stream, "closed") is { } closed && !Ops.IsTrue(closed))
                    Calls.CallMethod(stream, "flush");
            }
            catch (PyError error)
            {
                if (name == "stdout")
                    ErrorPrinter.PrintUnraisable(machine, error.Value, Attributes.TryGet(machine.Sys, name)!);
                good = false;
            }
        }
        return good;
    }

    private static int ExitCode(Machine machine, PyException error)
    {
        if (error.Type.IsSubtypeOf(ExceptionTypes.SystemExit))
        {
            var value = error.Field("code");
            if (value == Values.None)
                return 0;
            if (value is PyInt number)
                return (int)(number.TryLong(out var n) ? n & 0xff : 255);
            Flush(machine);
            Calls.CallMethod(Attributes.Get(machine.Sys, "stderr"), "write", Ops.Str(value).Plus(new PyStr("\n")));
            return 1;
        }
        try
        {
            Flush(machine);
            ErrorPrinter.Hooked(machine, error);
        }
        catch (PyError)
        {
            // A stream that cannot be flushed: the exit code tells.
        }
        return error.Type.IsSubtypeOf(ExceptionTypes.KeyboardInterrupt) ? 130 : error is PyKillException ? 137 : 1;
    }
}
