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
        return Flush(machine) ? code : 120;
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
            var hook = Attributes.TryGet(machine.Sys, "excepthook");
            if (hook is null)
                ErrorPrinter.Print(machine, error);
            else
                Calls.Call(hook, error.Type, error, (PyObject?)error.Traceback ?? Values.None);
        }
        catch (PyError second)
        {
            Console.Error.WriteLine("Error in sys.excepthook:");
            Console.Error.Write(ErrorPrinter.Plain(second.Value));
            Console.Error.WriteLine("\nOriginal exception was:");
            Console.Error.Write(ErrorPrinter.Plain(error));
        }
        return error.Type.IsSubtypeOf(ExceptionTypes.KeyboardInterrupt) ? 130 : error is PyKillException ? 137 : 1;
    }
}
