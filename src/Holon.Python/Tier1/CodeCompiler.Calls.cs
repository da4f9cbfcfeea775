using System.Reflection.Emit;

namespace Holon.Python.Tier1;

/// <summary>Calls: of functions that are known by their compiled entry, of some built-in functions by their own code, of the rest in general.</summary>
internal sealed partial class CodeCompiler
{
    /// <summary>The most arguments for which there is a CallN.</summary>
    private const int MaxCall = 7;

    private void Call(int count)
    {
        var lower = Top(count + 2);
        if (count == 0 && keywordNames is null && lower.Kind == Kind.Null && ReferenceEquals(Top(1).Constant, FunctionTypes.Super) && IsSuperMethod())
        {
            SuperMethod();
            return;
        }
        var names = keywordNames;
        keywordNames = null;
        var isPlain = lower.Kind == Kind.Null;
        if ((isPlain ? Top(count + 1).Constant : lower.Constant) is { } target && CallConstant(target, isPlain ? count : count + 1, count, names))
            return;
        if (names is not null)
        {
            CallNamed(count, names);
            return;
        }
        if (isPlain)
        {
            if (count <= MaxCall)
            {
                MayRaise();
                cil.Argument(1);
                for (var i = count + 1; i > 0; i--)
                    LoadObject(i);
                cil.Call("Call" + count);
                Drop(count + 2);
                PushChecked(Value.Object);
                return;
            }
        }
        else if (lower.Kind == Kind.Object)
        {
            if (count + 1 <= MaxCall)
            {
                MayRaise();
                cil.Argument(1);
                for (var i = count + 2; i > 0; i--)
                    LoadObject(i);
                cil.Call("Call" + (count + 1));
                Drop(count + 2);
                PushChecked(Value.Object);
                return;
            }
        }
        CallNamed(count, null);
    }

    /// <summary>super() is called only to get a method: <c>super().name(...)</c> in a function whose first parameter is a plain local.</summary>
    private bool IsSuperMethod() =>
        NeedsSuper && code.ArgCount > 0 && state.Locals[0].Kind == Kind.Object && (code.LocalsPlusKinds[0] & PyCode.CellKind) == 0
        && instructions[pc + 1].Op is Opcode.LoadMethod or Opcode.LoadMethodShape or Opcode.LoadMethodType or Opcode.LoadMethodModule or Opcode.LoadMethodClass
        && !flow.Leader[pc + 1] && MayGuessHere;

    /// <summary>The method that super() would find, without the super object; a cache remembers it for the class and the instance's type.</summary>
    private void SuperMethod()
    {
        var cell = localCount - code.FreeCount;
        while (!code.LocalsPlusNames[cell].Equals(Names.Class))
            cell++;
        var method = cil.Temporary(typeof(PyObject));
        var needsSelf = cil.Temporary(typeof(bool));
        var (plain, done) = (cil.Label(), cil.Label());
        // The attribute's line is the call's, too.
        MayRaise();
        cil.Load(cil.Home(0, Kind.Object));
        LoadCell(cell);
        cil.Object(code.NameList[instructions[pc + 1].Arg]);
        cil.Object(new SuperCache());
        cil.Address(needsSelf);
        cil.Call(nameof(Support.SuperMethod));
        cil.Store(method);
        cil.Load(method);
        cil.Branch(OpCodes.Brfalse, Error());
        Drop(2);
        var (below, above) = (Slot(0), Slot(0) + 1);
        cil.Load(needsSelf);
        cil.Branch(OpCodes.Brfalse, plain);
        cil.Load(method);
        cil.Store(cil.Home(below, Kind.Object));
        cil.Load(cil.Home(0, Kind.Object));
        cil.Store(cil.Home(above, Kind.Object));
        cil.Branch(OpCodes.Br, done);
        cil.Mark(plain);
        cil.Op(OpCodes.Ldnull);
        cil.Store(cil.Home(below, Kind.Object));
        cil.Load(method);
        cil.Store(cil.Home(above, Kind.Object));
        cil.Mark(done);
        state.Stack[state.Depth++] = new Value(Kind.Maybe);
        state.Stack[state.Depth++] = Value.Object;
        pc++;
    }

    private void CallNamed(int count, PyTuple? names)
    {
        MayRaise();
        cil.Argument(1);
        LoadObject(count + 2);
        LoadObject(count + 1);
        NewArray(count);
        LoadNames(names);
        cil.Call(nameof(Support.CallMany));
        Drop(count + 2);
        PushChecked(Value.Object);
    }

