namespace Holon.Jvm.Verifier;

/// <summary>Types of the local variables and of the operand stack before an instruction; longs and doubles take two slots.</summary>
internal sealed class TypeFrame(VType[] locals, int maxStack)
{
    public readonly VType[] Locals = locals;
    public readonly VType[] Stack = new VType[maxStack];
    public int Depth;

    /// <summary>Locals that the stack map names; later ones are unusable, and append and chop frames count from here.</summary>
    public int Named;

    /// <summary>In a constructor that has not yet called another one (JVMS §4.10.1.4, flagThisUninit).</summary>
    public bool ThisUninitialized;

    public TypeFrame Clone()
    {
        var copy = new TypeFrame(new VType[Locals.Length], Stack.Length);
        copy.CopyFrom(this);
        return copy;
    }

    public void CopyFrom(TypeFrame other)
    {
        other.Locals.CopyTo(Locals, 0);
        Array.Copy(other.Stack, Stack, other.Depth);
        Depth = other.Depth;
        Named = other.Named;
        ThisUninitialized = other.ThisUninitialized;
    }

    /// <summary>The frame on entry of an exception handler: the stack holds the exception only. It shares the locals, so it is to be looked at only.</summary>
    public TypeFrame ForHandler(VType exception)
    {
        var frame = new TypeFrame(Locals, 1) { ThisUninitialized = ThisUninitialized };
        frame.Push(exception);
        return frame;
    }

    public void Push(VType type)
    {
        if (Depth + (type.IsWide ? 2 : 1) > Stack.Length) throw Overflow();
        Stack[Depth++] = type;
        if (type.IsWide) Stack[Depth++] = type.High;
    }

    /// <summary>Takes one slot whatever it holds.</summary>
    public VType PopSlot()
    {
        if (Depth == 0) throw Underflow();
        return Stack[--Depth];
    }

    /// <summary>Takes a number of this kind.</summary>
    public void PopNumber(VType type)
    {
        if (Depth < (type.IsWide ? 2 : 1)) throw Underflow();
        var top = Stack[Depth - 1];
        var wanted = type.IsWide ? type.High : type;
        if (top != wanted) throw BadType(Depth - 1, wanted.ToString());
        if (type.IsWide && Stack[Depth - 2] != type) throw BadType(Depth - 1, wanted.ToString());
        Depth -= type.IsWide ? 2 : 1;
    }

    /// <summary>Takes any reference, uninitialized objects included.</summary>
    public VType PopReference()
    {
        if (Depth == 0) throw Underflow();
        if (!Stack[Depth - 1].IsReference) throw BadType(Depth - 1, "reference type");
        return Stack[--Depth];
    }

    public static VerifyFailure Underflow() => new("Operand stack underflow", "Attempt to pop empty stack.") { OldMessage = "Unable to pop operand off an empty stack" };

    public static VerifyFailure Overflow() => new("Operand stack overflow", "Exceeded max stack size.") { OldMessage = "Stack size too large" };

    private static VerifyFailure NoLocal(int index) => new("Local variable table overflow", $"Exceeded max local variable index {index}.") { OldMessage = "Illegal local variable number" };

    public VerifyFailure BadType(int slot, string wanted, string message = "Bad type on operand stack") =>
        new(message, $"Type {Stack[slot]} (current frame, stack[{slot}]) is not assignable to {wanted}") { OldMessage = message == "Bad type on operand stack" ? $"Expecting to find {OldName(wanted)} on stack" : null };

    private static string OldName(string wanted) => wanted switch
    {
        "integer" or "float" => wanted,
        "long_2nd" or "long" => "long",
        "double_2nd" or "double" => "double",
        _ => "object/array",
    };

    public VType Local(int index, VType type)
    {
        if (type.IsWide && (index + 1 >= Locals.Length || Locals.AsSpan(index + 1).IndexOfAnyExcept(VType.Top) < 0)) throw new VerifyFailure("get long/double overflows locals", $"Exceeded max local variable index {index}.");
        if (index >= Locals.Length) throw NoLocal(index);
        if (Locals[index] != type || type.IsWide && Locals[index + 1] != type.High)
            throw new VerifyFailure("Bad local variable type", $"Type {Locals[index]} (current frame, locals[{index}]) is not assignable to {type}") { OldMessage = Locals[index].Kind == VKind.Top ? $"Accessing value from uninitialized register {index}" : $"Register {index} contains wrong type" };
        return type;
    }

    public VType LocalReference(int index)
    {
        if (index >= Locals.Length) throw NoLocal(index);
        if (!Locals[index].IsReference) throw new VerifyFailure("Bad local variable type", $"Type {Locals[index]} (current frame, locals[{index}]) is not assignable to reference type") { OldMessage = Locals[index].Kind == VKind.Top ? $"Accessing value from uninitialized register {index}" : $"Register {index} contains wrong type" };
        return Locals[index];
    }

    /// <summary>Stores into a local variable; a long or double that loses one of its halves is gone.</summary>
    public void SetLocal(int index, VType type)
    {
        if (index + (type.IsWide ? 2 : 1) > Locals.Length) throw NoLocal(index);
        Forget(index);
        if (type.IsWide) Forget(index + 1);
        Locals[index] = type;
        if (type.IsWide) Locals[index + 1] = type.High;
    }

    private void Forget(int index)
    {
        if (Locals[index].IsWide && index + 1 < Locals.Length) Locals[index + 1] = VType.Top;
        if (Locals[index].IsHigh && index > 0) Locals[index - 1] = VType.Top;
    }

    /// <summary>A constructor has run: every copy of the object is initialized.</summary>
    public void Initialize(VType old, VType type)
    {
        Locals.AsSpan().Replace(old, type);
        for (var i = 0; i < Depth; i++)
        {
            if (Stack[i] == old) Stack[i] = type;
        }
        if (old.Kind == VKind.UninitializedThis) ThisUninitialized = false;
    }

    /// <summary>The frame as HotSpot's messages show it.</summary>
    public string Describe(int bci)
    {
        var last = Locals.Length;
        while (last > 0 && Locals[last - 1].Kind == VKind.Top) last--;
        return $"    bci: @{bci}\n    flags: {{ {(ThisUninitialized ? "flagThisUninit " : "")}}}\n    locals: {{{List(Locals.AsSpan(0, last))} }}\n    stack: {{{List(Stack.AsSpan(0, Depth))} }}\n";
    }

    private static string List(ReadOnlySpan<VType> types)
    {
        var text = "";
        foreach (var type in types) text += (text.Length == 0 ? " " : ", ") + type;
        return text;
    }
}
