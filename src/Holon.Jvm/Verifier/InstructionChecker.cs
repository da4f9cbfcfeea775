using Holon.Jvm.ClassFile;
using static Holon.Jvm.Interpreter.BytecodeReader;

namespace Holon.Jvm.Verifier;

/// <summary>
/// What each instruction asks of the frame before it, and what it makes of it (JVMS §4.10.1.9). Both verifiers use it; they differ
/// in where the frames come from.
/// </summary>
internal sealed partial class InstructionChecker(MethodCode code)
{
    private readonly byte[] _bytes = code.Bytes;
    private readonly ConstantPool _pool = code.Pool;
    private readonly TypeRules _rules = code.Rules;
    private TypeFrame _frame = null!;
    private int _at;

    /// <summary>Where the last instruction may jump to.</summary>
    public readonly List<int> Targets = [];

    /// <summary>Whether control may go on to the next instruction.</summary>
    public bool FallsThrough { get; private set; }

    /// <summary>Whether the last instruction was a constructor's call of another constructor.</summary>
    public bool InitializedThis { get; private set; }

    /// <summary>Changes the frame as the instruction at <paramref name="bci"/> does.</summary>
    public void Step(TypeFrame frame, int bci)
    {
        _frame = frame;
        _at = bci;
        Targets.Clear();
        FallsThrough = true;
        InitializedThis = false;
        int op = _bytes[bci];
        switch (op)
        {
            case 0:
                break;
            case 1:
                frame.Push(VType.Null);
                break;
            case <= 8 or 16 or 17:
                frame.Push(VType.Int);
                break;
            case <= 15:
                frame.Push(op <= 10 ? VType.Long : op <= 13 ? VType.Float : VType.Double);
                break;
            case 18:
                LoadConstant(_bytes[bci + 1], false);
                break;
            case 19 or 20:
                LoadConstant(U2(_bytes, bci + 1), op == 20);
                break;
            case <= 25:
                Load(op - 21, _bytes[bci + 1]);
                break;
            case <= 45:
                Load((op - 26) / 4, (op - 26) % 4);
                break;
            case <= 53:
                LoadElement(op);
                break;
            case <= 58:
                Store(op - 54, _bytes[bci + 1]);
                break;
            case <= 78:
                Store((op - 59) / 4, (op - 59) % 4);
                break;
            case <= 86:
                StoreElement(op);
                break;
            case <= 95:
                Shuffle(op);
                break;
            case <= 119:
                var number = Numbers[(op - 96) % 4];
                if (op < 116) frame.PopNumber(number);
                frame.PopNumber(number);
                frame.Push(number);
                break;
            case <= 131:
                var kind = Numbers[op & 1];
                frame.PopNumber(op <= 125 ? VType.Int : kind);
                frame.PopNumber(kind);
                frame.Push(kind);
                break;
            case 132:
                frame.Local(_bytes[bci + 1], VType.Int);
                break;
            case <= 147:
                frame.PopNumber(Numbers["IIIJJJFFFDDDIII"[op - 133] switch { 'I' => 0, 'J' => 1, 'F' => 2, _ => 3 }]);
                frame.Push(Numbers["JFDIFDIJDIJFIII"[op - 133] switch { 'I' => 0, 'J' => 1, 'F' => 2, _ => 3 }]);
                break;
            case <= 152:
                var compared = op == 148 ? VType.Long : op <= 150 ? VType.Float : VType.Double;
                frame.PopNumber(compared);
                frame.PopNumber(compared);
                frame.Push(VType.Int);
                break;
            case <= 166 or 198 or 199:
                Branch(op);
                break;
            case 167:
                Jump(bci + S2(_bytes, bci + 1), false);
                break;
            case 200:
                Jump(bci + S4(_bytes, bci + 1), false);
                break;
            case 170 or 171:
                Switch(op == 170);
                break;
            case >= 172 and <= 177:
                Return(op);
                break;
            case >= 178 and <= 181:
                Field(op);
                break;
            case >= 182 and <= 186:
                Invoke(op);
                break;
            case 187:
                New();
                break;
            case 188:
                if (_bytes[bci + 1] is < 4 or > 11) throw new VerifyFailure("Illegal newarray instruction");
                frame.PopNumber(VType.Int);
                frame.Push(VType.Of("[" + "ZCFDBSIJ"[_bytes[bci + 1] - 4]));
                break;
            case 189:
                var element = ClassAt(U2(_bytes, bci + 1));
                if (Dimensions(element.Name!) >= 255) throw new VerifyFailure(code.Version < 50 ? "Array with too many dimensions" : "Illegal anewarray instruction, array has more than 255 dimensions");
                frame.PopNumber(VType.Int);
                frame.Push(ArrayOf(element));
                break;
            case 190:
                var array = frame.PopReference();
                if (!array.IsArray && array.Kind != VKind.Null) throw BadPopped("array", "Bad type on operand stack in arraylength");
                frame.Push(VType.Int);
                break;
            case 191:
                PopAssignable(VType.Throwable);
                FallsThrough = false;
                break;
            case 192:
                var cast = ClassAt(U2(_bytes, bci + 1));
                PopAssignable(VType.Object);
                frame.Push(cast);
                break;
            case 193:
                _ = ClassAt(U2(_bytes, bci + 1));
                PopAssignable(VType.Object);
                frame.Push(VType.Int);
                break;
            case 194 or 195:
                frame.PopReference();
                break;
            case 196:
                Wide();
                break;
            case 197:
                MultiNewArray();
                break;
            default:
                throw new VerifyFailure($"Bad instruction: {op:x2}"); // jsr and ret are the older verifier's
        }
    }

