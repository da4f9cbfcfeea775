using System.Reflection.Emit;

namespace Holon.Python.Tier1;

/// <summary>Attributes: a comparison of shapes for each that tier 0 has seen, the general way otherwise.</summary>
internal sealed partial class CodeCompiler
{
    private InlineCache? Cache => code.Caches[pc];

    private void LoadAttribute(Instruction instruction)
    {
        var name = code.NameList[instruction.Arg];
        if (Top().Constant is PyType or PyModule && ConstantAttribute(Top().Constant!, name))
            return;
        var done = cil.Label();
        MayRaise();
        LoadObject(1);
        var self = cil.Temporary(typeof(PyObject));
        cil.Store(self);
        var slot = Slot();
        if (instruction.Op == Opcode.LoadAttrShape)
            Shapes(self, (cache, other, instance) =>
            {
                if (cache.Namespace is not null)
                {
                    cil.Object(cache.Namespace);
                    cil.Int(cache.Index);
                    cil.Call(typeof(PyDict), nameof(PyDict.ValueAt));
                    cil.Store(cil.Home(slot, Kind.Object));
                    return;
                }
                if (cache.Value is not null)
                {
                    // A property: its getter is called.
                    cil.Argument(1);
                    cil.Object(cache.Value);
                    cil.Load(self);
                    cil.Call(nameof(Support.Call1));
                    cil.Store(cil.Home(slot, Kind.Object));
                    cil.Load(cil.Home(slot, Kind.Object));
                    cil.Branch(OpCodes.Brfalse, Error());
                    return;
                }
                LoadField(instance, cache.Index, slot, other);
            }, done);
        cil.Load(self);
        cil.Object(code);
        cil.Int(pc);
        cil.Call(nameof(Support.LoadAttribute));
        cil.Store(cil.Home(slot, Kind.Object));
        cil.Load(cil.Home(slot, Kind.Object));
        cil.Branch(OpCodes.Brfalse, Error());
        cil.Mark(done);
        Top() = Value.Object;
    }

    /// <summary>An attribute of a class or module that is itself known: guarded by its version.</summary>
    private bool ConstantAttribute(PyObject self, PyStr name)
    {
        if (!MayGuessHere)
            return false;
        PyObject? value;
        if (self is PyModule module)
        {
            if (module.Type != ModuleType.Type || module.Type.Lookup(name) is not null || module.Dict.GetType() != typeof(PyDict))
                return false;
            var entry = module.Dict.FindEntry(name);
            value = entry < 0 ? null : module.Dict.ValueAt(entry);
            if (value is null)
                return false;
            CheckKeys(module.Dict);
            cil.Object(module.Dict);
            cil.Int(entry);
            cil.Call(typeof(PyDict), nameof(PyDict.ValueAt));
            if (value is not (PyFunction or PyType or PyBuiltin))
            {
                // The keys are as they were, so there is a value.
                Drop(1);
                Push(Value.Object);
                return true;
            }
            cil.Object(value);
            cil.Branch(OpCodes.Bne_Un, Deopt());
            cil.Object(value);
            Drop(1);
            Push(new Value(Kind.Object, Exact.None, value));
            return true;
        }
        var type = (PyType)self;
        if (!type.IsBuiltin && EvaluationLoop.LooksUpAsType(type.Type, name) && EvaluationLoop.ClassData(type, name) is { Namespace: { } space, Index: var place })
        {
            CheckVersion(type, Deopt());
            CheckVersion(type.Type, Deopt());
            cil.Object(space);
            cil.Int(place);
            cil.Call(typeof(PyDict), nameof(PyDict.ValueAt));
            Drop(1);
            Push(Value.Object);
            return true;
        }
        value = EvaluationLoop.ClassAttribute(type, name);
        if (value is null)
            return false;
        CheckVersion(type, Deopt());
        CheckVersion(type.Type, Deopt());
        cil.Object(value);
        Drop(1);
        Push(new Value(Kind.Object, Value.ExactOf(value), value));
        return true;
    }

