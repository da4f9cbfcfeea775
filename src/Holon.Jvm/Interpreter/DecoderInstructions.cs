using Holon.Jvm.ClassFile;
using static Holon.Jvm.Interpreter.BytecodeReader;

namespace Holon.Jvm.Interpreter;

/// <summary>The instructions of the Java virtual machine (JVMS §6.5), one by one.</summary>
internal sealed unsafe partial class Decoder
{
    private const string ConstantKinds = "IIIIIIIJJFFFDD";

    /// <summary>Decodes the instruction at <see cref="_at"/>; false when control does not go on to the next.</summary>
    private bool DecodeOne()
    {
        int op = _code[_at];
        _next = _at + Length(_code, _at);
        switch (op)
        {
            case 0:
                return true;
            case 1:
                Push('R', isConstant: true);
                return true;
            case <= 15:
                PushNumber(op);
                return true;
            case 16:
                Push('I', isConstant: true, constant: (sbyte)_code[_at + 1]);
                return true;
            case 17:
                Push('I', isConstant: true, constant: S2(_code, _at + 1));
                return true;
            case 18:
                return LoadConstant(_code[_at + 1]);
            case 19 or 20:
                return LoadConstant(U2(_code, _at + 1));
            case <= 25:
                LoadLocal("IJFDR"[op - 21], _code[_at + 1]);
                return true;
            case <= 45:
                LoadLocal("IJFDR"[(op - 26) / 4], (op - 26) % 4);
                return true;
            case <= 53:
                LoadElement(op - 46);
                return true;
            case <= 58:
                StoreLocal("IJFDR"[op - 54], _code[_at + 1]);
                return true;
            case <= 78:
                StoreLocal("IJFDR"[(op - 59) / 4], (op - 59) % 4);
                return true;
            case <= 86:
                StoreElement(op - 79);
                return true;
            case <= 95:
                Shuffle(op);
                return true;
            case <= 119:
                Arithmetic(op);
                return true;
            case <= 131:
                ShiftOrLogic(op);
                return true;
            case 132:
                Increment(_code[_at + 1], (sbyte)_code[_at + 2]);
                return true;
            case <= 147:
                Convert(op - 133);
                return true;
            case <= 152:
                Compare(op);
                return true;
            case <= 166 or 198 or 199:
                return Branch(op);
            case 167 or 200:
                return Goto(_at + (op == 167 ? S2(_code, _at + 1) : S4(_code, _at + 1)));
            case 168 or 201:
                return Jsr(_at + (op == 168 ? S2(_code, _at + 1) : S4(_code, _at + 1)));
            case 169:
                Emit(Op.Ret, 0, _code[_at + 1]);
                return false;
            case 170 or 171:
                return Switch(op == 170);
            case <= 177:
                return Return("IJFDRV"[op - 172]);
            case <= 181:
                Field(op);
                return true;
            case <= 186:
                Invoke(op);
                return true;
            case 187:
                Emit(Op.New, Push('R').Slot, 0, 0, ClassIndex());
                return true;
            case 188:
                NewArray();
                return true;
            case 189:
                var count = Slot(Pop('I'));
                Emit(Op.ANewArray, Push('R').Slot, count, 0, ClassIndex());
                return true;
            case 190:
                var array = Slot(Pop('R'));
                Emit(Op.ArrayLength, Push('I').Slot, array);
                return true;
            case 191:
                Emit(Op.Throw, 0, Slot(Pop('R')));
                return false;
            case 192:
                var cast = Pop('R');
                if (cast.IsConstant)
                {
                    Push('R', isConstant: true); // null is of every type
                }
                else
                {
                    Emit(Op.CheckCast, 0, cast.Slot, 0, ClassIndex());
                    Push('R', cast.Slot);
                }
                return true;
            case 193:
                var tested = Slot(Pop('R'));
                Emit(Op.InstanceOf, Push('I').Slot, tested, 0, ClassIndex());
                return true;
            case 194 or 195:
                Emit(op == 194 ? Op.MonitorEnter : Op.MonitorExit, 0, Slot(Pop('R')));
                return true;
            case 196:
                return Wide();
            case 197:
                MultiNewArray();
                return true;
            default:
                throw Bad($"Bad instruction: {op:x2}");
        }
    }

