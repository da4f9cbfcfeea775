using System.Runtime.InteropServices;
using Holon.Python.Modules.Iterators;

namespace Holon.Python.Modules;

/// <summary>array: numbers of one kind, stored as C stores them.</summary>
internal static class ArrayModule
{
    private const string Codes = "bBuhHiIlLqQfd";

    /// <summary>Pickle's numbers of machine formats, by (not an integer, signed, size), in this machine's byte order.</summary>
    private static readonly (bool Other, bool Signed, int Size)[] MachineFormats = [(false, false, 1), (false, true, 1), (false, false, 2), (false, true, 2), (false, false, 4), (false, true, 4), (false, false, 8), (false, true, 8), (true, false, 4), (true, false, 8)];

    private static readonly int[] MachineNumbers = [0, 1, 2, 4, 6, 8, 10, 12, 14, 16];

    internal sealed class PyArray(PyType type, char code) : PyExtensible(type), IExportedBuffer
    {
        private byte[] data = [];
        private BufferExports exports;

        public char Code { get; } = code;

        public int ItemSize { get; } = code == 'u' ? 4 : StructFormat.ItemSize(code.ToString());

        public string ItemFormat => Code == 'u' ? "w" : Code.ToString();

        public ref BufferExports Exports => ref exports;

        public int Count { get; private set; }

        public ReadOnlySpan<byte> Bytes => data.AsSpan(0, Count * ItemSize);

        public Span<byte> Writable => data.AsSpan(0, Count * ItemSize);

        public PyObject this[int index]
        {
            get
            {
                var item = data.AsSpan(index * ItemSize, ItemSize);
                return Code switch
                {
                    'd' => new PyFloat(MemoryMarshal.Read<double>(item)),
                    'f' => new PyFloat(MemoryMarshal.Read<float>(item)),
                    'b' => PyInt.Of((sbyte)item[0]),
                    'B' => PyInt.Of(item[0]),
                    'h' => PyInt.Of(MemoryMarshal.Read<short>(item)),
                    'H' => PyInt.Of(MemoryMarshal.Read<ushort>(item)),
                    'i' => PyInt.Of(MemoryMarshal.Read<int>(item)),
                    'I' => PyInt.Of(MemoryMarshal.Read<uint>(item)),
                    'l' or 'q' => PyInt.Of(MemoryMarshal.Read<long>(item)),
                    'u' => Character(item),
                    _ => StructFormat.Unpack(Code, item, BitConverter.IsLittleEndian),
                };
            }
        }

        /// <summary>Writes a plain number that fits over an item; false: the general way has to look at it.</summary>
        public bool TrySet(int index, PyObject value)
        {
            var item = data.AsSpan(index * ItemSize, ItemSize);
            if (value.GetType() == typeof(PyFloat) && Code is 'd' or 'f')
            {
                var real = Unsafe.As<PyFloat>(value).Value;
                if (Code == 'd')
                    MemoryMarshal.Write(item, real);
                else
                    MemoryMarshal.Write(item, (float)real);
                return true;
            }
            if (value.GetType() != typeof(PyInt))
                return false;
            var number = Unsafe.As<PyInt>(value).Value;
            switch (Code)
            {
                case 'b' when number is >= sbyte.MinValue and <= sbyte.MaxValue:
                case 'B' when number is >= 0 and <= byte.MaxValue:
                    item[0] = (byte)number;
                    return true;
                case 'h' when number is >= short.MinValue and <= short.MaxValue:
                case 'H' when number is >= 0 and <= ushort.MaxValue:
                    MemoryMarshal.Write(item, (short)number);
                    return true;
                case 'i' when number is >= int.MinValue and <= int.MaxValue:
                case 'I' when number is >= 0 and <= uint.MaxValue:
                    MemoryMarshal.Write(item, (int)number);
                    return true;
                case 'l' or 'q':
                case 'L' or 'Q' when number >= 0:
                    MemoryMarshal.Write(item, number);
                    return true;
                default:
                    return false;
            }
        }

        private static PyStr Character(ReadOnlySpan<byte> item)
        {
            var c = BitConverter.ToUInt32(item);
            return c <= 0x10ffff ? PyStr.OfChar((int)c) : throw Err.Value($"character U+{c:x} is not in range [U+0000; U+10ffff]");
        }

