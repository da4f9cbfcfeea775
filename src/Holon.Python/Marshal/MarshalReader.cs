using System.Buffers.Binary;
using System.Text;

namespace Holon.Python.Marshalling;

/// <summary>Reads CPython 3.11's marshal format, version 4. The bytes may come from anywhere: lengths and references are checked.</summary>
internal sealed class MarshalReader(byte[] data, int start, int end)
{
    private const int MaxDepth = 2000;
    private readonly List<PyObject?> references = [];
    private int at = start;
    private int depth;

    public int Position => at;

    public static PyObject Load(byte[] data, int start = 0) => Load(data, start, data.Length);

    /// <summary>What lies between two places of an array, which nobody may change meanwhile.</summary>
    public static PyObject Load(byte[] data, int start, int end) =>
        new MarshalReader(data, start, end).Read() ?? throw Err.Type("NULL object in marshal data for object");

    public PyObject? Read()
    {
        if (++depth > MaxDepth)
            throw Err.Value("recursion limit exceeded");
        try
        {
            return ReadObject();
        }
        finally
        {
            depth--;
        }
    }

    private byte Byte() => at < end ? data[at++] : throw Err.Of(ExceptionTypes.EOFError, "marshal data too short");

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count < 0)
            throw Err.Value("bad marshal data (size out of range)");
        if (count > end - at)
            throw Err.Of(ExceptionTypes.EOFError, "marshal data too short");
        at += count;
        return data.AsSpan(at - count, count);
    }

    private int Int() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    private int Short() => BinaryPrimitives.ReadInt16LittleEndian(Take(2));

    /// <summary>A count of elements, each of which takes a byte at least.</summary>
    private int Count(int count) => count >= 0 && count <= end - at ? count : throw Err.Value("bad marshal data (size out of range)");

    private PyObject? ReadObject()
    {
        var code = Byte();
        var type = (char)(code & 0x7f);
        var slot = -1;
        if ((code & 0x80) != 0)
        {
            slot = references.Count;
            references.Add(null);
        }
        var value = Body(type, slot);
        if (slot >= 0)
            references[slot] = value;
        return value;
    }

    private PyObject? Body(char type, int slot)
    {
        switch (type)
        {
            case '0':
                return null;
            case 'N':
                return Values.None;
            case 'F':
                return Values.False;
            case 'T':
                return Values.True;
            case 'S':
                return ExceptionTypes.StopIteration;
            case '.':
                return PySingleton.Ellipsis;
            case 'i':
                return PyInt.Of(Int());
            case 'l':
                return Long();
            case 'f':
                return new PyFloat(FloatText.Parse(Encoding.ASCII.GetString(Take(Byte()))) ?? throw Err.Value("bad marshal data"));
            case 'g':
                return new PyFloat(BinaryPrimitives.ReadDoubleLittleEndian(Take(8)));
            case 'x':
                return new PyComplex(new Complex(FloatText.Parse(Encoding.ASCII.GetString(Take(Byte()))) ?? 0, FloatText.Parse(Encoding.ASCII.GetString(Take(Byte()))) ?? 0));
            case 'y':
                return new PyComplex(new Complex(BinaryPrimitives.ReadDoubleLittleEndian(Take(8)), BinaryPrimitives.ReadDoubleLittleEndian(Take(8))));
            case 's':
                return new PyBytes(Take(Int()).ToArray());
            case 'a':
                return Latin(Int(), false);
            case 'A':
                return Latin(Int(), true);
            case 'z':
                return Latin(Byte(), false);
            case 'Z':
                return Latin(Byte(), true);
            case 'u':
                return Codecs.DecodeUtf8(Take(Int()), "surrogatepass");
            case 't':
                return PyThread.Current.Machine.Intern(Codecs.DecodeUtf8(Take(Int()), "surrogatepass"));
            case '(':
                return Items(Count(Int()));
            case ')':
                return Items(Byte());
            case '[':
                {
                    var list = new PyList();
                    if (slot >= 0)
                        references[slot] = list;
                    for (var left = Count(Int()); left > 0; left--)
                        list.Add(Need(Read()));
                    return list;
                }
            case '{':
                {
                    var dict = new PyDict();
                    if (slot >= 0)
                        references[slot] = dict;
                    while (Read() is { } key)
                        dict.Set(key, Need(Read()));
                    return dict;
                }
            case '<' or '>':
                {
                    var items = new List<PyObject>();
                    for (var left = Count(Int()); left > 0; left--)
                        items.Add(Need(Read()));
                    return new PySet(items, type == '>');
                }
            case 'r':
                {
                    var index = Int();
                    return (uint)index < (uint)references.Count && references[index] is { } known ? known : throw Err.Value("bad marshal data (invalid reference)");
                }
            case 'c':
                return Code();
            default:
                throw Err.Value("bad marshal data (unknown type code)");
        }
    }

    private static PyObject Need(PyObject? value) => value ?? throw Err.Type("NULL object in marshal data for object");

    private PyTuple Items(int count)
    {
        var items = new PyObject[count];
        for (var i = 0; i < count; i++)
            items[i] = Need(Read());
        return new PyTuple(items);
    }

    private PyStr Latin(int length, bool intern)
    {
        var text = Encoding.Latin1.GetString(Take(length));
        return intern ? PyThread.Current.Machine.Intern(text) : new PyStr(text);
    }

    private PyInt Long()
    {
        var count = Int();
        var digits = Math.Abs((long)count);
        if (digits > (end - at) / 2)
            throw Err.Value("bad marshal data (long size out of range)");
        // 15 bits a digit, least significant first.
        var value = BigInteger.Zero;
        for (var i = 0; i < digits; i++)
        {
            var digit = Short();
            if (digit < 0)
                throw Err.Value("bad marshal data (digit out of range in long)");
            value |= (BigInteger)digit << (15 * i);
        }
        return PyInt.Of(count < 0 ? -value : value);
    }

    private T Need<T>()
        where T : PyObject => Read() as T ?? throw Err.Type("bad marshal data (unexpected type in code object)");

    private PyCode Code()
    {
        var (args, posOnly, kwOnly, stack, flags) = (Int(), Int(), Int(), Int(), Int());
        var code = Need<PyBytes>().Content;
        var consts = Need<PyTuple>().Items;
        var names = Strings();
        var locals = Strings();
        var kinds = Need<PyBytes>().Content;
        var (file, name, qualName) = (Need<PyStr>(), Need<PyStr>(), Need<PyStr>());
        var line = Int();
        return new PyCode
        {
            ArgCount = args,
            PosOnlyCount = posOnly,
            KwOnlyCount = kwOnly,
            StackSize = stack,
            Flags = (CodeFlags)flags,
            Code = code,
            Consts = consts,
            NameList = names,
            LocalsPlusNames = locals,
            LocalsPlusKinds = kinds,
            Filename = file,
            Name = name,
            QualName = qualName,
            FirstLine = line,
            LineTable = Need<PyBytes>().Content,
            ExceptionTable = Need<PyBytes>().Content,
        }.Finish();
    }

    private PyStr[] Strings() => [.. Need<PyTuple>().Items.Select(i => PyThread.Current.Machine.Intern(i as PyStr ?? throw Err.Type("name tuples must contain only strings")))];
}
