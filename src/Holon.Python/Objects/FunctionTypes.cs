namespace Holon.Python.Objects;

/// <summary>Functions, methods and the descriptors made from them.</summary>
internal static class FunctionTypes
{
    private static readonly NativeParameters FunctionParameters = new("function", "code, globals, name=None, argdefs=None, closure=None");

    public static readonly PyType Function = new("function", PyType.Object, DefineFunction);
    public static readonly PyType Method = new("method", PyType.Object, DefineMethod);
    public static readonly PyType StaticMethod = new("staticmethod", PyType.Object, t =>
    {
        DefineWrapper(t, o => ((PyStaticMethod)o).Function, (type, f) => new PyStaticMethod(type, f), (o, f) => ((PyStaticMethod)o).Function = f);
        t.DescrGet = (o, _, _) => ((PyStaticMethod)o).Function;
        t.DefCall();
    });

    public static readonly PyType ClassMethod = new("classmethod", PyType.Object, t =>
    {
        DefineWrapper(t, o => ((PyClassMethod)o).Function, (type, f) => new PyClassMethod(type, f), (o, f) => ((PyClassMethod)o).Function = f);
        t.DescrGet = (o, instance, owner) =>
        {
            var function = ((PyClassMethod)o).Function!;
            owner ??= instance!.Type;
            if (function is PyFunction)
                return new PyMethod(function, owner);
            return function.Type.DescrGet is { } get ? get(function, owner, owner.Type) : new PyMethod(function, owner);
        };
    });

    public static readonly PyType Property = new("property", PyType.Object, PropertyType.Define);
    public static readonly PyType Super = new("super", PyType.Object, SuperType.Define);

