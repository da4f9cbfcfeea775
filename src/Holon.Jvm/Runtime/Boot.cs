using Holon.Jvm.Heap;
using Holon.Machines;

namespace Holon.Jvm.Runtime;

/// <summary>Starting a machine as OpenJDK's class library expects it, running a main class, and ending.</summary>
public sealed unsafe partial class JavaMachine
{
    private int MainStackSlots => StackSlots(Math.Min(Options.StackSize ?? 1 << 20, Options.StackLimit ?? long.MaxValue));

    private static int StackSlots(long bytes) => (int)Math.Clamp(bytes / 8, 16 * 1024, 8 * 1024 * 1024);

    private readonly List<JThread> _threads = [];
    private readonly ManualResetEventSlim _ended = new(false);

    /// <summary>Boots on the calling thread, which becomes Java's main thread.</summary>
    internal JThread Boot()
    {
        var t = new JThread(this, MainStackSlots);
        t.Attach();
        lock (_threads) _threads.Add(t);
        try
        {
            ObjectClass = BootLoader.Load(t, "java/lang/Object");
            t.ObjectKlass = (nint)ObjectClass.Ptr;
            _ = BootLoader.Load(t, "java/lang/Class");
            ArrayInterfaces = [BootLoader.Load(t, "java/lang/Cloneable"), BootLoader.Load(t, "java/io/Serializable")];
            Known = new Known(t, this);
            lock (_mirrorsWithoutModule)
            {
                foreach (var c in _mirrorsWithoutModule) FillMirror(c, c.MirrorObject!);
            }
            // Unsafe copies these when it is initialized, so they come first.
            Initialize(t, "jdk/internal/misc/UnsafeConstants");
            SetUnsafeConstants();
            Initialize(t, "java/lang/String", "java/lang/System", "java/lang/Class", "java/lang/ThreadGroup", "java/lang/Thread");
            CreateMainThread(t);
            Initialize(t, "java/lang/Module", "java/lang/reflect/Method", "java/lang/ref/Finalizer");
            t.Call(Known.System.DeclaredMethod("initPhase1", "()V")!);
            Initialize(t, "java/lang/OutOfMemoryError", "java/lang/NullPointerException", "java/lang/ClassCastException", "java/lang/ArrayStoreException", "java/lang/ArithmeticException",
                "java/lang/StackOverflowError", "java/lang/IllegalMonitorStateException", "java/lang/IllegalArgumentException",
                "java/lang/invoke/MethodHandle", "java/lang/invoke/ResolvedMethodName", "java/lang/invoke/MemberName", "java/lang/invoke/MethodHandleNatives");
            if (t.Call(Known.System.DeclaredMethod("initPhase2", "(ZZ)I")!, Value.Of(false), Value.Of(false)).Int != 0)
            {
                BootLayerFailed = true;
                throw new HolonException("The class library's module system could not be set up; its message is above.");
            }
            t.Call(Known.System.DeclaredMethod("initPhase3", "()V")!);
            Booted = true;
            return t;
        }
        catch (Exception e)
        {
            var told = e is JavaThrow thrown ? new HolonException($"The class library did not start: {e.Message}{Environment.NewLine}{StackTraces.Describe(t, thrown.Throwable)}", e) : null;
            Detach(t);
            if (told != null) throw told;
            throw;
        }
    }

    private void Initialize(JThread t, params ReadOnlySpan<string> names)
    {
        foreach (var name in names) Initialization.Initialize(t, BootLoader.Load(t, name));
    }

    private void SetUnsafeConstants()
    {
        var c = BootLoader.FindLoaded("jdk/internal/misc/UnsafeConstants")!;
        void Set(string name, int value) => *(int*)c.Fields.First(f => f.Name == name).Offset = value;
        Set("ADDRESS_SIZE0", 8);
        Set("PAGE_SIZE", Environment.SystemPageSize);
        Set("BIG_ENDIAN", 0);
        Set("UNALIGNED_ACCESS", 1);
        Set("DATA_CACHE_LINE_FLUSH_SIZE", 0);
    }

    private void CreateMainThread(JThread t)
    {
        var system = Known.ThreadGroup.Allocate();
        t.Call(Known.ThreadGroup.DeclaredMethod("<init>", "()V")!, Value.Of(system));
        var main = Known.ThreadGroup.Allocate();
        t.Call(Known.ThreadGroup.DeclaredMethod("<init>", "(Ljava/lang/ThreadGroup;Ljava/lang/String;)V")!, Value.Of(main), Value.Of(system), Value.Of(NewString("main")));
        var thread = Known.Thread.Allocate();
        t.JavaObject = thread;
        Bind(t, thread);
        thread.Field<int>(Known.ThreadPriority) = 5;
        t.Call(Known.Thread.DeclaredMethod("<init>", "(Ljava/lang/ThreadGroup;Ljava/lang/String;)V")!, Value.Of(thread), Value.Of(main), Value.Of(NewString("main")));
        SystemThreadGroup = system;
        MainThreadGroup = main;
    }

