using System.Runtime.InteropServices;
using Holon.Machines;
using Holon.Python.Modules;

namespace Holon.Python.Runtime;

/// <summary>
/// Files by grant. A path is judged by what it leads to, links followed by us; then the folder or the file is opened without following
/// any link, and the call is made on what was opened. So nobody can put a link in between.
/// </summary>
internal sealed partial class Gate
{
    private const int NotFound = 2, TooManyLinks = 40;
    private const int AsPath = 0x200000, MustBeFolder = 0x10000, CloseOnExec = 0x80000, NoFollow = 0x20000;
    private const int Create = 0x40, Exclusive = 0x80, Truncating = 0x200, AccessMode = 3;

    private readonly string[] read, write, code;

    /// <summary>The working folder of a machine that does not share the process's.</summary>
    public string WorkingFolder { get; private set; }

    /// <summary>
    /// Calls with a path that the kernel finds to be what has been asked for. The result is the call's, or -1 with an error number set.
    /// </summary>
    /// <param name="path">A str, bytes, path object or descriptor.</param>
    /// <param name="folder">The argument dir_fd.</param>
    /// <param name="access">What for.</param>
    /// <param name="follow">Whether a link as the last part stands for what it leads to. When not, the call gets a name and must not follow it.</param>
    /// <param name="call">The call; it may be made from here only.</param>
    public long On(PyObject? path, PyObject? folder, Access access, bool follow, Func<string, long> call)
    {
        if (IsOpen)
            return call(Plain(path, folder));
        if (path is PyInt and not PyBool)
        {
            var fd = Use(Args.Int(path));
            if (PathOf(fd) is { } opened)
                Judge(opened, access, path);
            return call($"/proc/self/fd/{fd}");
        }
        if (Walk(FileSystemCodec.Path(path!), folder, follow) is not { } real)
            return -1;
        Judge(real, access, path);
        var at = follow ? OpenPlain(real, AsPath | CloseOnExec, 0) : OpenPlain(Path.GetDirectoryName(real) ?? "/", AsPath | MustBeFolder | CloseOnExec, 0);
        if (at < 0)
            return -1;
        var result = call(follow ? $"/proc/self/fd/{at}" : $"/proc/self/fd/{at}/{(real == "/" ? "." : Path.GetFileName(real))}");
        var error = Marshal.GetLastPInvokeError();
        _ = LibC.Close(at);
        Marshal.SetLastPInvokeError(error);
        return result;
    }

    /// <summary>The same with a path as text.</summary>
    public long On(string path, Access access, bool follow, Func<string, long> call) =>
        IsOpen ? call(path) : On(PyStr.FromUtf16(path), null, access, follow, call);

    /// <summary>Opens a file; the descriptor is the machine's own from then on.</summary>
    public int Open(PyObject path, PyObject? folder, int flags, int mode)
    {
        if (IsOpen)
            return (int)Descriptors.Get(() => LibC.Open(Plain(path, folder), flags, mode));
        var exclusive = (flags & (Create | Exclusive)) == (Create | Exclusive);
        if (Walk(FileSystemCodec.Path(path), folder, !exclusive && (flags & NoFollow) == 0) is not { } real)
            return -1;
        var access = (flags & AccessMode) switch { 0 => Access.Read, 1 => Access.Write, _ => Access.Read | Access.Write };
        if ((flags & AsPath) != 0)
            access = Access.Look;
        else if ((flags & (Create | Truncating)) != 0 || (flags & 0x400000) != 0)
            access |= Access.Write;
        Judge(real, access, path);
        return Keep((int)Descriptors.Get(() => OpenPlain(real, flags, mode)));
    }

    /// <summary>Asks for a file that a library will open by its name. The name is free of links when asked.</summary>
    public string Ask(PyObject path, Access access)
    {
        if (IsOpen)
            return Plain(path, null);
        var real = Walk(FileSystemCodec.Path(path), null, true) ?? throw Err.OS(LibC.LastError, path);
        Judge(real, access, path);
        return real;
    }

    /// <summary>The same for one of our own accesses on the program's behalf: no error, only no.</summary>
    public bool Allows(string path, Access access) => IsOpen || (Walk(path, null, true) is { } real && IsGranted(real, access));

    /// <summary>What a path argument is without grants: a descriptor, and a path below the folder that one stands for, are names that the kernel gives them.</summary>
    public static string Plain(PyObject? path, PyObject? folder)
    {
        if (path is PyInt and not PyBool)
            return "/proc/self/fd/" + Args.Int(path);
        var text = FileSystemCodec.Path(path!);
        if (Args.IsNone(folder) || text.StartsWith('/'))
            return text;
        return $"/proc/self/fd/{Folder(folder!)}/{text}";
    }

    public long ChangeFolder(PyObject path)
    {
        if (IsOpen)
            return LibC.ChDir(Plain(path, null));
        var real = path is PyInt and not PyBool ? PathOf(Use(Args.Int(path))) : Walk(FileSystemCodec.Path(path), null, true);
        if (real is null)
            return -1;
        Judge(real, Access.Look, path);
        var at = OpenPlain(real, AsPath | MustBeFolder | CloseOnExec, 0);
        if (at < 0)
            return -1;
        WorkingFolder = real;
        return LibC.Close(at);
    }

