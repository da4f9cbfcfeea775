namespace Holon.Python.Modules.Sqlite;

/// <summary>A value of a row, opened as a file is.</summary>
internal sealed class PyBlob(PyConnection connection, nint blob) : PyObject
{
    private nint handle = blob;
    private int position;

    ~PyBlob()
    {
        if (handle != 0)
            _ = SqliteCalls.BlobClose(handle);
    }

    public override PyType Type => SqliteModule.Blob;

    public int Size => SqliteCalls.BlobSize(Handle);

    private nint Handle
    {
        get
        {
            connection.Check();
            return handle != 0 ? handle : throw Err.Of(SqliteErrors.ProgrammingError, "Cannot operate on a closed blob.");
        }
    }

    public void Close()
    {
        var last = handle;
        handle = 0;
        if (last != 0)
            _ = SqliteCalls.BlobClose(last);
    }

    public void Enter() => _ = Handle;

    private byte[] At(int offset, int count)
    {
        var data = new byte[count];
        if (SqliteCalls.BlobRead(Handle, data, count, offset) is not SqliteCalls.Ok and var code)
            throw code == 4 ? Err.Of(SqliteErrors.OperationalError, "Cannot operate on modified blob") : connection.LastError();
        return data;
    }

    private void Put(int offset, ReadOnlySpan<byte> data)
    {
        if (SqliteCalls.BlobWrite(Handle, data, data.Length, offset) is not SqliteCalls.Ok and var code)
            throw code == 4 ? Err.Of(SqliteErrors.OperationalError, "Cannot operate on modified blob") : connection.LastError();
    }

    public PyBytes Read(long length)
    {
        var left = Size - position;
        var count = (int)(length < 0 || length > left ? left : length);
        var data = count <= 0 ? [] : At(position, count);
        position += Math.Max(0, count);
        return new PyBytes(data);
    }

    public void Write(ReadOnlySpan<byte> data)
    {
        if (data.Length > Size - position)
            throw Err.Value("data longer than blob length");
        Put(position, data);
        position += data.Length;
    }

    public void Seek(long offset, int origin)
    {
        var start = origin switch { 0 => 0, 1 => position, 2 => Size, _ => throw Err.Value("'origin' should be os.SEEK_SET, os.SEEK_CUR, or os.SEEK_END") };
        if (offset > int.MaxValue || offset < int.MinValue)
            throw Err.Overflow("seek offset results in offset overflow");
        position = start + offset is var to && to >= 0 && to <= Size ? (int)to : throw Err.Value("offset out of blob range");
    }

    public int Tell()
    {
        _ = Handle;
        return position;
    }

    public PyObject GetItem(PyObject key)
    {
        if (key is PySlice slice)
        {
            var (start, _, step, count) = slice.Indices(Size);
            if (count == 0)
                return PyBytes.Empty;
            var (low, high) = (Math.Min(start, start + (count - 1) * step), Math.Max(start, start + (count - 1) * step));
            var data = At((int)low, (int)(high - low + 1));
            return new PyBytes([.. Enumerable.Range(0, count).Select(i => data[start + i * step - low])]);
        }
        return PyInt.Of(At(Index(key), 1)[0]);
    }

    private int Index(PyObject key)
    {
        if (key.Type.Index is null)
            throw Err.Type("Blob indices must be integers");
        var at = Ops.Index(key).TryLong(out var n) ? n : throw Err.Index("cannot fit 'int' into an index-sized integer");
        if (at < 0)
            at += Size;
        return at >= 0 && at < Size ? (int)at : throw Err.Index("Blob index out of range");
    }

    public void SetItem(PyObject key, PyObject? value)
    {
        if (value is null)
            throw Err.Type(key is PySlice ? "Blob doesn't support slice deletion" : "Blob doesn't support item deletion");
        if (key is not PySlice slice)
        {
            var at = Index(key);
            var number = value as PyInt ?? throw Err.Type($"'{value.Type.FullName}' object cannot be interpreted as an integer");
            Put(at, [number.TryLong(out var n) && n is >= 0 and < 256 ? (byte)n : throw Err.Value("byte must be in range(0, 256)")]);
            return;
        }
        var data = Buffers.Bytes(value);
        var (start, _, step, count) = slice.Indices(Size);
        if (data.Length != count)
            throw Err.Index("Blob slice assignment is wrong size");
        for (var i = 0; i < count; i++)
            Put((int)(start + i * step), data.AsSpan(i, 1));
    }
}
