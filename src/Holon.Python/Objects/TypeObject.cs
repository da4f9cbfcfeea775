namespace Holon.Python.Objects;

/// <summary><c>type</c>: calling a class, and making one.</summary>
internal static class TypeObject
{
    public static PyType MakeType() => new("type", PyType.Object, Define);

    private static void Define(PyType t)
    {
        t.New = New;
        t.Init = (_, args, _) =>
        {
            if (args.Length is not (1 or 3) && args.Length < 3)
                throw Err.Type("type.__init__() takes 1 or 3 arguments");
        };
        t.Repr = o => o is PyType type ? Values.Str($"<class '{ObjectType.QualifiedName(type)}'>") : Values.None;
        t.GetAttr = Attributes.TypeGet;
        t.SetAttr = Attributes.TypeSet;
        t.Dict.Set(Names.Call, new PySlotWrapper(t, "__call__", (self, args, names) => CallType((PyType)self, args, names)));
        t.Numbers[(int)NumberOp.Or] = (a, b) => PyUnion.Of(a, b);
        t.Getter("__name__", o => Values.Str(((PyType)o).Name), (o, v) =>
        {
            var type = Mutable(o, "__name__");
            type.Name = (v as PyStr ?? throw Err.Type($"can only assign string to {type.Name}.__name__, not '{Args.TypeName(v)}'")).Value;
        });
        t.Getter("__qualname__", o => ((PyType)o).QualName ?? Values.Str(((PyType)o).Name), (o, v) =>
        {
            var type = Mutable(o, "__qualname__");
            type.QualName = v as PyStr ?? throw Err.Type($"can only assign string to {type.Name}.__qualname__, not '{Args.TypeName(v)}'");
        });
        t.Getter("__module__", o => ((PyType)o).IsBuiltin ? Values.Str(((PyType)o).Module) : ((PyType)o).Dict.Get(Names.Module) ?? Values.Str("builtins"), (o, v) =>
        {
            Mutable(o, "__module__").Dict.Set(Names.Module, v!);
            ((PyType)o).Modified();
        });
        t.Getter("__bases__", o => new PyTuple([.. ((PyType)o).Bases]), (o, v) => ClassBuilder.SetBases(Mutable(o, "__bases__"), v as PyTuple ?? throw Err.Type($"can only assign tuple to {((PyType)o).Name}.__bases__, not {Args.TypeName(v)}")));
        t.Getter("__base__", o => (PyObject?)((PyType)o).Base ?? Values.None);
        t.Getter("__mro__", o => new PyTuple([.. ((PyType)o).Mro]));
        t.Getter("__dict__", o => new PyMappingProxy(((PyType)o).Dict));
        t.Getter("__doc__", o =>
        {
            var doc = ((PyType)o).Dict.Get(Names.Doc);
            return doc is null ? Values.None : doc.Type.DescrGet is { } get ? get(doc, null, (PyType)o) : doc;
        }, (o, v) =>
        {
            Mutable(o, "__doc__").Dict.Set(Names.Doc, v!);
            ((PyType)o).Modified();
        });
        t.Getter("__annotations__", o =>
        {
            var type = (PyType)o;
            if (type.IsBuiltin)
                return null;
            if (type.Dict.Get(Names.Annotations) is not { } present)
                type.Dict.Set(Names.Annotations, present = new PyDict());
            return present.Type.DescrGet is { } get ? get(present, null, type) : present;
        }, (o, v) =>
        {
            var type = Mutable(o, "__annotations__");
            if (v is not null)
                type.Dict.Set(Names.Annotations, v);
            else if (type.Dict.Remove(Names.Annotations) is null)
                throw Err.Of(ExceptionTypes.AttributeError, "__annotations__");
            type.Modified();
        });
        t.Getter("__abstractmethods__", o => ((PyType)o).Dict.Get(Names.Intern("__abstractmethods__")) ?? throw Err.Of(ExceptionTypes.AttributeError, "__abstractmethods__"), (o, v) =>
        {
            var type = Mutable(o, "__abstractmethods__");
            if (v is null)
                type.Dict.Remove(Names.Intern("__abstractmethods__"));
            else
                type.Dict.Set(Names.Intern("__abstractmethods__"), v);
            type.IsAbstract = v is not null && Ops.IsTrue(v);
            type.Modified();
        });
        t.Getter("__text_signature__", _ => Values.None);
        t.Getter("__flags__", o => PyInt.Of(Flags((PyType)o)));
        t.Getter("__basicsize__", _ => PyInt.Of(16));
        t.Getter("__itemsize__", _ => PyInt.Of(0));
        t.Getter("__dictoffset__", o => PyInt.Of(((PyType)o).HasDict ? 16 : 0));
        t.Getter("__weakrefoffset__", o => PyInt.Of(((PyType)o).HasWeakRefs ? 8 : 0));
        t.Def0("mro", o => new PyList([.. ClassBuilder.Linearise((PyType)o)]));
        t.Def0("__subclasses__", o => new PyList([.. ((PyType)o).Subclasses()]));
        t.Def1("__instancecheck__", (o, instance) => Values.Bool(Ops.IsInstanceOf(instance, o)));
        t.Def1("__subclasscheck__", (o, derived) => Values.Bool(Ops.IsSubclassOf(derived, o)));
        t.Def0("__dir__", o =>
        {
            var names = new PyDict();
            ObjectType.AddClassNames((PyType)o, names);
            return new PyList(names.Items().Select(i => i.Key));
        });
        t.DefClass("__prepare__", "*args, **kwargs", (_, _) => new PyDict());
    }

