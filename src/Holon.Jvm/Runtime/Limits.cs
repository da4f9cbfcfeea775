using System.Diagnostics;

namespace Holon.Jvm.Runtime;

/// <summary>
/// Limits of a machine. A watch looks every few milliseconds at the time, and wakes threads when the machine is to end; threads
/// themselves count what they execute and allocate at their safepoints.
/// </summary>
public sealed unsafe partial class JavaMachine
{
    private readonly Stopwatch _running = new();
    private Timer? _watch;
    private long _instructions, _allocated, _censusAt;
    private int _census;
    private volatile bool _exited;

    /// <summary>The limit that ran out, if one did.</summary>
    internal JavaLimit? Broken { get; private set; }

    /// <summary>Native memory that Java code has asked for.</summary>
    internal long NativeBytes;

    /// <summary>Bytes of heap that the machine may use; 0 for no bound.</summary>
    internal long HeapBound => Options.MemoryLimit ?? Options.MaximumHeap;

    internal void StartLimits()
    {
        _running.Start();
        _censusAt = HeapBound;
        _watch = new Timer(static m => ((JavaMachine)m!).Watch(), this, 5, 5);
    }

    private void Watch()
    {
        if (Options.TimeLimit is { } limit && _running.Elapsed > limit) Break(JavaLimit.Time);
        if (!Ending) return;
        foreach (var t in AllThreads()) t.Wake();
    }

    private void Break(JavaLimit limit)
    {
        lock (_ended)
        {
            if (Ending) return;
            Broken = limit;
        }
        End(LimitExitCode);
    }

    /// <summary>What <c>holon java</c> ends with when a limit ran out.</summary>
    internal const int LimitExitCode = 124;

    /// <summary>A thread tells what it did since it last did; raises when that was too much.</summary>
    internal void Account(JThread t, int instructions, long bytes)
    {
        if (Options.InstructionLimit is { } most && Interlocked.Add(ref _instructions, instructions) > most) Break(JavaLimit.Instructions);
        if (HeapBound > 0 && Interlocked.Add(ref _allocated, bytes) > Interlocked.Read(ref _censusAt) && Interlocked.CompareExchange(ref _census, 1, 0) == 0)
        {
            try
            {
                CountHeap(t);
            }
            finally
            {
                _census = 0;
            }
        }
    }

    /// <summary>Looks how much of what was allocated is still in use; the next time is when as much again could have filled the rest.</summary>
    private void CountHeap(JThread t)
    {
        var live = HeapCensus.Count(this, HeapBound) + Interlocked.Read(ref NativeBytes);
        if (live > HeapBound) RefuseMemory(t);
        Interlocked.Exchange(ref _censusAt, Interlocked.Read(ref _allocated) + Math.Max(HeapBound - live, HeapBound / 8));
    }

    private void RefuseMemory(JThread t)
    {
        if (Options.MemoryLimit == null) throw new JavaThrow(t.OutOfMemory("Java heap space"));
        Break(JavaLimit.Memory);
        throw new MachineEnd(LimitExitCode);
    }

    /// <summary>The program ends itself.</summary>
    internal void Exit(JThread t, int code)
    {
        if (!Options.Grants.Exit) throw t.Error("java/lang/SecurityException", "System.exit is not granted to this machine");
        _exited = true;
        End(code);
        throw new MachineEnd(code);
    }

    /// <summary>Before a large array is made: one that cannot fit is refused at once.</summary>
    internal void CheckLarge(JThread t, long bytes)
    {
        if (HeapBound > 0 && bytes > HeapBound) RefuseMemory(t);
    }
}
