using System.Text;
using Holon.Python.Modules.Iterators;

namespace Holon.Python.Objects;

internal static class BytesType
{
    private static readonly NativeParameters BytesParameters = new("bytes", "source=?, encoding=?, errors=?");

    public static readonly PyType Type = new("bytes", PyType.Object, t =>
    {
        t.New = New;
        t.Hash = o => ((PyBytes)o).Hash;
        t.Repr = o => Repr(((PyBytes)o).Bytes);
        t.Iter = o => new PyIndexIterator(IteratorTypes.Bytes, o, b => ((PyBytes)b).Content.Length, (b, i) => PyInt.Of(((PyBytes)b).Content[i]));
        t.Def0("__getnewargs__", o => new PyTuple(new PyBytes(((PyBytes)o).Content)));
        t.Def0("__bytes__", o => o.GetType() == typeof(PyBytes) ? o : new PyBytes(((PyBytes)o).Content));
        BytesMethods.Define(t, b => new PyBytes(b));
    });

    private static PyObject New(PyType type, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var a = BytesParameters.Bind(args, names);
        byte[] data;
        if (a[0] is not null && a[1] is null && a[2] is null && Calls.Special(a[0]!, Names.Bytes) is { } made)
        {
            var bytes = made as PyBytes ?? throw Err.Type($"__bytes__ returned non-bytes (type {made.Type.FullName})");
            if (type == Type)
                return bytes;
            data = bytes.Content;
        }
        else
        {
            data = Construct(a[0], a[1], a[2], "bytes");
        }
        return type == Type ? data.Length == 0 ? PyBytes.Empty : new PyBytes(data) : new PyBytesInstance(type, data);
    }

    /// <summary>What bytes() and bytearray() accept.</summary>
    public static byte[] Construct(PyObject? source, PyObject? encoding, PyObject? errors, string name)
    {
        if (source is PyStr text)
        {
            if (encoding is null)
                throw Err.Type("string argument without an encoding");
            return Codecs.Encode(text, Args.Str(encoding, name).Value, (errors as PyStr)?.Value ?? "strict") is PyBytes b ? b.Content : [];
        }
        if (encoding is not null || errors is not null)
            throw Err.Type(encoding is not null ? "encoding without a string argument" : "errors without a string argument");
        if (source is null)
            return [];
        if (source.Type.Index is not null && source is not IBuffer)
        {
            var count = Args.Long(source);
            if (count < 0)
                throw Err.Value("negative count");
            PyThread.Current.Machine.Limits.CheckSize(count);
            return new byte[count];
        }
        return FromObject(source, name).ToArray();
    }

    /// <summary>Bytes of a buffer or of an iterable of integers.</summary>
    public static ReadOnlySpan<byte> FromObject(PyObject source, string name = "bytes")
    {
        if (source is IBuffer buffer)
            return buffer.Bytes;
        if (source is PyStr || (source.Type.Iter is null && source.Type.GetItem is null))
            throw Err.Type($"cannot convert '{source.Type.FullName}' object to {name}");
        var result = new List<byte>();
        foreach (var item in Ops.Each(source))
            result.Add(Byte(item, name));
        return result.ToArray();
    }

    public static byte Byte(PyObject item, string name = "bytes")
    {
        var number = Ops.Index(item);
        return number.TryLong(out var v) && v is >= 0 and < 256 ? (byte)v : throw Err.Value(name == "bytearray" ? "byte must be in range(0, 256)" : "bytes must be in range(0, 256)");
    }

    public static PyStr Repr(ReadOnlySpan<byte> bytes)
    {
        var quote = bytes.Contains((byte)'\'') && !bytes.Contains((byte)'"') ? '"' : '\'';
        var text = new StringBuilder(bytes.Length + 3).Append('b').Append(quote);
        foreach (var b in bytes)
        {
            if (b == quote || b == '\\')
                text.Append('\\').Append((char)b);
            else if (b is (byte)'\n' or (byte)'\r' or (byte)'\t')
                text.Append(b == '\n' ? "\\n" : b == '\r' ? "\\r" : "\\t");
            else if (b is >= 32 and < 127)
                text.Append((char)b);
            else
                text.Append($"\\x{b:x2}");
        }
        return new PyStr(text.Append(quote).ToString());
    }
}

internal static class ByteArrayType
{
    private static readonly NativeParameters BytearrayParameters = new("bytearray", "source=?, encoding=?, errors=?");

