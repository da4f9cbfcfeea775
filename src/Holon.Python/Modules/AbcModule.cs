namespace Holon.Python.Modules;

/// <summary>
/// _abc: what abstract base classes remember and how they answer isinstance and issubclass, as CPython's does, so that <c>abc</c> has the frames that
/// <c>typing</c> looks for.
/// </summary>
internal static class AbcModule
{
    /// <summary>What a class remembers: who was registered with it, and answers that it has given. Classes are held weakly.</summary>
    private sealed class PyAbcData : PyObject
    {
        public List<WeakReference<PyObject>> Registered { get; } = [];

        public ConditionalWeakTable<PyObject, object> Subclasses { get; private set; } = [];

        public ConditionalWeakTable<PyObject, object> Others { get; private set; } = [];

        /// <summary>The count of registrations when <see cref="Others"/> was right.</summary>
        public long Version { get; set; }

        public override PyType Type => DataType;

        public void ForgetAnswers()
        {
            Subclasses = [];
            ForgetOthers();
        }

        public void ForgetOthers() => Others = [];
    }

    private static readonly PyType DataType = new("_abc_data", PyType.Object, null, "_abc");
    private static readonly PyStr Impl = Names.Intern("_abc_impl"), AbstractMethods = Names.Intern("__abstractmethods__"), Flags = Names.Intern("__abc_tpflags__"),
        SubclassHook = Names.Intern("__subclasshook__"), SubclassesName = Names.Intern("__subclasses__");

    private static readonly object Present = new();
    private const long SequenceFlag = 1 << 5, MappingFlag = 1 << 6;

    /// <summary>One machine's registrations.</summary>
    private sealed class Registry
    {
        public long Registrations;
    }

    public static void Fill(ModuleBuilder m)
    {
        var registry = new Registry();
        m.Def0("get_cache_token", () => PyInt.Of(registry.Registrations));
        m.Def1("_abc_init", cls => Init(registry, cls));
        m.Def("_abc_register", "self, subclass, /", a => Register(registry, a[0]!, a[1]!));
        m.Def("_abc_instancecheck", "self, instance, /", a => InstanceCheck(registry, a[0]!, a[1]!));
        m.Def("_abc_subclasscheck", "self, subclass, /", a => Values.Bool(SubclassCheck(registry, a[0]!, a[1]!)));
        m.Def1("_reset_registry", cls =>
        {
            Of(cls).Registered.Clear();
            return Values.None;
        });
        m.Def1("_reset_caches", cls =>
        {
            Of(cls).ForgetAnswers();
            return Values.None;
        });
        m.Def1("_get_dump", cls =>
        {
            var data = Of(cls);
            return new PyTuple(new PySet(Alive(data), false), new PySet(data.Subclasses.Select(p => p.Key), false), new PySet(data.Others.Select(p => p.Key), false), PyInt.Of(data.Version));
        });
    }

    private static PyAbcData Of(PyObject cls) => Attributes.Get(cls, Impl) as PyAbcData ?? throw Err.Type("_abc_impl is set to a wrong type");

    private static List<PyObject> Alive(PyAbcData data)
    {
        var result = new List<PyObject>();
        foreach (var reference in data.Registered)
        {
            if (reference.TryGetTarget(out var cls))
                result.Add(cls);
        }
        return result;
    }

    private static PyObject Init(Registry registry, PyObject self)
    {
        if (self is not PyType cls)
            throw Err.Type("_abc_init() argument must be a class");
        var names = new List<PyObject>();
        foreach (var (name, value) in cls.Dict.Items().ToArray())
        {
            if (IsAbstract(value))
                names.Add(name);
        }
        foreach (var parent in cls.Bases)
        {
            if (parent.IsBuiltin || Attributes.TryGet(parent, AbstractMethods) is not { } inherited)
                continue;
            foreach (var name in Ops.Each(inherited).ToArray())
            {
                if (name is PyStr text && Attributes.TryGet(cls, text) is { } value && IsAbstract(value))
                    names.Add(name);
            }
        }
        Attributes.Set(cls, AbstractMethods, new PySet(names, true));
        Attributes.Set(cls, Impl, new PyAbcData { Version = registry.Registrations });
        // Sequences and mappings by declaration; patterns ask for that.
        if (cls.Dict.Get(Flags) is PyInt flags)
        {
            if ((flags.Value & (SequenceFlag | MappingFlag)) == (SequenceFlag | MappingFlag))
                throw Err.Type("__abc_tpflags__ cannot be both Py_TPFLAGS_SEQUENCE and Py_TPFLAGS_MAPPING");
            (cls.IsSequence, cls.IsMapping) = (cls.IsSequence || (flags.Value & SequenceFlag) != 0, cls.IsMapping || (flags.Value & MappingFlag) != 0);
            Attributes.Set(cls, Flags, null);
        }
        return Values.None;
    }

