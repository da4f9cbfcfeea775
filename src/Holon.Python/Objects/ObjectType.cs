namespace Holon.Python.Objects;

/// <summary><c>object</c>.</summary>
internal static class ObjectType
{
    public static PyType MakeObject() => new("object", null, Define);

    private static void Define(PyType t)
    {
        t.Doc("The base class of the class hierarchy.\n\nWhen called, it accepts no arguments and returns a new featureless\ninstance that has no instance attributes and cannot be given any.\n");
        t.New = New;
        t.Allocate = type => new PyInstance(type);
        t.Init = Init;
        t.Repr = o => Values.Str($"<{QualifiedName(o.Type)} object at {Ops.Address(o)}>");
        t.Str = o => Ops.ReprObject(o);
        t.Hash = o => RuntimeHelpers.GetHashCode(o);
        t.Compare = (a, b, op) =>
        {
            if (op == CompareOp.Eq)
                return ReferenceEquals(a, b) ? Values.True : Values.NotImplemented;
            if (op != CompareOp.Ne)
                return Values.NotImplemented;
            // != is not ==, whoever defines ==.
            var equal = a.Type.Compare!(a, b, CompareOp.Eq);
            return equal == Values.NotImplemented ? equal : Values.Bool(!Ops.IsTrue(equal));
        };
        t.GetAttr = Attributes.GenericGet;
        t.SetAttr = Attributes.GenericSet;
        t.Getter("__class__", o => o.Type, SetClass);
        t.Def1("__format__", (o, spec) => Args.Str(spec, "__format__").Length == 0 ? Ops.Str(o) : throw Err.Type($"unsupported format string passed to {o.Type.FullName}.__format__"));
        t.Def0("__sizeof__", _ => PyInt.Of(16));
        t.Def0("__dir__", Dir);
        t.Def0("__reduce__", o => Reduce(o, 0));
        t.Def1("__reduce_ex__", (o, protocol) =>
        {
            var own = o.Type.Lookup(Names.Reduce);
            if (own is not PyMethodDescriptor { Owner: var owner } || owner != PyType.Object)
                return Calls.Special(o, Names.Reduce);
            return Reduce(o, (int)Args.Long(protocol));
        });
        t.Def0("__getstate__", StateOf);
        t.DefClass("__subclasshook__", "*args", (_, _) => Values.NotImplemented);
        t.DefClass("__init_subclass__", "", (_, _) => Values.None);
    }

    public static string QualifiedName(PyType type)
    {
        var module = type.IsBuiltin ? type.Module : (type.Dict.Get(Names.Module) as PyStr)?.Value ?? "builtins";
        var name = type.QualName?.Value ?? type.Name;
        return module == "builtins" ? name : module + "." + name;
    }

    private static bool Overrides(PyType type, PyStr name) => type.Lookup(name) is var found && found is not (PySlotWrapper or PyBuiltin { NewOf: not null }) || (found is PySlotWrapper w && w.Owner != PyType.Object) || (found is PyBuiltin { NewOf: { } origin } && origin != PyType.Object);

    private static PyObject? New(PyType type, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (args.Length > 0)
        {
            if (Overrides(type, Names.New))
                throw Err.Type("object.__new__() takes exactly one argument (the type to instantiate)");
            if (!Overrides(type, Names.Init))
                throw Err.Type($"{type.Name}() takes no arguments");
        }
        if (type.IsAbstract && type.Dict.Get(Names.Intern("__abstractmethods__")) is { } methods)
        {
            var sorted = Ops.Each(methods).Select(m => m.ToString()).Order(StringComparer.Ordinal).ToArray();
            if (sorted.Length > 0)
                throw Err.Type($"Can't instantiate abstract class {type.Name} with abstract method{(sorted.Length > 1 ? "s" : "")} {string.Join(", ", sorted)}");
        }
        return Make(type);
    }

    public static PyObject Make(PyType type)
    {
        if (type == PyType.Object)
            return new PyInstance(type);
        var instance = new PyInstance(type);
        if (type.HasFinalizer)
            PyThread.Current.Machine.Finalizers.Watch(instance);
        return instance;
    }

    private static void Init(PyObject o, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (args.Length == 0)
            return;
        if (Overrides(o.Type, Names.Init))
            throw Err.Type("object.__init__() takes exactly one argument (the instance to initialize)");
        if (!Overrides(o.Type, Names.New))
            throw Err.Type($"{o.Type.FullName}.__init__() takes exactly one argument (the instance to initialize)");
    }

    private static void SetClass(PyObject o, PyObject? value)
    {
        if (value is not PyType type)
            throw Err.Type(value is null ? "can't delete __class__ attribute" : $"__class__ must be set to a class, not '{value.Type.FullName}' object");
        if (o is PyModule && type.IsSubtypeOf(ModuleType.Type))
        {
            o.Data.ChangeType(type);
            return;
        }
        if (type.IsBuiltin || o.Type.IsBuiltin || !o.HasData)
            throw Err.Type("__class__ assignment only supported for mutable types or ModuleType subclasses");
        if (type.Solid != o.Type.Solid || type.SlotCount != o.Type.SlotCount || type.HasDict != o.Type.HasDict)
            throw Err.Type($"__class__ assignment: '{type.Name}' object layout differs from '{o.Type.FullName}'");
        o.Data.ChangeType(type);
    }

