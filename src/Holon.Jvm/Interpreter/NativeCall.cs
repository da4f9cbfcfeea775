using System.Runtime.CompilerServices;
using Holon.Jvm.Heap;
using Holon.Jvm.Natives;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Interpreter;

/// <summary>Calls of methods written in C#.</summary>
internal static unsafe class NativeCall
{
    public static void Run(JThread t, Frame* caller, MethodSlot* slot, long* p, object?* r)
    {
        var method = slot->Managed;
        var frame = caller + 1;
        if (p + slot->FrameSlots > t.StackLimit || frame >= t.FrameLimit) throw new JavaThrow(t.StackOverflow());
        frame->M = slot;
        frame->Pc = null;
        frame->P = p;
        frame->R = r;
        t.Top = frame;
        var native = method.Native ??= Bind(t, method);
        object? locked = null;
        if (method.IsSynchronized) t.Enter(locked = method.IsStatic ? method.Class.Mirror : r[0]!);
        try
        {
            if (t.Machine.Samples == null) native.Invoke(new Args(t, p, r, method));
            else CountAllocated(t, native, new Args(t, p, r, method));
        }
        finally
        {
            if (locked != null) t.Exit(locked);
        }
        t.Top = caller;
    }

    /// <summary>Natives make arrays, strings and copies of objects without telling: what they allocated is told for them.</summary>
    private static void CountAllocated(JThread t, NativeMethod native, Args a)
    {
        var left = t.AllocationLeft;
        var before = GC.GetAllocatedBytesForCurrentThread();
        native.Invoke(a);
        var method = a.Method;
        // Counted already when the native called Java, or made an array as the interpreter does.
        if (t.AllocationLeft != left || method.ReturnKind != 'R' || *a.R is not { } made) return;
        var bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        if (bytes > 0 && (made is Array || Unsafe.As<JObject>(made).Class() == t.Machine.Known?.String || method.Name is "clone" or "fillInStackTrace")) t.Allocated(made, bytes);
    }

    private static NativeMethod Bind(JThread t, JMethod method)
    {
        if (method.Desc == "()V" && method.Name is "registerNatives" or "initIDs" or "initNative") return NativeMethod.Void(_ => { });
        if (t.Machine.Options.TraceNatives) Console.Error.WriteLine($"missing native: {method}");
        throw t.Error("java/lang/UnsatisfiedLinkError", $"'{Messages.External(method)}'");
    }
}
