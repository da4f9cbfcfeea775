using Holon.Jvm.ClassFile;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Interpreter;

/// <summary>
/// Resolves symbolic references (JVMS §5.4.3) when an operation first runs, and rewrites the operation so that the next time it
/// needs none. Operands are written before the operation's code, so another thread sees the old operation or the whole new one.
/// </summary>
internal static unsafe class Resolution
{
    private static void Rewrite(Insn* pc, Op op, long imm)
    {
        pc->Imm = imm;
        Volatile.Write(ref *(ushort*)&pc->Op, (ushort)op);
    }

    /// <summary>
    /// The constant pool index of an operation that is not resolved, from the bytecode: another thread may have resolved the operation
    /// meanwhile, and then it is not in the operation any more.
    /// </summary>
    private static int PoolIndex(Frame* frame, Insn* pc)
    {
        const int Ldc = 18;
        var method = frame->M->Managed;
        var code = method.Info.Code!.Bytes;
        var at = method.Decoded!.BciAt(pc);
        return code[at] == Ldc ? code[at + 1] : BytecodeReader.U2(code, at + 1);
    }

    private static JClass Caller(Frame* frame) => frame->M->Managed.Class;

    public static JClass Class(JThread t, JClass from, int index)
    {
        ref var entry = ref from.Pool.Entries[index];
        if (entry.Resolved is JClass known) return known;
        var name = from.Pool.ClassName(index);
        // What failed once fails for ever (§5.4.3).
        if (entry.Resolved is JObject failure) throw Again(t, failure, name);
        try
        {
            var c = ClassNamed(t, from, index, name);
            entry.Resolved = c;
            return c;
        }
        catch (JavaThrow e) when (e.Throwable.Class().IsSubclassOf(t.Machine.Known.LinkageError))
        {
            entry.Resolved ??= e.Throwable;
            throw;
        }
    }

    /// <summary>The failure of an earlier resolution: an error of the same class, where it happens now.</summary>
    public static JavaThrow Again(JThread t, JObject failure, string name)
    {
        var cause = failure.Ref(t.Machine.Known.ThrowableCause) as JObject;
        return t.Error(failure.Class().Name, t.Machine.ThrowableMessage(failure) is { Length: > 0 } message ? message : name, cause == failure ? null : cause);
    }

    private static JClass ClassNamed(JThread t, JClass from, int index, string name)
    {
        JClass c;
        if (from.IsHidden && index == from.File!.ThisClass)
        {
            c = from;
        }
        else
        {
            c = from.Loader.LoadNamed(t, name);
        }
        if (!Access.CanAccessClass(from, c)) throw t.Error("java/lang/IllegalAccessError", Access.DeniedMessage(from, c, $"failed to access class {c.JavaName} from class {from.JavaName} ({t.Machine.JointDescription(c, from)})"));
        return c;
    }

    public static bool Constant(JThread t, Frame* frame, Insn* pc)
    {
        var from = Caller(frame);
        var index = PoolIndex(frame, pc);
        var value = Constants.Load(t, from, index);
        if (pc->B != 'R')
        {
            var letter = (char)pc->B;
            var bits = Boxes.Unbox(t, value.Ref!, out _).Bits;
            if (letter is 'J' or 'D') frame->P[pc->A] = bits;
            else *(int*)(frame->P + pc->A) = (int)bits;
            return true;
        }
        Rewrite(pc, Op.LdcRef, (long)from.Memory.NewReference(value.Ref));
        return false;
    }

    public static JField Field(JThread t, JClass from, int index)
    {
        ref var entry = ref from.Pool.Entries[index];
        if (entry.Resolved is JField known) return known;
        var (_, name, descriptor) = from.Pool.Member(index);
        var c = Class(t, from, entry.A);
        var field = c.FindField(name, descriptor) ?? throw t.Error("java/lang/NoSuchFieldError", name);
        if (!Access.CanAccessMember(from, field.Class, field.Flags, c))
            throw t.Error("java/lang/IllegalAccessError", $"class {from.JavaName} tried to access {Visibility(field.Flags)}field {field.Class.JavaName}.{name} ({t.Machine.JointDescription(from, field.Class)}){Access.NestHostErrors(from, field.Class, field.Flags)}");
        t.Machine.Constraints.CheckField(t, from, field.Class, name, descriptor);
        entry.Resolved = field;
        return field;
    }

    private static string Visibility(Acc flags) => (flags & Acc.Private) != 0 ? "private " : (flags & Acc.Protected) != 0 ? "protected " : "";