    private static readonly VType[] Numbers = [VType.Int, VType.Long, VType.Float, VType.Double];

    /// <summary>Error about the slot that was just popped.</summary>
    private VerifyFailure BadPopped(string wanted, string message = "Bad type on operand stack")
    {
        _frame.Depth++;
        return _frame.BadType(_frame.Depth - 1, wanted, message);
    }

    public void PopAssignable(VType type, string message = "Bad type on operand stack")
    {
        if (type.Kind != VKind.Reference)
        {
            _frame.PopNumber(type);
            return;
        }
        if (_frame.Depth == 0) throw TypeFrame.Underflow();
        if (!_rules.IsAssignable(_frame.Stack[_frame.Depth - 1], type)) throw _frame.BadType(_frame.Depth - 1, type.ToString(), message);
        _frame.Depth--;
    }

    private VerifyFailure BadTag(int index) => new($"Illegal type at constant pool entry {index} in class {code.ClassName.Replace('/', '.')}", $"Constant pool index {index} is invalid") { OldMessage = "Illegal type in constant pool" };

    private CpTag Tag(int index)
    {
        if (index == 0 || index >= _pool.Count) throw new VerifyFailure($"Illegal constant pool index {index} in class {code.ClassName.Replace('/', '.')}", $"Constant pool index {index} is invalid") { OldMessage = "Illegal constant pool index" };
        return _pool.Tag(index);
    }

    private VType ClassAt(int index)
    {
        if (Tag(index) != CpTag.Class) throw BadTag(index);
        return VType.Of(_pool.ClassName(index));
    }

    private static VType ArrayOf(VType element) => VType.Of(element.IsArray ? "[" + element.Name : $"[L{element.Name};");

    private static int Dimensions(string name)
    {
        var count = 0;
        while (name[count] == '[') count++;
        return count;
    }

    private void LoadConstant(int index, bool wide) => _frame.Push(ConstantType(index, wide));

    private VType ConstantType(int index, bool wide)
    {
        var type = Tag(index) switch
        {
            CpTag.Integer when !wide => VType.Int,
            CpTag.Float when !wide => VType.Float,
            CpTag.String when !wide => VType.String,
            CpTag.Class when !wide && code.Version >= 49 => VType.Of("java/lang/Class"),
            CpTag.MethodHandle when !wide && code.Version >= 51 => VType.Of("java/lang/invoke/MethodHandle"),
            CpTag.MethodType when !wide && code.Version >= 51 => VType.Of("java/lang/invoke/MethodType"),
            CpTag.Long when wide => VType.Long,
            CpTag.Double when wide => VType.Double,
            CpTag.Dynamic => VType.OfDescriptor(_pool.NameAndType(_pool.Entries[index].B).Descriptor),
            _ => throw BadTag(index),
        };
        return type.IsWide == wide ? type : throw BadTag(index);
    }

