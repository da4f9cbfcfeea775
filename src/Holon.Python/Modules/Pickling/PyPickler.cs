using System.Text;

namespace Holon.Python.Modules.Pickling;

/// <summary>
/// Writes objects as a program for the pickle machine, byte for byte as CPython's _pickle does: what stands here are the values that
/// the format knows; the rest is in the other half.
/// </summary>
internal sealed partial class PyPickler(PyType type) : PyExtensible(type)
{
    private const int Batch = 1000, FastNesting = 50;

    private HashSet<PyObject>? fastMemo;
    private int fastNesting;

    public PickleOutput Output { get; } = new();

    public Dictionary<PyObject, int> Memo { get; set; } = new(ReferenceEqualityComparer.Instance);

    public PyObject? PersistentId { get; set; }

    public PyObject? DispatchTable { get; set; }

    public PyObject? ReducerOverride { get; set; }

    public PyObject? BufferCallback { get; private set; }

    public int Protocol { get; private set; }

    public bool IsBinary { get; set; }

    public bool IsFast { get; set; }

    public bool FixesImports { get; private set; }

    private PickleState State { get; } = PickleState.Current;

    public void Open(PyObject protocol, bool fixImports, PyObject bufferCallback)
    {
        Protocol = Args.IsNone(protocol) ? PickleOp.DefaultProtocol : (int)Math.Clamp(Args.Long(protocol), -1, 1000);
        if (Protocol < 0)
            Protocol = PickleOp.HighestProtocol;
        if (Protocol > PickleOp.HighestProtocol)
            throw Err.Value($"pickle protocol must be <= {PickleOp.HighestProtocol}");
        BufferCallback = Args.IsNone(bufferCallback) ? null : bufferCallback;
        if (BufferCallback is not null && Protocol < 5)
            throw Err.Value("buffer_callback needs protocol >= 5");
        IsBinary = Protocol > 0;
        FixesImports = fixImports && Protocol < 3;
        Memo.Clear();
    }

    public void SetFile(PyObject file) =>
        Output.Write = Attributes.TryGet(file, "write") ?? throw Err.Type("file must have a 'write' attribute");

    public void Dump(PyObject value)
    {
        Output.Clear();
        State.Load();
        if (Protocol >= 2)
            Output.Byte(PickleOp.Proto, (byte)Protocol);
        Output.IsFraming = Protocol >= 4;
        Save(value);
        Output.Byte(PickleOp.Stop);
        Output.CloseFrame();
        Output.IsFraming = false;
        Output.Flush();
    }

    private void Save(PyObject o, bool isPersistent = false)
    {
        Output.Boundary();
        if (PersistentId is not null && !isPersistent && SavePersistent(o))
            return;
        var type = o.Type;
        if (o == Values.None)
        {
            Output.Byte(PickleOp.None);
        }
        else if (o is PyBool truth)
        {
            if (Protocol >= 2)
                Output.Byte(truth.IsTrue ? PickleOp.NewTrue : PickleOp.NewFalse);
            else
                Output.Line(PickleOp.Int, truth.IsTrue ? "01" : "00");
        }
        else if (type == IntType.Type)
        {
            SaveInt((PyInt)o);
        }
        else if (type == FloatType.Type)
        {
            if (IsBinary)
                Output.Double(PickleOp.BinFloat, ((PyFloat)o).Value);
            else
                Output.Line(PickleOp.Float, Ops.Repr(o));
        }
        else if (Memo.TryGetValue(o, out var index))
        {
            WriteGet(index);
        }
        else if (type == StrType.Type)
        {
            SaveStr((PyStr)o);
        }
        else if (type == BytesType.Type)
        {
            SaveBytes((PyBytes)o);
        }
        else
        {
            var thread = PyThread.EnterNative(" while pickling an object");
            try
            {
                SaveContainer(o, type);
            }
            finally
            {
                thread.LeaveNative();
            }
        }
    }

    private void SaveContainer(PyObject o, PyType type)
    {
        if (type == DictType.Type)
            SaveDict((PyDict)o);
        else if (type == SetTypes.Set)
            SaveSet((PySet)o);
        else if (type == SetTypes.Frozen)
            SaveFrozenSet((PySet)o);
        else if (type == ListType.Type)
            SaveList((PyList)o);
        else if (type == TupleType.Type)
            SaveTuple((PyTuple)o);
        else if (type == ByteArrayType.Type)
            SaveByteArray((PyByteArray)o);
        else if (type == PickleBufferType.Type)
            SavePickleBuffer(o);
        else
            SaveOther(o, type);
    }