    public static readonly PyType Cell = new("cell", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.New = (_, args, _) => new PyCell(args.Length > 0 ? args[0] : null);
        t.Repr = o => Values.Str(((PyCell)o).Value is { } v ? $"<cell at {Ops.Address(o)}: {v.Type.Name} object at {Ops.Address(v)}>" : $"<cell at {Ops.Address(o)}: empty>");
        t.Unhashable();
        t.Compare = (a, b, op) => a is PyCell x && b is PyCell y
            ? x.Value is null || y.Value is null ? Ops.CompareResult((x.Value is null ? 0 : 1) - (y.Value is null ? 0 : 1), op) : Ops.Compare(x.Value, y.Value, op) : Values.NotImplemented;
        t.Getter("cell_contents", o => ((PyCell)o).Value ?? throw Err.Value("Cell is empty"), (o, v) => ((PyCell)o).Value = v);
    });

    public static readonly PyType MappingProxy = new("mappingproxy", PyType.Object, t =>
    {
        t.IsMapping = true;
        t.New = (_, args, names) =>
        {
            Args.Exactly("mappingproxy", args, names, 1);
            return args[0].Type.GetItem is null || args[0] is PyList or PyTuple ? throw Err.Type($"mappingproxy() argument must be a mapping, not {args[0].Type.FullName}") : new PyMappingProxy(args[0]);
        };
        t.Repr = o => new PyStr("mappingproxy(").Plus(Ops.ReprObject(((PyMappingProxy)o).Mapping)).Plus(new PyStr(")"));
        t.Str = o => Ops.Str(((PyMappingProxy)o).Mapping);
        t.Len = o => Ops.Len(((PyMappingProxy)o).Mapping);
        t.Iter = o => Ops.Iter(((PyMappingProxy)o).Mapping);
        t.GetItem = (o, key) => Ops.GetItem(((PyMappingProxy)o).Mapping, key);
        t.Contains = (o, key) => Ops.Contains(((PyMappingProxy)o).Mapping, key);
        t.Compare = (a, b, op) => a is PyMappingProxy x ? Ops.Compare(x.Mapping, b is PyMappingProxy y ? y.Mapping : b, op) : Values.NotImplemented;
        t.Hash = o => Ops.Hash(((PyMappingProxy)o).Mapping);
        t.Numbers[(int)NumberOp.Or] = (a, b) => Ops.Binary(a is PyMappingProxy x ? x.Mapping : a, b is PyMappingProxy y ? y.Mapping : b, NumberOp.Or);
        foreach (var name in new[] { "get", "keys", "values", "items", "copy", "__reversed__" })
            t.DefRaw(name, (o, args, names) => Calls.CallNamed(Attributes.Get(((PyMappingProxy)o).Mapping, name), args, names));
        t.DefClassGetItem();
    });

    private static void DefineFunction(PyType t)
    {
        t.IsFinal = true;
        t.HasDict = true;
        t.New = (_, args, names) =>
        {
            var bound = FunctionParameters.Bind(args, names);
            var code = bound[0] as PyCode ?? throw Err.Type($"function() argument 'code' must be code, not {bound[0]!.Type.FullName}");
            var globals = bound[1] as PyDict ?? throw Err.Type($"function() argument 'globals' must be dict, not {bound[1]!.Type.FullName}");
            var closure = Args.IsNone(bound[4]) ? [] : (PyObject?[])((PyTuple)bound[4]!).Items;
            if (closure.Length != code.FreeCount)
                throw code.FreeCount > 0 && closure.Length == 0 ? Err.Type("arg 5 (closure) must be tuple") : Err.Value($"{code.Name} requires closure of length {code.FreeCount}, not {closure.Length}");
            var function = new PyFunction(code, globals, code.QualName) { Builtins = PyThread.Current.Machine.BuiltinsOf(globals), Closure = closure, Defaults = bound[3] as PyTuple, Module = globals.Get(Names.Name) ?? Values.None };
            if (bound[2] is PyStr name)
                function.Name = function.QualName = name;
            return function;
        };
        t.Repr = o => Values.Str($"<function {((PyFunction)o).QualName} at {Ops.Address(o)}>");
        t.DescrGet = (self, instance, _) => instance is null ? self : new PyMethod(self, instance);
        t.DefCall();
        t.Getter("__code__", o => ((PyFunction)o).Code, (o, v) =>
        {
            var code = v as PyCode ?? throw Err.Type("__code__ must be set to a code object");
            var self = (PyFunction)o;
            if (code.FreeCount != self.Closure.Length)
                throw Err.Value($"{self.Name}() requires a code object with {self.Closure.Length} free vars, not {code.FreeCount}");
            self.Code = code;
        });
        t.Getter("__globals__", o => ((PyFunction)o).Globals);
        t.Getter("__builtins__", o => ((PyFunction)o).Builtins);
        t.Getter("__closure__", o => ((PyFunction)o).Closure.Length == 0 ? Values.None : new PyTuple([.. ((PyFunction)o).Closure!]));
        t.Getter("__defaults__", o => (PyObject?)((PyFunction)o).Defaults ?? Values.None, (o, v) => ((PyFunction)o).Defaults = Args.IsNone(v) ? null : v as PyTuple ?? throw Err.Type("__defaults__ must be set to a tuple object"));
        t.Getter("__kwdefaults__", o => (PyObject?)((PyFunction)o).KeywordDefaults ?? Values.None, (o, v) => ((PyFunction)o).KeywordDefaults = Args.IsNone(v) ? null : v as PyDict ?? throw Err.Type("__kwdefaults__ must be set to a dict object"));
        t.Getter("__annotations__", o => ((PyFunction)o).Annotations = AnnotationDict(((PyFunction)o).Annotations), (o, v) => ((PyFunction)o).Annotations = Args.IsNone(v) ? null : v as PyDict ?? throw Err.Type("__annotations__ must be set to a dict object"));
        t.Getter("__name__", o => ((PyFunction)o).Name, (o, v) => ((PyFunction)o).Name = v as PyStr ?? throw Err.Type("__name__ must be set to a string object"));
        t.Getter("__qualname__", o => ((PyFunction)o).QualName, (o, v) => ((PyFunction)o).QualName = v as PyStr ?? throw Err.Type("__qualname__ must be set to a string object"));
        t.Getter("__doc__", o => ((PyFunction)o).Doc ?? Values.None, (o, v) => ((PyFunction)o).Doc = v);
        t.Getter("__module__", o => ((PyFunction)o).Module, (o, v) => ((PyFunction)o).Module = v ?? Values.None);
        ObjectType.DefineDict(t);
    }

    private static PyDict AnnotationDict(PyObject? value)
    {
        if (value is PyDict dict)
            return dict;
        var result = new PyDict();
        // The compiler leaves name, value, name, value.
        if (value is PyTuple pairs)
        {
            for (var i = 0; i + 1 < pairs.Count; i += 2)
                result.Set(pairs[i], pairs[i + 1]);
        }
        return result;
    }

    private static void DefineMethod(PyType t)
    {
        t.IsFinal = true;
        t.New = (_, args, names) =>
        {
            Args.Between("method", args, names, 2, 2);
            return args[1] == Values.None ? throw Err.Type("self must not be None") : args[0].Type.Lookup(Names.Call) is null ? throw Err.Type("first argument must be callable") : new PyMethod(args[0], args[1]);
        };
        t.Repr = o =>
        {
            var m = (PyMethod)o;
            var name = (Attributes.TryGet(m.Function, Names.QualName) ?? Attributes.TryGet(m.Function, Names.Name)) as PyStr;
            return new PyStr($"<bound method {(name is null ? "?" : name)} of ").Plus(Ops.ReprObject(m.Self)).Plus(new PyStr(">"));
        };
        t.Hash = o => RuntimeHelpers.GetHashCode(((PyMethod)o).Self) * 31L + Ops.Hash(((PyMethod)o).Function);
        t.Compare = (a, b, op) => Ops.Identity(a is PyMethod x && b is PyMethod y && ReferenceEquals(x.Self, y.Self) && Ops.Eq(x.Function, y.Function), b is PyMethod, op);
        t.DescrGet = (self, _, _) => self;
        t.GetAttr = (o, name) =>
        {
            var method = (PyMethod)o;
            if (Method!.Lookup(name) is { } found)
                return found.Type.DescrGet is { } get ? get(found, o, Method) : found;
            return method.Function.Type.GetAttr!(method.Function, name);
        };
        t.Getter("__func__", o => ((PyMethod)o).Function);
        t.Getter("__self__", o => ((PyMethod)o).Self);
        t.Getter("__doc__", o => Attributes.TryGet(((PyMethod)o).Function, Names.Doc) ?? Values.None);
        t.Def0("__reduce__", o => new PyTuple(Attributes.Get(PyThread.Current.Machine.Builtins, "getattr"), new PyTuple(((PyMethod)o).Self, Attributes.Get(((PyMethod)o).Function, Names.Name))));
        t.DefCall();
    }

    // staticmethod and classmethod copy what they wrap says of itself.
    private static void DefineWrapper(PyType t, Func<PyObject, PyObject?> get, Func<PyType, PyObject?, PyObject> make, Action<PyObject, PyObject> set)
    {
        t.HasDict = true;
        t.New = (type, _, _) => make(type, null);
        t.Init = (o, args, names) =>
        {
            Args.Between(t.Name, args, names, 1, 1);
            set(o, args[0]);
            foreach (var name in new[] { Names.Module, Names.Name, Names.QualName, Names.Doc, Names.Intern("__annotations__") })
            {
                if (Attributes.TryGet(args[0], name) is { } value)
                    o.Data.Set(name, value);
            }
        };
        t.Repr = o => Values.Str($"<{t.Name}({Ops.Repr(get(o) ?? Values.None)})>");
        t.Member("__func__", get);
        t.Member("__wrapped__", get);
        t.Getter("__isabstractmethod__", o => Values.Bool(get(o) is { } f && Attributes.TryGet(f, Names.IsAbstractMethod) is { } a && Ops.IsTrue(a)));
        ObjectType.DefineDict(t);
    }
}

