namespace Holon.Python.Objects;

/// <summary>The table's rows.</summary>
internal static partial class SlotTable
{
    private static readonly string[] NumberNames = ["add", "and", "floordiv", "lshift", "matmul", "mul", "mod", "or", "pow", "rshift", "sub", "truediv", "xor", "divmod"];

    private static List<Slot> MakeSlots()
    {
        var slots = new List<Slot>();
        Unary("__repr__", t => t.Repr, (t, f) => t.Repr = f);
        Unary("__str__", t => t.Str, (t, f) => t.Str = f);
        Unary("__iter__", t => t.Iter, (t, f) => t.Iter = f);
        Unary("__neg__", t => t.Negative, (t, f) => t.Negative = f);
        Unary("__pos__", t => t.Positive, (t, f) => t.Positive = f);
        Unary("__abs__", t => t.Absolute, (t, f) => t.Absolute = f);
        Unary("__invert__", t => t.Invert, (t, f) => t.Invert = f);
        Unary("__int__", t => t.ToInt, (t, f) => t.ToInt = f);
        Unary("__float__", t => t.ToFloat, (t, f) => t.ToFloat = f);
        Unary("__index__", t => t.Index, (t, f) => t.Index = f);
        Unary("__await__", t => t.Await, (t, f) => t.Await = f);
        Unary("__aiter__", t => t.AIter, (t, f) => t.AIter = f);
        Unary("__anext__", t => t.ANext, (t, f) => t.ANext = f);
        Add(["__next__"], t => t.Next, (t, f) => t.Next = (NextFn?)f, (NextFn)SlotDispatch.Next, (_, f) => (self, args, names) =>
        {
            Args.Exactly("__next__", args, names, 0);
            var thread = PyThread.Current;
            thread.StopValue = null;
            return ((NextFn)f)(self) ?? Err.SetStopIteration(thread.TakeStopValue());
        });
        Add(["__hash__"], t => t.Hash, (t, f) => t.Hash = (LongFn?)f, (LongFn)SlotDispatch.Hash, (_, f) => (self, args, names) =>
        {
            Args.Exactly("__hash__", args, names, 0);
            return PyInt.Of(((LongFn)f)(self));
        });
        Add(["__len__"], t => t.Len, (t, f) => t.Len = (LongFn?)f, (LongFn)SlotDispatch.Len, (_, f) => (self, args, names) =>
        {
            Args.Exactly("__len__", args, names, 0);
            return PyInt.Of(((LongFn)f)(self));
        });
        Add(["__bool__"], t => t.Bool, (t, f) => t.Bool = (BoolFn?)f, (BoolFn)SlotDispatch.Bool, (_, f) => (self, args, names) =>
        {
            Args.Exactly("__bool__", args, names, 0);
            return Values.Bool(((BoolFn)f)(self));
        });
        Add(["__contains__"], t => t.Contains, (t, f) => t.Contains = (ContainsFn?)f, (ContainsFn)SlotDispatch.Contains, (_, f) => (self, args, names) =>
        {
            Args.Exactly("__contains__", args, names, 1);
            return Values.Bool(((ContainsFn)f)(self, args[0]));
        });
        Add(["__lt__", "__le__", "__eq__", "__ne__", "__gt__", "__ge__"], t => t.Compare, (t, f) => t.Compare = (CompareFn?)f, (CompareFn)SlotDispatch.Compare, (i, f) => (self, args, names) =>
        {
            Args.Exactly(CompareNames[i].Value, args, names, 1);
            return ((CompareFn)f)(self, args[0], (CompareOp)i);
        });
        Binary("__getitem__", t => t.GetItem, (t, f) => t.GetItem = f);
        Add(["__setitem__", "__delitem__"], t => t.SetItem, (t, f) => t.SetItem = (SetFn?)f, (SetFn)SlotDispatch.SetItem, (i, f) => (self, args, names) =>
        {
            Args.Exactly(i == 0 ? "__setitem__" : "__delitem__", args, names, i == 0 ? 2 : 1);
            ((SetFn)f)(self, args[0], i == 0 ? args[1] : null);
            return Values.None;
        });
        Add(["__getattribute__", "__getattr__"], t => t.GetAttr, (t, f) => t.GetAttr = (GetAttrFn?)f, (GetAttrFn)SlotDispatch.GetAttr, (i, f) => i == 1 ? null : (self, args, names) =>
        {
            Args.Exactly("__getattribute__", args, names, 1);
            var name = Args.Name(args[0]);
            return ((GetAttrFn)f)(self, name) ?? Err.SetAttribute(self, name);
        });
        Add(["__setattr__", "__delattr__"], t => t.SetAttr, (t, f) => t.SetAttr = (SetAttrFn?)f, (SetAttrFn)SlotDispatch.SetAttr, (i, f) => (self, args, names) =>
        {
            Args.Exactly(i == 0 ? "__setattr__" : "__delattr__", args, names, i == 0 ? 2 : 1);
            if (self is PyType { IsBuiltin: false } && self.Type.Lookup(i == 0 ? Names.SetAttr : Names.DelAttr) is { } && f.Equals((SetAttrFn)Attributes.GenericSet))
                throw Err.Type($"can't apply this __{(i == 0 ? "set" : "del")}attr__ to {self.Type.FullName} object");
            ((SetAttrFn)f)(self, Args.Name(args[0]), i == 0 ? args[1] : null);
            return Values.None;
        });
        Add(["__get__"], t => t.DescrGet, (t, f) => t.DescrGet = (DescrGetFn?)f, (DescrGetFn)SlotDispatch.DescrGet, (_, f) => (self, args, names) =>
        {
            Args.Between("__get__", args, names, 1, 2);
            var instance = args[0] == Values.None ? null : args[0];
            var owner = args.Length > 1 && args[1] != Values.None ? args[1] as PyType : null;
            if (instance is null && owner is null)
                throw Err.Type("__get__(None, None) is invalid");
            return ((DescrGetFn)f)(self, instance, owner);
        });
        Add(["__set__", "__delete__"], t => t.DescrSet, (t, f) => t.DescrSet = (SetFn?)f, (SetFn)SlotDispatch.DescrSet, (i, f) => (self, args, names) =>
        {
            Args.Exactly(i == 0 ? "__set__" : "__delete__", args, names, i == 0 ? 2 : 1);
            ((SetFn)f)(self, args[0], i == 0 ? args[1] : null);
            return Values.None;
        });
        Add(["__init__"], t => t.Init, (t, f) => t.Init = (InitFn?)f, (InitFn)SlotDispatch.Init, (_, f) => (self, args, names) =>
        {
            ((InitFn)f)(self, args, names);
            return Values.None;
        });
        for (var i = 0; i < PyType.NumberOps; i++)
        {
            var op = i;
            BinaryFn dispatch = null!;
            var name = Names.Intern($"__{NumberNames[i]}__");
            var reflected = Names.Intern($"__r{NumberNames[i]}__");
            dispatch = (a, b) => SlotDispatch.Number(a, b, op, dispatch, name, reflected);
            NumberDispatchers[i] = dispatch;
            if (op == (int)NumberOp.Power)
            {
                Add([name.Value, reflected.Value], t => t.Numbers[op], (t, f) => t.Numbers[op] = (BinaryFn?)f, dispatch, (side, f) => (self, args, names) =>
                {
                    Args.Between(side == 0 ? "__pow__" : "__rpow__", args, names, 1, 2);
                    if (args.Length == 2 && args[1] != Values.None)
                        return self.Type.PowerModulo is { } modulo ? side == 0 ? modulo(self, args[0], args[1]) : modulo(args[0], self, args[1]) : Values.NotImplemented;
                    return side == 0 ? ((BinaryFn)f)(self, args[0]) : ((BinaryFn)f)(args[0], self);
                });
            }
            else
            {
                Add([name.Value, reflected.Value], t => t.Numbers[op], (t, f) => t.Numbers[op] = (BinaryFn?)f, dispatch, (side, f) => (self, args, names) =>
                {
                    Args.Exactly(side == 0 ? name.Value : reflected.Value, args, names, 1);
                    return side == 0 ? ((BinaryFn)f)(self, args[0]) : ((BinaryFn)f)(args[0], self);
                });
            }
            if (op == (int)NumberOp.DivMod)
                continue;
            Binary($"__i{NumberNames[i]}__", t => t.InPlace[op], (t, f) => t.InPlace[op] = f, orNotImplemented: true);
        }
        // After the numbers: __add__ of a list is its concatenation.
        Concatenation("__add__", t => t.Concat, (t, f) => t.Concat = f);
        Concatenation("__iadd__", t => t.InPlaceConcat, (t, f) => t.InPlaceConcat = f);
        Repetition(["__mul__", "__rmul__"], t => t.Repeat, (t, f) => t.Repeat = f);
        Repetition(["__imul__"], t => t.InPlaceRepeat, (t, f) => t.InPlaceRepeat = f);
        return slots;

        void Add(string[] names, Func<PyType, Delegate?> get, Action<PyType, Delegate?> set, Delegate dispatcher, Func<int, Delegate, NativeFn?> wrap) =>
            slots.Add(new Slot([.. names.Select(Names.Intern)], get, set, dispatcher, wrap));

        void Unary(string name, Func<PyType, UnaryFn?> get, Action<PyType, UnaryFn?> set)
        {
            var method = Names.Intern(name);
            Add([name], get, (t, f) => set(t, (UnaryFn?)f), (UnaryFn)(self => SlotDispatch.Unary(self, method)), (_, f) => (self, args, names) =>
            {
                Args.Exactly(name, args, names, 0);
                return ((UnaryFn)f)(self);
            });
        }

        void Binary(string name, Func<PyType, BinaryFn?> get, Action<PyType, BinaryFn?> set, bool orNotImplemented = false)
        {
            var method = Names.Intern(name);
            Add([name], get, (t, f) => set(t, (BinaryFn?)f), (BinaryFn)((self, other) => SlotDispatch.Binary(self, other, method, orNotImplemented)), (_, f) => (self, args, names) =>
            {
                Args.Exactly(name, args, names, 1);
                return ((BinaryFn)f)(self, args[0]);
            });
        }

        // Classes get the number slot from __add__, never this one, so that a list's own concatenation is the only inherited one.
        void Concatenation(string name, Func<PyType, BinaryFn?> get, Action<PyType, BinaryFn?> set) =>
            slots.Add(new Slot([Names.Intern(name)], get, (t, f) => set(t, f as BinaryFn), NoDispatcher, (_, f) => (self, args, names) =>
            {
                Args.Exactly(name, args, names, 1);
                return ((BinaryFn)f)(self, args[0]);
            }));

        void Repetition(string[] names, Func<PyType, RepeatFn?> get, Action<PyType, RepeatFn?> set) =>
            slots.Add(new Slot([.. names.Select(Names.Intern)], get, (t, f) => set(t, f as RepeatFn), NoDispatcher, (i, f) => (self, args, keywords) =>
            {
                Args.Exactly(names[i], args, keywords, 1);
                return ((RepeatFn)f)(self, Ops.RepeatCount(args[0]));
            }));
    }

    private static readonly Action NoDispatcher = () => { };

    public static readonly BinaryFn[] NumberDispatchers = new BinaryFn[PyType.NumberOps];

    public static readonly PyStr[] CompareNames = [.. new[] { "__lt__", "__le__", "__eq__", "__ne__", "__gt__", "__ge__" }.Select(Names.Intern)];
}
