using System.Reflection;
using System.Reflection.Emit;
using Holon.Jvm.Heap;
using Holon.Jvm.Interpreter;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Compiler;

/// <summary>The operations, one by one.</summary>
internal sealed unsafe partial class MethodCompiler
{
    private void EmitOperation(in Insn n)
    {
        switch (n.Op)
        {
            case Op.Mov4 or Op.Mov8 or Op.MovR:
                Load(n.B, CodeFlow.MoveKind(n));
                Store(n.A, CodeFlow.MoveKind(n));
                break;
            case Op.Const4 or Op.Const8:
                Constant(CodeFlow.MoveKind(n), n.Imm);
                Store(n.A, CodeFlow.MoveKind(n));
                break;
            case Op.Null:
                _cil.Emit(OpCodes.Ldnull);
                Store(n.A, 'R');
                break;
            case Op.LdcRef:
                _cil.Address(n.Imm);
                _cil.Emit(OpCodes.Ldind_Ref);
                Store(n.A, 'R');
                break;
            case >= Op.IAdd and <= Op.D2F or >= Op.I2B and <= Op.I2S:
                EmitArithmetic(n);
                break;
            case >= Op.ALoadB and <= Op.ArrayLength or >= Op.AStoreB and <= Op.AStoreR:
                EmitArray(n);
                break;
            case >= Op.GetField and <= Op.GetFieldReferent or >= Op.PutField and <= Op.PutFieldReferent:
                EmitField(n);
                break;
            case >= Op.GetStatic and <= Op.GetStaticVolatile or >= Op.PutStatic and <= Op.PutStaticVolatile:
                EmitStatic(n);
                break;
            case Op.InstanceOfQ or Op.CheckCastQ or Op.NewQ or Op.NewArray or Op.ANewArrayQ or Op.MultiNewArray:
                EmitObject(n);
                break;
            case >= Op.Goto and <= Op.LookupSwitch:
                EmitBranch(n);
                break;
            case >= Op.InvokeStatic and <= Op.CallHandle:
                EmitCall(n);
                break;
            case Op.MonitorEnter or Op.MonitorExit:
                NullCheck(n.B);
                NoteSite();
                _cil.Argument(0);
                Load(n.B, 'R');
                _cil.Call(n.Op == Op.MonitorEnter ? nameof(CompiledRuntime.MonitorEnter) : nameof(CompiledRuntime.MonitorExit));
                if (n.Op == Op.MonitorExit) CheckException();
                break;
            case Op.SyncEnter:
                EmitSyncEnter((int)n.Imm);
                break;
            case Op.SyncExit:
                NoteSite();
                _cil.Argument(0);
                Load((int)n.Imm, 'R');
                _cil.Emit(OpCodes.Ldnull);
                Store((int)n.Imm, 'R');
                _cil.Call(nameof(CompiledRuntime.MonitorExit));
                CheckException();
                break;
            case Op.RegisterFinalizer:
                EmitRegisterFinalizer(n.B);
                break;
            case Op.Throw:
                NullCheck(n.B);
                _cil.Argument(0);
                Load(n.B, 'R');
                _cil.Field(OpCodes.Stfld, Emitted.Exception);
                _cil.Branch(OpCodes.Br, Dispatch(_at, _index));
                break;
            case >= Op.Return and <= Op.ReturnR:
                EmitReturn(n);
                break;
            default:
                throw new InvalidOperationException($"{n.Op} cannot be compiled.");
        }
    }

    private void Constant(char kind, long bits)
    {
        switch (kind)
        {
            case 'J': _cil.Long(bits); break;
            case 'F': _cil.Float(BitConverter.Int32BitsToSingle((int)bits)); break;
            case 'D': _cil.Double(BitConverter.Int64BitsToDouble(bits)); break;
            default: _cil.Int((int)bits); break;
        }
    }

    private void NullCheck(int slot)
    {
        if (FactAt(slot) != default) return;
        Load(slot, 'R');
        _cil.Branch(OpCodes.Brfalse, Raise(nameof(CompiledRuntime.NullPointer)));
    }