    private void Load(int which, int local) => _frame.Push(which == 4 ? _frame.LocalReference(local) : _frame.Local(local, Numbers[which]));

    private void Store(int which, int local)
    {
        VType type;
        if (which == 4)
        {
            type = PopStorable();
        }
        else
        {
            type = Numbers[which];
            _frame.PopNumber(type);
        }
        _frame.SetLocal(local, type);
    }

    /// <summary>astore takes return addresses too; the type-checking verifier never has any on its stack.</summary>
    private VType PopStorable()
    {
        if (_frame.Depth > 0 && _frame.Stack[_frame.Depth - 1].Kind == VKind.ReturnAddress) return _frame.PopSlot();
        return _frame.PopReference();
    }

    private void LoadElement(int op)
    {
        _frame.PopNumber(VType.Int);
        var array = PopArray(op - 46, op);
        _frame.Push(op == 50
            ? array.Kind == VKind.Null ? VType.Null : array.ReferenceComponent!.Value
            : Numbers["IJFD.III"[op - 46] switch { 'I' => 0, 'J' => 1, 'F' => 2, _ => 3 }]);
    }

    private void StoreElement(int op)
    {
        if (op == 83) PopAssignable(VType.Object);
        else _frame.PopNumber(Numbers["IJFD.III"[op - 79] switch { 'I' => 0, 'J' => 1, 'F' => 2, _ => 3 }]);
        _frame.PopNumber(VType.Int);
        PopArray(op - 79, op);
    }

    private VType PopArray(int which, int op)
    {
        var array = _frame.PopReference();
        if (array.Kind == VKind.Null) return array;
        var good = array.IsArray && which switch
        {
            4 => array.Name![1] is 'L' or '[',
            5 => array.Name is "[B" or "[Z",
            _ => array.Name!.Length == 2 && array.Name[1] == "IJFD..CS"[which],
        };
        if (!good) throw BadPopped(which == 4 ? "object array" : "array", $"Bad type on operand stack in {Mnemonics.Of(op)}");
        return array;
    }

    /// <summary>pop, dup and swap: longs and doubles may not be split.</summary>
    private void Shuffle(int op)
    {
        switch (op)
        {
            case 87:
                Single();
                return;
            case 88:
                Pair();
                return;
            case 95:
                VType top = Single(), below = Single();
                PushSlots(top);
                PushSlots(below);
                return;
        }
        VType[] copied = op <= 91 ? [Single()] : Pair();
        VType[] skipped = ((op - 89) % 3) switch
        {
            0 => [],
            1 => [Single()],
            _ => Pair(),
        };
        PushSlots(copied);
        PushSlots(skipped);
        PushSlots(copied);
    }

    private VType Single()
    {
        var type = _frame.PopSlot();
        if (!type.IsSingle) throw BadPopped("category1 type");
        return type;
    }

    /// <summary>Two slots, bottom first: two values or a long or double.</summary>
    private VType[] Pair()
    {
        var high = _frame.PopSlot();
        var low = _frame.PopSlot();
        if (high.IsHigh ? !low.IsWide : !low.IsSingle || !high.IsSingle)
        {
            _frame.Depth++;
            throw BadPopped("category2 type");
        }
        return [low, high];
    }

    private void PushSlots(params ReadOnlySpan<VType> slots)
    {
        if (_frame.Depth + slots.Length > _frame.Stack.Length) throw TypeFrame.Overflow();
        foreach (var slot in slots) _frame.Stack[_frame.Depth++] = slot;
    }

    private void Branch(int op)
    {
        if (op is 165 or 166 or 198 or 199)
        {
            if (op <= 166) PopComparable();
            PopComparable();
        }
        else
        {
            if (op >= 159) _frame.PopNumber(VType.Int);
            _frame.PopNumber(VType.Int);
        }
        Jump(_at + S2(_bytes, _at + 1), true);
    }