    private static JField AccessField(JThread t, Frame* frame, Insn* pc, bool isStatic, bool put)
    {
        var from = Caller(frame);
        var field = Field(t, from, PoolIndex(frame, pc));
        if (field.IsStatic != isStatic)
            throw t.Error("java/lang/IncompatibleClassChangeError", $"Expected {(isStatic ? "static" : "non-static")} field {field.Class.JavaName}.{field.Name}");
        if (put && (field.Flags & Acc.Final) != 0)
        {
            var inInitializer = frame->M->Managed.Name == (isStatic ? "<clinit>" : "<init>") || from.File!.MajorVersion < 53;
            if (field.Class != from || !inInitializer)
                throw t.Error("java/lang/IllegalAccessError", field.Class != from
                    ? $"Update to {(isStatic ? "static" : "non-static")} final field {field.Class.JavaName}.{field.Name} attempted from a different class ({from.JavaName}) than the field's declaring class"
                    : $"Update to {(isStatic ? "static" : "non-static")} final field {field.Class.JavaName}.{field.Name} attempted from a different method ({frame->M->Managed.Name}) than the initializer method {(isStatic ? "<clinit>" : "<init>")} ");
        }
        return field;
    }

    private static Op Sized(char kind, Op bytes) => bytes + (ushort)(kind switch
    {
        'C' => 1,
        'S' => 2,
        'I' or 'F' => 3,
        'J' or 'D' => 4,
        'R' => 5,
        _ => 0,
    });

    public static void InstanceField(JThread t, Frame* frame, Insn* pc, bool put)
    {
        var field = AccessField(t, frame, pc, false, put);
        var kind = field.Kind;
        Op op;
        if (field.IsReferent) op = put ? Op.PutFieldReferent : Op.GetFieldReferent;
        else if (field.IsVolatile) op = put ? Op.PutFieldVolatile : Op.GetFieldVolatile;
        else op = Sized(kind, put ? Op.PutFieldB : Op.GetFieldB);
        pc->C = kind;
        Rewrite(pc, op, field.Offset);
    }

    /// <summary>True when the access is done already: by the thread that is running the class's initializer.</summary>
    public static bool StaticField(JThread t, Frame* frame, Insn* pc, bool put)
    {
        var field = AccessField(t, frame, pc, true, put);
        Initialization.Initialize(t, field.Class);
        if (field.Class.Ptr->Initialized == 0)
        {
            if (put) Fields.Store(field.Kind, ref *(byte*)field.Offset, frame->P + pc->A, frame->R + pc->A);
            else Fields.Load(field.Kind, ref *(byte*)field.Offset, frame->P + pc->A, frame->R + pc->A);
            return true;
        }
        pc->C = field.Kind;
        Rewrite(pc, field.IsVolatile ? put ? Op.PutStaticVolatile : Op.GetStaticVolatile : Sized(field.Kind, put ? Op.PutStaticB : Op.GetStaticB), field.Offset);
        return false;
    }

    public static bool InstanceOf(JThread t, Frame* frame, Insn* pc)
    {
        if (frame->R[pc->B] == null)
        {
            *(int*)(frame->P + pc->A) = 0; // null needs no class
            return true;
        }
        Rewrite(pc, Op.InstanceOfQ, (long)Class(t, Caller(frame), PoolIndex(frame, pc)).Ptr);
        return false;
    }

    public static bool CheckCast(JThread t, Frame* frame, Insn* pc)
    {
        if (frame->R[pc->B] == null) return true;
        Rewrite(pc, Op.CheckCastQ, (long)Class(t, Caller(frame), PoolIndex(frame, pc)).Ptr);
        return false;
    }

    public static bool New(JThread t, Frame* frame, Insn* pc)
    {
        var c = Class(t, Caller(frame), PoolIndex(frame, pc));
        if (c.IsAbstract || c.IsInterface || c.IsArray || c == t.Machine.Known.Class) throw t.Error("java/lang/InstantiationError", c.JavaName);
        Initialization.Initialize(t, c);
        if (c.Ptr->Initialized == 0)
        {
            frame->R[pc->A] = JavaMachine.NewObject(t, c);
            return true;
        }
        Rewrite(pc, Op.NewQ, (long)c.Ptr);
        return false;
    }

    public static bool ANewArray(JThread t, Frame* frame, Insn* pc)
    {
        Rewrite(pc, Op.ANewArrayQ, (long)Class(t, Caller(frame), PoolIndex(frame, pc)).ArrayClass.Ptr);
        return false;
    }

