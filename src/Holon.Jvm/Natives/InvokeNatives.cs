using System.Text;
using Holon.Jvm.ClassFile;
using Holon.Jvm.Heap;
using Holon.Jvm.Interpreter;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Natives;

/// <summary>java.lang.invoke.MethodHandleNatives: what a MemberName stands for.</summary>
internal static unsafe class InvokeNatives
{
    private const int IsMethod = 0x10000, IsConstructor = 0x20000, IsField = 0x40000, CallerSensitive = 0x100000, TrustedFinal = 0x200000;
    private const int KindShift = 24;
    private const int GetField = 1, GetStatic = 2, InvokeVirtual = 5, InvokeStatic = 6, InvokeSpecial = 7, NewInvokeSpecial = 8, InvokeInterface = 9;

    public static void Register(Func<string, NativeClass> of)
    {
        of("java/lang/invoke/MethodHandleNatives")
            .Void("init(Ljava/lang/invoke/MemberName;Ljava/lang/Object;)V", Init)
            .Void("expand(Ljava/lang/invoke/MemberName;)V", Expand)
            .Ref("resolve(Ljava/lang/invoke/MemberName;Ljava/lang/Class;IZ)Ljava/lang/invoke/MemberName;", Resolve)
            .Int("getMembers(Ljava/lang/Class;Ljava/lang/String;Ljava/lang/String;ILjava/lang/Class;I[Ljava/lang/invoke/MemberName;)I", _ => 0)
            .Long("objectFieldOffset(Ljava/lang/invoke/MemberName;)J", a => FieldOf(a, a.Object(0)).Offset)
            .Long("staticFieldOffset(Ljava/lang/invoke/MemberName;)J", a => FieldOf(a, a.Object(0)).Offset)
            .Ref("staticFieldBase(Ljava/lang/invoke/MemberName;)Ljava/lang/Object;", a => FieldOf(a, a.Object(0)).Class.Mirror)
            .Ref("getMemberVMInfo(Ljava/lang/invoke/MemberName;)Ljava/lang/Object;", VMInfo)
            .Void("setCallSiteTargetNormal(Ljava/lang/invoke/CallSite;Ljava/lang/invoke/MethodHandle;)V", SetTarget)
            .Void("setCallSiteTargetVolatile(Ljava/lang/invoke/CallSite;Ljava/lang/invoke/MethodHandle;)V", SetTarget)
            .Void("clearCallSiteContext(Ljava/lang/invoke/MethodHandleNatives$CallSiteContext;)V", _ => { })
            .Int("getNamedCon(I[Ljava/lang/Object;)I", _ => 0);
    }

    private static void SetTarget(Args a)
    {
        var site = a.Object(0);
        site.Ref(Known.Offset(a.Machine.BootLoader.Load(a.Thread, "java/lang/invoke/CallSite"), "target")) = a.Ref(1);
        Interlocked.MemoryBarrier();
    }

    /// <summary>The descriptor in a MemberName's type: a MethodType, a Class or a descriptor string.</summary>
    private static string DescriptorOf(Args a, object type)
    {
        var c = a.Machine.ClassOf(type);
        if (c.Name == "java/lang/String") return a.Machine.StringOf(type)!;
        if (c.Name == "java/lang/Class") return a.Machine.ClassOfMirror(type).TypeDescriptor;
        var o = (JObject)type;
        var text = new StringBuilder("(");
        foreach (var p in ((object?[])o.Ref(Known.Offset(c, "ptypes"))!).Skip(1)) text.Append(a.Machine.ClassOfMirror(p!).TypeDescriptor);
        return text.Append(')').Append(a.Machine.ClassOfMirror(o.Ref(Known.Offset(c, "rtype"))!).TypeDescriptor).ToString();
    }

    private static JField FieldOf(Args a, JObject member)
    {
        var known = a.Machine.Known;
        var c = a.Machine.ClassOfMirror(member.Ref(known.MemberNameClass)!);
        return c.FindField(a.Machine.StringOf(member.Ref(known.MemberNameName))!, DescriptorOf(a, member.Ref(known.MemberNameType)!))!;
    }

