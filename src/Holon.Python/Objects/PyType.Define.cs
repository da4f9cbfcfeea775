namespace Holon.Python.Objects;

/// <summary>How built-in types say which methods and attributes they have.</summary>
internal sealed partial class PyType
{
    public void Def0(string name, Fn0 function, string? doc = null) => Add(new NativeCode { Name = name, F0 = function, Doc = doc });

    public void Def1(string name, Fn1 function, string? doc = null) => Add(new NativeCode { Name = name, F1 = function, Doc = doc });

    /// <summary>A method with a parameter list; <c>x=?</c> gives null when the argument is missing.</summary>
    public void Def(string name, string signature, FnN function, string? doc = null) =>
        Add(new NativeCode { Name = name, SignatureText = signature, Bound = function, Doc = doc });

    /// <summary>A method that keeps its arguments.</summary>
    public void DefKept(string name, string signature, FnKept function) => Add(new NativeCode { Name = name, SignatureText = signature, Kept = function });

    /// <summary>A method with a parameter list, and what is called when it gets no argument, which is the frequent case.</summary>
    public void Def(string name, string signature, Fn0 without, FnN function) =>
        Add(new NativeCode { Name = name, SignatureText = signature, F0 = without, Bound = function });

    /// <summary>A method with a parameter list, and what is called when it gets one argument, which is the frequent case.</summary>
    public void Def(string name, string signature, Fn1 withOne, FnN function) =>
        Add(new NativeCode { Name = name, SignatureText = signature, F1 = withOne, Bound = function });

    public void DefRaw(string name, NativeFn function, string? doc = null) => Add(new NativeCode { Name = name, Raw = function, Doc = doc });

    public void DefClass(string name, string signature, FnN function, string? doc = null) =>
        Dict.Set(Names.Intern(name), new PyClassMethodDescriptor(this, new NativeCode { Name = name, SignatureText = signature, Bound = function, Doc = doc, Qualifier = Name }));

    public void DefStatic(string name, string signature, FnN function, string? doc = null) =>
        Dict.Set(Names.Intern(name), new PyStaticMethod(new PyBuiltin(new NativeCode { Name = name, SignatureText = signature, Bound = function, Doc = doc }, null)));

    public void Getter(string name, Func<PyObject, PyObject?> get, Action<PyObject, PyObject?>? set = null, string? doc = null) =>
        Dict.Set(Names.Intern(name), new PyGetSet(this, name, get, set) { Doc = doc });

    public void Member(string name, Func<PyObject, PyObject?> get, Action<PyObject, PyObject?>? set = null) =>
        Dict.Set(Names.Intern(name), new PyGetSet(this, name, get, set) { IsMember = true });

    public void Constant(string name, PyObject value) => Dict.Set(Names.Intern(name), value);

    public void Doc(string text) => Dict.Set(Names.Doc, new PyStr(text));

    public void Unhashable()
    {
        Hash = null;
        Dict.Set(Names.Hash, Values.None);
    }

    /// <summary>Instances are callable from Python by their C# <see cref="PyObject.Call"/>.</summary>
    public void DefCall() =>
        Dict.Set(Names.Call, new PySlotWrapper(this, "__call__", (self, args, names) => self.Call(args, names)));

    /// <summary><c>list[int]</c>.</summary>
    public void DefClassGetItem() =>
        DefClass("__class_getitem__", "item, /", (self, a) => new PyGenericAlias(self, a[0]!), "See PEP 585");

    private void Add(NativeCode code)
    {
        code.Qualifier = Name;
        Dict.Set(Names.Intern(code.Name), new PyMethodDescriptor(this, code));
    }
}
