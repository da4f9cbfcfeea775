namespace Holon.Python.Objects;

/// <summary>A native function of a module, or a native method bound to its object: builtin_function_or_method.</summary>
internal sealed class PyBuiltin(NativeCode code, PyObject? self, string? module = null) : PyObject
{
    public NativeCode Code { get; } = code;

    public PyObject? Self { get; } = self;

    public string? Module { get; set; } = module;

    /// <summary>This is the <c>__new__</c> of a built-in type.</summary>
    public PyType? NewOf { get; init; }

    public override PyType Type => BuiltinTypes.Builtin;

    public override PyObject? Call(ReadOnlySpan<PyObject> args, PyTuple? names) => Code.Invoke(Self!, args, names);
}

/// <summary>A method of a built-in type that is not a special method: method_descriptor.</summary>
internal sealed class PyMethodDescriptor(PyType owner, NativeCode code) : PyObject
{
    public PyType Owner { get; } = owner;

    public NativeCode Code { get; } = code;

    public override PyType Type => BuiltinTypes.MethodDescriptor;

    public override PyObject? Call(ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (args.Length - (names?.Count ?? 0) < 1)
            throw Err.Type($"unbound method {Owner.Name}.{Code.Name}() needs an argument");
        if (!args[0].Type.IsSubtypeOf(Owner))
            throw Err.Type($"descriptor '{Code.Name}' for '{Owner.Name}' objects doesn't apply to a '{args[0].Type.FullName}' object");
        return Code.Invoke(args[0], args[1..], names);
    }
}

/// <summary>A class method of a built-in type: classmethod_descriptor.</summary>
internal sealed class PyClassMethodDescriptor(PyType owner, NativeCode code) : PyObject
{
    public PyType Owner { get; } = owner;

    public NativeCode Code { get; } = code;

    public override PyType Type => BuiltinTypes.ClassMethodDescriptor;

    public override PyObject? Call(ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (args.Length < 1)
            throw Err.Type($"descriptor '{Code.Name}' of '{Owner.Name}' object needs an argument");
        if (args[0] is not PyType type || !type.IsSubtypeOf(Owner))
            throw Err.Type($"descriptor '{Code.Name}' requires a subtype of '{Owner.Name}' but received '{(args[0] as PyType)?.Name ?? args[0].Type.FullName}'");
        return Code.Invoke(args[0], args[1..], names);
    }
}

/// <summary>A special method of a built-in type, made from its slot: wrapper_descriptor.</summary>
internal sealed class PySlotWrapper(PyType owner, string name, NativeFn function) : PyObject
{
    public PyType Owner { get; } = owner;

    public string Name { get; } = name;

    public NativeFn Function { get; } = function;

    public override PyType Type => BuiltinTypes.SlotWrapper;

    public override PyObject? Call(ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (args.Length - (names?.Count ?? 0) < 1)
            throw Err.Type($"descriptor '{Name}' of '{Owner.Name}' object needs an argument");
        if (!args[0].Type.IsSubtypeOf(Owner))
            throw Err.Type($"descriptor '{Name}' requires a '{Owner.Name}' object but received a '{args[0].Type.FullName}'");
        return Function(args[0], args[1..], names);
    }
}

/// <summary>A wrapper bound to an object: method-wrapper.</summary>
internal sealed class PyMethodWrapper(PySlotWrapper wrapper, PyObject self) : PyObject
{
    public PySlotWrapper Wrapper { get; } = wrapper;

    public PyObject Self { get; } = self;

    public override PyType Type => BuiltinTypes.MethodWrapper;

    public override PyObject? Call(ReadOnlySpan<PyObject> args, PyTuple? names) => Wrapper.Function(Self, args, names);
}

/// <summary>A computed attribute of a built-in type: getset_descriptor, or member_descriptor for <c>__slots__</c>.</summary>
internal sealed class PyGetSet(PyType owner, string name, Func<PyObject, PyObject?>? get, Action<PyObject, PyObject?>? set) : PyObject
{
    public PyType Owner { get; } = owner;

    public string Name { get; } = name;

    public Func<PyObject, PyObject?>? Getter { get; } = get;

    public Action<PyObject, PyObject?>? Setter { get; } = set;

    /// <summary>The index of a slot in the instance's values, or -1.</summary>
    public int Slot { get; init; } = -1;

    public bool IsMember { get; init; }

    public string? Doc { get; init; }

    public override PyType Type => IsMember ? BuiltinTypes.Member : BuiltinTypes.GetSet;

