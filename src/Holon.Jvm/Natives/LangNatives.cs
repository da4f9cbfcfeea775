using System.Diagnostics;
using System.Runtime.CompilerServices;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>java.lang: Object, System, Runtime, String, Throwable, StackTraceElement, Shutdown and small ones.</summary>
internal static unsafe class LangNatives
{
    public static void Register(Func<string, NativeClass> of)
    {
        of("java/lang/Object")
            .Ref("getClass()Ljava/lang/Class;", a => a.Machine.ClassOf(a.Ref(0)!).Mirror)
            .Int("hashCode()I", a => RuntimeHelpers.GetHashCode(a.Ref(0)))
            .Ref("clone()Ljava/lang/Object;", Clone)
            .Void("notify()V", a => Notify(a, false))
            .Void("notifyAll()V", a => Notify(a, true))
            .Void("wait(J)V", a => Wait(a.Thread, a.Ref(0)!, a.Long(1)));

        of("java/lang/System")
            .Long("currentTimeMillis()J", _ => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds())
            .Long("nanoTime()J", _ => (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency)))
            .Int("identityHashCode(Ljava/lang/Object;)I", a => a.Ref(0) == null ? 0 : RuntimeHelpers.GetHashCode(a.Ref(0)))
            .Void("arraycopy(Ljava/lang/Object;ILjava/lang/Object;II)V", ArrayCopy.Run)
            .Void("setIn0(Ljava/io/InputStream;)V", a => SetStatic(a, "in"))
            .Void("setOut0(Ljava/io/PrintStream;)V", a => SetStatic(a, "out"))
            .Void("setErr0(Ljava/io/PrintStream;)V", a => SetStatic(a, "err"))
            .Ref("mapLibraryName(Ljava/lang/String;)Ljava/lang/String;", a => a.Machine.NewString($"lib{a.String(0)}.so"));

        of("java/lang/Runtime")
            .Int("availableProcessors()I", a => a.Machine.Options.Processors ?? Environment.ProcessorCount)
            .Long("freeMemory()J", a => Math.Max(0, TotalMemory() - GC.GetTotalMemory(false)))
            .Long("totalMemory()J", _ => TotalMemory())
            .Long("maxMemory()J", a => a.Machine.LargestHeap)
            .Void("gc()V", a => Collect(a.Thread));

        of("java/lang/Shutdown")
            .Void("beforeHalt()V", _ => { })
            .Void("halt0(I)V", a =>
            {
                a.Machine.Exit(a.Thread, a.Int(0));
            });

        of("java/lang/String")
            .Ref("intern()Ljava/lang/String;", a => a.Machine.Intern(a.Object(0)));

        of("java/lang/StringUTF16").Bool("isBigEndian()Z", _ => false);

        of("java/lang/Throwable")
            .Ref("fillInStackTrace(I)Ljava/lang/Throwable;", a =>
            {
                StackTraces.Fill(a.Thread, a.Object(0));
                return a.Ref(0);
            });

        of("java/lang/StackTraceElement")
            .Void("initStackTraceElements([Ljava/lang/StackTraceElement;Ljava/lang/Throwable;)V", a => StackTraceElements.FillArray(a.Thread, (object?[])a.Ref(0)!, a.Object(1)))
            .Void("initStackTraceElements([Ljava/lang/StackTraceElement;Ljava/lang/Object;I)V", a => StackTraceElements.FillArray(a.Thread, (object?[])a.Ref(0)!, StackTraces.Pairs(a.Ref(1))!))
            .Void("initStackTraceElement(Ljava/lang/StackTraceElement;Ljava/lang/StackFrameInfo;)V", a => StackTraceElements.FillFromInfo(a.Thread, a.Object(0), a.Object(1)));

        of("java/lang/NullPointerException")
            .Ref("getExtendedNPEMessage()Ljava/lang/String;", a => a.Machine.Options.DetailedNullMessages && StackTraces.Of(a.Thread, a.Object(0)) is [var top, ..] ? a.Machine.NewStringOrNull(Interpreter.NullMessages.Describe(top.Method, top.Bci)) : null);

