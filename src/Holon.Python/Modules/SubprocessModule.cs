using System.Text;

namespace Holon.Python.Modules;

/// <summary>_posixsubprocess: what subprocess.Popen calls to start a process.</summary>
internal static class SubprocessModule
{
    private const string Parameters = "args, executable_list, close_fds, pass_fds, cwd, env, p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, errpipe_read, errpipe_write, restore_signals, call_setsid, pgid_to_set, gid, extra_groups, uid, umask, preexec_fn, allow_vfork, /";

    public static void Fill(ModuleBuilder m) => m.DefKept("fork_exec", Parameters, Start);

    /// <summary>A descriptor, or -1 for none.</summary>
    private static int End(PyObject o) => Args.Int(o) is >= 0 and var fd ? Gate.Current.Use(fd) : -1;

    private static byte[] Text(PyObject o) => FileSystemCodec.Encode(PyStr.FromUtf16(FileSystemCodec.Path(o)));

    private static PyObject Start(PyObject?[] a)
    {
        Gate.Current.AskRun("starting processes");
        if (a[21] != Values.None)
            throw Err.Of(ExceptionTypes.NotImplementedError, "subprocess: preexec_fn needs fork, which this machine does not have");
        if (a[17] != Values.None || a[18] != Values.None || a[19] != Values.None || Args.Int(a[20]!) >= 0)
            throw Err.Of(ExceptionTypes.NotImplementedError, "subprocess: user, group, extra_groups and umask need fork, which this machine does not have");
        var keep = Ops.Each(a[3]!).Select(fd => Gate.Current.Use(Args.Int(fd))).ToArray();
        int childIn = End(a[6]!), childOut = End(a[9]!), childError = End(a[11]!), errorPipe = End(a[13]!);
        var start = new ProcessStart
        {
            Arguments = [.. Ops.Each(a[0]!).Select(Text)],
            Environment = a[5] == Values.None ? null : [.. Ops.Each(a[5]!).Select(Buffers.Bytes)],
            Folder = a[4] == Values.None ? ProcessStart.OwnFolder : Text(a[4]!),
            NewSession = Ops.IsTrue(a[15]!),
            Group = Args.Int(a[16]!),
        };
        // A descriptor that stands where another has to go is moved away first.
        var temporary = new List<int>();
        int Safe(int fd, int target)
        {
            if (fd < 0 || fd > 2 || fd == target)
                return fd;
            var moved = LibC.FileControl(fd, 1030, 3);
            if (moved < 0)
                throw Err.OS(LibC.LastError, (PyObject?)null);
            temporary.Add(moved);
            return moved;
        }
        try
        {
            foreach (var (fd, target) in new[] { (Safe(childIn, 0), 0), (Safe(childOut, 1), 1), (Safe(childError, 2), 2) })
            {
                if (fd >= 0)
                    start.Descriptors.Add((fd, target)); // onto itself: makes it inheritable
            }
            foreach (var fd in keep.Where(fd => fd > 2 && fd != errorPipe))
                start.Descriptors.Add((fd, fd));
            if (Ops.IsTrue(a[2]!))
            {
                foreach (var fd in OpenDescriptors().Where(fd => fd > 2 && !keep.Contains(fd)))
                    start.Descriptors.Add((fd, -1));
            }
            if (start.Folder is { } folder && !Directory.Exists(Encoding.UTF8.GetString(folder)))
                return Failed(errorPipe, File.Exists(Encoding.UTF8.GetString(folder)) ? Errno.ENOTDIR : Errno.ENOENT, "noexec");
            var last = -Errno.ENOENT;
            foreach (var program in Ops.Each(a[1]!))
            {
                var path = Buffers.Bytes(program);
                var result = PyThread.Current.Machine.Gil.Without(() => start.Run(path));
                if (result > 0)
                    return PyInt.Of(result);
                if (result is not (-Errno.ENOENT or -Errno.ENOTDIR))
                    last = result;
            }
            return Failed(errorPipe, -last, "");
        }
        finally
        {
            foreach (var fd in temporary)
                _ = LibC.Close(fd);
        }
    }

    private static IEnumerable<int> OpenDescriptors() =>
        Directory.EnumerateFileSystemEntries("/proc/self/fd").Select(f => int.Parse(Path.GetFileName(f), System.Globalization.CultureInfo.InvariantCulture)).ToList();

    /// <summary>Says why nothing was started, as CPython's child does through the pipe. The number is of a process that does not exist.</summary>
    private static PyInt Failed(int pipe, int errno, string where)
    {
        var text = Encoding.ASCII.GetBytes($"OSError:{errno:X}:{where}");
        _ = LibC.Write(pipe, text, text.Length);
        return PyInt.Of(int.MaxValue);
    }
}
