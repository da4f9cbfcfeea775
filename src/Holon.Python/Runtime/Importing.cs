namespace Holon.Python.Runtime;

/// <summary>The import statement: the common case here, the rest in importlib's own Python code.</summary>
internal static class Importing
{
    private static readonly PyStr Initializing = Names.Intern("_initializing");

    public static PyObject? Import(Machine machine, PyObject nameObject, PyObject globals, PyObject? fromList, int level)
    {
        var name = nameObject as PyStr ?? throw Err.Type("module name must be a string");
        if (level < 0)
            throw Err.Value("level must be >= 0");
        var lib = machine.ImportLib ?? throw Err.Of(ExceptionTypes.ImportError, "importlib is not there yet");
        var absolute = name;
        if (level > 0)
        {
            if (globals is not PyDict)
                throw globals == Values.None ? Err.Key(Values.Str("'__name__' not in globals")) : Err.Type("globals must be a dict");
            var package = Calls.CallMethod(lib, "_calc___package__", globals);
            Calls.CallMethod(lib, "_sanity_check", name, package, PyInt.Of(level));
            absolute = (PyStr)Calls.CallMethod(lib, "_resolve_name", name, package, PyInt.Of(level));
        }
        else if (name.Length == 0)
        {
            throw Err.Value("Empty module name");
        }
        var module = machine.Modules.Get(absolute);
        if (module is null || module == Values.None || IsInitializing(module))
        {
            module = Calls.CallMethod(lib, "_find_and_load", absolute, Attributes.Get(machine.Builtins, Names.Import));
            if (!IsInitializing(module))
                LibraryChanges.Apply(absolute, module);
        }
        if (fromList is not null && Ops.IsTrue(fromList))
            return Attributes.TryGet(module, Names.Path) is null ? module : Calls.CallMethod(lib, "_handle_fromlist", module, fromList, Attributes.Get(machine.Builtins, Names.Import));
        if (level > 0 && name.Length == 0)
            return module;
        var dot = name.Value.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0)
            return module;
        if (level == 0)
            return Import(machine, name.Substring(0, dot), Values.None, null, 0);
        var cut = absolute.Length - (name.Length - dot);
        return machine.Modules.Get(absolute.Substring(0, cut)) ?? throw Err.Key(absolute);
    }

    private static bool IsInitializing(PyObject module) =>
        Attributes.TryGet(module, Names.Spec) is { } spec && spec != Values.None && Attributes.TryGet(spec, Initializing) is { } flag && Ops.IsTrue(flag);

    public static PyObject ImportFrom(Machine machine, PyObject module, PyStr name)
    {
        if (Attributes.TryGet(module, name) is { } value)
            return value;
        var moduleName = Attributes.TryGet(module, Names.Name) as PyStr;
        if (moduleName is not null && machine.Modules.Get(moduleName.Plus(new PyStr(".")).Plus(name)) is { } sub)
            return sub;
        var file = Attributes.TryGet(module, Names.File) as PyStr;
        var where = file is null ? "unknown location" : file.ToString();
        var text = Attributes.TryGet(module, Names.Spec) is { } spec && spec != Values.None && Attributes.TryGet(spec, Initializing) is { } flag && Ops.IsTrue(flag)
            ? $"cannot import name {Ops.Repr(name)} from partially initialized module {Ops.Repr(moduleName ?? new PyStr("<unknown module name>"))} (most likely due to a circular import) ({where})"
            : $"cannot import name {Ops.Repr(name)} from {Ops.Repr(moduleName ?? new PyStr("<unknown module name>"))} ({where})";
        var error = Err.Of(ExceptionTypes.ImportError, text);
        error.Value.Fields["name"] = (PyObject?)moduleName ?? Values.None;
        error.Value.Fields["path"] = (PyObject?)file ?? Values.None;
        throw error;
    }

    public static void ImportStar(PyObject module, PyObject locals)
    {
        var all = Attributes.TryGet(module, Names.All);
        var names = all is not null ? Ops.ToArray(all) : Ops.ToArray(Calls.CallMethod(Attributes.Get(module, Names.Dict), "keys"));
        foreach (var each in names)
        {
            if (each is not PyStr name)
                throw Err.Type($"{(all is null ? "Key in" : "Item in")} {Ops.Str(Attributes.Get(module, Names.Name))}.{(all is null ? "__dict__" : "__all__")} must be str, not {each.Type.FullName}");
            if (all is null && name.Value.StartsWith('_'))
                continue;
            Ops.SetItem(locals, name, Attributes.Get(module, name));
        }
    }
}