    /// <summary>At the end of Object's constructor: nothing, where the object's class is known and has no finalizer.</summary>
    private void EmitRegisterFinalizer(int slot)
    {
        if (FactAt(slot).Class is var known && known != 0 && ((Klass*)known)->HasFinalizer == 0) return;
        var register = _cil.Label();
        var done = _cil.Label();
        Load(slot, 'R');
        _cil.Field(OpCodes.Ldfld, Emitted.Klass);
        _cil.Int(Emitted.HasFinalizerOffset);
        _cil.Emit(OpCodes.Add);
        _cil.Emit(OpCodes.Ldind_I4);
        _cil.Branch(OpCodes.Brtrue, register);
        _cil.Mark(done);
        Cold(() =>
        {
            _cil.Mark(register);
            NoteSite();
            _cil.Argument(0);
            Load(slot, 'R');
            _cil.Call(nameof(CompiledRuntime.RegisterFinalizer));
            CheckException();
            _cil.Branch(OpCodes.Br, done);
        });
    }

    private void EmitSyncEnter(int slot)
    {
        NoteSite();
        if (_at.Method.IsStatic)
        {
            _cil.Address((long)_at.Method.Slot);
            _cil.Call(nameof(CompiledRuntime.MirrorOf));
        }
        else
        {
            Load(0, 'R');
        }
        Store(slot, 'R');
        _cil.Argument(0);
        Load(slot, 'R');
        _cil.Call(nameof(CompiledRuntime.MonitorEnter));
    }

    private void EmitReturn(in Insn n)
    {
        var kind = Stubs.StackKind(_at.Method.ReturnKind);
        if (_at.Outer != null)
        {
            _at.Returns++;
            var result = _at.Result = FactAt(n.B);
            if (kind != 'V' && n.B != 0)
            {
                Load(n.B, kind);
                Store(0, kind);
            }
            Forget(0);
            _cil.Branch(OpCodes.Br, _at.Done);
            return;
        }
        LeaveFrame();
        if (kind != 'V')
        {
            if (_code.Loop >= 0) _cil.Argument(kind == 'R' ? 2 : 1);
            Load(n.B, kind);
            if (_code.Loop >= 0) _cil.Emit(Stubs.StoreOf(kind));
        }
        if (_code.Loop >= 0) _cil.Int(0);
        _cil.Emit(OpCodes.Ret);
    }

    // Arithmetic ------------------------------------------------------------------------------------------------------

    private void EmitArithmetic(in Insn n)
    {
        switch (n.Op)
        {
            case Op.IDiv or Op.IRem or Op.LDiv or Op.LRem:
                EmitDivision(n);
                return;
            case >= Op.IAdd and <= Op.IUshr:
                Binary(n, 'I', IntegerOps[n.Op - Op.IAdd], n.Op >= Op.IShl ? 31 : 0);
                return;
            case >= Op.IAddI and <= Op.IUshrI:
                Load(n.B, 'I');
                _cil.Int(n.Op >= Op.IShlI ? (int)n.Imm & 31 : (int)n.Imm);
                _cil.Emit(ImmediateOps[n.Op - Op.IAddI]);
                Store(n.A, 'I');
                return;
            case >= Op.LAdd and <= Op.LUshr:
                Binary(n, 'J', IntegerOps[n.Op - Op.LAdd], n.Op >= Op.LShl ? 63 : 0);
                return;
            case Op.INeg:
                Negate(n, 'I');
                return;
            case Op.LNeg:
                Negate(n, 'J');
                return;
            case >= Op.FAdd and <= Op.FRem:
                Binary(n, 'F', IntegerOps[n.Op - Op.FAdd], 0);
                return;
            case Op.FNeg:
                Negate(n, 'F');
                return;
            case >= Op.DAdd and <= Op.DRem:
                Binary(n, 'D', IntegerOps[n.Op - Op.DAdd], 0);
                return;
            case Op.DNeg:
                Negate(n, 'D');
                return;
            case >= Op.LCmp and <= Op.DCmpG:
                var kind = n.Op == Op.LCmp ? 'J' : n.Op <= Op.FCmpG ? 'F' : 'D';
                Load(n.B, kind);
                Load(n.C, kind);
                _cil.Call(n.Op switch
                {
                    Op.LCmp => nameof(CompiledRuntime.CompareLong),
                    Op.FCmpL => nameof(CompiledRuntime.CompareFloatLess),
                    Op.FCmpG => nameof(CompiledRuntime.CompareFloatGreater),
                    Op.DCmpL => nameof(CompiledRuntime.CompareDoubleLess),
                    _ => nameof(CompiledRuntime.CompareDoubleGreater),
                });
                Store(n.A, 'I');
                return;
            default:
                var which = n.Op - Op.I2L;
                Load(n.B, "IIIJJJFFFDDDIII"[which]);
                switch (n.Op)
                {
                    case Op.F2I: _cil.Call(nameof(CompiledRuntime.FloatToInt)); break;
                    case Op.F2L: _cil.Call(nameof(CompiledRuntime.FloatToLong)); break;
                    case Op.D2I: _cil.Call(nameof(CompiledRuntime.DoubleToInt)); break;
                    case Op.D2L: _cil.Call(nameof(CompiledRuntime.DoubleToLong)); break;
                    default: _cil.Emit(ConversionOps[which]); break;
                }
                Store(n.A, "JFDIFDIJDIJFIII"[which]);
                return;
        }
    }

