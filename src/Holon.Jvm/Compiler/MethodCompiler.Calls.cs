using System.Reflection.Emit;
using Holon.Jvm.ClassFile;
using Holon.Jvm.Heap;
using Holon.Jvm.Interpreter;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Compiler;

/// <summary>Calls: what they lead to, what is inlined, and how the rest is called.</summary>
internal sealed unsafe partial class MethodCompiler
{
    /// <summary>Operations of a method that is inlined in any case, of one that is called often, and how deep.</summary>
    private const int TrivialSize = 12, HotSize = 60, InlineDepth = 9, HotCalls = 100;

    /// <summary>The same for the lambda forms behind method handles, which are long chains of little.</summary>
    private const int FormSize = 200, FormDepth = 24;

    /// <summary>Operations of a recursive method that is inlined in itself, and how often.</summary>
    private const int RecursiveSize = 45, RecursionDepth = 2;

    /// <summary>Whether an operation goes on in the interpreter, because its symbols are not resolved.</summary>
    private static bool MustTrap(Scope scope, int index)
    {
        var n = scope.Flow.Insns[index];
        if (n.Op == Op.MultiNewArray) return n.B > 3 || ResolvedClass(scope, index) == null;
        return CodeFlow.IsUnresolved(n.Op);
    }

    private static JClass? ResolvedClass(Scope scope, int index) => scope.Method.Class.Pool.Entries[scope.Flow.PoolIndex(index)].Resolved as JClass;

    private static JMethod? ResolvedMethod(Scope scope, int index) => scope.Method.Class.Pool.Entries[scope.Flow.PoolIndex(index)].Resolved as JMethod;

    /// <summary>A method that was compiled many times has broken many assumptions: it makes no more.</summary>
    private bool Speculates => _code.Method.Compilation!.Compilations < JitCompiler.CompilationLimit - 3;

    private void EmitCall(in Insn n)
    {
        switch (n.Op)
        {
            case Op.CallStatic:
                CallKnown((MethodSlot*)n.Imm, n.A);
                break;
            case Op.CallSpecial:
                NullCheck(n.A);
                CallKnown((MethodSlot*)n.Imm, n.A);
                break;
            case Op.CallVirtual:
                NullCheck(n.A);
                EmitVirtual(n);
                break;
            case Op.CallInterface:
                NullCheck(n.A);
                EmitInterface(n);
                break;
            case Op.CallHandle:
                var site = (CallSite*)n.Imm;
                if (site->Appendix != null)
                {
                    _cil.Address((long)site->Appendix);
                    _cil.Emit(OpCodes.Ldind_Ref);
                    Store(n.A + site->AppendixSlot, 'R');
                    LearnObject(n.A + site->AppendixSlot, (nint)site->Appendix);
                }
                CallKnown(site->Target, n.A);
                break;
            case Op.CallBasic:
                if (FactAt(n.A).Object is { } handle && MethodHandles.BasicTarget(_machine, handle) is var basic && basic != null)
                {
                    CallKnown(basic, n.A);
                    break;
                }
                NullCheck(n.A);
                _cil.Argument(0);
                Load(n.A, 'R');
                _cil.Call(nameof(CompiledRuntime.BasicTarget));
                CallComputed(CallShape(), n.A, false, true);
                break;
            default:
                EmitLinkTo(n);
                break;
        }
    }

    /// <summary>The shape of the call as its descriptor says.</summary>
    private string CallShape()
    {
        _scratch.Clear();
        var result = _at.Flow.Arguments(_index, _scratch);
        return string.Concat(_scratch.Select(CodeFlow.KindOf)) + ":" + result;
    }

