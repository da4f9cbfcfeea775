namespace Holon.Python.Runtime;

/// <summary>Attribute access.</summary>
internal static class Attributes
{
    /// <summary>The attribute, or AttributeError.</summary>
    public static PyObject Get(PyObject o, PyStr name)
    {
        var value = o.Type.GetAttr!(o, name);
        if (value is not null)
            return value;
        var thread = PyThread.Current;
        throw thread.Pending is null ? Err.Attribute(o, name) : thread.TakeError();
    }

    public static PyObject Get(PyObject o, string name) => Get(o, Names.Intern(name));

    /// <summary>The attribute, or null where AttributeError would be raised.</summary>
    public static PyObject? TryGet(PyObject o, PyStr name)
    {
        PyObject? value;
        try
        {
            value = o.Type.GetAttr!(o, name);
        }
        catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.AttributeError))
        {
            return null;
        }
        if (value is null)
        {
            var thread = PyThread.Current;
            if (thread.Pending is not null && !thread.PendingIs(ExceptionTypes.AttributeError))
                throw thread.TakeError();
            thread.Pending = null;
        }
        return value;
    }

    public static PyObject? TryGet(PyObject o, string name) => TryGet(o, Names.Intern(name));

    public static void Set(PyObject o, PyStr name, PyObject? value)
    {
        if (o.Type.SetAttr is not { } set)
            throw Err.Type($"'{o.Type.FullName}' object has no attributes (assign to .{name})");
        set(o, name, value);
    }

    public static void Set(PyObject o, string name, PyObject? value) => Set(o, Names.Intern(name), value);

    /// <summary>object.__getattribute__: data descriptor, instance, other descriptor, class.</summary>
    public static PyObject? GenericGet(PyObject o, PyStr name)
    {
        var type = o.Type;
        var found = type.Lookup(name);
        DescrGetFn? get = null;
        if (found is not null)
        {
            var kind = found.Type;
            get = kind.DescrGet;
            if (get is not null && kind.DescrSet is not null)
                return get(found, o, type);
        }
        if (o is PyInstance instance)
        {
            if (type.HasDict && instance.Fields.Get(name) is { } own)
                return own;
        }
        else if (type.HasDict && o.HasData && o.Data.Get(name) is { } own)
        {
            return own;
        }
        if (get is not null)
            return get(found!, o, type);
        return found;
    }

    public static void GenericSet(PyObject o, PyStr name, PyObject? value)
    {
        var type = o.Type;
        var found = type.Lookup(name);
        if (found?.Type.DescrSet is { } set)
        {
            set(found, o, value);
            return;
        }
        if (!type.HasDict || !o.HasData)
        {
            throw Err.Of(ExceptionTypes.AttributeError, found is null ? $"'{type.Name}' object has no attribute '{name}'" : $"'{type.Name}' object attribute '{name}' is read-only");
        }
        if (value is not null)
            o.Data.Set(name, value);
        else if (!o.Data.Delete(name))
            throw Err.Attribute(o, name);
    }

    /// <summary>type.__getattribute__: the metaclass's data descriptors, the class and its ancestors, the metaclass.</summary>
    public static PyObject? TypeGet(PyObject o, PyStr name)
    {
        var type = (PyType)o;
        var meta = type.Type;
        var onMeta = meta.Lookup(name);
        if (onMeta?.Type.DescrGet is { } get && onMeta.Type.DescrSet is not null)
            return get(onMeta, type, meta);
        if (type.Lookup(name) is { } found)
            return found.Type.DescrGet is { } bind ? bind(found, null, type) : found;
        if (onMeta is null)
            return null;
        return onMeta.Type.DescrGet is { } bindMeta ? bindMeta(onMeta, type, meta) : onMeta;
    }

    public static void TypeSet(PyObject o, PyStr name, PyObject? value)
    {
        var type = (PyType)o;
        if (type.IsBuiltin)
        {
            // io.py gives UnsupportedOperation the module that it has; CPython's class could change.
            if (name.Value == "__module__" && value is PyStr { Value: var module } && module == type.Module)
                return;
            throw Err.Type($"cannot set '{name}' attribute of immutable type '{type.Name}'");
        }
        var onMeta = type.Type.Lookup(name);
        if (onMeta?.Type.DescrSet is { } set)
        {
            set(onMeta, type, value);
            return;
        }
        if (value is not null && PyType.IsPlainData(value) && type.Dict.Get(name) is { } old && PyType.IsPlainData(old) && !name.Value.StartsWith("__", StringComparison.Ordinal))
        {
            type.Dict.Set(name, value);
            type.Forget(name);
            return;
        }
        name = PyThread.Current.Machine.Intern(name);
        if (value is not null)
            type.Dict.Set(name, value);
        else if (type.Dict.Remove(name) is null)
            throw Err.Attribute(type, name);
        type.Modified();
        SlotTable.Update(type, name);
    }
}
