namespace Holon.Python.Interpreter;

/// <summary>Opcodes of exceptions, with-blocks, generators and coroutines.</summary>
internal static partial class EvaluationLoop
{
    private static bool Exceptional(PyThread thread, PyFrame frame, Instruction instruction, ref int pc)
    {
        var code = frame.Code;
        var slots = frame.Slots;
        ref var sp = ref frame.Sp;
        switch (instruction.Op)
        {
            case Opcode.PushExcInfo:
                {
                    var error = (PyException)slots[sp - 1].V!;
                    var handled = HandledOf(thread, frame);
                    slots[sp - 1].V = (PyObject?)handled.Value ?? Values.None;
                    Push(frame, error);
                    handled.Value = error;
                    return true;
                }
            case Opcode.PopExcept:
                HandledOf(thread, frame).Value = Pop(frame) as PyException;
                return true;
            case Opcode.CheckExcMatch:
                {
                    var wanted = slots[sp - 1].V!;
                    CheckCatchable(wanted);
                    slots[sp - 1].V = Values.Bool(ExceptionTypes.Matches((PyException)slots[sp - 2].V!, wanted));
                    return true;
                }
            case Opcode.CheckEgMatch:
                {
                    var wanted = slots[sp - 1].V!;
                    CheckCatchable(wanted);
                    foreach (var type in wanted is PyTuple many ? many.Items : [wanted])
                    {
                        if (((PyType)type).IsSubtypeOf(ExceptionTypes.BaseExceptionGroup))
                            throw Err.Type("catching ExceptionGroup with except* is not allowed. Use except instead.");
                    }
                    var (match, rest) = ExceptionGroups.Match((PyException)slots[sp - 2].V!, wanted);
                    slots[sp - 1].V = match;
                    if (match != Values.None)
                    {
                        slots[sp - 2].V = rest;
                        HandledOf(thread, frame).Value = (PyException)match;
                    }
                    return true;
                }
            case Opcode.PrepReraiseStar:
                {
                    var list = (PyList)Pop(frame);
                    slots[sp - 1].V = ExceptionGroups.PrepareReraise((PyException)slots[sp - 1].V!, list);
                    return true;
                }
            case Opcode.RaiseVarArgs:
                Raise(thread, instruction.Arg > 1 ? Pop(frame) : null, instruction.Arg > 0 ? Pop(frame) : null);
                return false;
            case Opcode.BeforeWith:
                {
                    var manager = slots[sp - 1].V!;
                    var enter = Special(manager, Names.Enter, "the context manager protocol");
                    var exit = Special(manager, Names.Exit, "the context manager protocol");
                    slots[sp - 1].V = exit;
                    if (enter.Call([], null) is not { } entered)
                        return false;
                    Push(frame, entered);
                    return true;
                }
            case Opcode.BeforeAsyncWith:
                {
                    var manager = slots[sp - 1].V!;
                    var enter = Special(manager, Names.AEnter, "the asynchronous context manager protocol");
                    slots[sp - 1].V = Special(manager, Names.AExit, "the asynchronous context manager protocol");
                    if (enter.Call([], null) is not { } entered)
                        return false;
                    Push(frame, entered);
                    return true;
                }
            case Opcode.WithExceptStart:
                {
                    var error = (PyException)slots[sp - 1].V!;
                    var result = slots[sp - 4].V!.Call([error.Type, error, (PyObject?)error.Traceback ?? Values.None], null);
                    if (result is null)
                        return false;
                    Push(frame, result);
                    return true;
                }
            case Opcode.GetAwaitable:
                slots[sp - 1].V = Awaitable(slots[sp - 1].V!, instruction.Arg);
                return true;
            case Opcode.GetYieldFromIter:
                {
                    var source = slots[sp - 1].V!;
                    if (source is PyGenerator { IsCoroutine: true } && (code.Flags & (CodeFlags.Coroutine | CodeFlags.IterableCoroutine)) == 0)
                        throw Err.Type("cannot 'yield from' a coroutine object in a non-coroutine generator");
                    if (source is not PyGenerator)
                        slots[sp - 1].V = Ops.Iter(source);
                    return true;
                }
            case Opcode.GetAIter:
                {
                    var source = slots[sp - 1].V!;
                    var iter = (source.Type.AIter ?? throw Err.Type($"'async for' requires an object with __aiter__ method, got {source.Type.FullName}"))(source);
                    slots[sp - 1].V = iter.Type.ANext is not null ? iter : throw Err.Type($"'async for' received an object from __aiter__ that does not implement __anext__: {iter.Type.FullName}");
                    return true;
                }
            case Opcode.GetANext:
                Push(frame, NextAwaitable(slots[sp - 1].V!));
                return true;
            case Opcode.EndAsyncFor:
                {
                    var error = (PyException)slots[sp - 1].V!;
                    if (error.Type.IsSubtypeOf(ExceptionTypes.StopAsyncIteration))
                    {
                        Drop(frame, 2);
                        return true;
                    }
                    thread.Pending = error;
                    return false;
                }
            default:
                throw Err.System($"unknown opcode {(int)instruction.Op}");
        }
    }