        public byte[] Pack(PyObject value)
        {
            var item = new byte[ItemSize];
            if (Code == 'u')
            {
                BitConverter.TryWriteBytes(item, value is PyStr { Length: 1 } c ? c[0] : throw Err.Type("array item must be a unicode character, not " + value.Type.Name));
                return item;
            }
            PackNumber(Code, value, item);
            return item;
        }

        public void Replace(int start, int count, ReadOnlySpan<byte> with)
        {
            var added = with.Length / ItemSize - count;
            if (added != 0 && exports.Any())
                throw Err.Buffer("cannot resize an array that is exporting buffers");
            var size = (Count + added) * (long)ItemSize;
            if (size > data.Length)
            {
                PyThread.Current.Machine.Limits.CheckSize(size * 2);
                Array.Resize(ref data, (int)Math.Min(Array.MaxLength, Math.Max(size + size / 8 + 16, size)));
            }
            var tail = data.AsSpan((start + count) * ItemSize, (Count - start - count) * ItemSize);
            tail.CopyTo(data.AsSpan(start * ItemSize + with.Length));
            with.CopyTo(data.AsSpan(start * ItemSize));
            Count += added;
        }
    }

    private static void PackNumber(char code, PyObject value, Span<byte> item)
    {
        if (code is 'f' or 'd')
        {
            var number = value.Type.ToFloat is null && value.Type.Index is null ? throw Err.Type($"must be real number, not {value.Type.FullName}") : Ops.ToDouble(value);
            if (code == 'f')
                BitConverter.TryWriteBytes(item, (float)number);
            else
                BitConverter.TryWriteBytes(item, number);
            return;
        }
        if (value.Type.Index is null)
            throw Err.Type($"'{value.Type.FullName}' object cannot be interpreted as an integer");
        var big = Ops.Index(value).ToBig();
        var bits = item.Length * 8;
        var signed = char.IsAsciiLetterLower(code);
        var (least, most) = signed ? (-(BigInteger.One << (bits - 1)), (BigInteger.One << (bits - 1)) - 1) : (BigInteger.Zero, (BigInteger.One << bits) - 1);
        if (big < least)
            throw Err.Overflow(RangeText(code, false));
        if (big > most)
            throw Err.Overflow(RangeText(code, true));
        BitConverter.GetBytes((long)(big >= BigInteger.One << 63 ? big - (BigInteger.One << 64) : big)).AsSpan(0, item.Length).CopyTo(item);
    }

    private static string RangeText(char code, bool above) => code switch
    {
        'b' => above ? "signed char is greater than maximum" : "signed char is less than minimum",
        'B' => above ? "unsigned byte integer is greater than maximum" : "unsigned byte integer is less than minimum",
        'h' => above ? "signed short integer is greater than maximum" : "signed short integer is less than minimum",
        'H' => above ? "unsigned short is greater than maximum" : "unsigned short is less than minimum",
        'i' => above ? "signed integer is greater than maximum" : "signed integer is less than minimum",
        'I' => above ? "unsigned int is greater than maximum" : "can't convert negative value to unsigned int",
        'Q' => above ? "int too big to convert" : "can't convert negative int to unsigned",
        'q' => "int too big to convert",
        'L' => above ? "Python int too large to convert to C unsigned long" : "can't convert negative value to unsigned int",
        _ => "Python int too large to convert to C long",
    };

    private static PyArray A(PyObject o) => (PyArray)o;

    private static readonly PyType ArrayIterator = PyIterator.MakeType("arrayiterator", "array");

    private static IEnumerable<PyObject> Iterate(PyArray array)
    {
        for (var i = 0; i < array.Count; i++)
            yield return array[i];
    }

    public static readonly PyType Type = new("array", PyType.Object, Define, "array");