    internal JObject? SystemThreadGroup, MainThreadGroup;

    /// <summary>Whether the class library has started: what comes now is the program's.</summary>
    internal bool Booted;

    /// <summary>Ties a java.lang.Thread and its JThread together and marks it alive.</summary>
    internal void Bind(JThread t, JObject thread)
    {
        thread.Ref(HiddenSlots["java/lang/Thread"]) = t;
        thread.Field<long>(Known.ThreadEetop) = 1;
        thread.Field<int>(Known.ThreadStatus) = JThread.Runnable;
        t.JavaStatus = JThread.Runnable;
    }

    internal JThread? ThreadOf(JObject thread) => thread.Ref(HiddenSlots["java/lang/Thread"]) as JThread;

    internal JThread[] AllThreads()
    {
        lock (_threads) return [.. _threads];
    }

    /// <summary>Does something with a thread while it cannot go away; null when it has.</summary>
    internal T? WhileAlive<T>(JThread t, Func<JThread, T> action)
        where T : class
    {
        lock (_threads) return _threads.Contains(t) ? action(t) : null;
    }

    internal void StartThread(JObject thread, long stackSize)
    {
        if (Options.ThreadLimit is { } most && AllThreads().Length >= most) throw new JavaThrow(JThread.Current.OutOfMemory("unable to create native thread: the machine's limit of threads is reached"));
        var wanted = stackSize > 0 ? stackSize : Options.StackSize ?? 1 << 19;
        var t = new JThread(this, StackSlots(Options.StackLimit is { } bound ? Math.Min(bound, wanted) : wanted)) { JavaObject = thread, ObjectKlass = (nint)ObjectClass.Ptr };
        Bind(t, thread);
        lock (_threads)
        {
            _threads.Add(t);
            ThreadsStarted++;
            PeakThreads = Math.Max(PeakThreads, _threads.Count);
        }
        var host = new Thread(() => RunThread(t), (int)Math.Clamp(wanted * 2, 16 << 20, 1 << 30)) { IsBackground = true, Name = "java" };
        host.Start();
    }

    private void RunThread(JThread t)
    {
        t.Attach();
        try
        {
            var run = Known.Thread.DeclaredMethod("run", "()V")!;
            try
            {
                t.CallVirtual(run, Value.Of(t.JavaObject));
            }
            catch (JavaThrow e)
            {
                DispatchUncaught(t, e.Throwable);
            }
            EndThread(t);
        }
        catch (MachineEnd)
        {
            // The machine is going: so does its thread.
        }
        catch (JavaThrow)
        {
            // Nothing more can be told.
        }
        Detach(t);
    }

    private void DispatchUncaught(JThread t, JObject thrown)
    {
        try
        {
            t.Call(Known.Thread.DeclaredMethod("dispatchUncaughtException", "(Ljava/lang/Throwable;)V")!, Value.Of(t.JavaObject), Value.Of(thrown));
        }
        catch (JavaThrow)
        {
            // HotSpot too goes on when the handler itself fails.
        }
    }

    private void EndThread(JThread t)
    {
        var thread = t.JavaObject!;
        try
        {
            t.Call(Known.Thread.DeclaredMethod("exit", "()V")!, Value.Of(thread));
        }
        finally
        {
            lock (thread)
            {
                thread.Field<int>(Known.ThreadStatus) = JThread.Terminated;
                thread.Field<long>(Known.ThreadEetop) = 0;
                thread.Ref(HiddenSlots["java/lang/Thread"]) = null;
                Monitor.PulseAll(thread);
            }
        }
    }

    /// <summary>Runs a program to the end of all threads that are not daemons; gives the exit code.</summary>
    internal int RunMain(JThread t, JavaCommand command)
    {
        var code = 0;
        try
        {
            try
            {
                Agents.Start(t);
                var helper = BootLoader.Load(t, "sun/launcher/LauncherHelper");
                Initialization.Initialize(t, helper);
                Tell(t, helper, command);
                if (command.Main != null)
                {
                    // The launcher of source files is named as a class of a module.
                    var kind = command.Kind == MainKind.Source ? MainKind.Module : command.Kind;
                    var mirror = t.Call(helper.DeclaredMethod("checkAndLoadMain", "(ZILjava/lang/String;)Ljava/lang/Class;")!, Value.Of(true), Value.Of((int)kind), Value.Of(NewString(command.Main))).Ref!;
                    var c = ClassOfMirror(mirror);
                    Initialization.Initialize(t, c);
                    if (!command.IsDryRun) t.Call(c.FindMethod("main", "([Ljava/lang/String;)V")!, Value.Of(NewStringArray([.. command.Arguments])));
                }
            }
            catch (JavaThrow e)
            {
                DispatchUncaught(t, e.Throwable);
                code = 1;
            }
            EndThread(t);
            lock (_threads)
            {
                _threads.Remove(t);
                while (_threads.Any(o => o.JavaObject?.Field<byte>(Known.ThreadDaemon) == 0) && !Ending) Monitor.Wait(_threads, 100);
            }
            if (Ending) return ExitCode;
            AttachAgain(t);
            var shutdown = BootLoader.Load(t, "java/lang/Shutdown");
            Initialization.Initialize(t, shutdown);
            t.Call(shutdown.DeclaredMethod("shutdown", "()V")!);
            End(code);
        }
        catch (MachineEnd)
        {
            return ExitCode;
        }
        catch (JavaThrow)
        {
            End(1);
        }
        return ExitCode;
    }

