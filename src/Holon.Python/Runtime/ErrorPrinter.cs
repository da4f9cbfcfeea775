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
        Write(machine, machine.Options.Colours ? Coloured(text) : text);
    }

    /// <summary>By the program's <c>sys.excepthook</c>.</summary>
    public static void Hooked(Machine machine, PyException error)
    {
        try
        {
            if (Attributes.TryGet(machine.Sys, "excepthook") is { } hook)
                Calls.Call(hook, error.Type, error, (PyObject?)error.Traceback ?? Values.None);
            else
                Print(machine, error);
        }
        catch (PyError second)
        {
            Console.Error.Write("Error in sys.excepthook:\n" + Plain(second.Value) + "\nOriginal exception was:\n" + Plain(error));
        }
    }

    private const string Bold = "\x1b[1;31m", Dim = "\x1b[35m", Mark = "\x1b[31m", Normal = "\x1b[0m";

    /// <summary>Places of frames in one colour, carets in another, the exception in bold.</summary>
    private static string Coloured(string text)
    {
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i];
            if (line.StartsWith("  File \"", StringComparison.Ordinal))
                lines[i] = Dim + line + Normal;
            else if (line.Length > 0 && line.Trim() is { Length: > 0 } marks && marks.All(c => c is '^' or '~'))
                lines[i] = Mark + line + Normal;
            else if (line.Length > 0 && line[0] != ' ' && !line.StartsWith("Traceback", StringComparison.Ordinal) && !line.EndsWith("exception:", StringComparison.Ordinal) && !line.EndsWith("occurred:", StringComparison.Ordinal))
                lines[i] = line.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon ? Bold + line[..colon] + Normal + line[colon..] : Bold + line + Normal;
        }
        return string.Join('\n', lines);
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
