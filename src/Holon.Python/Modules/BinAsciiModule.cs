using System.Text;

namespace Holon.Python.Modules;

/// <summary>binascii: Base64, hexadecimal, quoted-printable, uuencode and check sums.</summary>
internal static class BinAsciiModule
{
    private sealed class Types
    {
        public PyType Error { get; } = Make("Error", ExceptionTypes.ValueError);

        public PyType Incomplete { get; } = Make("Incomplete", ExceptionTypes.Exception);

        private static PyType Make(string name, PyType parent)
        {
            var dict = new PyDict();
            dict.Set("__module__", new PyStr("binascii"));
            return ClassBuilder.Build(PyType.TypeType, new PyStr(name), new PyTuple(parent), dict, [], null);
        }
    }

    private static PyError Error(string message) => Err.Of(PyThread.Current.Machine.State<Types>("binascii").Error, message);

    /// <summary>Bytes, or ASCII text where a function takes that too.</summary>
    private static byte[] Ascii(PyObject o) => o switch
    {
        PyStr text => text.ToCodePoints().All(c => c < 128) ? Encoding.ASCII.GetBytes(text.Value) : throw Err.Value("string argument should contain only ASCII characters"),
        IBuffer buffer => buffer.Bytes.ToArray(),
        _ => throw Err.Type($"argument should be bytes, buffer or ASCII string, not '{o.Type.FullName}'"),
    };

    private static byte[] Bytes(PyObject o) => Buffers.Bytes(o);

    public static void Fill(ModuleBuilder m)
    {
        var types = m.Machine.State<Types>("binascii");
        m.Set("Error", types.Error);
        m.Set("Incomplete", types.Incomplete);
        m.Def("b2a_base64", "data, /, *, newline=True", a =>
        {
            var text = Convert.ToBase64String(Bytes(a[0]!)) + (Ops.IsTrue(a[1]!) ? "\n" : "");
            return new PyBytes(Encoding.ASCII.GetBytes(text));
        });
        m.Def("a2b_base64", "data, /, *, strict_mode=False", a => new PyBytes(FromBase64(Ascii(a[0]!), Ops.IsTrue(a[1]!))));
        foreach (var name in new[] { "hexlify", "b2a_hex" })
            m.Def(name, "data, sep=?, bytes_per_sep=1", a => new PyBytes(Encoding.ASCII.GetBytes(Hex(Bytes(a[0]!), a[1], Args.Long(a[2]!)))));
        foreach (var name in new[] { "unhexlify", "a2b_hex" })
        {
            m.Def1(name, o =>
            {
                var text = Ascii(o);
                if (text.Length % 2 != 0)
                    throw Error("Odd-length string");
                var bytes = new byte[text.Length / 2];
                for (var i = 0; i < bytes.Length; i++)
                {
                    if (!char.IsAsciiHexDigit((char)text[2 * i]) || !char.IsAsciiHexDigit((char)text[2 * i + 1]))
                        throw Error("Non-hexadecimal digit found");
                    bytes[i] = (byte)(Convert.ToInt32(((char)text[2 * i]).ToString(), 16) << 4 | Convert.ToInt32(((char)text[2 * i + 1]).ToString(), 16));
                }
                return new PyBytes(bytes);
            });
        }
        m.Def("crc32", "data, crc=0, /", a => PyInt.Of(Crc32Of(Bytes(a[0]!), (uint)(Ops.Index(a[1]!).ToBig() & uint.MaxValue))));
        m.Def("crc_hqx", "data, crc, /", a => PyInt.Of(CrcHqx(Bytes(a[0]!), (int)(Ops.Index(a[1]!).ToBig() & 0xffff))));
        m.Def("b2a_uu", "data, /, *, backtick=False", a => new PyBytes(ToUu(Bytes(a[0]!), Ops.IsTrue(a[1]!))));
        m.Def1("a2b_uu", o => new PyBytes(FromUu(Ascii(o))));
        m.Def("b2a_qp", "data, quotetabs=False, istext=True, header=False", a => new PyBytes(ToQuoted(Bytes(a[0]!), Ops.IsTrue(a[1]!), Ops.IsTrue(a[2]!), Ops.IsTrue(a[3]!))));
        m.Def("a2b_qp", "data, header=False", a => new PyBytes(FromQuoted(Ascii(a[0]!), Ops.IsTrue(a[1]!))));
    }