    private int ClassIndex()
    {
        var index = U2(_code, _at + 1);
        if (_pool.Tag(index) != CpTag.Class) throw Bad($"Illegal type at constant pool entry {index}");
        return index;
    }

    private void PushNumber(int op)
    {
        var bits = op switch
        {
            <= 8 => op - 3,
            <= 10 => op - 9,
            <= 13 => BitConverter.SingleToInt32Bits(op - 11),
            _ => BitConverter.DoubleToInt64Bits(op - 14),
        };
        Push(ConstantKinds[op - 2], isConstant: true, constant: bits);
    }

    private bool LoadConstant(int index)
    {
        var tag = _pool.Tag(index);
        var bits = tag is CpTag.None ? 0 : _pool.Entries[index].Bits;
        var wide = _code[_at] == 20;
        if (wide != tag is CpTag.Long or CpTag.Double && tag != CpTag.Dynamic) throw Bad($"Illegal type at constant pool entry {index}");
        switch (tag)
        {
            case CpTag.Integer:
                Push('I', isConstant: true, constant: bits);
                return true;
            case CpTag.Float:
                Push('F', isConstant: true, constant: bits);
                return true;
            case CpTag.Long:
                Push('J', isConstant: true, constant: bits);
                return true;
            case CpTag.Double:
                Push('D', isConstant: true, constant: bits);
                return true;
            case CpTag.String or CpTag.Class or CpTag.MethodType or CpTag.MethodHandle:
                Emit(Op.Ldc, Push('R').Slot, 'R', 0, index);
                return true;
            case CpTag.Dynamic:
                var kind = _pool.NameAndType(_pool.Entries[index].B).Descriptor[0];
                var slot = Push(StackKind(kind)).Slot;
                Emit(Op.Ldc, slot, kind is 'L' or '[' ? 'R' : kind, 0, index);
                return true;
            default:
                throw Bad($"Illegal type at constant pool entry {index}");
        }
    }

    /// <summary>The kind that a field descriptor's first letter has on the operand stack.</summary>
    private static char StackKind(char letter) => letter switch
    {
        'L' or '[' or 'R' => 'R',
        'J' or 'F' or 'D' => letter,
        _ => 'I',
    };

    private void LoadElement(int which)
    {
        var index = Slot(Pop('I'));
        var array = Slot(Pop('R'));
        var op = which switch
        {
            0 or 2 => Op.ALoad4,
            1 or 3 => Op.ALoad8,
            4 => Op.ALoadR,
            5 => Op.ALoadB,
            6 => Op.ALoadC,
            _ => Op.ALoadS,
        };
        Emit(op, Push("IJFDRIII"[which]).Slot, array, index);
    }

    private void StoreElement(int which)
    {
        var value = Slot(Pop("IJFDRIII"[which]));
        var index = Slot(Pop('I'));
        var array = Slot(Pop('R'));
        var op = which switch
        {
            0 or 2 => Op.AStore4,
            1 or 3 => Op.AStore8,
            4 => Op.AStoreR,
            5 => Op.AStoreB,
            6 => Op.AStoreC,
            _ => Op.AStoreS,
        };
        Emit(op, value, array, index);
    }

    private void Arithmetic(int op)
    {
        var kind = "IJFD"[(op - 96) % 4];
        var which = (op - 96) / 4; // add sub mul div rem neg
        var first = kind switch
        {
            'I' => Op.IAdd,
            'J' => Op.LAdd,
            'F' => Op.FAdd,
            _ => Op.DAdd,
        };
        if (which == 5)
        {
            var negated = Slot(Pop(kind));
            var neg = kind switch { 'I' => Op.INeg, 'J' => Op.LNeg, 'F' => Op.FNeg, _ => Op.DNeg };
            Emit(neg, Push(kind).Slot, negated);
            return;
        }
        var right = Pop(kind);
        var left = Pop(kind);
        if (kind == 'I' && right.IsConstant && which is 0 or 1 or 2)
        {
            var a = Slot(left);
            Emit(which == 2 ? Op.IMulI : Op.IAddI, Push('I').Slot, a, 0, which == 1 ? -(int)right.Constant : (int)right.Constant);
            return;
        }
        var l = Slot(left);
        var r = Slot(right);
        Emit(first + (ushort)which, Push(kind).Slot, l, r);
    }

