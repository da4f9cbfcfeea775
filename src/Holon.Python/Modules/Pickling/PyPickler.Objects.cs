using System.Text;

namespace Holon.Python.Modules.Pickling;

/// <summary>Objects that say themselves how they are made again, and what is found by its name: classes and functions.</summary>
internal sealed partial class PyPickler
{
    private void SaveOther(PyObject o, PyType type)
    {
        if (ReducerOverride is not null)
        {
            var answer = Calls.Call(ReducerOverride, o);
            if (answer != Values.NotImplemented)
            {
                SaveAnswer(answer, o);
                return;
            }
        }
        if (type == PyType.TypeType)
        {
            PyObject? single = o == SingletonTypes.None ? Values.None : o == SingletonTypes.Ellipsis ? PySingleton.Ellipsis : o == SingletonTypes.NotImplemented ? Values.NotImplemented : null;
            if (single is null)
                SaveGlobal(o, null);
            else
                SaveReduce(new PyTuple(PyType.TypeType, new PyTuple(single)), o);
        }
        else if (type == FunctionTypes.Function)
        {
            SaveGlobal(o, null);
        }
        else if (Reducer(type) is { } reducer)
        {
            SaveAnswer(Calls.Call(reducer, o), o);
        }
        else if (type.IsSubtypeOf(PyType.TypeType))
        {
            SaveGlobal(o, null);
        }
        else if (Attributes.TryGet(o, Names.ReduceEx) is { } extended)
        {
            SaveAnswer(Calls.Call(extended, PyInt.Of(Protocol)), o);
        }
        else if (Attributes.TryGet(o, Names.Reduce) is { } reduce)
        {
            SaveAnswer(Calls.Call(reduce), o);
        }
        else
        {
            throw State.Pickling($"can't pickle '{type.FullName}' object: {Ops.Repr(o)}");
        }
    }

