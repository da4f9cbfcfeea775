using System.Diagnostics;

namespace Holon.Python.Modules.Sqlite;

/// <summary>A connection to a database. All its statements, blobs and callbacks end with it.</summary>
internal sealed unsafe partial class PyConnection(PyType type) : PyExtensible(type)
{
    private const int CacheSize = 128;

    private readonly Dictionary<string, SqliteStatement> cache = [];
    private readonly List<SqliteStatement> statements = [];
    private readonly List<WeakReference<PyBlob>> blobs = [];
    private long thread;
    private bool checksThread;
    private nint handle;
    private int busy;
    private PyThread? holder;

    ~PyConnection()
    {
        // Nothing but this object led to the database: no call of it is under way.
        foreach (var statement in statements)
            statement.End();
        if (handle != 0)
            _ = SqliteCalls.Close(handle);
        FreeSelf();
    }

    public nint Handle => handle != 0 ? handle : throw Err.Of(SqliteErrors.ProgrammingError, IsMade ? "Cannot operate on a closed database." : "Base Connection.__init__ not called.");

    public bool IsMade { get; private set; }

    public bool IsOpen => handle != 0;

    public int Detect { get; private set; }

    public PyObject TextFactory { get; set; } = StrType.Type;

    public PyObject RowFactory { get; set; } = Values.None;

    /// <summary>What BEGIN is followed by; null for no transactions of our making.</summary>
    public string? Isolation { get; private set; }

    public double Timeout { get; private set; }

    /// <summary>An exception that a callback has raised and that leaves through the call that led to it.</summary>
    public PyError? Raised { get; set; }

    public void Init(PyObject?[] a)
    {
        var gate = Gate.Current;
        var name = FileSystemCodec.Path(a[0]!);
        var isUri = Ops.IsTrue(a[7]!);
        if (!gate.IsOpen)
            name = Judge(gate, name, isUri);
        CloseAll();
        Timeout = Args.Double(a[1]!);
        Detect = Args.Int(a[2]!);
        Isolation = Level(a[3]!);
        checksThread = Ops.IsTrue(a[4]!);
        thread = PyThread.Current.Id;
        const int readWrite = 2, create = 4, uri = 0x40, fullMutex = 0x10000;
        var code = SqliteCalls.Open(name, out var made, readWrite | create | fullMutex | (isUri ? uri : 0), 0);
        if (made == 0)
            throw Err.Memory();
        handle = made;
        IsMade = true;
        if (code != SqliteCalls.Ok)
        {
            var error = LastError();
            _ = SqliteCalls.Close(made);
            handle = 0;
            throw error;
        }
        InstallOwn(gate);
    }

    /// <summary>A file by grant. SQLite opens it, and files beside it, by name.</summary>
    private static string Judge(Gate gate, string name, bool isUri)
    {
        if (name is "" or ":memory:")
            return name;
        var isFile = !isUri || !name.StartsWith("file:", StringComparison.Ordinal);
        var path = isFile ? name : PathOfUri(name);
        if (path is "" or ":memory:" || (!isFile && name.Contains("mode=memory", StringComparison.Ordinal)))
            return name;
        var real = gate.Ask(PyStr.FromUtf16(path), Access.Read | Access.Write);
        var query = name.IndexOf('?', StringComparison.Ordinal);
        return isFile ? real : "file:" + Uri.EscapeDataString(real).Replace("%2F", "/", StringComparison.Ordinal) + (query < 0 ? "" : name[query..]);
    }

    private static string PathOfUri(string uri)
    {
        var rest = uri["file:".Length..].Split('?', '#')[0];
        if (rest.StartsWith("//", StringComparison.Ordinal))
            rest = rest.IndexOf('/', 2) is > 0 and var slash ? rest[slash..] : "/";
        return Uri.UnescapeDataString(rest);
    }

    public static string? Level(PyObject value)
    {
        if (value == Values.None)
            return null;
        var text = (value as PyStr ?? throw Err.Type("isolation_level must be str or None")).Value;
        return text.ToUpperInvariant() is "" or "DEFERRED" or "IMMEDIATE" or "EXCLUSIVE" ? text.ToUpperInvariant()
            : throw Err.Value("isolation_level string must be '', 'DEFERRED', 'IMMEDIATE', or 'EXCLUSIVE'");
    }

    public void SetIsolation(PyObject? value)
    {
        if (value is null)
            throw Err.Attribute(this, new PyStr("cannot delete attribute"));
        Isolation = Level(value);
        // None ends what has been begun.
        if (Isolation is null)
            Commit();
    }

    public void Check(bool mayBeClosed = false)
    {
        if (checksThread && PyThread.Current.Id != thread)
            throw Err.Of(SqliteErrors.ProgrammingError, $"SQLite objects created in a thread can only be used in that same thread. The object was created in thread id {thread} and this is thread id {PyThread.Current.Id}.");
        if (!mayBeClosed)
            _ = Handle;
    }

    /// <summary>Makes a call that may take long or call back. Threads that share the connection take turns.</summary>
    public T Guarded<T>(Func<T> call)
    {
        var current = PyThread.Current;
        while (holder is not null && holder != current)
            Blocking.Sleep(current, TimeSpan.FromMilliseconds(1));
        holder = current;
        busy++;
        T result;
        try
        {
            result = call();
        }
        finally
        {
            if (--busy == 0)
                holder = null;
        }
        if (Raised is not { } raised)
            return result;
        Raised = null;
        throw raised;
    }

