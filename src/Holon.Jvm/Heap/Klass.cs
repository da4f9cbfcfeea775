using Holon.Jvm.Interpreter;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Heap;

/// <summary>
/// What running code needs of a class, at an address that never moves: objects point to it, decoded and compiled code has its
/// address as a constant. It lies in a pinned array, so that it may hold a reference.
/// </summary>
internal unsafe struct Klass
{
    public const int DisplaySize = 8;

    public JClass Managed;

    /// <summary>Virtual methods, by index.</summary>
    public MethodSlot** VTable;

    /// <summary>How many superclasses it has; interfaces and array classes have -1 and are compared by name of their parts.</summary>
    public int Depth;

    /// <summary>Not zero once its initializer has run.</summary>
    public int Initialized;

    /// <summary>Superclasses from Object down to itself.</summary>
    public fixed long Display[DisplaySize];

    /// <summary>The last classes that slow checks found this one to be a kind of, and not to be one.</summary>
    public nint LastSuper, LastStranger;

    /// <summary>Bytes of an instance.</summary>
    public int InstanceBytes;

    /// <summary>Where an instance has the reference that keeps its class alive; 0 when its class is never unloaded.</summary>
    public int KeepOffset;

    /// <summary>Not zero when its instances are to be finalized.</summary>
    public int HasFinalizer;

    /// <summary>A type of .NET whose instances are this class's objects; null when it cannot have any.</summary>
    public Type? Shape;
}

/// <summary>What running code needs of a method, at an address that never moves.</summary>
internal unsafe struct MethodSlot
{
    public JMethod Managed;

    /// <summary>Decoded code; null until first called, and for native and abstract methods.</summary>
    public Insn* Code;

    /// <summary>What compiled code calls: compiled code, or a stub that runs the interpreter or a native; null until one is needed.</summary>
    public nint Entry;

    /// <summary>What the interpreter calls to enter compiled code; null while there is none.</summary>
    public nint Enter;

    /// <summary>Slots of a frame (locals, operand stack, scratch) and of the arguments.</summary>
    public int FrameSlots, ArgumentSlots;

    /// <summary>Calls by the interpreter, and a share for the loops it ran: what compilation is decided by.</summary>
    public int Calls;

    public int VTableIndex;
}