    public static void MultiNewArray(JThread t, Frame* frame, Insn* pc)
    {
        var c = Class(t, Caller(frame), PoolIndex(frame, pc));
        Span<int> counts = stackalloc int[pc->B];
        for (var i = 0; i < counts.Length; i++) counts[i] = (int)frame->P[pc->A + i];
        frame->R[pc->A] = Arrays.NewMulti(t, c, counts);
    }

    private static JMethod Method(JThread t, JClass from, int index, out JClass named)
    {
        ref var entry = ref from.Pool.Entries[index];
        named = Class(t, from, entry.A);
        if (entry.Resolved is JMethod known) return known;
        var (_, name, descriptor) = from.Pool.Member(index);
        var method = ResolveMethod(t, from, named, name, descriptor, entry.Tag == CpTag.InterfaceMethodref);
        entry.Resolved = method;
        return method;
    }

    /// <summary>Method resolution with its checks (JVMS §5.4.3.3, §5.4.3.4).</summary>
    public static JMethod ResolveMethod(JThread t, JClass from, JClass c, string name, string descriptor, bool isInterface)
    {
        if (c.IsInterface != isInterface)
            throw t.Error("java/lang/IncompatibleClassChangeError", isInterface ? $"Found class {c.JavaName}, but interface was expected" : $"Found interface {c.JavaName}, but class was expected");
        var method = c.FindMethod(name, descriptor) ?? MethodHandles.FindPolymorphic(c, name)
            ?? throw t.Error("java/lang/NoSuchMethodError", $"'{Messages.External(c, name, descriptor)}'");
        if (!Access.CanAccessMember(from, method.Class, method.Flags, c))
            throw t.Error("java/lang/IllegalAccessError", $"class {from.JavaName} tried to access {(method.IsAbstract ? "abstract " : "")}{Visibility(method.Flags)}method '{Messages.External(method)}' ({t.Machine.JointDescription(from, method.Class)}){Access.NestHostErrors(from, method.Class, method.Flags)}");
        if (method.Intrinsic != MethodIntrinsic.SignaturePolymorphic) t.Machine.Constraints.CheckMethod(t, from, method.Class, name, descriptor);
        return method;
    }

    private static void CheckStatic(JThread t, JMethod method, bool isStatic, bool isInterface = false)
    {
        if (method.IsStatic == isStatic) return;
        var what = isStatic ? "Expected static" : isInterface ? "Expected instance not static" : "Expecting non-static";
        throw t.Error("java/lang/IncompatibleClassChangeError", $"{what} method '{Messages.External(method)}'");
    }

    /// <summary>The method to call now, or null when the operation was rewritten and is to run again.</summary>
    public static MethodSlot* StaticCall(JThread t, Frame* frame, Insn* pc)
    {
        var from = Caller(frame);
        var index = PoolIndex(frame, pc);
        var method = Method(t, from, index, out _);
        CheckStatic(t, method, true);
        if (method.Intrinsic != MethodIntrinsic.None)
        {
            pc->B = (ushort)Descriptor.ParameterSlots(from.Pool.Member(index).Descriptor);
            pc->C = (ushort)method.Intrinsic;
            Rewrite(pc, Op.CallLinkTo, 0);
            return null;
        }
        Initialization.Initialize(t, method.Class);
        if (method.Class.Ptr->Initialized == 0) return method.Slot;
        Rewrite(pc, Op.CallStatic, (long)method.Slot);
        return null;
    }

    public static void SpecialCall(JThread t, Frame* frame, Insn* pc)
    {
        var from = Caller(frame);
        var method = Method(t, from, PoolIndex(frame, pc), out var named);
        CheckStatic(t, method, false, named.IsInterface);
        if (method.Name != "<init>" && !method.IsPrivate && !named.IsInterface && from != named && from.IsSubclassOf(named) && (from.Flags & Acc.Super) != 0)
            method = SpecialIn(from.Super!, from.Super!.FindMethod(method.Name, method.Desc) ?? method);
        else if (method.Name != "<init>")
            method = SpecialIn(named, method);
        else if (method.Class != named)
            throw t.Error("java/lang/NoSuchMethodError", $"{named.JavaName}: method {Messages.External(method)} not found");
        if (method.IsAbstract) throw t.Error("java/lang/AbstractMethodError", $"'{Messages.External(method)}'");
        Rewrite(pc, Op.CallSpecial, (long)method.Slot);
    }

