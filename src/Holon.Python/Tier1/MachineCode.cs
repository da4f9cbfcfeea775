using System.Collections.Concurrent;

namespace Holon.Python.Tier1;

/// <summary>
/// Has .NET's compiler make machine code of what <see cref="CodeCompiler"/> has written, which takes most of the time of compiling. Where there is more than one
/// processor a thread of the pool does it, one method after another, while the program goes on in tier 0.
/// </summary>
internal static class MachineCode
{
    /// <summary>So many methods may wait: what comes later asks again when it has become as hot once more.</summary>
    private const int MaxWaiting = 32;

    private static readonly ConcurrentQueue<(Delegate Made, CompileBudget Budget, Action Publish)> Waiting = new();
    private static int count;

    /// <summary>Are there processors for it beside the one that runs the program?</summary>
    public static bool CanWait { get; } = Environment.ProcessorCount > 1;

    public static bool HasRoom => Volatile.Read(ref count) < MaxWaiting;

    /// <summary>Now, so that the time is not spent at the first call. False: a mistake of the compiler; tier 0 runs the code.</summary>
    public static bool Make(Delegate made)
    {
        try
        {
            RuntimeHelpers.PrepareDelegate(made);
            return true;
        }
        catch (InvalidProgramException) when (Environment.GetEnvironmentVariable("HOLON_PYTHON_DEBUG") is null)
        {
            return false;
        }
    }

    /// <summary>Later, on another thread, which then calls <paramref name="publish"/>.</summary>
    public static void MakeLater(Delegate made, CompileBudget budget, Action publish)
    {
        Waiting.Enqueue((made, budget, publish));
        if (Interlocked.Increment(ref count) == 1)
            ThreadPool.UnsafeQueueUserWorkItem(_ => MakeAll(), null);
    }

    private static void MakeAll()
    {
        do
        {
            Waiting.TryDequeue(out var next);
            var began = System.Diagnostics.Stopwatch.GetTimestamp();
            if (Make(next.Made))
                next.Publish();
            next.Budget.SpendElsewhere(began);
        }
        while (Interlocked.Decrement(ref count) > 0);
    }
}
