namespace Holon.Python.Objects;

/// <summary>Attribute lookup along the method resolution order, with a cache per type.</summary>
internal sealed partial class PyType
{
    // Replaced as a whole when it changes: built-in types are read by several machines at once.
    private Dictionary<PyStr, PyObject?>? cache;
    private long cacheVersion;

    /// <summary>What was looked up last under names whose hashes end alike. An entry never changes, so that other threads may read while one is replaced.</summary>
    private Found?[]? recent;

    private const int RecentCount = 16;

    private sealed record Found(PyStr Name, PyObject? Value);

    /// <summary>The attribute of this type or its ancestors, not bound to anything; null if there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public PyObject? Lookup(PyStr name)
    {
        if (recent is { } places && (IsBuiltin || cacheVersion == Version) && places[(int)name.Hash & (RecentCount - 1)] is { } found && ReferenceEquals(found.Name, name))
            return found.Value;
        return LookupInCache(name);
    }

    private PyObject? LookupInCache(PyStr name)
    {
        if (IsBuiltin)
        {
            var flat = cache ?? Flatten();
            var attribute = flat.GetValueOrDefault(name);
            // A type that is still being defined has none.
            if (cache is not null)
                Remember(name, attribute);
            return attribute;
        }
        if (cache is null || cacheVersion != Version)
        {
            cache = [];
            recent = null;
            cacheVersion = Version;
        }
        if (cache.TryGetValue(name, out var value))
        {
            Remember(name, value);
            return value;
        }
        value = LookupUncached(name, out _);
        if (cache.Count > 4096)
            cache.Clear();
        cache[name] = value;
        return value;
    }

    private void Remember(PyStr name, PyObject? value) => (recent ??= new Found?[RecentCount])[(int)name.Hash & (RecentCount - 1)] = new Found(name, value);

    public PyObject? Lookup(string name) => Lookup(Names.Intern(name));

    /// <summary>The attribute, and the type that has it.</summary>
    public PyObject? LookupUncached(PyStr name, out PyType? owner)
    {
        foreach (var type in Mro)
        {
            if (type.Dict.Get(name) is { } found)
            {
                owner = type;
                return found;
            }
        }
        owner = null;
        return null;
    }

    /// <summary>A change of the type's dict has happened: caches of it and its subclasses are void.</summary>
    public void Modified()
    {
        NewVersion();
        foreach (var child in Subclasses())
            child.Modified();
    }

    /// <summary>A value that means the same wherever it is found: no function, no descriptor. Classes may change it without a new version.</summary>
    public static bool IsPlainData(PyObject value) => value is PyInt or PyFloat or PyStr or PyList or PyDict or PyTuple or PySingleton && value.Type.IsBuiltin;

    /// <summary>The value of an attribute has changed, nothing else has.</summary>
    public void Forget(PyStr name)
    {
        cache?.Remove(name);
        recent = null;
        if (children is null)
            return;
        foreach (var child in Subclasses())
            child.Forget(name);
    }

    public PyFunction? Constructor { get; set; }

    public long ConstructorVersion { get; set; }

    public long ConstructorMetaVersion { get; set; }

    private List<WeakReference<PyType>>? children;

    public void AddChild(PyType child)
    {
        if (IsBuiltin)
        {
            PyThread.Current.Machine.AddBuiltinChild(this, child);
            return;
        }
        children ??= [];
        children.RemoveAll(c => !c.TryGetTarget(out _));
        children.Add(new WeakReference<PyType>(child));
    }

    public void RemoveChild(PyType child)
    {
        if (IsBuiltin)
            PyThread.Current.Machine.RemoveBuiltinChild(this, child);
        else
            children?.RemoveAll(c => !c.TryGetTarget(out var t) || t == child);
    }

    /// <summary>The direct subclasses that are alive.</summary>
    public List<PyType> Subclasses()
    {
        var result = new List<PyType>();
        var list = IsBuiltin ? PyThread.Current.Machine.BuiltinChildren(this) : children;
        if (list is null)
            return result;
        foreach (var reference in list)
        {
            if (reference.TryGetTarget(out var child))
                result.Add(child);
        }
        return result;
    }

    private Dictionary<PyStr, PyObject?> Flatten()
    {
        var flat = new Dictionary<PyStr, PyObject?>();
        for (var i = Mro.Length - 1; i >= 0; i--)
        {
            foreach (var (key, value) in Mro[i].Dict.Items())
                flat[(PyStr)key] = value;
        }
        // A type that is still being defined must not keep what it has so far.
        if (Version != 0)
            cache = flat;
        return flat;
    }
}