    public static readonly PyType Type = new("bytearray", PyType.Object, t =>
    {
        t.New = (type, _, _) => type == Type ? new PyByteArray() : new PyByteArrayInstance(type);
        t.Init = (o, args, names) =>
        {
            var a = BytearrayParameters.Bind(args, names);
            ((PyByteArray)o).SetAll(BytesType.Construct(a[0], a[1], a[2], "bytearray"));
        };
        t.Unhashable();
        t.Repr = o => new PyStr(o.Type.Name + "(").Plus(BytesType.Repr(((PyByteArray)o).Bytes)).Plus(new PyStr(")"));
        t.Iter = o => new PyIndexIterator(IteratorTypes.ByteArray, o, b => ((PyByteArray)b).Count, (b, i) => PyInt.Of(((PyByteArray)b).Storage[i]));
        t.SetItem = SetItem;
        t.InPlaceConcat = (a, b) =>
        {
            var self = (PyByteArray)a;
            self.Replace(self.Count, 0, (b as IBuffer ?? throw Err.Type($"can't concat {b.Type.FullName} to bytearray")).Bytes);
            return a;
        };
        t.InPlaceRepeat = (o, n) =>
        {
            ((PyByteArray)o).SetAll(Sequences.Repeat(((PyByteArray)o).Bytes, n));
            return o;
        };
        Def("append", "item, /", (self, a) => self.Replace(self.Count, 0, [BytesType.Byte(a[0]!, "bytearray")]));
        Def("extend", "iterable, /", (self, a) => self.Replace(self.Count, 0, BytesType.FromObject(a[0]!, "bytearray")));
        Def("insert", "index, item, /", (self, a) =>
        {
            var index = Args.Clipped(a[0]!);
            self.Replace((int)Math.Clamp(index < 0 ? index + self.Count : index, 0, self.Count), 0, [BytesType.Byte(a[1]!, "bytearray")]);
        });
        Def("remove", "value, /", (self, a) =>
        {
            var at = self.Bytes.IndexOf(BytesType.Byte(a[0]!, "bytearray"));
            self.Replace(at >= 0 ? at : throw Err.Value("value not found in bytearray"), 1, []);
        });
        Def("clear", "", (self, _) => self.SetAll([]));
        Def("reverse", "", (self, _) => self.Writable.Reverse());
        t.Def("pop", "index=-1, /", (o, a) =>
        {
            var self = (PyByteArray)o;
            var index = Args.Long(a[0]!);
            if (self.Count == 0)
                throw Err.Index("pop from empty bytearray");
            if (index < 0)
                index += self.Count;
            if ((ulong)index >= (ulong)self.Count)
                throw Err.Index("pop index out of range");
            var value = self.Bytes[(int)index];
            self.Replace((int)index, 1, []);
            return PyInt.Of(value);
        });
        t.Def0("copy", o => Make(((PyByteArray)o).Bytes.ToArray()));
        t.Def("__reduce_ex__", "protocol=0, /", (o, _) => new PyTuple(o.Type, new PyTuple(new PyBytes(((PyByteArray)o).Bytes.ToArray())), Values.None));
        BytesMethods.Define(t, Make);

        void Def(string name, string signature, Action<PyByteArray, PyObject?[]> action) => t.DefKept(name, signature, (o, a) =>
        {
            action((PyByteArray)o, a);
            return Values.None;
        });
    });

    public static PyByteArray Make(byte[] data)
    {
        var array = new PyByteArray();
        array.SetAll(data);
        return array;
    }

    private static void SetItem(PyObject o, PyObject key, PyObject? value)
    {
        var self = (PyByteArray)o;
        if (key is PySlice slice)
        {
            var with = value is null ? [] : BytesType.FromObject(value, "bytearray").ToArray();
            var (start, stop, step, count) = slice.Plain().Indices(self.Count);
            if (step == 1)
            {
                self.Replace((int)start, (int)Math.Max(0, stop - start), with);
                return;
            }
            if (value is null)
            {
                var gone = Enumerable.Range(0, count).Select(i => (int)(start + i * step)).ToHashSet();
                self.SetAll(self.Bytes.ToArray().Where((_, i) => !gone.Contains(i)).ToArray());
                return;
            }
            if (with.Length != count)
                throw Err.Value($"attempt to assign bytes of size {with.Length} to extended slice of size {count}");
            for (var i = 0; i < count; i++)
                self.Writable[(int)(start + i * step)] = with[i];
            return;
        }
        var index = Sequences.Index(key, "bytearray");
        if (index < 0)
            index += self.Count;
        if ((ulong)index >= (ulong)self.Count)
            throw Err.Index("bytearray index out of range");
        if (value is null)
            self.Replace((int)index, 1, []);
        else
            self.Writable[(int)index] = BytesType.Byte(value, "bytearray");
    }
}
