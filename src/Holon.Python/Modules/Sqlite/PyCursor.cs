namespace Holon.Python.Modules.Sqlite;

/// <summary>A cursor: a statement under way and the place in its rows.</summary>
internal sealed unsafe class PyCursor(PyType type) : PyExtensible(type)
{
    private PyConnection? connection;
    private SqliteStatement? statement;
    private PyObject?[]? converters;
    private bool isClosed, isLocked;

    public PyObject Description { get; private set; } = Values.None;

    public PyObject LastRow { get; private set; } = Values.None;

    public long RowCount { get; private set; } = -1;

    public PyObject ArraySize { get; set; } = PyInt.One;

    public PyObject RowFactory { get; set; } = Values.None;

    public PyObject Connection => (PyObject?)connection ?? Values.None;

    public void Init(PyObject given)
    {
        var to = given as PyConnection ?? throw Err.Type($"Cursor() argument 1 must be sqlite3.Connection, not {given.Type.FullName}");
        if (isLocked)
            throw Err.Of(SqliteErrors.ProgrammingError, "Recursive use of cursors not allowed.");
        connection = to;
        statement = null;
        Description = LastRow = RowFactory = Values.None;
        RowCount = -1;
        isClosed = false;
    }

    private PyConnection Check()
    {
        if (connection is null)
            throw Err.Of(SqliteErrors.ProgrammingError, "Base Cursor.__init__ not called.");
        if (isLocked)
            throw Err.Of(SqliteErrors.ProgrammingError, "Recursive use of cursors not allowed.");
        if (isClosed)
            throw Err.Of(SqliteErrors.ProgrammingError, "Cannot operate on a closed cursor.");
        connection.Check();
        return connection;
    }

    public PyObject Execute(PyObject sql, PyObject? parameters, bool isMany)
    {
        var text = sql as PyStr ?? throw Err.Type($"{(isMany ? "executemany" : "execute")}() argument 1 must be str, not {Args.TypeName(sql)}");
        var c = Check();
        isLocked = true;
        try
        {
            Drop();
            Description = Values.None;
            RowCount = -1;
            var made = c.Statement(text);
            if (made is null)
                return this;
            if (isMany && !made.IsChange)
                throw Err.Of(SqliteErrors.ProgrammingError, "executemany() can only execute DML statements.");
            statement = made;
            made.Reset();
            made.IsInUse = true;
            RowCount = made.IsChange ? 0 : -1;
            if (c.Isolation is not null && made.IsChange && SqliteCalls.IsAutocommit(c.Handle) != 0)
                c.Begin();
            if (isMany)
            {
                foreach (var set in Ops.Each(parameters!))
                    ExecuteOnce(c, made, set, isMany);
                Drop();
            }
            else
            {
                ExecuteOnce(c, made, parameters ?? PyTuple.Empty, isMany);
                LastRow = PyInt.Of(SqliteCalls.LastRow(c.Handle));
            }
            return this;
        }
        catch
        {
            Drop();
            RowCount = -1;
            throw;
        }
        finally
        {
            isLocked = false;
        }
    }

    private void ExecuteOnce(PyConnection c, SqliteStatement made, PyObject parameters, bool isMany)
    {
        if (made.Handle == 0)
            _ = c.Handle;
        made.Bind(parameters);
        var code = c.Step(made);
        if (code is not (SqliteCalls.Done or SqliteCalls.HasRow))
            throw c.LastError();
        if (Description == Values.None && made.HasColumns && !isMany)
            Describe(c, made);
        if (made.IsChange && code == SqliteCalls.Done)
            RowCount += SqliteCalls.Changes(c.Handle);
        if (code == SqliteCalls.HasRow && isMany)
            throw Err.Of(SqliteErrors.ProgrammingError, "executemany() can only execute DML statements.");
        if (isMany)
            made.Reset();
        else if (code == SqliteCalls.Done)
            Drop();
        made.IsInUse = statement is not null;
        PyThread.Current.Machine.Limits.ChargeInstructions(1);
    }