    private static void Init(Args a)
    {
        var reflected = a.Object(1);
        var member = a.Object(0);
        switch (reflected.Class().Name)
        {
            case "java/lang/reflect/Field":
                SetField(a, member, ReflectNatives.FieldOf(a, reflected), false);
                break;
            case "java/lang/reflect/Method" or "java/lang/reflect/Constructor":
                var method = ReflectNatives.MethodOf(a, reflected);
                SetMethod(a.Thread, member, method, KindOf(method));
                break;
            default:
                throw a.Thread.Error("java/lang/InternalError", "unrecognized type");
        }
    }

    private static int KindOf(JMethod m) => m.IsStatic ? InvokeStatic : m.IsInitializer || m.IsPrivate || m.IsFinal ? InvokeSpecial : m.Class.IsInterface ? InvokeInterface : InvokeVirtual;

    private static void SetField(Args a, JObject member, JField field, bool setter)
    {
        var known = a.Machine.Known;
        var kind = (field.IsStatic ? GetStatic : GetField) + (setter ? 2 : 0);
        var trusted = (field.Flags & Acc.Final) != 0 && (field.IsStatic || field.Class.IsHidden || field.Class.File!.IsRecord);
        member.Field<int>(known.MemberNameFlags) = (int)field.Flags & 0xFFFF | IsField | kind << KindShift | (trusted ? TrustedFinal : 0);
        member.Ref(known.MemberNameClass) = field.Class.Mirror;
        member.Ref(known.MemberNameMethod) = null;
    }

    public static void SetMethod(JThread t, JObject member, JMethod method, int kind)
    {
        var known = t.Machine.Known;
        var flags = (int)method.Flags & 0xFFFF | (method.Name == "<init>" ? IsConstructor : IsMethod) | kind << KindShift;
        if (method.Info.CallerSensitive) flags |= CallerSensitive;
        member.Field<int>(known.MemberNameFlags) = flags;
        member.Ref(known.MemberNameClass) = method.Class.Mirror;
        var resolved = known.ResolvedMethodName.Allocate();
        resolved.Field<long>(known.ResolvedTarget) = (long)method.Slot;
        resolved.Ref(known.ResolvedHolder) = method.Class.Mirror;
        member.Ref(known.MemberNameMethod) = resolved;
    }

    private static void Expand(Args a)
    {
        var known = a.Machine.Known;
        var member = a.Object(0);
        if (MethodHandles.Target(a.Thread, member) is var target && target == null) return;
        var method = target->Managed;
        if (member.Ref(known.MemberNameName) == null) member.Ref(known.MemberNameName) = a.Machine.Intern(method.Name);
        if (member.Ref(known.MemberNameType) == null) member.Ref(known.MemberNameType) = a.Machine.Intern(method.Desc);
    }

    private static object? Resolve(Args a)
    {
        var known = a.Machine.Known;
        var member = a.Object(0);
        var speculative = a.Bool(3);
        var flags = member.Field<int>(known.MemberNameFlags);
        if (member.Ref(known.MemberNameMethod) != null) return member;
        var kind = flags >> KindShift & 0xF;
        if (member.Ref(known.MemberNameClass) is not { } mirror || member.Ref(known.MemberNameName) is not { } nameObject || member.Ref(known.MemberNameType) is not { } type)
            throw a.Thread.Error("java/lang/IllegalArgumentException", "nothing to resolve");
        var c = a.Machine.ClassOfMirror(mirror);
        var name = a.Machine.StringOf(nameObject)!;
        var caller = a.Ref(1) == null ? null : a.Class(1);
        try
        {
            if ((flags & IsField) != 0) ResolveField(a, member, c, name, DescriptorOf(a, type), kind, caller);
            else ResolveMethod(a, member, c, name, DescriptorOf(a, type), kind, caller);
            return member;
        }
        catch (JavaThrow) when (speculative)
        {
            return null;
        }
    }

