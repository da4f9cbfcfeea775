namespace Holon.Python.Modules;

/// <summary>c_make_encoder: writes a value as JSON in one piece.</summary>
internal sealed class JsonEncoder : PyExtensible
{
    private enum Quoting
    {
        Function,
        Ascii,
        Unicode,
    }

    private static readonly NativeParameters MakeParameters = new("make_encoder", "markers, default, encoder, indent, key_separator, item_separator, sort_keys, skipkeys, allow_nan");
    private static readonly NativeParameters CallParameters = new("_iterencode", "obj, _current_indent_level");

    public static readonly PyType PythonType = new("Encoder", PyType.Object, t =>
    {
        t.New = (type, args, names) =>
        {
            var a = MakeParameters.Bind(args, names);
            if (a[0] is not PyDict && a[0] != Values.None)
                throw Err.Type($"make_encoder() argument 1 must be dict or None, not {a[0]!.Type.FullName}");
            if (a[4] is not PyStr || a[5] is not PyStr)
                throw Err.Type($"make_encoder() argument {(a[4] is PyStr ? 6 : 5)} must be str, not {(a[4] is PyStr ? a[5] : a[4])!.Type.FullName}");
            return new JsonEncoder(type, a);
        };
        t.Init = (_, _, _) => { };
        t.DefCall();
    }, "_json");

    private readonly PyObject otherwise, encoder;
    private readonly PyDict? markers;
    private readonly PyStr keySeparator, itemSeparator;
    private readonly bool sortKeys, skipKeys, allowNaN;
    private readonly Quoting quoting;

    private JsonEncoder(PyType type, PyObject?[] a)
        : base(type)
    {
        markers = a[0] as PyDict;
        (otherwise, encoder) = (a[1]!, a[2]!);
        (keySeparator, itemSeparator) = ((PyStr)a[4]!, (PyStr)a[5]!);
        (sortKeys, skipKeys, allowNaN) = (Ops.IsTrue(a[6]!), Ops.IsTrue(a[7]!), Ops.IsTrue(a[8]!));
        if (encoder is PyBuiltin { Module: "_json" } function)
            quoting = function.Code.Name switch { "encode_basestring_ascii" => Quoting.Ascii, "encode_basestring" => Quoting.Unicode, _ => Quoting.Function };
    }

    public override PyObject? Call(ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (names is not null || args.Length != 2)
            args = CallParameters.Bind(args, names)!;
        Args.Long(args[1]);
        var output = JsonOutput.Take();
        Write(args[0], output);
        return new PyTuple(output.Finish());
    }

    private void Write(PyObject o, JsonOutput output)
    {
        if (o is PyStr text)
            WriteString(text, output);
        else if (o.GetType() == typeof(PyInt))
            output.Append(((PyInt)o).Value);
        else if (o == Values.None)
            output.Append("null");
        else if (o is PyInt number)
            WriteInt(number, output);
        else if (o is PyFloat real)
            WriteFloat(real.Value, output);
        else
            WriteContainer(o, output);
    }

    private void WriteContainer(PyObject o, JsonOutput output)
    {
        var thread = PyThread.EnterNative(" while encoding a JSON object");
        try
        {
            switch (o)
            {
                case PyList list when list.Type == ListType.Type:
                    WriteList(list, output);
                    break;
                case PyTuple tuple when tuple.Type == TupleType.Type:
                    WriteItems(o, tuple.Items, output);
                    break;
                case PyList or PyTuple:
                    WriteItems(o, Ops.ToArray(o), output);
                    break;
                case PyDict dict:
                    WriteDict(dict, output);
                    break;
                default:
                    var id = Enter(o);
                    Write(Calls.Call(otherwise, o), output);
                    Leave(id);
                    break;
            }
        }
        finally
        {
            thread.LeaveNative();
        }
    }

    // What is being written is marked, so that it is known when it contains itself.
    private PyObject? Enter(PyObject o)
    {
        if (markers is null)
            return null;
        var id = Ops.Id(o);
        if (markers.Contains(id))
            throw Err.Value("Circular reference detected");
        markers.Set(id, o);
        return id;
    }