    private void PopComparable() => PopAssignable(VType.Object);

    private void Jump(int target, bool orOn)
    {
        Targets.Add(target);
        FallsThrough = orOn;
    }

    private void Switch(bool isTable)
    {
        _frame.PopNumber(VType.Int);
        FallsThrough = false;
        var at = Align(_at);
        if (code.Version < 51)
        {
            for (var i = _at + 1; i < at; i++)
            {
                if (_bytes[i] != 0) throw new VerifyFailure("Nonzero padding byte in lookupswitch or tableswitch");
            }
        }
        Targets.Add(_at + S4(_bytes, at));
        if (isTable)
        {
            int low = S4(_bytes, at + 4), high = S4(_bytes, at + 8);
            if (low > high) throw new VerifyFailure("low must be less than or equal to high in tableswitch");
            for (var i = 0; i <= high - low; i++) Targets.Add(_at + S4(_bytes, at + 12 + i * 4));
            return;
        }
        var count = S4(_bytes, at + 4);
        for (var i = 0; i < count; i++)
        {
            if (i > 0 && S4(_bytes, at + 8 + i * 8) <= S4(_bytes, at + i * 8)) throw new VerifyFailure("Bad lookupswitch instruction");
            Targets.Add(_at + S4(_bytes, at + 12 + i * 8));
        }
    }

    private void Return(int op)
    {
        FallsThrough = false;
        var descriptor = code.Method.Descriptor;
        var type = VType.OfDescriptor(descriptor[(descriptor.IndexOf(')') + 1)..]);
        if (op == 177)
        {
            if (type.Kind != VKind.Top) throw new VerifyFailure("Method expects a return value");
            if (_frame.ThisUninitialized) throw new VerifyFailure("Constructor must call super() or this() before return", "Error exists in the bytecode");
            return;
        }
        if (op != 176)
        {
            var number = Numbers[op - 172];
            if (type.Kind == VKind.Top) throw new VerifyFailure("Method does not expect a return value");
            _frame.PopNumber(number);
            if (number != type)
            {
                _frame.Push(number);
                throw _frame.BadType(_frame.Depth - 1, type + " (from method signature)", "Bad return type");
            }
            return;
        }
        var value = _frame.PopReference();
        if (type.Kind == VKind.Top) throw new VerifyFailure("Method does not expect a return value");
        if (!_rules.IsAssignable(value, type)) throw BadPopped(type + " (from method signature)", "Bad return type");
    }

    private void New()
    {
        var type = ClassAt(U2(_bytes, _at + 1));
        if (type.IsArray) throw new VerifyFailure("Illegal new instruction");
        var made = new VType(VKind.Uninitialized, null, _at);
        // An older object of the same instruction can no longer be told apart: it must not be used.
        for (var i = 0; i < _frame.Depth; i++)
        {
            if (_frame.Stack[i] == made) throw _frame.BadType(i, "initialized object", "Uninitialized object exists on backward branch");
        }
        _frame.Locals.AsSpan().Replace(made, VType.Top);
        _frame.Push(made);
    }

    private void MultiNewArray()
    {
        var type = ClassAt(U2(_bytes, _at + 1));
        int dimensions = _bytes[_at + 3];
        if (dimensions < 1 || Dimensions(type.Name!) < dimensions) throw new VerifyFailure($"Illegal dimension in multianewarray: {dimensions}");
        for (var i = 0; i < dimensions; i++) _frame.PopNumber(VType.Int);
        _frame.Push(type);
    }

    private void Wide()
    {
        int op = _bytes[_at + 1];
        var local = U2(_bytes, _at + 2);
        switch (op)
        {
            case >= 21 and <= 25:
                Load(op - 21, local);
                break;
            case >= 54 and <= 58:
                Store(op - 54, local);
                break;
            case 132:
                _frame.Local(local, VType.Int);
                break;
            default:
                throw new VerifyFailure("Bad wide instruction");
        }
    }
}
