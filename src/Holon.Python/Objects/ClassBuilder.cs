namespace Holon.Python.Objects;

/// <summary>type.__new__: a class from its name, bases and namespace.</summary>
internal static class ClassBuilder
{
    /// <summary>The most derived metaclass.</summary>
    public static PyType MetaclassOf(PyType meta, ReadOnlySpan<PyObject> bases)
    {
        foreach (var each in bases)
        {
            var other = each.Type;
            if (meta.IsSubtypeOf(other))
                continue;
            if (!other.IsSubtypeOf(meta))
                throw Err.Type("metaclass conflict: the metaclass of a derived class must be a (non-strict) subclass of the metaclasses of all its bases");
            meta = other;
        }
        return meta;
    }

    public static PyType Build(PyType meta, PyStr name, PyTuple bases, PyDict namespaceDict, ReadOnlySpan<PyObject> keywordValues, PyTuple? keywords)
    {
        var parents = new PyType[Math.Max(1, bases.Count)];
        parents[0] = PyType.Object;
        for (var i = 0; i < bases.Count; i++)
        {
            if (bases[i] is not PyType parent)
            {
                throw Attributes.TryGet(bases[i], Names.MroEntries) is not null
                    ? Err.Type("type() doesn't support MRO entry resolution; use types.new_class()") : Err.Type("bases must be types");
            }
            parents[i] = !parent.IsFinal ? parent : throw Err.Type($"type '{parent.Name}' is not an acceptable base type");
        }
        if (name.Value.Contains('\0', StringComparison.Ordinal))
            throw Err.Value("type name must not contain null characters");
        var best = BestBase(parents);
        var dict = namespaceDict.Copy();
        var type = new PyType(meta, name.Value, parents, dict) { Base = best };
        if (dict.Remove(Names.QualName) is { } qualName)
            type.QualName = qualName as PyStr ?? throw Err.Type($"type __qualname__ must be a str, not {qualName.Type.FullName}");
        else
            type.QualName = name;
        if (!dict.Contains(Names.Module) && PyThread.Current.Frame?.Globals.Get(Names.Name) is { } module)
            dict.Set(Names.Module, module);
        Wrap(dict, Names.New, f => new PyStaticMethod(f));
        Wrap(dict, Names.InitSubclass, f => new PyClassMethod(FunctionTypes.ClassMethod, f));
        Wrap(dict, Names.ClassGetItem, f => new PyClassMethod(FunctionTypes.ClassMethod, f));
        var cell = dict.Remove(Names.ClassCell) as PyCell;
        AddSlots(type, best, parents, dict);
        if (!dict.Contains(Names.Doc))
            dict.Set(Names.Doc, Values.None);
        type.Allocate = best.Allocate;
        type.IsSequence = parents.Any(p => p.IsSequence);
        type.IsMapping = parents.Any(p => p.IsMapping);
        if (dict.Contains(Names.Eq) && !dict.Contains(Names.Hash))
            dict.Set(Names.Hash, Values.None);
        SetMro(type);
        SlotTable.Fill(type);
        foreach (var parent in parents)
            parent.AddChild(type);
        if (cell is not null)
            cell.Value = type;
        foreach (var (key, value) in dict.Items().ToArray())
        {
            if (value.Type.IsBuiltin && value.Type.Lookup(Names.SetName) is null)
                continue;
            if (Calls.BindSpecial(value, Names.SetName, out var needsSelf) is not { } setName)
                continue;
            var done = needsSelf ? setName.Call([value, type, key], null) : setName.Call([type, key], null);
            if (done is null)
            {
                var cause = PyThread.Current.TakeError().Value;
                var error = Err.Runtime($"Error calling __set_name__ on '{value.Type.FullName}' instance {Ops.Repr(key)} in '{type.Name}'");
                error.Value.Cause = cause;
                error.Value.Context = cause;
                throw error;
            }
        }
        var initSubclass = (PySuper)Calls.Call(FunctionTypes.Super, type, type);
        Calls.CallNamed(Attributes.Get(initSubclass, Names.InitSubclass), keywordValues, keywords);
        return type;
    }

    private static void Wrap(PyDict dict, PyStr name, Func<PyObject, PyObject> wrap)
    {
        if (dict.Get(name) is PyFunction function)
            dict.Set(name, wrap(function));
    }

    /// <summary>The base that decides how instances are stored.</summary>
    private static PyType BestBase(PyType[] parents)
    {
        var best = parents[0];
        foreach (var parent in parents.AsSpan(1))
        {
            if (SolidOf(best).IsSubtypeOf(SolidOf(parent)))
                continue;
            if (!SolidOf(parent).IsSubtypeOf(SolidOf(best)))
                throw Err.Type("multiple bases have instance lay-out conflict");
            best = parent;
        }
        return best;
    }

    private static PyType SolidOf(PyType type) => type.Solid;