    private void Leave(PyObject? id)
    {
        if (id is not null)
            markers!.Remove(id);
    }

    private void WriteString(PyStr text, JsonOutput output)
    {
        if (quoting != Quoting.Function)
        {
            output.Quote(text, quoting == Quoting.Ascii);
            return;
        }
        var result = Calls.Call(encoder, text);
        output.Append(result as PyStr ?? throw Err.Type($"encoder() must return a string, not {result.Type.FullName}"));
    }

    private static void WriteInt(PyInt number, JsonOutput output)
    {
        if (number is PyBool truth)
            output.Append(truth.IsTrue ? "true" : "false");
        else if (number.TryLong(out var value))
            output.Append(value);
        else
            output.Append(IntText.ToDecimal(number));
    }

    private void WriteFloat(double number, JsonOutput output)
    {
        if (!double.IsFinite(number) && !allowNaN)
            throw Err.Value("Out of range float values are not JSON compliant");
        output.Append(double.IsFinite(number) ? FloatText.Repr(number) : double.IsNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
    }

    // A list may change while its items are written: it is asked for each of them.
    private void WriteList(PyList list, JsonOutput output)
    {
        if (list.Count == 0)
        {
            output.Append("[]");
            return;
        }
        var id = Enter(list);
        output.Append('[');
        for (var i = 0; i < list.Count; i++)
        {
            if (i > 0)
                output.Append(itemSeparator);
            Write(list[i], output);
        }
        output.Append(']');
        Leave(id);
    }

    private void WriteItems(PyObject o, PyObject[] items, JsonOutput output)
    {
        if (items.Length == 0)
        {
            output.Append("[]");
            return;
        }
        var id = Enter(o);
        output.Append('[');
        for (var i = 0; i < items.Length; i++)
        {
            if (i > 0)
                output.Append(itemSeparator);
            Write(items[i], output);
        }
        output.Append(']');
        Leave(id);
    }

    private void WriteDict(PyDict dict, JsonOutput output)
    {
        if (dict.Count == 0)
        {
            output.Append("{}");
            return;
        }
        var id = Enter(dict);
        output.Append('{');
        var first = true;
        if (sortKeys || dict.Type != DictType.Type)
        {
            var items = Ops.ToArray(Calls.CallMethod(dict, "items"));
            if (sortKeys)
                ListSort.Sort(items, null, false);
            foreach (var item in items)
                WriteEntry(item is PyTuple { Count: 2 } pair ? (pair[0], pair[1]) : throw Err.Value("items must return 2-tuples"), ref first, output);
        }
        else
        {
            // The entries as they are now: what writes them may call code that changes the dict.
            var entries = System.Buffers.ArrayPool<(PyObject Key, PyObject Value)>.Shared.Rent(dict.Count);
            var count = 0;
            for (var i = 0; i < dict.EntryCount; i++)
            {
                if (dict.EntryAt(i, out var key, out var value))
                    entries[count++] = (key, value);
            }
            for (var i = 0; i < count; i++)
                WriteEntry(entries[i], ref first, output);
            entries.AsSpan(0, count).Clear();
            System.Buffers.ArrayPool<(PyObject Key, PyObject Value)>.Shared.Return(entries);
        }
        output.Append('}');
        Leave(id);
    }

    private void WriteEntry((PyObject Key, PyObject Value) entry, ref bool first, JsonOutput output)
    {
        var (key, value) = entry;
        if (key is not (PyStr or PyInt or PyFloat) && key != Values.None)
        {
            if (skipKeys)
                return;
            throw Err.Type($"keys must be str, int, float, bool or None, not {key.Type.FullName}");
        }
        if (!first)
            output.Append(itemSeparator);
        first = false;
        if (key is PyStr text)
            WriteString(text, output);
        else
            WriteString(KeyText(key), output);
        output.Append(keySeparator);
        Write(value, output);
    }

    // Keys are strings in JSON: numbers and constants become some.
    private PyStr KeyText(PyObject key)
    {
        var text = JsonOutput.Take();
        if (key is PyFloat real)
            WriteFloat(real.Value, text);
        else if (key is PyInt number)
            WriteInt(number, text);
        else
            text.Append("null");
        return text.Finish();
    }
}
