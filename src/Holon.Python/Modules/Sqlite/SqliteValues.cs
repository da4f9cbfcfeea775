namespace Holon.Python.Modules.Sqlite;

/// <summary>Values between Python and SQLite, with the adapters and converters that a program has registered.</summary>
internal static unsafe class SqliteValues
{
    /// <summary>What a machine's programs have registered.</summary>
    internal sealed class Registry
    {
        public PyDict Adapters { get; } = new();

        public PyDict Converters { get; } = new();

        public bool PrintsErrors { get; set; }
    }

    public static readonly PyType Protocol = new("PrepareProtocol", PyType.Object, t =>
    {
        t.Allocate = type => new PyInstance(type);
        t.New = (type, _, _) => new PyInstance(type);
    }, "sqlite3");

    private static Registry State => PyThread.Current.Machine.State<Registry>("_sqlite3");

    /// <summary>What is stored for a value: by its class's adapter, or by its own <c>__conform__</c>. Null when there is neither.</summary>
    public static PyObject? Adapt(PyObject value, PyObject? protocol = null)
    {
        protocol ??= Protocol;
        if (State.Adapters.Get(new PyTuple(value.Type, protocol)) is { } adapter)
            return Calls.Call(adapter, value);
        foreach (var (holder, name, argument) in new[] { (protocol, "__adapt__", value), (value, "__conform__", protocol) })
        {
            if (Attributes.TryGet(holder, name) is not { } method)
                continue;
            try
            {
                var adapted = Calls.Call(method, argument);
                if (adapted != Values.None)
                    return adapted;
            }
            catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.TypeError))
            {
                // Such a method may be for others.
            }
        }
        return null;
    }

    public static void Bind(nint statement, int index, PyObject value)
    {
        if (!(value == Values.None || value.GetType() == typeof(PyInt) || value.GetType() == typeof(PyFloat) || value.GetType() == typeof(PyStr) || value.GetType() == typeof(PyByteArray)))
            value = Adapt(value) ?? value;
        int code;
        switch (value)
        {
            case PySingleton when value == Values.None:
                code = SqliteCalls.BindNull(statement, index);
                break;
            case PyInt number:
                code = SqliteCalls.BindInteger(statement, index, Integer(number));
                break;
            case PyFloat number:
                code = SqliteCalls.BindFloat(statement, index, number.Value);
                break;
            case PyStr text:
                var bytes = Codecs.EncodeUtf8(text, "strict");
                fixed (byte* at = bytes.Length == 0 ? [0] : bytes)
                    code = SqliteCalls.BindText(statement, index, at, (ulong)bytes.Length, SqliteCalls.Transient, SqliteCalls.Utf8);
                break;
            case IBuffer buffer:
                var data = buffer.Bytes;
                fixed (byte* at = data.Length == 0 ? [0] : data)
                    code = SqliteCalls.BindBlob(statement, index, at, (ulong)data.Length, SqliteCalls.Transient);
                break;
            default:
                throw Err.Of(SqliteErrors.ProgrammingError, $"Error binding parameter {index}: type '{value.Type.FullName}' is not supported");
        }
        if (code != SqliteCalls.Ok)
            throw SqliteErrors.Code(code);
    }

    public static long Integer(PyInt number) => number.TryLong(out var value) ? value : throw Err.Overflow("Python int too large to convert to SQLite INTEGER");

    /// <summary>An argument of a function that SQL calls.</summary>
    public static PyObject FromValue(nint value) => SqliteCalls.ValueType(value) switch
    {
        SqliteCalls.Integer => PyInt.Of(SqliteCalls.ValueInteger(value)),
        SqliteCalls.Float => new PyFloat(SqliteCalls.ValueFloat(value)),
        SqliteCalls.Text => Codecs.DecodeUtf8(Bytes(SqliteCalls.ValueText(value), SqliteCalls.ValueBytes(value)), "strict"),
        SqliteCalls.Blob => new PyBytes(Bytes(SqliteCalls.ValueBlob(value), SqliteCalls.ValueBytes(value)).ToArray()),
        _ => Values.None,
    };

    public static ReadOnlySpan<byte> Bytes(byte* data, int length) => data == null ? [] : new ReadOnlySpan<byte>(data, length);

    /// <summary>The result of a function that SQL calls; false for a value that SQLite has no form for.</summary>
    public static bool SetResult(nint context, PyObject value)
    {
        switch (value)
        {
            case PySingleton when value == Values.None:
                SqliteCalls.ResultNull(context);
                return true;
            case PyInt number:
                SqliteCalls.ResultInteger(context, Integer(number));
                return true;
            case PyFloat number:
                SqliteCalls.ResultFloat(context, number.Value);
                return true;
            case PyStr text:
                var bytes = Codecs.EncodeUtf8(text, "strict");
                fixed (byte* at = bytes.Length == 0 ? [0] : bytes)
                    SqliteCalls.ResultText(context, at, (ulong)bytes.Length, SqliteCalls.Transient, SqliteCalls.Utf8);
                return true;
            case IBuffer buffer:
                var data = buffer.Bytes;
                fixed (byte* at = data.Length == 0 ? [0] : data)
                    SqliteCalls.ResultBlob(context, at, (ulong)data.Length, SqliteCalls.Transient);
                return true;
            default:
                return false;
        }
    }

    public static PyObject FromColumn(nint statement, int column, PyConnection connection)
    {
        switch (SqliteCalls.ColumnType(statement, column))
        {
            case SqliteCalls.Integer:
                return PyInt.Of(SqliteCalls.ColumnInteger(statement, column));
            case SqliteCalls.Float:
                return new PyFloat(SqliteCalls.ColumnFloat(statement, column));
            case SqliteCalls.Blob:
                // The length is valid once the data have been asked for.
                var blob = SqliteCalls.ColumnBlob(statement, column);
                return new PyBytes(Bytes(blob, SqliteCalls.ColumnBytes(statement, column)).ToArray());
            case SqliteCalls.Text:
                var text = SqliteCalls.ColumnText(statement, column);
                var bytes = Bytes(text, SqliteCalls.ColumnBytes(statement, column));
                if (connection.TextFactory == StrType.Type)
                {
                    try
                    {
                        return Codecs.DecodeUtf8(bytes, "strict");
                    }
                    catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.UnicodeDecodeError))
                    {
                        throw Err.Of(SqliteErrors.OperationalError, $"Could not decode to UTF-8 column '{SqliteErrors.Text(SqliteCalls.ColumnName(statement, column))}' with text '{System.Text.Encoding.UTF8.GetString(bytes)}'");
                    }
                }
                return connection.TextFactory == BytesType.Type ? new PyBytes(bytes.ToArray())
                    : connection.TextFactory == ByteArrayType.Type ? ByteArrayType.Make(bytes.ToArray())
                    : Calls.Call(connection.TextFactory, new PyBytes(bytes.ToArray()));
            default:
                return Values.None;
        }
    }

    public static PyObject? Converter(string key) => State.Converters.Get(PyStr.FromUtf16(key.ToUpperInvariant()));

    public static byte[] Terminated(PyObject text, string function) =>
        text is PyStr s ? s.Value.Contains('\0', StringComparison.Ordinal) ? throw Err.Value("embedded null character") : [.. Codecs.EncodeUtf8(s, "strict"), 0]
            : throw Err.Type($"{function}() argument 1 must be str, not {Args.TypeName(text)}");
}