    private static int Value64(byte c) => c switch
    {
        >= (byte)'A' and <= (byte)'Z' => c - 'A',
        >= (byte)'a' and <= (byte)'z' => c - 'a' + 26,
        >= (byte)'0' and <= (byte)'9' => c - '0' + 52,
        (byte)'+' => 62,
        (byte)'/' => 63,
        _ => -1,
    };

    private static byte[] FromBase64(byte[] data, bool strict)
    {
        var result = new List<byte>(data.Length * 3 / 4);
        if (strict && data is [(byte)'=', ..])
            throw Error("Leading padding not allowed");
        var (quad, left, pads, padded) = (0, 0, 0, false);
        for (var i = 0; i < data.Length; i++)
        {
            var c = data[i];
            if (c == '=')
            {
                padded = true;
                if (quad >= 2 && quad + ++pads >= 4)
                {
                    if (strict && i + 1 < data.Length)
                        throw Error("Excess data after padding");
                    return [.. result];
                }
                continue;
            }
            var value = Value64(c);
            if (value < 0)
            {
                if (strict)
                    throw Error("Only base64 data is allowed");
                continue;
            }
            if (strict && padded)
                throw Error("Discontinuous padding not allowed");
            pads = 0;
            switch (quad)
            {
                case 0:
                    (quad, left) = (1, value);
                    break;
                case 1:
                    result.Add((byte)(left << 2 | value >> 4));
                    (quad, left) = (2, value & 15);
                    break;
                case 2:
                    result.Add((byte)(left << 4 | value >> 2));
                    (quad, left) = (3, value & 3);
                    break;
                default:
                    result.Add((byte)(left << 6 | value));
                    (quad, left) = (0, 0);
                    break;
            }
        }
        if (quad == 1)
            throw Error($"Invalid base64-encoded string: number of data characters ({result.Count / 3 * 4 + 1}) cannot be 1 more than a multiple of 4");
        return quad == 0 ? [.. result] : throw Error("Incorrect padding");
    }

    /// <summary>Hexadecimal digits with a separator between groups; also <c>bytes.hex</c>.</summary>
    public static string Hex(ReadOnlySpan<byte> bytes, PyObject? separator, long group)
    {
        var plain = Convert.ToHexStringLower(bytes);
        if (separator is null)
            return plain;
        var sep = separator switch
        {
            PyStr { Length: 1 } s => s[0] < 128 ? (char)s[0] : throw Err.Value("sep must be ASCII."),
            IBuffer { Bytes.Length: 1 } b => b.Bytes[0] < 128 ? (char)b.Bytes[0] : throw Err.Value("sep must be ASCII."),
            PyStr or IBuffer => throw Err.Value("sep must be length 1."),
            _ => throw Err.Type("sep must be str or bytes."),
        };
        if (group == 0)
            return plain;
        var text = new StringBuilder();
        var size = Math.Abs(group);
        for (var i = 0; i < bytes.Length; i++)
        {
            // A positive group counts from the right.
            if (i > 0 && (group > 0 ? (bytes.Length - i) % size : i % size) == 0)
                text.Append(sep);
            text.Append(plain, 2 * i, 2);
        }
        return text.ToString();
    }

    private static readonly uint[] CrcTable = [.. Enumerable.Range(0, 256).Select(n =>
    {
        var crc = (uint)n;
        for (var k = 0; k < 8; k++)
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
        return crc;
    })];

    public static uint Crc32Of(ReadOnlySpan<byte> data, uint start)
    {
        var crc = ~start;
        foreach (var b in data)
            crc = crc >> 8 ^ CrcTable[(byte)crc ^ b];
        return ~crc;
    }

    private static int CrcHqx(ReadOnlySpan<byte> data, int crc)
    {
        foreach (var b in data)
        {
            crc ^= b << 8;
            for (var k = 0; k < 8; k++)
                crc = (crc & 0x8000) != 0 ? (crc << 1 ^ 0x1021) & 0xffff : crc << 1 & 0xffff;
        }
        return crc;
    }

    private static byte[] ToUu(byte[] data, bool backtick)
    {
        if (data.Length > 45)
            throw Error("At most 45 bytes at once");
        byte Digit(int v) => backtick && v == 0 ? (byte)'`' : (byte)(v + ' ');
        var result = new List<byte> { Digit(data.Length) };
        for (var i = 0; i < data.Length; i += 3)
        {
            var word = data[i] << 16 | (i + 1 < data.Length ? data[i + 1] : 0) << 8 | (i + 2 < data.Length ? data[i + 2] : 0);
            for (var shift = 18; shift >= 0; shift -= 6)
                result.Add(Digit(word >> shift & 63));
        }
        result.Add((byte)'\n');
        return [.. result];
    }

