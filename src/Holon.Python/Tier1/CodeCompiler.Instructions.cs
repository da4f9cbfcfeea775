using System.Reflection.Emit;

namespace Holon.Python.Tier1;

/// <summary>The instructions, one by one.</summary>
internal sealed partial class CodeCompiler
{
    private void Instruction(Instruction instruction)
    {
        var arg = instruction.Arg;
        switch (instruction.Op)
        {
            case Opcode.Nop:
                break;
            case Opcode.LoadFast:
                LoadFast(arg);
                break;
            case Opcode.StoreFast:
                StoreFast(arg);
                break;
            case Opcode.DeleteFast:
                if (state.Locals[arg].Kind == Kind.Dead)
                {
                    LeaveToTier0();
                    break;
                }
                if (state.Locals[arg].Kind == Kind.Maybe)
                {
                    cil.Load(cil.Home(arg, Kind.Object));
                    cil.Branch(OpCodes.Brfalse, Deopt());
                }
                state.Locals[arg] = Value.Dead;
                break;
            case Opcode.LoadConst:
                PushConstant(code.Consts[arg]);
                break;
            case Opcode.PopTop:
                Drop(1);
                break;
            case Opcode.PushNull:
                Push(Value.Null);
                break;
            case Opcode.Copy:
                CopyEntry(arg);
                break;
            case Opcode.Swap:
                SwapEntries(arg);
                break;
            case Opcode.Resume:
                Charge(8, 0);
                break;
            case Opcode.MakeCell:
                LoadPlain(arg, state.Locals[arg]);
                cil.Call(nameof(Support.MakeCell));
                cil.Store(cil.Home(arg, Kind.Object));
                state.Locals[arg] = Value.Object;
                if (NeedsSuper && arg == 0)
                    MirrorSlot(0);
                break;
            case Opcode.CopyFreeVars:
                for (var i = 0; i < arg; i++)
                {
                    var slot = localCount - arg + i;
                    cil.Argument(2);
                    cil.Int(i);
                    cil.Call(nameof(Support.FreeVariable));
                    cil.Store(cil.Home(slot, Kind.Object));
                    state.Locals[slot] = Value.Object;
                    if (NeedsSuper)
                        MirrorSlot(slot);
                }
                break;
            case Opcode.LoadClosure:
                LoadFast(arg);
                break;
            case Opcode.LoadDeref:
                LoadCell(arg);
                cil.LoadField(typeof(PyCell), nameof(PyCell.Value));
                Push(new Value(Kind.Object));
                cil.Load(cil.Home(Slot(), Kind.Object));
                cil.Branch(OpCodes.Brfalse, Deopt());
                break;
            case Opcode.StoreDeref:
                LoadCell(arg);
                LoadObject(1);
                cil.StoreField(typeof(PyCell), nameof(PyCell.Value));
                Drop(1);
                break;
            case Opcode.ReturnValue:
                cil.Argument(1);
                cil.Load(frame);
                LoadObject(1);
                cil.Call(isLoop ? nameof(Support.LeaveLoop) : NeedsSuper ? nameof(Support.LeaveAndClear) : nameof(Support.Leave));
                Return();
                break;
            case Opcode.YieldValue:
                {
                    // The value is not a part of what the generator keeps.
                    LoadObject(1);
                    cil.Store(result);
                    Drop(1);
                    SaveWhatChanged(state);
                    cil.Argument(1);
                    cil.Load(frame);
                    cil.Load(result);
                    cil.Int(pc);
                    cil.Int(localCount + Depth);
                    cil.Call(nameof(Support.Yield));
                    Return();
                    break;
                }
            case Opcode.Send:
                Send(arg);
                break;
            case Opcode.AsyncGenWrap:
                LoadObject(1);
                cil.Call(nameof(Support.WrapYielded));
                Drop(1);
                Push(Value.Object);
                break;
            case Opcode.GetAwaitable:
                MayRaise();
                LoadObject(1);
                cil.Int(arg);
                cil.Call(nameof(Support.Awaitable));
                Drop(1);
                Push(Value.Object);
                break;
            case Opcode.GetANext:
                MayRaise();
                LoadObject(1);
                cil.Call(nameof(Support.NextAwaitable));
                Push(Value.Object);
                break;
            case Opcode.BinaryOp or Opcode.AddInt or Opcode.SubtractInt or Opcode.MultiplyInt or Opcode.AddFloat or Opcode.SubtractFloat or Opcode.MultiplyFloat
                or Opcode.BinaryInt or Opcode.BinaryFloat:
                Binary(instruction);
                break;
            case Opcode.CompareOp or Opcode.CompareInt or Opcode.CompareFloat:
                Compare(instruction);
                break;
            case Opcode.IsOp:
                Is(arg != 0);
                break;
            case Opcode.ContainsOp:
                MayRaise();
                LoadObject(1);
                LoadObject(2);
                cil.Call(nameof(Support.Contains));
                if (arg != 0)
                    Not();
                Drop(2);
                Push(Value.Bool);
                break;
            case Opcode.UnaryNot:
                MayRaise();
                LoadTruth(1);
                Not();
                Drop(1);
                Push(Value.Bool);
                break;
            case Opcode.UnaryNegative:
                Negate();
                break;
            case Opcode.PopJumpForwardIfFalse or Opcode.PopJumpBackwardIfFalse:
                JumpOnTruth(arg, false);
                break;
            case Opcode.PopJumpForwardIfTrue or Opcode.PopJumpBackwardIfTrue:
                JumpOnTruth(arg, true);
                break;
            case Opcode.PopJumpForwardIfNone or Opcode.PopJumpBackwardIfNone:
                JumpOnNone(arg, true);
                break;
            case Opcode.PopJumpForwardIfNotNone or Opcode.PopJumpBackwardIfNotNone:
                JumpOnNone(arg, false);
                break;
            case Opcode.JumpIfFalseOrPop:
                JumpOrPop(arg, false);
                break;
            case Opcode.JumpIfTrueOrPop:
                JumpOrPop(arg, true);
                break;
            case Opcode.JumpForward:
                before = state;
                Goto(arg);
                reachable = false;
                break;
            case Opcode.JumpBackward or Opcode.JumpBackwardNoInterrupt:
                Charge(pc + 1 - arg, instruction.Op == Opcode.JumpBackward ? 0 : -PyThread.Quantum);
                before = state;
                Goto(arg);
                reachable = false;
                break;
            case Opcode.GetIter:
                MayRaise();
                LoadObject(1);
                cil.Call(nameof(Support.Iter));
                Drop(1);
                Push(Value.Object);
                break;
            case Opcode.ForIter or Opcode.ForRange or Opcode.ForList:
                ForIter(instruction);
                break;
            case Opcode.BinarySubscr or Opcode.SubscrListInt:
                Subscript(instruction);
                break;
            case Opcode.StoreSubscr:
                StoreSubscript();
                break;
            case Opcode.BuildTuple or Opcode.BuildList:
                NewArray(arg);
                cil.Call(instruction.Op == Opcode.BuildTuple ? nameof(Support.NewTuple) : nameof(Support.NewList));
                Drop(arg);
                Push(new Value(Kind.Object, instruction.Op == Opcode.BuildTuple ? Exact.Tuple : Exact.List));
                break;
            case Opcode.ListAppend:
                LoadPlain(Slot(1 + arg), Top(1 + arg));
                LoadObject(1);
                cil.Call(nameof(Support.ListAppend));
                Drop(1);
                break;
            case Opcode.UnpackSequence:
                Unpack(arg);
                break;
            case Opcode.LoadGlobalCached or Opcode.LoadGlobal:
                LoadGlobal(instruction);
                break;
            case Opcode.LoadAttr or Opcode.LoadAttrShape or Opcode.LoadAttrModule or Opcode.LoadAttrClass:
                LoadAttribute(instruction);
                break;
            case Opcode.LoadMethod or Opcode.LoadMethodShape or Opcode.LoadMethodType or Opcode.LoadMethodModule or Opcode.LoadMethodClass:
                LoadMethod(instruction);
                break;
            case Opcode.StoreAttr or Opcode.StoreAttrShape:
                StoreAttribute(instruction);
                break;
            case Opcode.KwNames:
                keywordNames = (PyTuple)code.Consts[arg];
                break;
            case Opcode.Call:
                Call(arg);
                break;
            default:
                if (Build(instruction))
                    break;
                if (RareEffect(instruction) is { } effect)
                    Rare(effect.Pops, effect.Pushes);
                else
                    LeaveToTier0();
                break;
        }
    }

