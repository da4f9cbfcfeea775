using Holon.Machines;
using Holon.Python.Modules;

namespace Holon.Python;

/// <summary>
/// A Python 3.11 machine: its own modules, objects, limits and threads. Several live in one process without seeing each other.
/// </summary>
public sealed class PythonMachine : IDisposable
{
    private readonly Runtime.Machine machine;

    private PythonMachine(PythonMachineOptions options) => machine = new Machine(options);

    /// <summary>A machine, ready to import and run.</summary>
    public static PythonMachine Create(PythonMachineOptions? options = null)
    {
        var made = new PythonMachine(options ?? new PythonMachineOptions());
        made.Enter(() =>
        {
            made.Start();
            return 0;
        });
        return made;
    }

    internal Runtime.Machine Machine => machine;

    /// <summary>Runs source as the module <c>__main__</c>. An exception that leaves it is a <see cref="PythonException"/>.</summary>
    public void Execute(string source, string filename = "<string>") => Enter(() =>
    {
        var code = (PyCode)Execution.Compile(PyStr.FromUtf16(source), filename, "exec");
        return EvaluationLoop.RunCode(code, MainDict, MainDict) ?? throw machine.MainThread.TakeError();
    });

    /// <summary>Runs a code object in marshal format as the module <c>__main__</c>.</summary>
    public void ExecuteCode(byte[] marshalled) => Enter(() =>
    {
        var code = MarshalReader.Load(marshalled) as PyCode ?? throw Err.Value("the marshalled object is no code object");
        return EvaluationLoop.RunCode(code, MainDict, MainDict) ?? throw machine.MainThread.TakeError();
    });

    /// <summary>Runs a program as the command line does, prints what it does not catch, and gives its exit code.</summary>
    public int RunMain(Func<PythonProgram, bool> program)
    {
        ArgumentNullException.ThrowIfNull(program);
        using var attached = PyThread.Attach(machine.MainThread);
        machine.Gil.Acquire();
        try
        {
            return Program.Exit(machine, () => program(new PythonProgram(machine)));
        }
        finally
        {
            machine.Gil.Release();
        }
    }

    internal PyDict MainDict => ((PyModule)machine.Modules.Get("__main__")!).Dict;

    internal T Enter<T>(Func<T> action)
    {
        using var attached = PyThread.Attach(machine.MainThread);
        machine.Gil.Acquire();
        try
        {
            return action();
        }
        catch (PyError error)
        {
            throw new PythonException(error.Value.Type.Name, error.Value.SafeText(), ErrorPrinter.Plain(error.Value));
        }
        finally
        {
            machine.Gil.Release();
        }
    }

    private void Start()
    {
        machine.Builtins = BuiltinModules.Create(machine, "builtins", BuiltinsModule.Fill);
        machine.Sys = BuiltinModules.Create(machine, "sys", SysModule.Fill);
        machine.Modules.Set("builtins", machine.Builtins);
        machine.Modules.Set("sys", machine.Sys);
        var home = machine.Options.Home;
        if (!Directory.Exists(home + "/importlib"))
            throw new HolonException($"The Python standard library is not in {home}; install it with: sudo apt-get install libpython3.11-stdlib, or name another folder with --python-home.");
        // What CPython freezes: importlib's own Python code.
        var bootstrap = Frozen("_frozen_importlib", home + "/importlib/_bootstrap.py");
        machine.ImportLib = bootstrap;
        var imp = BuiltinModules.Create(machine, "_imp", ImpModule.Fill);
        machine.Modules.Set("_imp", imp);
        Calls.CallMethod(bootstrap, "_install", machine.Sys, imp);
        var external = Frozen("_frozen_importlib_external", home + "/importlib/_bootstrap_external.py");
        bootstrap.Dict.Set("_bootstrap_external", external);
        Calls.CallMethod(external, "_install", bootstrap);
        var main = new PyModule(ModuleType.Type, new PyDict());
        main.Dict.Set(Names.Name, new PyStr("__main__"));
        main.Dict.Set(Names.Builtins, machine.Builtins);
        foreach (var name in new[] { Names.Doc, Names.Package, Names.Loader, Names.Spec })
            main.Dict.Set(name, Values.None);
        machine.Modules.Set("__main__", main);
        machine.ImportModule("encodings");
        ((PyList)machine.Sys.Dict.Get("path_hooks")!).Insert(0, Attributes.Get(machine.ImportModule("zipimport"), "zipimporter"));
        // What was looked for before the hook was there is looked for again.
        ((PyDict)machine.Sys.Dict.Get("path_importer_cache")!).Clear();
        StandardStreams.Open(machine);
        machine.IsStarted = true;
        machine.ImportModule("_signal");
        if (!machine.Options.NoSite)
            machine.ImportModule("site");
        // In front of all, and after site, which makes what it finds absolute.
        var path = (PyList)machine.Sys.Dict.Get("path")!;
        path.ReplaceRange(0, 0, [.. machine.Options.Path.Select(PyStr.FromUtf16)]);
    }

    private PyModule Frozen(string name, string file)
    {
        var module = new PyModule(ModuleType.Type, new PyDict());
        module.Dict.Set(Names.Name, machine.Intern(name));
        module.Dict.Set(Names.Builtins, machine.Builtins);
        foreach (var each in new[] { Names.Doc, Names.Package, Names.Loader, Names.Spec })
            module.Dict.Set(each, Values.None);
        machine.Modules.Set(name, module);
        var code = FrozenCode.Load(machine, file, name);
        _ = EvaluationLoop.RunCode(code, module.Dict, module.Dict) ?? throw machine.MainThread.TakeError();
        return module;
    }

    /// <inheritdoc/>
    public void Dispose() => machine.Signals.Dispose();
}

/// <summary>A Python exception that nothing in the program has caught.</summary>
public sealed class PythonException : Exception
{
    /// <summary>An exception without details.</summary>
    public PythonException()
    {
    }

    /// <summary>An exception with its text.</summary>
    public PythonException(string message)
        : base(message)
    {
    }

    /// <summary>An exception with its text and cause.</summary>
    public PythonException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>A Python exception of a class, with its text and its traceback as Python prints it.</summary>
    public PythonException(string pythonType, string text, string traceback)
        : base($"{pythonType}: {text}")
    {
        PythonType = pythonType;
        Traceback = traceback;
    }

    /// <summary>The exception's class.</summary>
    public string PythonType { get; } = "Exception";

    /// <summary>The traceback as Python prints it.</summary>
    public string Traceback { get; } = "";
}
