namespace Holon.Python.Interpreter;

/// <summary>The opcodes that are long or seldom executed.</summary>
internal static partial class EvaluationLoop
{
    /// <summary>Executes one instruction; false if an exception is pending.</summary>
    public static bool Rare(PyThread thread, PyFrame frame, Instruction instruction, ref int pc)
    {
        var code = frame.Code;
        var slots = frame.Slots;
        ref var sp = ref frame.Sp;
        var arg = instruction.Arg;
        switch (instruction.Op)
        {
            case Opcode.UnaryPositive:
                slots[sp - 1].V = Ops.Positive(slots[sp - 1].V!);
                return true;
            case Opcode.UnaryNegative:
                slots[sp - 1].V = Ops.Negative(slots[sp - 1].V!);
                return true;
            case Opcode.UnaryInvert:
                slots[sp - 1].V = Ops.Invert(slots[sp - 1].V!);
                return true;
            case Opcode.DeleteSubscr:
                Ops.SetItem(slots[sp - 2].V!, slots[sp - 1].V!, null);
                Drop(frame, 2);
                return true;
            case Opcode.DeleteFast:
                if (slots[arg].V is null)
                    throw UnboundLocal(code, arg);
                slots[arg].V = null;
                return true;
            case Opcode.DeleteDeref:
                if (slots[arg].V is not PyCell { Value: not null } doomed)
                    throw UnboundDeref(code, arg);
                doomed.Value = null;
                return true;
            case Opcode.LoadClassDeref:
                {
                    var own = frame.Locals is PyDict locals && locals.GetType() == typeof(PyDict) ? locals.Get(code.LocalsPlusNames[arg]) : TryItem(frame.Locals!, code.LocalsPlusNames[arg]);
                    Push(frame, own ?? ((PyCell)slots[arg].V!).Value ?? throw UnboundDeref(code, arg));
                    return true;
                }
            case Opcode.LoadName:
                Push(frame, LoadName(frame, code.NameList[arg]));
                return true;
            case Opcode.StoreName:
                if (frame.Locals is null)
                    throw Err.System($"no locals found when storing '{code.NameList[arg]}'");
                if (frame.Locals.GetType() == typeof(PyDict))
                    Unsafe.As<PyDict>(frame.Locals).Set(code.NameList[arg], Pop(frame));
                else
                    Ops.SetItem(frame.Locals, code.NameList[arg], Pop(frame));
                return true;
            case Opcode.DeleteName:
                if (frame.Locals is PyDict namespaceDict && namespaceDict.GetType() == typeof(PyDict))
                {
                    if (namespaceDict.Remove(code.NameList[arg]) is null)
                        throw Err.Name($"name '{code.NameList[arg]}' is not defined", code.NameList[arg]);
                }
                else
                {
                    Ops.SetItem(frame.Locals!, code.NameList[arg], null);
                }
                return true;
            case Opcode.StoreGlobal:
                frame.Globals.Set(code.NameList[arg], Pop(frame));
                return true;
            case Opcode.DeleteGlobal:
                if (frame.Globals.Remove(code.NameList[arg]) is null)
                    throw Err.Name($"name '{code.NameList[arg]}' is not defined", code.NameList[arg]);
                return true;
            case Opcode.DeleteAttr:
                Attributes.Set(slots[sp - 1].V!, code.NameList[arg], null);
                Drop(frame, 1);
                return true;
            case Opcode.BuildSet:
                Collapse(frame, arg, new PySet(frame.Span(sp - arg, arg).ToArray(), false));
                return true;
            case Opcode.BuildMap:
                {
                    var map = new PyDict();
                    for (var i = 0; i < arg; i++)
                        map.Set(slots[sp - 2 * (arg - i)].V!, slots[sp - 2 * (arg - i) + 1].V!);
                    Collapse(frame, 2 * arg, map);
                    return true;
                }
            case Opcode.BuildConstKeyMap:
                {
                    var keys = (PyTuple)Pop(frame);
                    var map = new PyDict();
                    for (var i = 0; i < arg; i++)
                        map.Set(keys[i], slots[sp - arg + i].V!);
                    Collapse(frame, arg, map);
                    return true;
                }
            case Opcode.BuildString:
                {
                    var text = new PyStrBuilder();
                    for (var i = 0; i < arg; i++)
                        text.Append((PyStr)slots[sp - arg + i].V!);
                    Collapse(frame, arg, text.ToStr());
                    return true;
                }
            case Opcode.BuildSlice:
                {
                    var step = arg == 3 ? Pop(frame) : Values.None;
                    Collapse(frame, 2, new PySlice(slots[sp - 2].V!, slots[sp - 1].V!, step));
                    return true;
                }
            case Opcode.FormatValue:
                {
                    var spec = (arg & 4) != 0 ? (PyStr)Pop(frame) : PyStr.Empty;
                    var value = Pop(frame);
                    value = (arg & 3) switch
                    {
                        1 => Ops.Str(value),
                        2 => Ops.ReprObject(value),
                        3 => StrMethods.Ascii(value),
                        _ => value,
                    };
                    Push(frame, Ops.Format(value, spec));
                    return true;
                }
            case Opcode.ListToTuple:
                slots[sp - 1].V = new PyTuple(((PyList)slots[sp - 1].V!).ToArray());
                return true;
            case Opcode.ListExtend:
                {
                    var items = slots[sp - 1].V!;
                    if (items.Type.Iter is null && items.Type.GetItem is null)
                        throw Err.Type($"Value after * must be an iterable, not {items.Type.FullName}");
                    ((PyList)slots[sp - 1 - arg].V!).Extend(items);
                    Drop(frame, 1);
                    return true;
                }
            case Opcode.SetAdd:
                ((PySet)slots[sp - 1 - arg].V!).Add(slots[sp - 1].V!);
                Drop(frame, 1);
                return true;
            case Opcode.SetUpdate:
                SetTypes.AddAll((PySet)slots[sp - 1 - arg].V!, slots[sp - 1].V!);
                Drop(frame, 1);
                return true;
            case Opcode.MapAdd:
                ((PyDict)slots[sp - 2 - arg].V!).Set(slots[sp - 2].V!, slots[sp - 1].V!);
                Drop(frame, 2);
                return true;
            case Opcode.DictUpdate:
                if (slots[sp - 1].V is not PyDict && Attributes.TryGet(slots[sp - 1].V!, Names.Keys) is null)
                    throw Err.Type($"'{slots[sp - 1].V!.Type.FullName}' object is not a mapping");
                DictType.Merge((PyDict)slots[sp - 1 - arg].V!, slots[sp - 1].V!);
                Drop(frame, 1);
                return true;
            case Opcode.DictMerge:
                MergeKeywords((PyDict)slots[sp - 1 - arg].V!, slots[sp - 1].V!, slots[sp - 3 - arg].V!);
                Drop(frame, 1);
                return true;
            case Opcode.CallFunctionEx:
                return CallWithTuple(thread, frame, arg);
            case Opcode.MakeFunction:
                Push(frame, MakeFunction(frame, arg));
                return true;
            case Opcode.LoadBuildClass:
                Push(frame, frame.Builtins.Get(Names.BuildClass) ?? throw Err.Name("__build_class__ not found", Names.BuildClass));
                return true;
            case Opcode.LoadAssertionError:
                Push(frame, ExceptionTypes.AssertionError);
                return true;
            case Opcode.SetupAnnotations:
                if (frame.Locals is PyDict annotated && annotated.GetType() == typeof(PyDict))
                {
                    if (!annotated.Contains(Names.Annotations))
                        annotated.Set(Names.Annotations, new PyDict());
                }
                else if (TryItem(frame.Locals!, Names.Annotations) is null)
                {
                    Ops.SetItem(frame.Locals!, Names.Annotations, new PyDict());
                }
                return true;
            case Opcode.PrintExpr:
                Calls.Call(Attributes.TryGet(thread.Machine.Sys, "displayhook") ?? throw Err.Runtime("lost sys.displayhook"), Pop(frame));
                return true;
            case Opcode.UnpackEx:
                UnpackStarred(frame, arg & 0xff, arg >> 8);
                return true;
            case Opcode.ImportName:
                {
                    var names = Pop(frame);
                    var level = Pop(frame);
                    var import = frame.Builtins.Get(Names.Import) ?? throw Err.Of(ExceptionTypes.ImportError, "__import__ not found");
                    Push(frame, Calls.Call(import, code.NameList[arg], frame.Globals, frame.Locals ?? Values.None, names, level));
                    return true;
                }
            case Opcode.ImportFrom:
                Push(frame, Importing.ImportFrom(thread.Machine, slots[sp - 1].V!, code.NameList[arg]));
                return true;
            case Opcode.ImportStar:
                Importing.ImportStar(Pop(frame), frame.GetLocals());
                return true;
            case Opcode.GetLen:
                Push(frame, PyInt.Of(Ops.Len(slots[sp - 1].V!)));
                return true;
            case Opcode.MatchMapping:
                Push(frame, Values.Bool(slots[sp - 1].V!.Type.IsMapping));
                return true;
            case Opcode.MatchSequence:
                Push(frame, Values.Bool(slots[sp - 1].V!.Type.IsSequence));
                return true;
            case Opcode.MatchKeys:
                Push(frame, PatternMatching.Keys(slots[sp - 2].V!, (PyTuple)slots[sp - 1].V!));
                return true;
            case Opcode.MatchClass:
                {
                    var names = (PyTuple)Pop(frame);
                    var type = Pop(frame);
                    slots[sp - 1].V = PatternMatching.Class(slots[sp - 1].V!, type, arg, names);
                    return true;
                }
            default:
                return Exceptional(thread, frame, instruction, ref pc);
        }
    }

