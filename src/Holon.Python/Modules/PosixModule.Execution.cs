namespace Holon.Python.Modules;

/// <summary>posix: programs that take this process's place, or are started beside it.</summary>
internal static partial class PosixModule
{
    private const int AndWait = 0, NotFound = 127;

    private static byte[][] Arguments(string function, PyObject? given)
    {
        if (given is not (PyTuple or PyList))
            throw Err.Type($"{function}() arg 2 must be a tuple or list");
        byte[][] arguments = [.. Ops.Each(given).Select(Encoded)];
        if (arguments is [] or [[], ..])
            throw Err.Value(arguments is [] ? $"{function}() arg 2 must not be empty" : $"{function}() arg 2 first element cannot be empty");
        return arguments;
    }

    private static byte[][] Variables(string function, PyObject given)
    {
        if (Attributes.TryGet(given, "keys") is null)
            throw Err.Type($"{function}: environment must be a mapping object");
        var result = new List<byte[]>();
        foreach (var item in Ops.Each(Calls.CallMethod(given, "items")))
        {
            var (name, value) = (Encoded(((PyTuple)item)[0]), Encoded(((PyTuple)item)[1]));
            if (name.AsSpan(Math.Min(1, name.Length)).Contains((byte)'=') || name.Length == 0)
                throw Err.Value("illegal environment variable name");
            result.Add([.. name, (byte)'=', .. value]);
        }
        return [.. result];
    }

    /// <summary>Ends this program and every thread of the process: the kernel puts another in its place. Comes back with an error only.</summary>
    private static unsafe PyObject Execute(string function, PyObject path, byte[][] arguments, byte[][]? variables)
    {
        Gate.Current.AskRun("starting processes");
        var pinned = new List<System.Runtime.InteropServices.GCHandle>();
        try
        {
            byte[] program = [.. FileSystemCodec.Encode(PyStr.FromUtf16(Gate.Plain(path, null))), 0];
            // SAFETY: all that the kernel is pointed to is pinned; it copies it before anything ends.
            fixed (nint* argumentsAt = ProcessStart.Table(arguments, pinned), variablesAt = ProcessStart.Table(variables ?? ProcessStart.CurrentEnvironment(), pinned))
                _ = LinuxCalls.Execute(program, argumentsAt, variablesAt);
            throw Err.OS(LibC.LastError, function == "execve" ? path : null);
        }
        finally
        {
            foreach (var handle in pinned)
                handle.Free();
        }
    }

    private static PyInt SpawnAndWait(ModuleBuilder m, string function, PyObject?[] a, bool search)
    {
        Gate.Current.AskRun("starting processes");
        if (a[2] is not (PyTuple or PyList))
            throw Err.Type("argv must be a tuple or a list");
        byte[][] arguments = [.. Ops.Each(a[2]!).Select(Encoded)];
        if (arguments is [] or [[], ..])
            throw Err.Value("argv first element cannot be empty");
        var mode = Args.Int(a[0]!);
        if (mode is not (0 or 1))
            throw Err.Value("mode must be P_WAIT or P_NOWAIT");
        // What cannot be executed is an exit code, as where a child has tried.
        var variables = default(byte[][]);
        try
        {
            variables = a.Length > 3 ? Variables(function, a[3]!) : null;
        }
        catch (PyError) when (mode == AndWait)
        {
            return PyInt.Of(NotFound);
        }
        var pid = new ProcessStart { Arguments = arguments, Environment = variables, SearchPath = search }.Run(Encoded(a[1]!));
        if (pid < 0)
            return mode == AndWait ? PyInt.Of(NotFound) : throw Err.OS(-pid, a[1]);
        if (mode != AndWait)
            return PyInt.Of(pid);
        var status = Wait(m, pid, 0).Status;
        return PyInt.Of((status & 0x7f) == 0 ? status >> 8 & 0xff : -(status & 0x7f));
    }

    private static void FillExecution(ModuleBuilder m)
    {
        m.Def("execv", "path, argv, /", a => Execute("execv", a[0]!, Arguments("execv", a[1]), null));
        m.Def("execve", "path, argv, env", a =>
        {
            var arguments = Arguments("execve", a[1]);
            return Execute("execve", a[0]!, arguments, Variables("execve", a[2]!));
        });
        m.Set("P_WAIT", AndWait);
        m.Set("P_NOWAIT", 1);
        m.Set("P_NOWAITO", 1);
        m.DefKept("spawnv", "mode, file, args, /", a => SpawnAndWait(m, "spawnv", a, false));
        m.DefKept("spawnve", "mode, file, args, env, /", a => SpawnAndWait(m, "spawnve", a, false));
        m.DefKept("spawnvp", "mode, file, args, /", a => SpawnAndWait(m, "spawnvp", a, true));
        m.DefKept("spawnvpe", "mode, file, args, env, /", a => SpawnAndWait(m, "spawnvpe", a, true));
    }
}