    public void Check(PyObject instance)
    {
        if (!instance.Type.IsSubtypeOf(Owner))
            throw Err.Type($"descriptor '{Name}' for '{Owner.Name}' objects doesn't apply to a '{instance.Type.FullName}' object");
    }

    public PyObject? Get(PyObject instance)
    {
        Check(instance);
        if (Slot >= 0)
            return instance.Data.Values[Slot] ?? Err.SetAttribute(instance, Names.Intern(Name));
        return Getter is null ? Err.Set(Err.Of(ExceptionTypes.AttributeError, $"attribute '{Name}' of '{Owner.Name}' objects is not readable")) : Getter(instance) ?? Err.SetAttribute(instance, Names.Intern(Name));
    }

    public void Set(PyObject instance, PyObject? value)
    {
        Check(instance);
        if (Slot >= 0)
        {
            ref var place = ref instance.Data.Values[Slot];
            if (value is null && place is null)
                throw Err.Attribute(instance, Names.Intern(Name));
            place = value;
            return;
        }
        if (Setter is null)
            throw Err.Of(ExceptionTypes.AttributeError, IsMember ? "readonly attribute" : $"attribute '{Name}' of '{Owner.Name}' objects is not writable");
        Setter(instance, value);
    }
}

internal static class BuiltinTypes
{
    public static readonly PyType Builtin = new("builtin_function_or_method", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Repr = o => o is PyBuiltin { Self: { } self and not PyModule } b
            ? Values.Str($"<built-in method {b.Code.Name} of {self.Type.Name} object at {Ops.Address(self)}>")
            : Values.Str($"<built-in function {((PyBuiltin)o).Code.Name}>");
        t.Getter("__name__", o => Values.Str(((PyBuiltin)o).Code.Name));
        t.Getter("__qualname__", o => o is PyBuiltin { Self: { } self and not PyModule } b
            ? Values.Str((self is PyType type ? type.Name : self.Type.Name) + "." + b.Code.Name) : Values.Str(((PyBuiltin)o).Code.Name));
        t.Getter("__self__", o => ((PyBuiltin)o).Self ?? Values.None);
        t.Getter("__doc__", o => Doc(((PyBuiltin)o).Code));
        t.Getter("__module__", o => ((PyBuiltin)o).Module is { } m ? Values.Str(m) : Values.None, (o, v) => ((PyBuiltin)o).Module = (v as PyStr)?.Value);
        t.Getter("__text_signature__", o => Text(((PyBuiltin)o).Code.TextSignature(((PyBuiltin)o).Self is PyModule or null ? "" : "$self")));
        t.Compare = (a, b, op) => Ops.Identity(Same(a, b), b is PyBuiltin, op);
        t.Hash = o => HashCode.Combine(RuntimeHelpers.GetHashCode(((PyBuiltin)o).Self), RuntimeHelpers.GetHashCode(((PyBuiltin)o).Code));
        t.Def0("__reduce__", o => o is PyBuiltin { Self: { } self and not PyModule } b
            ? new PyTuple(Attributes.Get(PyThread.Current.Machine.Builtins, Names.Intern("getattr")), new PyTuple(self, Values.Str(b.Code.Name))) : Values.Str(((PyBuiltin)o).Code.Name));
        t.DefCall();
    });

    public static readonly PyType MethodDescriptor = Descriptor("method_descriptor", o => (((PyMethodDescriptor)o).Owner, ((PyMethodDescriptor)o).Code.Name), o => ((PyMethodDescriptor)o).Code, t =>
        t.DescrGet = (self, instance, owner) =>
        {
            if (instance is null)
                return self;
            var d = (PyMethodDescriptor)self;
            if (!instance.Type.IsSubtypeOf(d.Owner))
                throw Err.Type($"descriptor '{d.Code.Name}' for '{d.Owner.Name}' objects doesn't apply to a '{instance.Type.FullName}' object");
            return new PyBuiltin(d.Code, instance);
        });

    public static readonly PyType ClassMethodDescriptor = Descriptor("classmethod_descriptor", o => (((PyClassMethodDescriptor)o).Owner, ((PyClassMethodDescriptor)o).Code.Name), o => ((PyClassMethodDescriptor)o).Code, t =>
        t.DescrGet = (self, instance, owner) => new PyBuiltin(((PyClassMethodDescriptor)self).Code, owner ?? instance!.Type));

    public static readonly PyType SlotWrapper = Descriptor("wrapper_descriptor", o => (((PySlotWrapper)o).Owner, ((PySlotWrapper)o).Name), null, t =>
        t.DescrGet = (self, instance, owner) =>
        {
            if (instance is null)
                return self;
            var d = (PySlotWrapper)self;
            if (!instance.Type.IsSubtypeOf(d.Owner))
                throw Err.Type($"descriptor '{d.Name}' for '{d.Owner.Name}' objects doesn't apply to a '{instance.Type.FullName}' object");
            return new PyMethodWrapper(d, instance);
        });

    public static readonly PyType MethodWrapper = new("method-wrapper", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Repr = o => Values.Str($"<method-wrapper '{((PyMethodWrapper)o).Wrapper.Name}' of {((PyMethodWrapper)o).Self.Type.Name} object at {Ops.Address(((PyMethodWrapper)o).Self)}>");
        t.Compare = (a, b, op) => Ops.Identity(b is PyMethodWrapper y && a is PyMethodWrapper x && x.Wrapper == y.Wrapper && x.Self == y.Self, b is PyMethodWrapper, op);
        t.Hash = o => HashCode.Combine(RuntimeHelpers.GetHashCode(((PyMethodWrapper)o).Self), RuntimeHelpers.GetHashCode(((PyMethodWrapper)o).Wrapper));
        t.Getter("__self__", o => ((PyMethodWrapper)o).Self);
        t.Getter("__objclass__", o => ((PyMethodWrapper)o).Wrapper.Owner);
        t.Getter("__name__", o => Values.Str(((PyMethodWrapper)o).Wrapper.Name));
        t.Getter("__qualname__", o => Values.Str(((PyMethodWrapper)o).Wrapper.Owner.Name + "." + ((PyMethodWrapper)o).Wrapper.Name));
        t.Getter("__doc__", _ => Values.None);
        t.Getter("__text_signature__", _ => Values.Str("($self, /, *args, **kwargs)"));
        t.Def0("__reduce__", o => new PyTuple(Attributes.Get(PyThread.Current.Machine.Builtins, Names.Intern("getattr")), new PyTuple(((PyMethodWrapper)o).Self, Values.Str(((PyMethodWrapper)o).Wrapper.Name))));
        t.DefCall();
    });

    public static readonly PyType GetSet = GetSetType("getset_descriptor", "attribute");
    public static readonly PyType Member = GetSetType("member_descriptor", "member");

    private static PyType GetSetType(string name, string word) => Descriptor(name, o => (((PyGetSet)o).Owner, ((PyGetSet)o).Name), null, t =>
    {
        t.Repr = o => Values.Str($"<{word} '{((PyGetSet)o).Name}' of '{((PyGetSet)o).Owner.FullName}' objects>");
        t.DescrGet = (self, instance, owner) => instance is null ? self : ((PyGetSet)self).Get(instance);
        t.DescrSet = (self, instance, value) => ((PyGetSet)self).Set(instance, value);
        t.Getter("__doc__", o => ((PyGetSet)o).Doc is { } d ? Values.Str(d) : Values.None);
    });

    private static PyType Descriptor(string name, Func<PyObject, (PyType Owner, string Name)> info, Func<PyObject, NativeCode>? code, Action<PyType> define) => new(name, PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Repr = o => Values.Str($"<{(name == "wrapper_descriptor" ? "slot wrapper" : "method")} '{info(o).Name}' of '{info(o).Owner.FullName}' objects>");
        t.Getter("__name__", o => Values.Str(info(o).Name));
        t.Getter("__qualname__", o => Values.Str(info(o).Owner.Name + "." + info(o).Name));
        t.Getter("__objclass__", o => info(o).Owner);
        if (code is not null || name == "wrapper_descriptor")
        {
            t.Getter("__doc__", o => code is null ? Values.None : Doc(code(o)));
            t.Getter("__text_signature__", o => code is null ? Values.Str("($self, /, *args, **kwargs)") : Text(code(o).TextSignature("$self")));
            t.DefCall();
        }
        t.Def0("__reduce__", o => new PyTuple(Attributes.Get(PyThread.Current.Machine.Builtins, Names.Intern("getattr")), new PyTuple(info(o).Owner, Values.Str(info(o).Name))));
        define(t);
    });

    private static PyObject Doc(NativeCode code) => code.Doc is { } doc ? Values.Str(doc) : Values.None;

    private static PyObject Text(string? text) => text is null ? Values.None : Values.Str(text);

    private static bool Same(PyObject a, PyObject b) => a is PyBuiltin x && b is PyBuiltin y && x.Code == y.Code && x.Self == y.Self;
}