    private bool SavePersistent(PyObject o)
    {
        var id = Calls.Call(PersistentId!, o);
        if (id == Values.None)
            return false;
        if (IsBinary)
        {
            Save(id, isPersistent: true);
            Output.Byte(PickleOp.BinPersId);
            return true;
        }
        var text = Ops.Str(id);
        if (text.IsWide || !Ascii.IsValid(text.Value))
            throw State.Pickling("persistent IDs in protocol 0 must be ASCII strings");
        Output.Line(PickleOp.PersId, text.Value);
        return true;
    }

    // ---- Memo ----

    private void WriteGet(int index) => WriteIndex(PickleOp.Get, PickleOp.BinGet, PickleOp.LongBinGet, index);

    /// <summary>An instruction that names a place in the memo, in the form that the protocol and the number ask for.</summary>
    private void WriteIndex(byte text, byte narrow, byte wide, int index)
    {
        if (!IsBinary)
            Output.Line(text, index.ToString(System.Globalization.CultureInfo.InvariantCulture));
        else if (index < 256)
            Output.Byte(narrow, (byte)index);
        else
            Output.UInt32(wide, (uint)index);
    }

    private void Memoize(PyObject o)
    {
        if (IsFast)
            return;
        var index = Memo.Count;
        Memo[o] = index;
        if (Protocol >= 4)
            Output.Byte(PickleOp.Memoize);
        else
            WriteIndex(PickleOp.Put, PickleOp.BinPut, PickleOp.LongBinPut, index);
    }

    /// <summary>In fast mode nothing is remembered, so that a cycle has to be found otherwise: from a depth on by a set of what is open.</summary>
    private void EnterFast(PyObject o)
    {
        if (!IsFast || ++fastNesting < FastNesting)
            return;
        fastMemo ??= new HashSet<PyObject>(ReferenceEqualityComparer.Instance);
        if (fastMemo.Add(o))
            return;
        fastNesting--;
        throw Err.Value($"fast mode: can't pickle cyclic objects including object type {o.Type.FullName} at {Ops.Address(o)}");
    }

    private void LeaveFast(PyObject o)
    {
        if (IsFast && fastNesting-- >= FastNesting)
            fastMemo?.Remove(o);
    }

    // ---- Numbers and text ----

    private void SaveInt(PyInt value)
    {
        if (value.TryLong(out var small) && small is >= int.MinValue and <= int.MaxValue)
        {
            if (!IsBinary)
                Output.Line(PickleOp.Int, small.ToString(System.Globalization.CultureInfo.InvariantCulture));
            else if (small is >= 0 and < 256)
                Output.Byte(PickleOp.BinInt1, (byte)small);
            else if (small is >= 0 and < 65536)
                Output.UInt16(PickleOp.BinInt2, (ushort)small);
            else
                Output.UInt32(PickleOp.BinInt, (uint)(int)small);
            return;
        }
        if (Protocol < 2)
        {
            Output.Line(PickleOp.Long, IntText.ToDecimal(value) + "L");
            return;
        }
        var bytes = value.ToBig().ToByteArray();
        if (bytes.Length < 256)
            Output.Byte(PickleOp.Long1, (byte)bytes.Length);
        else
            Output.UInt32(PickleOp.Long4, (uint)bytes.Length);
        Output.Bytes(bytes);
    }

    private void SaveStr(PyStr text)
    {
        if (IsBinary)
        {
            if (!text.IsWide && text.Length < 256 && Protocol >= 4 && Ascii.IsValid(text.Value))
            {
                Output.Byte(PickleOp.ShortBinUnicode, (byte)text.Length);
                Span<byte> ascii = stackalloc byte[text.Length];
                Ascii.FromUtf16(text.Value, ascii, out _);
                Output.Bytes(ascii);
            }
            else
            {
                var bytes = Codecs.EncodeUtf8(text, "surrogatepass");
                Output.Large(to => Sized(to, PickleOp.ShortBinUnicode, PickleOp.BinUnicode, bytes.Length, Protocol >= 4), bytes, null);
            }
        }
        else
        {
            var line = new StringBuilder();
            for (var i = 0; i < text.Length; i++)
            {
                var c = text[i];
                if (c > 0xffff)
                    line.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\U{c:x8}");
                else if (c > 0xff || c is '\\' or 0 or '\n' or '\r' or 0x1a)
                    line.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\u{c:x4}");
                else
                    line.Append((char)c);
            }
            Output.Line(PickleOp.Unicode, line.ToString());
        }
        Memoize(text);
    }

    // No array of .NET reaches the sizes for which there are operations with eight bytes.
    private static void Sized(PickleOutput to, byte small, byte large, int size, bool hasSmall)
    {
        if (hasSmall && size < 256)
            to.Byte(small, (byte)size);
        else
            to.UInt32(large, (uint)size);
    }