    /// <summary>In the order of the operations: add sub mul div rem and or xor shl shr ushr.</summary>
    private static readonly OpCode[] IntegerOps = [OpCodes.Add, OpCodes.Sub, OpCodes.Mul, OpCodes.Div, OpCodes.Rem, OpCodes.And, OpCodes.Or, OpCodes.Xor, OpCodes.Shl, OpCodes.Shr, OpCodes.Shr_Un];

    private static readonly OpCode[] ImmediateOps = [OpCodes.Add, OpCodes.Mul, OpCodes.And, OpCodes.Or, OpCodes.Shl, OpCodes.Shr, OpCodes.Shr_Un];

    private static readonly OpCode[] ConversionOps =
    [
        OpCodes.Conv_I8, OpCodes.Conv_R4, OpCodes.Conv_R8, OpCodes.Conv_I4, OpCodes.Conv_R4, OpCodes.Conv_R8, OpCodes.Nop, OpCodes.Nop, OpCodes.Conv_R8, OpCodes.Nop, OpCodes.Nop, OpCodes.Conv_R4,
        OpCodes.Conv_I1, OpCodes.Conv_U2, OpCodes.Conv_I2,
    ];

    private void Binary(in Insn n, char kind, OpCode op, int shiftMask)
    {
        Load(n.B, kind);
        Load(n.C, shiftMask != 0 ? 'I' : kind);
        if (shiftMask != 0)
        {
            _cil.Int(shiftMask);
            _cil.Emit(OpCodes.And);
        }
        _cil.Emit(op);
        Store(n.A, kind);
    }

    private void Negate(in Insn n, char kind)
    {
        Load(n.B, kind);
        _cil.Emit(OpCodes.Neg);
        Store(n.A, kind);
    }

    /// <summary>The smallest number divided by -1 overflows on the host; Java has it give itself, and remainder 0.</summary>
    private void EmitDivision(in Insn n)
    {
        var kind = n.Op is Op.IDiv or Op.IRem ? 'I' : 'J';
        var isRemainder = n.Op is Op.IRem or Op.LRem;
        var minusOne = _cil.Label();
        var done = _cil.Label();
        Load(n.C, kind);
        _cil.Branch(OpCodes.Brfalse, Raise(nameof(CompiledRuntime.DivideByZero)));
        Load(n.C, kind);
        Constant(kind, -1);
        _cil.Branch(OpCodes.Beq, minusOne);
        Load(n.B, kind);
        Load(n.C, kind);
        _cil.Emit(isRemainder ? OpCodes.Rem : OpCodes.Div);
        Store(n.A, kind);
        _cil.Mark(done);
        var (a, b) = (n.A, n.B);
        Cold(() =>
        {
            _cil.Mark(minusOne);
            if (isRemainder)
            {
                Constant(kind, 0);
            }
            else
            {
                Load(b, kind);
                _cil.Emit(OpCodes.Neg);
            }
            Store(a, kind);
            _cil.Branch(OpCodes.Br, done);
        });
    }

