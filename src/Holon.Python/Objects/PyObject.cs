namespace Holon.Python.Objects;

/// <summary>
/// Every Python value. What a value can do is in the slots of its <see cref="Type"/>; the C# class only says how it is stored.
/// </summary>
internal abstract class PyObject
{
    /// <summary>The object's Python type. Built-in types are shared by all machines and cannot be changed.</summary>
    public abstract PyType Type { get; }

    /// <summary>Attributes and slots of instances of classes; a null reference for objects that cannot have any.</summary>
    public virtual ref InstanceData Data => ref Unsafe.NullRef<InstanceData>();

    /// <summary>The number from which <c>id()</c> is made, 0 until somebody asks; a null reference where there is no room for it.</summary>
    public virtual ref uint IdNumber => ref Unsafe.NullRef<uint>();

    /// <summary>What the machine remembers of the object; a null reference where there is no room for it.</summary>
    public virtual ref ObjectNotes? Notes => ref Unsafe.NullRef<ObjectNotes?>();

    public bool HasData => !Unsafe.IsNullRef(ref Data);

    /// <summary>
    /// Calls the object: positional arguments, then the values of the keywords <paramref name="names"/>.
    /// Null means that an exception waits in <see cref="PyThread.Pending"/>, so that frequent errors cost no .NET throw.
    /// </summary>
    public virtual PyObject? Call(ReadOnlySpan<PyObject> args, PyTuple? names) => Calls.CallByType(this, args, names);

    public override string ToString() => Type.Name + " object";
}

/// <summary>An object whose class can be subclassed in Python without another C# class: the type is part of the instance's data.</summary>
internal abstract class PyExtensible : PyObject
{
    private InstanceData data;

    protected PyExtensible(PyType type) => data = new InstanceData(type);

    public sealed override PyType Type => data.Shape.Type;

    public sealed override ref InstanceData Data => ref data;

    public sealed override ref ObjectNotes? Notes => ref data.Notes;
}

/// <summary>An instance of a class written in Python whose built-in base is <c>object</c>.</summary>
internal sealed class PyInstance(PyType type) : PyObject
{
    public InstanceData Fields = new(type);

    public override PyType Type => Fields.Shape.Type;

    public override ref InstanceData Data => ref Fields;

    public override ref ObjectNotes? Notes => ref Fields.Notes;

    public override PyObject? Call(ReadOnlySpan<PyObject> args, PyTuple? names) => Calls.CallByType(this, args, names);
}

/// <summary>The three objects that are the only ones of their kind.</summary>
internal sealed class PySingleton(string repr, Func<PyType> type) : PyObject
{
    public static readonly PySingleton None = new("None", () => SingletonTypes.None);
    public static readonly PySingleton NotImplemented = new("NotImplemented", () => SingletonTypes.NotImplemented);
    public static readonly PySingleton Ellipsis = new("Ellipsis", () => SingletonTypes.Ellipsis);

    private uint number;

    public string Repr => repr;

    public override PyType Type => type();

    public override ref uint IdNumber => ref number;
}

internal static class SingletonTypes
{
    public static readonly PyType None = Make("NoneType", PySingleton.None);
    public static readonly PyType NotImplemented = Make("NotImplementedType", PySingleton.NotImplemented);
    public static readonly PyType Ellipsis = Make("ellipsis", PySingleton.Ellipsis);

    private static PyType Make(string name, PySingleton value) => new(name, PyType.Object, t =>
    {
        t.IsFinal = true;
        t.Repr = o => new PyStr(((PySingleton)o).Repr);
        t.New = (cls, args, names) => args.Length == 0 && names is null ? value : throw Err.Type(name + " takes no arguments");
        if (name == "NoneType")
            t.Bool = _ => false;
        if (name == "NotImplementedType")
        {
            t.Bool = _ =>
            {
                Warn.Deprecated("NotImplemented should not be used in a boolean context");
                return true;
            };
        }
        if (name != "NoneType")
            t.Def0("__reduce__", o => new PyStr(((PySingleton)o).Repr));
    });
}

/// <summary>Short names for the values that everything uses.</summary>
internal static class Values
{
    public static PyObject None => PySingleton.None;

    public static PyObject NotImplemented => PySingleton.NotImplemented;

    public static PyObject True => PyBool.True;

    public static PyObject False => PyBool.False;

    public static PyObject Bool(bool value) => value ? PyBool.True : PyBool.False;

    public static PyObject Int(long value) => PyInt.Of(value);

    public static PyStr Str(string value) => new(value);
}