    private static byte[] FromUu(byte[] text)
    {
        var length = text.Length == 0 ? 0 : text[0] - ' ' & 63;
        var result = new byte[length];
        var (at, bits, count) = (1, 0, 0);
        for (var filled = 0; filled < length; at++)
        {
            var c = at < text.Length ? text[at] : (byte)'\n';
            var value = 0;
            if (c is not ((byte)'\n' or (byte)'\r' or 0))
                value = c is >= (byte)' ' and <= (byte)'`' ? c - ' ' & 63 : throw Error("Illegal char");
            bits = bits << 6 | value;
            count += 6;
            if (count < 8)
                continue;
            count -= 8;
            result[filled++] = (byte)(bits >> count);
            bits &= (1 << count) - 1;
        }
        for (; at < text.Length; at++)
        {
            if (text[at] is not ((byte)' ' or (byte)'`' or (byte)'\n' or (byte)'\r'))
                throw Error("Trailing garbage");
        }
        return result;
    }

    private static byte[] FromQuoted(byte[] data, bool header)
    {
        var result = new List<byte>(data.Length);
        for (var i = 0; i < data.Length; i++)
        {
            if (data[i] == '=')
            {
                if (++i >= data.Length)
                    break;
                if (data[i] is (byte)'\n' or (byte)'\r')
                {
                    while (i < data.Length && data[i] != '\n')
                        i++;
                }
                else if (data[i] == '=')
                {
                    result.Add((byte)'=');
                }
                else if (i + 1 < data.Length && char.IsAsciiHexDigit((char)data[i]) && char.IsAsciiHexDigit((char)data[i + 1]))
                {
                    result.Add(Convert.FromHexString($"{(char)data[i]}{(char)data[i + 1]}")[0]);
                    i++;
                }
                else
                {
                    result.Add((byte)'=');
                    i--;
                }
            }
            else
            {
                result.Add(header && data[i] == '_' ? (byte)' ' : data[i]);
            }
        }
        return [.. result];
    }

    private const int QuotedLine = 76;

    private static byte[] ToQuoted(byte[] data, bool quoteTabs, bool isText, bool header)
    {
        var result = new List<byte>(data.Length * 2);
        var newLine = Array.IndexOf(data, (byte)'\n') is > 0 and var first && data[first - 1] == '\r' ? "\r\n"u8.ToArray() : "\n"u8.ToArray();
        var line = 0;
        void SoftBreak()
        {
            result.Add((byte)'=');
            result.AddRange(newLine);
            line = 0;
        }
        for (var i = 0; i < data.Length; i++)
        {
            var c = data[i];
            var next = i + 1 < data.Length ? data[i + 1] : -1;
            var quote = c > 126 || c == '=' || (header && c == '_') || (c == '.' && line == 0 && next is -1 or '\n' or '\r' or 0 && c == '.') ||
                (!isText && c is (byte)'\r' or (byte)'\n' && !isText) || (c is (byte)'\t' or (byte)' ' && i + 1 == data.Length) ||
                (c < 33 && c is not ((byte)'\r' or (byte)'\n' or (byte)'\t' or (byte)' ')) || (c < 33 && c is not ((byte)'\r' or (byte)'\n') && (quoteTabs || (!quoteTabs && c is not ((byte)'\t' or (byte)' '))));
            if (quote && !(header && c == ' '))
            {
                if (line + 3 >= QuotedLine)
                    SoftBreak();
                result.AddRange(Encoding.ASCII.GetBytes($"={c:X2}"));
                line += 3;
                continue;
            }
            if (isText && (c == '\n' || (c == '\r' && next == '\n')))
            {
                // White space at the end of a line is quoted.
                if (result.Count > 0 && line > 0 && result[^1] is (byte)' ' or (byte)'\t' && result.Count > 0)
                {
                    var last = result[^1];
                    result[^1] = (byte)'=';
                    result.AddRange(Encoding.ASCII.GetBytes($"{last:X2}"));
                }
                result.AddRange(newLine);
                line = 0;
                if (c == '\r')
                    i++;
                continue;
            }
            if (next is not (-1 or '\n') && line + 1 >= QuotedLine)
                SoftBreak();
            result.Add(header && c == ' ' ? (byte)'_' : c);
            line++;
        }
        return [.. result];
    }
}
