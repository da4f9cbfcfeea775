using System.Runtime.InteropServices;
using Holon.Machines;

namespace Holon.Storage.Host;

/// <summary>
/// Keeps two processes from writing one image. Locks belong to the open file (OFD locks of fcntl(2)), vanish with it however the
/// process ends, and are those that QEMU takes, so that either notices the other.
/// </summary>
/// <remarks>
/// QEMU knows four permissions. Whoever uses one holds a shared lock on byte 100 + n; whoever does not let others use it holds a shared
/// lock on byte 200 + n. Both then look whether someone holds the opposite byte; taking first and looking second leaves no gap.
/// </remarks>
internal static unsafe class FileLocks
{
    private const int UsesBase = 100, ForbidsBase = 200;
    private const int ConsistentRead = 0, Write = 1, Resize = 3;
    private const int Attempts = 10, PauseMilliseconds = 20;
    private const short Shared = 0, Exclusive = 1; // F_RDLCK, F_WRLCK

    /// <summary>Locks an open file: readers let readers in, a writer lets nobody in but readers that do not care.</summary>
    /// <exception cref="HolonException">Someone uses it in a way that does not go together with this.</exception>
    public static void Take(int descriptor, string path, bool forWriting)
    {
        ReadOnlySpan<int> uses = forWriting ? [ConsistentRead, Write, Resize] : [ConsistentRead];
        ReadOnlySpan<int> forbids = [Write, Resize];
        foreach (var permission in uses) Lock(descriptor, path, UsesBase + permission);
        foreach (var permission in forbids) Lock(descriptor, path, ForbidsBase + permission);
        foreach (var permission in uses) Test(descriptor, path, ForbidsBase + permission, forWriting);
        foreach (var permission in forbids) Test(descriptor, path, UsesBase + permission, forWriting);
    }

    private static void Lock(int descriptor, string path, int position)
    {
        var request = new Libc.FileLock { Type = Shared, Start = position, Length = 1 };
        if (Libc.Control(descriptor, Libc.SetLock, &request) == 0) return; // safe: the struct is on our stack
        var error = Marshal.GetLastPInvokeError();
        throw error is Libc.TryAgain or Libc.Denied ? InUse(path, true) : new HolonException(
            $"{path} cannot be locked ({Marshal.GetPInvokeErrorMessage(error)}), so nothing would keep a second machine from writing it; put it on a local file system.");
    }

    private static void Test(int descriptor, string path, int position, bool forWriting)
    {
        // A process that is being started holds what its parent had open until it executes: a file just closed may seem to be in use for a moment.
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var request = new Libc.FileLock { Type = Exclusive, Start = position, Length = 1 };
            if (Libc.Control(descriptor, Libc.GetLock, &request) != 0 || request.Type == 2) return; // safe: as above; 2 is F_UNLCK
            Thread.Sleep(PauseMilliseconds);
        }

        throw InUse(path, forWriting);
    }

    private static HolonException InUse(string path, bool forWriting) => new(forWriting
        ? $"{path} is in use by another process, so it cannot be opened for writing; end that machine, or open the disk read-only."
        : $"{path} is being written by another process; end that machine first.");
}
