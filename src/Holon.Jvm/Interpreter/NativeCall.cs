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
        var native = method.Native ??= Bind(t, method);
        var frame = caller + 1;
        if (p + slot->FrameSlots > t.StackLimit || frame >= t.FrameLimit) throw new JavaThrow(t.StackOverflow());
        frame->M = slot;
        frame->Pc = null;
        frame->P = p;
        frame->R = r;
        t.Top = frame;
        object? locked = null;
        if (method.IsSynchronized) t.Enter(locked = method.IsStatic ? method.Class.Mirror : r[0]!);
        try
        {
            native.Invoke(new Args(t, p, r, method));
        }
        finally
        {
            if (locked != null) t.Exit(locked);
        }
        t.Top = caller;
    }

    private static NativeMethod Bind(JThread t, JMethod method)
    {
        if (method.Desc == "()V" && method.Name is "registerNatives" or "initIDs" or "initNative") return NativeMethod.Void(_ => { });
        if (t.Machine.Options.TraceNatives) Console.Error.WriteLine($"missing native: {method}");
        throw t.Error("java/lang/UnsatisfiedLinkError", $"'{Messages.External(method)}'");
    }
}
