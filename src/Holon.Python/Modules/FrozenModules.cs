namespace Holon.Python.Modules;

/// <summary>
/// The modules that CPython keeps frozen in itself so that freezing can be tried out. The rest of what it freezes (os, site, …) is taken from the library's files here.
/// </summary>
internal static class FrozenModules
{
    /// <summary>A module: the file of the library that it is made of (none is an empty one), its name before it got another, and whether it is a package.</summary>
    private readonly record struct Frozen(string? Source, string Origin, bool IsPackage);

    private static readonly Dictionary<string, Frozen> Table = new(StringComparer.Ordinal)
    {
        ["__hello__"] = new("__hello__.py", "__hello__", false),
        ["__hello_alias__"] = new("__hello__.py", "__hello__", false),
        ["__phello_alias__"] = new("__hello__.py", "__hello__", true),
        ["__phello_alias__.spam"] = new("__hello__.py", "__hello__", false),
        ["__phello__"] = new("__phello__/__init__.py", "__phello__", true),
        ["__phello__.__init__"] = new("__phello__/__init__.py", "<__phello__", false),
        ["__phello__.ham"] = new(null, "__phello__.ham", true),
        ["__phello__.ham.__init__"] = new(null, "<__phello__.ham", false),
        ["__phello__.ham.eggs"] = new(null, "__phello__.ham.eggs", false),
        ["__phello__.spam"] = new("__phello__/spam.py", "__phello__.spam", false),
    };

    public static void Fill(ModuleBuilder m)
    {
        var machine = m.Machine;
        var off = false;
        Frozen? Find(PyObject name) => !off && Table.TryGetValue(Args.Str(name, "find_frozen").Value, out var found) ? found : null;
        Frozen Get(PyObject name)
        {
            if (Find(name) is { } found)
                return found;
            var missing = Err.Of(ExceptionTypes.ImportError, $"No such frozen object named {Ops.Repr(name)}");
            missing.Value.Fields["name"] = name;
            throw missing;
        }
        m.Def1("is_frozen", name => Values.Bool(Find(name) is not null));
        m.Def1("is_frozen_package", name => Values.Bool(Get(name).IsPackage));
        m.Def("find_frozen", "name, /, *, withdata=False", a => Find(a[0]!) is { } found
            ? new PyTuple(Ops.IsTrue(a[1]!) ? MemoryViewType.Of(new PyBytes(MarshalWriter.Dump(Code(found, a[0]!.ToString()!)))) : Values.None, Values.Bool(found.IsPackage), new PyStr(found.Origin)) : Values.None);
        m.Def("get_frozen_object", "name, data=None, /", a =>
        {
            if (a[1] != Values.None)
                return MarshalReader.Load(Buffers.Bytes(a[1]), 0) as PyCode ?? throw Err.Type($"frozen object {Ops.Repr(a[0]!)} is not a code object");
            return Code(Get(a[0]!), a[0]!.ToString()!);
        });
        m.Def1("init_frozen", _ => Values.None);
        m.Def1("_override_frozen_modules_for_tests", choice =>
        {
            off = Args.Int(choice) < 0;
            return Values.None;
        });
        m.Def0("_frozen_module_names", () => new PyList(Table.Keys.Select(n => (PyObject)new PyStr(n))));

        PyCode Code(Frozen frozen, string name) => frozen.Source is { } source ? FrozenCode.Load(machine, Path.Combine(machine.Options.Home, source), name)
            : (PyCode)Execution.Compile(PyStr.Empty, $"<frozen {name}>", "exec");
    }
}
