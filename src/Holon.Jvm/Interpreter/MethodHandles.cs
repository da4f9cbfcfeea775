using Holon.Jvm.ClassFile;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Interpreter;

/// <summary>A linked call site, kept in the constant pool.</summary>
internal sealed unsafe class LinkedCall(CallSite* site)
{
    public readonly CallSite* Site = site;
}

/// <summary>
/// invokedynamic and method handles: linking is done by OpenJDK's own code in java.lang.invoke, whose results (an adapter method and
/// an appendix) are called here. A MemberName leads to its method through the ResolvedMethodName's hidden slot.
/// </summary>
internal static unsafe class MethodHandles
{
    /// <summary>The signature-polymorphic method of a name (JVMS §2.9.3), or null.</summary>
    public static JMethod? FindPolymorphic(JClass c, string name)
    {
        if (c.Name is not ("java/lang/invoke/MethodHandle" or "java/lang/invoke/VarHandle")) return null;
        foreach (var m in c.Methods)
        {
            if (m.Intrinsic != MethodIntrinsic.None && m.Name == name) return m;
        }
        return null;
    }

    /// <summary>The method behind a MemberName.</summary>
    public static MethodSlot* Target(JThread t, object memberName) => Target(t.Machine, memberName);

    public static MethodSlot* Target(JavaMachine machine, object memberName)
    {
        var known = machine.Known;
        var resolved = JObject.At<object?>(memberName, known.MemberNameMethod);
        return resolved == null ? null : (MethodSlot*)JObject.At<long>(resolved, known.ResolvedTarget);
    }

    /// <summary>MethodHandle.invokeBasic: the entry point of the handle's lambda form.</summary>
    public static MethodSlot* BasicTarget(JThread t, object handle)
    {
        t.CalledHandle = JObject.At<object>(handle, t.Machine.Known.HandleForm);
        return BasicTarget(t.Machine, handle);
    }

    /// <summary>The same; null when the form has no entry yet.</summary>
    public static MethodSlot* BasicTarget(JavaMachine machine, object handle)
    {
        var known = machine.Known;
        var form = JObject.At<object>(handle, known.HandleForm);
        var entry = JObject.At<object?>(form, known.FormEntry);
        return entry == null ? null : Target(machine, entry);
    }

    public static MethodSlot* LinkToTarget(JThread t, Frame* frame, Insn* pc)
    {
        var r = frame->R + pc->A;
        return LinkToTarget(t, (MethodIntrinsic)pc->C, r[pc->B - 1], r[0]);
    }

    /// <summary>What linkToStatic and its kin call, by the MemberName that is their last argument.</summary>
    public static MethodSlot* LinkToTarget(JThread t, MethodIntrinsic kind, object? memberName, object? receiver)
    {
        if (memberName == null) throw t.Error("java/lang/NullPointerException", null);
        t.CalledHandle = memberName;
        var target = Target(t, memberName);
        if (target == null) throw t.Error("java/lang/InternalError", "unresolved MemberName");
        if (kind == MethodIntrinsic.LinkToStatic) return target;
        if (receiver == null) throw t.Error("java/lang/NullPointerException", null);
        var method = target->Managed;
        if (kind == MethodIntrinsic.LinkToSpecial || method.IsPrivate) return target;
        var word = JObject.Word(receiver);
        if ((ulong)word < (ulong)JObject.SmallestKlass) word = t.ObjectKlass;
        if (method.Class.IsInterface)
        {
            InterfaceCacheEntry ignored;
            return Types.InterfaceTarget(t, (Klass*)word, target, null, &ignored);
        }
        return target->VTableIndex < 0 ? target : ((Klass*)word)->VTable[target->VTableIndex];
    }

    public static JObject MethodType(JThread t, JClass from, string descriptor)
    {
        var (parameters, result) = Descriptor.Parse(descriptor);
        var types = new object?[parameters.Length + 1];
        types[0] = t.Machine.Known.Class.ArrayClass;
        for (var i = 0; i < parameters.Length; i++) types[i + 1] = LoadType(t, from, parameters[i]).Mirror;
        return (JObject)t.Call(t.Machine.Known.FindMethodHandleType, Value.Of(LoadType(t, from, result).Mirror), Value.Of(types)).Ref!;
    }

    public static JClass LoadType(JThread t, JClass from, string descriptor)
    {
        var c = from.Loader.LoadDescriptor(t, descriptor);
        if (!Access.CanAccessClass(from, c)) throw t.Error("java/lang/IllegalAccessError", Access.DeniedMessage(from, c, $"failed to access class {c.JavaName} from class {from.JavaName} ({t.Machine.JointDescription(c, from)})"));
        return c;
    }

