using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Holon.Jvm.Heap;
using Holon.Jvm.Interpreter;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Compiler;

/// <summary>
/// What compiled code calls. Nothing here throws a Java exception as a .NET one: it is left in <see cref="JThread.Exception"/>,
/// where compiled code looks. SAFETY: all pointers come from the compiler, which had them from decoded code.
/// </summary>
internal static unsafe class CompiledRuntime
{
    // Leaving for the interpreter ---------------------------------------------------------------------------------------

    /// <summary>Slots for a frame above compiled code; null when the stack is used up, with the error noted.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long* EnterSlots(JThread t, MethodSlot* method)
    {
        var p = t.FreeSlots();
        if (p + method->FrameSlots <= t.StackLimit) return p;
        t.Exception = t.StackOverflow();
        return null;
    }

    public static object?* ReferenceSlot(JThread t, long* p) => t.ReferenceSlot(p);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Interpret(JThread t, MethodSlot* method, long* p, object?* r)
    {
        var top = t.Top;
        try
        {
            t.Exception = Interpreter.Interpreter.TryInterpret(t, method, p, r);
        }
        catch (JavaThrow e)
        {
            t.Top = top;
            t.Exception = e.Throwable;
        }
    }

    /// <summary>The slots for the frames that a deoptimization makes: those of the interpreter's own frame when a loop's code ends; null when the stack is used up, with the error noted.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long* BeginDeopt(JThread t, object?* cell, long* from)
    {
        var point = Unsafe.As<DeoptPoint>(*cell)!;
        var p = from != null ? from : t.SlotTop;
        if (p + point.Slots <= t.StackLimit && t.Top + point.Frames.Length < t.FrameLimit && RuntimeHelpers.TryEnsureSufficientExecutionStack()) return p;
        // A program that catches the error and goes on must not outlive its machine.
        if (t.Machine.Ending) throw new MachineEnd(t.Machine.ExitCode);
        t.Exception = t.StackOverflow();
        return null;
    }

    /// <summary>Turns the compiled frame on top into interpreted ones, whose slots are filled already, and runs them to the end.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void FinishDeopt(JThread t, object?* cell, long* p)
    {
        var point = Unsafe.As<DeoptPoint>(*cell)!;
        var frame = t.Top;
        var r = t.ReferenceSlot(p);
        var f = frame;
        foreach (var (method, from, index) in point.Frames)
        {
            f->M = method.Slot;
            f->Pc = method.Decoded!.Code + index;
            f->P = p + from;
            f->R = r + from;
            if (method.KeepSlot is >= 0 and var keep) f->R[keep] = method.Class;
            t.Top = f++;
        }
        if (point.IsPoll)
        {
            // The interpreter looks at its next backward branch, and comes back to compiled code there.
            t.Poll = 0;
            t.ComeToSafepoint();
        }
        else
        {
            t.Compiler!.Trapped(t, point.Code);
        }
        // A loop's code returns to the interpreter that called it, which goes on with the frames as they are now.
        if (point.Code.Loop < 0) t.Exception = Interpreter.Interpreter.Run(t, frame);
    }