    private static void AddSlots(PyType type, PyType best, PyType[] parents, PyDict dict)
    {
        type.SlotCount = best.SlotCount;
        type.HasWeakRefs = true;
        type.Solid = best.Solid;
        // A metaclass has the __dict__ of type: that of the classes.
        var inheritsDict = parents.Any(p => p.HasDict || p.IsSubtypeOf(PyType.TypeType));
        if (dict.Get(Names.Slots) is not { } slots)
        {
            type.HasDict = true;
            if (!inheritsDict)
                dict.Set(Names.Dict, new PyGetSet(type, "__dict__", ObjectType.GetDict, ObjectType.SetDict) { Doc = "dictionary for instance variables (if defined)" });
            if (!parents.Any(p => p.HasWeakRefs))
                dict.Set(Names.WeakRef, new PyGetSet(type, "__weakref__", o => Values.None, null) { Doc = "list of weak references to the object (if defined)" });
            return;
        }
        type.HasDict = inheritsDict;
        type.HasWeakRefs = parents.Any(p => p.HasWeakRefs);
        var names = slots is PyStr single ? [single] : Ops.ToArray(slots);
        if (names.Length > 0 && best.Solid is var solid && (solid == IntType.Type || solid == TupleType.Type || solid == BytesType.Type) && names.Any(n => n is PyStr s && s.Value is not ("__dict__" or "__weakref__")))
            throw Err.Type($"nonempty __slots__ not supported for subtype of '{best.Name}'");
        // A name that stands twice among the slots is no conflict.
        var members = new HashSet<string>(StringComparer.Ordinal);
        foreach (var each in names)
        {
            var slot = each as PyStr ?? throw Err.Type($"__slots__ items must be strings, not '{each.Type.FullName}'");
            if (!UnicodeData.IsIdentifier(slot))
                throw Err.Type("__slots__ must be identifiers");
            if (slot.Equals(Names.Dict))
            {
                if (type.HasDict)
                    throw Err.Type("__dict__ slot disallowed: we already got one");
                type.HasDict = true;
                dict.Set(Names.Dict, new PyGetSet(type, "__dict__", ObjectType.GetDict, ObjectType.SetDict));
                continue;
            }
            if (slot.Equals(Names.WeakRef))
            {
                if (type.HasWeakRefs)
                    throw Err.Type("__weakref__ slot disallowed: we already got one");
                type.HasWeakRefs = true;
                dict.Set(Names.WeakRef, new PyGetSet(type, "__weakref__", o => Values.None, null));
                continue;
            }
            var mangled = Mangle(type.Name, slot.Value);
            if (!members.Contains(mangled) && dict.Contains(new PyStr(mangled)) && mangled is not ("__classcell__" or "__qualname__"))
                throw Err.Value($"{Ops.Repr(slot)} in __slots__ conflicts with class variable");
            members.Add(mangled);
            dict.Set(mangled, new PyGetSet(type, mangled, null, null) { Slot = type.SlotCount++, IsMember = true });
            type.Solid = type;
        }
    }

    public static string Mangle(string className, string name)
    {
        var stripped = className.TrimStart('_');
        return name.StartsWith("__", StringComparison.Ordinal) && !name.EndsWith("__", StringComparison.Ordinal) && !name.Contains('.', StringComparison.Ordinal) && stripped.Length > 0 ? "_" + stripped + name : name;
    }

    private static void SetMro(PyType type)
    {
        if (type.Type != PyType.TypeType && type.Type.Lookup(Names.MroMethod) is not PyMethodDescriptor)
        {
            type.Mro = [type, .. type.Base!.Mro];
            type.Mro = [.. Ops.Each(Calls.Special(type, Names.MroMethod)!).Select(t => t as PyType ?? throw Err.Type($"mro() returned a non-class ('{t.Type.FullName}')"))];
        }
        else
        {
            type.Mro = [.. Linearise(type)];
        }
        type.NewVersion();
    }

    /// <summary>C3 linearisation.</summary>
    public static List<PyType> Linearise(PyType type)
    {
        var result = new List<PyType> { type };
        var lists = type.Bases.Select(b => b.Mro.ToList()).Append([.. type.Bases]).Where(l => l.Count > 0).ToList();
        if (type.Bases.Distinct().Count() != type.Bases.Length)
            throw Err.Type($"duplicate base class {type.Bases.GroupBy(b => b).First(g => g.Count() > 1).Key.Name}");
        while (lists.Count > 0)
        {
            var next = lists.Select(l => l[0]).FirstOrDefault(c => !lists.Any(l => l.IndexOf(c) > 0));
            if (next is null)
                throw Err.Type("Cannot create a consistent method resolution\norder (MRO) for bases " + string.Join(", ", lists.Select(l => l[0].Name).Distinct()));
            result.Add(next);
            foreach (var list in lists)
            {
                if (list[0] == next)
                    list.RemoveAt(0);
            }
            lists.RemoveAll(l => l.Count == 0);
        }
        return result;
    }

    public static void SetBases(PyType type, PyTuple bases)
    {
        if (bases.Count == 0)
            throw Err.Type($"can only assign non-empty tuple to {type.Name}.__bases__, not ()");
        var parents = bases.Items.Select(b => b as PyType ?? throw Err.Type($"{type.Name}.__bases__ must be tuple of classes, not '{b.Type.FullName}'")).ToArray();
        if (parents.Any(p => p.IsSubtypeOf(type)))
            throw Err.Type("a __bases__ item causes an inheritance cycle");
        var best = BestBase(parents);
        if (best.Solid != type.Base!.Solid || best.SlotCount != type.Base.SlotCount)
            throw Err.Type($"__bases__ assignment: '{best.Name}' object layout differs from '{type.Base.Name}'");
        foreach (var old in type.Bases)
            old.RemoveChild(type);
        type.Bases = parents;
        type.Base = best;
        foreach (var parent in parents)
            parent.AddChild(type);
        Refresh(type);
    }

    private static void Refresh(PyType type)
    {
        SetMro(type);
        SlotTable.Fill(type);
        foreach (var child in type.Subclasses())
            Refresh(child);
    }
}
