using System.Collections.Concurrent;

namespace Holon.Python.Runtime;

/// <summary>The state of one Python machine. Nothing that a program can change is static: machines do not see each other.</summary>
internal sealed class Machine
{
    private const int UsualHeat = 2000;

    private readonly Dictionary<string, PyStr> interned = [];
    private readonly Dictionary<PyType, List<WeakReference<PyType>>> builtinChildren = [];
    private readonly ConcurrentQueue<Action> pending = new();

    public Machine(PythonMachineOptions options)
    {
        Options = options;
        RecursionLimit = options.RecursionLimit;
        var asked = options.CompileAfter;
        if (options.XOptions.FirstOrDefault(x => x.StartsWith("tier1=", StringComparison.Ordinal)) is { } tier)
            asked = int.TryParse(tier.AsSpan(6), System.Globalization.CultureInfo.InvariantCulture, out var after) && after >= 0 ? after : throw new Holon.Machines.HolonException($"-X {tier}: tier1 takes a number of turns, 0 for never.");
        CompileAfter = asked switch { null => UsualHeat, 0 => int.MaxValue, _ => asked.Value };
        CompileBudget = new Tier1.CompileBudget(asked is not null);
        Limits = new Limits(options);
        Gate = new Gate(options);
        MainThread = new PyThread(this);
        Finalizers = new Finalizers(this);
        Signals = new Signals(this);
    }

    public PythonMachineOptions Options { get; }

    public Limits Limits { get; }

    /// <summary>What the program may do outside the machine.</summary>
    public Gate Gate { get; }

    public Gil Gil { get; } = new();

    public PyThread MainThread { get; }

    public Finalizers Finalizers { get; }

    public Signals Signals { get; }

    public int RecursionLimit { get; set; }

    /// <summary>How hot code must be to be compiled.</summary>
    public int CompileAfter { get; }

    public Tier1.CompileBudget CompileBudget { get; }

    public int MaxIntDigits { get; set; } = 4300;

    public bool IsStarted { get; set; }

    /// <summary>The program is the console: <c>-i</c> asks for no other after it.</summary>
    public bool IsConsole { get; set; }

    public PyDict Modules { get; set; } = new();

    public PyModule Builtins { get; set; } = null!;

    public PyModule Sys { get; set; } = null!;

    /// <summary>importlib._bootstrap.</summary>
    public PyObject? ImportLib { get; set; }

    /// <summary>State that a module keeps beside its dict.</summary>
    public ConcurrentDictionary<string, object> ModuleState { get; } = new();

    public T State<T>(string name)
        where T : class, new() =>
        (T)ModuleState.GetOrAdd(name, static _ => new T());

    public PyStr Intern(string name)
    {
        if (Names.Find(name) is { } known)
            return known;
        lock (interned)
        {
            if (!interned.TryGetValue(name, out var text))
                interned.Add(name, text = PyStr.FromUtf16(name));
            return text;
        }
    }

    public PyStr Intern(PyStr text)
    {
        if (text.IsWide || text.GetType() != typeof(PyStr))
            return text;
        if (Names.Find(text.Value) is { } known)
            return known;
        lock (interned)
        {
            return interned.TryGetValue(text.Value, out var same) ? same : interned[text.Value] = text;
        }
    }

    public Identities Identities { get; } = new();

    public void AddBuiltinChild(PyType parent, PyType child)
    {
        if (!builtinChildren.TryGetValue(parent, out var list))
            builtinChildren.Add(parent, list = []);
        if (list.Count > 64 && list.Count % 64 == 0)
            list.RemoveAll(c => !c.TryGetTarget(out _));
        list.Add(new WeakReference<PyType>(child));
    }

    public void RemoveBuiltinChild(PyType parent, PyType child) =>
        builtinChildren.GetValueOrDefault(parent)?.RemoveAll(c => !c.TryGetTarget(out var t) || t == child);

    public List<WeakReference<PyType>> BuiltinChildren(PyType parent)
    {
        var result = new List<WeakReference<PyType>>();
        foreach (var type in Holon.Python.Modules.BuiltinModules.AllTypes)
        {
            if (type.Base == parent)
                result.Add(new WeakReference<PyType>(type));
        }
        result.AddRange(builtinChildren.GetValueOrDefault(parent) ?? []);
        return result;
    }

    /// <summary>The built-in names that code with these globals sees.</summary>
    public PyDict BuiltinsOf(PyDict globals) => globals.Get(Names.Builtins) switch
    {
        PyModule module => module.Dict,
        PyDict dict => dict,
        _ => Builtins.Dict,
    };

    public PyObject ImportModule(string name)
    {
        if (Modules.Get(name) is { } present && !name.Contains('.', StringComparison.Ordinal))
            return present;
        Calls.Call(Attributes.Get(Builtins, Names.Import), new PyStr(name));
        return Modules.Get(name) ?? throw Err.Of(ExceptionTypes.ImportError, $"module '{name}' not found after import");
    }

    /// <summary>How many things have been done between two instructions.</summary>
    public long ActionsRun { get; private set; }

    /// <summary>Has something done on the main thread between two instructions.</summary>
    public void Post(Action action) => pending.Enqueue(action);

    public void RunPending(PyThread thread)
    {
        if (thread != MainThread)
            return;
        while (pending.TryDequeue(out var action))
        {
            ActionsRun++;
            action();
        }
    }
}
