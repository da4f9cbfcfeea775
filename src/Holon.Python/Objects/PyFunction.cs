namespace Holon.Python.Objects;

/// <summary>A function written in Python.</summary>
internal sealed class PyFunction(PyCode code, PyDict globals, PyStr qualName) : PyObject
{
    private InstanceData data = new(FunctionTypes.Function);

    public PyCode Code = code;

    public PyDict Globals { get; } = globals;

    public PyDict Builtins { get; init; } = null!;

    public PyObject?[] Closure { get; set; } = [];

    public PyTuple? Defaults;

    public PyDict? KeywordDefaults;

    public PyObject? Annotations { get; set; }

    public PyStr Name { get; set; } = code.Name;

    public PyStr QualName { get; set; } = qualName;

    public PyObject? Doc { get; set; }

    public PyObject Module { get; set; } = Values.None;

    public override PyType Type => FunctionTypes.Function;

    public override ref InstanceData Data => ref data;

    public override PyObject? Call(ReadOnlySpan<PyObject> args, PyTuple? names) => EvaluationLoop.CallFunction(this, args, names);
}

/// <summary>A function bound to an object.</summary>
internal sealed class PyMethod(PyObject function, PyObject self) : PyObject
{
    public PyObject Function { get; } = function;

    public PyObject Self { get; } = self;

    public override PyType Type => FunctionTypes.Method;

    public override PyObject? Call(ReadOnlySpan<PyObject> args, PyTuple? names) => Calls.CallWithSelf(Function, Self, args, names);
}

internal sealed class PyCell(PyObject? value) : PyObject
{
    public PyObject? Value = value;

    public override PyType Type => FunctionTypes.Cell;
}

internal sealed class PyStaticMethod(PyType type, PyObject? function) : PyExtensible(type)
{
    public PyStaticMethod(PyObject function)
        : this(FunctionTypes.StaticMethod, function)
    {
    }

    public PyObject? Function { get; set; } = function;

    public override PyObject? Call(ReadOnlySpan<PyObject> args, PyTuple? names) => Function!.Call(args, names);
}

internal sealed class PyClassMethod(PyType type, PyObject? function) : PyExtensible(type)
{
    public PyObject? Function { get; set; } = function;
}

internal sealed class PyProperty(PyType type) : PyExtensible(type)
{
    public PyObject? Getter { get; set; }

    public PyObject? Setter { get; set; }

    public PyObject? Deleter { get; set; }

    public PyObject? Doc { get; set; }

    public bool DocFromGetter { get; set; }

    public PyStr? Name { get; set; }
}

internal sealed class PySuper(PyType type) : PyExtensible(type)
{
    public PyType? Class { get; set; }

    public PyObject? Instance { get; set; }

    public PyType? InstanceType { get; set; }
}

internal sealed class PyMappingProxy(PyObject mapping) : PyObject
{
    public PyObject Mapping { get; } = mapping;

    public override PyType Type => FunctionTypes.MappingProxy;
}

internal sealed class PyModule(PyType type, PyDict dict) : PyObject
{
    private InstanceData data = new(type);

    public PyDict Dict { get; set; } = dict;

    public override PyType Type => data.Shape.Type;

    public override ref InstanceData Data => ref data;
}