internal static class PropertyType
{
    private static readonly NativeParameters PropertyParameters = new("property", "fget=None, fset=None, fdel=None, doc=None");

    public static void Define(PyType t)
    {
        t.New = (type, _, _) => new PyProperty(type);
        t.Init = (o, args, names) =>
        {
            var a = PropertyParameters.Bind(args, names);
            var self = (PyProperty)o;
            self.Getter = Args.IsNone(a[0]) ? null : a[0];
            self.Setter = Args.IsNone(a[1]) ? null : a[1];
            self.Deleter = Args.IsNone(a[2]) ? null : a[2];
            self.Doc = Args.IsNone(a[3]) ? null : a[3];
            self.DocFromGetter = false;
            if (self.Doc is null && self.Getter is not null && Attributes.TryGet(self.Getter, Names.Doc) is { } doc && doc != Values.None)
            {
                self.Doc = doc;
                self.DocFromGetter = true;
                if (self.Type != FunctionTypes.Property)
                    Attributes.Set(self, Names.Doc, doc);
            }
        };
        t.DescrGet = (o, instance, _) =>
        {
            if (instance is null)
                return o;
            var self = (PyProperty)o;
            return self.Getter is { } get ? get.Call([instance], null) : throw Missing(self, instance, "getter");
        };
        t.DescrSet = (o, instance, value) =>
        {
            var self = (PyProperty)o;
            if (value is null)
                Calls.Call(self.Deleter ?? throw Missing(self, instance, "deleter"), instance);
            else
                Calls.Call(self.Setter ?? throw Missing(self, instance, "setter"), instance, value);
        };
        t.Member("fget", o => ((PyProperty)o).Getter ?? Values.None);
        t.Member("fset", o => ((PyProperty)o).Setter ?? Values.None);
        t.Member("fdel", o => ((PyProperty)o).Deleter ?? Values.None);
        t.Getter("__doc__", o => ((PyProperty)o).Doc ?? Values.None, (o, v) => ((PyProperty)o).Doc = v);
        t.Getter("__isabstractmethod__", o => Values.Bool(new[] { ((PyProperty)o).Getter, ((PyProperty)o).Setter, ((PyProperty)o).Deleter }.Any(f => f is not null && Attributes.TryGet(f, Names.IsAbstractMethod) is { } a && Ops.IsTrue(a))));
        t.Def1("getter", (o, f) => Copy(o, f, null, null));
        t.Def1("setter", (o, f) => Copy(o, null, f, null));
        t.Def1("deleter", (o, f) => Copy(o, null, null, f));
        t.Def("__set_name__", "owner, name, /", (o, a) =>
        {
            ((PyProperty)o).Name = a[1] as PyStr;
            return Values.None;
        });
    }

