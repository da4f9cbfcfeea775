namespace Holon.Python.Runtime;

/// <summary>A Python thread: its frames, the exception that waits, the exceptions being handled.</summary>
internal sealed class PyThread(Machine machine)
{
    [ThreadStatic]
    private static PyThread? current;

    /// <summary>Instructions between two looks at the machine's requests.</summary>
    public const int Quantum = 20_000;

    public static PyThread Current => current ?? throw new InvalidOperationException("no Python machine runs on this thread");

    public static bool HasCurrent => current is not null;

    public Machine Machine { get; } = machine;

    public PyFrame? Frame;

    /// <summary>An exception on its way through code that signals it by null.</summary>
    public PyException? Pending;

    /// <summary>What remains of the quantum.</summary>
    public int Fuel = Quantum;

    private int fuelPutAside;

    public HandledException Handled = new();

    /// <summary>What <see cref="SetTrace"/> was given.</summary>
    public PyObject? TraceFunction { get; private set; }

    /// <summary>What <see cref="SetProfile"/> was given.</summary>
    public PyObject? ProfileFunction { get; private set; }

    private int profilePauses;

    /// <summary>The profile function, unless what runs is none of its business.</summary>
    public PyObject? ActiveProfile => profilePauses == 0 ? ProfileFunction : null;

    /// <summary>The event of which a trace function is being told.</summary>
    public TraceEvent TraceEvent;

    private int traceFunctionsRunning;

    public PyObject? AsyncGenFirstIter;
    public PyObject? AsyncGenFinalizer;
    public PyObject? Context;

    /// <summary>asyncio's event loop that runs on the thread.</summary>
    public PyObject? RunningLoop;

    public PyObject? StopValue;
    public int Depth;

    /// <summary>Frames of compiled code, by depth.</summary>
    public PyFrame?[] Records = new PyFrame?[64];

    public List<PyObject> ReprActive { get; } = [];

    public long Id { get; } = Environment.CurrentManagedThreadId;

    /// <summary>There is a trace or profile function, and it is not itself running.</summary>
    public bool IsTracing { get; private set; }

    /// <summary>sys.settrace.</summary>
    public void SetTrace(PyObject? function)
    {
        TraceFunction = function;
        UpdateTracing();
    }

    /// <summary>sys.setprofile.</summary>
    public void SetProfile(PyObject? function)
    {
        ProfileFunction = function;
        UpdateTracing();
    }

    /// <summary>Does something of which the profile function is not told.</summary>
    public void Unprofiled(Action action)
    {
        profilePauses++;
        UpdateTracing();
        try
        {
            action();
        }
        finally
        {
            profilePauses--;
            UpdateTracing();
        }
    }

    /// <summary>Calls so that a trace function that is set meanwhile is told although one is running: a debugger debugs what it evaluates (sys.call_tracing).</summary>
    public PyObject CallTracing(PyObject function, ReadOnlySpan<PyObject> args)
    {
        var running = traceFunctionsRunning;
        traceFunctionsRunning = 0;
        try
        {
            return Calls.Call(function, args);
        }
        finally
        {
            traceFunctionsRunning = running;
            UpdateTracing();
        }
    }

    public void BeginTraceFunction()
    {
        traceFunctionsRunning++;
        UpdateTracing();
    }

    public void EndTraceFunction()
    {
        traceFunctionsRunning--;
        UpdateTracing();
    }

    private void UpdateTracing()
    {
        var isTracing = traceFunctionsRunning == 0 && (TraceFunction is not null || ActiveProfile is not null);
        if (isTracing == IsTracing)
            return;
        IsTracing = isTracing;
        // The loop that is running notices at its next look at the quantum.
        if (Fuel >= 0)
        {
            fuelPutAside += Fuel + 1;
            Fuel = -1;
        }
    }

    public static IDisposable Attach(PyThread thread)
    {
        var before = current;
        current = thread;
        return new Detach(before);
    }

    private sealed class Detach(PyThread? before) : IDisposable
    {
        public void Dispose() => current = before;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enter(PyFrame frame)
    {
        if (++Depth > Machine.RecursionLimit)
            TooDeep();
        Frame = frame;
    }

    public void TooDeep()
    {
        Depth--;
        // Handlers of the error get some room.
        throw Err.Of(ExceptionTypes.RecursionError, "maximum recursion depth exceeded");
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Leave(PyFrame frame)
    {
        Depth--;
        Frame = frame.Back;
    }

    /// <summary>Recursion through C#: counted as calls are, since each level may hold one more Python frame's worth of stack.</summary>
    public static PyThread EnterNative(string where)
    {
        CheckNativeStack();
        var thread = Current;
        if (thread.Depth >= thread.Machine.RecursionLimit)
            throw Err.Of(ExceptionTypes.RecursionError, "maximum recursion depth exceeded" + where);
        thread.Depth++;
        return thread;
    }

    public void LeaveNative() => Depth--;

    public static void CheckNativeStack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw Err.Of(ExceptionTypes.RecursionError, "maximum recursion depth exceeded");
    }

    /// <summary>The innermost exception being handled.</summary>
    public PyException? CurrentHandled
    {
        get
        {
            for (var at = Handled; at is not null; at = at.Outer)
            {
                if (at.Value is not null)
                    return at.Value;
            }
            return null;
        }
    }

    public bool PendingIs(PyType type) => Pending is { } error && error.Type.IsSubtypeOf(type);

    /// <summary>The pending exception as something to throw.</summary>
    public PyError TakeError()
    {
        var error = Pending ?? Err.System("error return without exception set").Value;
        Pending = null;
        return new PyError(error);
    }

    public PyObject TakeStopValue()
    {
        var value = StopValue ?? Values.None;
        StopValue = null;
        return value;
    }

    /// <summary>Between two instructions: limits, other threads, signals, finalizers.</summary>
    public void Breaker()
    {
        if (fuelPutAside > 0)
        {
            Fuel += fuelPutAside;
            fuelPutAside = 0;
            if (Fuel >= 0)
                return;
        }
        var used = Quantum - Fuel;
        Fuel = Quantum;
        Machine.Limits.ChargeInstructions(used);
        Machine.Gil.YieldIfWanted(this);
        Machine.RunPending(this);
    }
}

/// <summary>One thread of a machine runs at a time.</summary>
internal sealed class Gil
{
    private readonly SemaphoreSlim semaphore = new(1, 1);
    private int waiting;

    public void Acquire()
    {
        if (semaphore.Wait(0))
            return;
        Interlocked.Increment(ref waiting);
        semaphore.Wait();
        Interlocked.Decrement(ref waiting);
    }

    public void Release() => semaphore.Release();

    public void YieldIfWanted(PyThread thread)
    {
        if (Volatile.Read(ref waiting) == 0)
            return;
        Release();
        Thread.Yield();
        Acquire();
    }

    /// <summary>Lets others run while this thread blocks.</summary>
    public T Without<T>(Func<T> blocking)
    {
        Release();
        try
        {
            return blocking();
        }
        finally
        {
            Acquire();
        }
    }
}
