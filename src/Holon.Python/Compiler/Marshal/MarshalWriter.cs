using System.Buffers.Binary;

namespace Holon.Python.Compiler;

/// <summary>
/// Writes code objects and constants in CPython's marshal format, version 4. Interned strings (names, and string constants that look like
/// names) and objects that occur more than once are written once and referred to afterwards.
/// </summary>
public sealed class MarshalWriter
{
    private const byte FlagRef = 0x80;
    private const int MaxDepth = 2000;

    private readonly List<byte> _out = new(1024);
    private readonly Dictionary<object, int> _references = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, int> _internedReferences = [];
    private int _referenceCount, _depth;

    private MarshalWriter()
    {
    }

    /// <summary>The bytes of a constant or code object.</summary>
    public static byte[] Write(object? value)
    {
        var writer = new MarshalWriter();
        writer.WriteObject(value);
        return [.. writer._out];
    }

    /// <summary>A whole .pyc file that is checked by its source's time and size.</summary>
    public static byte[] WritePyc(CodeObject code, uint sourceTime, uint sourceSize)
    {
        var header = new byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0x0A0D0DA7); // 3495 and "\r\n"
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), sourceTime);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(12), sourceSize);
        return [.. header, .. Write(code)];
    }

    private void WriteObject(object? value)
    {
        if (++_depth > MaxDepth)
            throw new PythonCompileException(CompileErrorKind.ValueError, "object too deeply nested to marshal");
        switch (value)
        {
            case null:
                _out.Add((byte)'N');
                break;
            case EllipsisConstant:
                _out.Add((byte)'.');
                break;
            case bool b:
                _out.Add(b ? (byte)'T' : (byte)'F');
                break;
            case string text:
                WriteText(text, IsInterned(text));
                break;
            default:
                if (!TryWriteReference(value))
                    WriteNew(value);
                break;
        }

        _depth--;
    }

    private bool TryWriteReference(object value)
    {
        if (_references.TryGetValue(value, out var index))
        {
            _out.Add((byte)'r');
            WriteInt(index);
            return true;
        }

        _references.Add(value, _referenceCount++);
        return false;
    }

    private void WriteNew(object value)
    {
        switch (value)
        {
            case long l when l is >= int.MinValue and <= int.MaxValue:
                Type('i');
                WriteInt((int)l);
                break;
            case long l:
                WriteLong(l);
                break;
            case BigInteger i:
                WriteLong(i);
                break;
            case double d:
                Type('g');
                WriteDouble(d);
                break;
            case Complex c:
                Type('y');
                WriteDouble(c.Real);
                WriteDouble(c.Imaginary);
                break;
            case byte[] bytes:
                Type('s');
                WriteSized(bytes);
                break;
            case CodePointString text:
                Type('u');
                WriteSized(PythonText.ToUtf8(text));
                break;
            case TupleConstant tuple:
                WriteTuple(tuple.Items);
                break;
            case FrozenSetConstant set:
                Type('>');
                WriteInt(set.Items.Length);

                // The order of a set is by chance; that of its items' bytes is not.
                foreach (var (_, item) in set.Items.Select(i => (Bytes: Write(i), Item: i)).Order(ByBytes.Instance))
                    WriteObject(item);
                break;
            case CodeObject code:
                WriteCode(code);
                break;
            default:
                throw new PythonCompileException(CompileErrorKind.ValueError, "unmarshallable object");
        }
    }

    private void WriteTuple(object?[] items)
    {
        if (items.Length < 256)
        {
            Type(')');
            _out.Add((byte)items.Length);
        }
        else
        {
            Type('(');
            WriteInt(items.Length);
        }

        foreach (var item in items)
            WriteObject(item);
    }

    private void WriteCode(CodeObject code)
    {
        Type('c');
        WriteInt(code.ArgCount);
        WriteInt(code.PosOnlyArgCount);
        WriteInt(code.KwOnlyArgCount);
        WriteInt(code.StackSize);
        WriteInt((int)code.Flags);
        WriteUnshared(() => WriteNew(code.Code));
        WriteUnshared(() => WriteTuple(code.Consts));
        WriteNames(code.Names);
        WriteNames(code.LocalsPlusNames);
        WriteUnshared(() => WriteNew(code.LocalsPlusKinds));
        WriteText(code.FileName, false, shared: true);
        WriteText(code.Name, true);
        WriteText(code.QualName, true);
        WriteInt(code.FirstLine);
        WriteUnshared(() => WriteNew(code.LineTable));
        WriteUnshared(() => WriteNew(code.ExceptionTable));
    }

    private void WriteUnshared(Action write)
    {
        _referenceCount++;
        write();
    }

    private void WriteNames(string[] names)
    {
        _referenceCount++;
        if (names.Length < 256)
        {
            Type(')');
            _out.Add((byte)names.Length);
        }
        else
        {
            Type('(');
            WriteInt(names.Length);
        }

        foreach (var name in names)
            WriteText(name, true);
    }

    // CPython interns constants of letters, digits and underscores.
    private static bool IsInterned(string text)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_')
                return false;
        }

        return true;
    }

    private void WriteText(string text, bool interned, bool shared = false)
    {
        if (interned || shared)
        {
            if (_internedReferences.TryGetValue(text, out var index))
            {
                _out.Add((byte)'r');
                WriteInt(index);
                return;
            }

            _internedReferences.Add(text, _referenceCount++);
        }
        else if (TryWriteReference(text))
        {
            return;
        }

        if (!System.Text.Ascii.IsValid(text))
        {
            Type(interned ? 't' : 'u');
            WriteSized(PythonText.ToUtf8(text));
        }
        else if (text.Length < 256)
        {
            Type(interned ? 'Z' : 'z');
            _out.Add((byte)text.Length);
            _out.AddRange(System.Text.Encoding.ASCII.GetBytes(text));
        }
        else
        {
            Type(interned ? 'A' : 'a');
            WriteSized(System.Text.Encoding.ASCII.GetBytes(text));
        }
    }

    // Everything that gets here has taken a reference's number.
    private void Type(char type) => _out.Add((byte)(type | FlagRef));

    private void WriteInt(int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        _out.AddRange(bytes);
    }

    private void WriteDouble(double value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        _out.AddRange(bytes);
    }

    private void WriteSized(byte[] bytes)
    {
        WriteInt(bytes.Length);
        _out.AddRange(bytes);
    }

    // Digits of 15 bits, the lowest first; the sign is in their number.
    private void WriteLong(BigInteger value)
    {
        Type('l');
        var magnitude = BigInteger.Abs(value);
        var digits = new List<ushort>();
        for (; !magnitude.IsZero; magnitude >>= 15)
            digits.Add((ushort)(magnitude & 0x7FFF));
        WriteInt(value.Sign < 0 ? -digits.Count : digits.Count);
        foreach (var digit in digits)
        {
            _out.Add((byte)digit);
            _out.Add((byte)(digit >> 8));
        }
    }

    private sealed class ByBytes : IComparer<(byte[] Bytes, object? Item)>
    {
        public static readonly ByBytes Instance = new();

        public int Compare((byte[] Bytes, object? Item) a, (byte[] Bytes, object? Item) b) => a.Bytes.AsSpan().SequenceCompareTo(b.Bytes);
    }
}
