using System.Runtime.CompilerServices;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Interpreter;

/// <summary>Type tests and dispatch, fast cases first.</summary>
internal static unsafe class Types
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsInstance(JThread t, object o, Klass* target)
    {
        var word = JObject.Word(o);
        return word == (nint)target || IsInstanceSlow(t, o, word, target);
    }

    /// <summary>
    /// The same for the interpreter's loop; null is of no class. Inlined, the object would be a variable of that method, which has so many that .NET keeps what some of
    /// them held last for as long as the method runs.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool Test(JThread t, object? o, Klass* target) => o != null && IsInstance(t, o, target);

    private static bool IsInstanceSlow(JThread t, object o, nint word, Klass* target)
    {
        if ((ulong)word < (ulong)JObject.SmallestKlass) return t.Machine.ClassOf(o).IsSubclassOf(target->Managed);
        var result = IsSubclass((Klass*)word, target);
        GC.KeepAlive(o); // and so its class, which was written to
        return result;
    }

    public static bool IsSubclass(Klass* klass, Klass* target)
    {
        if ((uint)target->Depth < Klass.DisplaySize) return klass->Display[target->Depth] == (long)target;
        if (klass->LastSuper == (nint)target) return true;
        if (klass->LastStranger == (nint)target) return false;
        if (!klass->Managed.IsSubclassOf(target->Managed))
        {
            klass->LastStranger = (nint)target;
            return false;
        }
        klass->LastSuper = (nint)target;
        return true;
    }

    public static bool CanStore(JThread t, object?[] array, object value)
    {
        var element = Unsafe.As<JClass>(array[0]!).Element!;
        return element == t.Machine.ObjectClass || IsInstance(t, value, element.Ptr);
    }

    /// <summary>
    /// What an interface's method is in a class; fills the thread's cache. A method of Object is called by way of the interface
    /// <paramref name="named"/>, which is null otherwise.
    /// </summary>
    public static MethodSlot* InterfaceTarget(JThread t, Klass* klass, MethodSlot* method, Klass* named, InterfaceCacheEntry* cached)
    {
        var declared = method->Managed;
        var c = klass->Managed;
        var wanted = named != null ? named->Managed : declared.Class;
        if (wanted.IsInterface && !c.IsSubclassOf(wanted))
            throw t.Error("java/lang/IncompatibleClassChangeError", $"Class {c.JavaName} does not implement the requested interface {wanted.JavaName}");
        if (named != null) return method->VTableIndex < 0 ? method : klass->VTable[method->VTableIndex];
        var target = c.InterfaceTarget(declared);
        if (target == null) throw Messages.AbstractMethod(t, declared, null, c);
        if ((target.Flags & ClassFile.Acc.Public) == 0 && !target.IsPrivate) throw t.Error("java/lang/IllegalAccessError", $"'{Messages.External(c, target.Name, target.Desc)}'");
        // A call by way of the interface does not see that there are several defaults.
        if (target.IsConflict) throw Messages.AbstractMethod(t, declared, null, c);
        if (cached == null) return target.Slot; // the operation is being linked
        if (target.IsAbstract) throw Messages.AbstractMethod(t, declared, null, c);
        cached->Klass = (nint)klass;
        cached->Method = (nint)method;
        cached->Target = target.Slot;
        return target.Slot;
    }
}

/// <summary>One remembered dispatch of an interface's method.</summary>
internal unsafe struct InterfaceCacheEntry
{
    public nint Klass;
    public long Method;
    public MethodSlot* Target;
}

/// <summary>A call of an interface's method: the method, and the only class of receivers so far (0 none yet, 1 several).</summary>
internal unsafe struct InterfaceSite
{
    public MethodSlot* Method;
    public nint Receiver;

    /// <summary>The interface by way of which a method of Object is called; null otherwise.</summary>
    public Klass* Named;
}

/// <summary>A linked invokedynamic or method-handle call: the adapter, and the object it takes as last argument.</summary>
internal unsafe struct CallSite
{
    public MethodSlot* Target;
    public void* Appendix;
    public int AppendixSlot;
}
