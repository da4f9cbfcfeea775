using System.Reflection;
using System.Reflection.Emit;
using Holon.Jvm.Heap;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Compiler;

/// <summary>
/// The bridges between slots and .NET arguments, one pair for each shape of methods. A shape is the kinds of the arguments
/// (I J F D R), a colon and the kind of the result: <c>RIJ:V</c>. Compiled code of that shape is a .NET method that takes the
/// thread, the address of its <see cref="MethodSlot"/>, and the arguments.
/// </summary>
internal sealed unsafe class Stubs
{
    private readonly Dictionary<string, (nint Enter, nint Leave)> _stubs = [];
    private readonly List<DynamicMethod> _kept = [];

    public static string ShapeOf(JMethod m)
    {
        var text = new System.Text.StringBuilder();
        if (!m.IsStatic) text.Append('R');
        foreach (var kind in m.Parameters) text.Append(StackKind(kind));
        return text.Append(':').Append(StackKind(m.ReturnKind)).ToString();
    }

    /// <summary>The kind on the operand stack of what a descriptor's first letter stands for.</summary>
    public static char StackKind(char kind) => kind switch
    {
        'Z' or 'B' or 'C' or 'S' => 'I',
        'L' or '[' => 'R',
        _ => kind,
    };

    public static Type TypeOf(char kind) => kind switch
    {
        'I' => typeof(int),
        'J' => typeof(long),
        'F' => typeof(float),
        'D' => typeof(double),
        'R' => typeof(object),
        _ => typeof(void),
    };

    /// <summary>The parameter types of compiled code of a shape.</summary>
    public static Type[] Signature(string shape) => [typeof(JThread), typeof(nint), .. shape[..shape.IndexOf(':')].Select(TypeOf)];

    public static Type ResultOf(string shape) => TypeOf(shape[^1]);

    /// <summary>From slots to compiled code.</summary>
    public nint Enter(string shape) => Get(shape).Enter;

    /// <summary>From compiled code to the interpreter or a native method.</summary>
    public nint Leave(string shape) => Get(shape).Leave;

    /// <summary>What compiled code calls for a method.</summary>
    public nint EntryOf(MethodSlot* slot)
    {
        if (slot->Entry == 0)
        {
            var leave = Leave(ShapeOf(slot->Managed));
            Interlocked.CompareExchange(ref slot->Entry, leave, 0);
        }
        return slot->Entry;
    }

    private (nint Enter, nint Leave) Get(string shape)
    {
        lock (_stubs)
        {
            if (!_stubs.TryGetValue(shape, out var pair)) _stubs[shape] = pair = (MakeEnter(shape), MakeLeave(shape));
            return pair;
        }
    }

    private nint MakeEnter(string shape)
    {
        var method = new DynamicMethod("enter " + shape, typeof(void), [typeof(JThread), typeof(nint), typeof(nint), typeof(nint)], typeof(Stubs).Module, true);
        var il = method.GetILGenerator();
        var result = shape[^1];
        // The address that the result goes to comes first.
        if (result != 'V') il.Emit(result == 'R' ? OpCodes.Ldarg_3 : OpCodes.Ldarg_2);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldarg_1);
        var slot = 0;
        foreach (var kind in shape[..^2])
        {
            il.Emit(kind == 'R' ? OpCodes.Ldarg_3 : OpCodes.Ldarg_2);
            il.Emit(OpCodes.Ldc_I4, slot * 8);
            il.Emit(OpCodes.Add);
            il.Emit(LoadOf(kind));
            slot += kind is 'J' or 'D' ? 2 : 1;
        }
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Ldc_I4, Emitted.EntryOffset);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Ldind_I);
        il.EmitCalli(OpCodes.Calli, CallingConventions.Standard, ResultOf(shape), Signature(shape), null);
        if (result != 'V') il.Emit(StoreOf(result));
        il.Emit(OpCodes.Ret);
        return Finish(method);
    }

    private nint MakeLeave(string shape)
    {
        var method = new DynamicMethod("leave " + shape, ResultOf(shape), Signature(shape), typeof(Stubs).Module, true);
        var il = method.GetILGenerator();
        var p = il.DeclareLocal(typeof(nint));
        var r = il.DeclareLocal(typeof(nint));
        var none = il.DefineLabel();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Call, Emitted.Method(nameof(CompiledRuntime.EnterSlots)));
        il.Emit(OpCodes.Stloc, p);
        il.Emit(OpCodes.Ldloc, p);
        il.Emit(OpCodes.Brfalse, none);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldloc, p);
        il.Emit(OpCodes.Call, Emitted.Method(nameof(CompiledRuntime.ReferenceSlot)));
        il.Emit(OpCodes.Stloc, r);
        var slot = 0;
        short argument = 2;
        foreach (var kind in shape[..^2])
        {
            il.Emit(OpCodes.Ldloc, kind == 'R' ? r : p);
            il.Emit(OpCodes.Ldc_I4, slot * 8);
            il.Emit(OpCodes.Add);
            il.Emit(OpCodes.Ldarg, argument++);
            il.Emit(StoreOf(kind));
            slot += kind is 'J' or 'D' ? 2 : 1;
        }
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Ldloc, p);
        il.Emit(OpCodes.Ldloc, r);
        il.Emit(OpCodes.Call, Emitted.Method(nameof(CompiledRuntime.Interpret)));
        var result = shape[^1];
        if (result != 'V')
        {
            il.Emit(OpCodes.Ldloc, result == 'R' ? r : p);
            il.Emit(LoadOf(result));
        }
        il.Emit(OpCodes.Ret);
        il.MarkLabel(none);
        if (result != 'V') Emitted.EmitDefault(il, result);
        il.Emit(OpCodes.Ret);
        return Finish(method);
    }

    private nint Finish(DynamicMethod method)
    {
        _kept.Add(method);
        return Emitted.Address(method);
    }

    public static OpCode LoadOf(char kind) => kind switch
    {
        'I' => OpCodes.Ldind_I4,
        'J' => OpCodes.Ldind_I8,
        'F' => OpCodes.Ldind_R4,
        'D' => OpCodes.Ldind_R8,
        _ => OpCodes.Ldind_Ref,
    };

    public static OpCode StoreOf(char kind) => kind switch
    {
        'I' => OpCodes.Stind_I4,
        'J' => OpCodes.Stind_I8,
        'F' => OpCodes.Stind_R4,
        'D' => OpCodes.Stind_R8,
        _ => OpCodes.Stind_Ref,
    };
}
