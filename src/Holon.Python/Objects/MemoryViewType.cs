using Holon.Python.Modules;
using Holon.Python.Modules.Iterators;

namespace Holon.Python.Objects;

/// <summary>memoryview, as Objects/memoryobject.c has it.</summary>
internal static class MemoryViewType
{
    private static readonly NativeParameters MemoryviewParameters = new("memoryview", "object");
    private const int MaxDimensions = 64;

    public static readonly PyType Type = new("memoryview", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.IsSequence = true;
        t.New = (_, args, names) => Of(MemoryviewParameters.Bind(args, names)[0]!);
        t.Len = o => V(o).Layout is { Dimensions: > 0 } layout ? layout.Shape[0] : 1;
        t.Repr = o => Values.Str($"<{(V(o).IsReleased ? "released memory" : "memory")} at {Ops.Address(o)}>");
        t.GetItem = GetItem;
        t.SetItem = SetItem;
        t.Iter = Iterate;
        t.Hash = Hash;
        t.Compare = Compare;
        t.Getter("obj", o => V(o).Buffer.Owner);
        t.Getter("nbytes", o => PyInt.Of(V(o).Layout.Items * V(o).Layout.ItemSize));
        t.Getter("itemsize", o => PyInt.Of(V(o).Layout.ItemSize));
        t.Getter("format", o => Values.Str(V(o).Layout.Format));
        t.Getter("ndim", o => PyInt.Of(V(o).Layout.Dimensions));
        t.Getter("shape", o => Tuple(V(o).Layout.Shape));
        t.Getter("strides", o => Tuple(V(o).Layout.Strides));
        t.Getter("suboffsets", o => V(o).Layout.Dimensions >= 0 ? PyTuple.Empty : Values.None);
        t.Getter("readonly", o => Values.Bool(V(o).Buffer is not null && V(o).IsReadOnly));
        t.Getter("c_contiguous", o => Values.Bool(V(o).Layout.IsCContiguous));
        t.Getter("f_contiguous", o => Values.Bool(V(o).Layout.IsFContiguous));
        t.Getter("contiguous", o => Values.Bool(V(o).Layout.IsCContiguous || V(o).Layout.IsFContiguous));
        t.Def("tobytes", "order=None", (o, a) =>
        {
            var order = a[0] == Values.None ? "C" : Args.Str(a[0], "tobytes").Value;
            if (order is not ("C" or "F" or "A"))
                throw Err.Value("order must be 'C', 'F' or 'A'");
            var self = V(o);
            return new PyBytes(order == "F" || (order == "A" && self.Layout is { IsFContiguous: true, IsCContiguous: false }) ? self.Copy(true) : self.Bytes.ToArray());
        });
        t.Def0("tolist", o => ToList(V(o), 0, V(o).Layout.Start));
        t.Def("hex", "sep=?, bytes_per_sep=1", (o, a) => BytesMethods.Hex(V(o).Bytes, a[0], a[1]!));
        t.DefKept("cast", "format, shape=?", Cast);
        t.Def0("toreadonly", o => new PyMemoryView(V(o).Buffer, V(o).Layout, true));
        t.Def0("release", Release);
        t.Def0("__enter__", o =>
        {
            _ = V(o).Buffer;
            return o;
        });
        t.Def("__exit__", "*args", (o, _) => Release(o));
    });

    private static PyMemoryView V(PyObject o) => (PyMemoryView)o;

    private static PyTuple Tuple(int[] numbers) => new([.. numbers.Select(n => (PyObject)PyInt.Of(n))]);

    private static PyObject Release(PyObject o)
    {
        V(o).Release();
        return Values.None;
    }

    public static PyMemoryView Of(PyObject o)
    {
        if (o is PyMemoryView view)
            return view.With(view.Layout);
        var source = o as IBuffer ?? throw Err.Type($"memoryview: a bytes-like object is required, not '{o.Type.FullName}'");
        var buffer = new ManagedBuffer(source, o, !IsWritable(source));
        var (format, size) = ("B", 1);
        if (o is IExportedBuffer exported)
        {
            exported.Exports.Add(buffer);
            (format, size) = (exported.ItemFormat, exported.ItemSize);
        }
        return new PyMemoryView(buffer, new BufferLayout(0, [source.Bytes.Length / size], [size], format, size), buffer.IsReadOnly);
    }

    private static bool IsWritable(IBuffer source)
    {
        if (source is PyBytes or PyByteArray)
            return source is PyByteArray;
        try
        {
            _ = source.Writable;
            return true;
        }
        catch (PyError)
        {
            return false;
        }
    }

    // --- Items

    /// <summary>Struct's letter of a format that views can read and write; 0 for others.</summary>
    private static char Letter(string format) => (format.StartsWith('@') ? format[1..] : format) is [var c] && "cbBhHiIlLqQnNfdeP?".Contains(c) ? c : '\0';

    private static PyObject Item(PyMemoryView view, int at)
    {
        var (source, layout) = (view.Buffer.Source, view.Layout);
        var letter = Letter(layout.Format);
        return letter == '\0' ? throw Err.NotImplemented($"memoryview: format {layout.Format} not supported") : StructFormat.Unpack(letter, source.Bytes.Slice(at, layout.ItemSize), BitConverter.IsLittleEndian);
    }

    private static void Pack(PyMemoryView view, int at, PyObject value)
    {
        var layout = view.Layout;
        var letter = Letter(layout.Format);
        if (letter == '\0')
            throw Err.NotImplemented($"memoryview: format {layout.Format} not supported");
        Span<byte> item = stackalloc byte[layout.ItemSize];
        var isKind = letter switch
        {
            '?' => true,
            'c' => value is PyBytes,
            'f' or 'd' or 'e' => value is PyFloat || value.Type.ToFloat is not null || value.Type.Index is not null,
            _ => value.Type.Index is not null,
        };
        if (!isKind)
            throw Err.Type($"memoryview: invalid type for format '{layout.Format}'");
        try
        {
            StructFormat.Pack(letter, value, item, BitConverter.IsLittleEndian);
        }
        catch (PyError error) when (error.Value.Type == StructModule.Error || error.Value.Type.IsSubtypeOf(ExceptionTypes.OverflowError))
        {
            throw Err.Value($"memoryview: invalid value for format '{layout.Format}'");
        }
        // Converting the value may have run code that released the view.
        item.CopyTo(view.Buffer.Source.Writable.Slice(at, item.Length));
    }

    private static PyObject ToList(PyMemoryView view, int dimension, int at)
    {
        var layout = view.Layout;
        if (dimension == layout.Dimensions)
            return Item(view, at);
        return new PyList(Enumerable.Range(0, layout.Shape[dimension]).Select(i => ToList(view, dimension + 1, at + i * layout.Strides[dimension])));
    }

    private static PyObject Iterate(PyObject o)
    {
        var layout = V(o).Layout;
        if (layout.Dimensions != 1)
            throw layout.Dimensions == 0 ? Err.Type("invalid indexing of 0-dim memory") : Err.NotImplemented("multi-dimensional sub-views are not implemented");
        if (Letter(layout.Format) == '\0')
            throw Err.NotImplemented($"memoryview: format {layout.Format} not supported");
        var count = layout.Shape[0];
        return new PyIndexIterator(IteratorTypes.Memory, o, _ => count, (v, i) => Item(V(v), layout.Start + i * layout.Strides[0]));
    }

    private static int Offset(BufferLayout layout, int dimension, PyObject key)
    {
        var index = Sequences.Index(key, "memoryview");
        if (index < 0)
            index += layout.Shape[dimension];
        return (ulong)index < (ulong)layout.Shape[dimension] ? (int)index * layout.Strides[dimension] : throw Err.Index($"index out of bounds on dimension {dimension + 1}");
    }

    /// <summary>Where the item is that a number, or a tuple of them, names; null for other keys.</summary>
    private static int? Locate(BufferLayout layout, PyObject key, bool forReading)
    {
        if (layout.Dimensions == 0)
            return key is PyTuple { Count: 0 } ? layout.Start : throw Err.Type("invalid indexing of 0-dim memory");
        if (key.Type.Index is not null)
        {
            if (layout.Dimensions > 1)
                throw Err.NotImplemented(forReading ? "multi-dimensional sub-views are not implemented" : "sub-views are not implemented");
            return layout.Start + Offset(layout, 0, key);
        }
        if (key is not PyTuple { Count: > 0 } keys || keys.Items.Any(k => k.Type.Index is null))
            return null;
        if (keys.Count != layout.Dimensions)
            throw keys.Count < layout.Dimensions ? Err.NotImplemented("sub-views are not implemented") : Err.Type($"cannot index {layout.Dimensions}-dimension view with {keys.Count}-element tuple");
        return layout.Start + Enumerable.Range(0, keys.Count).Sum(d => Offset(layout, d, keys.Items[d]));
    }

    private static BufferLayout Slice(BufferLayout layout, PySlice slice)
    {
        var (start, _, step, count) = slice.Indices(layout.Shape[0]);
        int[] shape = [count, .. layout.Shape[1..]], strides = [(int)(layout.Strides[0] * step), .. layout.Strides[1..]];
        return layout with { Start = layout.Start + (int)start * layout.Strides[0], Shape = shape, Strides = strides };
    }

    private static bool IsMultiSlice(PyObject key) => key is PyTuple { Count: > 0 } keys && keys.Items.All(k => k is PySlice);

    private static PyObject GetItem(PyObject o, PyObject key)
    {
        var self = V(o);
        var layout = self.Layout;
        if (layout.Dimensions == 0 && key == PySingleton.Ellipsis)
            return self;
        if (layout.Dimensions > 0 && key is PySlice slice)
            return self.With(Slice(layout, slice));
        if (Locate(layout, key, true) is { } at)
            return Item(self, at);
        throw IsMultiSlice(key) ? Err.NotImplemented("multi-dimensional slicing is not implemented") : Err.Type("memoryview: invalid slice key");
    }

    private static void SetItem(PyObject o, PyObject key, PyObject? value)
    {
        var self = V(o);
        var layout = self.Layout;
        if (self.IsReadOnly)
            throw Err.Type("cannot modify read-only memory");
        if (value is null)
            throw Err.Type("cannot delete memory");
        if (layout.Dimensions == 1 && key is PySlice slice)
            Fill(self, Slice(layout, slice), value);
        else if (layout.Dimensions == 0 && key == PySingleton.Ellipsis)
            Pack(self, layout.Start, value);
        else if (key is PySlice || IsMultiSlice(key))
            throw layout.Dimensions == 0 ? Err.Type("invalid indexing of 0-dim memory") : Err.NotImplemented("memoryview slice assignments are currently restricted to ndim = 1");
        else
            Pack(self, Locate(layout, key, false) ?? throw Err.Type("memoryview: invalid slice key"), value);
    }

    private static void Fill(PyMemoryView view, BufferLayout part, PyObject value)
    {
        var with = value is IBuffer ? Of(value) : throw Err.Type($"a bytes-like object is required, not '{value.Type.FullName}'");
        var layout = with.Layout;
        if (layout.Dimensions != 1 || layout.Shape[0] != part.Shape[0] || layout.ItemSize != part.ItemSize || layout.Format.TrimStart('@') != part.Format.TrimStart('@'))
            throw Err.Value("memoryview assignment: lvalue and rvalue have different structures");
        var (bytes, from, size) = (with.Copy(false), 0, part.ItemSize);
        with.Release();
        var to = view.Buffer.Source.Writable;
        foreach (var at in part.Offsets())
        {
            bytes.AsSpan(from, size).CopyTo(to[at..]);
            from += size;
        }
    }

    // --- Casts

    private static PyObject Cast(PyObject o, PyObject?[] a)
    {
        var self = V(o);
        var layout = self.Layout;
        var format = Args.Str(a[0], "cast").Value;
        if (!layout.IsCContiguous)
            throw Err.Type("memoryview: casts are restricted to C-contiguous views");
        if ((a[1] is not null || layout.Dimensions != 1) && layout.Shape.Contains(0))
            throw Err.Type("memoryview: cannot cast view with zeros in shape or strides");
        var dimensions = a[1] is null ? null : a[1] is PyList or PyTuple ? Ops.ToArray(a[1]!) : throw Err.Type("shape must be a list or a tuple");
        if (dimensions?.Length > MaxDimensions)
            throw Err.Value($"memoryview: number of dimensions must not exceed {MaxDimensions}");
        if (dimensions is not null && layout.Dimensions != 1 && dimensions.Length != 1)
            throw Err.Type("memoryview: cast must be 1D -> ND or ND -> 1D");
        var (from, to) = (Letter(layout.Format), Letter(format));
        if (from == '\0' || to == '\0')
            throw Err.Value($"memoryview: {(from == '\0' ? "source" : "destination")} format must be a native single character format prefixed with an optional '@'");
        if (from is not ('b' or 'B' or 'c') && to is not ('b' or 'B' or 'c'))
            throw Err.Type("memoryview: cannot cast between two non-byte formats");
        var (bytes, size) = (layout.Items * layout.ItemSize, StructFormat.ItemSize(to.ToString()));
        if (bytes % size != 0)
            throw Err.Type("memoryview: length is not a multiple of itemsize");
        int[] shape = dimensions is null ? [bytes / size] : Shape(dimensions, bytes, size);
        return self.With(new BufferLayout(layout.Start, shape, BufferLayout.ContiguousStrides(shape, size), format, size));
    }

    private static int[] Shape(PyObject[] dimensions, int bytes, int size)
    {
        var shape = new int[dimensions.Length];
        var product = (long)size;
        for (var d = 0; d < shape.Length; d++)
        {
            if (dimensions[d] is not PyInt number)
                throw Err.Type("memoryview.cast(): elements of shape must be integers");
            if (!number.TryLong(out var n) || n <= 0)
                throw Err.Value("memoryview.cast(): elements of shape must be integers > 0");
            if (n > long.MaxValue / product)
                throw Err.Value("memoryview.cast(): product(shape) > SSIZE_MAX");
            product *= n;
            shape[d] = (int)Math.Min(n, int.MaxValue);
        }
        return product == bytes ? shape : throw Err.Type("memoryview: product(shape) * itemsize != buffer size");
    }

    // --- Comparison

    private static long Hash(PyObject o)
    {
        var self = V(o);
        if (self.Hash is { } known)
            return known;
        var layout = self.Layout;
        if (!self.IsReadOnly)
            throw Err.Value("cannot hash writable memoryview object");
        if (Letter(layout.Format) is not ('b' or 'B' or 'c'))
            throw Err.Value("memoryview: hashing is restricted to formats 'B', 'b' or 'c'");
        if (self.Buffer.Owner is not PyBytes)
            _ = Ops.Hash(self.Buffer.Owner);
        var hash = Ops.Hash(new PyBytes(self.Bytes.ToArray()));
        self.Hash = hash;
        return hash;
    }

    private static PyObject Compare(PyObject a, PyObject b, CompareOp op)
    {
        if (op is not (CompareOp.Eq or CompareOp.Ne) || b is not IBuffer)
            return Values.NotImplemented;
        return Values.Bool(AreEqual(V(a), b) == (op == CompareOp.Eq));
    }

    private static bool AreEqual(PyMemoryView one, PyObject b)
    {
        if (one.IsReleased || b is PyMemoryView { IsReleased: true })
            return one == b;
        var other = Of(b);
        try
        {
            var (x, y) = (one.Layout, other.Layout);
            if (!x.Shape.AsSpan().SequenceEqual(y.Shape))
                return false;
            var (left, right) = (Letter(x.Format), Letter(y.Format));
            if (left == '\0' || right == '\0')
                return false;
            if (left == right && "cbBhHiIlLqQnNP".Contains(left))
                return one.Bytes.SequenceEqual(other.Bytes);
            return x.Offsets().Zip(y.Offsets()).All(pair => Ops.Eq(Item(one, pair.First), Item(other, pair.Second)));
        }
        finally
        {
            other.Release();
        }
    }
}
