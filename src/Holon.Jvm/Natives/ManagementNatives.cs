using System.Globalization;
using Holon.Jvm.Diagnostics;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>
/// What java.lang.management shows of a machine: memory, threads, classes, uptime. Heap figures are those of .NET's collector, which
/// knows the process only.
/// </summary>
internal static class ManagementNatives
{
    private const string HeapPool = "Heap", CodePool = "Code", Collector = "Collector", CodeManager = "CodeCacheManager";

    public static void Register(Func<string, NativeClass> of)
    {
        RegisterMachine(of("sun/management/VMManagementImpl"));
        RegisterThreads(of("sun/management/ThreadImpl"));
        of("sun/management/ClassLoadingImpl").Void("setVerboseClass(Z)V", _ => { });
        of("sun/management/GarbageCollectorImpl")
            .Long("getCollectionCount()J", _ => GC.CollectionCount(0))
            .Long("getCollectionTime()J", _ => (long)GC.GetTotalPauseDuration().TotalMilliseconds);
        of("sun/management/MemoryImpl")
            .Ref("getMemoryUsage0(Z)Ljava/lang/management/MemoryUsage;", a => Usage(a, a.Bool(1)))
            .Ref("getMemoryPools0()[Ljava/lang/management/MemoryPoolMXBean;", a => Pools(a, HeapPool, CodePool))
            .Ref("getMemoryManagers0()[Ljava/lang/management/MemoryManagerMXBean;", a => Managers(a, Collector, CodeManager))
            .Void("setVerboseGC(Z)V", _ => { });
        of("sun/management/MemoryManagerImpl")
            .Ref("getMemoryPools0()[Ljava/lang/management/MemoryPoolMXBean;", a => Pools(a, NameOf(a, "sun/management/MemoryManagerImpl") == Collector ? HeapPool : CodePool));
        of("sun/management/MemoryPoolImpl")
            .Ref("getMemoryManagers0()[Ljava/lang/management/MemoryManagerMXBean;", a => Managers(a, IsHeap(a) ? Collector : CodeManager))
            .Ref("getUsage0()Ljava/lang/management/MemoryUsage;", a => Usage(a, IsHeap(a)))
            .Ref("getPeakUsage0()Ljava/lang/management/MemoryUsage;", a => Usage(a, IsHeap(a)))
            .Ref("getCollectionUsage0()Ljava/lang/management/MemoryUsage;", a => IsHeap(a) ? Usage(a, true) : null)
            .Void("setUsageThreshold0(JJ)V", _ => { })
            .Void("setCollectionThreshold0(JJ)V", _ => { })
            .Void("setPoolUsageSensor(Lsun/management/Sensor;)V", _ => { })
            .Void("setPoolCollectionSensor(Lsun/management/Sensor;)V", _ => { })
            .Void("resetPeakUsage0()V", _ => { });
        RegisterSystem(of("com/sun/management/internal/OperatingSystemImpl"));
        of("com/sun/management/internal/Flag")
            .Void("initialize()V", _ => { })
            .Int("getInternalFlagCount()I", _ => 0)
            .Ref("getAllFlagNames()[Ljava/lang/String;", a => a.Machine.NewStringArray([]))
            .Int("getFlags([Ljava/lang/String;[Lcom/sun/management/internal/Flag;I)I", _ => 0);
        of("com/sun/management/internal/DiagnosticCommandImpl")
            .Ref("getDiagnosticCommands()[Ljava/lang/String;", a => a.Machine.NewStringArray([]))
            .Ref("getDiagnosticCommandInfo([Ljava/lang/String;)[Lcom/sun/management/internal/DiagnosticCommandInfo;", a => JavaMachine.NewArray(a.Machine.BootLoader.Load(a.Thread, "com/sun/management/internal/DiagnosticCommandInfo"), []))
            .Void("setNotificationEnabled(Z)V", _ => { });
        of("com/sun/management/internal/GarbageCollectorExtImpl").Void("setNotificationEnabled(Lcom/sun/management/GarbageCollectorMXBean;Z)V", _ => { });
    }

    // The machine -----------------------------------------------------------------------------------------------------

