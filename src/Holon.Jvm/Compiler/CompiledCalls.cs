using Holon.Jvm.Heap;
using Holon.Jvm.Interpreter;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Compiler;

/// <summary>From the interpreter into compiled code. Both give the exception that the code ended with, or null.</summary>
internal static unsafe class CompiledCalls
{
    /// <summary>Calls a compiled method whose arguments lie at the slots given; its result comes to the first of them.</summary>
    public static JObject? Enter(JThread t, nint enter, MethodSlot* method, long* p, object?* r)
    {
        var slotTop = t.SlotTop;
        t.SlotTop = p;
        // SAFETY: made by Stubs for the method's shape.
        ((delegate*<JThread, MethodSlot*, long*, object?*, void>)enter)(t, method, p, r);
        t.SlotTop = slotTop;
        var thrown = t.Exception;
        if (thrown != null) t.Exception = null;
        return thrown;
    }

    /// <summary>
    /// Goes on in compiled code in the middle of an interpreted method, to its end; or until it comes back for the interpreter to
    /// go on with the frames as they then are.
    /// </summary>
    public static JObject? RunLoop(JThread t, Frame* frame, nint code, out bool goesOn)
    {
        var slotTop = t.SlotTop;
        t.SlotTop = frame->P + frame->M->FrameSlots;
        // SAFETY: made by MethodCompiler for this method and place.
        goesOn = ((delegate*<JThread, long*, object?*, int>)code)(t, frame->P, frame->R) != 0;
        t.SlotTop = slotTop;
        var thrown = t.Exception;
        if (thrown == null) return null;
        t.Exception = null;
        t.Top = frame - 1;
        return thrown;
    }
}
