using Holon.Machines;

namespace Holon.Python.Runtime;

/// <summary>What a program wants of a file.</summary>
[Flags]
internal enum Access
{
    /// <summary>To know that it is there, its times and size; the names in a folder.</summary>
    Look = 1,

    Read = 2,

    Write = 4,
}

/// <summary>
/// The way of a program to the host: files, descriptors, sockets, the environment, processes. Every native function that reaches outside
/// the machine asks here, and acts on what it gets from here. A machine that may do everything is not held up.
/// </summary>
internal sealed partial class Gate
{
    private readonly MachineGrants grants;

    public Gate(PythonMachineOptions options)
    {
        grants = options.Grants;
        IsOpen = grants.IsEverything;
        ownsProcess = options.HandlesSignals;
        hosts = new GrantedHosts(grants.Net);
        WorkingFolder = ProcessFolder();
        write = [.. grants.Write.Select(Canonical)];
        var home = Canonical(options.Home);
        // Debian keeps a part of the library's settings in /etc and leads there by links.
        read = [.. write, .. grants.Read.Select(Canonical), home, "/etc/python3.11", "/dev/urandom", "/dev/random", "/dev/zero"];
        code = [.. options.Path.Concat(options.SearchPath).Concat(options.PackageFolders).Where(p => p.Length > 0).Select(Canonical)];
    }

    /// <summary>The process's working folder; the root when it has been removed.</summary>
    private static string ProcessFolder()
    {
        try
        {
            return Directory.GetCurrentDirectory();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "/";
        }
    }

    /// <summary>The gate of the machine that runs on this thread.</summary>
    public static Gate Current => PyThread.Current.Machine.Gate;

    /// <summary>Everything is granted.</summary>
    public bool IsOpen { get; }

    /// <summary>Asks whether processes may be started, signalled and changed.</summary>
    public void AskRun(string what)
    {
        if (!IsOpen && !grants.Run)
            throw Denied(what, "--allow-run");
    }

    /// <summary>Asks whether the program may end the process without unwinding.</summary>
    public void AskExit(string what)
    {
        if (!IsOpen && !grants.Exit)
            throw Denied(what, "--allow-exit");
    }

    public bool SeesVariable(string name) => grants.SeesVariable(name);

    /// <summary>Whether changes of the environment and of the working folder are the process's.</summary>
    public bool SharesProcess => IsOpen;

    /// <summary>A PermissionError that says which grant is missing.</summary>
    public static PyError Denied(string what, string option, PyObject? path = null)
    {
        var args = new List<PyObject> { PyInt.Of(Errno.EACCES), PyStr.FromUtf16($"{what} is not granted to this machine ({option})") };
        if (path is not null)
            args.Add(path);
        return new PyError((PyException)Calls.Call(ExceptionTypes.OSError, [.. args]));
    }
}
