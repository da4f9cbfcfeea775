using System.Buffers.Binary;

namespace Holon.Python.Modules;

/// <summary>Single items of the struct module's formats, in native order.</summary>
internal static class StructFormat
{
    public static int ItemSize(string format) => format switch
    {
        "b" or "B" or "c" or "?" or "x" or "s" or "p" => 1,
        "h" or "H" or "e" => 2,
        "i" or "I" or "f" => 4,
        "l" or "L" or "q" or "Q" or "n" or "N" or "P" or "d" => 8,
        _ => 0,
    };

    public static PyObject UnpackItem(string format, ReadOnlySpan<byte> bytes) => Unpack(format.TrimStart('@')[0], bytes, true);

    public static void PackItem(string format, PyObject value, Span<byte> bytes) => Pack(format.TrimStart('@')[0], value, bytes, true);

    /// <summary>One item of as many bytes as are given.</summary>
    public static PyObject Unpack(char code, ReadOnlySpan<byte> bytes, bool little)
    {
        switch (code)
        {
            case 'c':
                return new PyBytes(bytes.ToArray());
            case '?':
                return Values.Bool(bytes.IndexOfAnyExcept((byte)0) >= 0);
            case 'e':
                return new PyFloat((double)(little ? BinaryPrimitives.ReadHalfLittleEndian(bytes) : BinaryPrimitives.ReadHalfBigEndian(bytes)));
            case 'f':
                return new PyFloat(little ? BinaryPrimitives.ReadSingleLittleEndian(bytes) : BinaryPrimitives.ReadSingleBigEndian(bytes));
            case 'd':
                return new PyFloat(little ? BinaryPrimitives.ReadDoubleLittleEndian(bytes) : BinaryPrimitives.ReadDoubleBigEndian(bytes));
            default:
                return bytes.Length <= sizeof(long) ? Integer(bytes, little, char.IsAsciiLetterLower(code)) : IntText.FromBytes(bytes, little, char.IsAsciiLetterLower(code));
        }
    }

    private static PyInt Integer(ReadOnlySpan<byte> bytes, bool little, bool signed)
    {
        var value = 0UL;
        for (var i = 0; i < bytes.Length; i++)
            value = value << 8 | bytes[little ? bytes.Length - 1 - i : i];
        if (!signed)
            return PyInt.Of(value);
        var above = 64 - 8 * bytes.Length;
        return PyInt.Of((long)(value << above) >> above);
    }

    public static void Pack(char code, PyObject value, Span<byte> bytes, bool little)
    {
        switch (code)
        {
            case 'c':
                if (value is not IBuffer { Bytes.Length: 1 } single)
                    throw StructError("char format requires a bytes object of length 1");
                bytes[0] = single.Bytes[0];
                return;
            case '?':
                bytes[0] = (byte)(Ops.IsTrue(value) ? 1 : 0);
                return;
            case 'e' or 'f' or 'd':
                if (value is not PyFloat && value.Type.ToFloat is null && value.Type.Index is null)
                    throw StructError("required argument is not a float");
                PackFloat(code, Ops.ToDouble(value), bytes, little);
                return;
        }
        if (value.Type.Index is null)
            throw StructError("required argument is not an integer");
        var index = Ops.Index(value);
        var signed = char.IsAsciiLetterLower(code);
        var bits = bytes.Length * 8;
        if (index.TryLong(out var small) && bits <= 64 && (signed ? bits == 64 || small >> (bits - 1) is 0 or -1 : small >= 0 && (bits == 64 || small >> bits == 0)))
        {
            for (var i = 0; i < bytes.Length; i++)
                bytes[little ? i : bytes.Length - 1 - i] = (byte)(small >> (8 * i));
            return;
        }
        var number = index.ToBig();
        var low = signed ? -(BigInteger.One << (bits - 1)) : BigInteger.Zero;
        var high = (BigInteger.One << (signed ? bits - 1 : bits)) - 1;
        if (number < low || number > high)
            throw StructError(code is 'q' or 'Q' or 'l' or 'L' or 'n' or 'N' ? "int too large to convert" : $"'{code}' format requires {low} <= number <= {high}");
        bytes.Fill(number.Sign < 0 ? (byte)0xff : (byte)0);
        var source = number.ToByteArray(isUnsigned: !signed);
        source.AsSpan(0, Math.Min(source.Length, bytes.Length)).CopyTo(bytes);
        if (!little)
            bytes.Reverse();
    }