    private void Describe(PyConnection c, SqliteStatement made)
    {
        const int byDeclaration = 1, byName = 2;
        var count = SqliteCalls.ColumnCount(made.Handle);
        var columns = new PyObject[count];
        converters = new PyObject?[count];
        for (var i = 0; i < count; i++)
        {
            var name = SqliteErrors.Text(SqliteCalls.ColumnName(made.Handle, i));
            var bracket = name.IndexOf('[', StringComparison.Ordinal);
            if ((c.Detect & byName) != 0 && bracket >= 0 && name.IndexOf(']', bracket) is > 0 and var end)
                converters[i] = SqliteValues.Converter(name[(bracket + 1)..end]);
            if (converters[i] is null && (c.Detect & byDeclaration) != 0 && SqliteCalls.ColumnDeclaration(made.Handle, i) is var declared && declared != null)
                converters[i] = SqliteValues.Converter(SqliteErrors.Text(declared).Split(' ', '(')[0]);
            if ((c.Detect & byName) != 0 && bracket > 0 && name[bracket - 1] == ' ')
                name = name[..(bracket - 1)];
            columns[i] = new PyTuple(PyStr.FromUtf16(name), Values.None, Values.None, Values.None, Values.None, Values.None, Values.None);
        }
        Description = new PyTuple(columns);
    }

    /// <summary>The next row, or null at the end.</summary>
    public PyObject? Next()
    {
        var c = Check();
        if (statement is not { } current)
            return null;
        if (current.Handle == 0)
        {
            statement = null;
            return null;
        }
        isLocked = true;
        try
        {
            var count = SqliteCalls.DataCount(current.Handle);
            var values = new PyObject[count];
            for (var i = 0; i < count; i++)
            {
                if (converters?.ElementAtOrDefault(i) is not { } converter)
                {
                    values[i] = SqliteValues.FromColumn(current.Handle, i, c);
                    continue;
                }
                var data = SqliteCalls.ColumnBlob(current.Handle, i);
                values[i] = data == null ? Values.None : Calls.Call(converter, new PyBytes(SqliteValues.Bytes(data, SqliteCalls.ColumnBytes(current.Handle, i)).ToArray()));
            }
            var code = c.Step(current);
            if (code == SqliteCalls.Done)
            {
                if (current.IsChange)
                    RowCount = SqliteCalls.Changes(c.Handle);
                Drop();
            }
            else if (code != SqliteCalls.HasRow)
            {
                var error = c.LastError();
                Drop();
                throw error;
            }
            var row = new PyTuple(values);
            return RowFactory == Values.None ? row : Calls.Call(RowFactory, this, row);
        }
        finally
        {
            isLocked = false;
        }
    }

    public PyObject Script(PyObject sql)
    {
        var c = Check();
        var text = sql as PyStr ?? throw Err.Type($"executescript() argument must be str, not {Args.TypeName(sql)}");
        if (text.Value.Contains('\0', StringComparison.Ordinal))
            throw Err.Value("embedded null character");
        var bytes = (byte[])[.. Codecs.EncodeUtf8(text, "strict"), 0];
        if (bytes.Length - 1 > SqliteCalls.Limit(c.Handle, 1, -1))
            throw Err.Of(SqliteErrors.DataError, "query string is too large");
        if (SqliteCalls.IsAutocommit(c.Handle) == 0)
            c.Run("COMMIT");
        for (var at = 0; at < bytes.Length - 1;)
        {
            var start = at;
            var (code, made, used) = c.Guarded(() =>
            {
                fixed (byte* from = &bytes[start])
                {
                    var result = SqliteCalls.Prepare(c.Handle, from, bytes.Length - start, out var handle, out var rest);
                    return (result, handle, (int)(rest - from));
                }
            });
            if (code == SqliteCalls.Ok && made != 0)
            {
                try
                {
                    do
                        code = c.Guarded(() => SqliteCalls.Step(made));
                    while (code == SqliteCalls.HasRow);
                }
                finally
                {
                    _ = SqliteCalls.End(made);
                }
            }
            if (code is not (SqliteCalls.Ok or SqliteCalls.Done))
                throw c.LastError();
            if (used <= 0)
                break;
            at += used;
        }
        return this;
    }

    public void Close()
    {
        if (isLocked)
            throw Err.Of(SqliteErrors.ProgrammingError, "Recursive use of cursors not allowed.");
        if (connection is null)
            throw Err.Of(SqliteErrors.ProgrammingError, "Base Cursor.__init__ not called.");
        connection.Check();
        Drop();
        isClosed = true;
    }

    private void Drop()
    {
        var last = statement;
        statement = null;
        if (last is not null)
            connection!.Release(last);
    }
}