    private void EmitLinkTo(in Insn n)
    {
        var shape = CallShape();
        if (FactAt(n.A + n.B - 1).Object is { } member && MethodHandles.Target(_machine, member) is var target && target != null)
        {
            var method = target->Managed;
            switch ((MethodIntrinsic)n.C)
            {
                case MethodIntrinsic.LinkToStatic:
                    CallKnown(target, n.A);
                    return;
                case MethodIntrinsic.LinkToSpecial:
                    NullCheck(n.A);
                    CallKnown(target, n.A);
                    return;
                case MethodIntrinsic.LinkToVirtual when !method.Class.IsInterface && (method.IsFinal || target->VTableIndex < 0):
                    NullCheck(n.A);
                    CallKnown(target, n.A);
                    return;
            }
        }
        NoteSite();
        _cil.Argument(0);
        _cil.Int(n.C);
        Load(n.A + n.B - 1, 'R');
        if (shape[0] == 'R') Load(n.A, 'R');
        else _cil.Emit(OpCodes.Ldnull);
        _cil.Call(nameof(CompiledRuntime.LinkToTarget));
        // The MemberName, the last argument, is not passed on.
        var colon = shape.IndexOf(':');
        CallComputed(shape.Remove(colon - 1, 1), n.A, true, true);
    }

    // Virtual calls ---------------------------------------------------------------------------------------------------

    private void EmitVirtual(in Insn n)
    {
        var shape = CallShape();
        var declared = ResolvedMethod(_at, _index);
        var named = declared == null ? null : _at.Method.Class.Pool.Entries[_at.Method.Class.Pool.Entries[_at.Flow.PoolIndex(_index)].A].Resolved as JClass;
        var target = named == null || n.C >= named.VTable.Length ? declared : named.VTable[n.C];
        var isUsual = target is { IsAbstract: false, IsOverridden: false } && !target.Class.IsInterface;
        if (isUsual && target!.IsFinal)
        {
            CallKnown(target.Slot, n.A);
            return;
        }
        var (first, index) = (n.A, n.C);
        if (FactAt(first).Class is var exact && exact != 0)
        {
            CallKnown(((Klass*)exact)->VTable[index], first);
            return;
        }
        var profile = Volatile.Read(ref _at.Flow.Code.Code[_index].Imm);
        var receiver = profile > 1 ? _machine.Unloading.ClassAt((nint)profile) : null;
        if (Speculates && receiver != null && index < receiver.VTable.Length && MayName(receiver) && CanInline(receiver.Ptr->VTable[index]))
        {
            Guarded(n.A, receiver.Ptr, receiver.Ptr->VTable[index]);
        }
        else if (Speculates && isUsual && CanInline(target!.Slot) && target.Class != _machine.ObjectClass)
        {
            GuardedByTable(n.A, index, target.Slot);
        }
        else
        {
            CallThroughTable(first, index, shape, target);
        }
    }

    private void CallThroughTable(int first, int index, string shape, JMethod? target)
    {
        LoadTableEntry(first, index, target == null || target.Class == _machine.ObjectClass || target.Class.IsInterface);
        CallComputed(shape, first, false);
    }

    /// <summary>Pushes the receiver's method at an index of its class's table. Arrays have the methods of Object.</summary>
    private void LoadTableEntry(int first, int index, bool maybeArray)
    {
        if (maybeArray)
        {
            _cil.Argument(0);
            Load(first, 'R');
            _cil.Call(nameof(CompiledRuntime.ClassWord));
        }
        else
        {
            Load(first, 'R');
            _cil.Field(OpCodes.Ldfld, Emitted.Klass);
        }
        _cil.Int(Emitted.VTableOffset);
        _cil.Emit(OpCodes.Add);
        _cil.Emit(OpCodes.Ldind_I);
        _cil.Int(index * sizeof(nint));
        _cil.Emit(OpCodes.Add);
        _cil.Emit(OpCodes.Ldind_I);
    }

    /// <summary>Inlines what the only class of receivers so far has; at another one, the code is given up for the interpreter.</summary>
    private void Guarded(int first, Klass* receiver, MethodSlot* target)
    {
        Load(first, 'R');
        _cil.Field(OpCodes.Ldfld, Emitted.Klass);
        _cil.Address((long)receiver);
        _cil.Branch(OpCodes.Bne_Un, Trap());
        Inline(target, first);
    }

