using System.Globalization;
using System.Reflection;
using System.Reflection.Emit;

namespace Holon.Jvm.Compiler;

/// <summary>Emits CIL, and writes it down as text when someone wants to read it.</summary>
internal sealed class Cil(ILGenerator il, Action<string>? listen)
{
    private readonly Dictionary<Label, int> _labels = [];

    public ILGenerator Generator => il;

    private void Say(OpCode op, string operand = "") => listen?.Invoke(operand.Length == 0 ? op.Name! : $"{op.Name} {operand}");

    private string NameOf(Label label)
    {
        if (!_labels.TryGetValue(label, out var number)) _labels[label] = number = _labels.Count;
        return "L" + number.ToString(CultureInfo.InvariantCulture);
    }

    public void Emit(OpCode op)
    {
        Say(op);
        il.Emit(op);
    }

    public void Branch(OpCode op, Label label)
    {
        if (listen != null) Say(op, NameOf(label));
        il.Emit(op, label);
    }

    public void Mark(Label label)
    {
        listen?.Invoke(NameOf(label) + ":");
        il.MarkLabel(label);
    }

    public Label Label() => il.DefineLabel();

    public void Int(int value)
    {
        if (listen != null) Say(OpCodes.Ldc_I4, value.ToString(CultureInfo.InvariantCulture));
        switch (value)
        {
            case >= -1 and <= 8: il.Emit(Small[value + 1]); break;
            case >= sbyte.MinValue and <= sbyte.MaxValue: il.Emit(OpCodes.Ldc_I4_S, (sbyte)value); break;
            default: il.Emit(OpCodes.Ldc_I4, value); break;
        }
    }

    private static readonly OpCode[] Small =
    [
        OpCodes.Ldc_I4_M1, OpCodes.Ldc_I4_0, OpCodes.Ldc_I4_1, OpCodes.Ldc_I4_2, OpCodes.Ldc_I4_3, OpCodes.Ldc_I4_4, OpCodes.Ldc_I4_5, OpCodes.Ldc_I4_6, OpCodes.Ldc_I4_7, OpCodes.Ldc_I4_8,
    ];

    public void Long(long value)
    {
        if (listen != null) Say(OpCodes.Ldc_I8, value.ToString(CultureInfo.InvariantCulture));
        il.Emit(OpCodes.Ldc_I8, value);
    }

    public void Float(float value)
    {
        if (listen != null) Say(OpCodes.Ldc_R4, value.ToString(CultureInfo.InvariantCulture));
        il.Emit(OpCodes.Ldc_R4, value);
    }

    public void Double(double value)
    {
        if (listen != null) Say(OpCodes.Ldc_R8, value.ToString(CultureInfo.InvariantCulture));
        il.Emit(OpCodes.Ldc_R8, value);
    }

    /// <summary>An address.</summary>
    public void Address(long value)
    {
        if (listen != null) Say(OpCodes.Ldc_I8, "0x" + value.ToString("x", CultureInfo.InvariantCulture));
        il.Emit(OpCodes.Ldc_I8, value);
        il.Emit(OpCodes.Conv_I);
    }

    public void Load(LocalBuilder local)
    {
        if (listen != null) Say(OpCodes.Ldloc, local.LocalIndex.ToString(CultureInfo.InvariantCulture));
        il.Emit(OpCodes.Ldloc, local);
    }

    public void Store(LocalBuilder local)
    {
        if (listen != null) Say(OpCodes.Stloc, local.LocalIndex.ToString(CultureInfo.InvariantCulture));
        il.Emit(OpCodes.Stloc, local);
    }

    public void AddressOf(LocalBuilder local)
    {
        if (listen != null) Say(OpCodes.Ldloca, local.LocalIndex.ToString(CultureInfo.InvariantCulture));
        il.Emit(OpCodes.Ldloca, local);
    }

    public void Argument(int number)
    {
        if (listen != null) Say(OpCodes.Ldarg, number.ToString(CultureInfo.InvariantCulture));
        switch (number)
        {
            case 0: il.Emit(OpCodes.Ldarg_0); break;
            case 1: il.Emit(OpCodes.Ldarg_1); break;
            case 2: il.Emit(OpCodes.Ldarg_2); break;
            case 3: il.Emit(OpCodes.Ldarg_3); break;
            default: il.Emit(OpCodes.Ldarg, (short)number); break;
        }
    }

    public void Field(OpCode op, FieldInfo field)
    {
        if (listen != null) Say(op, field.Name);
        il.Emit(op, field);
    }

    public void Call(string helper)
    {
        if (listen != null) Say(OpCodes.Call, helper);
        il.Emit(OpCodes.Call, Emitted.Method(helper));
    }

    public void Call(MethodInfo method)
    {
        if (listen != null) Say(OpCodes.Call, $"{method.DeclaringType!.Name}.{method.Name}");
        il.Emit(OpCodes.Call, method);
    }

    public void New(ConstructorInfo constructor)
    {
        if (listen != null) Say(OpCodes.Newobj, constructor.DeclaringType!.Name);
        il.Emit(OpCodes.Newobj, constructor);
    }

    public void Calli(string shape)
    {
        if (listen != null) Say(OpCodes.Calli, shape);
        il.EmitCalli(OpCodes.Calli, CallingConventions.Standard, Stubs.ResultOf(shape), Stubs.Signature(shape), null);
    }

    public void Switch(Label[] labels)
    {
        if (listen != null) Say(OpCodes.Switch, string.Join(' ', labels.Select(NameOf)));
        il.Emit(OpCodes.Switch, labels);
    }
}