    private void ShiftOrLogic(int op)
    {
        var kind = (op & 1) == 0 ? 'I' : 'J';
        var isShift = op <= 125;
        var right = Pop(isShift ? 'I' : kind);
        var left = Pop(kind);
        var l = Slot(left);
        if (kind == 'I' && right.IsConstant && op is 120 or 122 or 124 or 126 or 128)
        {
            var immediate = op switch { 120 => Op.IShlI, 122 => Op.IShrI, 124 => Op.IUshrI, 126 => Op.IAndI, _ => Op.IOrI };
            Emit(immediate, Push('I').Slot, l, 0, (int)right.Constant);
            return;
        }
        var r = Slot(right);
        var operation = (op & ~1) switch
        {
            120 => kind == 'I' ? Op.IShl : Op.LShl,
            122 => kind == 'I' ? Op.IShr : Op.LShr,
            124 => kind == 'I' ? Op.IUshr : Op.LUshr,
            126 => kind == 'I' ? Op.IAnd : Op.LAnd,
            128 => kind == 'I' ? Op.IOr : Op.LOr,
            _ => kind == 'I' ? Op.IXor : Op.LXor,
        };
        Emit(operation, Push(kind).Slot, l, r);
    }

    private void Increment(int local, int by)
    {
        CheckLocal(local, 1);
        SaveReaders(local);
        Emit(Op.IAddI, local, local, 0, by);
    }

    private void Convert(int which)
    {
        var from = "IIIJJJFFFDDDIII"[which];
        var to = "JFDIFDIJDIJFIII"[which];
        var source = Slot(Pop(from));
        Emit(Op.I2L + (ushort)which, Push(to).Slot, source);
    }

    private void Compare(int op)
    {
        var kind = op == 148 ? 'J' : op <= 150 ? 'F' : 'D';
        var right = Slot(Pop(kind));
        var left = Slot(Pop(kind));
        Emit(Op.LCmp + (ushort)(op - 148), Push('I').Slot, left, right);
    }

    private bool Branch(int op)
    {
        var target = _at + S2(_code, _at + 1);
        if (op is 198 or 199 or 165 or 166)
        {
            var right = op < 198 ? Slot(Pop('R')) : 0;
            var tested = Slot(Pop('R'));
            return EndBranch(op switch { 198 => Op.IfNull, 199 => Op.IfNonNull, 165 => Op.IfAcmpEq, _ => Op.IfAcmpNe }, target, tested, right, 0);
        }
        if (op <= 158)
        {
            var entry = Pop('I');
            var last = _out.Count - 1;
            if (!entry.IsConstant && last >= _blockStart && _out[last].Op == Op.LCmp && _out[last].A == entry.Slot && entry.Slot == _stackBase + entry.Depth)
            {
                var compare = _out[last];
                _out.RemoveAt(last);
                _bci.RemoveAt(last);
                return EndBranch(Op.IfLEq + (ushort)(op - 153), target, compare.B, compare.C, 0);
            }
            return EndBranch(Op.IfEqI + (ushort)(op - 153), target, Slot(entry), 0, 0);
        }
        var r = Pop('I');
        var l = Slot(Pop('I'));
        return r.IsConstant
            ? EndBranch(Op.IfEqI + (ushort)(op - 159), target, l, 0, (int)r.Constant)
            : EndBranch(Op.IfEq + (ushort)(op - 159), target, l, r.Slot, 0);
    }

    private bool EndBranch(Op op, int target, int b, int c, int constant)
    {
        Settle();
        Reach(target, Kinds());
        EmitBranch(op, target, b, c, constant);
        return true;
    }

    private bool Goto(int target)
    {
        Settle();
        Reach(target, Kinds());
        if (_index[target] < 0 && target > _at)
        {
            // Lay the target out next and save the jump, unless something else comes between.
            _next = target;
            return true;
        }
        EmitBranch(Op.Goto, target);
        return false;
    }

    private bool Jsr(int target)
    {
        Settle();
        var kinds = Kinds();
        var slot = Push('A').Slot;
        Reach(target, Kinds());
        Reach(_next, kinds);
        EmitBranch(Op.Jsr, target, slot);
        Pop();
        // The subroutine returns to the next operation, which leads to the block after the call.
        EmitBranch(Op.Goto, _next);
        return false;
    }