    // Arrays ----------------------------------------------------------------------------------------------------------

    private void EmitArray(in Insn n)
    {
        if (n.Op == Op.ArrayLength)
        {
            NullCheck(n.B);
            Load(n.B, 'R');
            _cil.Call(nameof(CompiledRuntime.ArrayLength));
            Store(n.A, 'I');
            return;
        }
        var isLoad = n.Op <= Op.ALoadR;
        var which = n.Op - (isLoad ? Op.ALoadB : Op.AStoreB); // B C S 4 8 R
        NullCheck(n.B);
        Load(n.C, 'I');
        Load(n.B, 'R');
        _cil.Call(which == 5 ? nameof(CompiledRuntime.ReferenceLength) : nameof(CompiledRuntime.PrimitiveLength));
        _cil.Branch(OpCodes.Bge_Un, Raise(nameof(CompiledRuntime.OutOfBounds), (n.B, 'R'), (n.C, 'I')));
        if (which == 5)
        {
            EmitReferenceElement(n, isLoad);
            return;
        }
        var kind = which is 3 or 4 ? _at.Flow.ElementKind(_index) : 'I';
        if (!isLoad && which == 0)
        {
            Load(n.B, 'R');
            Load(n.C, 'I');
            Load(n.A, 'I');
            _cil.Call(nameof(CompiledRuntime.StoreByte));
            return;
        }
        Load(n.B, 'R');
        _cil.Field(OpCodes.Ldflda, Emitted.Elements);
        Load(n.C, 'I');
        _cil.Emit(OpCodes.Conv_U);
        var scale = which switch { 0 => 1, 1 or 2 => 2, 3 => 4, _ => 8 };
        if (scale > 1)
        {
            _cil.Int(scale);
            _cil.Emit(OpCodes.Mul);
        }
        _cil.Emit(OpCodes.Add);
        if (isLoad)
        {
            _cil.Emit(which switch { 0 => OpCodes.Ldind_I1, 1 => OpCodes.Ldind_U2, 2 => OpCodes.Ldind_I2, _ => Stubs.LoadOf(kind) });
            Store(n.A, kind);
        }
        else
        {
            Load(n.A, kind);
            _cil.Emit(which is 1 or 2 ? OpCodes.Stind_I2 : Stubs.StoreOf(kind));
        }
    }

    private void EmitReferenceElement(in Insn n, bool isLoad)
    {
        if (!isLoad)
        {
            _cil.Argument(0);
            Load(n.B, 'R');
            Load(n.A, 'R');
            _cil.Call(nameof(CompiledRuntime.CanStore));
            _cil.Branch(OpCodes.Brfalse, Raise(nameof(CompiledRuntime.ArrayStore), (n.A, 'R')));
        }
        Load(n.B, 'R');
        Load(n.C, 'I');
        if (!isLoad) Load(n.A, 'R');
        _cil.Call(isLoad ? nameof(CompiledRuntime.LoadReference) : nameof(CompiledRuntime.StoreReference));
        if (isLoad) Store(n.A, 'R');
    }

    // Fields ----------------------------------------------------------------------------------------------------------

    private void EmitField(in Insn n)
    {
        var isGet = n.Op <= Op.GetFieldReferent;
        if (isGet && TryFoldField(n)) return;
        NullCheck(n.B);
        if (n.Op is Op.GetFieldReferent or Op.PutFieldReferent)
        {
            if (!isGet) _cil.Argument(0);
            Load(n.B, 'R');
            _cil.Long(n.Imm);
            if (!isGet) Load(n.A, 'R');
            _cil.Call(isGet ? nameof(CompiledRuntime.GetReferent) : nameof(CompiledRuntime.SetReferent));
            if (isGet) Store(n.A, 'R');
            return;
        }
        var kind = (char)n.C;
        var stack = Stubs.StackKind(kind);
        var isVolatile = n.Op is Op.GetFieldVolatile or Op.PutFieldVolatile;
        var view = FieldViews.At(kind, n.Imm);
        Load(n.B, 'R');
        if (view != null)
        {
            if (!isGet) Load(n.A, stack);
            if (isVolatile) _cil.Emit(OpCodes.Volatile);
            _cil.Field(isGet ? OpCodes.Ldfld : OpCodes.Stfld, view);
        }
        else
        {
            _cil.Field(OpCodes.Ldflda, Emitted.Klass);
            _cil.Int((int)n.Imm - JObject.KlassOffset);
            _cil.Emit(OpCodes.Add);
            if (!isGet) Load(n.A, stack);
            if (isVolatile) _cil.Emit(OpCodes.Volatile);
            _cil.Emit(isGet ? NarrowLoad(kind) : NarrowStore(kind));
        }
        if (isGet) Store(n.A, stack);
        else if (isVolatile) _cil.Call(nameof(CompiledRuntime.FullFence));
    }

