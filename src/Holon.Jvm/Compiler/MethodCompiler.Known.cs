using System.Reflection.Emit;
using Holon.Jvm.ClassFile;
using Holon.Jvm.Heap;
using Holon.Jvm.Interpreter;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Compiler;

/// <summary>
/// What is known of references while translating a straight line of operations: the object itself (constants, static finals, fields
/// of method handles), or its exact class. Method handles and lambdas become plain calls by this: a call site's target is such an
/// object, and what it leads to is read from its fields now.
/// </summary>
internal sealed unsafe partial class MethodCompiler
{
    /// <summary>An object at an address that never moves, or null; and its class.</summary>
    private readonly record struct Fact(nint Cell, nint Class)
    {
        // SAFETY: the cell is one of the machine's pinned ones.
        public object? Object => Cell == 0 ? null : *(object?*)Cell;
    }

    /// <summary>By slot of the outermost method.</summary>
    private readonly Dictionary<int, Fact> _facts = [];

    private Fact FactAt(int slot) => _facts.GetValueOrDefault(_at.Base + slot);

    private bool _hasLearned;

    private void Learn(int slot, Fact fact)
    {
        _facts[_at.Base + slot] = fact;
        _hasLearned = true;
    }

    private void LearnObject(int slot, nint cell)
    {
        // A frame's own class is no object of Java's.
        if (*(object?*)cell is not { } o || o is JClass)
        {
            Forget(slot);
            return;
        }
        var isArray = ObjectExtensions.IsArray(o);
        if (!isArray) KeepNamed(((JObject)o).Class());
        Learn(slot, new Fact(cell, isArray ? 0 : JObject.Word(o)));
    }

    private void Forget(int slot) => _facts.Remove(_at.Base + slot);

    /// <summary>Control comes together here: what an inlined method's callers know of their own slots still holds.</summary>
    private void ForgetFrom(int slot)
    {
        foreach (var known in _facts.Keys.Where(k => k >= slot).ToArray()) _facts.Remove(known);
    }

    /// <summary>Loads a constant into a slot when an instance field's value can no longer change; false when it may.</summary>
    private bool TryFoldField(in Insn n)
    {
        if (FactAt(n.B).Object is not { } holder || n.Op is Op.GetFieldVolatile or Op.GetFieldReferent) return false;
        if (_at.Method.Class.Pool.Entries[_at.Flow.PoolIndex(_index)].Resolved is not JField field || !IsTrusted(field)) return false;
        ref var at = ref JObject.At(holder, n.Imm);
        if (field.Kind == 'R') return LoadConstantObject(n.A, JObject.At<object?>(holder, n.Imm));
        var value = Fields.Get(field.Kind, ref at);
        var stack = Stubs.StackKind(field.Kind);
        Constant(stack, value.Bits);
        Store(n.A, stack);
        return true;
    }

    /// <summary>Finals that reflection cannot change: those of method handles, hidden classes and records. A call site's target is final by name only.</summary>
    private static bool IsTrusted(JField field) =>
        (field.Flags & Acc.Final) != 0 && field.Class.Name != "java/lang/invoke/CallSite" && (field.Class.Name.StartsWith("java/lang/invoke/", StringComparison.Ordinal) || field.Class.IsHidden || field.Class.File!.IsRecord);

    private bool LoadConstantObject(int slot, object? value)
    {
        if (value == null) return false;
        var cell = Memory.NewReference(value);
        _cil.Address((long)cell);
        _cil.Emit(OpCodes.Ldind_Ref);
        Store(slot, 'R');
        LearnObject(slot, (nint)cell);
        return true;
    }

    /// <summary>Static finals of initialized classes are constants; System's streams are final and yet set.</summary>
    private bool TryFoldStatic(in Insn n)
    {
        if (n.Op == Op.GetStaticVolatile || _at.Method.Class.Pool.Entries[_at.Flow.PoolIndex(_index)].Resolved is not JField field) return false;
        if ((field.Flags & Acc.Final) == 0 || field.Class.Ptr->Initialized == 0 || field.Class.Name == "java/lang/System") return false;
        if (field.Kind == 'R')
        {
            if (*(object?*)n.Imm == null) return false;
            _cil.Address(n.Imm);
            _cil.Emit(OpCodes.Ldind_Ref);
            Store(n.A, 'R');
            LearnObject(n.A, (nint)n.Imm);
            return true;
        }
        var stack = Stubs.StackKind(field.Kind);
        Constant(stack, Fields.Get(field.Kind, ref *(byte*)n.Imm).Bits);
        Store(n.A, stack);
        return true;
    }

    /// <summary>What an operation leaves known of the reference that it makes.</summary>
    private void Follow(in Insn n, Fact source)
    {
        switch (n.Op)
        {
            case Op.MovR when source != default:
                Learn(n.A, source);
                break;
            case Op.LdcRef:
                LearnObject(n.A, (nint)n.Imm);
                break;
            case Op.NewQ:
                Learn(n.A, new Fact(0, (nint)n.Imm));
                break;
        }
    }
}
