using Holon.Python.Tier1;

namespace Holon.Python.Interpreter;

/// <summary>The dispatch loop. Cases stay short; what is long or rare is in the other parts of the class.</summary>
internal static partial class EvaluationLoop
{
    /// <summary>With or without trace events; each is compiled by itself, so that the other costs nothing.</summary>
    private interface ITracingMode
    {
        static abstract bool IsOn { get; }
    }

    private readonly struct Traced : ITracingMode
    {
        public static bool IsOn => true;
    }

    private readonly struct Untraced : ITracingMode
    {
        public static bool IsOn => false;
    }

    /// <summary>
    /// What the loop returns when it is to be entered again, with the state in the frame: tracing has begun or ended, or a quantum is over. The
    /// runtime compiles the loop better after a while, and only who enters it anew runs the better code.
    /// </summary>
    private static readonly PyObject EnterAgain = new PyTuple([Values.None]);

    private static PyObject? Loop<TMode>(PyThread thread, PyFrame entry) where TMode : struct, ITracingMode
    {
        var frame = thread.Frame!;
        // Bytecode of no compiler may go round by way of a handler. A quantum more, because no signal may come between an exception and its handler.
        if (thread.Fuel < -PyThread.Quantum)
            thread.Breaker();
    Enter:
        if (thread.IsTracing != TMode.IsOn)
            return EnterAgain;
        var previous = -1;
        if (TMode.IsOn)
        {
            previous = frame.CameFrom >= 0 ? frame.CameFrom : frame.Pc - 1;
            frame.CameFrom = -1;
        }
        var code = frame.Code;
        var slots = frame.Slots;
        var instructions = code.Instructions;
        var pc = frame.Pc;
        var sp = frame.Sp;
        var compileAfter = thread.Machine.CompileAfter;
        PyTuple? keywordNames = null;
        PyObject? value;
        while (true)
        {
            var instruction = instructions[pc];
            frame.Pc = pc;
            if (TMode.IsOn)
            {
                if (instruction.Op != Opcode.Resume && pc >= code.FirstTraceable && frame.Trace is not null && thread.TraceFunction is not null)
                {
                    frame.Sp = sp;
                    if (Tracing.Instruction(thread, frame, previous) is { } refused)
                    {
                        thread.Pending = refused;
                        goto Error;
                    }
                    (pc, sp) = (frame.Pc, frame.Sp);
                    instruction = instructions[pc];
                    if (!thread.IsTracing && keywordNames is null)
                        return EnterAgain;
                }
                previous = pc;
            }
            pc++;
            switch (instruction.Op)
            {
                case Opcode.Nop:
                    continue;
                case Opcode.LoadFast:
                    value = slots[instruction.Arg].V;
                    if (value is null)
                        throw UnboundLocal(code, instruction.Arg);
                    slots[sp++].V = value;
                    continue;
                case Opcode.StoreFast:
                    slots[instruction.Arg].V = slots[--sp].V;
                    continue;
                case Opcode.LoadConst:
                    slots[sp++].V = code.Consts[instruction.Arg];
                    continue;
                case Opcode.PopTop:
                    slots[--sp].V = null;
                    continue;
                case Opcode.PushNull:
                    slots[sp++].V = null;
                    continue;
                case Opcode.AddInt:
                    {
                        var (a, b) = (slots[sp - 2].V!, slots[sp - 1].V!);
                        if (a.GetType() == typeof(PyInt) && b.GetType() == typeof(PyInt))
                        {
                            var (x, y) = (Unsafe.As<PyInt>(a).Value, Unsafe.As<PyInt>(b).Value);
                            var sum = unchecked(x + y);
                            if (((x ^ sum) & (y ^ sum)) >= 0)
                            {
                                slots[--sp - 1].V = PyInt.Of(sum);
                                continue;
                            }
                        }
                        goto GuessFailed;
                    }
                case Opcode.SubtractInt:
                    {
                        var (a, b) = (slots[sp - 2].V!, slots[sp - 1].V!);
                        if (a.GetType() == typeof(PyInt) && b.GetType() == typeof(PyInt))
                        {
                            var (x, y) = (Unsafe.As<PyInt>(a).Value, Unsafe.As<PyInt>(b).Value);
                            var difference = unchecked(x - y);
                            if (((x ^ y) & (x ^ difference)) >= 0)
                            {
                                slots[--sp - 1].V = PyInt.Of(difference);
                                continue;
                            }
                        }
                        goto GuessFailed;
                    }
                case Opcode.MultiplyInt:
                    {
                        var (a, b) = (slots[sp - 2].V!, slots[sp - 1].V!);
                        if (a.GetType() == typeof(PyInt) && b.GetType() == typeof(PyInt)
                            && Math.BigMul(Unsafe.As<PyInt>(a).Value, Unsafe.As<PyInt>(b).Value, out var low) == low >> 63)
                        {
                            slots[--sp - 1].V = PyInt.Of(low);
                            continue;
                        }
                        goto GuessFailed;
                    }
                case Opcode.AddFloat:
                    {
                        var (a, b) = (slots[sp - 2].V!, slots[sp - 1].V!);
                        if (a.GetType() == typeof(PyFloat) && b.GetType() == typeof(PyFloat))
                        {
                            slots[--sp - 1].V = new PyFloat(Unsafe.As<PyFloat>(a).Value + Unsafe.As<PyFloat>(b).Value);
                            continue;
                        }
                        goto GuessFailed;
                    }
                case Opcode.SubtractFloat:
                    {
                        var (a, b) = (slots[sp - 2].V!, slots[sp - 1].V!);
                        if (a.GetType() == typeof(PyFloat) && b.GetType() == typeof(PyFloat))
                        {
                            slots[--sp - 1].V = new PyFloat(Unsafe.As<PyFloat>(a).Value - Unsafe.As<PyFloat>(b).Value);
                            continue;
                        }
                        goto GuessFailed;
                    }
                case Opcode.MultiplyFloat:
                    {
                        var (a, b) = (slots[sp - 2].V!, slots[sp - 1].V!);
                        if (a.GetType() == typeof(PyFloat) && b.GetType() == typeof(PyFloat))
                        {
                            slots[--sp - 1].V = new PyFloat(Unsafe.As<PyFloat>(a).Value * Unsafe.As<PyFloat>(b).Value);
                            continue;
                        }
                        goto GuessFailed;
                    }
                case Opcode.BinaryInt or Opcode.BinaryFloat:
                    {
                        var (a, b) = (slots[sp - 2].V!, slots[sp - 1].V!);
                        if (a.GetType() == b.GetType() && a.GetType() == (instruction.Op == Opcode.BinaryInt ? typeof(PyInt) : typeof(PyFloat)))
                            goto GenericBinary;
                        goto GuessFailed;
                    }
                GuessFailed:
                    instructions[pc - 1].Op = Opcode.BinaryOp;
                    goto case Opcode.BinaryOp;
                case Opcode.BinaryOp:
                    Quicken(ref instructions[pc - 1], slots[sp - 2].V!, slots[sp - 1].V!);
                    goto GenericBinary;
                GenericBinary:
                    {
                        var (a, b) = (slots[sp - 2].V!, slots[sp - 1].V!);
                        value = BinaryGeneric(a, b, instruction.Arg);
                        slots[--sp].V = null;
                        slots[sp - 1].V = value;
                        continue;
                    }
                case Opcode.CompareInt:
                    {
                        var (a, b) = (slots[sp - 2].V!, slots[sp - 1].V!);
                        if (a.GetType() == typeof(PyInt) && b.GetType() == typeof(PyInt))
                        {
                            var (x, y) = (Unsafe.As<PyInt>(a).Value, Unsafe.As<PyInt>(b).Value);
                            var holds = instruction.Arg switch
                            {
                                0 => x < y,
                                1 => x <= y,
                                2 => x == y,
                                3 => x != y,
                                4 => x > y,
                                _ => x >= y,
                            };
                            slots[--sp - 1].V = holds ? PyBool.True : PyBool.False;
                            continue;
                        }
                        goto case Opcode.CompareOp;
                    }
                case Opcode.CompareFloat:
                    {
                        var (a, b) = (slots[sp - 2].V!, slots[sp - 1].V!);
                        if (a.GetType() != typeof(PyFloat) || b.GetType() != typeof(PyFloat))
                            goto case Opcode.CompareOp;
                        slots[sp - 2].V = CompareFloats(Unsafe.As<PyFloat>(a).Value, Unsafe.As<PyFloat>(b).Value, (CompareOp)instruction.Arg);
                        slots[--sp].V = null;
                        continue;
                    }
                case Opcode.CompareOp:
                    {
                        var (a, b) = (slots[sp - 2].V!, slots[sp - 1].V!);
                        QuickenCompare(ref instructions[pc - 1], a, b);
                        value = CompareGeneric(a, b, (CompareOp)instruction.Arg);
                        slots[--sp].V = null;
                        slots[sp - 1].V = value;
                        continue;
                    }
                case Opcode.PopJumpForwardIfFalse:
                case Opcode.PopJumpBackwardIfFalse:
                    value = slots[--sp].V;
                    slots[sp].V = null;
                    if (ReferenceEquals(value, PyBool.True))
                        continue;
                    if (ReferenceEquals(value, PyBool.False) || !Ops.IsTrue(value!))
                    {
                        if (pc > instruction.Arg)
                            goto Backward;
                        pc = instruction.Arg;
                    }
                    continue;
                case Opcode.PopJumpForwardIfTrue:
                case Opcode.PopJumpBackwardIfTrue:
                    value = slots[--sp].V;
                    slots[sp].V = null;
                    if (ReferenceEquals(value, PyBool.False))
                        continue;
                    if (ReferenceEquals(value, PyBool.True) || Ops.IsTrue(value!))
                    {
                        if (pc > instruction.Arg)
                            goto Backward;
                        pc = instruction.Arg;
                    }
                    continue;
                case Opcode.PopJumpForwardIfNone:
                case Opcode.PopJumpBackwardIfNone:
                    value = slots[--sp].V;
                    slots[sp].V = null;
                    if (ReferenceEquals(value, PySingleton.None))
                    {
                        if (pc > instruction.Arg)
                            goto Backward;
                        pc = instruction.Arg;
                    }
                    continue;
                case Opcode.PopJumpForwardIfNotNone:
                case Opcode.PopJumpBackwardIfNotNone:
                    value = slots[--sp].V;
                    slots[sp].V = null;
                    if (!ReferenceEquals(value, PySingleton.None))
                    {
                        if (pc > instruction.Arg)
                            goto Backward;
                        pc = instruction.Arg;
                    }
                    continue;
                case Opcode.JumpForward:
                    pc = instruction.Arg;
                    continue;
                case Opcode.JumpBackward:
                Backward:
                    thread.Fuel -= pc - instruction.Arg;
                    pc = instruction.Arg;
                    if (thread.Fuel < 0)
                    {
                        thread.Breaker();
                        if (thread.IsTracing)
                            frame.CameFrom = frame.Pc;
                        (frame.Pc, frame.Sp) = (pc, sp);
                        return EnterAgain;
                    }
                    if (++code.LoopHeat > compileAfter)
                    {
                        frame.Sp = sp;
                        switch (Promotion.TryLoop(thread, frame, pc, out value))
                        {
                            case LoopResult.NotEntered:
                                continue;
                            case LoopResult.BackInTier0:
                                goto Enter;
                            default:
                                goto FrameEnded;
                        }
                    }
                    continue;
                case Opcode.JumpBackwardNoInterrupt:
                    thread.Fuel -= pc - instruction.Arg;
                    pc = instruction.Arg;
                    // A compiler puts it only where something is awaited, which is no place to interrupt; alone it could go round for ever.
                    if (thread.Fuel < -PyThread.Quantum)
                        goto Breaker;
                    continue;
                case Opcode.JumpIfFalseOrPop:
                    if (Ops.IsTrue(slots[sp - 1].V!))
                        slots[--sp].V = null;
                    else
                        pc = instruction.Arg;
                    continue;
                case Opcode.JumpIfTrueOrPop:
                    if (Ops.IsTrue(slots[sp - 1].V!))
                        pc = instruction.Arg;
                    else
                        slots[--sp].V = null;
                    continue;
                case Opcode.ForRange:
                    if (slots[sp - 1].V is PyRangeIterator range)
                    {
                        if (range.TryNext(out var number))
                        {
                            slots[sp++].V = PyInt.Of(number);
                            continue;
                        }
                        slots[--sp].V = null;
                        pc = instruction.Arg;
                        continue;
                    }
                    goto case Opcode.ForIter;
                case Opcode.ForList:
                    if (slots[sp - 1].V is PyListIterator list)
                    {
                        if (list.MoveNext())
                        {
                            slots[sp++].V = list.Current;
                            continue;
                        }
                        slots[--sp].V = null;
                        pc = instruction.Arg;
                        continue;
                    }
                    goto case Opcode.ForIter;
                case Opcode.ForIter:
                    {
                        var iterator = slots[sp - 1].V!;
                        if (iterator is PyGenerator { CanInline: true } inner && !inner.IsHot(thread))
                        {
                            frame.Sp = sp;
                            inner.Resume(thread, frame, Values.None);
                            frame = inner.Frame!;
                            goto Enter;
                        }
                        if (iterator is PyRangeIterator)
                            instructions[pc - 1].Op = Opcode.ForRange;
                        else if (iterator is PyListIterator)
                            instructions[pc - 1].Op = Opcode.ForList;
                        value = Ops.Next(iterator);
                        if (value is not null)
                        {
                            slots[sp++].V = value;
                            continue;
                        }
                        slots[--sp].V = null;
                        pc = instruction.Arg;
                        continue;
                    }
                case Opcode.GetIter:
                    slots[sp - 1].V = Ops.Iter(slots[sp - 1].V!);
                    continue;
                case Opcode.LoadGlobalCached:
                    {
                        var cache = code.Caches[pc - 1]!;
                        if (frame.Globals.KeysVersion == cache.Version && ReferenceEquals(frame.Globals, cache.Guard))
                        {
                            value = cache.Guard2 is null ? frame.Globals.ValueAt(cache.Index)
                                : ReferenceEquals(frame.Builtins, cache.Guard2) && frame.Builtins.KeysVersion == cache.Version2 ? frame.Builtins.ValueAt(cache.Index) : null;
                            if (value is not null)
                            {
                                if ((instruction.Arg & 1) != 0)
                                    slots[sp++].V = null;
                                slots[sp++].V = value;
                                continue;
                            }
                        }
                        goto case Opcode.LoadGlobal;
                    }
                case Opcode.LoadGlobal:
                    value = LoadGlobal(frame, ref instructions[pc - 1], pc - 1);
                    if ((instruction.Arg & 1) != 0)
                        slots[sp++].V = null;
                    slots[sp++].V = value;
                    continue;
                case Opcode.LoadAttrShape:
                    {
                        if (slots[sp - 1].V is PyInstance instance)
                        {
                            var cache = code.Caches[pc - 1]!;
                            if (ReferenceEquals(instance.Fields.Shape, cache.Guard) && instance.Fields.Shape.Type.Version == cache.Version
                                && cache.Value is null && cache.Namespace is null && instance.Fields.Values[cache.Index] is { } field)
                            {
                                slots[sp - 1].V = field;
                                continue;
                            }
                        }
                        goto case Opcode.LoadAttr;
                    }
                case Opcode.LoadAttrModule:
                    {
                        var cache = code.Caches[pc - 1]!;
                        if (slots[sp - 1].V is PyModule module && ReferenceEquals(module.Dict, cache.Guard) && module.Dict.KeysVersion == cache.Version
                            && module.Dict.ValueAt(cache.Index) is { } found)
                        {
                            slots[sp - 1].V = found;
                            continue;
                        }
                        goto case Opcode.LoadAttr;
                    }
                case Opcode.LoadAttrClass:
                    {
                        var cache = code.Caches[pc - 1]!;
                        if (ReferenceEquals(slots[sp - 1].V, cache.Guard) && Unsafe.As<PyType>(cache.Guard!).Version == cache.Version && Unsafe.As<PyType>(cache.Guard!).Type.Version == cache.Version2)
                        {
                            slots[sp - 1].V = cache.Namespace is null ? cache.Value : cache.Namespace.ValueAt(cache.Index);
                            continue;
                        }
                        goto case Opcode.LoadAttr;
                    }
                case Opcode.LoadAttr:
                    value = LoadAttribute(code, slots[sp - 1].V!, ref instructions[pc - 1], pc - 1);
                    if (value is null)
                    {
                        Err.SetAttribute(slots[sp - 1].V!, code.NameList[instruction.Arg]);
                        goto Error;
                    }
                    slots[sp - 1].V = value;
                    continue;
                case Opcode.LoadMethodShape:
                    {
                        if (slots[sp - 1].V is PyInstance instance)
                        {
                            var cache = code.Caches[pc - 1]!;
                            if (cache.Value is not null && ReferenceEquals(instance.Fields.Shape, cache.Guard) && instance.Fields.Shape.Type.Version == cache.Version)
                            {
                                slots[sp - 1].V = cache.Value;
                                slots[sp++].V = instance;
                                continue;
                            }
                        }
                        goto case Opcode.LoadMethod;
                    }
                case Opcode.LoadMethodType:
                    {
                        var self = slots[sp - 1].V!;
                        var cache = code.Caches[pc - 1]!;
                        if (ReferenceEquals(self.Type, cache.Guard))
                        {
                            slots[sp - 1].V = cache.Value;
                            slots[sp++].V = self;
                            continue;
                        }
                        goto case Opcode.LoadMethod;
                    }
                case Opcode.LoadMethodModule:
                    {
                        var cache = code.Caches[pc - 1]!;
                        if (slots[sp - 1].V is PyModule module && ReferenceEquals(module.Dict, cache.Guard) && module.Dict.KeysVersion == cache.Version
                            && module.Dict.ValueAt(cache.Index) is { } found)
                        {
                            slots[sp - 1].V = null;
                            slots[sp++].V = found;
                            continue;
                        }
                        goto case Opcode.LoadMethod;
                    }
                case Opcode.LoadMethodClass:
                    {
                        var cache = code.Caches[pc - 1]!;
                        if (ReferenceEquals(slots[sp - 1].V, cache.Guard) && Unsafe.As<PyType>(cache.Guard!).Version == cache.Version && Unsafe.As<PyType>(cache.Guard!).Type.Version == cache.Version2)
                        {
                            slots[sp - 1].V = null;
                            slots[sp++].V = cache.Value;
                            continue;
                        }
                        goto case Opcode.LoadMethod;
                    }
                case Opcode.LoadMethod:
                    {
                        var self = slots[sp - 1].V!;
                        value = LoadMethod(code, self, ref instructions[pc - 1], pc - 1, out var isMethod);
                        if (value is null)
                        {
                            Err.SetAttribute(self, code.NameList[instruction.Arg]);
                            goto Error;
                        }
                        slots[sp - 1].V = isMethod ? value : null;
                        slots[sp++].V = isMethod ? self : value;
                        continue;
                    }
                case Opcode.StoreAttrShape:
                    {
                        if (slots[sp - 1].V is PyInstance instance)
                        {
                            var cache = code.Caches[pc - 1]!;
                            if (ReferenceEquals(instance.Fields.Shape, cache.Guard) && instance.Fields.Shape.Type.Version == cache.Version)
                            {
                                if (cache.Next is null)
                                    instance.Fields.Values[cache.Index] = slots[sp - 2].V;
                                else
                                    instance.Fields.Append(cache.Next, slots[sp - 2].V!);
                                sp -= 2;
                                continue;
                            }
                        }
                        goto case Opcode.StoreAttr;
                    }
                case Opcode.StoreAttr:
                    StoreAttribute(code, slots[sp - 1].V!, slots[sp - 2].V!, ref instructions[pc - 1], pc - 1);
                    sp -= 2;
                    continue;
                case Opcode.KwNames:
                    keywordNames = (PyTuple)code.Consts[instruction.Arg];
                    continue;
                case Opcode.Call:
                    {
                        var count = instruction.Arg;
                        var first = sp - count;
                        var callable = slots[first - 2].V;
                        if (callable is not null)
                        {
                            // A method: the object stands before the arguments.
                            first--;
                            count++;
                        }
                        else
                        {
                            callable = slots[first - 1].V!;
                            if (callable.GetType() == typeof(PyMethod))
                            {
                                slots[first - 1].V = Unsafe.As<PyMethod>(callable).Self;
                                callable = Unsafe.As<PyMethod>(callable).Function;
                                first--;
                                count++;
                            }
                        }
                        var bottom = sp - instruction.Arg - 2;
                        frame.Sp = bottom;
                        if (callable.GetType() == typeof(PyFunction))
                        {
                            if (keywordNames is null && Promotion.Called(thread, Unsafe.As<PyFunction>(callable).Code, Unsafe.As<PyFunction>(callable), count))
                            {
                                value = Promotion.Invoke(thread, Unsafe.As<PyFunction>(callable), frame.Span(first, count));
                                slots.AsSpan(bottom, sp - bottom).Clear();
                                sp = bottom;
                                if (value is null)
                                    goto Error;
                                slots[sp++].V = value;
                                continue;
                            }
                            var callee = NewFrame(Unsafe.As<PyFunction>(callable), frame.Span(first, count), keywordNames);
                            keywordNames = null;
                            slots.AsSpan(bottom, sp - bottom).Clear();
                            if (callee.Code.Entry is not null && !TMode.IsOn)
                            {
                                sp = bottom;
                                value = Promotion.InvokeBound(thread, callee.Function!, callee);
                                if (value is null)
                                    goto Error;
                                slots[sp++].V = value;
                                continue;
                            }
                            frame.Sp = bottom;
                            callee.Back = frame;
                            thread.Enter(callee);
                            frame = callee;
                            goto Enter;
                        }
                        if (callable.GetType() == typeof(PyType) && PythonConstructor(Unsafe.As<PyType>(callable)) is { } constructor)
                        {
                            var instance = ObjectType.Make(Unsafe.As<PyType>(callable));
                            // One place below the arguments is free: the object that is made goes there.
                            slots[first - 1].V = instance;
                            if (keywordNames is null && Promotion.Called(thread, constructor.Code, constructor, count + 1))
                            {
                                value = Promotion.Invoke(thread, constructor, frame.Span(first - 1, count + 1));
                                slots.AsSpan(bottom, sp - bottom).Clear();
                                sp = bottom;
                                if (value is null)
                                    goto Error;
                                if (!ReferenceEquals(value, PySingleton.None))
                                {
                                    thread.Pending = Err.Type($"__init__() should return None, not '{value.Type.FullName}'").Value;
                                    goto Error;
                                }
                                slots[sp++].V = instance;
                                continue;
                            }
                            var callee = NewFrame(constructor, frame.Span(first - 1, count + 1), keywordNames);
                            callee.Constructing = instance;
                            keywordNames = null;
                            slots.AsSpan(bottom, sp - bottom).Clear();
                            callee.Back = frame;
                            thread.Enter(callee);
                            frame = callee;
                            goto Enter;
                        }
                        var names = keywordNames;
                        keywordNames = null;
                        value = TMode.IsOn ? Tracing.CallNative(thread, frame, callable, frame.Span(first, count), names) : callable.Call(frame.Span(first, count), names);
                        slots.AsSpan(bottom, sp - bottom).Clear();
                        sp = bottom;
                        if (value is null)
                            goto Error;
                        slots[sp++].V = value;
                        if (thread.Fuel < 0)
                            goto Breaker;
                        continue;
                    }
                case Opcode.ReturnValue:
                    value = slots[--sp].V!;
                    slots[sp].V = null;
                    frame.Sp = sp;
                    if (TMode.IsOn && Tracing.Return(thread, frame, value) is { } notReturned)
                    {
                        if (LeaveFailed(thread, frame, notReturned) == entry)
                            return null;
                        frame = thread.Frame!;
                        goto Error;
                    }
                    frame.IsFinished = true;
                    thread.Leave(frame);
                    if (frame.Generator is { } finished)
                    {
                        finished.Returned(thread, value);
                        if (frame == entry)
                            return value;
                        frame = thread.Frame!;
                        if (finished is PyAsyncGenerator { Step: { } lastStep } ended)
                        {
                            ended.IsClosed = true;
                            lastStep.End();
                            thread.Pending = ExceptionTypes.Make(ExceptionTypes.StopAsyncIteration);
                            goto Error;
                        }
                        if (TMode.IsOn && TraceStop(thread, frame, value))
                            goto Error;
                        AfterInline(thread, frame, value);
                        goto Enter;
                    }
                    if (frame.Constructing is { } made)
                    {
                        if (!ReferenceEquals(value, PySingleton.None))
                        {
                            thread.Pending = Err.Type($"__init__() should return None, not '{value.Type.FullName}'").Value;
                            if (frame == entry)
                                return null;
                            frame = thread.Frame!;
                            goto Error;
                        }
                        value = made;
                    }
                    if (frame == entry)
                        return value;
                    frame.Release();
                    frame = thread.Frame!;
                    frame.Slots[frame.Sp++].V = value;
                    frame.Pc++;
                    goto Enter;
                    // Compiled code has run the frame to its end, or a generator's to a yield.
                FrameEnded:
                    if (frame == entry)
                        return value;
                    var ran = frame.Generator;
                    frame.Release();
                    frame = thread.Frame!;
                    if (value is null)
                        goto Error;
                    if (ran is PyAsyncGenerator { Step: { } ranStep } ranAsync)
                    {
                        if (ranAsync.Frame is null)
                        {
                            ranAsync.IsClosed = true;
                            ranStep.End();
                            thread.Pending = ExceptionTypes.Make(ExceptionTypes.StopAsyncIteration);
                            goto Error;
                        }
                        if (value is PyAsyncGenWrapped item)
                        {
                            ranStep.End();
                            AfterInline(thread, frame, item.Value);
                            goto Enter;
                        }
                    }
                    if (ran is { Frame: null })
                    {
                        AfterInline(thread, frame, value);
                        goto Enter;
                    }
                    frame.Slots[frame.Sp++].V = value;
                    frame.Pc++;
                    goto Enter;
                case Opcode.Resume:
                    thread.Fuel -= 8;
                    if (TMode.IsOn)
                    {
                        frame.Sp = sp;
                        if (Tracing.Call(thread, frame) is { } notCalled)
                        {
                            thread.Pending = notCalled;
                            goto Error;
                        }
                    }
                    if (thread.Fuel < 0)
                        goto Breaker;
                    continue;
                case Opcode.ReturnGenerator:
                    {
                        // The first resumption pushes the value that POP_TOP takes away.
                        frame.Sp = sp;
                        thread.Leave(frame);
                        value = PyGenerator.Make(frame);
                        if (frame == entry)
                            return value;
                        frame = thread.Frame!;
                        frame.Slots[frame.Sp++].V = value;
                        frame.Pc++;
                        goto Enter;
                    }
                case Opcode.YieldValue:
                    value = slots[--sp].V!;
                    slots[sp].V = null;
                    frame.Sp = sp;
                    if (TMode.IsOn && Tracing.Return(thread, frame, value) is { } notYielded)
                    {
                        if (LeaveFailed(thread, frame, notYielded) == entry)
                            return null;
                        frame = thread.Frame!;
                        goto Error;
                    }
                    frame.Generator!.Yielded(thread);
                    thread.Leave(frame);
                    if (frame == entry)
                        return value;
                    if (value is PyAsyncGenWrapped wrapped && frame.Generator is PyAsyncGenerator { Step: { } doneStep })
                    {
                        doneStep.End();
                        frame = thread.Frame!;
                        AfterInline(thread, frame, wrapped.Value);
                        goto Enter;
                    }
                    frame = thread.Frame!;
                    frame.Slots[frame.Sp++].V = value;
                    frame.Pc++;
                    goto Enter;
                case Opcode.Send:
                    {
                        var received = slots[sp - 1].V!;
                        frame.Sp = sp - 1;
                        var awaited = slots[sp - 2].V switch
                        {
                            PyGenerator coroutine when coroutine.CanInlineSend(received) && !coroutine.IsHot(thread) => coroutine,
                            PyAsyncGenStep step => step.Inline(ref received),
                            _ => null,
                        };
                        if (awaited is not null)
                        {
                            slots[sp - 1].V = null;
                            awaited.Resume(thread, frame, received);
                            frame = awaited.Frame!;
                            goto Enter;
                        }
                        value = Send(thread, slots[sp - 2].V!, received, out var returned);
                        if (value is null)
                            goto Error;
                        if (returned)
                        {
                            if (TMode.IsOn && TraceStop(thread, frame, value))
                                goto Error;
                            slots[--sp].V = null;
                            slots[sp - 1].V = value;
                            pc = instruction.Arg;
                        }
                        else
                        {
                            slots[sp - 1].V = value;
                        }
                        continue;
                    }
                case Opcode.SubscrListInt:
                case Opcode.BinarySubscr:
                    {
                        var container = slots[sp - 2].V!;
                        var key = slots[sp - 1].V!;
                        if (key.GetType() == typeof(PyInt))
                        {
                            var index = Unsafe.As<PyInt>(key).Value;
                            if (container.GetType() == typeof(PyList) && (ulong)index < (ulong)Unsafe.As<PyList>(container).Count)
                            {
                                if (instruction is { Op: Opcode.BinarySubscr, Misses: < MaxMisses })
                                    instructions[pc - 1].Op = Opcode.SubscrListInt;
                                slots[--sp - 1].V = Unsafe.As<PyList>(container)[(int)index];
                                continue;
                            }
                            if (container.GetType() == typeof(PyTuple) && (ulong)index < (ulong)Unsafe.As<PyTuple>(container).Count)
                            {
                                slots[--sp - 1].V = Unsafe.As<PyTuple>(container)[(int)index];
                                continue;
                            }
                        }
                        if (instruction.Op == Opcode.SubscrListInt)
                        {
                            instructions[pc - 1].Op = Opcode.BinarySubscr;
                            instructions[pc - 1].Misses++;
                        }
                        value = Ops.TryGetItem(thread, container, key);
                        if (value is null)
                            goto Error;
                        slots[--sp].V = null;
                        slots[sp - 1].V = value;
                        continue;
                    }
                case Opcode.StoreSubscr:
                    {
                        var container = slots[sp - 2].V!;
                        var key = slots[sp - 1].V!;
                        var item = slots[sp - 3].V!;
                        if (container.GetType() == typeof(PyDict))
                            Unsafe.As<PyDict>(container).Set(key, item);
                        else if (container.GetType() == typeof(PyList) && key.GetType() == typeof(PyInt) && (ulong)Unsafe.As<PyInt>(key).Value < (ulong)Unsafe.As<PyList>(container).Count)
                            Unsafe.As<PyList>(container)[(int)Unsafe.As<PyInt>(key).Value] = item;
                        else
                            Ops.SetItem(container, key, item);
                        sp -= 3;
                        slots.AsSpan(sp, 3).Clear();
                        continue;
                    }
                case Opcode.LoadDeref:
                    slots[sp++].V = ((PyCell)slots[instruction.Arg].V!).Value ?? throw UnboundDeref(code, instruction.Arg);
                    continue;
                case Opcode.StoreDeref:
                    ((PyCell)slots[instruction.Arg].V!).Value = slots[--sp].V;
                    slots[sp].V = null;
                    continue;
                case Opcode.LoadClosure:
                    slots[sp++].V = slots[instruction.Arg].V;
                    continue;
                case Opcode.MakeCell:
                    slots[instruction.Arg].V = new PyCell(slots[instruction.Arg].V);
                    continue;
                case Opcode.CopyFreeVars:
                    {
                        var closure = frame.Function!.Closure;
                        var from = code.LocalsPlusNames.Length - instruction.Arg;
                        for (var i = 0; i < instruction.Arg; i++)
                            slots[from + i].V = closure[i];
                        continue;
                    }
                case Opcode.Copy:
                    slots[sp].V = slots[sp - instruction.Arg].V;
                    sp++;
                    continue;
                case Opcode.Swap:
                    (slots[sp - 1].V, slots[sp - instruction.Arg].V) = (slots[sp - instruction.Arg].V, slots[sp - 1].V);
                    continue;
                case Opcode.IsOp:
                    slots[sp - 2].V = Values.Bool(ReferenceEquals(slots[sp - 2].V, slots[sp - 1].V) != (instruction.Arg != 0));
                    slots[--sp].V = null;
                    continue;
                case Opcode.ContainsOp:
                    slots[sp - 2].V = Values.Bool(Ops.Contains(slots[sp - 1].V!, slots[sp - 2].V!) != (instruction.Arg != 0));
                    slots[--sp].V = null;
                    continue;
                case Opcode.UnaryNot:
                    slots[sp - 1].V = Values.Bool(!Ops.IsTrue(slots[sp - 1].V!));
                    continue;
                case Opcode.BuildTuple:
                    value = new PyTuple(frame.Span(sp - instruction.Arg, instruction.Arg).ToArray());
                    sp -= instruction.Arg;
                    slots[sp++].V = value;
                    continue;
                case Opcode.BuildList:
                    value = new PyList(frame.Span(sp - instruction.Arg, instruction.Arg).ToArray());
                    sp -= instruction.Arg;
                    slots[sp++].V = value;
                    continue;
                case Opcode.ListAppend:
                    Unsafe.As<PyList>(((PyList)slots[sp - 1 - instruction.Arg].V!)).Add(slots[sp - 1].V!);
                    slots[--sp].V = null;
                    continue;
                case Opcode.UnpackSequence:
                    {
                        var sequence = slots[sp - 1].V!;
                        var count = instruction.Arg;
                        if (sequence.GetType() == typeof(PyTuple) && Unsafe.As<PyTuple>(sequence).Count == count)
                        {
                            var items = Unsafe.As<PyTuple>(sequence).Items;
                            var stored = 0;
                            if (!TMode.IsOn)
                            {
                                // What STORE_FASTs take away at once need not go by way of the stack.
                                for (; stored < count && instructions[pc].Op == Opcode.StoreFast; stored++)
                                    slots[instructions[pc++].Arg].V = items[stored];
                            }
                            for (var i = 0; i < count - stored; i++)
                                slots[sp - 1 + i].V = items[count - 1 - i];
                            if (stored == count)
                                slots[sp - 1].V = null;
                            sp += count - stored - 1;
                            continue;
                        }
                        else if (!TMode.IsOn && sequence.GetType() == typeof(PyList) && Unsafe.As<PyList>(sequence).Count == count && AreStores(instructions, pc, count))
                        {
                            for (var i = 0; i < count; i++)
                                slots[instructions[pc++].Arg].V = Unsafe.As<PyList>(sequence)[i];
                            slots[--sp].V = null;
                            continue;
                        }
                        else
                        {
                            var items = Unpack(sequence, count);
                            for (var i = 0; i < count; i++)
                                slots[sp - 1 + i].V = items[count - 1 - i];
                        }
                        sp += count - 1;
                        continue;
                    }
                case Opcode.AsyncGenWrap:
                    slots[sp - 1].V = new PyAsyncGenWrapped(slots[sp - 1].V!);
                    continue;
                case Opcode.GetANext:
                    if (slots[sp - 1].V is not PyAsyncGenerator { HooksDone: true } source)
                        goto default;
                    slots[sp++].V = new PyAsyncGenStep(source, null, null, false);
                    continue;
                case Opcode.Reraise:
                    frame.Sp = sp;
                    Reraise(thread, frame, instruction.Arg);
                    if (!Unwind(thread, entry, false, pc - 1))
                        return null;
                    goto Handler;
                default:
                    frame.Sp = sp;
                    if (!Rare(thread, frame, instruction, ref pc))
                    {
                        // A bare raise goes on with the traceback that the exception has.
                        if (instruction is not { Op: Opcode.RaiseVarArgs, Arg: 0 } || thread.Pending?.Traceback is null)
                            goto Error;
                        if (!Unwind(thread, entry, false))
                            return null;
                        goto Handler;
                    }
                    sp = frame.Sp;
                    if (thread.Fuel < 0)
                        goto Breaker;
                    continue;
            }
        Breaker:
            thread.Breaker();
            if (keywordNames is null)
            {
                (frame.Pc, frame.Sp) = (pc, sp);
                return EnterAgain;
            }
            continue;
        Error:
            if (!Unwind(thread, entry, true))
                return null;
        Handler:
            if (thread.Fuel < -PyThread.Quantum)
                return EnterAgain;
            frame = thread.Frame!;
            goto Enter;
        }
    }
}