    /// <summary>
    /// Calls something that is known. <paramref name="given"/> counts the arguments with the object of a method; <paramref name="count"/> is
    /// the instruction's.
    /// </summary>
    private bool CallConstant(PyObject target, int given, int count, PyTuple? names)
    {
        switch (target)
        {
            case PyFunction function:
                return CallFunction(function, given, count, names);
            case PyType type when given <= MaxArguments - 1 && EvaluationLoop.PythonConstructor(type) is { } constructor:
                return Construct(type, constructor, given, count, names);
            case PyBuiltin builtin when names is null:
                return (builtin.Module == "builtins" && CallBuiltin(builtin.Code.Name, given, count)) || CallNative(builtin, builtin.Code, builtin.Self, given, count);
            case PyMethodDescriptor descriptor when names is null && given > 0 && IsInstanceOf(Top(given), descriptor.Owner):
                return CallDescriptor(descriptor, given, count);
            default:
                return false;
        }
    }

    /// <summary>Puts the entry into its object form.</summary>
    private void Box(int below)
    {
        if (Top(below).Kind is not (Kind.Int or Kind.Float or Kind.Bool))
            return;
        LoadObject(below);
        cil.Store(cil.Home(Slot(below), Kind.Object));
        Top(below) = Top(below) with { Kind = Kind.Object };
    }

    private bool CallBuiltin(string name, int given, int count)
    {
        switch (name, given)
        {
            case ("len", 1):
                MayRaise();
                LoadObject(1);
                cil.Call(nameof(Support.Len));
                Drop(count + 2);
                Push(Value.Int);
                return true;
            case ("isinstance", 2):
                MayRaise();
                LoadObject(2);
                LoadObject(1);
                cil.Call(nameof(Support.IsInstance));
                Drop(count + 2);
                Push(Value.Bool);
                return true;
            case ("ord", 1) when Top().Exact == Exact.Str:
                LoadObject(1);
                cil.Call(nameof(Support.SingleCharacter));
                cil.Branch(OpCodes.Brfalse, Deopt());
                LoadObject(1);
                cil.Call(nameof(Support.Ord));
                Drop(count + 2);
                Push(Value.Int);
                return true;
            case ("abs", 1) when Top().IsFloat:
                LoadFloat(1);
                cil.Call(nameof(Support.AbsFloat));
                Drop(count + 2);
                Push(Value.Float);
                return true;
            case ("min" or "max", 2) when Top(1).IsInt && Top(2).IsInt:
                LoadInt(2);
                LoadInt(1);
                cil.Call(name == "min" ? nameof(Support.MinInt) : nameof(Support.MaxInt));
                Drop(count + 2);
                Push(Value.Int);
                return true;
            default:
                return false;
        }
    }

    private bool CallDescriptor(PyMethodDescriptor descriptor, int given, int count)
    {
        if (descriptor.Owner == ListType.Type && descriptor.Code.Name == "append" && given == 2)
        {
            LoadObject(2);
            LoadObject(1);
            cil.Call(nameof(Support.ListAppend));
            Drop(count + 2);
            PushConstant(Values.None);
            return true;
        }
        return CallNative(descriptor, descriptor.Code, null, given, count);
    }

    private static bool IsInstanceOf(Value value, PyType owner) => value.Type?.IsSubtypeOf(owner) == true || (value.Exact != Exact.None && ExactOfType(owner) == value.Exact);

    /// <summary>Calls a function in C# that is known, without a look at what it is. <paramref name="self"/> is null for a method: it is the lowest argument.</summary>
    private bool CallNative(PyObject callable, NativeCode native, PyObject? self, int given, int count)
    {
        var arguments = self is null ? given - 1 : given;
        var known = (arguments, native) switch
        {
            (0, { F0: { } none }) => (Delegate)none,
            (1, { F1: { } one }) => one,
            _ => null,
        };
        if (known is null && (self is not null || arguments > 3))
            return false;
        MayRaise();
        BoxAll(given);
        if (known is null)
        {
            cil.Argument(1);
            cil.Object(callable);
            for (var i = given; i > 0; i--)
                LoadObject(i);
            cil.Call("CallMethod" + arguments);
            Drop(count + 2);
            PushChecked(Value.Object);
            return true;
        }
        // A profiler that has begun meanwhile is told of calls by the general way.
        var (profiled, done) = (cil.Label(), cil.Label());
        var value = cil.Temporary(typeof(PyObject));
        cil.Argument(1);
        cil.Call(typeof(PyThread), "get_" + nameof(PyThread.IsTracing));
        cil.Branch(OpCodes.Brtrue, profiled);
        cil.Object(known);
        if (self is not null)
            cil.Object(self);
        for (var i = given; i > 0; i--)
            LoadObject(i);
        cil.Call(known.GetType(), "Invoke");
        cil.Store(value);
        cil.Branch(OpCodes.Br, done);
        cil.Mark(profiled);
        InGeneral(callable, "Call", given, null);
        EndCall(value, done, count);
        return true;
    }
}
