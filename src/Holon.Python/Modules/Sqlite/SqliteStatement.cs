namespace Holon.Python.Modules.Sqlite;

/// <summary>A prepared statement. It ends with its connection.</summary>
internal sealed unsafe class SqliteStatement
{
    private SqliteStatement(nint handle, string sql, bool changes)
    {
        Handle = handle;
        Sql = sql;
        IsChange = changes;
    }

    /// <summary>Zero once ended.</summary>
    public nint Handle { get; private set; }

    public string Sql { get; }

    /// <summary>INSERT, UPDATE, DELETE or REPLACE: begins a transaction.</summary>
    public bool IsChange { get; }

    public bool IsInUse { get; set; }

    public bool HasColumns => SqliteCalls.ColumnCount(Handle) > 0;

    /// <summary>Compiles one statement. Null for text with comments only.</summary>
    public static SqliteStatement? Prepare(PyConnection connection, PyStr text)
    {
        var sql = Codecs.EncodeUtf8(text, "strict");
        if (sql.Length > SqliteCalls.Limit(connection.Handle, 1, -1))
            throw Err.Of(SqliteErrors.DataError, "query string is too large");
        if (sql.Contains((byte)0))
            throw Err.Of(SqliteErrors.ProgrammingError, "the query contains a null character");
        var terminated = (byte[])[.. sql, 0];
        var (code, made, used) = connection.Guarded(() =>
        {
            fixed (byte* at = terminated)
            {
                var result = SqliteCalls.Prepare(connection.Handle, at, terminated.Length, out var handle, out var rest);
                return (result, handle, (int)(rest - at));
            }
        });
        if (code != SqliteCalls.Ok)
            throw connection.LastError();
        if (Skip(terminated.AsSpan(used)).Length > 0)
        {
            _ = SqliteCalls.End(made);
            throw Err.Of(SqliteErrors.ProgrammingError, "You can only execute one statement at a time.");
        }
        if (made == 0)
            return null;
        var first = Skip(terminated);
        var isChange = false;
        foreach (var word in new[] { "INSERT", "UPDATE", "DELETE", "REPLACE" })
            isChange |= first.Length >= word.Length && System.Text.Encoding.ASCII.GetString(first[..word.Length]).Equals(word, StringComparison.OrdinalIgnoreCase);
        return new SqliteStatement(made, text.Value, isChange);
    }

    /// <summary>Without white space and comments in front; empty when there is nothing else.</summary>
    private static ReadOnlySpan<byte> Skip(ReadOnlySpan<byte> sql)
    {
        while (sql.Length > 0)
        {
            if (sql[0] is (byte)' ' or (byte)'\t' or (byte)'\f' or (byte)'\n' or (byte)'\r')
            {
                sql = sql[1..];
            }
            else if (sql.StartsWith("--"u8))
            {
                var end = sql.IndexOf((byte)'\n');
                sql = end < 0 ? [] : sql[(end + 1)..];
            }
            else if (sql.StartsWith("/*"u8))
            {
                var end = sql[2..].IndexOf("*/"u8);
                sql = end < 0 ? [] : sql[(end + 4)..];
            }
            else
            {
                return sql[0] == 0 ? [] : sql;
            }
        }
        return sql;
    }

    public void Bind(PyObject parameters)
    {
        var needed = SqliteCalls.ParameterCount(Handle);
        if (parameters is PyTuple or PyList || (parameters is not PyDict && parameters.Type.GetItem is not null && !parameters.Type.IsMapping && parameters.Type.Len is not null && Attributes.TryGet(parameters, "keys") is null))
        {
            var count = Ops.Len(parameters);
            if (count != needed)
                throw Err.Of(SqliteErrors.ProgrammingError, $"Incorrect number of bindings supplied. The current statement uses {needed}, and there are {count} supplied.");
            for (var i = 0; i < needed; i++)
                SqliteValues.Bind(Handle, i + 1, Ops.GetItem(parameters, PyInt.Of(i)));
            return;
        }
        if (parameters is not PyDict && parameters.Type.GetItem is null)
            throw Err.Of(SqliteErrors.ProgrammingError, "parameters are of unsupported type");
        for (var i = 1; i <= needed; i++)
        {
            var name = SqliteCalls.ParameterName(Handle, i);
            if (name == null)
                throw Err.Of(SqliteErrors.ProgrammingError, $"Binding {i} has no name, but you supplied a dictionary (which has only names).");
            var key = SqliteErrors.Text(name)[1..];
            PyObject value;
            try
            {
                value = Ops.GetItem(parameters, PyStr.FromUtf16(key));
            }
            catch (PyError error) when (error.Value.Type.IsSubtypeOf(ExceptionTypes.LookupError))
            {
                throw Err.Of(SqliteErrors.ProgrammingError, $"You did not supply a value for binding parameter :{key}.");
            }
            SqliteValues.Bind(Handle, i, value);
        }
    }

    public void Reset()
    {
        if (Handle == 0)
            return;
        _ = SqliteCalls.Reset(Handle);
        _ = SqliteCalls.ClearBindings(Handle);
        IsInUse = false;
    }

    public void End()
    {
        var handle = Handle;
        Handle = 0;
        if (handle != 0)
            _ = SqliteCalls.End(handle);
    }
}