    public static JObject Handle(JThread t, JClass from, in CpEntry entry)
    {
        var (_, name, descriptor) = from.Pool.Member(entry.B);
        var c = Resolution.Class(t, from, from.Pool.Entries[entry.B].A);
        // The member comes first, then the classes that its descriptor names (§5.4.3.5).
        if (entry.A <= 4) _ = Resolution.Field(t, from, entry.B);
        else _ = Resolution.ResolveMethod(t, from, c, name, descriptor, from.Pool.Entries[entry.B].Tag == CpTag.InterfaceMethodref);
        var type = entry.A <= 4 ? LoadType(t, from, descriptor).Mirror : MethodType(t, from, descriptor);
        return (JObject)t.Call(t.Machine.Known.LinkMethodHandleConstant, Value.Of(from.Mirror), Value.Of((int)entry.A), Value.Of(c.Mirror), Value.Of(t.Machine.Intern(name)), Value.Of(type)).Ref!;
    }

    /// <summary>A call of MethodHandle.invoke, invokeExact or of an accessor of VarHandle.</summary>
    public static LinkedCall LinkMethod(JThread t, JClass from, JClass c, string name, string descriptor)
    {
        var type = MethodType(t, from, descriptor);
        var appendix = new object?[2];
        appendix[0] = t.Machine.ObjectClass.ArrayClass;
        var member = t.Call(t.Machine.Known.LinkMethod, Value.Of(from.Mirror), Value.Of(5), Value.Of(c.Mirror), Value.Of(t.Machine.Intern(name)), Value.Of(type), Value.Of(appendix)).Ref!;
        return Link(t, from, member, appendix[1], Descriptor.ParameterSlots(descriptor) + 1);
    }

    public static LinkedCall LinkDynamic(JThread t, JClass from, int index)
    {
        var entry = from.Pool.Entries[index];
        var (name, descriptor) = from.Pool.NameAndType(entry.B);
        var appendix = new object?[2];
        appendix[0] = t.Machine.ObjectClass.ArrayClass;
        object member;
        try
        {
            var (bootstrap, arguments) = Bootstrap(t, from, entry.A);
            var type = MethodType(t, from, descriptor);
            member = t.Call(t.Machine.Known.LinkCallSite, Value.Of(from.Mirror), Value.Of(index), Value.Of(bootstrap), Value.Of(t.Machine.Intern(name)), Value.Of(type), Value.Of(arguments), Value.Of(appendix)).Ref!;
        }
        catch (JavaThrow e) when (!e.Throwable.Class().IsSubclassOf(t.Machine.Known.Error))
        {
            throw t.Error("java/lang/BootstrapMethodError", null, e.Throwable);
        }
        return Link(t, from, member, appendix[1], Descriptor.ParameterSlots(descriptor));
    }

    public static object? DynamicConstant(JThread t, JClass from, int index)
    {
        var entry = from.Pool.Entries[index];
        var (name, descriptor) = from.Pool.NameAndType(entry.B);
        try
        {
            var (bootstrap, arguments) = Bootstrap(t, from, entry.A);
            var type = LoadType(t, from, descriptor).Mirror;
            return t.Call(t.Machine.Known.LinkDynamicConstant, Value.Of(from.Mirror), Value.Of(index), Value.Of(bootstrap), Value.Of(t.Machine.Intern(name)), Value.Of(type), Value.Of(arguments)).Ref;
        }
        catch (JavaThrow e) when (!e.Throwable.Class().IsSubclassOf(t.Machine.Known.Error))
        {
            throw t.Error("java/lang/BootstrapMethodError", null, e.Throwable);
        }
    }

    /// <summary>The bootstrap method, and its static arguments as linkCallSite takes them: null, the only one, or an array.</summary>
    private static (object Method, object? Arguments) Bootstrap(JThread t, JClass from, int index)
    {
        var row = from.File!.BootstrapMethods[index];
        var method = Constants.Load(t, from, row.Handle).Ref!;
        if (row.Arguments.Length == 0) return (method, null);
        if (row.Arguments.Length == 1) return (method, Constants.Load(t, from, row.Arguments[0]).Ref);
        var array = new object?[row.Arguments.Length + 1];
        array[0] = t.Machine.ObjectClass.ArrayClass;
        for (var i = 0; i < row.Arguments.Length; i++) array[i + 1] = Constants.Load(t, from, row.Arguments[i]).Ref;
        return (method, array);
    }

    private static LinkedCall Link(JThread t, JClass from, object memberName, object? appendix, int slots)
    {
        var site = (CallSite*)from.Memory.AllocateNative(sizeof(CallSite));
        site->Target = Target(t, memberName);
        site->AppendixSlot = slots;
        // The adapter's class is a hidden one that nothing else may keep.
        from.Memory.Keep(memberName);
        if (appendix != null) site->Appendix = from.Memory.NewReference(appendix);
        return new LinkedCall(site);
    }
}
