using Holon.Python.Modules;

namespace Holon.Python.Runtime;

/// <summary>Descriptors of files that nobody closed are closed when the garbage collector finds the files dead.</summary>
internal static class Descriptors
{
    private const int TooManyOpen = 24;

    /// <summary>A call that opens something. When there are too many open, those of dead objects are closed first, as CPython would have done long ago.</summary>
    public static long Get(Func<long> open)
    {
        var result = open();
        if (result >= 0 || LibC.LastError != TooManyOpen)
            return result;
        GC.Collect();
        GC.WaitForPendingFinalizers();
        PyThread.Current.Machine.RunPending(PyThread.Current);
        return open();
    }
}
