using System.Runtime.InteropServices;

namespace Holon.Python.Modules.Sqlite;

/// <summary>What SQLite calls: functions, collations and handlers of the program, and our own for limits, waiting and grants.</summary>
/// <remarks>
/// The library gets handles of .NET's garbage collector as its user data. They are freed when it says that it is done with them. No
/// exception passes through it: what a callback raises waits in <see cref="Raised"/>.
/// </remarks>
internal sealed unsafe partial class PyConnection
{
    /// <summary>How many of SQLite's steps pass between two looks at the limits.</summary>
    private const int StepsPerLook = 1000;

    private sealed class Callback(PyConnection connection, PyObject function)
    {
        // The handle that the library has must not keep the connection.
        private readonly WeakReference<PyConnection> connection = new(connection);

        public PyConnection? Connection => connection.TryGetTarget(out var open) ? open : null;

        public PyObject Function => function;

        /// <summary>Aggregates that are under way, by number: the library keeps the numbers.</summary>
        public Dictionary<nint, PyObject> Instances { get; } = [];

        public nint LastInstance { get; set; }
    }

    private GCHandle self;
    private PyObject? progress, authorizer, tracer;
    private bool isRestricted;
    private long waitingSince;
    private int interval = StepsPerLook;

    private void FreeSelf()
    {
        if (self.IsAllocated)
            self.Free();
    }

    private void InstallOwn(Gate gate)
    {
        self = GCHandle.Alloc(this, GCHandleType.Weak);
        isRestricted = !gate.IsOpen;
        SqliteCalls.SetProgress(handle, StepsPerLook, &OnProgress, GCHandle.ToIntPtr(self));
        _ = SqliteCalls.SetBusy(handle, &OnBusy, GCHandle.ToIntPtr(self));
        if (isRestricted)
            _ = SqliteCalls.SetAuthorizer(handle, &OnAuthorize, GCHandle.ToIntPtr(self));
    }

    public void SetProgress(PyObject handler, int steps)
    {
        Check();
        progress = handler == Values.None ? null : handler;
        interval = progress is null ? StepsPerLook : Math.Max(1, steps);
        SqliteCalls.SetProgress(Handle, interval, &OnProgress, GCHandle.ToIntPtr(self));
    }

    public void SetAuthorizer(PyObject callback)
    {
        Check();
        authorizer = callback == Values.None ? null : callback;
        _ = SqliteCalls.SetAuthorizer(Handle, authorizer is null && !isRestricted ? null : &OnAuthorize, GCHandle.ToIntPtr(self));
    }

    public void SetTrace(PyObject callback)
    {
        Check();
        tracer = callback == Values.None ? null : callback;
        const uint statements = 1;
        _ = SqliteCalls.Trace(Handle, tracer is null ? 0 : statements, tracer is null ? null : &OnTrace, GCHandle.ToIntPtr(self));
    }

    public void CreateFunction(PyObject name, int arguments, PyObject function, int flags)
    {
        Check();
        fixed (byte* at = SqliteValues.Terminated(name, "create_function"))
        {
            var remove = function == Values.None;
            var code = SqliteCalls.CreateFunction(Handle, at, arguments, SqliteCalls.Utf8 | flags, remove ? 0 : Keep(function), remove ? null : &OnFunction, null, null, remove ? null : &OnDestroy);
            if (code != SqliteCalls.Ok)
                throw Err.Of(SqliteErrors.OperationalError, "Error creating function");
        }
    }

    public void CreateAggregate(PyObject name, int arguments, PyObject factory, bool isWindow)
    {
        Check();
        fixed (byte* at = SqliteValues.Terminated(name, "create_aggregate"))
        {
            var remove = factory == Values.None;
            var data = remove ? 0 : Keep(factory);
            var code = !isWindow ? SqliteCalls.CreateFunction(Handle, at, arguments, SqliteCalls.Utf8, data, null, remove ? null : &OnStep, remove ? null : &OnFinal, remove ? null : &OnDestroy)
                : remove ? SqliteCalls.CreateWindowFunction(Handle, at, arguments, SqliteCalls.Utf8, 0, null, null, null, null, null)
                : SqliteCalls.CreateWindowFunction(Handle, at, arguments, SqliteCalls.Utf8, data, &OnStep, &OnFinal, &OnValue, &OnInverse, &OnDestroy);
            if (code != SqliteCalls.Ok)
                throw isWindow ? LastError() : Err.Of(SqliteErrors.OperationalError, "Error creating aggregate");
        }
    }