    /// <summary>The function for the type in the pickler's own table, or in copyreg's.</summary>
    private PyObject? Reducer(PyType type)
    {
        if (DispatchTable is null)
            return State.DispatchTable.Get(type);
        if (DispatchTable.Type == DictType.Type)
            return ((PyDict)DispatchTable).Get(type);
        try
        {
            return Ops.GetItem(DispatchTable, type);
        }
        catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.KeyError))
        {
            return null;
        }
    }

    private void SaveAnswer(PyObject answer, PyObject o)
    {
        if (answer is PyStr name)
            SaveGlobal(o, name);
        else
            SaveReduce(answer as PyTuple ?? throw State.Pickling("__reduce__ must return a string or tuple"), o);
    }

    private void SaveReduce(PyTuple answer, PyObject? o)
    {
        if (answer.Count is < 2 or > 6)
            throw State.Pickling("tuple returned by reduce() must contain 2 through 6 elements");
        PyObject? Part(int i) => i < answer.Count && answer[i] != Values.None ? answer[i] : null;
        var callable = answer[0];
        if (!BuiltinsModule.IsCallable(callable))
            throw State.Pickling("first item of the tuple returned by __reduce__ must be callable");
        if (answer[1] is not PyTuple arguments)
            throw State.Pickling("second item of the tuple returned by __reduce__ must be a tuple");
        var (state, items, pairs, setter) = (Part(2), Part(3), Part(4), Part(5));
        if (items is not null && items.Type.Next is null)
            throw State.Pickling($"fourth element of the tuple returned by __reduce__ must be an iterator, not {items.Type.FullName}");
        if (pairs is not null && pairs.Type.Next is null)
            throw State.Pickling($"fifth element of the tuple returned by __reduce__ must be an iterator, not {pairs.Type.FullName}");
        if (setter is not null && !BuiltinsModule.IsCallable(setter))
            throw State.Pickling($"sixth element of the tuple returned by __reduce__ must be a function, not {setter.Type.FullName}");
        var name = Protocol >= 2 ? (Attributes.TryGet(callable, Names.Name) as PyStr)?.Value : null;
        if (name == "__newobj_ex__")
        {
            SaveNewExtended(arguments);
        }
        else if (name == "__newobj__")
        {
            SaveNew(arguments, o);
        }
        else
        {
            Save(callable);
            Save(arguments);
            Output.Byte(PickleOp.Reduce);
        }
        if (o is not null)
        {
            // An object that its own arguments lead to is there already: what was written of it is thrown away.
            if (Memo.TryGetValue(o, out var index))
            {
                Output.Byte(PickleOp.Pop);
                WriteGet(index);
                return;
            }
            Memoize(o);
        }
        if (items is not null)
            SaveItems(items);
        if (pairs is not null)
            SavePairs(pairs);
        if (state is null)
            return;
        if (setter is null)
        {
            Save(state);
            Output.Byte(PickleOp.Build);
            return;
        }
        Save(setter);
        Save(o!);
        Save(state);
        Output.Byte(PickleOp.Tuple2);
        Output.Byte(PickleOp.Reduce);
        Output.Byte(PickleOp.Pop);
    }

    private void SaveNew(PyTuple arguments, PyObject? o)
    {
        if (arguments.Count < 1)
            throw State.Pickling("__newobj__ arglist is empty");
        if (arguments[0] is not PyType { New: not null } cls)
            throw State.Pickling("args[0] from __newobj__ args has no __new__");
        if (o is not null && Attributes.Get(o, Names.Class) != cls)
            throw State.Pickling("args[0] from __newobj__ args has the wrong class");
        Save(cls);
        Save(arguments.Count == 1 ? PyTuple.Empty : new PyTuple(arguments.Items[1..]));
        Output.Byte(PickleOp.NewObj);
    }

    private void SaveNewExtended(PyTuple arguments)
    {
        if (arguments.Count != 3)
            throw State.Pickling($"length of the NEWOBJ_EX argument tuple must be exactly 3, not {arguments.Count}");
        if (arguments[0] is not PyType cls)
            throw State.Pickling($"first item from NEWOBJ_EX argument tuple must be a class, not {arguments[0].Type.FullName}");
        if (arguments[1] is not PyTuple positional)
            throw State.Pickling($"second item from NEWOBJ_EX argument tuple must be a tuple, not {arguments[1].Type.FullName}");
        if (arguments[2] is not PyDict keywords)
            throw State.Pickling($"third item from NEWOBJ_EX argument tuple must be a dict, not {arguments[2].Type.FullName}");
        if (Protocol >= 4)
        {
            Save(cls);
            Save(positional);
            Save(keywords);
            Output.Byte(PickleOp.NewObjEx);
            return;
        }
        var partial = Attributes.Get(PyThread.Current.Machine.ImportModule("functools"), "partial");
        PyObject[] given = [Attributes.Get(cls, Names.New), cls, .. positional.Items];
        Save(Calls.CallWith(partial, given, keywords) ?? throw PyThread.Current.TakeError());
        Save(PyTuple.Empty);
        Output.Byte(PickleOp.Reduce);
    }

    // ---- By name ----

    private void SaveGlobal(PyObject o, PyStr? given)
    {
        var name = given ?? Attributes.TryGet(o, Names.QualName) as PyStr ?? Attributes.Get(o, Names.Name) as PyStr ?? throw Err.Type("__name__ must be a string");
        var parts = PickleState.Parts(name, null);
        var moduleName = ModuleOf(o, parts);
        PyObject module;
        try
        {
            module = PickleState.Module(moduleName);
        }
        catch (PyError)
        {
            throw State.Pickling($"Can't pickle {Ops.Repr(o)}: import of module {Ops.Repr(moduleName)} failed");
        }
        if (PickleState.Find(module, parts, out var parent) is not { } found)
            throw State.Pickling($"Can't pickle {Ops.Repr(o)}: attribute lookup {name} on {moduleName} failed");
        if (!ReferenceEquals(found, o))
            throw State.Pickling($"Can't pickle {Ops.Repr(o)}: it's not the same object as {moduleName}.{name}");
        if (Protocol >= 2 && State.ExtensionRegistry.Count > 0 && State.ExtensionRegistry.Get(new PyTuple(moduleName, name)) is { } code)
        {
            SaveExtension(o, code);
            return;
        }
        var last = parts[^1];
        if (ReferenceEquals(parent, module))
            name = last;
        if (Protocol >= 4)
        {
            Save(moduleName);
            Save(name);
            Output.Byte(PickleOp.StackGlobal);
        }
        else if (!ReferenceEquals(parent, module))
        {
            SaveReduce(new PyTuple(Attributes.Get(PyThread.Current.Machine.Builtins, "getattr"), new PyTuple(parent, last)), null);
        }
        else
        {
            if (FixesImports)
                (moduleName, name) = NamesOf2(moduleName, name);
            Output.Byte(PickleOp.Global);
            Identifier(moduleName, "module");
            Identifier(name, "global");
        }
        Memoize(o);
    }

    private void Identifier(PyStr text, string what)
    {
        var isAscii = !text.IsWide && Ascii.IsValid(text.Value);
        if (!isAscii && Protocol != 3)
            throw State.Pickling($"can't pickle {what} identifier '{text}' using pickle protocol {Protocol}");
        try
        {
            Output.Bytes(Codecs.EncodeUtf8(text, "strict"));
        }
        catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.UnicodeEncodeError))
        {
            throw State.Pickling($"can't pickle {what} identifier '{text}' using pickle protocol {Protocol}");
        }
        Output.Byte((byte)'\n');
    }

    private void SaveExtension(PyObject o, PyObject code)
    {
        if (code is not PyInt)
            throw State.Pickling($"Can't pickle {Ops.Repr(o)}: extension code {Ops.Repr(code)} isn't an integer");
        var number = Args.Long(code);
        if (number is <= 0 or > int.MaxValue)
            throw Err.Runtime($"Can't pickle {Ops.Repr(o)}: extension code {number} is out of range");
        if (number < 256)
            Output.Byte(PickleOp.Ext1, (byte)number);
        else if (number < 65536)
            Output.UInt16(PickleOp.Ext2, (ushort)number);
        else
            Output.UInt32(PickleOp.Ext4, (uint)number);
    }

    /// <summary>The module that an object says it is from, or the first in which its name leads to it.</summary>
    private static PyStr ModuleOf(PyObject o, PyStr[] parts)
    {
        if (Attributes.TryGet(o, Names.Module) is { } own && own != Values.None)
            return own as PyStr ?? throw Err.Type($"module name must be a string, not {own.Type.FullName}");
        foreach (var (key, module) in PyThread.Current.Machine.Modules.Items().ToArray())
        {
            if (key is PyStr { Value: not "__main__" } name && module != Values.None && PickleState.Find(module, parts, out _) == o)
                return name;
        }
        return new PyStr("__main__");
    }

    private (PyStr Module, PyStr Name) NamesOf2(PyStr module, PyStr name)
    {
        if (State.NamesTo2.Get(new PyTuple(module, name)) is { } both)
        {
            if (both is not PyTuple { Count: 2 } pair)
                throw Err.Runtime($"_compat_pickle.REVERSE_NAME_MAPPING values should be 2-tuples, not {both.Type.FullName}");
            if (pair[0] is not PyStr oldModule || pair[1] is not PyStr oldName)
                throw Err.Runtime($"_compat_pickle.REVERSE_NAME_MAPPING values should be pairs of str, not ({pair[0].Type.FullName}, {pair[1].Type.FullName})");
            return (oldModule, oldName);
        }
        if (State.ModulesTo2.Get(module) is { } other)
            return (other as PyStr ?? throw Err.Runtime($"_compat_pickle.REVERSE_IMPORT_MAPPING values should be strings, not {other.Type.FullName}"), name);
        return (module, name);
    }
}
