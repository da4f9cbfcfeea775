namespace Holon.Python.Objects;

internal delegate PyObject UnaryFn(PyObject self);
internal delegate PyObject? NextFn(PyObject self);
internal delegate PyObject BinaryFn(PyObject left, PyObject right);
internal delegate PyObject TernaryFn(PyObject a, PyObject b, PyObject c);
internal delegate PyObject RepeatFn(PyObject self, long count);
internal delegate long LongFn(PyObject self);
internal delegate bool BoolFn(PyObject self);
internal delegate bool ContainsFn(PyObject self, PyObject item);
internal delegate PyObject CompareFn(PyObject left, PyObject right, CompareOp op);
internal delegate void SetFn(PyObject self, PyObject key, PyObject? value);
internal delegate PyObject? GetAttrFn(PyObject self, PyStr name);
internal delegate void SetAttrFn(PyObject self, PyStr name, PyObject? value);
internal delegate PyObject? DescrGetFn(PyObject self, PyObject? instance, PyType? owner);
internal delegate PyObject? NewFn(PyType type, ReadOnlySpan<PyObject> args, PyTuple? names);
internal delegate void InitFn(PyObject self, ReadOnlySpan<PyObject> args, PyTuple? names);

internal enum CompareOp
{
    Lt,
    Le,
    Eq,
    Ne,
    Gt,
    Ge,
}

/// <summary>The binary operators in the order in which BINARY_OP numbers them.</summary>
internal enum NumberOp
{
    Add,
    And,
    FloorDivide,
    LeftShift,
    MatrixMultiply,
    Multiply,
    Remainder,
    Or,
    Power,
    RightShift,
    Subtract,
    TrueDivide,
    Xor,
    DivMod,
}

/// <summary>
/// A Python type: its place in the hierarchy, its attributes, and its slots, the C# functions that carry out operations on instances.
/// A slot that is null is an operation that the type does not have. Slots are inherited by copying; a class that defines the special
/// method gets the slot that calls it (<see cref="SlotTable"/>).
/// </summary>
internal sealed partial class PyType : PyObject
{
    /// <summary>Number of operators of <see cref="NumberOp"/>.</summary>
    public const int NumberOps = 14;

    public static readonly PyType Object = ObjectType.MakeObject();
    public static readonly PyType TypeType = TypeObject.MakeType();

    private static long lastVersion;

    private PyType? meta;
    private uint number;

    /// <summary>A built-in type. <paramref name="define"/> fills in its slots and methods.</summary>
    public PyType(string name, PyType? baseType, Action<PyType>? define = null, string? module = null)
    {
        Name = name;
        Base = baseType;
        Module = module ?? "builtins";
        Bases = baseType is null ? [] : [baseType];
        Mro = baseType is null ? [this] : [this, .. baseType.Mro];
        IsBuiltin = true;
        RootShape = Shape.Root(this);
        DictShape = Shape.DictRoot(this);
        Dict = new PyDict();
        if (baseType is not null)
        {
            SlotTable.Inherit(this, baseType);
            SlotCount = baseType.SlotCount;
            HasDict = baseType.HasDict;
            Solid = baseType.Solid;
        }
        Solid = this;
        define?.Invoke(this);
        // What does not say how an instance is made and begun has none that a program could make.
        if (baseType is { Base: null } && New == baseType.New && Init == baseType.Init && Allocate == baseType.Allocate)
            New = null;
        SlotTable.AddWrappers(this);
        if (!Dict.Contains(Names.Doc))
            Dict.Set(Names.Doc, Values.None);
        NewVersion();
    }

    /// <summary>A class made by a program.</summary>
    public PyType(PyType meta, string name, PyType[] bases, PyDict dict)
    {
        this.meta = meta;
        Name = name;
        Bases = bases;
        Dict = dict;
        Module = "";
        Mro = [];
        RootShape = Shape.Root(this);
        DictShape = Shape.DictRoot(this);
        Solid = this;
        NewVersion();
    }

    public override PyType Type => meta ?? TypeType;