    /// <summary>Gives a type's instances the attribute <c>__dict__</c>.</summary>
    public static void DefineDict(PyType t) => t.Getter("__dict__", DictGetter, SetDict);

    private static readonly Func<PyObject, PyObject?> DictGetter = GetDict;

    /// <summary>The object's attributes are in its data and <c>__dict__</c> is what <c>object</c> makes of it, so that neither has to be asked for it.</summary>
    public static bool HasPlainDict(PyObject o) =>
        o is not (PyType or PyModule) && o.HasData && o.Type.HasDict && o.Type.GetAttr == (GetAttrFn)Attributes.GenericGet && o.Type.Lookup(Names.Dict) is PyGetSet { Getter: var getter } && ReferenceEquals(getter, DictGetter);

    /// <summary>A class that a metaclass inherits, too, may come before <c>type</c>: what it says of its instances is then asked of a class.</summary>
    public static PyObject? GetDict(PyObject o) => o switch
    {
        PyType type => new PyMappingProxy(type.Dict),
        PyModule module => module.Dict,
        _ => o.HasData ? o.Data.ToDict() : null,
    };

    public static void SetDict(PyObject o, PyObject? value)
    {
        if (o is PyType)
            throw Err.Of(ExceptionTypes.AttributeError, "attribute '__dict__' of 'type' objects is not writable");
        if (value is not (null or PyDict))
            throw Err.Type($"__dict__ must be set to a dictionary, not a '{value.Type.FullName}'");
        o.Data.UseDict(value as PyDict ?? new PyDict());
    }

    private static PyObject Dir(PyObject o)
    {
        var names = new PyDict();
        if (Attributes.TryGet(o, Names.Dict) is PyDict own)
            names.Update(own);
        if (Attributes.TryGet(o, Names.Class) is PyType type)
            AddClassNames(type, names);
        return new PyList(names.Items().Select(i => i.Key));
    }

    public static void AddClassNames(PyType type, PyDict names)
    {
        foreach (var each in type.Mro)
        {
            foreach (var (key, _) in each.Dict.Items())
                names.Set(key, Values.None);
        }
    }

    /// <summary>object.__getstate__: the attributes, with <c>__slots__</c> if there are any.</summary>
    public static PyObject StateOf(PyObject o)
    {
        PyObject state = Values.None;
        if (o.HasData && o.Type.HasDict)
        {
            var dict = HasPlainDict(o) ? o.Data.Copy() : (Attributes.TryGet(o, Names.Dict) as PyDict)?.Copy();
            if (dict is { Count: > 0 })
                state = dict;
        }
        var slots = new PyDict();
        foreach (var type in o.Type.Mro)
        {
            foreach (var (name, value) in type.Dict.Items())
            {
                if (value is PyGetSet { Slot: >= 0 } member && o.Data.Values[member.Slot] is { } content)
                    slots.Set(name, content);
            }
        }
        return slots.Count == 0 ? state : new PyTuple(state, slots);
    }

    private static PyObject Reduce(PyObject o, int protocol)
    {
        var copyReg = PyThread.Current.Machine.ImportModule("copyreg");
        if (protocol < 2)
            return Calls.CallMethod(copyReg, "_reduce_ex", o, PyInt.Of(protocol));
        if (!o.HasData && o is not (PyInstance or PyList or PyDict or PyTuple or PyStr or PyInt or PyFloat or PyBytes or PySet) && o.Type.Lookup("__getnewargs__") is null && o.Type.Lookup("__getnewargs_ex__") is null)
            throw Err.Type($"cannot pickle '{o.Type.FullName}' object");
        PyObject function;
        PyTuple arguments;
        if (Calls.Special(o, Names.Intern("__getnewargs_ex__")) is { } extended)
        {
            if (extended is not PyTuple { Count: 2 } both || both[0] is not PyTuple positional || both[1] is not PyDict keywords)
                throw Err.Type("__getnewargs_ex__ should return a tuple of length 2");
            function = keywords.Count == 0 ? Attributes.Get(copyReg, "__newobj__") : Attributes.Get(copyReg, "__newobj_ex__");
            arguments = keywords.Count == 0 ? new PyTuple([o.Type, .. positional.Items]) : new PyTuple(o.Type, positional, keywords);
        }
        else
        {
            var plain = Calls.Special(o, Names.Intern("__getnewargs__"));
            if (plain is not (null or PyTuple))
                throw Err.Type($"__getnewargs__ should return a tuple, not '{plain.Type.FullName}'");
            function = Attributes.Get(copyReg, "__newobj__");
            arguments = new PyTuple([o.Type, .. (plain as PyTuple)?.Items ?? []]);
        }
        var state = Calls.CallMethod(o, "__getstate__");
        PyObject items = o is PyList ? Ops.Iter(o) : Values.None;
        PyObject pairs = o is PyDict ? Ops.Iter(Calls.CallMethod(o, "items")) : Values.None;
        return new PyTuple(function, arguments, state, items, pairs);
    }
}
