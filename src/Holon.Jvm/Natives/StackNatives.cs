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
        of("java/lang/SecurityManager").Ref("getClassContext()[Ljava/lang/Class;", a =>
            JavaMachine.NewArray(a.Machine.Known.Class, [.. StackTraces.Walk(a.Thread, true).Select(e => e.Method).Where(m => !m.IsNative && !IsIgnored(m)).Select(m => m.Class.Mirror)]));
        of("java/security/AccessController")
            .Ref("getProtectionDomain(Ljava/lang/Class;)Ljava/security/ProtectionDomain;", a => a.Class(0).ProtectionDomain)
            .Void("ensureMaterializedForStackWalk(Ljava/lang/Object;)V", _ => { })
            .Ref("getStackAccessControlContext()Ljava/security/AccessControlContext;", StackAccessControlContext)
            .Ref("getInheritedAccessControlContext()Ljava/security/AccessControlContext;", a => a.Thread.JavaObject!.Ref(Known.Offset(a.Machine.Known.Thread, "inheritedAccessControlContext")));
        of("jdk/internal/misc/VM").Ref("latestUserDefinedLoader0()Ljava/lang/ClassLoader;", a =>
            StackTraces.Walk(a.Thread).Where(e => !IsIgnored(e.Method)).Select(e => e.Method.Class.Loader).FirstOrDefault(l => !l.IsBoot && !JavaMachine.IsPlatformLoader(l.Loader!))?.Loader);
    }

    /// <summary>
    /// The protection domains on the stack, up to the innermost privileged call, whose context and caller are variables of
    /// AccessController.executePrivileged. Null stands for code that may do everything.
    /// </summary>
    private static unsafe object? StackAccessControlContext(Args a)
    {
        const int Context = 1, Caller = 2;
        var machine = a.Machine;
        var domains = new List<object?>();
        object? previous = null, privilegedContext = null;
        var isPrivileged = false;
        var walker = new StackTraces.Walker(a.Thread);
        while (!isPrivileged && walker.MoveNext())
        {
            var method = walker.Current.Method;
            object? domain;
            if (method.KeepsFrame && walker.Frame != null)
            {
                isPrivileged = true;
                privilegedContext = walker.Frame->R[Context];
                domain = walker.Frame->R[Caller] is { } caller ? machine.ClassOfMirror(caller).ProtectionDomain : null;
            }
            else
            {
                domain = method.Class.ProtectionDomain;
            }
            if (domain == null || domain == previous) continue;
            domains.Add(domain);
            previous = domain;
        }
        if (domains.Count == 0 && isPrivileged && privilegedContext == null) return null;
        var c = machine.BootLoader.Load(a.Thread, "java/security/AccessControlContext");
        Initialization.Initialize(a.Thread, c);
        var context = c.Allocate();
        if (domains.Count > 0) context.Ref(Known.Offset(c, "context")) = JavaMachine.NewArray(machine.BootLoader.Load(a.Thread, "java/security/ProtectionDomain"), domains);
        context.Ref(Known.Offset(c, "privilegedContext")) = privilegedContext;
        context.Field<byte>(Known.Offset(c, "isPrivileged")) = isPrivileged ? (byte)1 : (byte)0;
        context.Field<byte>(Known.Offset(c, "isAuthorized")) = 1;
        return context;
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
            }
            if ((mode & ClassesOnly) != 0 || (mode & CallerClassMode) != 0)
            {
                buffer[++index] = entry.Method.Class.Mirror;
                continue;
            }
            var info = (JObject)buffer[++index]!;
            var c = t.Machine.BootLoader.Load(t, "java/lang/StackFrameInfo"); // the fields that a LiveStackFrameInfo has, too
            var member = (JObject)info.Ref(Known.Offset(c, "memberName"))!;
            InvokeNatives.SetMethod(t, member, entry.Method, entry.Method.IsStatic ? 6 : 7);
            info.Field<int>(Known.Offset(c, "bci")) = Math.Max(0, entry.Bci);
        }
        return index;
    }
}