    private static OpCode NarrowLoad(char kind) => kind switch
    {
        'B' or 'Z' => OpCodes.Ldind_I1,
        'C' => OpCodes.Ldind_U2,
        'S' => OpCodes.Ldind_I2,
        _ => Stubs.LoadOf(kind),
    };

    private static OpCode NarrowStore(char kind) => kind switch
    {
        'B' or 'Z' => OpCodes.Stind_I1,
        'C' or 'S' => OpCodes.Stind_I2,
        _ => Stubs.StoreOf(kind),
    };

    private void EmitStatic(in Insn n)
    {
        var isGet = n.Op <= Op.GetStaticVolatile;
        if (isGet && TryFoldStatic(n)) return;
        var kind = (char)n.C;
        var stack = Stubs.StackKind(kind);
        var isVolatile = n.Op is Op.GetStaticVolatile or Op.PutStaticVolatile;
        _cil.Address(n.Imm);
        if (!isGet) Load(n.A, stack);
        if (isVolatile) _cil.Emit(OpCodes.Volatile);
        _cil.Emit(isGet ? NarrowLoad(kind) : NarrowStore(kind));
        if (isGet) Store(n.A, stack);
        else if (isVolatile) _cil.Call(nameof(CompiledRuntime.FullFence));
    }

    // Objects ---------------------------------------------------------------------------------------------------------

    private void EmitObject(in Insn n)
    {
        switch (n.Op)
        {
            case Op.InstanceOfQ:
                EmitInstanceOf(n);
                break;
            case Op.CheckCastQ:
                EmitCheckCast(n);
                break;
            case Op.NewQ when TryAllocate(((Klass*)n.Imm)->Managed, n.A):
                break;
            case Op.NewQ:
                NoteSite();
                _cil.Argument(0);
                _cil.Address(n.Imm);
                _cil.Call(nameof(CompiledRuntime.NewSlow));
                Store(n.A, 'R');
                CheckException();
                break;
            case Op.NewArray:
                NoteSite();
                _cil.Argument(0);
                var helper = (char)n.Imm switch
                {
                    'B' => nameof(CompiledRuntime.NewBytes),
                    'C' => nameof(CompiledRuntime.NewChars),
                    'I' => nameof(CompiledRuntime.NewInts),
                    'J' => nameof(CompiledRuntime.NewLongs),
                    'D' => nameof(CompiledRuntime.NewDoubles),
                    _ => nameof(CompiledRuntime.NewPrimitiveArray),
                };
                // This one counts.
                if (_machine.IsCounted) helper = nameof(CompiledRuntime.NewPrimitiveArray);
                if (helper == nameof(CompiledRuntime.NewPrimitiveArray)) _cil.Int((int)n.Imm);
                Load(n.B, 'I');
                _cil.Call(helper);
                Store(n.A, 'R');
                CheckException();
                break;
            case Op.ANewArrayQ:
                NoteSite();
                _cil.Argument(0);
                _cil.Address(n.Imm);
                Load(n.B, 'I');
                _cil.Call(_machine.IsCounted ? nameof(CompiledRuntime.NewReferenceArray) : nameof(CompiledRuntime.NewReferences));
                Store(n.A, 'R');
                CheckException();
                break;
            default:
                NoteSite();
                _cil.Argument(0);
                _cil.Address((long)ResolvedClass(_at, _index)!.Ptr);
                _cil.Int(n.B);
                for (var i = 0; i < 3; i++)
                {
                    if (i < n.B) Load(n.A + i, 'I');
                    else _cil.Int(0);
                }
                _cil.Call(nameof(CompiledRuntime.NewMultiArray));
                Store(n.A, 'R');
                CheckException();
                break;
        }
    }