    private static PyError Missing(PyProperty self, PyObject instance, string what) => Err.Of(ExceptionTypes.AttributeError, self.Name is { } name
        ? $"property {Ops.Repr(name)} of {Ops.Repr(Attributes.Get(instance.Type, Names.QualName))} object has no {what}"
        : $"property of {Ops.Repr(Attributes.Get(instance.Type, Names.QualName))} object has no {what}");

    private static PyObject Copy(PyObject o, PyObject? get, PyObject? set, PyObject? delete)
    {
        var self = (PyProperty)o;
        var doc = self.DocFromGetter && get is not null ? Values.None : self.DocFromGetter ? Values.None : self.Doc ?? Values.None;
        var copy = Calls.Call(o.Type, get ?? self.Getter ?? Values.None, set ?? self.Setter ?? Values.None, delete ?? self.Deleter ?? Values.None, doc);
        if (copy is PyProperty p)
            p.Name = self.Name;
        return copy;
    }
}

internal static class SuperType
{
    public static void Define(PyType t)
    {
        t.New = (type, _, _) => new PySuper(type);
        t.Init = (o, args, names) =>
        {
            Args.Between("super", args, names, 0, 2);
            var self = (PySuper)o;
            PyObject? instance;
            if (args.Length == 0)
                (self.Class, instance) = FromFrame();
            else
            {
                self.Class = args[0] as PyType ?? throw Err.Type($"super() argument 1 must be a type, not {args[0].Type.FullName}");
                instance = args.Length > 1 && args[1] != Values.None ? args[1] : null;
            }
            self.Instance = instance;
            self.InstanceType = instance is null ? null : Check(self.Class, instance);
        };
        t.Repr = o => o is PySuper { Class: { } c } s ? Values.Str(s.InstanceType is { } i ? $"<super: <class '{c.Name}'>, <{i.Name} object>>" : $"<super: <class '{c.Name}'>, NULL>") : Values.Str("<super: NULL, NULL>");
        t.GetAttr = (o, name) =>
        {
            var self = (PySuper)o;
            if (self.InstanceType is { } type && !name.Equals(Names.Class))
            {
                var mro = type.Mro;
                var i = Array.IndexOf(mro, self.Class) + 1;
                for (; i < mro.Length; i++)
                {
                    if (mro[i].Dict.Get(name) is not { } found)
                        continue;
                    return found.Type.DescrGet is { } get ? get(found, ReferenceEquals(self.Instance, type) ? null : self.Instance, type) : found;
                }
            }
            return Attributes.GenericGet(o, name);
        };
        t.DescrGet = (o, instance, _) =>
        {
            var self = (PySuper)o;
            if (instance is null || self.Instance is not null)
                return o;
            return self.Type == FunctionTypes.Super
                ? new PySuper(self.Type) { Class = self.Class, Instance = instance, InstanceType = Check(self.Class!, instance) }
                : Calls.Call(self.Type, self.Class!, instance);
        };
        t.Member("__thisclass__", o => (PyObject?)((PySuper)o).Class ?? Values.None);
        t.Member("__self__", o => ((PySuper)o).Instance ?? Values.None);
        t.Member("__self_class__", o => (PyObject?)((PySuper)o).InstanceType ?? Values.None);
    }

