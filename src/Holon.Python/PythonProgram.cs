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

    /// <summary>Runs a module as <c>-m</c> does.</summary>
    public bool RunModule(string name)
    {
        var runpy = machine.ImportModule("runpy");
        Calls.CallMethod(runpy, "_run_module_as_main", PyStr.FromUtf16(name));
        return true;
    }

    /// <summary>Reads, runs and prints until the input ends: the standard library's own console.</summary>
    public bool Interact(bool banner)
    {
        var code = machine.ImportModule("code");
        var names = new PyTuple(new PyStr("banner"), new PyStr("exitmsg"), new PyStr("local"));
        Calls.CallNamed(Attributes.Get(code, "interact"), [banner ? Values.None : PyStr.Empty, PyStr.Empty, MainDict], names);
        return true;
    }
}