    /// <summary>The same, for a method that no class overrides yet.</summary>
    private void GuardedByTable(int first, int index, MethodSlot* target)
    {
        LoadTableEntry(first, index, false);
        _cil.Address((long)target);
        _cil.Branch(OpCodes.Bne_Un, Trap());
        Inline(target, first);
    }

    private void EmitInterface(in Insn n)
    {
        var site = (InterfaceSite*)n.Imm;
        var method = site->Method;
        var first = n.A;
        // A method of Object by way of an interface: rare, and the receiver is looked at each time.
        if (site->Named != null)
        {
            EmitInterfaceTarget(site, first);
            return;
        }
        if (FactAt(first).Class is var exact && exact != 0 && ((Klass*)exact)->Managed is var known && known.IsSubclassOf(method->Managed.Class)
            && known.InterfaceTarget(method->Managed) is { IsAbstract: false } only && (only.Flags & Acc.Public) != 0)
        {
            CallKnown(only.Slot, first);
            return;
        }
        var seen = Volatile.Read(ref site->Receiver);
        var receiver = seen > 1 ? _machine.Unloading.ClassAt(seen) : null;
        if (Speculates && receiver != null && MayName(receiver) && receiver.IsSubclassOf(method->Managed.Class) && receiver.InterfaceTarget(method->Managed) is { } target && (target.Flags & Acc.Public) != 0 && CanInline(target.Slot))
        {
            Guarded(first, receiver.Ptr, target.Slot);
            return;
        }
        EmitInterfaceTarget(site, first);
    }

    private void EmitInterfaceTarget(InterfaceSite* site, int first)
    {
        var cache = Memory.NewCallCache();
        cache->Method = site->Method;
        cache->Named = site->Named;
        NoteSite();
        _cil.Argument(0);
        Load(first, 'R');
        _cil.Address((long)cache);
        _cil.Call(nameof(CompiledRuntime.InterfaceTarget));
        CallComputed(CallShape(), first, true);
    }

    // Calling ---------------------------------------------------------------------------------------------------------

    /// <summary>Calls the method on the evaluation stack, which may be null with an exception noted.</summary>
    private void CallComputed(string shape, int first, bool mayBeNull, bool byHandle = false)
    {
        var method = Shared("method");
        var entry = Shared("entry");
        var make = _cil.Label();
        var ready = _cil.Label();
        _cil.Store(method);
        // What led to the method keeps its class until the method is done, which may be a hidden one that nothing else keeps.
        var handle = byHandle ? _cil.Generator.DeclareLocal(typeof(object)) : null;
        if (handle != null)
        {
            _cil.Argument(0);
            _cil.Field(OpCodes.Ldfld, Emitted.CalledHandle);
            _cil.Store(handle);
        }
        if (mayBeNull)
        {
            _cil.Load(method);
            _cil.Branch(OpCodes.Brfalse, Dispatch(_at, _index));
        }
        _cil.Load(method);
        _cil.Int(Emitted.EntryOffset);
        _cil.Emit(OpCodes.Add);
        _cil.Emit(OpCodes.Ldind_I);
        _cil.Store(entry);
        _cil.Load(entry);
        _cil.Branch(OpCodes.Brfalse, make);
        _cil.Mark(ready);
        NoteSite();
        _cil.Argument(0);
        _cil.Load(method);
        PushArguments(shape, first);
        _cil.Load(entry);
        _cil.Calli(shape);
        if (handle != null)
        {
            _cil.Load(handle);
            _cil.Call(nameof(CompiledRuntime.KeepAlive));
        }
        TakeResult(shape[^1], first);
        Cold(() =>
        {
            _cil.Mark(make);
            _cil.Argument(0);
            _cil.Load(method);
            _cil.Call(nameof(CompiledRuntime.EntryOf));
            _cil.Store(entry);
            _cil.Branch(OpCodes.Br, ready);
        });
    }