    private void Send(int target)
    {
        var returned = cil.Temporary(typeof(bool));
        var value = cil.Temporary(typeof(PyObject));
        var yielded = cil.Label();
        MayRaise();
        cil.Argument(1);
        LoadObject(2);
        LoadObject(1);
        cil.Address(returned);
        cil.Call(typeof(EvaluationLoop), nameof(EvaluationLoop.Send));
        cil.Store(value);
        cil.Load(value);
        cil.Branch(OpCodes.Brfalse, Error());
        cil.Load(returned);
        cil.Branch(OpCodes.Brfalse, yielded);
        var saved = state;
        state = state.Clone();
        Drop(2);
        cil.Load(value);
        Push(Value.Object);
        before = state;
        Goto(target);
        state = saved;
        cil.Mark(yielded);
        Drop(1);
        cil.Load(value);
        Push(Value.Object);
    }

    private void LoadCell(int slot)
    {
        if (state.Locals[slot].Kind != Kind.Object)
            throw new NotCompiledException("no cell");
        cil.Load(cil.Home(slot, Kind.Object));
        cil.Call(nameof(Support.AsCell));
    }

    private void Not()
    {
        cil.Int(0);
        cil.Op(OpCodes.Ceq);
    }

    private void CopyEntry(int below)
    {
        var value = Top(below);
        if (value.Kind is not Kind.Null)
            cil.Load(cil.Home(Slot(below), value.Kind));
        Push(value);
    }