    private static void Push(PyFrame frame, PyObject value) => frame.Slots[frame.Sp++].V = value;

    private static PyObject Pop(PyFrame frame)
    {
        ref var slot = ref frame.Slots[--frame.Sp];
        var value = slot.V!;
        slot.V = null;
        return value;
    }

    private static void Drop(PyFrame frame, int count)
    {
        frame.Sp -= count;
        frame.Slots.AsSpan(frame.Sp, count).Clear();
    }

    private static void Collapse(PyFrame frame, int count, PyObject value)
    {
        Drop(frame, count);
        Push(frame, value);
    }

    private static PyObject? TryItem(PyObject mapping, PyObject key)
    {
        try
        {
            return Ops.GetItem(mapping, key);
        }
        catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.KeyError))
        {
            return null;
        }
    }

    private static PyObject LoadName(PyFrame frame, PyStr name)
    {
        var locals = frame.Locals ?? throw Err.System($"no locals when loading '{name}'");
        var value = locals.GetType() == typeof(PyDict) ? Unsafe.As<PyDict>(locals).Get(name) : TryItem(locals, name);
        return value ?? frame.Globals.Get(name) ?? (frame.Builtins.GetType() == typeof(PyDict) ? frame.Builtins.Get(name) : TryItem(frame.Builtins, name))
            ?? throw Err.Name($"name '{name}' is not defined", name);
    }

    public static PyObject[] Unpack(PyObject sequence, int count)
    {
        if (sequence.GetType() == typeof(PyList) && Unsafe.As<PyList>(sequence).Count == count)
            return Unsafe.As<PyList>(sequence).ToArray();
        if (sequence.Type.Iter is null && sequence.Type.GetItem is null)
            throw Err.Type($"cannot unpack non-iterable {sequence.Type.FullName} object");
        var iterator = Ops.Iter(sequence);
        var items = new PyObject[count];
        for (var i = 0; i < count; i++)
            items[i] = Ops.Next(iterator) ?? throw Err.Value($"not enough values to unpack (expected {count}, got {i})");
        if (Ops.Next(iterator) is not null)
            throw Err.Value($"too many values to unpack (expected {count})");
        return items;
    }

    private static void UnpackStarred(PyFrame frame, int before, int after)
    {
        var sequence = Pop(frame);
        if (sequence.Type.Iter is null && sequence.Type.GetItem is null)
            throw Err.Type($"cannot unpack non-iterable {sequence.Type.FullName} object");
        var iterator = Ops.Iter(sequence);
        var items = new List<PyObject>();
        while (items.Count < before)
            items.Add(Ops.Next(iterator) ?? throw Err.Value($"not enough values to unpack (expected at least {before + after}, got {items.Count})"));
        while (Ops.Next(iterator) is { } item)
            items.Add(item);
        if (items.Count < before + after)
            throw Err.Value($"not enough values to unpack (expected at least {before + after}, got {items.Count})");
        for (var i = 0; i < after; i++)
            Push(frame, items[items.Count - 1 - i]);
        Push(frame, new PyList(items.Skip(before).Take(items.Count - before - after)));
        for (var i = before - 1; i >= 0; i--)
            Push(frame, items[i]);
    }

    private static PyFunction MakeFunction(PyFrame frame, int flags)
    {
        var code = (PyCode)Pop(frame);
        var function = new PyFunction(code, frame.Globals, code.QualName)
        {
            Builtins = frame.Builtins,
            Doc = code.Consts.Length > 0 && code.Consts[0] is PyStr doc ? doc : null,
            Module = frame.Globals.Get(Names.Name) ?? Values.None,
        };
        if ((flags & 8) != 0)
            function.Closure = ((PyTuple)Pop(frame)).Items;
        if ((flags & 4) != 0)
            function.Annotations = Pop(frame);
        if ((flags & 2) != 0)
            function.KeywordDefaults = (PyDict)Pop(frame);
        if ((flags & 1) != 0)
            function.Defaults = (PyTuple)Pop(frame);
        return function;
    }

    private static string NameOf(PyObject function) => function switch
    {
        PyFunction f => f.QualName + "()",
        PyBuiltin b => (b.Module is { } module and not "builtins" ? module + "." : "") + b.Code.Name + "()",
        PyMethod m => NameOf(m.Function),
        PyType t => t.Name + "()",
        _ => Ops.Repr(function) + " object",
    };

    private static void MergeKeywords(PyDict into, PyObject source, PyObject function)
    {
        if (source is not PyDict && Attributes.TryGet(source, Names.Keys) is null)
            throw Err.Type($"{NameOf(function)} argument after ** must be a mapping, not {source.Type.FullName}");
        var from = source as PyDict;
        if (from is null)
            DictType.Merge(from = new PyDict(), source);
        foreach (var (key, value) in from.Items())
        {
            if (into.Contains(key))
                throw Err.Type($"{NameOf(function)} got multiple values for keyword argument {Ops.Repr(key)}");
            into.Set(key, value);
        }
    }

    private static bool CallWithTuple(PyThread thread, PyFrame frame, int flags)
    {
        var keywords = (flags & 1) != 0 ? Pop(frame) : null;
        var positional = Pop(frame);
        var function = Pop(frame);
        frame.Sp--;
        if (positional is not PyTuple tuple)
        {
            if (positional.Type.Iter is null && positional.Type.GetItem is null)
                throw Err.Type($"{NameOf(function)} argument after * must be an iterable, not {positional.Type.FullName}");
            tuple = new PyTuple([.. Ops.Each(positional)]);
        }
        if (keywords is not (null or PyDict))
            MergeKeywords((PyDict)(keywords = new PyDict()), keywords, function);
        var value = Calls.CallWith(function, tuple.Items, keywords as PyDict);
        if (value is null)
            return false;
        Push(frame, value);
        return true;
    }
}