    private void PushArguments(string shape, int first)
    {
        foreach (var kind in shape[..^2])
        {
            Load(first, kind);
            first += kind is 'J' or 'D' ? 2 : 1;
        }
    }

    private void TakeResult(char kind, int first)
    {
        if (kind != 'V') Store(first, kind);
        ForgetFrom(_at.Base + first);
        CheckException();
    }

    /// <summary>Calls a method that is known now: inlined, as an intrinsic, or by its entry.</summary>
    private void CallKnown(MethodSlot* target, int first)
    {
        KeepNamed(target->Managed.Class);
        if (Intrinsics.Find(target->Managed) is { } intrinsic)
        {
            CallIntrinsic(intrinsic, target->Managed, first);
            return;
        }
        if (CanInline(target))
        {
            Inline(target, first);
            return;
        }
        var shape = Stubs.ShapeOf(target->Managed);
        _compiler.Stubs.EntryOf(target);
        NoteSite();
        _cil.Argument(0);
        _cil.Address((long)target);
        PushArguments(shape, first);
        _cil.Address((long)target + Emitted.EntryOffset);
        _cil.Emit(OpCodes.Ldind_I);
        _cil.Calli(shape);
        TakeResult(shape[^1], first);
    }

    private void CallIntrinsic(Intrinsic intrinsic, JMethod method, int first)
    {
        if (intrinsic.Method.Name == nameof(Intrinsics.AllocateInstance) && FactAt(first + 1).Object is { } mirror && TryAllocate(_machine.ClassOfMirror(mirror), first)) return;
        if (intrinsic.MayThrow) NoteSite();
        if (intrinsic.TakesThread) _cil.Argument(0);
        var shape = Stubs.ShapeOf(method);
        PushArguments(shape, first);
        _cil.Call(intrinsic.Method);
        if (shape[^1] != 'V') Store(first, shape[^1]);
        ForgetFrom(_at.Base + first);
        if (intrinsic.MayThrow) CheckException();
    }

    // Inlining --------------------------------------------------------------------------------------------------------

    private bool CanInline(MethodSlot* target)
    {
        var method = target->Managed;
        if (Intrinsics.Find(method) != null) return true;
        if (method.Native != null || method.IsNative || method.IsSynchronized || method.Decoded is not { } code || method.Info.Code!.Handlers.Length > 0) return false;
        if (_at.Depth >= (method.IsHidden ? FormDepth : InlineDepth) || _operations + code.Count > InlineLimit) return false;
        if (code.Count > TrivialSize && (method.IsHidden ? code.Count > FormSize : code.Count > HotSize || target->Calls < HotCalls)) return false;
        if (method.Info.CallerSensitive || method.KeepsFrame) return false;
        var recursion = 0;
        for (var scope = _at; scope != null; scope = scope.Outer)
        {
            if (scope.Method == method && (++recursion > RecursionDepth || code.Count > RecursiveSize)) return false;
        }
        for (var i = 0; i < code.Count; i++)
        {
            if (code.Code[i].Op is Op.Jsr or Op.Ret) return false;
        }
        return true;
    }

    /// <summary>Translates a method in the place of its call.</summary>
    private void Inline(MethodSlot* target, int first)
    {
        var method = target->Managed;
        if (Intrinsics.Find(method) is { } intrinsic)
        {
            CallIntrinsic(intrinsic, method, first);
            return;
        }
        CountStep();
        var flow = new CodeFlow(method);
        var scope = new Scope(flow, _at.Base + first, _at, _index, (nint)SiteOf(_at, _index)) { Done = _cil.Label() };
        EmitScope(scope, 0);
        _cil.Mark(scope.Done);
        // The result is known when there is one way to return.
        var result = scope.Returns == 1 ? scope.Result : default;
        ForgetFrom(scope.Base);
        if (result != default && method.ReturnKind == 'R') _facts[scope.Base] = result;
    }
}