    private bool Switch(bool isTable)
    {
        var value = Slot(Pop('I'));
        Settle();
        var kinds = Kinds();
        var at = Align(_at);
        List<int> table;
        if (isTable)
        {
            int low = S4(_code, at + 4), high = S4(_code, at + 8);
            table = [low, high, _at + S4(_code, at)];
            for (var i = 0; i <= high - low; i++) table.Add(_at + S4(_code, at + 12 + i * 4));
            foreach (var target in table.Skip(2)) Reach(target, kinds);
        }
        else
        {
            var count = S4(_code, at + 4);
            table = [count, _at + S4(_code, at)];
            Reach(table[1], kinds);
            for (var i = 0; i < count; i++)
            {
                table.Add(S4(_code, at + 8 + i * 8));
                table.Add(_at + S4(_code, at + 12 + i * 8));
                Reach(table[^1], kinds);
            }
        }
        _switches.Add((_out.Count, [.. table]));
        Emit(isTable ? Op.TableSwitch : Op.LookupSwitch, 0, value);
        return false;
    }

    private bool Return(char kind)
    {
        var value = kind == 'V' ? 0 : Slot(Pop(kind));
        if (_method.IsSynchronized) Emit(Op.SyncExit, 0, 0, 0, _stackBase - 1);
        Emit(kind switch
        {
            'V' => Op.Return,
            'R' => Op.ReturnR,
            'J' or 'D' => Op.Return8,
            _ => Op.Return4,
        }, 0, value);
        return false;
    }

    private void Field(int op)
    {
        var index = U2(_code, _at + 1);
        if (_pool.Tag(index) != CpTag.Fieldref) throw Bad($"Illegal type at constant pool entry {index}");
        var kind = StackKind(_pool.Member(index).Descriptor[0]);
        switch (op)
        {
            case 178:
                Emit(Op.GetStatic, Push(kind).Slot, 0, 0, index);
                break;
            case 179:
                Emit(Op.PutStatic, Slot(Pop(kind)), 0, 0, index);
                break;
            case 180:
                var from = Slot(Pop('R'));
                Emit(Op.GetField, Push(kind).Slot, from, 0, index);
                break;
            default:
                var value = Slot(Pop(kind));
                Emit(Op.PutField, value, Slot(Pop('R')), 0, index);
                break;
        }
    }

    private void Invoke(int op)
    {
        var index = U2(_code, _at + 1);
        var tag = _pool.Tag(index);
        var good = op switch
        {
            182 => tag == CpTag.Methodref,
            183 or 184 => tag is CpTag.Methodref or CpTag.InterfaceMethodref,
            185 => tag == CpTag.InterfaceMethodref,
            _ => tag == CpTag.InvokeDynamic,
        };
        if (!good) throw Bad($"Illegal type at constant pool entry {index}");
        var (name, descriptor) = _pool.NameAndType(_pool.Entries[index].B);
        if (name[0] == '<' && (name != "<init>" || op != 183)) throw Bad("Illegal call to internal method");
        var kinds = new List<char>();
        if (op is not (184 or 186)) kinds.Add('R');
        var i = 1;
        for (; descriptor[i] != ')'; i = Descriptor.EndOfType(descriptor, i)) kinds.Add(StackKind(descriptor[i]));
        var first = _stack.Count - kinds.Count;
        if (first < 0) throw Bad("Operand stack underflow");
        for (var k = 0; k < kinds.Count; k++)
        {
            if (_stack[first + k].Kind != kinds[k]) throw Bad("Bad type on operand stack");
            Home(_stack[first + k]);
        }
        while (_stack.Count > first) Pop();
        var operation = op switch
        {
            182 => Op.InvokeVirtual,
            183 => Op.InvokeSpecial,
            184 => Op.InvokeStatic,
            185 => Op.InvokeInterface,
            _ => Op.InvokeDynamic,
        };
        Emit(operation, _stackBase + _depth, 0, 0, index);
        if (descriptor[i + 1] != 'V') Push(StackKind(descriptor[i + 1]));
    }