    private static PyObject Special(PyObject manager, PyStr name, string protocol)
    {
        var method = Calls.BindSpecial(manager, name, out var needsSelf);
        if (method is null)
        {
            var missed = name.Equals(Names.Exit) || name.Equals(Names.AExit) ? $" (missed {name} method)" : "";
            throw Err.Type($"'{manager.Type.FullName}' object does not support {protocol}{missed}");
        }
        return needsSelf ? method.Type.DescrGet!(method, manager, manager.Type)! : method;
    }

    private static void CheckCatchable(PyObject wanted)
    {
        foreach (var type in wanted is PyTuple many ? many.Items : [wanted])
        {
            if (type is not PyType t || !t.IsSubtypeOf(ExceptionTypes.BaseException))
                throw Err.Type("catching classes that do not inherit from BaseException is not allowed");
        }
    }

    private static void Reraise(PyThread thread, PyFrame frame, int arg)
    {
        var error = (PyException)Pop(frame);
        if (arg > 0 && frame.Slots[frame.Sp - arg].V is PyInt lasti)
            frame.Pc = frame.Code.IndexOfUnit((int)Math.Clamp(lasti.Value, 0, frame.Code.Code.Length / 2));
        thread.Pending = error;
    }

    private static void Raise(PyThread thread, PyObject? cause, PyObject? raised)
    {
        if (raised is null)
        {
            thread.Pending = thread.CurrentHandled ?? Err.Runtime("No active exception to reraise").Value;
            return;
        }
        var error = raised as PyException;
        if (raised is PyType type && type.IsSubtypeOf(ExceptionTypes.BaseException))
        {
            var made = raised.Call([], null);
            if (made is null)
                return;
            error = made as PyException ?? throw Err.Type($"calling {Ops.Repr(type)} should have returned an instance of BaseException, not {Ops.Repr(made.Type)}");
        }
        if (error is null)
            throw Err.Type("exceptions must derive from BaseException");
        if (cause is not null)
        {
            if (cause is PyType causeType && causeType.IsSubtypeOf(ExceptionTypes.BaseException))
                cause = Calls.Call(cause);
            if (cause != Values.None && cause is not PyException)
                throw Err.Type("exception causes must derive from BaseException");
            error.Cause = cause as PyException;
            error.SuppressContext = true;
        }
        SetContext(thread, error);
        thread.Pending = error;
    }

    /// <summary>Where the exception is noted that the frame handles.</summary>
    public static HandledException HandledOf(PyThread thread, PyFrame frame) => frame.Generator?.Handled(thread) ?? thread.Handled;

    /// <summary>What GET_AWAITABLE leaves; <paramref name="arg"/> tells where the object comes from.</summary>
    public static PyObject Awaitable(PyObject awaitable, int arg)
    {
        if (awaitable.Type.Await is null && !PyGenerator.IsIterableCoroutine(awaitable) && arg is 1 or 2)
            throw Err.Type($"'async with' received an object from {(arg == 1 ? "__aenter__" : "__aexit__")} that does not implement __await__: {awaitable.Type.FullName}");
        var result = PyGenerator.Awaitable(awaitable);
        return result is PyGenerator { IsCoroutine: true, IsAwaited: true } ? throw Err.Runtime("coroutine is being awaited already") : result;
    }

    /// <summary>What <c>async for</c> awaits for the next item.</summary>
    public static PyObject NextAwaitable(PyObject source)
    {
        var next = (source.Type.ANext ?? throw Err.Type($"'async for' requires an iterator with __anext__ method, got {source.Type.FullName}"))(source);
        try
        {
            return source is PyAsyncGenerator ? next : PyGenerator.Awaitable(next);
        }
        catch (PyError error) when (error.Value.Type == ExceptionTypes.TypeError)
        {
            var wrong = Err.Type($"'async for' received an invalid object from __anext__: {next.Type.FullName}");
            wrong.Value.Cause = error.Value;
            throw wrong;
        }
    }

    /// <summary>One step of "yield from" or "await"; returned: the inner one has ended with that value.</summary>
    public static PyObject? Send(PyThread thread, PyObject receiver, PyObject value, out bool returned)
    {
        returned = false;
        if (receiver is PyGenerator generator and not PyAsyncGenerator)
            return generator.Send(thread, value, out returned);
        if (receiver is PyDelegationResult over)
        {
            returned = true;
            return over.Value;
        }
        PyObject? result;
        if (value == Values.None && receiver.Type.Next is { } next)
        {
            if (receiver is IAwaitStep step)
                return step.Step(thread, value, out returned);
            result = next(receiver);
            if (result is not null)
                return result;
            returned = true;
            return thread.TakeStopValue();
        }
        result = Attributes.Get(receiver, Names.Send).Call([value], null);
        if (result is not null || !thread.PendingIs(ExceptionTypes.StopIteration))
            return result;
        returned = true;
        var stop = thread.Pending!;
        thread.Pending = null;
        return stop.Args.Count > 0 ? stop.Args[0] : Values.None;
    }
}