    private static void ResolveField(Args a, JObject member, JClass c, string name, string descriptor, int kind, JClass? caller)
    {
        if (c.IsPrimitive || c.IsArray || c.FindField(name, descriptor) is not { } field) throw a.Thread.Error("java/lang/NoSuchFieldError", name);
        if (caller != null && !Access.CanAccessMember(caller, field.Class, field.Flags, c)) throw a.Thread.Error("java/lang/IllegalAccessError", $"class {caller.JavaName} tried to access field {field.Class.JavaName}.{name}");
        SetField(a, member, field, kind >= 3);
    }

    private static void ResolveMethod(Args a, JObject member, JClass c, string name, string descriptor, int kind, JClass? caller)
    {
        var t = a.Thread;
        Initialization.Link(t, c);
        var method = c.IsPrimitive ? null : name == "<init>" ? c.DeclaredMethod(name, descriptor) : c.FindMethod(name, descriptor) ?? MethodHandles.FindPolymorphic(c, name);
        if (method == null || name == "<clinit>") throw t.Error("java/lang/NoSuchMethodError", $"'{Messages.External(c, name, descriptor)}'");
        if (method.IsStatic != (kind == InvokeStatic)) throw t.Error("java/lang/IncompatibleClassChangeError", $"Expected {(kind == InvokeStatic ? "static" : "non-static")} method '{Messages.External(method)}'");
        if (kind == InvokeInterface && !c.IsInterface) throw t.Error("java/lang/IncompatibleClassChangeError", $"Found class {c.JavaName}, but interface was expected");
        if (kind == InvokeVirtual && c.IsInterface) throw t.Error("java/lang/IncompatibleClassChangeError", $"Found interface {c.JavaName}, but class was expected");
        if (caller != null && !Access.CanAccessMember(caller, method.Class, method.Flags, c))
            throw t.Error("java/lang/IllegalAccessError", $"class {caller.JavaName} tried to access {((method.Flags & Acc.Private) != 0 ? "private " : (method.Flags & Acc.Protected) != 0 ? "protected " : "")}method '{Messages.External(method)}'");
        if (method.Intrinsic == MethodIntrinsic.SignaturePolymorphic) throw t.Error("java/lang/NoSuchMethodError", name);
        if (kind == InvokeSpecial && method.IsAbstract) throw t.Error("java/lang/AbstractMethodError", $"'{Messages.External(method)}'");
        var resolvedKind = kind is InvokeSpecial or NewInvokeSpecial ? InvokeSpecial
            : kind == InvokeInterface && !method.Class.IsInterface ? (method.IsFinal ? InvokeSpecial : InvokeVirtual)
            : method.IsStatic ? InvokeStatic
            : method.IsPrivate || method.IsFinal || method.Intrinsic != MethodIntrinsic.None ? InvokeSpecial
            : kind;
        SetMethod(t, member, method, resolvedKind);
        // A class that inherits an interface's method calls it through its own table.
        if (kind == InvokeVirtual && method.Class.IsInterface && !method.IsPrivate) member.Ref(a.Machine.Known.MemberNameClass) = c.Mirror;
    }

    private static object VMInfo(Args a)
    {
        var known = a.Machine.Known;
        var member = a.Object(0);
        var isField = (member.Field<int>(known.MemberNameFlags) & IsField) != 0;
        long index;
        object? target;
        if (isField)
        {
            index = FieldOf(a, member).Offset;
            target = member.Ref(known.MemberNameClass);
        }
        else
        {
            var slot = MethodHandles.Target(a.Thread, member);
            var kind = member.Field<int>(known.MemberNameFlags) >> KindShift & 0xF;
            index = slot != null && kind is InvokeVirtual or InvokeInterface ? Math.Max(0, slot->VTableIndex) : -1;
            target = member;
        }
        return JavaMachine.NewArray(a.Machine.ObjectClass, [Boxes.Box(a.Thread, 'J', index), target]);
    }
}