        of("java/lang/ProcessEnvironment")
            .Ref("environ()[[B", a => HostEnvironment(a));

        of("java/lang/Float")
            .Int("floatToRawIntBits(F)I", a => BitConverter.SingleToInt32Bits(a.Float(0)))
            .Float("intBitsToFloat(I)F", a => BitConverter.Int32BitsToSingle(a.Int(0)));
        of("java/lang/Double")
            .Long("doubleToRawLongBits(D)J", a => BitConverter.DoubleToInt64Bits(a.Double(0)))
            .Double("longBitsToDouble(J)D", a => BitConverter.Int64BitsToDouble(a.Long(0)));
    }

    private static long TotalMemory() => Math.Max(GC.GetGCMemoryInfo().TotalCommittedBytes, 64 << 20);

    /// <summary>Collects, and does what follows from what was found unreachable.</summary>
    public static void Collect(JThread t)
    {
        t.CalledHandle = null;
        t.ClearAbove(int.MaxValue);
        t.ClearDead();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        t.Machine.References.Scan();
    }

    private static void SetStatic(Args a, string field) => *(object?*)a.Machine.Known.System.Fields.First(f => f.Name == field).Offset = a.Ref(0);

    private static unsafe object Clone(Args a)
    {
        var o = a.Ref(0)!;
        if (ObjectExtensions.IsArray(o)) return ((Array)o).Clone();
        var c = ((JObject)o).Class();
        if (!c.IsSubclassOf(a.Machine.ArrayInterfaces[0])) throw a.Thread.Error("java/lang/CloneNotSupportedException", c.JavaName);
        var clone = CloneObject(o);
        if (c.Ptr->HasFinalizer != 0) a.Machine.References.RegisterFinalizer(a.Thread, clone);
        return clone;
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "MemberwiseClone")]
    private static extern object CloneObject(object o);

    private static void Notify(Args a, bool all)
    {
        var o = a.Ref(0)!;
        if (!Monitor.IsEntered(o)) throw a.Thread.Error("java/lang/IllegalMonitorStateException", "current thread is not owner");
        if (all) Monitor.PulseAll(o);
        else Monitor.Pulse(o);
    }

    public static void Wait(JThread t, object o, long milliseconds)
    {
        if (milliseconds < 0) throw t.Error("java/lang/IllegalArgumentException", "timeout value is negative");
        if (!Monitor.IsEntered(o)) throw t.Error("java/lang/IllegalMonitorStateException", "current thread is not owner");
        t.WaitingOn = o;
        t.WaitedCount++;
        t.JavaStatus = milliseconds == 0 ? JThread.Waiting : JThread.TimedWaiting;
        // Whoever waits without an end may be part of a deadlock.
        if (milliseconds == 0) t.HeldWhenBlocked = Diagnostics.ThreadStacks.HeldBy(t);
        try
        {
            if (!t.Interrupted && !t.Machine.Ending)
            {
                t.DropFinalized();
                if (milliseconds == 0) Monitor.Wait(o);
                else Monitor.Wait(o, (int)Math.Min(milliseconds, int.MaxValue));
            }
        }
        finally
        {
            t.WaitingOn = null;
            t.HeldWhenBlocked = null;
            t.JavaStatus = JThread.Runnable;
        }
        if (t.Machine.Ending) throw new MachineEnd(t.Machine.ExitCode);
        ThreadNatives.CheckInterrupt(t);
    }

    private static object?[] HostEnvironment(Args a)
    {
        var list = new List<object?>();
        foreach (System.Collections.DictionaryEntry pair in Environment.GetEnvironmentVariables())
        {
            if (!a.Machine.Options.Grants.SeesVariable((string)pair.Key)) continue;
            list.Add(System.Text.Encoding.UTF8.GetBytes((string)pair.Key));
            list.Add(System.Text.Encoding.UTF8.GetBytes((string?)pair.Value ?? ""));
        }
        return JavaMachine.NewArray(a.Machine.PrimitiveArray('B'), list);
    }
}
