using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.InteropServices;

namespace Holon.Python.Tier1;

/// <summary>Writes CIL, or writes nothing while the compiler only works out what is known where.</summary>
internal sealed class Cil
{
    private const BindingFlags Any = BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
    private static readonly Dictionary<(Type, string), MethodInfo> Methods = [];
    private static readonly Dictionary<(Type, string), FieldInfo> Fields = [];

    private readonly Dictionary<(int, Kind), LocalBuilder> homes = [];
    private readonly Dictionary<object, nint> addresses = new(ReferenceEqualityComparer.Instance);
    private object[] pinned = [];
    private int pinnedCount;

    public ILGenerator? Out { get; set; }

    /// <summary>Keeps alive what the code refers to by address.</summary>
    public List<object> Roots { get; } = [];

    public bool IsDry => Out is null;

    /// <summary>What is written, with the instruction it is for, when somebody wants to read it.</summary>
    public List<(int Pc, string Text)>? Listing { get; set; }

    /// <summary>In <see cref="At"/>: code in front of all instructions, and behind them.</summary>
    public const int Before = -1, After = int.MaxValue;

    /// <summary>The bytecode instruction that code is written for.</summary>
    public int At { get; set; } = Before;

    private void Note(OpCode op, object? operand = null)
    {
        if (Out is not null && Listing is not null)
            Listing.Add((At, operand is null ? op.Name! : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{op.Name} {operand}")));
    }

    private static string NameOf(Label label) => $"L{label.Id}";

    private static string NameOf(LocalBuilder? local) => $"V{local?.LocalIndex} ({local?.LocalType.Name})";

    public Label Label() => Out?.DefineLabel() ?? default;

    public void Mark(Label label)
    {
        if (Out is not null)
            Listing?.Add((At, NameOf(label) + ":"));
        Out?.MarkLabel(label);
    }

    public void Op(OpCode op)
    {
        Note(op);
        Out?.Emit(op);
    }

    public void Op(OpCode op, Type type)
    {
        Note(op, type.Name);
        Out?.Emit(op, type);
    }

    public void Op(OpCode op, int value)
    {
        Note(op, value);
        Out?.Emit(op, value);
    }

    public void Branch(OpCode op, Label label)
    {
        Note(op, NameOf(label));
        Out?.Emit(op, label);
    }

    public void Int(int value)
    {
        Note(OpCodes.Ldc_I4, value);
        Out?.Emit(OpCodes.Ldc_I4, value);
    }

    public void Long(long value)
    {
        Note(OpCodes.Ldc_I8, value);
        Out?.Emit(OpCodes.Ldc_I8, value);
    }

    public void Double(double value)
    {
        Note(OpCodes.Ldc_R8, value);
        Out?.Emit(OpCodes.Ldc_R8, value);
    }

    public void Load(LocalBuilder? local)
    {
        Note(OpCodes.Ldloc, NameOf(local));
        Out?.Emit(OpCodes.Ldloc, local!);
    }

    public void Store(LocalBuilder? local)
    {
        Note(OpCodes.Stloc, NameOf(local));
        Out?.Emit(OpCodes.Stloc, local!);
    }

    public void Address(LocalBuilder? local)
    {
        Note(OpCodes.Ldloca, NameOf(local));
        Out?.Emit(OpCodes.Ldloca, local!);
    }

    public void Argument(int index)
    {
        Note(OpCodes.Ldarg, index);
        Out?.Emit(OpCodes.Ldarg, (short)index);
    }

    public LocalBuilder? Temporary(Type type) => Out?.DeclareLocal(type);

    public void Call(Type type, string name)
    {
        if (Out is null)
            return;
        var method = Method(type, name);
        Note(OpCodes.Call, $"{type.Name}.{name}");
        Out.Emit(typeof(Delegate).IsAssignableFrom(type) || (method.IsVirtual && !type.IsSealed) ? OpCodes.Callvirt : OpCodes.Call, method);
    }

    public void Call(string support) => Call(typeof(Support), support);

    public void LoadField(Type type, string name)
    {
        Note(OpCodes.Ldfld, $"{type.Name}.{name}");
        Out?.Emit(OpCodes.Ldfld, Field(type, name));
    }

    public void FieldAddress(Type type, string name)
    {
        Note(OpCodes.Ldflda, $"{type.Name}.{name}");
        Out?.Emit(OpCodes.Ldflda, Field(type, name));
    }

    public void StoreField(Type type, string name)
    {
        Note(OpCodes.Stfld, $"{type.Name}.{name}");
        Out?.Emit(OpCodes.Stfld, Field(type, name));
    }

    /// <summary>The CIL local that holds a Python local or stack entry in one of its forms.</summary>
    public LocalBuilder? Home(int slot, Kind kind)
    {
        if (Out is null)
            return null;
        kind = kind is Kind.Int or Kind.Float or Kind.Bool ? kind : Kind.Object;
        if (!homes.TryGetValue((slot, kind), out var local))
        {
            local = Out.DeclareLocal(kind switch
            {
                Kind.Int => typeof(long),
                Kind.Float => typeof(double),
                Kind.Bool => typeof(bool),
                _ => typeof(PyObject),
            });
            homes.Add((slot, kind), local);
        }
        return local;
    }

    /// <summary>
    /// Loads an object that is known now. It stands in an array that does not move and that <see cref="Roots"/> keeps alive, so the code
    /// reads it from a fixed address; the garbage collector updates the array's elements, not the address.
    /// </summary>
    public unsafe void Object(object value)
    {
        if (Out is null)
            return;
        if (!addresses.TryGetValue(value, out var address))
        {
            if (pinnedCount == pinned.Length)
            {
                pinned = GC.AllocateArray<object>(32, pinned: true);
                pinnedCount = 0;
                Roots.Add(pinned);
            }
            pinned[pinnedCount] = value;
            // Safe: the array is pinned for its whole life and outlives the code.
            address = (nint)Unsafe.AsPointer(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(pinned), pinnedCount++));
            addresses.Add(value, address);
        }
        Listing?.Add((At, $"ldobj <{value.GetType().Name} {Shown(value)}>"));
        Out.Emit(OpCodes.Ldc_I8, (long)address);
        Out.Emit(OpCodes.Conv_I);
        Out.Emit(OpCodes.Ldind_Ref);
    }

    private static string Shown(object value) => value switch
    {
        PyFunction function => function.QualName.Value,
        PyType type => type.Name,
        PyStr or PyInt or PyFloat => Ops.Repr((PyObject)value).ToString()!,
        _ => "",
    };

    private static MethodInfo Method(Type type, string name)
    {
        lock (Methods)
        {
            if (!Methods.TryGetValue((type, name), out var method))
                Methods.Add((type, name), method = type.GetMethod(name, Any) ?? throw new InvalidOperationException($"{type.Name} has no method {name}"));
            return method;
        }
    }

    private static FieldInfo Field(Type type, string name)
    {
        lock (Fields)
        {
            if (!Fields.TryGetValue((type, name), out var field))
                Fields.Add((type, name), field = type.GetField(name, Any) ?? throw new InvalidOperationException($"{type.Name} has no field {name}"));
            return field;
        }
    }
}
