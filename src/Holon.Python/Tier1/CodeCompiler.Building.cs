using System.Reflection.Emit;

namespace Holon.Python.Tier1;

/// <summary>Slices, formatted strings, sets and dicts that are made, and loops over pairs: the frequent forms, without a detour through the frame.</summary>
internal sealed partial class CodeCompiler
{
    /// <summary>False: tier 0's code for rare instructions has to do it.</summary>
    private bool Build(Instruction instruction)
    {
        var arg = instruction.Arg;
        switch (instruction.Op)
        {
            case Opcode.BuildSlice when arg == 2 && instructions[pc + 1].Op is Opcode.BinarySubscr or Opcode.SubscrListInt:
                // What can go wrong happens when the slice is taken.
                Next();
                MayRaise();
                cil.Argument(1);
                LoadObject(3);
                LoadObject(2);
                LoadObject(1);
                cil.Call(nameof(Support.TakeSlice));
                Drop(3);
                PushChecked(Value.Object);
                return true;
            case Opcode.BuildSlice when arg == 2 && instructions[pc + 1].Op == Opcode.StoreSubscr:
                Next();
                MayRaise();
                LoadObject(3);
                LoadObject(2);
                LoadObject(1);
                LoadObject(4);
                cil.Call(nameof(Support.StoreSlice));
                Drop(4);
                return true;
            case Opcode.BuildSlice when arg == 3:
                LoadObject(3);
                LoadObject(2);
                LoadObject(1);
                cil.Call(nameof(Support.NewSliceWithStep));
                Drop(3);
                Push(Value.Object);
                return true;
            case Opcode.BuildSlice when arg == 2:
                LoadObject(2);
                LoadObject(1);
                cil.Call(nameof(Support.NewSlice));
                Drop(2);
                Push(Value.Object);
                return true;
            case Opcode.FormatValue when (arg & 4) == 0:
                MayRaise();
                LoadObject(1);
                cil.Int(arg & 3);
                cil.Call(nameof(Support.Format));
                Drop(1);
                Push(new Value(Kind.Object, Exact.Str));
                return true;
            case Opcode.BuildString:
                MayRaise();
                cil.Argument(1);
                NewArray(arg);
                cil.Call(nameof(Support.BuildString));
                Drop(arg);
                Push(new Value(Kind.Object, Exact.Str));
                return true;
            case Opcode.BuildMap when arg == 0:
                cil.Call(nameof(Support.NewDict));
                Push(new Value(Kind.Object, Exact.Dict));
                return true;
            case Opcode.SetAdd:
                MayRaise();
                LoadPlain(Slot(1 + arg), Top(1 + arg));
                LoadObject(1);
                cil.Call(nameof(Support.SetAdd));
                Drop(1);
                return true;
            case Opcode.MapAdd:
                MayRaise();
                LoadPlain(Slot(2 + arg), Top(2 + arg));
                LoadObject(2);
                LoadObject(1);
                cil.Call(nameof(Support.MapAdd));
                Drop(2);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Goes on to the next instruction, of which this one is a part: errors are that one's.</summary>
    private void Next()
    {
        before = cil.IsDry ? state : state.Clone();
        deoptHere = errorHere = null;
        cil.At = ++pc;
    }

    /// <summary>
    /// A loop whose items are unpacked into two: <c>for key, value in d.items()</c>, <c>enumerate</c> and <c>zip</c> of two give them without a tuple that nobody
    /// would see.
    /// </summary>
    private void ForPairs(int exhausted)
    {
        var (first, second, kind) = (cil.Temporary(typeof(PyObject)), cil.Temporary(typeof(PyObject)), cil.Temporary(typeof(int)));
        var (more, pair, done) = (cil.Label(), cil.Label(), cil.Label());
        MayRaise();
        cil.Argument(1);
        cil.Load(cil.Home(Slot(), Kind.Object));
        cil.Address(first);
        cil.Address(second);
        cil.Call(nameof(Support.NextPair));
        cil.Store(kind);
        cil.Load(kind);
        cil.Branch(OpCodes.Brtrue, more);
        Exhausted(exhausted);
        cil.Mark(more);
        cil.Load(kind);
        cil.Int(Support.Pair);
        cil.Branch(OpCodes.Beq, pair);
        cil.Load(first);
        Push(Value.Object);
        Next();
        Unpack(2);
        cil.Branch(OpCodes.Br, done);
        cil.Mark(pair);
        cil.Load(second);
        cil.Store(cil.Home(Slot(2), Kind.Object));
        cil.Load(first);
        cil.Store(cil.Home(Slot(1), Kind.Object));
        cil.Mark(done);
    }

    /// <summary>A loop is over: its iterator goes, and so does control.</summary>
    private void Exhausted(int target)
    {
        var saved = state;
        state = state.Clone();
        Drop(1);
        before = state;
        Goto(target);
        state = saved;
    }
}
