using System.Buffers.Binary;
using System.Text;

namespace Holon.Python.Marshalling;

/// <summary>Writes marshal format. Objects that occur again are written as references when the version is 3 or more.</summary>
internal sealed class MarshalWriter(int version = 4)
{
    private readonly MemoryStream output = new();
    private readonly Dictionary<PyObject, int> written = new(ReferenceEqualityComparer.Instance);
    private int depth;

    public static byte[] Dump(PyObject value, int version = 4)
    {
        var writer = new MarshalWriter(version);
        writer.Write(value);
        return writer.output.ToArray();
    }

    private void Byte(int value) => output.WriteByte((byte)value);

    private void Int(int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        output.Write(bytes);
    }

    private void Double(double value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        output.Write(bytes);
    }

    private void Write(PyObject value)
    {
        if (++depth > 2000)
            throw Err.Value("object too deeply nested to marshal");
        Body(value);
        depth--;
    }

    private void Body(PyObject value)
    {
        if (value is PySingleton or PyBool || value == ExceptionTypes.StopIteration)
        {
            Byte(value == Values.None ? 'N' : value == PySingleton.Ellipsis ? '.' : value == PyBool.True ? 'T' : value == PyBool.False ? 'F' : 'S');
            return;
        }
        var flag = 0;
        if (version >= 3)
        {
            if (written.TryGetValue(value, out var index))
            {
                Byte('r');
                Int(index);
                return;
            }
            written.Add(value, written.Count);
            flag = 0x80;
        }
        switch (value)
        {
            case PyInt number when number.TryLong(out var small) && small is >= int.MinValue and <= int.MaxValue:
                Byte('i' | flag);
                Int((int)small);
                break;
            case PyInt number:
                Byte('l' | flag);
                Digits(number.ToBig());
                break;
            case PyFloat f:
                Byte('g' | flag);
                Double(f.Value);
                break;
            case PyComplex c:
                Byte('y' | flag);
                Double(c.Value.Real);
                Double(c.Value.Imaginary);
                break;
            case PyStr text:
                Text(text, flag);
                break;
            case PyBytes or PyByteArray:
                Byte('s' | flag);
                Int(((IBuffer)value).Bytes.Length);
                output.Write(((IBuffer)value).Bytes);
                break;
            case PyTuple tuple:
                Byte((tuple.Count < 256 && version >= 4 ? ')' : '(') | flag);
                if (tuple.Count < 256 && version >= 4)
                    Byte(tuple.Count);
                else
                    Int(tuple.Count);
                All(tuple.Items);
                break;
            case PyList list:
                Byte('[' | flag);
                Int(list.Count);
                All(list.ToArray());
                break;
            case PySet set:
                Byte((set.IsFrozen ? '>' : '<') | flag);
                Int(set.Count);
                All(set.Items());
                break;
            case PyDict dict:
                Byte('{' | flag);
                foreach (var (key, item) in dict.Items())
                {
                    Write(key);
                    Write(item);
                }
                Byte('0');
                break;
            case PyCode code:
                Byte('c' | flag);
                Code(code);
                break;
            default:
                throw Err.Value("unmarshallable object");
        }
    }

    private void All(IEnumerable<PyObject> items)
    {
        foreach (var item in items)
            Write(item);
    }

    private void Digits(BigInteger value)
    {
        var magnitude = BigInteger.Abs(value);
        var digits = new List<short>();
        while (!magnitude.IsZero)
        {
            digits.Add((short)(int)(magnitude & 0x7fff));
            magnitude >>= 15;
        }
        Int(value.Sign < 0 ? -digits.Count : digits.Count);
        foreach (var digit in digits)
        {
            Byte(digit & 0xff);
            Byte(digit >> 8);
        }
    }

    private void Text(PyStr text, int flag)
    {
        if (!text.IsWide && Ascii.IsValid(text.Value))
        {
            var isShort = text.Length < 256;
            Byte((isShort ? 'z' : 'a') | flag);
            if (isShort)
                Byte(text.Length);
            else
                Int(text.Length);
            output.Write(Encoding.ASCII.GetBytes(text.Value));
            return;
        }
        var bytes = Codecs.EncodeUtf8(text, "surrogatepass");
        Byte('u' | flag);
        Int(bytes.Length);
        output.Write(bytes);
    }

    private void Code(PyCode code)
    {
        Int(code.ArgCount);
        Int(code.PosOnlyCount);
        Int(code.KwOnlyCount);
        Int(code.StackSize);
        Int((int)code.Flags);
        Write(new PyBytes(code.Code));
        Write(new PyTuple(code.Consts));
        Write(new PyTuple([.. code.NameList]));
        Write(new PyTuple([.. code.LocalsPlusNames]));
        Write(new PyBytes(code.LocalsPlusKinds));
        Write(code.Filename);
        Write(code.Name);
        Write(code.QualName);
        Int(code.FirstLine);
        Write(new PyBytes(code.LineTable));
        Write(new PyBytes(code.ExceptionTable));
    }
}