    private void SwapEntries(int below)
    {
        if (below == 1)
            return;
        var (a, b) = (Top(1), Top(below));
        var (upper, lower) = (Slot(1), Slot(below));
        if (a.Kind != Kind.Null)
            cil.Load(cil.Home(upper, a.Kind));
        if (b.Kind != Kind.Null)
        {
            cil.Load(cil.Home(lower, b.Kind));
            cil.Store(cil.Home(upper, b.Kind));
        }
        if (a.Kind != Kind.Null)
            cil.Store(cil.Home(lower, a.Kind));
        (Top(1), Top(below)) = (b, a);
    }

    /// <summary>Charges instructions, at the same places as tier 0.</summary>
    private void Charge(int count, int floor)
    {
        var enough = cil.Label();
        cil.Argument(1);
        cil.Argument(1);
        cil.LoadField(typeof(PyThread), nameof(PyThread.Fuel));
        cil.Int(count);
        cil.Op(OpCodes.Sub);
        cil.StoreField(typeof(PyThread), nameof(PyThread.Fuel));
        cil.Argument(1);
        cil.LoadField(typeof(PyThread), nameof(PyThread.Fuel));
        cil.Int(floor);
        cil.Branch(OpCodes.Bge, enough);
        MayRaise();
        cil.Argument(1);
        cil.Call(typeof(PyThread), nameof(PyThread.Breaker));
        cil.Mark(enough);
    }

