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
    private long _instructions;
    private volatile bool _exited;

    /// <summary>The limit that ran out, if one did.</summary>
    internal JavaLimit? Broken { get; private set; }

    /// <summary>Native memory that Java code has asked for.</summary>
    internal long NativeBytes;

    /// <summary>Bytes of heap that the machine may use; 0 for no bound.</summary>
    internal long HeapBound => Options.MemoryLimit ?? Options.MaximumHeap;

    /// <summary>What a program is told that its heap can grow to.</summary>
    internal long LargestHeap => HeapBound > 0 ? HeapBound : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;

    /// <summary>What is left of that, as far as it is known without a collection.</summary>
    internal long FreeHeap => Math.Max(0, LargestHeap - (Samples?.InUse() ?? GC.GetTotalMemory(false)));

    internal void StartLimits()
    {
        _running.Start();
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

    /// <summary>What is in use of the heap; null when it is not bounded.</summary>
    internal readonly HeapSamples? Samples;

    /// <summary>Whether what is allocated counts for a limit.</summary>
    internal bool IsCounted => Samples != null || Options.InstructionLimit != null;

    /// <summary>A thread tells how many steps it took since it last did; raises when those were too many.</summary>
    internal void Account(int instructions)
    {
        if (Options.InstructionLimit is { } most && Interlocked.Add(ref _instructions, instructions) > most) Break(JavaLimit.Instructions);
    }

    /// <summary>A thread has allocated what brought it to an object to be watched; raises when too much is in use.</summary>
    internal void Watch(JThread t, object o, long bytes)
    {
        if (!Samples!.Add(o, bytes)) return;
        var most = HeapBound - Interlocked.Read(ref NativeBytes);
        if (!Fits(t, most)) RefuseMemory(t);
    }

    /// <summary>Whether no more than so much is in use, without what only soft references hold, or slots that the thread uses no more, if need be.</summary>
    private bool Fits(JThread t, long most)
    {
        if (Samples!.InUse(most) <= most) return true;
        t.ClearAbove(int.MaxValue);
        References.GiveUpSoft();
        return Samples.InUse(most) <= most;
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
        if (HeapBound > 0 && (bytes > HeapBound || !Fits(t, HeapBound - bytes - Interlocked.Read(ref NativeBytes)))) RefuseMemory(t);
    }
}