    private void CheckVersion(PyType type, Label otherwise)
    {
        if (type.IsBuiltin)
            return;
        cil.Object(type);
        cil.LoadField(typeof(PyType), nameof(PyType.Version));
        cil.Long(type.Version);
        cil.Branch(OpCodes.Bne_Un, otherwise);
    }

    /// <summary>For each shape that has been seen: if the object has it, what <paramref name="hit"/> writes, and on to <paramref name="done"/>.</summary>
    private void Shapes(LocalBuilder? self, Action<InlineCache, Label, LocalBuilder?> hit, Label done)
    {
        if (!MayGuessHere)
            return;
        var instance = cil.Temporary(typeof(PyInstance));
        var none = cil.Label();
        cil.Load(self);
        cil.Op(OpCodes.Isinst, typeof(PyInstance));
        cil.Store(instance);
        cil.Load(instance);
        cil.Branch(OpCodes.Brfalse, none);
        for (var cache = Cache; cache is not null; cache = cache.More)
        {
            if (cache.Guard is not Shape shape || shape.Type.Version != cache.Version)
                continue;
            var other = cil.Label();
            cil.Load(instance);
            cil.Call(nameof(Support.ShapeOf));
            cil.Object(shape);
            cil.Branch(OpCodes.Bne_Un, other);
            CheckVersion(shape.Type, other);
            hit(cache, other, instance);
            cil.Branch(OpCodes.Br, done);
            cil.Mark(other);
        }
        cil.Mark(none);
    }

    private void StoreAttribute(Instruction instruction)
    {
        var done = cil.Label();
        MayRaise();
        LoadObject(1);
        var self = cil.Temporary(typeof(PyObject));
        cil.Store(self);
        LoadObject(2);
        var value = cil.Temporary(typeof(PyObject));
        cil.Store(value);
        if (instruction.Op == Opcode.StoreAttrShape)
            Shapes(self, (cache, other, instance) =>
            {
                cil.Load(instance);
                if (cache.Next is null)
                {
                    cil.Int(cache.Index);
                    cil.Load(value);
                    cil.Call(nameof(Support.SetField));
                }
                else
                {
                    cil.Object(cache.Next);
                    cil.Load(value);
                    cil.Call(nameof(Support.AppendField));
                }
            }, done);
        cil.Load(self);
        cil.Load(value);
        cil.Object(code);
        cil.Int(pc);
        cil.Call(nameof(Support.StoreAttribute));
        cil.Mark(done);
        Drop(2);
    }