    private void SaveBytes(PyBytes bytes)
    {
        if (Protocol >= 3)
        {
            SaveBytesData(bytes, bytes.Content, bytes);
            return;
        }
        if (bytes.Content.Length == 0)
        {
            SaveReduce(new PyTuple(BytesType.Type, PyTuple.Empty), bytes);
            return;
        }
        var encode = Attributes.Get(PyThread.Current.Machine.ImportModule("codecs"), "encode");
        SaveReduce(new PyTuple(encode, new PyTuple(new PyStr(Encoding.Latin1.GetString(bytes.Content)), new PyStr("latin1"))), bytes);
    }

    private void SaveBytesData(PyObject o, ReadOnlySpan<byte> data, PyObject? payload)
    {
        var size = data.Length;
        Output.Large(to => Sized(to, PickleOp.ShortBinBytes, PickleOp.BinBytes, size, true), data, payload);
        Memoize(o);
    }

    private void SaveByteArray(PyByteArray o)
    {
        if (Protocol >= 5)
            SaveByteArrayData(o, o.Bytes);
        else
            SaveReduce(new PyTuple(ByteArrayType.Type, o.Count == 0 ? PyTuple.Empty : new PyTuple(new PyBytes(o.Bytes.ToArray()))), o);
    }

    private void SaveByteArrayData(PyObject o, ReadOnlySpan<byte> data)
    {
        var size = data.Length;
        Output.Large(to => to.UInt64(PickleOp.ByteArray8, (ulong)size), data, null);
        Memoize(o);
    }

    private void SavePickleBuffer(PyObject o)
    {
        if (Protocol < 5)
            throw State.Pickling("PickleBuffer can only be pickled with protocol >= 5");
        var view = PickleBufferType.ViewOf(o);
        if (!view.Layout.IsCContiguous && view.AsBytes() is null)
            throw State.Pickling("PickleBuffer can not be pickled when pointing to a non-contiguous buffer");
        if (BufferCallback is not null && !Ops.IsTrue(Calls.Call(BufferCallback, o)))
        {
            Output.Byte(PickleOp.NextBuffer);
            if (view.IsReadOnly)
                Output.Byte(PickleOp.ReadOnlyBuffer);
        }
        else if (view.IsReadOnly)
        {
            SaveBytesData(o, view.AsBytes()!.Bytes, null);
        }
        else
        {
            SaveByteArrayData(o, view.AsBytes()!.Bytes);
        }
    }

    // ---- Containers ----

    private void SaveTuple(PyTuple tuple)
    {
        var count = tuple.Count;
        if (count == 0)
        {
            if (IsBinary)
            {
                Output.Byte(PickleOp.EmptyTuple);
            }
            else
            {
                Output.Byte(PickleOp.Mark);
                Output.Byte(PickleOp.Tuple);
            }
            return;
        }
        var isShort = count <= 3 && Protocol >= 2;
        if (!isShort)
            Output.Byte(PickleOp.Mark);
        foreach (var item in tuple.Items)
            Save(item);
        // A tuple that contains itself is there already: what was written of it is thrown away.
        if (Memo.TryGetValue(tuple, out var index))
        {
            if (!isShort && IsBinary)
            {
                Output.Byte(PickleOp.PopMark);
            }
            else
            {
                for (var i = isShort ? 0 : -1; i < count; i++)
                    Output.Byte(PickleOp.Pop);
            }
            WriteGet(index);
            return;
        }
        Output.Byte(isShort ? (byte)(PickleOp.Tuple1 + count - 1) : PickleOp.Tuple);
        Memoize(tuple);
    }

    private void Begin(PyObject o, byte empty, byte old)
    {
        if (IsBinary)
        {
            Output.Byte(empty);
        }
        else
        {
            Output.Byte(PickleOp.Mark);
            Output.Byte(old);
        }
        Memoize(o);
    }

    private void SaveList(PyList list)
    {
        EnterFast(list);
        try
        {
            Begin(list, PickleOp.EmptyList, PickleOp.List);
            if (list.Count == 0)
                return;
            if (!IsBinary)
            {
                SaveItems(Ops.Iter(list));
            }
            else if (list.Count == 1)
            {
                Save(list[0]);
                Output.Byte(PickleOp.Append);
            }
            else
            {
                for (var i = 0; i < list.Count;)
                {
                    Output.Byte(PickleOp.Mark);
                    for (var n = 0; n < Batch && i < list.Count; n++)
                        Save(list[i++]);
                    Output.Byte(PickleOp.Appends);
                }
            }
        }
        finally
        {
            LeaveFast(list);
        }
    }