    public void CreateCollation(PyObject name, PyObject compare)
    {
        Check();
        if (compare != Values.None && !BuiltinsModule.IsCallable(compare))
            throw Err.Type("parameter must be callable");
        fixed (byte* at = SqliteValues.Terminated(name, "create_collation"))
        {
            var code = compare == Values.None ? SqliteCalls.CreateCollation(Handle, at, SqliteCalls.Utf8, 0, null, null) : SqliteCalls.CreateCollation(Handle, at, SqliteCalls.Utf8, Keep(compare), &OnCompare, &OnDestroy);
            if (code != SqliteCalls.Ok)
                throw LastError();
        }
    }

    private nint Keep(PyObject function) => GCHandle.ToIntPtr(GCHandle.Alloc(new Callback(this, function)));

    private static Callback CallbackOf(nint data) => (Callback)GCHandle.FromIntPtr(data).Target!;

    private static PyConnection? Self(nint data) => GCHandle.FromIntPtr(data).Target as PyConnection;

    [UnmanagedCallersOnly]
    private static void OnDestroy(nint data)
    {
        if (data != 0)
            GCHandle.FromIntPtr(data).Free();
    }

    /// <summary>Runs a callback. Limits that end the program pass; other errors are told to the library by the caller.</summary>
    private static bool Try(PyConnection? connection, Action action, out PyError? error)
    {
        error = null;
        try
        {
            action();
            return true;
        }
        catch (PyError raised)
        {
            error = raised;
            if (connection is not null && (raised.Value is PyKillException || raised.Value.Type.IsSubtypeOf(ExceptionTypes.KeyboardInterrupt)))
                connection.Raised = raised;
            else if (PyThread.Current.Machine.State<SqliteValues.Registry>("_sqlite3").PrintsErrors)
                ErrorPrinter.PrintUnraisable(PyThread.Current.Machine, raised.Value, Values.None);
            return false;
        }
        catch (Exception raised)
        {
            error = Err.System($"internal error: {raised.Message}");
            return false;
        }
    }

    private static PyObject[] Arguments(int count, nint* values)
    {
        var result = new PyObject[count];
        for (var i = 0; i < count; i++)
            result[i] = SqliteValues.FromValue(values[i]);
        return result;
    }

    private static void Failed(nint context, PyError? error, string message)
    {
        if (error?.Value.Type.IsSubtypeOf(ExceptionTypes.MemoryError) == true)
            SqliteCalls.ResultNoMemory(context);
        else if (error?.Value.Type.IsSubtypeOf(ExceptionTypes.OverflowError) == true)
            SqliteCalls.ResultTooBig(context);
        else
            SqliteCalls.ResultError(context, message, -1);
    }

    [UnmanagedCallersOnly]
    private static void OnFunction(nint context, int count, nint* values)
    {
        var callback = CallbackOf(SqliteCalls.UserData(context));
        if (!Try(callback.Connection, () =>
        {
            if (!SqliteValues.SetResult(context, Calls.Call(callback.Function, Arguments(count, values))))
                throw Err.Type("no result for SQL");
        }, out var error))
            Failed(context, error, "user-defined function raised exception");
    }

    /// <summary>The aggregate that a group of rows has, made at its first row.</summary>
    private static PyObject? Instance(nint context, Callback callback, bool make)
    {
        var place = SqliteCalls.AggregateContext(context, make ? sizeof(nint) : 0);
        if (place == null)
            return null;
        if (*place == 0 && make)
        {
            var made = Calls.Call(callback.Function);
            *place = ++callback.LastInstance;
            callback.Instances[*place] = made;
        }
        return callback.Instances.GetValueOrDefault(*place);
    }

    private static void Row(nint context, int count, nint* values, string method)
    {
        var callback = CallbackOf(SqliteCalls.UserData(context));
        PyObject? instance = null;
        if (!Try(callback.Connection, () => instance = Instance(context, callback, true), out var error))
            Failed(context, error, "user-defined aggregate's '__init__' method raised error");
        else if (!Try(callback.Connection, () => Calls.Call(Attributes.Get(instance!, Holon.Python.Runtime.Names.Intern(method)), Arguments(count, values)), out error))
            Failed(context, error, error!.Value.Type.IsSubtypeOf(ExceptionTypes.AttributeError) ? $"user-defined aggregate's '{method}' method not defined" : $"user-defined aggregate's '{method}' method raised error");
    }

    private static void Result(nint context, string method, bool isLast)
    {
        var callback = CallbackOf(SqliteCalls.UserData(context));
        var instance = Instance(context, callback, false);
        if (instance is null)
            return; // no rows, or its making has failed
        if (!Try(callback.Connection, () =>
        {
            if (!SqliteValues.SetResult(context, Calls.CallMethod(instance, method)))
                throw Err.Type("no result for SQL");
        }, out var error))
            Failed(context, error, error!.Value.Type.IsSubtypeOf(ExceptionTypes.AttributeError) ? $"user-defined aggregate's '{method}' method not defined" : $"user-defined aggregate's '{method}' method raised error");
        if (isLast)
            callback.Instances.Remove(*SqliteCalls.AggregateContext(context, 0));
    }