    /// <summary>What the class library's launcher prints of itself.</summary>
    private void Tell(JThread t, JClass helper, JavaCommand command)
    {
        if (command.Settings != null)
        {
            var most = Options.MaximumHeap > 0 ? Options.MaximumHeap : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;
            t.Call(helper.DeclaredMethod("showSettings", "(ZLjava/lang/String;JJJ)V")!, Value.Of(true), Value.Of(NewString(command.Settings)), Value.Of(0L), Value.Of(most), Value.Of(Options.StackSize ?? 1L << 20));
        }
        switch (command.Tells)
        {
            case Telling.Version:
                var version = BootLoader.Load(t, "java/lang/VersionProps");
                Initialization.Initialize(t, version);
                t.Call(version.DeclaredMethod("print", "(Z)V")!, Value.Of(command.TellsToError));
                break;
            case Telling.Modules:
                t.Call(helper.DeclaredMethod("listModules", "()V")!);
                break;
            case Telling.Module:
                t.Call(helper.DeclaredMethod("describeModule", "(Ljava/lang/String;)V")!, Value.Of(NewString(command.Subject!)));
                break;
        }
    }

    /// <summary>HotSpot's DestroyJavaVM thread: runs the shutdown hooks after main has ended.</summary>
    private void AttachAgain(JThread t)
    {
        var thread = Known.Thread.Allocate();
        t.JavaObject = thread;
        Bind(t, thread);
        thread.Field<int>(Known.ThreadPriority) = 5;
        t.Call(Known.Thread.DeclaredMethod("<init>", "(Ljava/lang/ThreadGroup;Ljava/lang/String;)V")!, Value.Of(thread), Value.Of(SystemThreadGroup), Value.Of(NewString("DestroyJavaVM")));
    }

    /// <summary>Ends the machine: threads stop at their next safepoint.</summary>
    internal void End(int code)
    {
        lock (_ended)
        {
            if (Ending) return;
            ExitCode = code;
            Ending = true;
        }
        _ended.Set();
        References.Close();
        lock (_threads) Monitor.PulseAll(_threads);
        foreach (var t in AllThreads()) t.Wake();
    }

    /// <summary>Makes a Java thread of the calling .NET thread, for calls from the host.</summary>
    internal JThread AttachHost(string name)
    {
        var t = new JThread(this, MainStackSlots) { ObjectKlass = (nint)ObjectClass.Ptr };
        t.Attach();
        lock (_threads) _threads.Add(t);
        var thread = Known.Thread.Allocate();
        t.JavaObject = thread;
        Bind(t, thread);
        thread.Field<int>(Known.ThreadPriority) = 5;
        try
        {
            t.Call(Known.Thread.DeclaredMethod("<init>", "(Ljava/lang/ThreadGroup;Ljava/lang/String;)V")!, Value.Of(thread), Value.Of(MainThreadGroup), Value.Of(NewString(name)));
        }
        catch
        {
            Detach(t);
            throw;
        }
        return t;
    }

    /// <summary>The calling .NET thread is no Java thread any longer; the last one frees a machine that was disposed of while it hung.</summary>
    internal void Detach(JThread t)
    {
        if (Ending) LeaveMonitorsOthersWaitIn();
        bool isLast;
        lock (_threads)
        {
            _threads.Remove(t);
            isLast = _isLeft && _threads.Count == 0;
            Monitor.PulseAll(_threads);
        }
        JThread.Detach();
        t.Dispose();
        if (isLast) Free();
    }

    /// <summary>
    /// A thread that the machine's end took out of its code still owns the monitors that it was in, and .NET leaves them to it when it is gone.
    /// Whoever waits in one of them has to be woken and own it again before it can notice that it is to end.
    /// </summary>
    private void LeaveMonitorsOthersWaitIn()
    {
        foreach (var t in AllThreads())
        {
            if (t.WaitingOn is not { } o) continue;
            if (!Monitor.IsEntered(o)) continue;
            Monitor.PulseAll(o);
            while (Monitor.IsEntered(o)) Monitor.Exit(o);
        }
    }

    /// <summary>Waits until the machine has ended, and gives its exit code.</summary>
    internal int WaitForEnd()
    {
        _ended.Wait();
        return ExitCode;
    }
}