    /// <summary>Makes an object of an initialized class in place.</summary>
    private bool TryAllocate(JClass c, int slot)
    {
        var constructor = c.Ptr->Initialized == 0 ? null : c.Ptr->Shape?.GetConstructor(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic, []);
        if (constructor == null) return false;
        _cil.New(constructor);
        Store(slot, 'R');
        Load(slot, 'R');
        _cil.Address((long)c.Ptr);
        _cil.Field(OpCodes.Stfld, Emitted.Klass);
        if (c.Ptr->KeepOffset != 0)
        {
            Load(slot, 'R');
            _cil.Address((long)c.Ptr);
            _cil.Long(c.Ptr->KeepOffset);
            _cil.Call(nameof(CompiledRuntime.SetClass));
        }
        ForgetFrom(_at.Base + slot);
        Learn(slot, new Fact(0, (nint)c.Ptr));
        if (_machine.IsCounted) CountObject(c.InstanceBytes, slot);
        return true;
    }

    /// <summary>Counts an object just made, and tells the machine of it when it is one to be watched.</summary>
    private void CountObject(int bytes, int slot)
    {
        CountStep();
        if (_machine.Samples == null) return;
        var watch = _cil.Label();
        var counted = _cil.Label();
        _cil.Argument(0);
        _cil.Argument(0);
        _cil.Field(OpCodes.Ldfld, Emitted.AllocationLeft);
        _cil.Long(bytes);
        _cil.Emit(OpCodes.Sub);
        _cil.Field(OpCodes.Stfld, Emitted.AllocationLeft);
        _cil.Argument(0);
        _cil.Field(OpCodes.Ldfld, Emitted.AllocationLeft);
        _cil.Long(0);
        _cil.Branch(OpCodes.Blt, watch);
        _cil.Mark(counted);
        Cold(() =>
        {
            _cil.Mark(watch);
            NoteSite();
            _cil.Argument(0);
            Load(slot, 'R');
            _cil.Long(bytes);
            _cil.Call(nameof(CompiledRuntime.Allocated));
            CheckException();
            _cil.Branch(OpCodes.Br, counted);
        });
    }

    /// <summary>Pushes whether the reference in a slot, not null, is of a class.</summary>
    private void EmitIsInstance(int slot, Klass* target)
    {
        var c = target->Managed;
        if (c == _machine.ObjectClass)
        {
            _cil.Int(1);
            return;
        }
        if (!c.IsInterface && !c.IsArray && (uint)target->Depth < Klass.DisplaySize)
        {
            Load(slot, 'R');
            _cil.Address((long)target);
            if ((c.Flags & ClassFile.Acc.Final) != 0)
            {
                _cil.Call(nameof(CompiledRuntime.IsExactly));
                return;
            }
            _cil.Int(target->Depth);
            _cil.Call(nameof(CompiledRuntime.IsInstanceOfClass));
            return;
        }
        _cil.Argument(0);
        Load(slot, 'R');
        _cil.Address((long)target);
        _cil.Call(nameof(CompiledRuntime.IsInstance));
    }

    private void EmitInstanceOf(in Insn n)
    {
        var isNull = _cil.Label();
        var done = _cil.Label();
        Load(n.B, 'R');
        _cil.Branch(OpCodes.Brfalse, isNull);
        EmitIsInstance(n.B, (Klass*)n.Imm);
        Store(n.A, 'I');
        _cil.Branch(OpCodes.Br, done);
        _cil.Mark(isNull);
        _cil.Int(0);
        Store(n.A, 'I');
        _cil.Mark(done);
    }