    /// <summary>The truth of an entry as a CIL bool.</summary>
    private void LoadTruth(int below)
    {
        var value = Top(below);
        switch (value.Kind)
        {
            case Kind.Bool:
                cil.Load(cil.Home(Slot(below), Kind.Bool));
                break;
            case Kind.Int:
                LoadInt(below);
                cil.Long(0);
                cil.Op(OpCodes.Cgt_Un);
                break;
            case Kind.Float:
                LoadFloat(below);
                cil.Double(0);
                cil.Op(OpCodes.Ceq);
                Not();
                break;
            default:
                cil.Load(cil.Home(Slot(below), Kind.Object));
                cil.Call(nameof(Support.Truth));
                break;
        }
    }

    private void JumpOnTruth(int target, bool when)
    {
        if (Top().Kind is Kind.Object)
            MayRaise();
        LoadTruth(1);
        Drop(1);
        JumpIf(target, when);
    }

    /// <summary>The CIL stack has a bool.</summary>
    private void JumpIf(int target, bool when)
    {
        var stay = cil.Label();
        cil.Branch(when ? OpCodes.Brfalse : OpCodes.Brtrue, stay);
        if (target <= pc)
            Charge(pc + 1 - target, 0);
        before = state;
        Goto(target);
        cil.Mark(stay);
    }

    private void JumpOnNone(int target, bool when)
    {
        if (Top().Kind is Kind.Int or Kind.Float or Kind.Bool)
        {
            cil.Int(0);
        }
        else
        {
            cil.Load(cil.Home(Slot(), Kind.Object));
            cil.Call(nameof(Support.IsNone));
        }
        Drop(1);
        JumpIf(target, when);
    }

    private void JumpOrPop(int target, bool when)
    {
        if (Top().Kind is Kind.Object)
            MayRaise();
        // Both sides want the value: it is an object for the one that keeps it.
        if (Top().Kind == Kind.Bool)
        {
            LoadPlain(Slot(), Top());
            cil.Store(cil.Home(Slot(), Kind.Object));
            LoadTruth(1);
            Top() = Value.Object;
        }
        else
        {
            LoadTruth(1);
        }
        JumpIf(target, when);
        Drop(1);
    }

    private void Is(bool negated)
    {
        var (a, b) = (Top(2), Top(1));
        if (a.IsInt && b.IsInt && (a.Kind == Kind.Int || b.Kind == Kind.Int))
        {
            LoadInt(2);
            LoadInt(1);
        }
        else
        {
            LoadObject(2);
            LoadObject(1);
        }
        cil.Op(OpCodes.Ceq);
        if (negated)
            Not();
        Drop(2);
        Push(Value.Bool);
    }

    private void ForIter(Instruction instruction)
    {
        var more = cil.Label();
        var item = Value.Object;
        if (instruction.Op is Opcode.ForRange or Opcode.ForList && MayGuessHere)
        {
            var range = instruction.Op == Opcode.ForRange;
            var type = range ? typeof(PyRangeIterator) : typeof(PyListIterator);
            var iterator = cil.Temporary(type);
            cil.Load(cil.Home(Slot(), Kind.Object));
            cil.Op(OpCodes.Isinst, type);
            cil.Store(iterator);
            cil.Load(iterator);
            cil.Branch(OpCodes.Brfalse, Deopt());
            cil.Load(iterator);
            cil.Call(type, "MoveNext");
            cil.Branch(OpCodes.Brtrue, more);
            item = range ? Value.Int : Value.Object;
            Exhausted(instruction.Arg);
            cil.Mark(more);
            cil.Load(iterator);
            cil.LoadField(type, "Current");
            Push(item);
            return;
        }
        if (instructions[pc + 1] is { Op: Opcode.UnpackSequence, Arg: 2 })
        {
            ForPairs(instruction.Arg);
            return;
        }
        MayRaise();
        cil.Argument(1);
        cil.Load(cil.Home(Slot(), Kind.Object));
        cil.Call(nameof(Support.Next));
        Push(Value.Object);
        cil.Load(cil.Home(Slot(), Kind.Object));
        Drop(1);
        cil.Branch(OpCodes.Brtrue, more);
        Exhausted(instruction.Arg);
        cil.Mark(more);
        state.Depth++;
    }

