namespace Holon.Python.Terminal;

/// <summary>The read-eval-print loop.</summary>
internal sealed class InteractiveConsole(Machine machine, PyDict main)
{
    /// <summary>PyCF_DONT_IMPLY_DEDENT and PyCF_ALLOW_INCOMPLETE_INPUT.</summary>
    private const int InteractiveFlags = 0x200 | 0x4000;

    private int flags = InteractiveFlags;

    public void Run(bool banner)
    {
        Prepare("ps1", ">>> ");
        Prepare("ps2", "... ");
        if (banner)
            Error($"Python {Ops.Str(Attributes.Get(machine.Sys, "version"))} on linux\nType \"help\", \"copyright\", \"credits\" or \"license\" for more information.\n");
        Guarded(RunStartup);
        Guarded(() =>
        {
            if (Attributes.TryGet(machine.Sys, "__interactivehook__") is { } hook && !machine.Options.Isolated)
                Calls.Call(hook);
        });
        var lines = new List<string>();
        while (true)
        {
            string? line = null;
            if (!Guarded(() => line = Read(Prompt(lines.Count == 0 ? "ps1" : "ps2")), atPrompt: true))
            {
                lines.Clear();
                continue;
            }
            if (line is null)
            {
                if (lines.Count > 0)
                    Guarded(() => Execute(string.Join('\n', lines) + "\n", true));
                return;
            }
            lines.Add(line);
            var complete = true;
            Guarded(() => complete = Execute(string.Join('\n', lines) + "\n", lines.Count > 1 && line.Length == 0));
            if (complete)
                lines.Clear();
        }
    }

    private void Prepare(string name, string prompt)
    {
        if (Attributes.TryGet(machine.Sys, name) is null)
            Attributes.Set(machine.Sys, name, new PyStr(prompt));
    }

    private string Prompt(string name) => Attributes.TryGet(machine.Sys, name) is { } prompt ? Ops.Str(prompt).ToString() : "";

    /// <summary>As input() reads, so that a program's own sys.stdin is respected.</summary>
    private string? Read(string prompt)
    {
        var input = Attributes.Get(machine.Builtins, "input");
        try
        {
            return Ops.Str(Calls.Call(input, PyStr.FromUtf16(prompt))).ToString();
        }
        catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.EOFError))
        {
            if (Console.IsInputRedirected)
                Error("\n");
            return null;
        }
    }

    private void RunStartup()
    {
        if (machine.Options.Startup is not { } file)
            return;
        if (!File.Exists(file))
        {
            Error($"Could not open PYTHONSTARTUP\nFileNotFoundError: [Errno 2] No such file or directory: {Ops.Repr(PyStr.FromUtf16(file))}\n");
            return;
        }
        var code = (PyCode)Execution.Compile(new PyBytes(File.ReadAllBytes(file)), file, "exec");
        _ = EvaluationLoop.RunCode(code, main, main) ?? throw machine.MainThread.TakeError();
    }

    /// <summary>Compiles and runs one statement. False when more lines are needed.</summary>
    private bool Execute(string source, bool ended)
    {
        if (string.IsNullOrWhiteSpace(source))
            return true;
        PyCode code;
        try
        {
            code = (PyCode)Execution.Compile(PyStr.FromUtf16(source), "<stdin>", "single", ended ? flags & ~InteractiveFlags : flags);
        }
        catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.SyntaxError) && IsIncomplete(error.Value))
        {
            return false;
        }
        if (!ended && IsCompound(source))
            return false;
        const int futures = 0x1fe0000;
        flags |= (int)code.Flags & futures;
        _ = EvaluationLoop.RunCode(code, main, main) ?? throw machine.MainThread.TakeError();
        return true;
    }

    private static bool IsIncomplete(PyException error) => error.Field("msg") is PyStr { Value: "incomplete input" };

    /// <summary>A compound statement, be it on one line, ends with an empty line only.</summary>
    private bool IsCompound(string source)
    {
        const int onlyTree = 0x400;
        var tree = Execution.Compile(PyStr.FromUtf16(source), "<stdin>", "single", flags | onlyTree);
        return Attributes.Get(tree, "body") is PyList { Count: > 0 } body
            && body[0].Type.Name is "If" or "While" or "For" or "AsyncFor" or "Try" or "TryStar" or "With" or "AsyncWith" or "FunctionDef" or "AsyncFunctionDef" or "ClassDef" or "Match";
    }

    /// <summary>Runs; prints what it raises. False when it raised.</summary>
    private bool Guarded(Action action, bool atPrompt = false)
    {
        try
        {
            action();
            return true;
        }
        catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.SystemExit) || error.Value is PyKillException)
        {
            throw;
        }
        catch (PyError error)
        {
            if (atPrompt && error.Value.Type.IsSubtypeOf(ExceptionTypes.KeyboardInterrupt))
            {
                Error("\nKeyboardInterrupt\n");
                return false;
            }
            Attributes.Set(machine.Sys, "last_type", error.Value.Type);
            Attributes.Set(machine.Sys, "last_value", error.Value);
            Attributes.Set(machine.Sys, "last_traceback", (PyObject?)error.Value.Traceback ?? Values.None);
            ErrorPrinter.Hooked(machine, error.Value);
            return false;
        }
    }

    private void Error(string text)
    {
        var stderr = Attributes.Get(machine.Sys, "stderr");
        Calls.CallMethod(stderr, "write", PyStr.FromUtf16(text));
        Calls.CallMethod(stderr, "flush");
    }
}