    private static PyType Check(PyType type, PyObject instance)
    {
        if (instance is PyType t && t.IsSubtypeOf(type))
            return t;
        if (instance.Type.IsSubtypeOf(type))
            return instance.Type;
        if (Attributes.TryGet(instance, Names.Class) is PyType claimed && claimed.IsSubtypeOf(type))
            return claimed;
        throw Err.Type("super(type, obj): obj must be an instance or subtype of type");
    }

    // The compiler gives every method that mentions super() a free variable __class__.
    private static (PyType Class, PyObject Instance) FromFrame()
    {
        var frame = PyThread.Current.Frame ?? throw Err.Runtime("super(): no current frame");
        var code = frame.Code;
        if (code.ArgCount == 0)
            throw Err.Runtime("super(): no arguments");
        var first = frame.Slots[0].V;
        if (first is PyCell cell)
            first = cell.Value;
        if (first is null)
            throw Err.Runtime("super(): arg[0] deleted");
        for (var i = code.LocalsPlusNames.Length - code.FreeCount; i < code.LocalsPlusNames.Length; i++)
        {
            if (code.LocalsPlusNames[i].Equals(Names.Class))
            {
                if (frame.Slots[i].V is not PyCell { Value: { } value })
                    throw Err.Runtime("super(): empty __class__ cell");
                return (value as PyType ?? throw Err.Runtime($"super(): __class__ is not a type ({value.Type.FullName})"), first);
            }
        }
        throw Err.Runtime("super(): __class__ cell not found");
    }
}