    private void Subscript(Instruction instruction)
    {
        var (container, key) = (Top(2), Top(1));
        if (key.Kind == Kind.Float || container.Kind is Kind.Int or Kind.Float or Kind.Bool || key.Kind == Kind.Bool)
        {
            GenericSubscript();
            return;
        }
        var guess = instruction.Op == Opcode.SubscrListInt && MayGuessHere;
        if (key.IsInt || guess)
        {
            if (guess)
            {
                Guard(2, Exact.List);
                Guard(1, Exact.Int);
            }
            MayRaise();
            LoadObject(2);
            LoadInt(1);
            cil.Call(guess || container.Exact == Exact.List ? nameof(Support.ListItem) : nameof(Support.Item));
            Drop(2);
            PushChecked(Value.Object);
            return;
        }
        GenericSubscript();

        void GenericSubscript()
        {
            MayRaise();
            cil.Argument(1);
            LoadObject(2);
            LoadObject(1);
            cil.Call(nameof(Support.GetItem));
            Drop(2);
            PushChecked(Value.Object);
        }
    }

    private void StoreSubscript()
    {
        var (container, key) = (Top(2), Top(1));
        MayRaise();
        LoadObject(2);
        if (key.IsInt && container.Kind == Kind.Object)
        {
            LoadInt(1);
            LoadObject(3);
            cil.Call(nameof(Support.SetItemInt));
        }
        else
        {
            LoadObject(1);
            LoadObject(3);
            cil.Call(nameof(Support.SetItem));
        }
        Drop(3);
    }

    /// <summary>An array of the entries on top.</summary>
    private void NewArray(int count) => NewArray(count, i => LoadObject(count - i));

    private void NewArray(int count, Action<int> load)
    {
        cil.Int(count);
        cil.Op(OpCodes.Newarr, typeof(PyObject));
        for (var i = 0; i < count; i++)
        {
            cil.Op(OpCodes.Dup);
            cil.Int(i);
            load(i);
            cil.Call(nameof(Support.SetElement));
        }
    }

    private void Unpack(int count)
    {
        MayRaise();
        var items = cil.Temporary(typeof(PyObject[]));
        LoadObject(1);
        cil.Int(count);
        cil.Call(nameof(Support.Unpack));
        cil.Store(items);
        Drop(1);
        for (var i = count - 1; i >= 0; i--)
        {
            cil.Load(items);
            cil.Int(i);
            cil.Op(OpCodes.Ldelem_Ref);
            Push(Value.Object);
        }
    }

    private void LoadGlobal(Instruction instruction)
    {
        var (dict, index, value) = GlobalOf(instruction);
        if (dict is null || !MayGuessHere)
        {
            MayRaise();
            if ((instruction.Arg & 1) != 0)
                Push(Value.Null);
            cil.Load(frame);
            cil.Object(code.NameList[instruction.Arg >> 1]);
            cil.Call(nameof(Support.LoadGlobal));
            Push(Value.Object);
            return;
        }
        CheckKeys(unit.Globals);
        if (dict != unit.Globals)
            CheckKeys(dict);
        if ((instruction.Arg & 1) != 0)
            Push(Value.Null);
        cil.Object(dict);
        cil.Int(index);
        cil.Call(typeof(PyDict), nameof(PyDict.ValueAt));
        if (value is not (PyFunction or PyType or PyBuiltin or PyModule))
        {
            Push(Value.Object);
            return;
        }
        cil.Object(value);
        cil.Branch(OpCodes.Bne_Un, Deopt());
        cil.Object(value);
        Push(new Value(Kind.Object, Exact.None, value));
    }

    private void CheckKeys(PyDict dict) => CheckKeys(dict, Deopt());

