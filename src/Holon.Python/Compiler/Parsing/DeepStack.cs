using System.Runtime.ExceptionServices;

namespace Holon.Python.Compiler;

/// <summary>
/// Recursion without the fear of a stack overflow, which would end the process. Recursive code calls <see cref="Check"/>; when the stack
/// runs low, the whole work is done once more on a thread with a stack that holds CPython's own limits of depth.
/// </summary>
internal static class DeepStack
{
    private const int BigStack = 512 << 20; // reserved, not used, until it is touched

    [ThreadStatic]
    private static bool s_onBigStack;

    /// <summary>Does the work on this thread, or, when that is too deep, on one with a big stack.</summary>
    public static T Run<T>(Func<T> work)
    {
        try
        {
            RuntimeHelpers.EnsureSufficientExecutionStack();
            return work();
        }
        catch (InsufficientExecutionStackException) when (!s_onBigStack)
        {
            return RunOnBigStack(work);
        }
        catch (InsufficientExecutionStackException)
        {
            throw new PythonCompileException(CompileErrorKind.RecursionError, "maximum recursion depth exceeded during compilation");
        }
    }

    /// <summary>Throws when little of the stack is left. Once in 16 levels of recursion is often enough.</summary>
    public static void Check() => RuntimeHelpers.EnsureSufficientExecutionStack();

    private static T RunOnBigStack<T>(Func<T> work)
    {
        T? result = default;
        ExceptionDispatchInfo? error = null;
        var thread = new Thread(
            () =>
            {
                s_onBigStack = true;
                try
                {
                    result = Run(work);
                }
                catch (Exception e)
                {
                    error = ExceptionDispatchInfo.Capture(e);
                }
            },
            BigStack);
        thread.IsBackground = true;
        thread.Start();
        thread.Join();
        error?.Throw();
        return result!;
    }
}