    private static PyType Mutable(PyObject o, string name) =>
        o is PyType { IsBuiltin: true } type ? throw Err.Type($"cannot set '{name}' attribute of immutable type '{type.Name}'") : (PyType)o;

    private static long Flags(PyType type)
    {
        const long heap = 1 << 9, baseType = 1 << 10, ready = 1 << 12, isAbstract = 1 << 20;
        return ready | (type.IsBuiltin ? 0 : heap) | (type.IsFinal ? 0 : baseType) | (type.IsAbstract ? isAbstract : 0)
            | (type.IsSequence ? 1L << 5 : 0) | (type.IsMapping ? 1L << 6 : 0) | (type.IsBuiltin ? 1L << 8 : 0);
    }

    /// <summary>The <c>__new__</c> in a built-in type's dict.</summary>
    public static PyBuiltin NewWrapper(PyType type) => new(new NativeCode
    {
        Name = "__new__",
        Raw = (_, args, names) =>
        {
            if (args.Length == 0)
                throw Err.Type($"{type.Name}.__new__(): not enough arguments");
            if (args[0] is not PyType cls)
                throw Err.Type($"{type.Name}.__new__(X): X is not a type object ({args[0].Type.FullName})");
            if (!cls.IsSubtypeOf(type))
                throw Err.Type($"{type.Name}.__new__({cls.Name}): {cls.Name} is not a subtype of {type.Name}");
            // The nearest built-in class stores the instance: only its own __new__ makes one.
            var solid = cls;
            while (!solid.IsBuiltin)
                solid = solid.Base!;
            if (solid.New != type.New)
                throw Err.Type($"{type.Name}.__new__({cls.Name}) is not safe, use {solid.Name}.__new__()");
            return Watched(cls, type.New!(cls, args[1..], names));
        },
    }, type)
    { NewOf = type };

    /// <summary>Sees to it that an instance of a class with <c>__del__</c> that is stored as a built-in class's (<see cref="ObjectType.Make"/> has the others) is told of its end.</summary>
    private static PyObject? Watched(PyType type, PyObject? instance)
    {
        if (type.HasFinalizer && !type.IsBuiltin && instance is not (null or PyInstance) && instance.Type == type)
            PyThread.Current.Machine.Finalizers.Watch(instance);
        return instance;
    }

    /// <summary>The constructor slot of classes with a <c>__new__</c> of their own.</summary>
    public static PyObject? NewByMethod(PyType type, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var method = type.Lookup(Names.New) ?? throw Err.Type($"cannot create '{type.Name}' instances");
        var function = method.Type.DescrGet is { } get ? get(method, null, type)! : method;
        return Calls.CallWithSelf(function, type, args, names);
    }

    /// <summary>type.__call__: <c>__new__</c>, then <c>__init__</c>.</summary>
    public static PyObject? CallType(PyType type, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (type == PyType.TypeType)
        {
            if (args.Length == 1 && names is null)
                return args[0].Type;
            if (args.Length != 3 && (args.Length < 3 || names is null))
                throw Err.Type("type() takes 1 or 3 arguments");
        }
        if (type.New is not { } make)
            throw Err.Type($"cannot create '{type.FullName}' instances");
        var instance = Watched(type, make(type, args, names));
        if (instance is null || !instance.Type.IsSubtypeOf(type))
            return instance;
        // A built-in class without an __init__ of its own has done everything by now.
        var made = instance.Type;
        if (made.Init is { } init && !(made.IsBuiltin && ReferenceEquals(init, PyType.Object.Init) && !ReferenceEquals(made.New, PyType.Object.New)))
            init(instance, args, names);
        return instance;
    }

    private static PyObject New(PyType meta, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var count = args.Length - (names?.Count ?? 0);
        if (count != 3)
            throw Err.Type("type.__new__() takes exactly 3 arguments (" + count + " given)");
        var name = args[0] as PyStr ?? throw Err.Type($"type.__new__() argument 1 must be str, not {args[0].Type.FullName}");
        var bases = args[1] as PyTuple ?? throw Err.Type($"type.__new__() argument 2 must be tuple, not {args[1].Type.FullName}");
        var dict = args[2] as PyDict ?? throw Err.Type($"type.__new__() argument 3 must be dict, not {args[2].Type.FullName}");
        var winner = ClassBuilder.MetaclassOf(meta, bases.Items);
        if (winner != meta && winner.New != PyType.TypeType.New)
            return winner.New!(winner, args, names)!;
        return ClassBuilder.Build(winner, name, bases, dict, args[3..], names);
    }
}