    /// <summary>What a class has for an interface's method that was resolved in it: of several defaults none is chosen (JVMS §6.5, invokespecial).</summary>
    private static JMethod SpecialIn(JClass c, JMethod method) =>
        method.Class.IsInterface && !method.IsPrivate && !c.IsInterface && c.VTableIndex(method.Name, method.Desc) is >= 0 and var index ? c.VTable[index] : method;

    public static void VirtualCall(JThread t, Frame* frame, Insn* pc)
    {
        var from = Caller(frame);
        var index = PoolIndex(frame, pc);
        ref var entry = ref from.Pool.Entries[index];
        if (entry.Resolved is LinkedCall linked)
        {
            Rewrite(pc, Op.CallHandle, (long)linked.Site);
            return;
        }
        var isFirst = entry.Resolved == null;
        var method = Method(t, from, index, out var named);
        CheckStatic(t, method, false);
        if (method.Intrinsic == MethodIntrinsic.InvokeBasic)
        {
            Rewrite(pc, Op.CallBasic, 0);
        }
        else if (method.Intrinsic == MethodIntrinsic.SignaturePolymorphic)
        {
            var (_, name, descriptor) = from.Pool.Member(index);
            linked = MethodHandles.LinkMethod(t, from, method.Class, name, descriptor);
            entry.Resolved = linked;
            Rewrite(pc, Op.CallHandle, (long)linked.Site);
        }
        else
        {
            if (isFirst && frame->R[pc->A] is { } receiver && SelectedVirtual(t, method, named, receiver) is var selected && t.Machine.ClassOf(receiver).MissingDefault(selected) == null)
            {
                if (selected.IsAbstract) entry.Resolved = null;
                CheckSelected(t, method, named, selected, receiver);
            }
            RewriteVirtual(pc, method, named);
        }
    }

    private static JMethod SelectedVirtual(JThread t, JMethod method, JClass named, object receiver)
    {
        var index = IndexOf(method, named);
        return method.IsPrivate || index < 0 ? method : t.Machine.ClassOf(receiver).VTable[index];
    }

    /// <summary>While an entry of the constant pool is linked, the error tells both the method that was resolved and the one that the receiver has; the entry is not linked then.</summary>
    private static void CheckSelected(JThread t, JMethod method, JClass named, JMethod selected, object receiver)
    {
        if (selected.IsAbstract) throw Messages.AbstractMethod(t, named.MissingDefault(method) ?? method, selected == method ? null : selected, t.Machine.ClassOf(receiver));
    }

    private static void RewriteVirtual(Insn* pc, JMethod method, JClass named)
    {
        var index = IndexOf(method, named);
        if (method.IsPrivate || index < 0) Rewrite(pc, Op.CallSpecial, (long)method.Slot);
        else RewriteVirtual(pc, index);
    }

    private static int IndexOf(JMethod method, JClass named) => method.Class.IsInterface ? named.VTableIndex(method.Name, method.Desc) : method.Slot->VTableIndex;

    /// <summary>The index goes where it fits; Imm then notes the receiver's class, for the compiler.</summary>
    private static void RewriteVirtual(Insn* pc, int index)
    {
        pc->C = checked((ushort)index);
        Rewrite(pc, Op.CallVirtual, 0);
    }

    public static void InterfaceCall(JThread t, Frame* frame, Insn* pc)
    {
        var from = Caller(frame);
        ref var entry = ref from.Pool.Entries[PoolIndex(frame, pc)];
        var isFirst = entry.Resolved == null;
        var method = Method(t, from, PoolIndex(frame, pc), out var named);
        CheckStatic(t, method, false, true);
        if (isFirst && frame->R[pc->A] is { } receiver && method.Class.IsInterface)
        {
            try
            {
                CheckSelected(t, method, named, Types.InterfaceTarget(t, t.Machine.ClassOf(receiver).Ptr, method.Slot, null, null)->Managed, receiver);
            }
            catch (JavaThrow)
            {
                entry.Resolved = null;
                throw;
            }
        }
        var site = from.Memory.NewInterfaceSite();
        site->Method = method.Slot;
        site->Named = method.Class.IsInterface ? null : named.Ptr;
        Rewrite(pc, Op.CallInterface, (long)site);
    }

    public static void DynamicCall(JThread t, Frame* frame, Insn* pc)
    {
        var index = PoolIndex(frame, pc);
        var linked = MethodHandles.LinkDynamic(t, Caller(frame), index);
        lock (frame->M->Managed)
        {
            // Each call site links once: whoever comes second takes the first one's result.
            if (pc->Op == Op.InvokeDynamic) Rewrite(pc, Op.CallHandle, (long)linked.Site);
        }
    }
}
