using System.Runtime.CompilerServices;
using Holon.Jvm.Compiler;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Interpreter;

/// <summary>Entering, leaving and unwinding interpreted code.</summary>
internal static unsafe partial class Interpreter
{
    /// <summary>Calls a method whose arguments lie at the slots given; its result comes to the first of them. Raises <see cref="JavaThrow"/>.</summary>
    public static void Invoke(JThread t, MethodSlot* method, long* p, object?* r)
    {
        if (TryInvoke(t, method, p, r) is { } thrown) throw new JavaThrow(thrown);
    }

    /// <summary>The same, giving the exception that the method ended with.</summary>
    public static JObject? TryInvoke(JThread t, MethodSlot* method, long* p, object?* r)
    {
        return method->Enter is var enter && enter != 0 ? CompiledCalls.Enter(t, enter, method, p, r) : TryInterpret(t, method, p, r);
    }

    /// <summary>The same, in the interpreter even when the method was compiled a moment ago: compiled code calls it that found none.</summary>
    public static JObject? TryInterpret(JThread t, MethodSlot* method, long* p, object?* r)
    {
        if (method->Code == null && PrepareOrRun(t, t.Top, method, p, r)) return null;
        var frame = t.Top + 1;
        if (p + method->FrameSlots > t.StackLimit || frame >= t.FrameLimit || !RuntimeHelpers.TryEnsureSufficientExecutionStack()) return t.StackOverflow();
        if ((++method->Calls & t.CallMask) == 0) t.Compiler?.Called(t, method);
        frame->M = method;
        frame->Pc = method->Code;
        frame->P = p;
        frame->R = r;
        t.Top = frame;
        return Run(t, frame);
    }

    /// <summary>Runs from the top frame until <paramref name="entry"/> returns; gives the exception that it ends with, or null.</summary>
    public static JObject? Run(JThread t, Frame* entry)
    {
        var slotTop = t.SlotTop;
        for (; ; )
        {
            JObject thrown;
            try
            {
                return Loop(t, entry);
            }
            catch (JavaThrow e) when (t.Top >= entry)
            {
                thrown = e.Throwable;
            }
            catch (OutOfMemoryException) when (t.Top >= entry)
            {
                thrown = t.OutOfMemory("Java heap space");
            }
            catch (Exception e) when (e is not (JavaThrow or MachineEnd) && t.Top >= entry)
            {
                // A mistake in our C#: the program sees an error, other machines nothing.
                if (t.Machine.Options.TraceNatives) Console.Error.WriteLine(e);
                thrown = t.NewThrowable("java/lang/InternalError", $"{e.GetType().Name}: {e.Message}");
            }
            t.SlotTop = slotTop;
            if (!Unwind(t, entry, thrown, out thrown)) return thrown;
        }
    }

    /// <summary>Finds the handler of an exception in the frames down to <paramref name="entry"/> and makes it the place to go on; false when there is none.</summary>
    private static bool Unwind(JThread t, Frame* entry, JObject exception, out JObject thrown)
    {
        thrown = exception;
        for (; t.Top >= entry; t.Top--)
        {
            var frame = t.Top;
            if (frame->Pc == null || frame->IsCompiled) continue; // a native method's, or one whose .NET frame is gone
            var method = frame->M->Managed;
            var code = method.Decoded!;
            var bci = code.BciAt(frame->Pc);
            foreach (var handler in method.Info.Code!.Handlers)
            {
                if (bci < handler.Start || bci >= handler.End || !Catches(t, method.Class, handler.CatchType, ref thrown)) continue;
                frame->Pc = code.Code + code.IndexOfBci[handler.Handler];
                frame->R[code.StackBase] = thrown;
                return true;
            }
            if (method.IsSynchronized && frame->R[code.StackBase - 1] is { } locked)
            {
                frame->R[code.StackBase - 1] = null;
                t.Exit(locked);
            }
        }
        return false;
    }

    public static bool Catches(JThread t, JClass inClass, int catchType, ref JObject thrown)
    {
        if (catchType == 0) return true;
        try
        {
            var kind = thrown.Class();
            // Comparing names first avoids loading classes of handlers that cannot match.
            var wanted = Resolution.Class(t, inClass, catchType);
            return kind.IsSubclassOf(wanted);
        }
        catch (JavaThrow e)
        {
            thrown = e.Throwable;
            return false;
        }
    }

    /// <summary>Decodes a method on its first call and gives false; or runs it to its end when it is native and gives true.</summary>
    private static bool PrepareOrRun(JThread t, Frame* frame, MethodSlot* slot, long* p, object?* r)
    {
        var method = slot->Managed;
        if (method.IsNative || method.Native != null)
        {
            NativeCall.Run(t, frame, slot, p, r);
            return true;
        }
        if (method.IsAbstract)
        {
            if (*r == null || t.Machine.ClassOf(*r).MissingDefault(method) is not { } missing) throw Messages.AbstractMethod(t, method);
            NativeCall.Run(t, frame, missing.Slot, p, r);
            return true;
        }
        Decode(method);
        return false;
    }

    /// <summary>Decodes a method that has code, unless it is already.</summary>
    public static void Decode(JMethod method)
    {
        lock (method)
        {
            if (method.Slot->Code != null) return;
            method.Decoded = Decoder.Decode(method);
            Volatile.Write(ref *(nint*)&method.Slot->Code, (nint)method.Decoded.Code);
        }
    }

    private static void SynchronizedEnter(JThread t, Frame* frame, long slot)
    {
        var method = frame->M->Managed;
        var o = method.IsStatic ? method.Class.Mirror : frame->R[0]!;
        t.Enter(o);
        frame->R[slot] = o;
    }

    /// <summary>Makes an object keep its class from being unloaded. Not in the loop itself: a variable of that would hold the class for as long as it runs.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void KeepClass(JObject o, Klass* klass) => JObject.At<object?>(o, klass->KeepOffset) = klass->Managed;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static object NewArray(JThread t, Klass* arrayClass, int length) => Arrays.NewReferences(t, arrayClass->Managed, length);

    /// <summary>Binary search in a lookupswitch's sorted pairs; gives the distance to go.</summary>
    private static int Lookup(int* table, int key)
    {
        int low = 0, high = table[0] - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var match = table[2 + middle * 2];
            if (match == key) return table[3 + middle * 2];
            if (match < key) low = middle + 1;
            else high = middle - 1;
        }
        return table[1];
    }
}
