using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>java.lang.Thread and java.lang.ref.</summary>
internal static class ThreadNatives
{
    public static void Register(Func<string, NativeClass> of)
    {
        of("java/lang/Thread")
            .Ref("currentThread()Ljava/lang/Thread;", a => a.Thread.JavaObject)
            .Void("yield()V", _ => Thread.Yield())
            .Void("sleep(J)V", a => Sleep(a.Thread, a.Long(0)))
            .Void("start0()V", Start)
            .Bool("isAlive()Z", a => a.Object(0).Field<long>(a.Machine.Known.ThreadEetop) != 0)
            .Bool("holdsLock(Ljava/lang/Object;)Z", a => Monitor.IsEntered(a.Object(0)))
            .Ref("getThreads()[Ljava/lang/Thread;", a => JavaMachine.NewArray(a.Machine.Known.Thread, [.. a.Machine.AllThreads().Select(t => t.JavaObject)]))
            .Ref("dumpThreads([Ljava/lang/Thread;)[[Ljava/lang/StackTraceElement;", DumpThreads)
            .Void("setPriority0(I)V", _ => { })
            .Void("stop0(Ljava/lang/Object;)V", a => throw a.Thread.Error("java/lang/UnsupportedOperationException", "stop"))
            .Void("suspend0()V", a => throw a.Thread.Error("java/lang/UnsupportedOperationException", "suspend"))
            .Void("resume0()V", _ => { })
            .Void("interrupt0()V", a => a.Machine.ThreadOf(a.Object(0))?.Interrupt())
            .Void("clearInterruptEvent()V", a =>
            {
                a.Thread.Interrupted = false;
                a.Thread.SleepSignal.Reset();
            })
            .Void("setNativeName(Ljava/lang/String;)V", _ => { });

        of("java/lang/ref/Reference")
            .Ref("getAndClearReferencePendingList()Ljava/lang/ref/Reference;", TakePending)
            .Bool("hasReferencePendingList()Z", a => a.Machine.References.HasPending)
            .Void("waitForReferencePendingList()V", a =>
            {
                a.Machine.References.WaitForPending();
                if (a.Machine.Ending) throw new MachineEnd(a.Machine.ExitCode);
            })
            .Bool("refersTo0(Ljava/lang/Object;)Z", RefersTo)
            .Void("clear0()V", a => Referent.Clear(a.Object(0), a.Machine.Known.ReferenceReferent));
        of("java/lang/ref/PhantomReference").Bool("refersTo0(Ljava/lang/Object;)Z", RefersTo);
        of("java/lang/ref/Finalizer").Bool("isFinalizationEnabled()Z", _ => true);
    }

    private static void Start(Args a)
    {
        var thread = a.Object(0);
        if (thread.Field<int>(a.Machine.Known.ThreadStatus) != 0) throw a.Thread.Error("java/lang/IllegalThreadStateException", null);
        a.Machine.StartThread(thread, thread.Field<long>(Known.Offset(a.Machine.Known.Thread, "stackSize")));
    }

    public static void CheckInterrupt(JThread t)
    {
        if (!t.Interrupted) return;
        t.Interrupted = false;
        t.SleepSignal.Reset();
        if (t.JavaObject != null) t.JavaObject.Field<byte>(t.Machine.Known.ThreadInterrupted) = 0;
        throw t.Error("java/lang/InterruptedException", null);
    }

    private static void Sleep(JThread t, long milliseconds)
    {
        if (milliseconds < 0) throw t.Error("java/lang/IllegalArgumentException", "timeout value is negative");
        if (t.Interrupted) throw Interrupt(t, "sleep interrupted");
        t.JavaStatus = JThread.Sleeping;
        t.WaitedCount++;
        var signaled = t.SleepSignal.Wait((int)Math.Min(milliseconds, int.MaxValue));
        t.JavaStatus = JThread.Runnable;
        if (t.Machine.Ending) throw new MachineEnd(t.Machine.ExitCode);
        if (signaled && t.Interrupted) throw Interrupt(t, "sleep interrupted");
    }

    private static JavaThrow Interrupt(JThread t, string message)
    {
        t.Interrupted = false;
        t.SleepSignal.Reset();
        t.JavaObject!.Field<byte>(t.Machine.Known.ThreadInterrupted) = 0;
        return t.Error("java/lang/InterruptedException", message);
    }

    private static object DumpThreads(Args a)
    {
        var threads = (object?[])a.Ref(0)!;
        var element = a.Machine.BootLoader.Load(a.Thread, "java/lang/StackTraceElement");
        var result = new List<object?>();
        foreach (var o in threads.Skip(1))
        {
            var thread = o == null ? null : a.Machine.ThreadOf((JObject)o);
            // Null stands for a thread that is not alive.
            result.Add(thread == null ? null : JavaMachine.NewArray(element, [.. Diagnostics.ThreadStacks.Of(thread).Select(f => StackTraceElements.New(a.Thread, f.Entry))]));
        }
        return JavaMachine.NewArray(element.ArrayClass, result);
    }

    private static JObject? TakePending(Args a)
    {
        JObject? list = null;
        while (a.Machine.References.Take() is { } reference)
        {
            reference.Ref(a.Machine.Known.ReferenceDiscovered) = list;
            list = reference;
        }
        return list;
    }

    private static bool RefersTo(Args a) => ReferenceEquals(Referent.Get(a.Object(0), a.Machine.Known.ReferenceReferent), a.Ref(1));
}