    private static PyObject? New(PyType type, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        if (type == Type || type.Init == Type.Init)
            Args.NoKeywords("array.array", names);
        var count = args.Length - (names?.Count ?? 0);
        if (count is < 1 or > 2)
            throw Err.Type($"array() takes {(count < 1 ? "at least 1 argument" : "at most 2 arguments")} ({count} given)");
        if (args[0] is not PyStr { Length: 1 } letter)
            throw Err.Type($"array() argument 1 must be a unicode character, not {args[0].Type.FullName}");
        if (!Codes.Contains((char)letter[0], StringComparison.Ordinal))
            throw Err.Value("bad typecode (must be b, B, u, h, H, i, I, l, L, q, Q, f or d)");
        var made = new PyArray(type, (char)letter[0]);
        if (count < 2)
            return made;
        switch (args[1])
        {
            case PyStr text when made.Code != 'u':
                throw Err.Type($"cannot use a str to initialize an array with typecode '{made.Code}'");
            case PyArray { Code: 'u' } when made.Code != 'u':
                throw Err.Type($"cannot use a unicode array to initialize an array with typecode '{made.Code}'");
            case PyBytes or PyByteArray:
                FromBytes(made, args[1]);
                break;
            default:
                Extend(made, args[1], true);
                break;
        }
        return made;
    }

    private static void FromBytes(PyArray self, PyObject source)
    {
        var bytes = Buffers.Bytes(source);
        if (bytes.Length % self.ItemSize != 0)
            throw Err.Value("bytes length not a multiple of item size");
        self.Replace(self.Count, 0, bytes);
    }

    private static void Extend(PyArray self, PyObject items, bool creating = false)
    {
        if (items is PyArray other && (other.Code == self.Code || !creating))
        {
            if (other.Code != self.Code)
                throw Err.Type("can only extend with array of same kind");
            self.Replace(self.Count, 0, other.Bytes.ToArray());
            return;
        }
        foreach (var item in Ops.Each(items))
            self.Replace(self.Count, 0, self.Pack(item));
    }

    private static PyArray Like(PyArray self, ReadOnlySpan<byte> bytes)
    {
        var made = new PyArray(Type, self.Code);
        made.Replace(0, 0, bytes);
        return made;
    }

    private static int Find(PyArray self, PyObject value)
    {
        for (var i = 0; i < self.Count; i++)
        {
            if (Ops.Eq(self[i], value))
                return i;
        }
        return -1;
    }

    private static int Index(PyArray self, PyObject key, string what)
    {
        if (key.Type.Index is null)
            throw Err.Type("array indices must be integers");
        var index = Sequences.Index(key, "array");
        if (index < 0)
            index += self.Count;
        return (ulong)index < (ulong)self.Count ? (int)index : throw Err.Index(what);
    }

    private static byte[] Pick(PyArray self, long start, long step, int count)
    {
        var result = new byte[count * self.ItemSize];
        for (var i = 0; i < count; i++)
            self.Bytes.Slice((int)(start + i * step) * self.ItemSize, self.ItemSize).CopyTo(result.AsSpan(i * self.ItemSize));
        return result;
    }

    private static PyObject GetItem(PyObject o, PyObject key)
    {
        var self = A(o);
        if (key is not PySlice slice)
            return self[Index(self, key, "array index out of range")];
        var (start, _, step, count) = slice.Indices(self.Count);
        return Like(self, Pick(self, start, step, count));
    }

    private static void SetItem(PyObject o, PyObject key, PyObject? value)
    {
        var self = A(o);
        if (key is not PySlice slice)
        {
            var index = Index(self, key, "array assignment index out of range");
            if (value is null || !self.TrySet(index, value))
                self.Replace(index, 1, value is null ? [] : self.Pack(value));
            return;
        }
        if (value is not (null or PyArray))
            throw Err.Type($"can only assign array (not \"{value.Type.FullName}\") to array slice");
        if (value is PyArray other && other.Code != self.Code)
            throw Err.Type("bad argument type for built-in operation");
        var items = value is null ? [] : A(value).Bytes.ToArray();
        var (start, stop, step, count) = slice.Indices(self.Count);
        if (step == 1)
        {
            self.Replace((int)start, (int)Math.Max(0, stop - start), items);
        }
        else if (value is null)
        {
            var gone = Enumerable.Range(0, count).Select(i => (int)(start + i * step)).OrderDescending();
            foreach (var index in gone)
                self.Replace(index, 1, []);
        }
        else
        {
            if (items.Length != count * self.ItemSize)
                throw Err.Value($"attempt to assign array of size {items.Length / self.ItemSize} to extended slice of size {count}");
            for (var i = 0; i < count; i++)
                items.AsSpan(i * self.ItemSize, self.ItemSize).CopyTo(self.Writable[((int)(start + i * step) * self.ItemSize)..]);
        }
    }