    private void LoadMethod(Instruction instruction)
    {
        var name = code.NameList[instruction.Arg];
        if (Top().Constant is PyType or PyModule)
        {
            if (ConstantAttribute(Top().Constant!, name))
            {
                var found = Top();
                cil.Load(cil.Home(Slot(), Kind.Object));
                Drop(1);
                Push(Value.Null);
                Push(found);
                return;
            }
        }
        else if (instruction.Op == Opcode.LoadMethodType && MayGuessHere && Cache is { Guard: PyType type, Value: PyMethodDescriptor or PyFunction or PySlotWrapper } cached)
        {
            if (ExactOfType(type) is var exact and not Exact.None)
                Guard(1, exact);
            else
                GuardType(type);
            var receiver = Top();
            LoadPlain(Slot(), receiver);
            Drop(1);
            cil.Object(cached.Value);
            Push(new Value(Kind.Object, Exact.None, cached.Value));
            Push(receiver with { Kind = Kind.Object, Type = type });
            return;
        }
        else if (instruction.Op == Opcode.LoadMethodShape && MayGuessHere && Cache is { More: null, Guard: Shape only, Value: PyFunction function } cache && only.Type.Version == cache.Version)
        {
            // One shape: the function is known, and its call needs no look at what is called.
            LoadObject(1);
            cil.Op(OpCodes.Isinst, typeof(PyInstance));
            var instance = cil.Temporary(typeof(PyInstance));
            cil.Store(instance);
            cil.Load(instance);
            cil.Branch(OpCodes.Brfalse, Deopt());
            cil.Load(instance);
            cil.Call(nameof(Support.ShapeOf));
            cil.Object(only);
            cil.Branch(OpCodes.Bne_Un, Deopt());
            CheckVersion(only.Type, Deopt());
            var origin = Top().Origin;
            cil.Load(instance);
            Drop(1);
            cil.Object(function);
            Push(new Value(Kind.Object, Exact.None, function));
            Push(Value.Object with { Origin = origin });
            return;
        }
        var done = cil.Label();
        MayRaise();
        LoadObject(1);
        var self = cil.Temporary(typeof(PyObject));
        cil.Store(self);
        var (below, above) = (Slot(), Slot() + 1);
        if (instruction.Op == Opcode.LoadMethodShape)
            Shapes(self, (cache, other, instance) =>
            {
                if (cache.Value is null)
                {
                    LoadField(instance, cache.Index, above, other);
                    cil.Op(OpCodes.Ldnull);
                    cil.Store(cil.Home(below, Kind.Object));
                    return;
                }
                cil.Object(cache.Value);
                cil.Store(cil.Home(below, Kind.Object));
                cil.Load(self);
                cil.Store(cil.Home(above, Kind.Object));
            }, done);
        // A method comes as a function that wants the object in front; anything else stands alone.
        var method = cil.Temporary(typeof(PyObject));
        var isMethod = cil.Temporary(typeof(bool));
        var plain = cil.Label();
        cil.Load(self);
        cil.Object(code);
        cil.Int(pc);
        cil.Address(isMethod);
        cil.Call(nameof(Support.LoadMethod));
        cil.Store(method);
        cil.Load(method);
        cil.Branch(OpCodes.Brfalse, Error());
        cil.Load(isMethod);
        cil.Branch(OpCodes.Brfalse, plain);
        cil.Load(method);
        cil.Store(cil.Home(below, Kind.Object));
        cil.Load(self);
        cil.Store(cil.Home(above, Kind.Object));
        cil.Branch(OpCodes.Br, done);
        cil.Mark(plain);
        cil.Op(OpCodes.Ldnull);
        cil.Store(cil.Home(below, Kind.Object));
        cil.Load(method);
        cil.Store(cil.Home(above, Kind.Object));
        cil.Mark(done);
        Top() = new Value(Kind.Maybe);
        state.Stack[state.Depth++] = Value.Object;
    }

    /// <summary>Puts an instance's value at an index into a slot's home, or goes to <paramref name="otherwise"/> if there is none.</summary>
    private void LoadField(LocalBuilder? instance, int index, int slot, Label otherwise)
    {
        cil.Load(instance);
        cil.Int(index);
        cil.Call(nameof(Support.FieldOf));
        cil.Store(cil.Home(slot, Kind.Object));
        cil.Load(cil.Home(slot, Kind.Object));
        cil.Branch(OpCodes.Brfalse, otherwise);
    }

    /// <summary>From here on the entry on top is an instance of that built-in type, not of a subclass, or the code has been left.</summary>
    private void GuardType(PyType type)
    {
        if (Top().Type == type)
            return;
        LoadObject(1);
        cil.Object(type);
        cil.Call(nameof(Support.IsOfType));
        cil.Branch(OpCodes.Brfalse, Deopt());
        var origin = Top().Origin;
        Top() = Top() with { Type = type };
        if (origin >= 0)
            state.Locals[origin] = state.Locals[origin] with { Type = type };
    }

    private static Exact ExactOfType(PyType type) =>
        type == ListType.Type ? Exact.List : type == StrType.Type ? Exact.Str : type == DictType.Type ? Exact.Dict : type == TupleType.Type ? Exact.Tuple : Exact.None;
}
