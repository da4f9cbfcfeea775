namespace Holon.Python;

/// <summary>What the command line can have a machine run.</summary>
public sealed class PythonProgram
{
    private readonly Runtime.Machine machine;

    internal PythonProgram(Runtime.Machine machine) => this.machine = machine;

    private PyDict MainDict => ((PyModule)machine.Modules.Get("__main__")!).Dict;

    /// <summary>Runs source text or, if it begins with the magic number of compiled modules, a .pyc.</summary>
    public bool Run(byte[] content, string filename)
    {
        ArgumentNullException.ThrowIfNull(content);
        PyObject code;
        if (content.Length > 16 && content[0] == 0xa7 && content[1] == 0x0d && content[2] == 13 && content[3] == 10)
            code = MarshalReader.Load(content, 16);
        else
            code = Execution.Compile(new PyBytes(content), filename, "exec");
        if (filename is not ("<string>" or "<stdin>"))
            MainDict.Set(Names.File, PyStr.FromUtf16(filename));
        return Finish(code);
    }

    private bool Finish(PyObject code)
    {
        if (code is not PyCode c)
            throw Err.Runtime("Bad code object in .pyc file");
        _ = EvaluationLoop.RunCode(c, MainDict, MainDict) ?? throw machine.MainThread.TakeError();
        return true;
    }

    /// <summary>Shows what has become of a function of the program: bytecode, inline caches, CIL.</summary>
    /// <param name="function"><c>name</c>, <c>Class.name</c>, or <c>module.name</c>.</param>
    /// <param name="to">Where it is written.</param>
    public void WriteLive(string function, TextWriter to)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(to);
        Diagnostics.LiveListing.Write(machine, function, to);
    }

    /// <summary>Runs a module as <c>-m</c> does.</summary>
    /// <param name="name">The module.</param>
    /// <param name="changesArguments">Whether <c>sys.argv[0]</c> becomes the module's file.</param>
    public bool RunModule(string name, bool changesArguments = true)
    {
        var runpy = machine.ImportModule("runpy");
        Calls.CallMethod(runpy, "_run_module_as_main", PyStr.FromUtf16(name), Values.Bool(changesArguments));
        return true;
    }

    /// <summary>Reads, runs and prints until the input ends.</summary>
    public bool Interact(bool banner)
    {
        machine.IsConsole = true;
        new Terminal.InteractiveConsole(machine, MainDict).Run(banner);
        return true;
    }
}
