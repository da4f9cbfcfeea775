using System.Reflection.Emit;

namespace Holon.Python.Tier1;

/// <summary>Moving values between their forms.</summary>
internal sealed partial class CodeCompiler
{
    private int Depth => state.Depth;

    private ref Value Top(int below = 1) => ref state.Stack[state.Depth - below];

    /// <summary>The slot of the stack entry that is so far below the top (1 is the top).</summary>
    private int Slot(int below = 1) => localCount + state.Depth - below;

    private void Drop(int count) => state.Depth -= count;

    /// <summary>Pushes what is on the CIL stack.</summary>
    private void Push(Value value)
    {
        if (state.Depth >= state.Stack.Length)
            throw new NotCompiledException("the stack overflows");
        state.Stack[state.Depth++] = value;
        if (value.Kind == Kind.Null)
            return;
        cil.Store(cil.Home(Slot(), value.Kind));
    }

    private void PushConstant(PyObject value)
    {
        switch (value)
        {
            case PyInt number when value.GetType() == typeof(PyInt):
                cil.Long(number.Value);
                Push(Value.Int with { Constant = value });
                break;
            case PyFloat real when value.GetType() == typeof(PyFloat):
                cil.Double(real.Value);
                Push(Value.Float with { Constant = value });
                break;
            default:
                cil.Object(value);
                Push(new Value(Kind.Object, Value.ExactOf(value), value));
                break;
        }
    }

    /// <summary>The value as an object, on the CIL stack. The forms of variables stay as they are.</summary>
    private void LoadPlain(int slot, Value value)
    {
        switch (value.Kind)
        {
            case Kind.Null or Kind.Dead:
                cil.Op(OpCodes.Ldnull);
                break;
            case Kind.Int or Kind.Float when value.Constant is not null:
                cil.Object(value.Constant);
                break;
            case Kind.Int:
                cil.Load(cil.Home(slot, Kind.Int));
                cil.Call(nameof(Support.BoxInt));
                break;
            case Kind.Float:
                cil.Load(cil.Home(slot, Kind.Float));
                cil.Call(nameof(Support.BoxFloat));
                break;
            case Kind.Bool:
                cil.Load(cil.Home(slot, Kind.Bool));
                cil.Call(nameof(Support.BoxBool));
                break;
            default:
                cil.Load(cil.Home(slot, Kind.Object));
                break;
        }
    }

    /// <summary>
    /// A stack entry as an object, on the CIL stack. A number is boxed once: the variable that it came from keeps the object, so that it is
    /// the same object wherever it goes.
    /// </summary>
    private void LoadObject(int below)
    {
        ref var value = ref Top(below);
        var slot = Slot(below);
        LoadPlain(slot, value);
        if (value.Kind is not (Kind.Int or Kind.Float) || value.Constant is not null)
            return;
        cil.Op(OpCodes.Dup);
        cil.Store(cil.Home(slot, Kind.Object));
        var boxed = value with { Kind = Kind.Object };
        var origin = value.Origin;
        var kind = value.Kind;
        value = boxed;
        if (origin < 0)
            return;
        if (state.Locals[origin].Kind == kind)
        {
            cil.Op(OpCodes.Dup);
            cil.Store(cil.Home(origin, Kind.Object));
            state.Locals[origin] = state.Locals[origin] with { Kind = Kind.Object };
        }
        for (var i = 0; i < state.Depth; i++)
        {
            if (state.Stack[i].Origin != origin || state.Stack[i].Kind != kind)
                continue;
            cil.Op(OpCodes.Dup);
            cil.Store(cil.Home(localCount + i, Kind.Object));
            state.Stack[i] = state.Stack[i] with { Kind = Kind.Object };
        }
    }

    private void LoadInt(int below)
    {
        if (Top(below).Kind == Kind.Int)
        {
            if (Top(below).Constant is PyInt constant)
            {
                cil.Long(constant.Value);
                return;
            }
            cil.Load(cil.Home(Slot(below), Kind.Int));
            return;
        }
        cil.Load(cil.Home(Slot(below), Kind.Object));
        cil.Call(nameof(Support.IntOf));
    }

    /// <summary>A number that is known to be an int or a float, as a double.</summary>
    private void LoadFloat(int below)
    {
        if (Top(below).IsInt)
        {
            LoadInt(below);
            cil.Op(OpCodes.Conv_R8);
            return;
        }
        if (Top(below).Kind == Kind.Float)
        {
            cil.Load(cil.Home(Slot(below), Kind.Float));
            return;
        }
        cil.Load(cil.Home(Slot(below), Kind.Object));
        cil.Call(nameof(Support.FloatOf));
    }

    /// <summary>From here on the entry is of that class, or the code has been left.</summary>
    private void Guard(int below, Exact exact)
    {
        ref var value = ref Top(below);
        if (value.Exact == exact)
            return;
        cil.Load(cil.Home(Slot(below), Kind.Object));
        cil.Call("Is" + exact);
        cil.Branch(OpCodes.Brfalse, Deopt());
        Learn(below, exact);
    }

    private void Learn(int below, Exact exact)
    {
        var origin = Top(below).Origin;
        Top(below) = Top(below) with { Exact = exact };
        if (origin < 0)
            return;
        state.Locals[origin] = state.Locals[origin] with { Exact = exact };
        for (var i = 0; i < state.Depth; i++)
        {
            if (state.Stack[i].Origin == origin)
                state.Stack[i] = state.Stack[i] with { Exact = exact };
        }
    }

    private void LoadFast(int local)
    {
        var value = state.Locals[local];
        switch (value.Kind)
        {
            case Kind.Dead:
                LeaveToTier0();
                return;
            case Kind.Maybe:
                cil.Load(cil.Home(local, Kind.Object));
                cil.Branch(OpCodes.Brfalse, Deopt());
                state.Locals[local] = value = value with { Kind = Kind.Object };
                break;
        }
        if (value.Kind == Kind.Int && value.Constant is PyInt number)
            cil.Long(number.Value);
        else
            cil.Load(cil.Home(local, value.Kind));
        Push(value with { Origin = local });
    }

    private void StoreFast(int local)
    {
        var value = Top();
        if (value.Kind is Kind.Null or Kind.Maybe)
            throw new NotCompiledException("null in a local");
        for (var i = 0; i < state.Depth; i++)
        {
            if (state.Stack[i].Origin == local)
                state.Stack[i] = state.Stack[i] with { Origin = -1 };
        }
        if (value.Kind == Kind.Bool)
        {
            LoadPlain(Slot(), value);
            cil.Store(cil.Home(local, Kind.Object));
            state.Locals[local] = Value.Object;
        }
        else
        {
            cil.Load(cil.Home(Slot(), value.Kind));
            cil.Store(cil.Home(local, value.Kind));
            state.Locals[local] = value with { Origin = -1 };
        }
        Drop(1);
    }

    /// <summary>What is not compiled, or never gets here: tier 0 goes on with the frame.</summary>
    private void LeaveToTier0()
    {
        if (!cil.IsDry)
        {
            var exit = NewExit(pc, -1, false);
            cil.Branch(OpCodes.Br, exit.Inside);
        }
        reachable = false;
    }

    /// <summary>The CIL stack has an object or null: null is an exception.</summary>
    private void PushChecked(Value value)
    {
        Push(value);
        cil.Load(cil.Home(Slot(), Kind.Object));
        // Goes out of line: the present state is the one after, but handlers only look below.
        cil.Branch(OpCodes.Brfalse, Error());
    }
}
