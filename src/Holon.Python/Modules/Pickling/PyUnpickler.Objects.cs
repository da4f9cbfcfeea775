namespace Holon.Python.Modules.Pickling;

/// <summary>What the pickle machine does to objects, and how it finds classes and functions.</summary>
internal sealed partial class PyUnpickler
{
    private static readonly PyStr Extend = Names.Intern("extend"), AppendName = Names.Intern("append"), Add = Names.Intern("add"), SetState = Names.Intern("__setstate__"), GetInitArguments = Names.Intern("__getinitargs__");

    private void ExecuteOnObjects(byte op)
    {
        switch (op)
        {
            case PickleOp.Global:
                var module = Codecs.DecodeUtf8(Input.Line(), "strict");
                var name = Codecs.DecodeUtf8(Input.Line(), "strict");
                Push(Find(module, name));
                break;
            case PickleOp.StackGlobal:
                var (second, first) = (Pop(), Pop());
                if (first.Type != StrType.Type || second.Type != StrType.Type)
                    throw State.Unpickling("STACK_GLOBAL requires str");
                Push(Find((PyStr)first, (PyStr)second));
                break;
            case PickleOp.Reduce:
                LoadReduce();
                break;
            case PickleOp.Build:
                LoadBuild();
                break;
            case PickleOp.NewObj:
                var arguments = Pop();
                Push(New(Pop(), arguments, null, "NEWOBJ"));
                break;
            case PickleOp.NewObjEx:
                var (keywords, positional) = (Pop(), Pop());
                Push(New(Pop(), positional, keywords, "NEWOBJ_EX"));
                break;
            case PickleOp.Inst:
                var mark = PopMark();
                var type = Find(Codecs.DecodeAscii(Input.Line(), "strict"), Codecs.DecodeAscii(Input.Line(), "strict"));
                Push(Instantiate(type, PopFrom(mark)));
                break;
            case PickleOp.Obj:
                var all = PopFrom(PopMark());
                Push(all.Length > 0 ? Instantiate(all[0], all[1..]) : throw Underflow());
                break;
            case PickleOp.Ext1:
                LoadExtension(Input.Byte());
                break;
            case PickleOp.Ext2:
                LoadExtension(Input.UInt16());
                break;
            case PickleOp.Ext4:
                LoadExtension(Input.Int32());
                break;
            case PickleOp.PersId:
                LoadPersistent();
                break;
            case PickleOp.BinPersId:
                Push(Calls.Call(PersistentLoad ?? throw NoPersistentLoad(), Pop()));
                break;
            default:
                throw State.Unpickling(op is >= 0x20 and < 0x7f and not ((byte)'\'' or (byte)'\\') ? $"invalid load key, '{(char)op}'." : $"invalid load key, '\\x{op:x2}'.");
        }
    }

    private PyError NoPersistentLoad() =>
        State.Unpickling("A load persistent id instruction was encountered, but no persistent_load function was specified.");

    private void LoadPersistent()
    {
        if (PersistentLoad is null)
            throw NoPersistentLoad();
        var line = Input.Line();
        if (!System.Text.Ascii.IsValid(line))
            throw State.Unpickling("persistent IDs in protocol 0 must be ASCII strings");
        Push(Calls.Call(PersistentLoad, new PyStr(System.Text.Encoding.Latin1.GetString(line))));
    }

    private void LoadGet(long index) => Push(Memo.Get(index) ?? throw State.Unpickling($"Memo value not found at index {index}"));

    // ---- Containers ----

    private void LoadDict()
    {
        var items = PopFrom(PopMark());
        if (items.Length % 2 != 0)
            throw State.Unpickling("odd number of items for DICT");
        var dict = new PyDict();
        for (var i = 0; i < items.Length; i += 2)
            dict.Set(items[i], items[i + 1]);
        Push(dict);
    }

    // What stands below the items from a place on; nothing to do leaves it as it is.
    private bool HasItems(int from)
    {
        if (from > top || from <= fence)
            throw Underflow();
        return from < top;
    }

    private void Append(int from)
    {
        if (!HasItems(from))
            return;
        var target = stack[from - 1];
        if (target.Type == ListType.Type)
        {
            ((PyList)target).AddRange(stack.AsSpan(from, top - from));
            Cut(from);
            return;
        }
        if (Attributes.TryGet(target, Extend) is { } extend)
        {
            Calls.Call(extend, new PyList(PopFrom(from)));
            return;
        }
        var append = Attributes.Get(target, AppendName);
        foreach (var item in PopFrom(from))
            Calls.Call(append, item);
    }

    private void SetItems(int from)
    {
        if (!HasItems(from))
            return;
        if ((top - from) % 2 != 0)
            throw State.Unpickling("odd number of items for SETITEMS");
        var target = stack[from - 1];
        var plain = target.Type == DictType.Type ? (PyDict)target : null;
        for (var i = from; i < top; i += 2)
        {
            if (plain is not null)
                plain.Set(stack[i], stack[i + 1]);
            else
                Ops.SetItem(target, stack[i], stack[i + 1]);
        }
        Cut(from);
    }

    private void LoadAddItems()
    {
        var from = PopMark();
        if (!HasItems(from))
            return;
        var target = stack[from - 1];
        var items = PopFrom(from);
        if (target is PySet { IsFrozen: false } set)
        {
            foreach (var item in items)
                set.Add(item);
            return;
        }
        var add = Attributes.Get(target, Add);
        foreach (var item in items)
            Calls.Call(add, item);
    }

    // ---- Objects ----

    private void LoadReduce()
    {
        var arguments = Pop();
        var function = Pop();
        if (arguments is not PyTuple given)
            throw Err.Type("argument list must be a tuple");
        Push(Calls.Call(function, given.Items));
    }