    // Exceptions ------------------------------------------------------------------------------------------------------

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void NullPointer(JThread t) => t.Exception = t.NewThrowable("java/lang/NullPointerException", null);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void OutOfBounds(JThread t, object array, int index) => t.Exception = Messages.OutOfBounds(t, array, index);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void ArrayStore(JThread t, object value) => t.Exception = Messages.ArrayStore(t, value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void ClassCast(JThread t, object value, Klass* target) => t.Exception = Messages.ClassCast(t, value, target->Managed);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void DivideByZero(JThread t) => t.Exception = t.NewThrowable("java/lang/ArithmeticException", "/ by zero");

    /// <summary>At a method's entry, when a stack is near its end or something is asked of the thread; false with an exception noted.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool MayEnter(JThread t, Frame* frame)
    {
        t.EntryLimit = t.FrameLimit;
        if (t.Machine.Ending) throw new MachineEnd(t.Machine.ExitCode);
        var here = 0;
        if (frame >= t.FrameLimit || (nint)(&here) < t.StackEnd)
        {
            t.Exception = t.StackOverflow();
            return false;
        }
        try
        {
            t.Safepoint();
            return true;
        }
        catch (JavaThrow e)
        {
            t.Exception = e.Throwable;
            return false;
        }
    }

    /// <summary>The row of the exception table that catches the exception noted, or -1. It may become another: resolving a catch type can fail.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int FindHandler(JThread t, CodeSite* site)
    {
        var method = site->Method->Managed;
        var bci = site->Bci;
        var rows = method.Info.Code!.Handlers;
        var thrown = t.Exception!;
        t.Exception = null;
        var found = -1;
        for (var i = 0; i < rows.Length; i++)
        {
            if (bci < rows[i].Start || bci >= rows[i].End || !Interpreter.Interpreter.Catches(t, method.Class, rows[i].CatchType, ref thrown)) continue;
            found = i;
            break;
        }
        t.Exception = thrown;
        return found;
    }

    // Monitors --------------------------------------------------------------------------------------------------------

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void MonitorEnter(JThread t, object o) => t.Enter(o);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void MonitorExit(JThread t, object o)
    {
        try
        {
            t.Exit(o);
        }
        catch (JavaThrow e)
        {
            t.Exception = e.Throwable;
        }
    }

    /// <summary>Unlocks what a synchronized method locked, on its way out with an exception.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Unlock(JThread t, object? o)
    {
        if (o == null) return;
        var thrown = t.Exception;
        t.Exception = null;
        MonitorExit(t, o);
        t.Exception ??= thrown;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static object MirrorOf(MethodSlot* method) => method->Managed.Class.Mirror;

    // Types -----------------------------------------------------------------------------------------------------------

    /// <summary>Test for a class among whose instances no arrays are and whose depth is in the display.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsInstanceOfClass(object o, nint target, int depth)
    {
        var word = JObject.Word(o);
        return word == target || (ulong)word >= (ulong)JObject.SmallestKlass && ((Klass*)word)->Display[depth] == target;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsExactly(object o, nint target) => JObject.Word(o) == target;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsInstance(JThread t, object o, nint target)
    {
        var word = JObject.Word(o);
        return word == target || (ulong)word >= (ulong)JObject.SmallestKlass && ((Klass*)word)->LastSuper == target || IsInstanceSlow(t, o, target);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsInstanceSlow(JThread t, object o, nint target) => Types.IsInstance(t, o, (Klass*)target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool CanStore(JThread t, object array, object? value)
    {
        if (value == null) return true;
        var element = Unsafe.As<JClass>(Unsafe.As<object[]>(array)[0]).Element!.Ptr;
        return JObject.Word(value) == (nint)element || (nint)element == t.ObjectKlass || Types.IsInstance(t, value, element);
    }

    // Arithmetic ------------------------------------------------------------------------------------------------------

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CompareLong(long a, long b) => a < b ? -1 : a > b ? 1 : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CompareFloatLess(float a, float b) => a > b ? 1 : a == b ? 0 : -1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CompareFloatGreater(float a, float b) => a < b ? -1 : a == b ? 0 : 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CompareDoubleLess(double a, double b) => a > b ? 1 : a == b ? 0 : -1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CompareDoubleGreater(double a, double b) => a < b ? -1 : a == b ? 0 : 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int FloatToInt(float a) => (int)a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long FloatToLong(float a) => (long)a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int DoubleToInt(double a) => (int)a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long DoubleToLong(double a) => (long)a;

    // Arrays and objects ----------------------------------------------------------------------------------------------

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ArrayLength(object array) => array.GetType() == typeof(object[]) ? Unsafe.As<object[]>(array).Length - 1 : Unsafe.As<byte[]>(array).Length;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ReferenceLength(object array) => Unsafe.As<object[]>(array).Length - 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int PrimitiveLength(object array) => Unsafe.As<byte[]>(array).Length;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreByte(object array, int index, int value) =>
        Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(Unsafe.As<byte[]>(array)), index) = array.GetType() == typeof(bool[]) ? (byte)(value & 1) : (byte)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static object? LoadReference(object array, int index) => Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(Unsafe.As<object?[]>(array)), index + 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreReference(object array, int index, object? value) => Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(Unsafe.As<object?[]>(array)), index + 1) = value;

    /// <summary>Lengths up to this are allocated on the fast path: neither negative nor so long that memory may run out.</summary>
    private const int ShortLength = 4096;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static object? NewBytes(JThread t, int length) => (uint)length <= ShortLength ? new byte[length] : NewPrimitiveArray(t, 'B', length);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static object? NewChars(JThread t, int length) => (uint)length <= ShortLength ? new char[length] : NewPrimitiveArray(t, 'C', length);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static object? NewInts(JThread t, int length) => (uint)length <= ShortLength ? new int[length] : NewPrimitiveArray(t, 'I', length);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static object? NewLongs(JThread t, int length) => (uint)length <= ShortLength ? new long[length] : NewPrimitiveArray(t, 'J', length);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static object? NewDoubles(JThread t, int length) => (uint)length <= ShortLength ? new double[length] : NewPrimitiveArray(t, 'D', length);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static object? NewReferences(JThread t, Klass* arrayClass, int length)
    {
        if ((uint)length > ShortLength) return NewReferenceArray(t, arrayClass, length);
        var array = new object?[length + 1];
        MemoryMarshal.GetArrayDataReference(array) = arrayClass->Managed;
        return array;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static object? Catch(JThread t, JavaThrow e)
    {
        t.Exception = e.Throwable;
        return null;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static object? NewPrimitiveArray(JThread t, int kind, int length)
    {
        try
        {
            return Arrays.NewPrimitive(t, (char)kind, length);
        }
        catch (JavaThrow e)
        {
            return Catch(t, e);
        }
        catch (OutOfMemoryException)
        {
            t.Exception = t.OutOfMemory("Java heap space");
            return null;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static object? NewReferenceArray(JThread t, Klass* arrayClass, int length)
    {
        try
        {
            return Arrays.NewReferences(t, arrayClass->Managed, length);
        }
        catch (JavaThrow e)
        {
            return Catch(t, e);
        }
        catch (OutOfMemoryException)
        {
            t.Exception = t.OutOfMemory("Java heap space");
            return null;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static object? NewMultiArray(JThread t, Klass* arrayClass, int dimensions, int a, int b, int c)
    {
        try
        {
            return Arrays.NewMulti(t, arrayClass->Managed, ((ReadOnlySpan<int>)[a, b, c])[..dimensions]);
        }
        catch (JavaThrow e)
        {
            return Catch(t, e);
        }
        catch (OutOfMemoryException)
        {
            t.Exception = t.OutOfMemory("Java heap space");
            return null;
        }
    }

    /// <summary>Compiled code has allocated what brings it to an object to be watched.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Allocated(JThread t, object o, long bytes)
    {
        try
        {
            t.WatchAllocated(o, bytes);
        }
        catch (JavaThrow e)
        {
            t.Exception = e.Throwable;
        }
    }

    /// <summary>An object is to be finalized once nothing reaches it.</summary>
    public static void RegisterFinalizer(JThread t, object o)
    {
        try
        {
            t.Machine.References.RegisterFinalizer(t, o);
        }
        catch (JavaThrow e)
        {
            t.Exception = e.Throwable;
        }
    }

    /// <summary>An object of a class that has no shape yet.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static object? NewSlow(JThread t, Klass* klass)
    {
        try
        {
            return JavaMachine.NewObject(t, klass->Managed);
        }
        catch (JavaThrow e)
        {
            return Catch(t, e);
        }
    }

    // Calls -----------------------------------------------------------------------------------------------------------

    /// <summary>What to call for a method that compiled code comes to for the first time.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static nint EntryOf(JThread t, MethodSlot* method) => t.Compiler!.Stubs.EntryOf(method);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint ClassWord(JThread t, object o)
    {
        var word = JObject.Word(o);
        return (ulong)word < (ulong)JObject.SmallestKlass ? t.ObjectKlass : word;
    }

    /// <summary>What an interface's method is for a receiver; null with an exception noted when it is nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static MethodSlot* InterfaceTarget(JThread t, object receiver, CallCache* cache)
    {
        var known = cache->Known;
        return JObject.Word(receiver) == known->Klass ? known->Target : InterfaceTargetSlow(t, receiver, cache);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static MethodSlot* InterfaceTargetSlow(JThread t, object receiver, CallCache* cache)
    {
        var method = cache->Method;
        var word = ClassWord(t, receiver);
        var shared = t.InterfaceCache + (((ulong)word >> 5 ^ (ulong)method >> 4) & JThread.InterfaceCacheMask);
        MethodSlot* target;
        if (shared->Klass == word && shared->Method == (nint)method && cache->Named == null)
        {
            target = shared->Target;
        }
        else
        {
            try
            {
                target = Types.InterfaceTarget(t, (Klass*)word, method, cache->Named, shared);
            }
            catch (JavaThrow e)
            {
                t.Exception = e.Throwable;
                return null;
            }
        }
        if (cache->Changes < CallCache.MostChanges && Interlocked.Increment(ref cache->Changes) is <= CallCache.MostChanges and var change)
        {
            var known = cache->Targets + change;
            known->Target = target;
            Volatile.Write(ref known->Klass, word);
            // One word, so that no thread sees the class of one and the target of another.
            Volatile.Write(ref *(nint*)&cache->Known, (nint)known);
        }
        GC.KeepAlive(receiver); // and so its class, which the cache now names
        return target;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static MethodSlot* BasicTarget(JThread t, object handle) => MethodHandles.BasicTarget(t, handle);

    /// <summary>Fills the field by which an object keeps its class from being unloaded.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetClass(object o, Klass* klass, long offset) => JObject.At<object?>(o, offset) = klass->Managed;

    /// <summary>Keeps an object, and so its class, from being collected until here.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void KeepAlive(object? o) => GC.KeepAlive(o);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static MethodSlot* LinkToTarget(JThread t, int kind, object? memberName, object? receiver)
    {
        try
        {
            return MethodHandles.LinkToTarget(t, (MethodIntrinsic)kind, memberName, receiver);
        }
        catch (JavaThrow e)
        {
            t.Exception = e.Throwable;
            return null;
        }
    }

    // Fields ----------------------------------------------------------------------------------------------------------

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static object? GetReferent(object o, long offset) => Referent.Get(o, offset);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void SetReferent(JThread t, object o, long offset, object? value) => Referent.Set(t, o, offset, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FullFence() => Interlocked.MemoryBarrier();
}

/// <summary>A call of an interface's method in compiled code: what it last was.</summary>
internal unsafe struct CallCache
{
    public KnownTarget* Known;
    public MethodSlot* Method;

    /// <summary>The interface by way of which a method of Object is called; null otherwise.</summary>
    public Klass* Named;
    public int Changes;

    /// <summary>How often it is written: then receivers are of too many classes.</summary>
    public const int MostChanges = 4;

    /// <summary>What <see cref="Known"/> points to, first an empty one: each is written once. They follow in memory.</summary>
    public KnownTarget* Targets => (KnownTarget*)((CallCache*)Unsafe.AsPointer(ref this) + 1);
}

/// <summary>A class and what a method is in it; written once, and emptied when the class is unloaded.</summary>
internal unsafe struct KnownTarget
{
    public nint Klass;
    public MethodSlot* Target;
}
