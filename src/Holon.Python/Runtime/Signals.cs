using System.Runtime.InteropServices;

namespace Holon.Python.Runtime;

/// <summary>
/// Signals of one machine: what the program wants done with each. Only a machine that owns its process
/// (<see cref="PythonMachineOptions.HandlesSignals"/>) gets the process's signals; in others a program can only raise them itself.
/// </summary>
internal sealed partial class Signals(Machine machine) : IDisposable
{
    public const int Interrupt = 2, Alarm = 14, Pipe = 13, FileSize = 25, Count = 65;

    private const int Kill = 9, Stop = 19;

    private readonly PyObject?[] handlers = new PyObject?[Count];
    private readonly PosixSignalRegistration?[] registrations = new PosixSignalRegistration?[Count];
    private readonly Lock guard = new();
    private readonly SortedSet<int> pending = [];
    private Timer? timer;
    private long timerEnds;
    private TimeSpan timerInterval;

    /// <summary>Where a byte is written when a signal comes, or -1.</summary>
    public int WakeUp { get; set; } = -1;

    /// <summary>Signals that wait until they are wanted again.</summary>
    public SortedSet<int> Blocked { get; } = [];

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetDisposition(int signal, nint handler);

    /// <summary>A function, or the numbers 0 (default) and 1 (ignored).</summary>
    public PyObject Get(int number) => handlers[number] ?? PyInt.Zero;

    public PyObject Set(int number, PyObject handler)
    {
        if (number is Kill or Stop)
            throw Err.OS(Errno.EINVAL, (PyObject?)null);
        var before = Get(number);
        handlers[number] = handler;
        if (!machine.Options.HandlesSignals)
            return before;
        registrations[number]?.Dispose();
        registrations[number] = null;
        if (handler is PyInt { Value: 0 })
            return before;
        try
        {
            registrations[number] = PosixSignalRegistration.Create((PosixSignal)number, context =>
            {
                context.Cancel = true;
                Arrive(number);
            });
        }
        catch (Exception error) when (error is ArgumentException or IOException or PlatformNotSupportedException)
        {
            throw Err.OS(Errno.EINVAL, (PyObject?)null);
        }
        return before;
    }

    /// <summary>A signal has come, on whatever thread.</summary>
    public void Arrive(int number)
    {
        lock (guard)
        {
            if (Blocked.Contains(number))
            {
                pending.Add(number);
                return;
            }
        }
        if (handlers[number] is null or PyInt)
            return;
        if (WakeUp >= 0)
            _ = machine.Gate.Owns(WakeUp) ? Modules.LibC.Write(WakeUp, [(byte)number], 1) : 0;
        machine.Post(() => Deliver(number));
    }

    private void Deliver(int number)
    {
        if (handlers[number] is { } handler and not PyInt)
            Calls.Call(handler, PyInt.Of(number), (PyObject?)PyThread.Current.Frame ?? Values.None);
    }

    /// <summary>The process sends itself a signal. True when the program's own handler gets it.</summary>
    public bool Raise(int number)
    {
        if (handlers[number] is not (null or PyInt { Value: 0 }) || Blocked.Contains(number))
        {
            Arrive(number);
            machine.RunPending(PyThread.Current);
            return true;
        }
        return false;
    }

    /// <summary>The signals that came while they were blocked.</summary>
    public int[] Pending()
    {
        lock (guard)
            return [.. pending];
    }

    /// <summary>Takes one of these signals if it has come.</summary>
    public int Take(IEnumerable<int> wanted)
    {
        lock (guard)
        {
            var number = wanted.FirstOrDefault(pending.Contains);
            pending.Remove(number);
            return number;
        }
    }

    /// <summary>What was held back and is wanted now is delivered.</summary>
    public void Unblocked()
    {
        foreach (var number in Pending().Where(n => !Blocked.Contains(n)))
        {
            Take([number]);
            Arrive(number);
        }
        machine.RunPending(PyThread.Current);
    }

    /// <summary>Seconds until the timer's next signal, and between those after it.</summary>
    public (double Left, double Interval) Timer => timer is null ? (0, 0) : (Math.Max(0, (timerEnds - Environment.TickCount64) / 1000.0), timerInterval.TotalSeconds);

    public void SetTimer(double seconds, double interval)
    {
        timer?.Dispose();
        timer = null;
        if (seconds <= 0)
            return;
        timerInterval = TimeSpan.FromSeconds(Math.Min(interval, 1e7));
        var first = TimeSpan.FromSeconds(Math.Min(seconds, 1e7));
        timerEnds = Environment.TickCount64 + (long)first.TotalMilliseconds;
        timer = new Timer(_ =>
        {
            timerEnds = Environment.TickCount64 + (long)timerInterval.TotalMilliseconds;
            if (timerInterval == TimeSpan.Zero)
                SetTimer(0, 0);
            // Asked before the signal is delivered: its handler may take itself away.
            var isDefault = handlers[Alarm] is null or PyInt { Value: 0 } && machine.Options.HandlesSignals;
            Arrive(Alarm);
            if (isDefault)
                _ = Modules.LibC.Kill(Environment.ProcessId, Alarm);
        }, null, first, interval > 0 ? timerInterval : Timeout.InfiniteTimeSpan);
    }

    /// <summary>Ends the process as a signal that nobody handles does.</summary>
    public static void EndProcess(int number)
    {
        SetDisposition(number, 0);
        _ = Modules.LibC.Kill(Environment.ProcessId, number);
    }

    public void Dispose()
    {
        timer?.Dispose();
        foreach (var each in registrations)
            each?.Dispose();
    }
}