    private PyObject New(PyObject cls, PyObject arguments, PyObject? keywords, string op)
    {
        if (cls is not PyType made)
            throw State.Unpickling($"{op} class argument must be a type, not {cls.Type.FullName}");
        if (made.New is null)
            throw State.Unpickling($"{op} class argument '{made.FullName}' doesn't have __new__");
        if (arguments is not PyTuple positional)
            throw State.Unpickling($"{op} args argument must be a tuple, not {arguments.Type.FullName}");
        if (keywords is null)
            return made.New(made, positional.Items, null) ?? throw PyThread.Current.TakeError();
        if (keywords is not PyDict named)
            throw State.Unpickling($"{op} kwargs argument must be a dict, not {keywords.Type.FullName}");
        PyObject[] all = [.. positional.Items, .. named.Items().Select(i => i.Value)];
        var names = new PyTuple([.. named.Items().Select(i => i.Key as PyStr ?? throw Err.Type("keywords must be strings"))]);
        return made.New(made, all, names.Count == 0 ? null : names) ?? throw PyThread.Current.TakeError();
    }

    private static PyObject Instantiate(PyObject cls, PyObject[] arguments)
    {
        if (arguments.Length == 0 && cls is PyType && Attributes.TryGet(cls, GetInitArguments) is null)
            return Calls.Call(Attributes.Get(cls, Names.New), cls);
        return Calls.Call(cls, arguments);
    }

    private void LoadBuild()
    {
        if (top - 2 < fence)
            throw Underflow();
        var state = Pop();
        var instance = Top;
        if (Attributes.TryGet(instance, SetState) is { } setState)
        {
            Calls.Call(setState, state);
            return;
        }
        PyObject? slots = null;
        if (state is PyTuple { Count: 2 } both)
            (state, slots) = (both[0], both[1]);
        if (state != Values.None)
            SetAttributes(instance, state as PyDict ?? throw State.Unpickling("state is not a dictionary"));
        if (slots is null || slots == Values.None)
            return;
        foreach (var (key, value) in (slots as PyDict ?? throw State.Unpickling("slot state is not a dictionary")).Items().ToArray())
            Attributes.Set(instance, Args.Name(key), value);
    }

    private static void SetAttributes(PyObject instance, PyDict state)
    {
        var machine = PyThread.Current.Machine;
        // What goes into the instance's own __dict__ need not make one.
        var plain = ObjectType.HasPlainDict(instance) && state.GetType() == typeof(PyDict);
        for (var i = 0; plain && i < state.EntryCount; i++)
            plain = !state.EntryAt(i, out var key, out _) || key.Type == StrType.Type;
        var dict = plain ? null : Attributes.Get(instance, Names.Dict);
        for (var i = 0; i < state.EntryCount; i++)
        {
            if (!state.EntryAt(i, out var key, out var value))
                continue;
            if (key.Type == StrType.Type)
                key = machine.Intern((PyStr)key);
            if (dict is null)
                instance.Data.Set((PyStr)key, value);
            else
                Ops.SetItem(dict, key, value);
        }
    }

    // ---- Classes and functions ----

    private void LoadExtension(int code)
    {
        if (code <= 0)
            throw State.Unpickling("EXT specifies code <= 0");
        var key = PyInt.Of(code);
        if (State.ExtensionCache.Get(key) is { } known)
        {
            Push(known);
            return;
        }
        var pair = State.InvertedRegistry.Get(key) ?? throw Err.Value($"unregistered extension code {code}");
        if (pair is not PyTuple { Count: 2 } names || names[0] is not PyStr module || names[1] is not PyStr name)
            throw Err.Value($"_inverted_registry[{code}] isn't a 2-tuple of strings");
        var found = Find(module, name);
        State.ExtensionCache.Set(key, found);
        Push(found);
    }

    /// <summary>By the method <c>find_class</c>, which a subclass may have its own of.</summary>
    private PyObject Find(PyStr module, PyStr name) =>
        Type == UnpicklerType.Type ? FindClass(module, name) : Calls.CallMethod(this, "find_class", module, name);

    public PyObject FindClass(PyObject moduleName, PyObject globalName)
    {
        State.Load();
        var module = moduleName as PyStr ?? throw Err.Type("module name must be a string");
        var name = globalName as PyStr ?? throw Err.Type("attribute name must be string, not '" + globalName.Type.FullName + "'");
        if (protocol < 3 && fixesImports)
        {
            if (State.NamesFrom2.Get(new PyTuple(module, name)) is { } both)
            {
                if (both is not PyTuple { Count: 2 } pair)
                    throw Err.Runtime($"_compat_pickle.NAME_MAPPING values should be 2-tuples, not {both.Type.FullName}");
                if (pair[0] is not PyStr newModule || pair[1] is not PyStr newName)
                    throw Err.Runtime($"_compat_pickle.NAME_MAPPING values should be pairs of str, not ({pair[0].Type.FullName}, {pair[1].Type.FullName})");
                (module, name) = (newModule, newName);
            }
            else if (State.ModulesFrom2.Get(module) is { } other)
            {
                module = other as PyStr ?? throw Err.Runtime($"_compat_pickle.IMPORT_MAPPING values should be strings, not {other.Type.FullName}");
            }
        }
        var from = PickleState.Module(module);
        if (protocol < 4)
            return Attributes.Get(from, name);
        return PickleState.Find(from, PickleState.Parts(name, from), out _) ?? throw Err.Of(ExceptionTypes.AttributeError, PyStr.FromUtf16($"Can't get attribute {Ops.Repr(name)} on {Ops.Repr(from)}"));
    }
}