    private static void RegisterMachine(NativeClass c)
    {
        c.Ref("getVersion0()Ljava/lang/String;", a => a.Machine.NewString("3.0"))
            .Void("initOptionalSupportFields()V", a =>
            {
                var owner = a.Machine.BootLoader.Load(a.Thread, "sun/management/VMManagementImpl");
                foreach (var name in (ReadOnlySpan<string>)["compTimeMonitoringSupport", "currentThreadCpuTimeSupport", "otherThreadCpuTimeSupport", "threadAllocatedMemorySupport", "objectMonitorUsageSupport", "synchronizerUsageSupport"])
                    SetStatic(owner, name);
            })
            .Int("getProcessId()I", _ => Environment.ProcessId)
            .Int("getAvailableProcessors()I", _ => Environment.ProcessorCount)
            .Long("getStartupTime()J", a => a.Machine.StartedAt.ToUnixTimeMilliseconds())
            .Long("getUptime0()J", a => (long)(DateTimeOffset.UtcNow - a.Machine.StartedAt).TotalMilliseconds)
            .Ref("getVmArguments0()[Ljava/lang/String;", a => a.Machine.NewStringArray([.. a.Machine.Options.Arguments]))
            .Long("getTotalThreadCount()J", a => a.Machine.ThreadsStarted)
            .Int("getLiveThreadCount()I", a => a.Machine.AllThreads().Length)
            .Int("getPeakThreadCount()I", a => a.Machine.PeakThreads)
            .Int("getDaemonThreadCount()I", a => a.Machine.AllThreads().Count(t => t.JavaObject?.Field<byte>(a.Machine.Known.ThreadDaemon) == 1))
            .Long("getTotalClassCount()J", a => a.Machine.ClassesDefined)
            .Long("getUnloadedClassCount()J", a => a.Machine.Unloading.Unloaded)
            .Long("getTotalCompileTime()J", _ => (long)System.Runtime.JitInfo.GetCompilationTime().TotalMilliseconds)
            .Bool("getVerboseClass()Z", a => a.Machine.Options.VerboseClass || a.Machine.MachineLog?.Wants(MachineLog.ClassLoad, LogLevel.Info) == true)
            .Bool("isThreadCpuTimeEnabled()Z", _ => true)
            .Bool("isThreadAllocatedMemoryEnabled()Z", _ => true);
        foreach (var name in (ReadOnlySpan<string>)["getVerboseGC", "isThreadContentionMonitoringEnabled"]) c.Bool(name + "()Z", _ => false);
        foreach (var name in (ReadOnlySpan<string>)
        [
            "getLoadedClassSize", "getUnloadedClassSize", "getClassLoadingTime", "getMethodDataSize", "getInitializedClassCount", "getClassInitializationTime",
            "getClassVerificationTime", "getSafepointCount", "getTotalSafepointTime", "getSafepointSyncTime", "getTotalApplicationNonStoppedTime",
        ])
        {
            c.Long(name + "()J", _ => 0);
        }
    }

    private static unsafe void SetStatic(JClass owner, string name) => *(byte*)owner.Fields.First(f => f.Name == name).Offset = 1;

    // Memory ----------------------------------------------------------------------------------------------------------

    private static string? NameOf(Args a, string declaring) => a.Machine.StringOf(a.Object(0).Ref(Known.Offset(a.Machine.BootLoader.Load(a.Thread, declaring), "name")));

    private static bool IsHeap(Args a) => NameOf(a, "sun/management/MemoryPoolImpl") == HeapPool;

    private static JObject New(Args a, string className, string constructor, params ReadOnlySpan<Value> arguments) => ReflectNatives.Construct(a, className, constructor, arguments);

    private static JObject Usage(Args a, bool heap)
    {
        var info = GC.GetGCMemoryInfo();
        var used = heap ? GC.GetTotalMemory(false) : System.Runtime.JitInfo.GetCompiledILBytes();
        var committed = heap ? Math.Max(info.TotalCommittedBytes, used) : used;
        var most = heap ? Math.Max(committed, a.Machine.HeapBound > 0 ? a.Machine.HeapBound : info.TotalAvailableMemoryBytes / 4) : -1;
        return New(a, "java/lang/management/MemoryUsage", "(JJJJ)V", Value.Of(0L), Value.Of(used), Value.Of(committed), Value.Of(most));
    }

    /// <summary>The beans of a machine are made once, so that a name always means the same object.</summary>
    private static JObject Bean(Args a, string name, Func<JObject> create)
    {
        var beans = a.Machine.ManagementBeans;
        lock (beans)
        {
            if (beans.TryGetValue(name, out var known)) return known;
        }
        var made = create();
        lock (beans) return beans.TryAdd(name, made) ? made : beans[name];
    }