    private void EmitCheckCast(in Insn n)
    {
        if (((Klass*)n.Imm)->Managed == _machine.ObjectClass) return;
        if (FactAt(n.B).Class is var known && known != 0 && ((Klass*)known)->Managed.IsSubclassOf(((Klass*)n.Imm)->Managed)) return;
        var done = _cil.Label();
        var bad = _cil.Label();
        Load(n.B, 'R');
        _cil.Branch(OpCodes.Brfalse, done);
        EmitIsInstance(n.B, (Klass*)n.Imm);
        _cil.Branch(OpCodes.Brfalse, bad);
        _cil.Mark(done);
        var (slot, target) = (n.B, n.Imm);
        Cold(() =>
        {
            _cil.Mark(bad);
            NoteSite();
            _cil.Argument(0);
            Load(slot, 'R');
            _cil.Address(target);
            _cil.Call(nameof(CompiledRuntime.ClassCast));
            _cil.Branch(OpCodes.Br, Dispatch(_at, _index));
        });
    }

    // Branches --------------------------------------------------------------------------------------------------------

    private static readonly OpCode[] BranchOps = [OpCodes.Beq, OpCodes.Bne_Un, OpCodes.Blt, OpCodes.Bge, OpCodes.Bgt, OpCodes.Ble];

    private void EmitBranch(in Insn n)
    {
        if (n.Op is Op.TableSwitch or Op.LookupSwitch)
        {
            EmitSwitch(n);
            return;
        }
        var target = LabelOf(_at, _index + n.Distance);
        switch (n.Op)
        {
            case Op.Goto:
                _cil.Branch(OpCodes.Br, target);
                break;
            case >= Op.IfEq and <= Op.IfLe:
                Load(n.B, 'I');
                Load(n.C, 'I');
                _cil.Branch(BranchOps[n.Op - Op.IfEq], target);
                break;
            case >= Op.IfEqI and <= Op.IfLeI:
                Load(n.B, 'I');
                _cil.Int(n.Constant);
                _cil.Branch(BranchOps[n.Op - Op.IfEqI], target);
                break;
            case >= Op.IfLEq and <= Op.IfLLe:
                Load(n.B, 'J');
                Load(n.C, 'J');
                _cil.Branch(BranchOps[n.Op - Op.IfLEq], target);
                break;
            case Op.IfNull or Op.IfNonNull:
                Load(n.B, 'R');
                _cil.Branch(n.Op == Op.IfNull ? OpCodes.Brfalse : OpCodes.Brtrue, target);
                break;
            default:
                Load(n.B, 'R');
                Load(n.C, 'R');
                _cil.Branch(n.Op == Op.IfAcmpEq ? OpCodes.Beq : OpCodes.Bne_Un, target);
                break;
        }
    }

    private void EmitSwitch(in Insn n)
    {
        var cases = _at.Flow.Cases(_index).ToArray();
        var otherwise = LabelOf(_at, cases[0].Target);
        if (n.Op == Op.TableSwitch)
        {
            Load(n.B, 'I');
            if (cases.Length > 1 && cases[1].Value != 0)
            {
                _cil.Int(cases[1].Value!.Value);
                _cil.Emit(OpCodes.Sub);
            }
            _cil.Switch([.. cases.Skip(1).Select(c => LabelOf(_at, c.Target))]);
            _cil.Branch(OpCodes.Br, otherwise);
            return;
        }
        EmitSearch(n.B, cases.AsSpan(1), otherwise);
    }

    /// <summary>Binary search among the sorted cases.</summary>
    private void EmitSearch(int slot, ReadOnlySpan<(int? Value, int Target)> cases, Label otherwise)
    {
        if (cases.Length <= 4)
        {
            foreach (var (value, target) in cases)
            {
                Load(slot, 'I');
                _cil.Int(value!.Value);
                _cil.Branch(OpCodes.Beq, LabelOf(_at, target));
            }
            _cil.Branch(OpCodes.Br, otherwise);
            return;
        }
        var middle = cases.Length / 2;
        var upper = _cil.Label();
        Load(slot, 'I');
        _cil.Int(cases[middle].Value!.Value);
        _cil.Branch(OpCodes.Bge, upper);
        EmitSearch(slot, cases[..middle], otherwise);
        _cil.Mark(upper);
        EmitSearch(slot, cases[middle..], otherwise);
    }
}
