using Holon.Python.Modules.Network;

namespace Holon.Python.Runtime;

/// <summary>Waiting in slices, so that other threads run, limits end the program and signals are seen.</summary>
internal static class Blocking
{
    private const int Slice = 50;

    private const short Readable = 1;

    public static void Sleep(PyThread thread, TimeSpan time)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (time - clock.Elapsed is { Ticks: > 0 } left)
        {
            thread.Machine.Gil.Without(() =>
            {
                Thread.Sleep(left < TimeSpan.FromMilliseconds(Slice) ? left : TimeSpan.FromMilliseconds(Slice));
                return 0;
            });
            Look(thread);
        }
        Look(thread);
    }

    /// <summary>Before a read: until it would not block, unless the descriptor is one that never does.</summary>
    public static void UntilReadable(PyThread thread, int fd)
    {
        const int getFlags = 3, nonBlocking = 2048;
        if (SocketCalls.Poll([new PollEntry { Fd = fd, Events = Readable }], 1, 0) != 0 || (Modules.LibC.FileControl(fd, getFlags, 0) & nonBlocking) != 0)
            return;
        while (thread.Machine.Gil.Without(() => SocketCalls.Poll([new PollEntry { Fd = fd, Events = Readable }], 1, Slice)) == 0)
            Look(thread);
    }

    private static void Look(PyThread thread)
    {
        thread.Machine.Limits.ChargeInstructions(1);
        thread.Machine.RunPending(thread);
    }
}
