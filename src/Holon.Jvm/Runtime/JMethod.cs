using Holon.Jvm.ClassFile;
using Holon.Jvm.Compiler;
using Holon.Jvm.Heap;
using Holon.Jvm.Interpreter;
using Holon.Jvm.Natives;

namespace Holon.Jvm.Runtime;

/// <summary>Methods that the machine executes itself, whatever their declaration says (JVMS §2.9.3 and the JDK's linkers).</summary>
internal enum MethodIntrinsic : byte
{
    None,

    /// <summary>MethodHandle.invoke, invokeExact and the accessors of VarHandle: linked at each call site.</summary>
    SignaturePolymorphic,
    InvokeBasic,
    LinkToStatic,
    LinkToSpecial,
    LinkToVirtual,
    LinkToInterface,
}

/// <summary>A method of a loaded class.</summary>
internal sealed unsafe class JMethod
{
    public readonly JClass Class;
    public readonly MethodInfo Info;
    public readonly int Index;

    /// <summary>The part that running code uses.</summary>
    public readonly MethodSlot* Slot;

    /// <summary>Parameter kinds without the receiver (B, C, D, F, I, J, S, Z, R), and that of the result (also V).</summary>
    public readonly char[] Parameters;
    public readonly char ReturnKind;

    public MethodIntrinsic Intrinsic;

    /// <summary>Its C# implementation, once bound.</summary>
    public NativeMethod? Native;

    /// <summary>Its decoded code, once called.</summary>
    public DecodedCode? Decoded;

    /// <summary>What the compiler made of it, once it was asked to.</summary>
    public CompilationState? Compilation;

    /// <summary>Whether a class that was loaded overrides it.</summary>
    public bool IsOverridden;

    /// <summary>Whether it stands for default methods of interfaces of which none is more specific than the others.</summary>
    public bool IsConflict;

    public JMethod(JClass owner, MethodInfo info, int index)
    {
        Class = owner;
        Info = info;
        Index = index;
        Slot = owner.Memory.NewMethod();
        Slot->Managed = this;
        Slot->VTableIndex = -1;
        var kinds = new List<char>(4);
        var d = info.Descriptor;
        var slots = IsStatic ? 0 : 1;
        var i = 1;
        for (; d[i] != ')'; i = Descriptor.EndOfType(d, i))
        {
            kinds.Add(d[i] is 'L' or '[' ? 'R' : d[i]);
            slots += d[i] is 'J' or 'D' ? 2 : 1;
        }
        Parameters = [.. kinds];
        ReturnKind = d[i + 1] is 'L' or '[' ? 'R' : d[i + 1];
        Slot->ArgumentSlots = slots;
        // Two slots more than the code asks for: scratch for swaps and the object that a synchronized method locks. A native method's frame holds its result.
        Slot->FrameSlots = info.Code == null ? slots + 2 : info.Code.MaxLocals + info.Code.MaxStack + (owner.Memory.IsPermanent ? 2 : 3);
    }

    /// <summary>The slot of a frame in which an interpreted method keeps its class from being unloaded; -1 when nothing unloads it.</summary>
    public int KeepSlot => Class.Memory.IsPermanent || Info.Code == null ? -1 : Info.Code.MaxLocals;

    public string Name => Info.Name;
    public string Desc => Info.Descriptor;
    public Acc Flags => Info.Flags;
    public bool IsStatic => (Info.Flags & Acc.Static) != 0;
    public bool IsNative => (Info.Flags & Acc.Native) != 0;
    public bool IsAbstract => (Info.Flags & Acc.Abstract) != 0;
    public bool IsPrivate => (Info.Flags & Acc.Private) != 0;
    public bool IsSynchronized => (Info.Flags & Acc.Synchronized) != 0;
    public bool IsFinal => (Info.Flags & Acc.Final) != 0 || (Class.Flags & Acc.Final) != 0;

    /// <summary>Whether it is always interpreted, because its variables are looked at on the stack: access control asks for them.</summary>
    public bool KeepsFrame => Name == "executePrivileged" && Class.Name == "java/security/AccessController";

    public bool IsInitializer => Name[0] == '<';

    /// <summary>Whether frames of it are left out of stack traces: what the class library marks so, and all of hidden classes (lambdas).</summary>
    public bool IsHidden => Info.HiddenFrame || Class.IsHidden;

    /// <summary>Source line of an instruction, or -1.</summary>
    public int LineOf(int bci)
    {
        var line = -1;
        var best = -1;
        foreach (var (start, number) in Info.Code?.Lines ?? [])
        {
            if (start <= bci && start >= best) (best, line) = (start, number);
        }
        return line;
    }

    public override string ToString() => $"{Class.Name}.{Name}{Desc}";
}
