using System.Runtime.InteropServices;
using System.Text;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>Starting and watching processes (java.lang.ProcessImpl, ProcessHandleImpl).</summary>
internal static unsafe class ProcessNatives
{
    public static void Register(Func<string, NativeClass> of)
    {
        of("java/lang/ProcessImpl")
            .Void("init()V", _ => { })
            .Int("forkAndExec(I[B[B[BI[BI[B[IZ)I", Spawn);
        of("java/lang/ProcessHandleImpl")
            .Int("waitForProcessExit0(JZ)I", WaitForExit)
            .Void("initNative()V", _ => { })
            .Long("isAlive0(J)J", a => ProcessTable.Read(a.Long(0))?.Start ?? -1)
            .Long("parent0(JJ)J", a => ProcessTable.Read(a.Long(0)) is { } row && (a.Long(2) == 0 || row.Start == 0 || a.Long(2) == row.Start) ? row.Parent : -1)
            .Int("getProcessPids0(J[J[J[J)I", a => ProcessTable.List(a.Long(0), (long[])a.Ref(2)!, (long[]?)a.Ref(3), (long[]?)a.Ref(4)))
            .Bool("destroy0(JJZ)Z", a => a.Machine.Options.Grants.Run && Libc.Kill((int)a.Long(0), a.Bool(4) ? 9 : 15) == 0);
        of("java/lang/ProcessHandleImpl$Info").Void("info0(J)V", Information);
    }

    private static void Information(Args a)
    {
        if (ProcessTable.Read(a.Long(1)) is not { } row) return;
        var info = a.Object(0);
        var c = a.Machine.BootLoader.Load(a.Thread, "java/lang/ProcessHandleImpl$Info");
        info.Field<long>(Known.Offset(c, "startTime")) = row.Start;
        info.Field<long>(Known.Offset(c, "totalTime")) = row.CpuNanoseconds;
        var (command, arguments, user) = ProcessTable.Describe(a.Long(1));
        info.Ref(Known.Offset(c, "user")) = a.Machine.NewStringOrNull(user);
        info.Ref(Known.Offset(c, "command")) = a.Machine.NewStringOrNull(command);
        if (arguments != null) info.Ref(Known.Offset(c, "arguments")) = a.Machine.NewStringArray(arguments);
    }

    private static int WaitForExit(Args a)
    {
        const int NotAChild = -2;
        int status;
        for (var pause = 1; ; pause = Math.Min(pause * 2, 20))
        {
            var pid = Libc.WaitPid((int)a.Long(0), &status, 1);
            if (pid > 0) break;
            if (pid < 0 && Marshal.GetLastPInvokeError() != Libc.Eintr) return NotAChild;
            Thread.Sleep(pause);
            if (a.Machine.Ending) throw new MachineEnd(a.Machine.ExitCode);
        }
        return (status & 0x7F) == 0 ? status >> 8 & 0xFF : 0x80 + (status & 0x7F);
    }

    private static int Spawn(Args a)
    {
        if (!a.Machine.Options.Grants.Run) throw a.Thread.Error("java/io/IOException", "error=13, Permission denied");
        var descriptors = (int[])a.Ref(9)!;
        Span<int> child = stackalloc int[3], parent = stackalloc int[3];
        var pair = stackalloc int[2];
        for (var i = 0; i < 3; i++)
        {
            (child[i], parent[i]) = (a.Machine.OpenFiles.Own(descriptors[i]), -1);
            if (descriptors[i] != -1 || i == 2 && a.Bool(10)) continue;
            if (Libc.Pipe(pair, Libc.CloseOnExec) < 0) throw FileNatives.Failure(a, "pipe failed");
            (child[i], parent[i]) = i == 0 ? (pair[0], pair[1]) : (pair[1], pair[0]);
        }
        var error = Start(a, child, out var pid);
        for (var i = 0; i < 3; i++)
        {
            if (parent[i] >= 0) _ = Libc.Close(child[i]);
            if (error != 0 && parent[i] >= 0) _ = Libc.Close(parent[i]);
            descriptors[i] = error == 0 ? a.Machine.OpenFiles.Opened(parent[i]) : -1;
        }
        return error == 0 ? pid : throw a.Thread.Error("java/io/IOException", $"error={error}, {Libc.ErrorText(error)}");
    }

