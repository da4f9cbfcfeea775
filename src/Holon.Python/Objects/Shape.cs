namespace Holon.Python.Objects;

/// <summary>
/// A hidden class: which attribute is at which index of an instance's values, and the instance's type. Instances that got the same
/// attributes in the same order share a shape, so one comparison guards a cached attribute access.
/// </summary>
internal sealed class Shape
{
    /// <summary>Instances with more attributes than this keep them in a dict.</summary>
    public const int MaxAttributes = 64;

    private readonly Dictionary<PyStr, int> indices;
    private Dictionary<PyStr, Shape>? transitions;
    private Shape? lastTransition;
    private PyStr? lastName;

    private Shape(PyType type, Dictionary<PyStr, int> indices, PyStr[] names, bool isDict)
    {
        Type = type;
        this.indices = indices;
        Names = names;
        IsDict = isDict;
    }

    public PyType Type { get; }

    /// <summary>The attributes in the order in which they were set; the first is at index <see cref="PyType.SlotCount"/>.</summary>
    public PyStr[] Names { get; }

    /// <summary>The attributes are in a dict, which stands after the slots.</summary>
    public bool IsDict { get; }

    /// <summary>The next shape's size, which a new instance of the type should make room for.</summary>
    public int Capacity { get; private set; }

    public static Shape Root(PyType type) => new(type, [], [], false);

    public static Shape DictRoot(PyType type) => new(type, [], [], true);

    /// <summary>The index of an attribute's value, or -1.</summary>
    public int IndexOf(PyStr name) => indices.TryGetValue(name, out var index) ? index : -1;

    /// <summary>The shape after one more attribute.</summary>
    public Shape With(PyStr name)
    {
        if (ReferenceEquals(lastName, name))
            return lastTransition!;
        transitions ??= [];
        if (!transitions.TryGetValue(name, out var next))
        {
            var index = Type.SlotCount + Names.Length;
            next = new Shape(Type, new Dictionary<PyStr, int>(indices) { [name] = index }, [.. Names, name], false);
            transitions.Add(name, next);
            Type.RootShape.Capacity = Math.Max(Type.RootShape.Capacity, next.Names.Length);
        }
        lastName = name;
        lastTransition = next;
        return next;
    }
}

/// <summary>Slots and attributes of one instance.</summary>
internal struct InstanceData
{
    public Shape Shape;
    public PyObject?[] Values;
    public ObjectNotes? Notes;

    public InstanceData(PyType type)
    {
        Shape = type.RootShape;
        var size = type.SlotCount + Shape.Capacity;
        Values = size == 0 ? [] : new PyObject?[size];
    }

    public readonly PyObject? Get(PyStr name)
    {
        if (Shape.IsDict)
            return ((PyDict)Values[Shape.Type.SlotCount]!).Get(name);
        var index = Shape.IndexOf(name);
        return index < 0 ? null : Values[index];
    }

    public void Set(PyStr name, PyObject value)
    {
        if (!Shape.IsDict)
        {
            var index = Shape.IndexOf(name);
            if (index >= 0)
            {
                Values[index] = value;
                return;
            }
            if (Shape.Names.Length < Shape.MaxAttributes)
            {
                Append(Shape.With(name), value);
                return;
            }
            ToDict();
        }
        ((PyDict)Values[Shape.Type.SlotCount]!).Set(name, value);
    }

    /// <summary>Adds the attribute that leads from the present shape to <paramref name="next"/>.</summary>
    public void Append(Shape next, PyObject value)
    {
        var index = next.Type.SlotCount + next.Names.Length - 1;
        if (index >= Values.Length)
            Array.Resize(ref Values, Math.Max(index + 1, Math.Min(index * 2, next.Type.SlotCount + Shape.MaxAttributes)));
        Values[index] = value;
        Shape = next;
    }

    public bool Delete(PyStr name)
    {
        if (!Shape.IsDict)
        {
            if (Shape.IndexOf(name) < 0)
                return false;
            ToDict();
        }
        return ((PyDict)Values[Shape.Type.SlotCount]!).Remove(name) is not null;
    }

    /// <summary>A dict of what the attributes are now; they stay where they are.</summary>
    public readonly PyDict Copy()
    {
        var slots = Shape.Type.SlotCount;
        if (Shape.IsDict)
            return ((PyDict)Values[slots]!).Copy();
        return new PyDict(Shape.Names, Values.AsSpan(slots));
    }

    /// <summary>The instance's <c>__dict__</c>; from now on the attributes live there.</summary>
    public PyDict ToDict()
    {
        var slots = Shape.Type.SlotCount;
        if (Shape.IsDict)
            return (PyDict)Values[slots]!;
        var dict = new PyDict(Shape.Names, Values.AsSpan(slots));
        UseDict(dict);
        return dict;
    }

    public void UseDict(PyDict dict)
    {
        var type = Shape.Type;
        var values = new PyObject?[type.SlotCount + 1];
        Values.AsSpan(0, type.SlotCount).CopyTo(values);
        values[^1] = dict;
        Values = values;
        Shape = type.DictShape;
    }

    /// <summary>Assignment to <c>__class__</c>; both types have the same slots.</summary>
    public void ChangeType(PyType type)
    {
        if (Shape.IsDict)
        {
            Shape = type.DictShape;
            return;
        }
        var next = type.RootShape;
        foreach (var name in Shape.Names)
            next = next.With(name);
        Shape = next;
    }
}
