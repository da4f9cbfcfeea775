namespace Holon.Python.Modules.Sqlite;

/// <summary>_sqlite3: the database SQLite, as PEP 249 has it.</summary>
internal static class SqliteModule
{
    private static readonly NativeParameters CursorParameters = new("Cursor", "connection, /");
    private static readonly NativeParameters ConnectionParameters = new("Connection", "database, timeout=5, detect_types=0, isolation_level='', check_same_thread=True, factory=?, cached_statements=128, uri=False");

    private static readonly string[] Actions = "CREATE_INDEX CREATE_TABLE CREATE_TEMP_INDEX CREATE_TEMP_TABLE CREATE_TEMP_TRIGGER CREATE_TEMP_VIEW CREATE_TRIGGER CREATE_VIEW DELETE DROP_INDEX DROP_TABLE DROP_TEMP_INDEX DROP_TEMP_TABLE DROP_TEMP_TRIGGER DROP_TEMP_VIEW DROP_TRIGGER DROP_VIEW INSERT PRAGMA READ SELECT TRANSACTION UPDATE ATTACH DETACH ALTER_TABLE REINDEX ANALYZE CREATE_VTABLE DROP_VTABLE FUNCTION SAVEPOINT RECURSIVE".Split(' ');

    private static readonly string[] LimitNames = "LENGTH SQL_LENGTH COLUMN EXPR_DEPTH COMPOUND_SELECT VDBE_OP FUNCTION_ARG ATTACHED LIKE_PATTERN_LENGTH VARIABLE_NUMBER TRIGGER_DEPTH WORKER_THREADS".Split(' ');

    private static PyConnection C(PyObject o)
    {
        var connection = (PyConnection)o;
        connection.Check();
        return connection;
    }

    private static PyCursor K(PyObject o) => (PyCursor)o;

    private static PyBlob B(PyObject o) => (PyBlob)o;

    private static PyObject Done(Action action)
    {
        action();
        return Values.None;
    }

    private static PyObject NewCursor(PyObject o, PyObject? factory)
    {
        var made = factory is null ? Calls.Call(Cursor, o) : Calls.Call(factory, o);
        var cursor = made as PyCursor ?? throw Err.Type($"factory must return a cursor, not {made.Type.FullName}");
        if (C(o).RowFactory != Values.None)
            cursor.RowFactory = C(o).RowFactory;
        return cursor;
    }

    private static bool IsMissing(PyObject? o) => o is null;

    public static readonly PyType Cursor = new("Cursor", PyType.Object, t =>
    {
        t.New = (type, _, _) => new PyCursor(type);
        t.Allocate = type => new PyCursor(type);
        t.Init = (o, args, names) => K(o).Init(CursorParameters.Bind(args, names)[0]!);
        t.Iter = o => o;
        t.Next = o => K(o).Next();
        t.Def("execute", "sql, parameters=?, /", (o, a) => K(o).Execute(a[0]!, a[1], false));
        t.Def("executemany", "sql, seq_of_parameters, /", (o, a) => K(o).Execute(a[0]!, a[1], true));
        t.Def1("executescript", (o, sql) => K(o).Script(sql));
        t.Def0("fetchone", o => K(o).Next() ?? Values.None);
        t.Def("fetchmany", "size=?", (o, a) => Fetch(K(o), IsMissing(a[0]) ? Args.Long(K(o).ArraySize) : Args.Long(a[0]!)));
        t.Def0("fetchall", o => Fetch(K(o), -1));
        t.Def0("close", o => Done(K(o).Close));
        t.Def1("setinputsizes", (_, _) => Values.None);
        t.Def("setoutputsize", "size, column=None, /", (_, _) => Values.None);
        t.Member("connection", o => K(o).Connection);
        t.Member("description", o => K(o).Description);
        t.Member("lastrowid", o => K(o).LastRow);
        t.Member("rowcount", o => PyInt.Of(K(o).RowCount));
        t.Member("arraysize", o => K(o).ArraySize, (o, v) => K(o).ArraySize = Ops.Index(v!));
        t.Member("row_factory", o => K(o).RowFactory, (o, v) => K(o).RowFactory = v ?? Values.None);
    }, "sqlite3");

    private static PyList Fetch(PyCursor cursor, long count)
    {
        var rows = new PyList();
        while ((count < 0 || rows.Count < count) && cursor.Next() is { } row)
        {
            rows.Add(row);
            PyThread.Current.Machine.Limits.ChargeInstructions(1);
        }
        return rows;
    }

