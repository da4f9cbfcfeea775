using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Diagnostics;

/// <summary>What SIGQUIT prints: all threads with their states and stacks, deadlocks, the heap, in HotSpot's form.</summary>
internal static unsafe class ThreadDump
{
    private sealed record Row(JThread Thread, string Name, IReadOnlyList<LockedFrame> Frames);

    public static string Make(JavaMachine machine)
    {
        var text = new StringBuilder();
        var now = DateTime.Now;
        text.Append(CultureInfo.InvariantCulture, $"{now:yyyy-MM-dd HH:mm:ss}\nFull thread dump {VersionText.Name} ({VersionText.Number} {VersionText.Mode(machine.Options)}):\n\n");
        var rows = machine.AllThreads().Where(t => t.JavaObject != null).Select(t => new Row(t, t.Name, ThreadStacks.Of(t))).ToList();
        foreach (var row in rows)
        {
            Head(text, row);
            Stack(text, row);
            text.Append('\n');
        }
        Deadlocked(text, machine, rows);
        var memory = GC.GetGCMemoryInfo(GCKind.Any);
        text.Append(CultureInfo.InvariantCulture, $"Heap\n .NET heap   total {memory.TotalCommittedBytes >> 10}K, used {GC.GetTotalMemory(false) >> 10}K, collections {GC.CollectionCount(0)} ({GC.CollectionCount(1)} and {GC.CollectionCount(2)} of older generations)\n\n");
        return text.ToString();
    }

    private static void Head(StringBuilder text, Row row)
    {
        var (t, thread, known) = (row.Thread, row.Thread.JavaObject!, row.Thread.Machine.Known);
        var does = (thread.Field<int>(known.ThreadStatus) & ~1) switch
        {
            JThread.Blocked & ~1 => "waiting for monitor entry",
            JThread.Waiting & ~1 or JThread.TimedWaiting & ~1 => "in Object.wait()",
            JThread.Runnable & ~1 => "runnable",
            _ => "waiting on condition",
        };
        var daemon = thread.Field<byte>(known.ThreadDaemon) != 0 ? " daemon" : "";
        text.Append(CultureInfo.InvariantCulture, $"\"{row.Name}\" #{thread.Field<long>(Known.Offset(known.Thread, "tid"))}{daemon} prio={thread.Field<int>(known.ThreadPriority)} os_prio=0 cpu={ProcessorTime(t.HostId):f2}ms elapsed={t.Age.TotalSeconds:f2}s tid=0x{(long)t.BottomFrame:x16} nid=0x{t.HostId:x} {does}  [0x{t.StackEnd & ~0xFFF:x16}]\n");
        text.Append("   java.lang.Thread.State: ").Append(StateOf(thread.Field<int>(known.ThreadStatus))).Append('\n');
    }

    private static string StateOf(int status) => status switch
    {
        JThread.Blocked => "BLOCKED (on object monitor)",
        JThread.Waiting => "WAITING (on object monitor)",
        JThread.TimedWaiting => "TIMED_WAITING (on object monitor)",
        JThread.Parked => "WAITING (parking)",
        JThread.TimedParked => "TIMED_WAITING (parking)",
        JThread.Sleeping => "TIMED_WAITING (sleeping)",
        JThread.Terminated => "TERMINATED",
        0 => "NEW",
        _ => "RUNNABLE",
    };

    /// <summary>Milliseconds that a thread of this process has run (proc(5), schedstat).</summary>
    private static double ProcessorTime(int id)
    {
        try
        {
            return double.Parse(File.ReadAllText($"/proc/self/task/{id}/schedstat").Split(' ')[0], CultureInfo.InvariantCulture) / 1e6;
        }
        catch (Exception e) when (e is IOException or FormatException)
        {
            return 0; // it has just ended, or the kernel does not count
        }
    }

    private static void Stack(StringBuilder text, Row row)
    {
        var t = row.Thread;
        var first = true;
        foreach (var (entry, locked) in row.Frames)
        {
            text.Append("\tat ").Append(Describe(t.Machine, entry)).Append('\n');
            if (first)
            {
                if (t.BlockedOn is { } blocked) text.Append("\t- waiting to lock ").Append(Describe(t.Machine, blocked)).Append('\n');
                else if (t.WaitingOn is { } waiting) text.Append("\t- waiting on ").Append(Describe(t.Machine, waiting)).Append('\n');
                else if (entry.Method.Name == "park" && t.JavaObject!.Ref(Known.Offset(t.Machine.Known.Thread, "parkBlocker")) is { } parked) text.Append("\t- parking to wait for  ").Append(Describe(t.Machine, parked)).Append('\n');
            }
            first = false;
            foreach (var o in locked)
            {
                if (o != t.BlockedOn) text.Append("\t- locked ").Append(Describe(t.Machine, o)).Append('\n');
            }
        }
    }

    private static string Describe(JavaMachine machine, StackTraces.Entry entry)
    {
        var (method, c) = (entry.Method, entry.Method.Class);
        var module = machine.ModuleOf(c) is { } m && machine.StringOf(m.Ref(machine.Known.ModuleName)) is { } name ? $"{name}@{machine.Version}/" : "";
        var place = method.IsNative ? "Native Method" : c.File?.SourceFile is not { } file ? "Unknown Source" : entry.Line >= 0 ? $"{file}:{entry.Line}" : file;
        return $"{c.JavaName}.{method.Name}({module}{place})";
    }

    private static string Describe(JavaMachine machine, object o) =>
        machine.ClassOf(o) == machine.Known.Class && machine.ClassOfMirror(o) is var named ? $"<0x{RuntimeHelpers.GetHashCode(o):x16}> (a java.lang.Class for {named.JavaName})" : $"<0x{RuntimeHelpers.GetHashCode(o):x16}> (a {machine.ClassOf(o).JavaName})";

    private static void Deadlocked(StringBuilder text, JavaMachine machine, List<Row> rows)
    {
        if (!rows.Exists(r => r.Thread.BlockedOn != null || r.Thread.JavaStatus == JThread.Parked)) return;
        var deadlocks = new Deadlocks(machine, true);
        var found = 0;
        foreach (var circle in deadlocks.Circles())
        {
            found++;
            text.Append("\nFound one Java-level deadlock:\n=============================\n");
            foreach (var t in circle)
            {
                var wants = t.BlockedOn is { } monitor ? $"lock monitor 0x{RuntimeHelpers.GetHashCode(monitor):x16} (object {Named(machine, monitor)})"
                    : Deadlocks.ParkBlocker(t) is { } parks ? $"own synchronizer {Named(machine, parks)}" : "go on";
                text.Append(CultureInfo.InvariantCulture, $"\"{t.Name}\":\n  waiting to {wants},\n  which is held by \"{deadlocks.OwnerOfWhatBlocks(t)?.Name}\"\n\n");
            }
            text.Append("Java stack information for the threads listed above:\n===================================================\n");
            foreach (var row in rows.Where(r => circle.Contains(r.Thread)))
            {
                text.Append('"').Append(row.Name).Append("\":\n");
                Stack(text, row);
            }
            text.Append('\n');
        }
        if (found > 0) text.Append("Found ").Append(found).Append(found == 1 ? " deadlock.\n\n" : " deadlocks.\n\n");
    }

    private static string Named(JavaMachine machine, object o) => $"0x{RuntimeHelpers.GetHashCode(o):x16}, a {machine.ClassOf(o).JavaName}";
}