    private static bool IsAbstract(PyObject value) => Attributes.TryGet(value, Names.IsAbstractMethod) is { } mark && Ops.IsTrue(mark);

    private static PyObject Register(Registry registry, PyObject self, PyObject subclass)
    {
        if (subclass is not PyType registered)
            throw Err.Type("Can only register classes");
        if (Ops.IsSubclass(subclass, self))
            return subclass;
        if (Ops.IsSubclass(self, subclass))
            throw Err.Runtime("Refusing to create an inheritance cycle");
        var data = Of(self);
        data.Registered.RemoveAll(r => !r.TryGetTarget(out _));
        data.Registered.Add(new WeakReference<PyObject>(subclass));
        registry.Registrations++;
        if (self is PyType { IsSequence: true } or PyType { IsMapping: true })
            MarkCollection(registered, (PyType)self);
        return subclass;
    }

    private static void MarkCollection(PyType type, PyType like)
    {
        if (type.IsBuiltin)
            return;
        (type.IsSequence, type.IsMapping) = (like.IsSequence, like.IsMapping);
        foreach (var child in type.Subclasses())
            MarkCollection(child, like);
    }

    private static PyObject InstanceCheck(Registry registry, PyObject self, PyObject instance)
    {
        var data = Of(self);
        var claimed = Attributes.Get(instance, Names.Class);
        if (data.Subclasses.TryGetValue(claimed, out _))
            return Values.True;
        if (ReferenceEquals(claimed, instance.Type))
        {
            if (data.Version == registry.Registrations && data.Others.TryGetValue(claimed, out _))
                return Values.False;
            return Ask(self, claimed);
        }
        var answer = Ask(self, claimed);
        return Ops.IsTrue(answer) ? answer : Ask(self, instance.Type);
    }

    private static PyObject Ask(PyObject self, PyObject subclass) => Calls.CallMethod(self, "__subclasscheck__", subclass);

    private static bool SubclassCheck(Registry registry, PyObject self, PyObject subclass)
    {
        if (subclass is not PyType derived)
            throw Err.Type("issubclass() arg 1 must be a class");
        var data = Of(self);
        if (data.Subclasses.TryGetValue(derived, out _))
            return true;
        if (data.Version < registry.Registrations)
        {
            data.ForgetOthers();
            data.Version = registry.Registrations;
        }
        else if (data.Others.TryGetValue(derived, out _))
        {
            return false;
        }
        var hook = Calls.Call(Attributes.Get(self, SubclassHook), derived);
        if (ReferenceEquals(hook, Values.True))
            return Remember(data.Subclasses, derived, true);
        if (ReferenceEquals(hook, Values.False))
            return Remember(data.Others, derived, false);
        if (hook != Values.NotImplemented)
            throw Err.Of(ExceptionTypes.AssertionError, "__subclasshook__ must return either False, True, or NotImplemented");
        if (self is PyType type && derived.IsSubtypeOf(type))
            return Remember(data.Subclasses, derived, true);
        foreach (var registered in Alive(data))
        {
            if (Ops.IsSubclass(derived, registered))
                return Remember(data.Subclasses, derived, true);
        }
        foreach (var child in Ops.Each(Calls.Call(Attributes.Get(self, SubclassesName))).ToArray())
        {
            if (Ops.IsSubclass(derived, child))
                return Remember(data.Subclasses, derived, true);
        }
        return Remember(data.Others, derived, false);
    }

    private static bool Remember(ConditionalWeakTable<PyObject, object> answers, PyObject cls, bool answer)
    {
        answers.AddOrUpdate(cls, Present);
        return answer;
    }
}