    private static void Define(PyType t)
    {
        t.IsSequence = true;
        t.New = New;
        t.Init = (_, _, _) => { };
        t.Unhashable();
        t.Len = o => A(o).Count;
        t.Iter = o => new PyIndexIterator(ArrayIterator, o, a => A(a).Count, (a, i) => A(a)[i]);
        t.GetItem = GetItem;
        t.SetItem = SetItem;
        t.Contains = (o, value) => Find(A(o), value) >= 0;
        t.Repr = o => A(o).Count == 0 ? PyStr.FromUtf16($"{o.Type.Name}('{A(o).Code}')")
            : new PyStr($"{o.Type.Name}('{A(o).Code}', ").Plus(A(o).Code == 'u' ? (PyStr)Ops.ReprObject(Text(A(o))) : (PyStr)Ops.ReprObject(new PyList(Iterate(A(o))))).Plus(new PyStr(")"));
        t.Compare = (a, b, op) => b is PyArray y ? Sequences.Compare(Iterate(A(a)).ToArray(), Iterate(y).ToArray(), op) : Values.NotImplemented;
        t.Concat = (a, b) =>
        {
            if (b is not PyArray other)
                throw Err.Type($"can only append array (not \"{b.Type.FullName}\") to array");
            return other.Code == A(a).Code ? Like(A(a), [.. A(a).Bytes, .. other.Bytes]) : throw Err.Type("bad argument type for built-in operation");
        };
        t.InPlaceConcat = (a, b) =>
        {
            if (b is not PyArray)
                throw Err.Type($"can only extend with array (not \"{b.Type.FullName}\")");
            Extend(A(a), b);
            return a;
        };
        t.Repeat = (o, n) => Like(A(o), Sequences.Repeat(A(o).Bytes, n));
        t.InPlaceRepeat = (o, n) =>
        {
            A(o).Replace(0, A(o).Count, Sequences.Repeat(A(o).Bytes, n));
            return o;
        };
        t.Getter("typecode", o => PyStr.OfChar(A(o).Code));
        t.Getter("itemsize", o => PyInt.Of(A(o).ItemSize));
        Do1("append", (a, x) => a.Replace(a.Count, 0, a.Pack(x)));
        Do1("extend", (a, x) => Extend(a, x));
        Do1("fromlist", (a, x) =>
        {
            if (x is not PyList list)
                throw Err.Type("arg must be list");
            var count = a.Count;
            try
            {
                for (var i = 0; i < list.Count; i++)
                    a.Replace(a.Count, 0, a.Pack(list[i]));
            }
            catch (PyError)
            {
                a.Replace(count, a.Count - count, []);
                throw;
            }
        });
        Do1("frombytes", FromBytes);
        Do1("fromunicode", (a, x) =>
        {
            if (a.Code != 'u')
                throw Err.Value("fromunicode() may only be called on unicode type arrays");
            Extend(a, Args.Str(x, "fromunicode"));
        });
        Do1("remove", (a, x) => a.Replace(Find(a, x) is >= 0 and var at ? at : throw Err.Value("array.remove(x): x not in array"), 1, []));
        t.Def("insert", "i, v, /", (o, a) =>
        {
            var self = A(o);
            var index = Args.Clipped(a[0]!);
            self.Replace((int)Math.Clamp(index < 0 ? index + self.Count : index, 0, self.Count), 0, self.Pack(a[1]!));
            return Values.None;
        });
        t.Def("pop", "i=-1, /", (o, a) =>
        {
            if (A(o).Count == 0)
                throw Err.Index("pop from empty array");
            var index = Index(A(o), a[0]!, "pop index out of range");
            var item = A(o)[index];
            A(o).Replace(index, 1, []);
            return item;
        });
        t.Def("index", "v, start=0, stop=?, /", (o, a) =>
        {
            var (start, stop) = Args.Range(a[1], a[2], A(o).Count);
            for (var i = start; i < Math.Min(stop, A(o).Count); i++)
            {
                if (Ops.Eq(A(o)[i], a[0]!))
                    return PyInt.Of(i);
            }
            throw Err.Value("array.index(x): x not in array");
        });
        t.Def1("count", (o, x) => PyInt.Of(Iterate(A(o)).Count(item => Ops.Eq(item, x))));
        t.Def0("reverse", o =>
        {
            var backwards = Pick(A(o), A(o).Count - 1, -1, A(o).Count);
            backwards.CopyTo(A(o).Writable);
            return Values.None;
        });
        t.Def0("byteswap", o =>
        {
            for (var i = 0; i < A(o).Count; i++)
                A(o).Writable.Slice(i * A(o).ItemSize, A(o).ItemSize).Reverse();
            return Values.None;
        });
        t.Def0("tobytes", o => new PyBytes(A(o).Bytes.ToArray()));
        t.Def0("tolist", o => new PyList(Iterate(A(o))));
        t.Def0("tounicode", o => A(o).Code == 'u' ? Text(A(o)) : throw Err.Value("tounicode() may only be called on unicode type arrays"));
        t.Def1("tofile", (o, file) =>
        {
            Calls.CallMethod(file, "write", new PyBytes(A(o).Bytes.ToArray()));
            return Values.None;
        });
        t.Def("fromfile", "f, n, /", (o, a) =>
        {
            var size = Args.Long(a[1]!) * A(o).ItemSize;
            if (size < 0)
                throw Err.Value("negative count");
            var data = Calls.CallMethod(a[0]!, "read", PyInt.Of(size)) as PyBytes ?? throw Err.Type("read() didn't return bytes");
            A(o).Replace(A(o).Count, 0, data.Content.AsSpan(0, data.Content.Length / A(o).ItemSize * A(o).ItemSize));
            return data.Content.Length == size ? Values.None : throw Err.Of(ExceptionTypes.EOFError, "read() didn't return enough bytes");
        });
        t.Def0("buffer_info", o => new PyTuple(Ops.Id(o), PyInt.Of(A(o).Count)));
        t.Def0("__copy__", o => Like(A(o), A(o).Bytes));
        t.Def1("__deepcopy__", (o, _) => Like(A(o), A(o).Bytes));
        t.Def0("__sizeof__", o => PyInt.Of(64 + A(o).Bytes.Length));
        t.Def1("__reduce_ex__", (o, protocol) =>
        {
            var state = Attributes.TryGet(o, Names.Dict) ?? Values.None;
            var code = PyStr.OfChar(A(o).Code);
            if (Args.Long(protocol) < 3)
                return new PyTuple(o.Type, new PyTuple(code, A(o).Code == 'u' ? Text(A(o)) : new PyList(Iterate(A(o)))), state);
            var format = Array.IndexOf(MachineFormats, (A(o).Code is 'f' or 'd' or 'u', char.IsAsciiLetterLower(A(o).Code) && A(o).Code is not ('f' or 'd' or 'u'), A(o).ItemSize)) is >= 0 and var index ? MachineNumbers[index] : 0;
            return new PyTuple(Attributes.Get(PyThread.Current.Machine.ImportModule("array"), "_array_reconstructor"), new PyTuple(o.Type, code, PyInt.Of(format), new PyBytes(A(o).Bytes.ToArray())), state);
        });
        t.DefClassGetItem();

        void Do1(string name, Action<PyArray, PyObject> action) => t.Def1(name, (o, x) =>
        {
            action(A(o), x);
            return Values.None;
        });
    }

    private static PyStr Text(PyArray array) => PyStr.FromCodePoints([.. Iterate(array).Select(c => ((PyStr)c)[0])]);

    public static void Fill(ModuleBuilder m)
    {
        m.Set("array", Type);
        m.Set("ArrayType", Type);
        m.Set("typecodes", Codes);
        m.Def("_array_reconstructor", "arraytype, typecode, mformat_code, items, /", a =>
        {
            var made = Calls.Call(a[0]!, a[1]!);
            FromBytes(A(made), a[3]!);
            return made;
        });
        if (m.Machine.Modules.Get("collections.abc") is { } abc)
            Calls.CallMethod(Attributes.Get(abc, "MutableSequence"), "register", Type);
    }
}