    private static object?[] Pools(Args a, params string[] names) => JavaMachine.NewArray(a.Machine.BootLoader.Load(a.Thread, "java/lang/management/MemoryPoolMXBean"), [.. names.Select(name => Bean(a, name, () =>
        New(a, "sun/management/MemoryPoolImpl", "(Ljava/lang/String;ZJJ)V", Value.Of(a.Machine.NewString(name)), Value.Of(name == HeapPool), Value.Of(-1L), Value.Of(-1L))))]);

    private static object?[] Managers(Args a, params string[] names) => JavaMachine.NewArray(a.Machine.BootLoader.Load(a.Thread, "java/lang/management/MemoryManagerMXBean"), [.. names.Select(name => Bean(a, name, () =>
        New(a, name == Collector ? "com/sun/management/internal/GarbageCollectorExtImpl" : "sun/management/MemoryManagerImpl", "(Ljava/lang/String;)V", Value.Of(a.Machine.NewString(name)))))]);

    // Threads ---------------------------------------------------------------------------------------------------------

    private static void RegisterThreads(NativeClass c) => c
        .Ref("getThreads()[Ljava/lang/Thread;", a => JavaMachine.NewArray(a.Machine.Known.Thread, [.. a.Machine.AllThreads().Select(t => t.JavaObject)]))
        .Void("getThreadInfo1([JI[Ljava/lang/management/ThreadInfo;)V", a =>
        {
            var infos = (object?[])a.Ref(2)!;
            var ids = (long[])a.Ref(0)!;
            var owners = new Deadlocks(a.Machine, true);
            for (var i = 0; i < ids.Length; i++) infos[i + 1] = Find(a, ids[i]) is { } t ? Info(a, t, owners, a.Int(1), false) : null;
        })
        .Ref("dumpThreads0([JZZI)[Ljava/lang/management/ThreadInfo;", a =>
        {
            var threads = a.Ref(0) is long[] ids ? ids.Select(id => Find(a, id)) : a.Machine.AllThreads();
            var owners = new Deadlocks(a.Machine, true);
            return JavaMachine.NewArray(a.Machine.BootLoader.Load(a.Thread, "java/lang/management/ThreadInfo"), [.. threads.Select(t => t == null ? null : Info(a, t, owners, a.Int(3), true))]);
        })
        .Long("getThreadTotalCpuTime0(J)J", a => CpuTime(a, a.Long(0)))
        .Long("getThreadUserCpuTime0(J)J", a => CpuTime(a, a.Long(0)))
        .Void("getThreadTotalCpuTime1([J[J)V", a => ForEach(a, CpuTime))
        .Void("getThreadUserCpuTime1([J[J)V", a => ForEach(a, CpuTime))
        .Long("getThreadAllocatedMemory0(J)J", a => Allocated(a, a.Long(0)))
        .Void("getThreadAllocatedMemory1([J[J)V", a => ForEach(a, Allocated))
        .Void("setThreadCpuTimeEnabled0(Z)V", _ => { })
        .Void("setThreadAllocatedMemoryEnabled0(Z)V", _ => { })
        .Void("setThreadContentionMonitoringEnabled0(Z)V", _ => { })
        .Void("resetContentionTimes0(J)V", _ => { })
        .Void("resetPeakThreadCount0()V", a => a.Machine.PeakThreads = a.Machine.AllThreads().Length)
        .Ref("findMonitorDeadlockedThreads0()[Ljava/lang/Thread;", a => Deadlocked(a, false))
        .Ref("findDeadlockedThreads0()[Ljava/lang/Thread;", a => Deadlocked(a, true));

    private static object?[]? Deadlocked(Args a, bool withLocks)
    {
        var threads = new Deadlocks(a.Machine, withLocks).Circles().SelectMany(circle => circle).Select(t => t.JavaObject).ToArray();
        return threads.Length == 0 ? null : JavaMachine.NewArray(a.Machine.Known.Thread, threads);
    }

    private static JThread? Find(Args a, long id)
    {
        if (id == 0) return a.Thread;
        var tid = Known.Offset(a.Machine.Known.Thread, "tid");
        return a.Machine.AllThreads().FirstOrDefault(t => t.JavaObject?.Field<long>(tid) == id);
    }