    public PyError LastError() => SqliteErrors.Last(handle);

    public int Step(SqliteStatement statement) => Guarded(() => SqliteCalls.Step(statement.Handle));

    /// <summary>A statement that nobody uses at the moment.</summary>
    public SqliteStatement? Statement(PyStr sql)
    {
        if (cache.TryGetValue(sql.Value, out var known) && !known.IsInUse)
            return known;
        var made = SqliteStatement.Prepare(this, sql);
        if (made is null)
            return null;
        statements.RemoveAll(s => s.Handle == 0);
        statements.Add(made);
        if (known is null)
        {
            if (cache.Count >= CacheSize)
            {
                var old = cache.FirstOrDefault(e => !e.Value.IsInUse);
                if (old.Value is not null)
                {
                    cache.Remove(old.Key);
                    old.Value.End();
                }
            }
            cache[sql.Value] = made;
        }
        return made;
    }

    /// <summary>A statement that a cursor is done with.</summary>
    public void Release(SqliteStatement statement)
    {
        statement.Reset();
        if (!cache.TryGetValue(statement.Sql, out var kept) || kept != statement)
            statement.End();
    }

    public void Run(string sql)
    {
        var statement = SqliteStatement.Prepare(this, new PyStr(sql))!;
        try
        {
            if (Step(statement) is not (SqliteCalls.Done or SqliteCalls.HasRow))
                throw LastError();
        }
        finally
        {
            statement.End();
        }
    }

    public void Begin() => Run($"BEGIN {Isolation}");

    public void Commit()
    {
        Check();
        if (SqliteCalls.IsAutocommit(Handle) == 0)
            Run("COMMIT");
    }

    public void Rollback()
    {
        Check();
        if (SqliteCalls.IsAutocommit(Handle) == 0)
            Run("ROLLBACK");
    }

    public void Close()
    {
        Check(true);
        if (!IsMade)
            throw Err.Of(SqliteErrors.ProgrammingError, "Base Connection.__init__ not called.");
        if (busy > 0)
            throw Err.Of(SqliteErrors.ProgrammingError, "a connection cannot be closed by its own callback");
        CloseAll();
    }

    private void CloseAll()
    {
        foreach (var blob in blobs)
        {
            if (blob.TryGetTarget(out var open))
                open.Close();
        }
        blobs.Clear();
        foreach (var statement in statements)
            statement.End();
        statements.Clear();
        cache.Clear();
        var last = handle;
        handle = 0;
        if (last != 0)
            _ = SqliteCalls.Close(last);
        FreeSelf();
    }

    public void Add(PyBlob blob)
    {
        blobs.RemoveAll(b => !b.TryGetTarget(out _));
        blobs.Add(new WeakReference<PyBlob>(blob));
    }

    /// <summary>Copies the database, page by page, with pauses in which others may use it.</summary>
    public void Backup(PyConnection target, int pages, PyObject progress, string name, double pause)
    {
        Check();
        target.Check();
        if (target == this)
            throw Err.Value("target cannot be the same connection instance");
        var backup = SqliteCalls.BackupStart(target.Handle, "main", Handle, name);
        if (backup == 0)
            throw target.LastError();
        int code;
        try
        {
            do
            {
                code = SqliteCalls.BackupStep(backup, pages == 0 ? -1 : pages);
                if (progress != Values.None)
                    Calls.Call(progress, PyInt.Of(code), PyInt.Of(SqliteCalls.BackupRemaining(backup)), PyInt.Of(SqliteCalls.BackupPages(backup)));
                if (code is SqliteCalls.Busy or 6)
                    Blocking.Sleep(PyThread.Current, TimeSpan.FromSeconds(pause));
                PyThread.Current.Machine.Limits.ChargeInstructions(1);
            }
            while (code is SqliteCalls.Ok or SqliteCalls.Busy or 6);
        }
        finally
        {
            code = SqliteCalls.BackupEnd(backup);
        }
        if (code != SqliteCalls.Ok)
            throw code == 1 ? SqliteErrors.Code(code) : target.LastError();
    }

    public PyBytes Serialize(string schema)
    {
        Check();
        const uint noCopy = 1;
        var data = SqliteCalls.Serialize(Handle, schema, out var size, noCopy);
        if (data != null)
            return new PyBytes(SqliteValues.Bytes(data, (int)size).ToArray());
        data = SqliteCalls.Serialize(Handle, schema, out size, 0);
        if (data == null)
            throw Err.Of(SqliteErrors.OperationalError, $"unable to serialize '{schema}'");
        var copy = SqliteValues.Bytes(data, (int)size).ToArray();
        SqliteCalls.Free(data);
        return new PyBytes(copy);
    }

    public void Deserialize(ReadOnlySpan<byte> data, string schema)
    {
        Check();
        var copy = SqliteCalls.Allocate((ulong)Math.Max(1, data.Length));
        if (copy == null)
            throw Err.Memory();
        data.CopyTo(new Span<byte>(copy, data.Length)); // the library frees it
        const uint freeOnClose = 1, mayGrow = 2;
        if (SqliteCalls.Deserialize(Handle, schema, copy, data.Length, data.Length, freeOnClose | mayGrow) != SqliteCalls.Ok)
            throw LastError();
    }

    private static readonly Stopwatch Clock = Stopwatch.StartNew();
}
