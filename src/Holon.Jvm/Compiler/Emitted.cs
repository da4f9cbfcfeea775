using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using Holon.Jvm.Heap;
using Holon.Jvm.Interpreter;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Compiler;

/// <summary>What emitted CIL refers to: fields and offsets of the machine's structures, and helpers of <see cref="CompiledRuntime"/>.</summary>
internal static unsafe class Emitted
{
    public static readonly FieldInfo Top = Field(nameof(JThread.Top)), EntryLimit = Field(nameof(JThread.EntryLimit)), Exception = Field(nameof(JThread.Exception)), Poll = Field(nameof(JThread.Poll)), StackEnd = Field(nameof(JThread.StackEnd)), Budget = Field(nameof(JThread.Budget)), CalledHandle = Field(nameof(JThread.CalledHandle)), AllocationLeft = Field(nameof(JThread.AllocationLeft));
    public static readonly FieldInfo Klass = typeof(JObject).GetField(nameof(JObject.Klass))!;

    /// <summary>Seen through this class, an array's elements begin at <see cref="ArrayView.First"/>.</summary>
    public static readonly FieldInfo Elements = typeof(ArrayView).GetField(nameof(ArrayView.First))!;

    public static readonly int EntryOffset, VTableOffset, DisplayOffset, HasFinalizerOffset, PlaceOffset;

    static Emitted()
    {
        // Structures with references are laid out as the runtime likes.
        MethodSlot slot = default;
        EntryOffset = (int)((byte*)&slot.Entry - (byte*)&slot);
        Heap.Klass klass = default;
        VTableOffset = (int)((byte*)&klass.VTable - (byte*)&klass);
        HasFinalizerOffset = (int)((byte*)&klass.HasFinalizer - (byte*)&klass);
        DisplayOffset = (int)((byte*)klass.Display - (byte*)&klass);
        Frame frame;
        PlaceOffset = (int)((byte*)&frame.Pc - (byte*)&frame);
    }

    private static readonly Dictionary<string, MethodInfo> Methods = typeof(CompiledRuntime).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly).ToDictionary(m => m.Name);

    private static FieldInfo Field(string name) => typeof(JThread).GetField(name)!;

    public static MethodInfo Method(string name) => Methods[name];

    public static void EmitDefault(ILGenerator il, char kind)
    {
        switch (kind)
        {
            case 'I': il.Emit(OpCodes.Ldc_I4_0); break;
            case 'J': il.Emit(OpCodes.Ldc_I8, 0L); break;
            case 'F': il.Emit(OpCodes.Ldc_R4, 0f); break;
            case 'D': il.Emit(OpCodes.Ldc_R8, 0d); break;
            case 'R': il.Emit(OpCodes.Ldnull); break;
        }
    }

    /// <summary>Compiles a method now and gives the address to call it at.</summary>
    public static nint Address(DynamicMethod method)
    {
        var handle = GetMethodDescriptor(method);
        RuntimeHelpers.PrepareMethod(handle);
        return handle.GetFunctionPointer();
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "GetMethodDescriptor")]
    private static extern RuntimeMethodHandle GetMethodDescriptor(DynamicMethod method);

#pragma warning disable CS0649 // looked at, never made
    internal sealed class ArrayView
    {
        public long Length;
        public byte First;
    }
#pragma warning restore CS0649
}