    private static JObject Info(Args a, JThread t, Deadlocks owners, int depth, bool monitors)
    {
        var element = a.Machine.BootLoader.Load(a.Thread, "java/lang/StackTraceElement");
        List<LockedFrame> frames = depth != 0 ? [.. ThreadStacks.Of(t).Take(depth < 0 ? int.MaxValue : depth)] : [];
        List<object?> trace = [.. frames.Select(f => StackTraceElements.New(a.Thread, f.Entry))];
        ReadOnlySpan<Value> common =
        [
            Value.Of(t.JavaObject), Value.Of(t.JavaStatus), Value.Of(t.WaitingOn ?? t.BlockedOn ?? Deadlocks.ParkBlocker(t)), Value.Of(owners.OwnerOfWhatBlocks(t)?.JavaObject), Value.Of(t.BlockedCount), Value.Of(-1L), Value.Of(t.WaitedCount), Value.Of(-1L),
            Value.Of(JavaMachine.NewArray(element, trace)),
        ];
        const string Common = "(Ljava/lang/Thread;ILjava/lang/Object;Ljava/lang/Thread;JJJJ[Ljava/lang/StackTraceElement;";
        if (!monitors) return New(a, "java/lang/management/ThreadInfo", Common + ")V", common);
        var locked = frames.SelectMany((frame, i) => frame.Locked.Where(o => o != t.BlockedOn).Select(o => (Object: o, Depth: i))).ToArray();
        Value Objects(IEnumerable<object?> items) => Value.Of(JavaMachine.NewArray(a.Machine.ObjectClass, [.. items]));
        return New(a, "java/lang/management/ThreadInfo", Common + "[Ljava/lang/Object;[I[Ljava/lang/Object;)V",
            [.. common, Objects(locked.Select(l => l.Object)), Value.Of(locked.Select(l => l.Depth).ToArray()), Objects(owners.LocksOf(t))]);
    }

    private static void ForEach(Args a, Func<Args, long, long> figure)
    {
        var ids = (long[])a.Ref(0)!;
        var results = (long[])a.Ref(1)!;
        for (var i = 0; i < ids.Length; i++) results[i] = figure(a, ids[i]);
    }

    private static long Allocated(Args a, long id) => Find(a, id) is not { } t ? -1 : t == a.Thread ? GC.GetAllocatedBytesForCurrentThread() : t.AllocatedBytes;

    private static long CpuTime(Args a, long id) => Find(a, id) is { HostId: > 0 } t ? ProcessTable.ThreadCpuNanoseconds(t.HostId) : -1;

    // The host --------------------------------------------------------------------------------------------------------

    private static void RegisterSystem(NativeClass c) => c
        .Void("initialize0()V", _ => { })
        .Long("getCommittedVirtualMemorySize0()J", _ => Environment.WorkingSet)
        .Long("getTotalMemorySize0()J", _ => Memory("MemTotal:"))
        .Long("getFreeMemorySize0()J", _ => Memory("MemFree:"))
        .Long("getTotalSwapSpaceSize0()J", _ => Memory("SwapTotal:"))
        .Long("getFreeSwapSpaceSize0()J", _ => Memory("SwapFree:"))
        .Long("getProcessCpuTime0()J", _ => (long)Environment.CpuUsage.TotalTime.TotalNanoseconds)
        .Double("getProcessCpuLoad0()D", _ => -1)
        .Double("getCpuLoad0()D", _ => -1)
        .Double("getSingleCpuLoad0(I)D", _ => -1)
        .Long("getHostTotalCpuTicks0()J", _ => -1)
        .Int("getHostConfiguredCpuCount0()I", _ => Environment.ProcessorCount)
        .Int("getHostOnlineCpuCount0()I", _ => Environment.ProcessorCount)
        .Long("getOpenFileDescriptorCount0()J", _ => Directory.EnumerateFileSystemEntries("/proc/self/fd").LongCount())
        .Long("getMaxFileDescriptorCount0()J", _ => Limit("Max open files"));

    /// <summary>A row of /proc/meminfo, in bytes.</summary>
    private static long Memory(string row)
    {
        var line = File.ReadLines("/proc/meminfo").FirstOrDefault(l => l.StartsWith(row, StringComparison.Ordinal));
        return line == null ? -1 : long.Parse(line.AsSpan(row.Length).TrimEnd("kB ").Trim(), CultureInfo.InvariantCulture) * 1024;
    }

    private static long Limit(string row)
    {
        var line = File.ReadLines("/proc/self/limits").FirstOrDefault(l => l.StartsWith(row, StringComparison.Ordinal));
        return line != null && long.TryParse(line[row.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture, out var limit) ? limit : long.MaxValue;
    }
}