    /// <summary>Appends what an iterator gives to the list on the stack.</summary>
    private void SaveItems(PyObject iterator)
    {
        if (Protocol == 0)
        {
            while (Ops.Next(iterator) is { } item)
            {
                Save(item);
                Output.Byte(PickleOp.Append);
            }
            return;
        }
        int n;
        do
        {
            if (Ops.Next(iterator) is not { } first)
                return;
            if (Ops.Next(iterator) is not { } next)
            {
                Save(first);
                Output.Byte(PickleOp.Append);
                return;
            }
            Output.Byte(PickleOp.Mark);
            Save(first);
            n = 1;
            for (PyObject? item = next; item is not null; item = Ops.Next(iterator))
            {
                Save(item);
                if (++n == Batch)
                    break;
            }
            Output.Byte(PickleOp.Appends);
        }
        while (n == Batch);
    }

    private void SaveDict(PyDict dict)
    {
        EnterFast(dict);
        try
        {
            Begin(dict, PickleOp.EmptyDict, PickleOp.Dict);
            if (dict.Count == 0)
                return;
            if (IsBinary)
                SaveEntries(dict);
            else
                SavePairs(Ops.Iter(Calls.CallMethod(dict, "items")));
        }
        finally
        {
            LeaveFast(dict);
        }
    }

    private void SaveEntries(PyDict dict)
    {
        var count = dict.Count;
        var at = 0;
        // As in CPython, entries that fill batches exactly are followed by an empty one.
        int n;
        do
        {
            n = 0;
            if (count > 1)
                Output.Byte(PickleOp.Mark);
            while (n < Batch && at < dict.EntryCount)
            {
                if (!dict.EntryAt(at++, out var key, out var value))
                    continue;
                n++;
                Save(key);
                Save(value);
                if (dict.Count != count)
                    throw Err.Runtime("dictionary changed size during iteration");
            }
            Output.Byte(count == 1 ? PickleOp.SetItem : PickleOp.SetItems);
        }
        while (n == Batch);
    }

    /// <summary>Sets the pairs that an iterator gives in the dict on the stack.</summary>
    private void SavePairs(PyObject iterator)
    {
        if (Protocol == 0)
        {
            while (NextPair(iterator) is { } pair)
            {
                SavePair(pair);
                Output.Byte(PickleOp.SetItem);
            }
            return;
        }
        int n;
        do
        {
            if (NextPair(iterator) is not { } first)
                return;
            if (NextPair(iterator) is not { } next)
            {
                SavePair(first);
                Output.Byte(PickleOp.SetItem);
                return;
            }
            Output.Byte(PickleOp.Mark);
            SavePair(first);
            n = 1;
            for (PyTuple? pair = next; pair is not null; pair = NextPair(iterator))
            {
                SavePair(pair);
                if (++n == Batch)
                    break;
            }
            Output.Byte(PickleOp.SetItems);
        }
        while (n == Batch);
    }

    private static PyTuple? NextPair(PyObject iterator) => Ops.Next(iterator) switch
    {
        null => null,
        PyTuple { Count: 2 } pair => pair,
        _ => throw Err.Type("dict items iterator must return 2-tuples"),
    };

    private void SavePair(PyTuple pair)
    {
        Save(pair[0]);
        Save(pair[1]);
    }

    private void SaveSet(PySet set)
    {
        if (Protocol < 4)
        {
            SaveReduce(new PyTuple(SetTypes.Set, new PyTuple(new PyList(set.Items()))), set);
            return;
        }
        Output.Byte(PickleOp.EmptySet);
        Memoize(set);
        var count = set.Count;
        if (count == 0)
            return;
        var at = 0;
        int n;
        do
        {
            n = 0;
            Output.Byte(PickleOp.Mark);
            while (n < Batch && at < set.Table.EntryCount)
            {
                if (!set.Table.EntryAt(at++, out var item, out _))
                    continue;
                n++;
                Save(item);
                if (set.Count != count)
                    throw Err.Runtime("set changed size during iteration");
            }
            Output.Byte(PickleOp.AddItems);
        }
        while (n == Batch);
    }

    private void SaveFrozenSet(PySet set)
    {
        if (Protocol < 4)
        {
            SaveReduce(new PyTuple(SetTypes.Frozen, new PyTuple(new PyList(set.Items()))), set);
            return;
        }
        Output.Byte(PickleOp.Mark);
        foreach (var item in set.Items().ToArray())
            Save(item);
        if (Memo.TryGetValue(set, out var index))
        {
            Output.Byte(PickleOp.PopMark);
            WriteGet(index);
            return;
        }
        Output.Byte(PickleOp.FrozenSet);
        Memoize(set);
    }
}