    public override ref uint IdNumber => ref number;

    public void ChangeMeta(PyType type)
    {
        meta = type;
        Modified();
    }

    public string Name { get; set; }

    /// <summary>The module of a built-in type; a class's own is in its dict.</summary>
    public string Module { get; init; }

    /// <summary>The name in messages: with the module for types that a module other than builtins has natively.</summary>
    public string FullName => IsBuiltin && Module.Length > 0 && Module != "builtins" ? $"{Module}.{Name}" : Name;

    public PyStr? QualName { get; set; }

    public PyType? Base { get; set; }

    public PyType[] Bases { get; set; }

    public PyType[] Mro { get; set; }

    public PyDict Dict { get; }

    /// <summary>Shared by all machines and immutable.</summary>
    public bool IsBuiltin { get; }

    /// <summary>Cannot be a base class.</summary>
    public bool IsFinal { get; set; }

    public bool IsAbstract { get; set; }

    /// <summary>Pattern matching takes instances for sequences or mappings.</summary>
    public bool IsSequence { get; set; }

    public bool IsMapping { get; set; }

    /// <summary>Instances can have attributes of their own.</summary>
    public bool HasDict { get; set; }

    public bool HasWeakRefs { get; set; }

    /// <summary>Number of <c>__slots__</c>, inherited ones first.</summary>
    public int SlotCount { get; set; }

    /// <summary>The nearest ancestor that determines how instances are stored.</summary>
    public PyType Solid { get; set; }

    public Shape RootShape { get; private set; }

    public Shape DictShape { get; private set; }

    /// <summary>Changes whenever an attribute lookup on the type or an instance may have another result.</summary>
    public long Version;

    /// <summary>Makes an instance of a subclass of this built-in type.</summary>
    public Func<PyType, PyObject>? Allocate { get; set; }

    // Slots.
    public UnaryFn? Repr { get; set; }
    public UnaryFn? Str { get; set; }
    public LongFn? Hash { get; set; }
    public CompareFn? Compare { get; set; }
    public UnaryFn? Iter { get; set; }
    public NextFn? Next { get; set; }
    public LongFn? Len { get; set; }
    public BinaryFn? GetItem { get; set; }
    public SetFn? SetItem { get; set; }
    public ContainsFn? Contains { get; set; }
    public BinaryFn? Concat { get; set; }
    public RepeatFn? Repeat { get; set; }
    public BinaryFn? InPlaceConcat { get; set; }
    public RepeatFn? InPlaceRepeat { get; set; }
    public BinaryFn?[] Numbers { get; } = new BinaryFn?[NumberOps];
    public BinaryFn?[] InPlace { get; } = new BinaryFn?[NumberOps];
    public TernaryFn? PowerModulo { get; set; }
    public UnaryFn? Negative { get; set; }
    public UnaryFn? Positive { get; set; }
    public UnaryFn? Absolute { get; set; }
    public UnaryFn? Invert { get; set; }
    public BoolFn? Bool { get; set; }
    public UnaryFn? ToInt { get; set; }
    public UnaryFn? ToFloat { get; set; }
    public UnaryFn? Index { get; set; }
    public GetAttrFn? GetAttr { get; set; }
    public SetAttrFn? SetAttr { get; set; }
    public DescrGetFn? DescrGet { get; set; }
    public SetFn? DescrSet { get; set; }
    public NewFn? New { get; set; }
    public InitFn? Init { get; set; }
    public UnaryFn? Await { get; set; }
    public UnaryFn? AIter { get; set; }
    public UnaryFn? ANext { get; set; }

    /// <summary>The class defines <c>__del__</c>.</summary>
    public bool HasFinalizer { get; set; }

    public void NewVersion() => Version = Interlocked.Increment(ref lastVersion);

    public bool IsSubtypeOf(PyType other)
    {
        if (ReferenceEquals(this, other))
            return true;
        foreach (var type in Mro)
        {
            if (ReferenceEquals(type, other))
                return true;
        }
        return false;
    }

    public override string ToString() => Name;
}