    private static void PackFloat(char code, double value, Span<byte> bytes, bool little)
    {
        if (code == 'd')
        {
            BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        }
        else if (code == 'f')
        {
            if (double.IsFinite(value) && float.IsInfinity((float)value))
                throw Err.Overflow("float too large to pack with f format");
            BinaryPrimitives.WriteSingleLittleEndian(bytes, (float)value);
        }
        else
        {
            if (double.IsFinite(value) && Half.IsInfinity((Half)value))
                throw Err.Overflow("float too large to pack with e format");
            BinaryPrimitives.WriteHalfLittleEndian(bytes, (Half)value);
        }
        if (!little)
            bytes.Reverse();
    }

    public static PyError StructError(string message) => Err.Of(StructModule.Error, message);
}

internal static class StructModule
{
    public static readonly PyType Error = new("error", ExceptionTypes.Exception, null, "struct");

    private static readonly PyType StructType = new("Struct", PyType.Object, t =>
    {
        t.New = (type, args, _) => new PyStruct(type, args.Length > 0 ? Parse(args[0]) : throw Err.Type("Struct() missing required argument 'format' (pos 1)"));
        t.Init = (_, _, _) => { };
        t.Getter("format", o => new PyStr(((PyStruct)o).Layout.Text));
        t.Getter("size", o => PyInt.Of(((PyStruct)o).Layout.Size));
        t.DefRaw("pack", (o, args, _) => ((PyStruct)o).Layout.Pack(args));
        t.DefRaw("pack_into", (o, args, _) => ((PyStruct)o).Layout.PackInto(args));
        t.Def1("unpack", (o, b) => ((PyStruct)o).Layout.Unpack(b));
        t.Def("unpack_from", "buffer, offset=0", (o, a) => ((PyStruct)o).Layout.UnpackFrom(a[0]!, Args.Long(a[1]!)));
        t.Def1("iter_unpack", (o, b) => ((PyStruct)o).Layout.Each(b));
    }, "_struct");

    private sealed class PyStruct(PyType type, Layout layout) : PyExtensible(type)
    {
        public Layout Layout { get; } = layout;
    }

    /// <summary>A parsed format: items of a code, at an offset, of a size.</summary>
    private sealed record Layout(string Text, bool Little, List<(char Code, int Offset, int Size)> Items, int Size)
    {
        private readonly int values = Items.Count(i => i.Code != 'x');

        public PyBytes Pack(ReadOnlySpan<PyObject> args)
        {
            var bytes = new byte[Size];
            Write(args, bytes, "pack");
            return new PyBytes(bytes);
        }

        private void Write(ReadOnlySpan<PyObject> args, Span<byte> bytes, string name)
        {
            if (args.Length != values)
                throw StructFormat.StructError($"{name} expected {values} items for packing (got {args.Length})");
            var next = 0;
            foreach (var (code, offset, size) in Items)
            {
                var place = bytes.Slice(offset, size);
                if (code == 'x')
                    continue;
                if (code is not ('s' or 'p'))
                {
                    StructFormat.Pack(code, args[next++], place, Little);
                    continue;
                }
                var data = (args[next++] as IBuffer ?? throw StructFormat.StructError($"argument for '{code}' must be a bytes object")).Bytes;
                if (code == 'p')
                {
                    data = data[..Math.Min(data.Length, Math.Min(255, Math.Max(0, size - 1)))];
                    if (size > 0)
                        place[0] = (byte)data.Length;
                    place = size > 0 ? place[1..] : place;
                }
                data[..Math.Min(data.Length, place.Length)].CopyTo(place);
            }
        }

        public PyObject PackInto(ReadOnlySpan<PyObject> args)
        {
            if (args.Length < 2)
                throw StructFormat.StructError("pack_into expected buffer argument");
            var target = (args[0] as IBuffer ?? throw Err.Type("a read-write bytes-like object is required")).Writable;
            var offset = At(Args.Long(args[1]), target.Length, "pack_into");
            Write(args[2..], target.Slice(offset, Size), "pack_into");
            return Objects.Values.None;
        }

        private int At(long offset, int length, string name)
        {
            if (offset < 0)
                offset += length;
            return offset >= 0 && length - offset >= Size ? (int)offset : throw StructFormat.StructError($"{name} requires a buffer of at least {Math.Max(0, offset) + Size} bytes for {(name == "pack_into" ? "packing" : "unpacking")} {Size} bytes at offset {offset} (actual buffer size is {length})");
        }

        public PyTuple Unpack(PyObject source)
        {
            var bytes = (source as IBuffer ?? throw Err.Type($"a bytes-like object is required, not '{source.Type.FullName}'")).Bytes;
            return bytes.Length == Size ? Read(bytes) : throw StructFormat.StructError($"unpack requires a buffer of {Size} bytes");
        }

        public PyTuple UnpackFrom(PyObject source, long offset)
        {
            var bytes = (source as IBuffer ?? throw Err.Type($"a bytes-like object is required, not '{source.Type.FullName}'")).Bytes;
            return Read(bytes.Slice(At(offset, bytes.Length, "unpack_from"), Size));
        }

