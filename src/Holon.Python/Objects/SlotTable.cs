namespace Holon.Python.Objects;

internal delegate PyObject? NativeFn(PyObject self, ReadOnlySpan<PyObject> args, PyTuple? names);

/// <summary>
/// The special methods and the slots they stand for. From a built-in type's slots come the wrappers in its dict (<c>int.__add__</c>);
/// from a class's special methods come its slots, which call the methods.
/// </summary>
internal static partial class SlotTable
{
    /// <summary>One slot with the special methods that it stands for.</summary>
    /// <param name="Names">For instance <c>__add__</c> and <c>__radd__</c>.</param>
    /// <param name="Get">Reads the slot.</param>
    /// <param name="Set">Writes the slot.</param>
    /// <param name="Dispatcher">The slot of classes: it looks the method up and calls it.</param>
    /// <param name="Wrap">What the method of that number in <paramref name="Names"/> does when the slot is given.</param>
    private sealed record Slot(PyStr[] Names, Func<PyType, Delegate?> Get, Action<PyType, Delegate?> Set, Delegate Dispatcher, Func<int, Delegate, NativeFn?> Wrap);

    private static readonly List<Slot> Slots;
    private static readonly Dictionary<PyStr, List<Slot>> ByName;

    // After the fields of the class's other part, which the rows use.
    static SlotTable()
    {
        Slots = MakeSlots();
        ByName = MakeIndex();
    }

    // __add__ and __mul__ stand for a number's slot and for a sequence's.
    private static Dictionary<PyStr, List<Slot>> MakeIndex()
    {
        var index = new Dictionary<PyStr, List<Slot>>();
        foreach (var slot in Slots)
        {
            foreach (var name in slot.Names)
            {
                if (!index.TryGetValue(name, out var slots))
                    index[name] = slots = [];
                slots.Add(slot);
            }
        }
        return index;
    }

    public static void Inherit(PyType type, PyType from)
    {
        foreach (var slot in Slots)
            slot.Set(type, slot.Get(from));
        type.New = from.New;
        type.Allocate = from.Allocate;
        type.IsSequence = from.IsSequence;
        type.IsMapping = from.IsMapping;
        type.HasFinalizer = from.HasFinalizer;
    }

    /// <summary>Puts the wrappers of a built-in type's own slots into its dict.</summary>
    public static void AddWrappers(PyType type)
    {
        foreach (var slot in Slots)
        {
            var function = slot.Get(type);
            if (function is null || (type.Base is { } parent && Equals(slot.Get(parent), function)))
                continue;
            for (var i = 0; i < slot.Names.Length; i++)
            {
                if (!type.Dict.Contains(slot.Names[i]) && slot.Wrap(i, function) is { } call)
                    type.Dict.Set(slot.Names[i], new PySlotWrapper(type, slot.Names[i].Value, call));
            }
        }
        if (type.New is not null && (type.Base is null || type.Base.New != type.New) && !type.Dict.Contains(Names.New))
            type.Dict.Set(Names.New, TypeObject.NewWrapper(type));
        if (type.Hash is null && type.Base?.Hash is not null && !type.Dict.Contains(Names.Hash))
            type.Dict.Set(Names.Hash, Values.None);
        type.Hash ??= o => throw Err.Type($"unhashable type: '{o.Type.FullName}'");
    }

    /// <summary>Sets all slots of a class from its special methods and its ancestors.</summary>
    public static void Fill(PyType type)
    {
        foreach (var slot in Slots)
            Fill(type, slot);
        FillNew(type);
        // A built-in class sees to its own.
        type.HasFinalizer = type.Lookup(Names.Del) is not (null or PyMethodDescriptor);
    }

    /// <summary>A special method of a class has been set or deleted.</summary>
    public static void Update(PyType type, PyStr name)
    {
        if (ByName.TryGetValue(name, out var slots))
        {
            foreach (var slot in slots)
                Fill(type, slot);
        }
        else if (name.Equals(Names.New))
            FillNew(type);
        else if (name.Equals(Names.Del))
            type.HasFinalizer = type.Lookup(Names.Del) is not (null or PyMethodDescriptor);
        else
            return;
        foreach (var child in type.Subclasses())
            Update(child, name);
    }

    private static void FillNew(PyType type)
    {
        var found = type.Lookup(Names.New);
        type.New = found is PyBuiltin { NewOf: { } origin } ? origin.New : TypeObject.NewByMethod;
    }

    private static void Fill(PyType type, Slot slot)
    {
        Delegate? inherited = null;
        var any = false;
        foreach (var name in slot.Names)
        {
            var found = type.Lookup(name);
            if (found is null)
                continue;
            if (found is PySlotWrapper wrapper && slot.Names.Any(n => n.Value == wrapper.Name))
            {
                // list.__add__ is a wrapper of the concatenation, not of the number slot.
                if (slot.Get(wrapper.Owner) is not { } function)
                    continue;
                if (inherited is null || Equals(inherited, function))
                {
                    inherited = function;
                    any = true;
                    continue;
                }
            }
            if (found == Values.None && name.Equals(Names.Hash))
            {
                slot.Set(type, (LongFn)(o => throw Err.Type($"unhashable type: '{o.Type.FullName}'")));
                return;
            }
            slot.Set(type, slot.Dispatcher);
            return;
        }
        slot.Set(type, any ? inherited : null);
    }
}