    public static readonly PyType Blob = new("Blob", PyType.Object, t =>
    {
        t.IsFinal = true;
        t.New = (_, _, _) => throw Err.Type("cannot create 'sqlite3.Blob' instances");
        t.Def("read", "length=-1, /", (o, a) => B(o).Read(Args.Long(a[0]!)));
        t.Def1("write", (o, data) => Done(() => B(o).Write(Buffers.Bytes(data))));
        t.DefKept("seek", "offset, origin=0, /", (o, a) => Done(() => B(o).Seek(Args.Long(a[0]!), Args.Int(a[1]!))));
        t.Def0("tell", o => PyInt.Of(B(o).Tell()));
        t.Def0("close", o => Done(B(o).Close));
        t.Def0("__enter__", o =>
        {
            B(o).Enter();
            return o;
        });
        t.Def("__exit__", "type, val, tb, /", (o, _) =>
        {
            B(o).Enter();
            B(o).Close();
            return Values.False;
        });
        t.Len = o => B(o).Size;
        t.GetItem = (o, key) => B(o).GetItem(key);
        t.SetItem = (o, key, value) => B(o).SetItem(key, value);
    }, "sqlite3");

    public static readonly PyType Connection = new("Connection", PyType.Object, t =>
    {
        t.New = (type, _, _) => new PyConnection(type);
        t.Allocate = type => new PyConnection(type);
        t.Init = (o, args, names) => ((PyConnection)o).Init(ConnectionParameters.Bind(args, names));
        foreach (var error in SqliteErrors.All)
            t.Getter(error.Name, _ => error);
        t.DefKept("cursor", "factory=?", (o, a) => NewCursor(C(o), a[0]));
        t.Def0("close", o => Done(((PyConnection)o).Close));
        t.Def0("commit", o => Done(C(o).Commit));
        t.Def0("rollback", o => Done(C(o).Rollback));
        foreach (var name in new[] { "execute", "executemany" })
            t.DefRaw(name, (o, args, names) => Calls.CallNamed(Attributes.Get(Calls.CallMethod(C(o), "cursor"), name), args, names));
        t.Def1("executescript", (o, sql) => Calls.CallMethod(Calls.CallMethod(C(o), "cursor"), "executescript", sql));
        t.DefKept("create_function", "name, narg, func, *, deterministic=False", (o, a) => Done(() => C(o).CreateFunction(a[0]!, Args.Int(a[1]!), a[2]!, Ops.IsTrue(a[3]!) ? SqliteCalls.Deterministic : 0)));
        t.DefKept("create_aggregate", "name, n_arg, aggregate_class", (o, a) => Done(() => C(o).CreateAggregate(a[0]!, Args.Int(a[1]!), a[2]!, false)));
        t.DefKept("create_window_function", "name, num_params, aggregate_class, /", (o, a) => Done(() => C(o).CreateAggregate(a[0]!, Args.Int(a[1]!), a[2]!, true)));
        t.DefKept("create_collation", "name, callback, /", (o, a) => Done(() => C(o).CreateCollation(a[0]!, a[1]!)));
        t.DefKept("set_authorizer", "authorizer_callback", (o, a) => Done(() => C(o).SetAuthorizer(a[0]!)));
        t.DefKept("set_progress_handler", "progress_handler, n", (o, a) => Done(() => C(o).SetProgress(a[0]!, Args.Int(a[1]!))));
        t.DefKept("set_trace_callback", "trace_callback", (o, a) => Done(() => C(o).SetTrace(a[0]!)));
        t.DefKept("enable_load_extension", "enable, /", (o, a) => Ops.IsTrue(a[0]!) ? throw Err.Of(SqliteErrors.NotSupportedError, "extensions are machine code, which this machine does not load") : Values.None);
        t.DefKept("load_extension", "name, /", (o, _) => throw Err.Of(SqliteErrors.OperationalError, "not authorized"));
        t.Def0("interrupt", o => Done(() => SqliteCalls.InterruptAll(((PyConnection)o).Handle)));
        t.Def0("iterdump", o => Calls.CallMethod(PyThread.Current.Machine.ImportModule("sqlite3.dump"), "_iterdump", C(o)));
        t.DefKept("backup", "target, *, pages=-1, progress=None, name='main', sleep=?", (o, a) => Done(() =>
        {
            var target = a[0] as PyConnection ?? throw Err.Type($"backup() argument 1 must be sqlite3.Connection, not {Args.TypeName(a[0])}");
            var pause = a[4] is null ? 0.25 : Args.Double(a[4]!);
            if (pause < 0)
                throw Err.Value("sleep must be greater-than or equal to zero");
            if (a[2] != Values.None && !BuiltinsModule.IsCallable(a[2]!))
                throw Err.Type("progress argument must be a callable");
            C(o).Backup(target, Args.Int(a[1]!), a[2]!, Args.Str(a[3], "backup").Value, pause);
        }));
        t.Def("blobopen", "table, column, row, /, *, readonly=False, name='main'", (o, a) =>
        {
            var code = SqliteCalls.BlobOpen(C(o).Handle, Args.Str(a[4], "blobopen").Value, Args.Str(a[0], "blobopen").Value, Args.Str(a[1], "blobopen").Value, SqliteValues.Integer(Ops.Index(a[2]!)), Ops.IsTrue(a[3]!) ? 0 : 1, out var blob);
            if (code != SqliteCalls.Ok)
                throw C(o).LastError();
            var made = new PyBlob(C(o), blob);
            C(o).Add(made);
            return made;
        });
        t.Def("getlimit", "category, /", (o, a) => PyInt.Of(Limit(C(o), Args.Int(a[0]!), -1)));
        t.Def("setlimit", "category, limit, /", (o, a) => PyInt.Of(Limit(C(o), Args.Int(a[0]!), Args.Int(a[1]!))));
        t.Def("serialize", "*, name='main'", (o, a) => C(o).Serialize(Args.Str(a[0], "serialize").Value));
        t.DefKept("deserialize", "data, /, *, name='main'", (o, a) => Done(() => C(o).Deserialize(a[0] is PyStr text ? Codecs.EncodeUtf8(text, "strict") : Buffers.Bytes(a[0]), Args.Str(a[1], "deserialize").Value)));
        t.Def0("__enter__", C);
        t.Def("__exit__", "type, value, traceback, /", (o, a) =>
        {
            if (a[0] == Values.None)
            {
                try
                {
                    C(o).Commit();
                }
                catch (PyError)
                {
                    C(o).Rollback();
                    throw;
                }
            }
            else
            {
                C(o).Rollback();
            }
            return Values.False;
        });
        t.Getter("isolation_level", o => C(o).Isolation is { } level ? new PyStr(level) : Values.None, (o, v) => C(o).SetIsolation(v));
        t.Getter("in_transaction", o => Values.Bool(SqliteCalls.IsAutocommit(C(o).Handle) == 0));
        t.Getter("total_changes", o => PyInt.Of(SqliteCalls.TotalChanges(C(o).Handle)));
        t.Member("row_factory", o => ((PyConnection)o).RowFactory, (o, v) => ((PyConnection)o).RowFactory = v ?? Values.None);
        t.Member("text_factory", o => ((PyConnection)o).TextFactory, (o, v) => ((PyConnection)o).TextFactory = v ?? StrType.Type);
    }, "sqlite3");

