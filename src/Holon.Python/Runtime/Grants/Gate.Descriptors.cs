using System.Runtime.InteropServices;
using Holon.Python.Modules;

namespace Holon.Python.Runtime;

/// <summary>
/// Descriptors. They are numbers of the whole process, so a machine that may not do everything uses those only that it has opened itself,
/// and the three standard ones. Any other number is to it as one that is not open.
/// </summary>
internal sealed partial class Gate
{
    private const int BadDescriptor = 9, Standard = 3;

    private readonly bool ownsProcess;
    private readonly HashSet<int> own = [0, 1, 2];

    /// <summary>A descriptor that the program names.</summary>
    public int Use(int fd)
    {
        if (IsOpen || Owns(fd))
            return fd;
        throw Err.OS(BadDescriptor, (PyObject?)null);
    }

    public bool Owns(int fd)
    {
        if (IsOpen)
            return true;
        lock (own)
            return own.Contains(fd);
    }

    /// <summary>A descriptor that has just been opened for the program, or the -1 of a failure.</summary>
    public int Keep(int fd)
    {
        if (!IsOpen && fd >= 0)
        {
            lock (own)
                own.Add(fd);
        }
        return fd;
    }

    public long Keep(long fd) => Keep((int)fd);

    public int Close(int fd)
    {
        if (IsOpen)
            return LibC.Close(fd);
        AskStandard(fd);
        lock (own)
        {
            if (own.Remove(fd))
                return LibC.Close(fd);
        }
        Marshal.SetLastPInvokeError(BadDescriptor);
        return -1;
    }

    /// <summary>Makes <paramref name="to"/> another number of a file. What the number stood for is closed, if it was the machine's.</summary>
    public int Duplicate(int fd, int to, bool inheritable)
    {
        Use(fd);
        if (!IsOpen && fd != to)
        {
            AskStandard(to);
            if (!Owns(to))
            {
                // A number that is free; what others have opened stays.
                const int duplicateFrom = 0, duplicateCloseOnExec = 1030;
                var made = LibC.FileControl(fd, inheritable ? duplicateFrom : duplicateCloseOnExec, to);
                if (made == to || made < 0)
                    return Keep(made);
                _ = LibC.Close(made);
                Marshal.SetLastPInvokeError(BadDescriptor);
                return -1;
            }
        }
        return inheritable || fd == to ? LibC.Dup2(fd, to) : PosixCalls.Dup3(fd, to, CloseOnExec);
    }

    /// <summary>The standard streams belong to the process, and so to the program when the process is its own.</summary>
    private void AskStandard(int fd)
    {
        if (fd < Standard && !ownsProcess && !IsOpen)
            throw Denied("replacing the process's standard streams", "--allow-exit");
    }

    /// <summary>fcntl with a number: a restricted machine may not pass one that the kernel takes for an address, nor have signals sent.</summary>
    public void AskControl(int command, bool isNumber)
    {
        if (IsOpen)
            return;
        ReadOnlySpan<int> numbers = [0, 1, 2, 3, 4, 9, 11, 1025, 1030, 1031, 1032, 1033, 1034], structures = [5, 6, 7, 36, 37, 38];
        if (!(isNumber ? numbers : structures).Contains(command))
            AskEverything("this fcntl");
    }

    /// <summary>ioctl: what is known to do no more than tell and set a terminal's size, flags and modes.</summary>
    public void AskDevice(uint request, bool isNumber)
    {
        const uint getModes = 0x5401, setModes = 0x5404, group = 0x540f, getSize = 0x5413, setSize = 0x5414, available = 0x541b, nonBlocking = 0x5421, closeOnExec = 0x5451, notCloseOnExec = 0x5450;
        if (IsOpen || (isNumber ? request is closeOnExec or notCloseOnExec : request is (>= getModes and <= setModes) or group or getSize or setSize or available or nonBlocking))
            return;
        AskEverything("this ioctl");
    }

    private static void AskEverything(string what) => throw Denied(what, "all of --allow-read / --allow-write / --allow-net * --allow-env * --allow-run --allow-exit");
}