    private void CheckKeys(PyDict dict, Label otherwise)
    {
        cil.Object(dict);
        cil.LoadField(typeof(PyDict), nameof(PyDict.KeysVersion));
        cil.Long(dict.KeysVersion);
        cil.Branch(OpCodes.Bne_Un, otherwise);
    }

    private (PyDict? Dict, int Index, PyObject? Value) GlobalOf(Instruction instruction)
    {
        var name = code.NameList[instruction.Arg >> 1];
        foreach (var dict in new[] { unit.Globals, unit.Builtins })
        {
            if (dict.GetType() != typeof(PyDict))
                return default;
            var entry = dict.FindEntry(name);
            if (entry >= 0)
                return (dict, entry, dict.ValueAt(entry));
        }
        return default;
    }

    /// <summary>How many entries an instruction takes and leaves that tier 0's code for rare ones executes; null: it is not compiled.</summary>
    private static (int Pops, int Pushes)? RareEffect(Instruction instruction)
    {
        var arg = instruction.Arg;
        return instruction.Op switch
        {
            Opcode.UnaryPositive or Opcode.UnaryInvert or Opcode.ListToTuple or Opcode.GetYieldFromIter or Opcode.GetAIter => (1, 1),
            Opcode.DeleteSubscr => (2, 0),
            Opcode.StoreGlobal or Opcode.DeleteAttr => (1, 0),
            Opcode.DeleteGlobal => (0, 0),
            Opcode.LoadName => (0, 1),
            Opcode.StoreName => (1, 0),
            Opcode.BuildSet or Opcode.BuildString => (arg, 1),
            Opcode.BuildMap => (2 * arg, 1),
            Opcode.BuildConstKeyMap => (arg + 1, 1),
            Opcode.BuildSlice => (arg == 3 ? 3 : 2, 1),
            Opcode.FormatValue => ((arg & 4) != 0 ? 2 : 1, 1),
            Opcode.ListExtend or Opcode.SetAdd or Opcode.SetUpdate or Opcode.DictUpdate => (1 + arg, arg),
            Opcode.MapAdd => (2 + arg, arg),
            Opcode.DictMerge => (3 + arg, 2 + arg),
            Opcode.CallFunctionEx => (3 + (arg & 1), 1),
            Opcode.MakeFunction => (1 + System.Numerics.BitOperations.PopCount((uint)arg & 15), 1),
            Opcode.LoadBuildClass or Opcode.LoadAssertionError => (0, 1),
            Opcode.UnpackEx => (1, (arg & 0xff) + (arg >> 8) + 1),
            Opcode.GetLen or Opcode.MatchMapping or Opcode.MatchSequence => (1, 2),
            Opcode.MatchKeys => (2, 3),
            Opcode.MatchClass => (3, 1),
            Opcode.BeforeWith or Opcode.BeforeAsyncWith => (1, 2),
            Opcode.ImportName => (2, 1),
            Opcode.ImportFrom => (1, 2),
            _ => null,
        };
    }

    /// <summary>Has tier 0 execute one instruction on the frame's stack.</summary>
    private void Rare(int pops, int pushes)
    {
        if (pops > Depth)
            throw new NotCompiledException("the stack underflows");
        MayRaise();
        for (var i = pops; i > 0; i--)
        {
            cil.Load(frame);
            cil.Int(Slot(i));
            LoadObject(i);
            cil.Call(nameof(Support.SetSlot));
        }
        cil.Argument(1);
        cil.Load(frame);
        cil.Int(pc);
        cil.Int(localCount + Depth);
        cil.Call(nameof(Support.ExecuteRare));
        cil.Branch(OpCodes.Brfalse, Error());
        Drop(pops);
        for (var i = 0; i < pushes; i++)
        {
            cil.Load(frame);
            cil.Int(localCount + Depth);
            cil.Call(nameof(Support.TakeSlot));
            Push(new Value(Kind.Object));
        }
    }
}