    private static int Start(Args a, ReadOnlySpan<int> descriptors, out int pid)
    {
        var program = a.Bytes(3);
        var folder = (byte[]?)a.Ref(8);
        var environment = (byte[]?)a.Ref(6);
        // All strings in one block that stays where it is.
        List<byte[]> arguments = [.. StartOf(a.Machine.Options, program), .. Split(a.Bytes(4), a.Int(5))];
        var variables = environment == null ? HostVariables(a) : Split(environment, a.Int(7));
        var strings = arguments.Concat(variables).Select(Terminated).ToArray();
        var handles = Array.ConvertAll(strings, s => GCHandle.Alloc(s, GCHandleType.Pinned));
        var pointers = (byte**)NativeMemory.AllocZeroed((nuint)(strings.Length + 2), (nuint)sizeof(byte*));
        var actions = stackalloc byte[256]; // posix_spawn_file_actions_t takes 80
        _ = Libc.SpawnActions(actions);
        try
        {
            for (var i = 0; i < strings.Length; i++) pointers[i < arguments.Count ? i : i + 1] = (byte*)handles[i].AddrOfPinnedObject();
            fixed (byte* path = folder == null ? [0] : Terminated(folder))
            {
                // First out of the way of 0 to 2, then into place; each dup2 clears close-on-exec.
                for (var i = 0; i < 3; i++)
                {
                    if (i == 2 && a.Bool(10)) _ = Libc.SpawnDup2(actions, 1, 2);
                    else _ = Libc.SpawnDup2(actions, descriptors[i], i);
                }
                if (folder != null) _ = Libc.SpawnChangeFolder(actions, path);
                int started;
                var error = Libc.Spawn(&started, pointers[0], actions, null, pointers, pointers + arguments.Count + 1);
                pid = started;
                return error;
            }
        }
        finally
        {
            _ = Libc.SpawnActionsDone(actions);
            NativeMemory.Free(pointers);
            foreach (var handle in handles) handle.Free();
        }
    }

    /// <summary>The first words of a command: the program itself, or what stands for the Java machine's own <c>bin/java</c>.</summary>
    private static IEnumerable<byte[]> StartOf(JavaMachineOptions options, byte[] program)
    {
        var path = Encoding.UTF8.GetString(program.AsSpan().TrimEnd((byte)0));
        var isJava = options.JavaCommand.Count > 0 && Path.IsPathRooted(path) && Path.GetFullPath(path) == Path.GetFullPath(Path.Combine(options.JavaHome, "bin", "java"));
        return isJava ? options.JavaCommand.Select(Encoding.UTF8.GetBytes) : [program];
    }

    private static byte[] Terminated(byte[] text) => text.Length > 0 && text[^1] == 0 ? text : [.. text, 0];

    private static List<byte[]> Split(byte[] block, int count)
    {
        var parts = new List<byte[]>();
        for (var at = 0; parts.Count < count && at < block.Length;)
        {
            var end = Array.IndexOf(block, (byte)0, at);
            if (end < 0) end = block.Length;
            parts.Add(block[at..end]);
            at = end + 1;
        }
        return parts;
    }

    private static List<byte[]> HostVariables(Args a)
    {
        var list = new List<byte[]>();
        foreach (System.Collections.DictionaryEntry pair in Environment.GetEnvironmentVariables())
        {
            if (a.Machine.Options.Grants.SeesVariable((string)pair.Key)) list.Add(Encoding.UTF8.GetBytes($"{pair.Key}={pair.Value}"));
        }
        return list;
    }
}
