using System.Text;

namespace Holon.Python.Runtime;

/// <summary>
/// Prints exceptions that nobody caught: by the traceback module, whose text is CPython's own, and plainly when that cannot be imported.
/// </summary>
internal static class ErrorPrinter
{
    public static void Print(Machine machine, PyException error)
    {
        string text;
        try
        {
            var traceback = machine.ImportModule("traceback");
            var lines = Calls.CallMethod(traceback, "format_exception", error.Type, error, (PyObject?)error.Traceback ?? Values.None);
            text = string.Concat(Ops.Each(lines).Select(l => l.ToString()));
        }
        catch (PyError)
        {
            text = Plain(error);
        }
        Write(machine, text);
    }

    private static void Write(Machine machine, string text)
    {
        try
        {
            if (Attributes.TryGet(machine.Sys, "stderr") is { } stderr && stderr != Values.None)
            {
                Calls.CallMethod(stderr, "write", PyStr.FromUtf16(text));
                Calls.CallMethod(stderr, "flush");
                return;
            }
        }
        catch (PyError)
        {
            // The program's own stderr does not work: the process's does.
        }
        Console.Error.Write(text);
    }

    public static string Plain(PyException error)
    {
        var text = new StringBuilder();
        if ((error.Cause ?? error.Context) is { } before && !(error.SuppressContext && error.Cause is null))
            text.Append(Plain(before)).Append(error.Cause is not null ? "\nThe above exception was the direct cause of the following exception:\n\n" : "\nDuring handling of the above exception, another exception occurred:\n\n");
        if (error.Traceback is not null)
            text.AppendLine("Traceback (most recent call last):");
        for (var at = error.Traceback; at is not null; at = at.Next)
            text.AppendLine(System.Globalization.CultureInfo.InvariantCulture, $"  File \"{at.Frame.Code.Filename}\", line {at.Line}, in {at.Frame.Code.Name}");
        var message = error.SafeText();
        text.Append(ObjectType.QualifiedName(error.Type));
        if (message.Length > 0)
            text.Append(": ").Append(message);
        return text.AppendLine().ToString();
    }

    /// <summary>An error where nobody can catch it: in a finalizer or a callback.</summary>
    public static void Unraisable(PyException error, PyObject where)
    {
        var machine = PyThread.Current.Machine;
        try
        {
            var hook = Attributes.Get(machine.Sys, "unraisablehook");
            Calls.Call(hook, Modules.SysModule.MakeNamespace(("exc_type", error.Type), ("exc_value", error), ("exc_traceback", (PyObject?)error.Traceback ?? Values.None), ("err_msg", Values.None), ("object", where)));
        }
        catch (PyError)
        {
            // There is nowhere left to report to.
        }
    }

    public static void PrintUnraisable(Machine machine, PyException error, PyObject where)
    {
        Write(machine, $"Exception ignored in: {Ops.Repr(where)}\n");
        Print(machine, error);
    }
}