    [UnmanagedCallersOnly]
    private static void OnStep(nint context, int count, nint* values) => Row(context, count, values, "step");

    [UnmanagedCallersOnly]
    private static void OnInverse(nint context, int count, nint* values) => Row(context, count, values, "inverse");

    [UnmanagedCallersOnly]
    private static void OnValue(nint context) => Result(context, "value", false);

    [UnmanagedCallersOnly]
    private static void OnFinal(nint context) => Result(context, "finalize", true);

    [UnmanagedCallersOnly]
    private static int OnCompare(nint data, int length, byte* text, int otherLength, byte* other)
    {
        var callback = CallbackOf(data);
        var result = 0;
        var (one, two) = (SqliteValues.Bytes(text, length).ToArray(), SqliteValues.Bytes(other, otherLength).ToArray());
        Try(callback.Connection, () =>
        {
            var order = Calls.Call(callback.Function, Codecs.DecodeUtf8(one, "strict"), Codecs.DecodeUtf8(two, "strict"));
            result = Math.Sign(Args.Long(order));
        }, out _);
        return result;
    }

    [UnmanagedCallersOnly]
    private static int OnProgress(nint data)
    {
        if (Self(data) is not { } connection)
            return 0;
        var stop = false;
        var good = Try(connection, () =>
        {
            var thread = PyThread.Current;
            thread.Machine.Limits.ChargeInstructions(Math.Max(1, connection.interval / 10));
            thread.Machine.RunPending(thread);
            stop = connection.progress is { } handler && Ops.IsTrue(Calls.Call(handler));
        }, out _);
        return stop || !good ? 1 : 0;
    }

    [UnmanagedCallersOnly]
    private static int OnBusy(nint data, int tries)
    {
        if (Self(data) is not { } connection)
            return 0;
        if (tries == 0)
            connection.waitingSince = Clock.ElapsedMilliseconds;
        var goOn = Clock.ElapsedMilliseconds - connection.waitingSince < connection.Timeout * 1000;
        return goOn && Try(connection, () => Blocking.Sleep(PyThread.Current, TimeSpan.FromMilliseconds(Math.Min(1 + tries, 25))), out _) ? 1 : 0;
    }

    [UnmanagedCallersOnly]
    private static int OnAuthorize(nint data, int action, byte* first, byte* second, byte* schema, byte* cause)
    {
        const int deny = 1;
        if (Self(data) is not { } connection)
            return deny;
        PyObject Text(byte* text) => text == null ? Values.None : PyStr.FromUtf16(SqliteErrors.Text(text));
        var arguments = new[] { PyInt.Of(action), Text(first), Text(second), Text(schema), Text(cause) };
        var answer = deny;
        Try(connection, () =>
        {
            if (connection.isRestricted && !MayDo(action, arguments[1], arguments[2]))
                return;
            if (connection.authorizer is null)
                answer = 0;
            else if (Calls.Call(connection.authorizer, arguments) is PyInt number && number.TryLong(out var value))
                answer = value is >= int.MinValue and <= int.MaxValue ? (int)value : deny;
        }, out _);
        return answer;
    }

    /// <summary>SQL reaches files by ATTACH (and VACUUM INTO, which attaches), and folders by two pragmas.</summary>
    private static bool MayDo(int action, PyObject first, PyObject second)
    {
        const int attach = 24, pragma = 19, function = 31;
        switch (action)
        {
            case attach:
                if (first is not PyStr file)
                    return false; // computed while it runs: nobody knows it yet
                if (file.Value is "" or ":memory:")
                    return true;
                return !file.Value.StartsWith("file:", StringComparison.Ordinal) && Gate.Current.Allows(file.Value, Access.Read | Access.Write);
            case pragma:
                return first is PyStr name && !name.Value.EndsWith("_store_directory", StringComparison.OrdinalIgnoreCase);
            case function:
                return second is not PyStr { Value: "load_extension" or "fts3_tokenizer" };
            default:
                return true;
        }
    }

    [UnmanagedCallersOnly]
    private static int OnTrace(uint kind, nint data, nint statement, nint sql)
    {
        if (Self(data) is not { tracer: { } tracer } connection)
            return 0;
        Try(connection, () =>
        {
            var text = SqliteCalls.ExpandedSql(statement);
            var shown = PyStr.FromUtf16(SqliteErrors.Text(text == null ? SqliteCalls.Sql(statement) : text));
            if (text != null)
                SqliteCalls.Free(text);
            Calls.Call(tracer, shown);
        }, out _);
        return 0;
    }
}
