using Holon.Jvm.Heap;
using Holon.Jvm.Interpreter;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>Looking at the stack: caller-sensitive methods, StackWalker, access control.</summary>
internal static class StackNatives
{
    private const int ClassesOnly = 2, CallerClassMode = 4, ShowHidden = 0x20;

    public static void Register(Func<string, NativeClass> of)
    {
        of("java/lang/StackStreamFactory").Bool("checkStackWalkModes()Z", _ => true);
        of("java/lang/StackStreamFactory$AbstractStackWalker")
            .Ref("callStackWalk(JIII[Ljava/lang/Object;)Ljava/lang/Object;", CallStackWalk)
            .Int("fetchStackFrames(JJII[Ljava/lang/Object;)I", FetchFrames);
        of("java/security/AccessController")
            .Ref("getProtectionDomain(Ljava/lang/Class;)Ljava/security/ProtectionDomain;", a => a.Class(0).ProtectionDomain)
            .Void("ensureMaterializedForStackWalk(Ljava/lang/Object;)V", _ => { })
            .Ref("getStackAccessControlContext()Ljava/security/AccessControlContext;", _ => null)
            .Ref("getInheritedAccessControlContext()Ljava/security/AccessControlContext;", a => a.Thread.JavaObject!.Ref(Known.Offset(a.Machine.Known.Thread, "inheritedAccessControlContext")));
        of("jdk/internal/misc/VM").Ref("latestUserDefinedLoader0()Ljava/lang/ClassLoader;", a =>
            StackTraces.Walk(a.Thread).Select(e => e.Method.Class.Loader).FirstOrDefault(l => !l.IsBoot && !JavaMachine.IsPlatformLoader(l.Loader!))?.Loader);
    }

    /// <summary>Frames of reflection itself, which security looks through.</summary>
    private static bool IsIgnored(JMethod m)
    {
        if (m.IsHidden || m.Intrinsic != MethodIntrinsic.None) return true;
        if (m.Name == "invoke" && m.Class.Name == "java/lang/reflect/Method") return true;
        for (var c = m.Class; c != null; c = c.Super)
        {
            if (c.Name is "jdk/internal/reflect/MethodAccessorImpl" or "jdk/internal/reflect/ConstructorAccessorImpl") return true;
        }
        return false;
    }

    /// <summary>Reflection.getCallerClass: who called the method that asks. Frame 0 is this native, frame 1 the one that asks.</summary>
    public static object? CallerClass(Args a)
    {
        var frames = StackTraces.Walk(a.Thread, true);
        for (var i = 2; i < frames.Count; i++)
        {
            if (!IsIgnored(frames[i].Method)) return frames[i].Method.Class.Mirror;
        }
        return null;
    }

    /// <summary>A walk in progress: the frames, taken when it began, and how many were handed out.</summary>
    private sealed class Walk(List<StackTraces.Entry> frames)
    {
        public readonly List<StackTraces.Entry> Frames = frames;
        public int Next;
    }

    [ThreadStatic]
    private static Dictionary<long, Walk>? _walks;

    [ThreadStatic]
    private static long _lastWalk;

    private static object? CallStackWalk(Args a)
    {
        var t = a.Thread;
        var mode = a.Long(1);
        var buffer = (object?[])a.Ref(6)!;
        int skip = a.Int(3), batch = a.Int(4), start = a.Int(5);
        var frames = StackTraces.Walk(t, (mode & ShowHidden) != 0);
        var first = 0;
        while (first < frames.Count && IsWalker(frames[first].Method.Class)) first++;
        frames.RemoveRange(0, Math.Min(frames.Count, first + skip));
        var walk = new Walk(frames);
        var id = ++_lastWalk;
        (_walks ??= [])[id] = walk;
        try
        {
            var end = Fill(t, walk, mode, batch, start, buffer);
            var walker = a.Object(0);
            var method = a.Machine.BootLoader.Load(t, "java/lang/StackStreamFactory$AbstractStackWalker").DeclaredMethod("doStackWalk", "(JIIII)Ljava/lang/Object;")!;
            return t.Call(method, Value.Of(walker), Value.Of(id), Value.Of(skip), Value.Of(batch), Value.Of(start), Value.Of(end)).Ref;
        }
        finally
        {
            _walks.Remove(id);
        }
    }

    private static bool IsWalker(JClass c) =>
        c.Name == "java/lang/StackWalker" || c.Name == "java/lang/StackStreamFactory$AbstractStackWalker" || c.Super?.Name == "java/lang/StackStreamFactory$AbstractStackWalker";

    private static int FetchFrames(Args a)
    {
        if (_walks == null || !_walks.TryGetValue(a.Long(3), out var walk)) throw a.Thread.Error("java/lang/InternalError", "doStackWalk: corrupted buffers");
        return Fill(a.Thread, walk, a.Long(1), a.Int(5), a.Int(6), (object?[])a.Ref(7)!);
    }

    private static int Fill(JThread t, Walk walk, long mode, int count, int start, object?[] buffer)
    {
        var index = start;
        for (; walk.Next < walk.Frames.Count && index < start + count && index + 1 < buffer.Length; walk.Next++)
        {
            var entry = walk.Frames[walk.Next];
            if ((mode & CallerClassMode) != 0)
            {
                if (index == start && walk.Next == 0 && entry.Method.Info.CallerSensitive)
                    throw t.Error("java/lang/UnsupportedOperationException", $"StackWalker::getCallerClass called from @CallerSensitive '{Messages.External(entry.Method)}' method");
                if (IsIgnored(entry.Method)) continue;
            }
            if ((mode & ClassesOnly) != 0 || (mode & CallerClassMode) != 0)
            {
                buffer[++index] = entry.Method.Class.Mirror;
                continue;
            }
            var info = (JObject)buffer[++index]!;
            var c = info.Class();
            var member = (JObject)info.Ref(Known.Offset(c, "memberName"))!;
            InvokeNatives.SetMethod(t, member, entry.Method, entry.Method.IsStatic ? 6 : 7);
            info.Field<int>(Known.Offset(c, "bci")) = Math.Max(0, entry.Bci);
        }
        return index;
    }
}