        public PyEnumerator Each(PyObject source)
        {
            var bytes = Buffers.Of(source).Bytes.ToArray();
            if (Size == 0)
                throw StructFormat.StructError("cannot iteratively unpack with a struct of length 0");
            if (bytes.Length % Size != 0)
                throw StructFormat.StructError($"iterative unpacking requires a buffer of a multiple of {Size} bytes");
            return new PyEnumerator(IteratorTypes.Sequence, Enumerable.Range(0, bytes.Length / Size).Select(i => (PyObject)Read(bytes.AsSpan(i * Size, Size))).GetEnumerator());
        }

        private PyTuple Read(ReadOnlySpan<byte> bytes)
        {
            var result = new PyObject[values];
            var next = 0;
            foreach (var (code, offset, size) in Items)
            {
                var place = bytes.Slice(offset, size);
                if (code == 's')
                    result[next++] = new PyBytes(place.ToArray());
                else if (code == 'p')
                    result[next++] = new PyBytes(size == 0 ? [] : place.Slice(1, Math.Min(place[0], size - 1)).ToArray());
                else if (code != 'x')
                    result[next++] = StructFormat.Unpack(code, place, Little);
            }
            return new PyTuple(result);
        }
    }

    private static Layout Parse(PyObject format)
    {
        var text = format switch
        {
            PyStr s => s.Value,
            IBuffer b => System.Text.Encoding.Latin1.GetString(b.Bytes),
            _ => throw Err.Type($"Struct() argument 1 must be a str or bytes object, not {format.Type.FullName}"),
        };
        var at = 0;
        var mode = text.Length > 0 && text[0] is '@' or '=' or '<' or '>' or '!' ? text[at++] : '@';
        var native = mode == '@';
        var items = new List<(char, int, int)>();
        long size = 0;
        while (at < text.Length)
        {
            if (char.IsWhiteSpace(text[at]))
            {
                at++;
                continue;
            }
            var count = 1L;
            if (char.IsAsciiDigit(text[at]))
            {
                count = 0;
                while (at < text.Length && char.IsAsciiDigit(text[at]))
                    count = Math.Min(count * 10 + text[at++] - '0', 1L << 40);
                if (at == text.Length)
                    throw StructFormat.StructError("repeat count given without format specifier");
            }
            var code = text[at++];
            var item = StructFormat.ItemSize(code.ToString());
            if (!native && code is 'l' or 'L' && !native)
                item = 4;
            if (item == 0 || (!native && code is 'n' or 'N' or 'P' && !native))
                throw StructFormat.StructError("bad char in struct format");
            if (native && item > 1 && code is not ('s' or 'p' or 'x'))
                size = (size + item - 1) / item * item;
            if (size + count * item > int.MaxValue)
                throw StructFormat.StructError("total struct size too long");
            PyThread.Current.Machine.Limits.CheckSize(count * 16);
            if (code is 's' or 'p')
                items.Add((code, (int)size, (int)count));
            else
                for (var i = 0; i < count; i++)
                    items.Add((code, (int)(size + i * item), item));
            size += count * item;
        }
        return new Layout(text, mode is '@' or '=' or '<', items, (int)size);
    }

    /// <summary>The formats that a machine has parsed, by their text.</summary>
    private sealed class Formats
    {
        // As many as CPython keeps.
        private const int Most = 100;
        private readonly Dictionary<PyStr, Layout> known = [];

        public Layout Of(PyObject format)
        {
            if (format.GetType() != typeof(PyStr))
                return Parse(format);
            var text = (PyStr)format;
            if (known.TryGetValue(text, out var layout))
                return layout;
            layout = Parse(text);
            if (known.Count >= Most)
                known.Clear();
            return known[text] = layout;
        }

        public void Clear() => known.Clear();
    }

    public static void Fill(ModuleBuilder m)
    {
        var formats = new Formats();
        m.Set("error", Error);
        m.Set("Struct", StructType);
        m.Def1("calcsize", f => PyInt.Of(formats.Of(f).Size));
        m.DefRaw("pack", (_, args, _) => formats.Of(args[0]).Pack(args[1..]));
        m.DefRaw("pack_into", (_, args, _) => formats.Of(args[0]).PackInto(args[1..]));
        m.Def("unpack", "format, buffer, /", a => formats.Of(a[0]!).Unpack(a[1]!));
        m.Def("unpack_from", "format, /, buffer, offset=0", a => formats.Of(a[0]!).UnpackFrom(a[1]!, Args.Long(a[2]!)));
        m.Def("iter_unpack", "format, buffer, /", a => formats.Of(a[0]!).Each(a[1]!));
        m.Def0("_clearcache", () =>
        {
            formats.Clear();
            return Values.None;
        });
    }
}