    private static int Folder(PyObject folder) =>
        folder.Type.Index is null ? throw Err.Type($"argument should be integer or None, not {folder.Type.FullName}") : Args.Int(folder);

    private void Judge(string real, Access access, PyObject? path)
    {
        if (IsGranted(real, access))
            return;
        var writing = (access & Access.Write) != 0;
        throw Denied(writing ? "writing" : "reading", writing ? "--allow-write" : "--allow-read", path);
    }

    private bool IsGranted(string real, Access access)
    {
        if (real == "/dev/null")
            return true;
        // A folder of a process shows its memory and its environment.
        if (real.StartsWith("/proc/", StringComparison.Ordinal) && char.IsAsciiDigit(real[6]))
            return false;
        // What the kernel shows of itself and of devices is no part of "/": it has to be named.
        var special = MachineGrants.IsUnder(["/proc", "/sys", "/dev"], real);
        bool Has(string[] granted) => MachineGrants.IsUnder(special ? granted.Where(g => g != "/") : granted, real);
        if ((access & Access.Write) != 0 && !Has(write))
            return false;
        if ((access & (Access.Read | Access.Look)) == 0 || Has(read))
            return true;
        // Of the folders with the program's modules: their names, and modules.
        return Has(code) && ((access & Access.Read) == 0 || real.EndsWith(".py", StringComparison.Ordinal) || real.EndsWith(".pyc", StringComparison.Ordinal) || code.Contains(real));
    }

    /// <summary>The file behind one of the machine's descriptors, or null when it has no name.</summary>
    private static string? PathOf(int fd)
    {
        var path = ReadLink($"/proc/self/fd/{fd}");
        return path is ['/', ..] ? path : null;
    }

    private static string? ReadLink(string path)
    {
        var buffer = new byte[4096];
        var length = LibC.ReadLink(path, buffer, buffer.Length);
        return length > 0 ? System.Text.Encoding.UTF8.GetString(buffer, 0, (int)length) : null;
    }

    private static string Canonical(string path) => Walk(Path.GetFullPath(path), true) ?? path;

    /// <summary>The path from the root without links and dots. Null with an error number when there is none.</summary>
    private string? Walk(string path, PyObject? folder, bool follow)
    {
        if (path.Length == 0)
        {
            Marshal.SetLastPInvokeError(NotFound);
            return null;
        }
        foreach (var prefix in new[] { "/proc/self/fd/", "/dev/fd/" })
        {
            // One of the machine's own descriptors by its name.
            if (!path.StartsWith(prefix, StringComparison.Ordinal))
                continue;
            var end = path.IndexOf('/', prefix.Length) is > 0 and var slash ? slash : path.Length;
            if (int.TryParse(path.AsSpan(prefix.Length, end - prefix.Length), System.Globalization.CultureInfo.InvariantCulture, out var fd) && PathOf(Use(fd)) is { } opened)
                return Walk(opened + path[end..], follow || end == path.Length);
        }
        if (path[0] != '/')
        {
            var start = WorkingFolder;
            if (!Args.IsNone(folder) && PathOf(Use(Folder(folder!))) is { } below)
                start = below;
            path = start + "/" + path;
        }
        return Walk(path, follow);
    }

    private static string? Walk(string path, bool follow)
    {
        var left = new Stack<string>(path.Split('/').Reverse());
        var done = new List<string>();
        var links = 0;
        follow |= path.EndsWith('/');
        while (left.TryPop(out var part))
        {
            if (part is "" or ".")
                continue;
            if (part == "..")
            {
                if (done.Count > 0)
                    done.RemoveAt(done.Count - 1);
                continue;
            }
            done.Add(part);
            if (!follow && left.All(p => p.Length == 0))
                break;
            if (ReadLink("/" + string.Join('/', done)) is not { } target)
                continue;
            if (++links > TooManyLinks)
            {
                Marshal.SetLastPInvokeError(TooManyLinks);
                return null;
            }
            if (target[0] == '/')
                done.Clear();
            else
                done.RemoveAt(done.Count - 1);
            foreach (var each in target.Split('/').Reverse())
                left.Push(each);
        }
        return "/" + string.Join('/', done);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct OpenHow
    {
        public ulong Flags, Mode, Resolve;
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(Modules.PathMarshaller))]
    private static partial nint OpenAt2(nint number, nint folder, string path, ref OpenHow how, nint size);

    /// <summary>Opens what has this very name: a link anywhere in it is an error (openat2, Linux 5.6).</summary>
    private static int OpenPlain(string real, int flags, int mode)
    {
        const int openAt2 = 437, noMagicLinks = 2, noLinks = 4;
        var how = new OpenHow { Flags = (uint)flags, Mode = (flags & Create) != 0 || (flags & 0x410000) == 0x410000 ? (uint)mode & 0xfff : 0, Resolve = noMagicLinks | noLinks };
        return (int)OpenAt2(openAt2, -100, real, ref how, Marshal.SizeOf<OpenHow>());
    }
}
