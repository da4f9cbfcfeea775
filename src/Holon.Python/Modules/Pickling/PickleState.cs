namespace Holon.Python.Modules.Pickling;

/// <summary>What pickling shares in one machine: its errors, and the tables of copyreg and _compat_pickle.</summary>
internal sealed class PickleState
{
    private PyDict? dispatchTable;

    public PickleState()
    {
        PickleError = Make("PickleError", ExceptionTypes.Exception);
        PicklingError = Make("PicklingError", PickleError);
        UnpicklingError = Make("UnpicklingError", PickleError);
    }

    public static PickleState Current => PyThread.Current.Machine.State<PickleState>("_pickle");

    public PyType PickleError { get; }

    public PyType PicklingError { get; }

    public PyType UnpicklingError { get; }

    public PyDict DispatchTable
    {
        get
        {
            Load();
            return dispatchTable!;
        }
    }

    public PyDict ExtensionRegistry { get; private set; } = null!;

    public PyDict InvertedRegistry { get; private set; } = null!;

    public PyDict ExtensionCache { get; private set; } = null!;

    public PyDict NamesFrom2 { get; private set; } = null!;

    public PyDict ModulesFrom2 { get; private set; } = null!;

    public PyDict NamesTo2 { get; private set; } = null!;

    public PyDict ModulesTo2 { get; private set; } = null!;

    private static PyType Make(string name, PyType parent)
    {
        var dict = new PyDict();
        dict.Set("__module__", new PyStr("_pickle"));
        return ClassBuilder.Build(PyType.TypeType, new PyStr(name), new PyTuple(parent), dict, [], null);
    }

    /// <summary>Fetches the tables; CPython does it when the module is imported, too.</summary>
    public void Load()
    {
        if (dispatchTable is not null)
            return;
        var machine = PyThread.Current.Machine;
        var copyReg = machine.ImportModule("copyreg");
        ExtensionRegistry = Table(copyReg, "_extension_registry");
        InvertedRegistry = Table(copyReg, "_inverted_registry");
        ExtensionCache = Table(copyReg, "_extension_cache");
        var compat = machine.ImportModule("_compat_pickle");
        NamesFrom2 = Table(compat, "NAME_MAPPING");
        ModulesFrom2 = Table(compat, "IMPORT_MAPPING");
        NamesTo2 = Table(compat, "REVERSE_NAME_MAPPING");
        ModulesTo2 = Table(compat, "REVERSE_IMPORT_MAPPING");
        dispatchTable = Table(copyReg, "dispatch_table");
    }

    private static PyDict Table(PyObject module, string name)
    {
        var value = Attributes.Get(module, name);
        return value as PyDict ?? throw Err.Runtime($"{(module as PyModule)?.Dict.Get(Names.Name)}.{name} should be a dict, not {value.Type.Name}");
    }

    public PyError Pickling(string message) => Err.Of(PicklingError, PyStr.FromUtf16(message));

    public PyError Unpickling(string message) => Err.Of(UnpicklingError, PyStr.FromUtf16(message));

    // ---- Names ----

    /// <summary>The parts of a dotted name; local ones cannot be found again.</summary>
    public static PyStr[] Parts(PyStr name, PyObject? on)
    {
        if (!name.Value.Contains('.', StringComparison.Ordinal))
            return Check(name) ? [name] : throw Local();
        var parts = Array.ConvertAll(name.Value.Split('.'), PyStr.FromUtf16);
        return Array.TrueForAll(parts, Check) ? parts : throw Local();

        static bool Check(PyStr part) => part.Value != "<locals>";

        PyError Local() => Err.Of(ExceptionTypes.AttributeError, PyStr.FromUtf16(on is null ? $"Can't pickle local object {Ops.Repr(name)}" : $"Can't get local attribute {Ops.Repr(name)} on {Ops.Repr(on)}"));
    }

    /// <summary>What a dotted name stands for, and in what its last part is; null if there is no such thing.</summary>
    public static PyObject? Find(PyObject from, PyStr[] parts, out PyObject parent)
    {
        parent = from;
        PyObject? at = from;
        foreach (var part in parts)
        {
            parent = at;
            at = Attributes.TryGet(at, part);
            if (at is null)
                return null;
        }
        return at;
    }

    /// <summary>A module by its full name, imported if need be.</summary>
    public static PyObject Module(PyStr name)
    {
        var machine = PyThread.Current.Machine;
        Importing.Import(machine, name, Values.None, null, 0);
        return machine.Modules.Get(name) ?? throw Err.Key(name);
    }
}