    private void NewArray()
    {
        int type = _code[_at + 1];
        if (type is < 4 or > 11) throw Bad("Illegal newarray instruction");
        var count = Slot(Pop('I'));
        Emit(Op.NewArray, Push('R').Slot, count, 0, "ZCFDBSIJ"[type - 4]);
    }

    private void MultiNewArray()
    {
        var index = ClassIndex();
        int dimensions = _code[_at + 3];
        if (dimensions == 0 || _stack.Count < dimensions || !_pool.ClassName(index).StartsWith(new string('[', dimensions), StringComparison.Ordinal)) throw Bad("Illegal dimension argument");
        for (var k = 0; k < dimensions; k++)
        {
            if (_stack[_stack.Count - dimensions + k].Kind != 'I') throw Bad("Bad type on operand stack");
            Home(_stack[_stack.Count - dimensions + k]);
        }
        for (var k = 0; k < dimensions; k++) Pop();
        Emit(Op.MultiNewArray, _stackBase + _depth, dimensions, 0, index);
        Push('R');
    }

    private bool Wide()
    {
        int op = _code[_at + 1];
        var local = U2(_code, _at + 2);
        switch (op)
        {
            case >= 21 and <= 25:
                LoadLocal("IJFDR"[op - 21], local);
                return true;
            case >= 54 and <= 58:
                StoreLocal("IJFDR"[op - 54], local);
                return true;
            case 132:
                Increment(local, S2(_code, _at + 4));
                return true;
            case 169:
                Emit(Op.Ret, 0, local);
                return false;
            default:
                throw Bad("Bad wide instruction");
        }
    }

    /// <summary>pop, dup and swap in all forms. An entry that lies in a stack slot is copied upwards, from the top down.</summary>
    private void Shuffle(int op)
    {
        switch (op)
        {
            case 87:
                if (Pop().Size == 2) throw Bad("Bad type on operand stack");
                return;
            case 88:
                if (Pop().Size == 1 && Pop().Size == 2) throw Bad("Bad type on operand stack");
                return;
            case 95:
                Swap();
                return;
        }
        var copied = TakeGroup((op - 89) / 3 + 1);
        var skipped = ((op - 89) % 3) switch
        {
            0 => [],
            1 => TakeGroup(1),
            _ => TakeGroup(2),
        };
        Entry[] order = [.. copied, .. skipped, .. copied];
        var depths = new int[order.Length];
        for (int i = 0, d = _depth; i < order.Length; d += order[i++].Size) depths[i] = d;
        var placed = new Entry[order.Length];
        for (var i = order.Length - 1; i >= 0; i--)
        {
            var source = order[i];
            if (!source.IsConstant && source.Slot >= _stackBase)
            {
                // The lower copies come from the upper ones: their own slots are overwritten by now.
                if (i < copied.Length) source = placed[i + copied.Length + skipped.Length];
                var home = _stackBase + depths[i];
                if (source.Slot != home) EmitMove(source.Kind, home, source.Slot);
                source = source with { Slot = home };
            }
            placed[i] = source with { Depth = depths[i] };
        }
        foreach (var entry in placed) Push(entry.Kind, entry.Slot, entry.IsConstant, entry.Constant);
        _blockStart = _out.Count; // copies have two readers: no redirecting
    }

    /// <summary>Pops one or two slots as a group of entries, bottom first.</summary>
    private Entry[] TakeGroup(int slots)
    {
        var top = Pop();
        if (top.Size == slots) return [top];
        if (top.Size > slots) throw Bad("Bad type on operand stack");
        var below = Pop();
        if (below.Size != 1) throw Bad("Bad type on operand stack");
        return [below, top];
    }

    private void Swap()
    {
        var top = Home(Pop('\0', anySingle: true));
        var below = Home(Pop('\0', anySingle: true));
        EmitMove(top.Kind, _scratch, top.Slot);
        EmitMove(below.Kind, _stackBase + below.Depth + 1, below.Slot);
        EmitMove(top.Kind, _stackBase + below.Depth, _scratch);
        Push(top.Kind);
        Push(below.Kind);
        _blockStart = _out.Count;
    }

    private Entry Pop(char kind, bool anySingle)
    {
        var entry = Pop();
        if (anySingle ? entry.Size != 1 : entry.Kind != kind) throw Bad("Bad type on operand stack");
        return entry;
    }
}