    private static int Limit(PyConnection connection, int category, int value) =>
        SqliteCalls.Limit(connection.Handle, category, value) is >= 0 and var before ? before : throw Err.Of(SqliteErrors.ProgrammingError, "'category' is out of bounds");

    public static unsafe void Fill(ModuleBuilder m)
    {
        var registry = m.Machine.State<SqliteValues.Registry>("_sqlite3");
        m.Types(Connection, Cursor, Blob, PyRow.RowType, SqliteValues.Protocol);
        m.Types(SqliteErrors.All);
        foreach (var (name, code) in SqliteErrors.Codes())
            m.Set(name, code);
        for (var i = 0; i < Actions.Length; i++)
            m.Set("SQLITE_" + Actions[i], i + 1);
        for (var i = 0; i < LimitNames.Length; i++)
            m.Set("SQLITE_LIMIT_" + LimitNames[i], i);
        foreach (var (name, value) in new[] { ("PARSE_DECLTYPES", 1), ("PARSE_COLNAMES", 2), ("SQLITE_DENY", 1), ("SQLITE_IGNORE", 2), ("SQLITE_ALTER_TABLE", 26), ("threadsafety", 3) })
            m.Set(name, value);
        m.Set("SQLITE_RECURSIVE", 33);
        m.Set("version", "2.6.0");
        m.Set("sqlite_version", SqliteErrors.Text(SqliteCalls.Version()));
        m.Set("adapters", registry.Adapters);
        m.Set("converters", registry.Converters);
        m.DefRaw("connect", (_, args, names) =>
        {
            // The class that is asked for makes the connection, from all arguments.
            var at = names is null ? -1 : Array.FindIndex(names.Items, n => n is PyStr { Value: "factory" });
            var factory = at >= 0 ? args[args.Length - names!.Count + at] : args.Length - (names?.Count ?? 0) > 5 ? args[5] : Connection;
            return Calls.CallNamed(factory, args, names);
        });
        m.Def("complete_statement", "statement", a =>
        {
            fixed (byte* sql = SqliteValues.Terminated(a[0]!, "complete_statement"))
                return Values.Bool(SqliteCalls.Complete(sql) != 0);
        });
        m.DefKept("enable_callback_tracebacks", "enable, /", a => Done(() => registry.PrintsErrors = Ops.IsTrue(a[0]!)));
        m.Def("enable_shared_cache", "do_enable", _ => Values.None);
        m.DefKept("register_adapter", "type, adapter, /", a => Done(() => registry.Adapters.Set(new PyTuple(a[0]!, SqliteValues.Protocol), a[1]!)));
        m.DefKept("register_converter", "typename, converter, /", a => Done(() => registry.Converters.Set(PyStr.FromUtf16(Args.Str(a[0], "register_converter").Value.ToUpperInvariant()), a[1]!)));
        m.Def("adapt", "obj, proto=?, alt=?, /", a => SqliteValues.Adapt(a[0]!, a[1]) ?? a[2] ?? throw Err.Of(SqliteErrors.ProgrammingError, "can't adapt"));
    }
}
