namespace Holon.Python.Interpreter;

/// <summary>An asynchronous generator.</summary>
internal sealed class PyAsyncGenerator(PyFrame frame) : PyGenerator(frame, GeneratorTypes.AsyncGenerator)
{
    public bool HooksDone { get; set; }

    public bool IsBusy { get; set; }

    public bool IsClosed { get; set; }

    /// <summary>The step whose await runs the generator within its own activation of the interpreter.</summary>
    public PyAsyncGenStep? Step { get; set; }
}

/// <summary>A value that an asynchronous generator yields, as opposed to one that an inner await passes through.</summary>
internal sealed class PyAsyncGenWrapped(PyObject value) : PyObject
{
    public PyObject Value { get; } = value;

    public override PyType Type => GeneratorTypes.AsyncGenWrapped;
}

/// <summary>The awaitable of asend(), athrow() and aclose().</summary>
internal sealed class PyAsyncGenStep(PyAsyncGenerator generator, PyObject? sent, PyException? thrown, bool close) : PyObject, IAwaitStep
{
    private bool started;
    private bool finished;

    public override PyType Type => thrown is null ? GeneratorTypes.AsyncGenSend : GeneratorTypes.AsyncGenThrow;

    /// <summary>Begins or goes on without recursion, if it is a plain step of a generator that waits; null: <see cref="Advance"/> has to do it.</summary>
    public PyAsyncGenerator? Inline(ref PyObject value)
    {
        if (finished || thrown is not null || generator.Frame is null || generator.IsRunning || (!started && generator.IsBusy) || generator.IsHot(PyThread.Current))
            return null;
        if (!started && value == Values.None && sent is not null)
            value = sent;
        if (!generator.IsStarted && value != Values.None)
            return null;
        started = true;
        generator.IsBusy = true;
        generator.Step = this;
        return generator;
    }

    /// <summary>The generator has yielded, returned or failed.</summary>
    public void End()
    {
        generator.Step = null;
        generator.IsBusy = false;
        finished = true;
    }

    public PyObject? Step(PyThread thread, PyObject value, out bool returned) => Advance(thread, value, null, out returned);

    public PyObject? Advance(PyThread thread, PyObject value, PyException? inject, out bool returned)
    {
        returned = false;
        if (finished)
            return Err.Set(Err.Runtime("cannot reuse already awaited " + (thrown is null ? "__anext__()/asend()" : "aclose()/athrow()")));
        PyObject? result;
        if (!started)
        {
            if (generator.IsBusy)
            {
                finished = true;
                return Err.Set(Err.Runtime($"{(close ? "aclose()" : thrown is null ? "anext()" : "athrow()")}: asynchronous generator is already running"));
            }
            if (thrown is not null && generator.IsClosed && !close)
            {
                finished = true;
                return Err.Set(Err.Of(ExceptionTypes.StopAsyncIteration));
            }
            started = true;
            generator.IsBusy = true;
            if (close)
            {
                generator.IsClosed = true;
                if (generator.Frame is null || !generator.IsStarted)
                {
                    generator.Close(thread);
                    generator.IsBusy = false;
                    finished = true;
                    returned = true;
                    return Values.None;
                }
            }
            result = inject is not null ? generator.Throw(thread, inject, out var ended) : thrown is not null ? generator.Throw(thread, thrown, out ended) : generator.Send(thread, value == Values.None ? sent ?? Values.None : value, out ended);
            return Finish(thread, result, ended, out returned);
        }
        result = inject is not null ? generator.Throw(thread, inject, out var over) : generator.Send(thread, value, out over);
        return Finish(thread, result, over, out returned);
    }

    private PyObject? Finish(PyThread thread, PyObject? result, bool ended, out bool returned)
    {
        returned = false;
        if (result is not null && !ended && result is not PyAsyncGenWrapped)
            return result;
        generator.IsBusy = false;
        finished = true;
        if (result is null)
        {
            if (close && (thread.PendingIs(ExceptionTypes.StopAsyncIteration) || thread.PendingIs(ExceptionTypes.GeneratorExit)))
            {
                thread.Pending = null;
                returned = true;
                return Values.None;
            }
            return null;
        }
        if (ended)
        {
            generator.IsClosed = true;
            if (close)
            {
                returned = true;
                return Values.None;
            }
            thread.Pending = ExceptionTypes.Make(ExceptionTypes.StopAsyncIteration);
            return null;
        }
        if (close)
            return Err.Set(Err.Runtime("async generator ignored GeneratorExit"));
        returned = true;
        return ((PyAsyncGenWrapped)result).Value;
    }

    public void Close() => finished = true;
}

/// <summary>What __await__ of a coroutine gives.</summary>
internal sealed class PyCoroutineWrapper(PyGenerator coroutine) : PyObject
{
    public PyGenerator Coroutine { get; } = coroutine;

    public override PyType Type => GeneratorTypes.CoroutineWrapper;
}

internal static class GeneratorTypes
{
    public static readonly PyType Generator = Make("generator", "gi", t =>
    {
        t.Iter = o => o;
        t.Next = Next;
    });

    public static readonly PyType Coroutine = Make("coroutine", "cr", t =>
    {
        t.Await = o => new PyCoroutineWrapper((PyGenerator)o);
        t.Getter("cr_origin", _ => Values.None);
    });

    public static readonly PyType CoroutineWrapper = new("coroutine_wrapper", PyType.Object, t =>
    {
        t.Iter = o => o;
        t.Next = o => Next(((PyCoroutineWrapper)o).Coroutine);
        t.Def1("send", (o, v) => Send(((PyCoroutineWrapper)o).Coroutine, v));
        t.DefKept("throw", "type, value=None, traceback=None, /", (o, a) => Throw(((PyCoroutineWrapper)o).Coroutine, a));
        t.Def0("close", o => ((PyCoroutineWrapper)o).Coroutine.Close(PyThread.Current) ? Values.None : null);
    });

    public static readonly PyType AsyncGenerator = Make("async_generator", "ag", t =>
    {
        t.AIter = o => o;
        t.ANext = o => StepOf(o, null, null, false);
        t.Def1("asend", (o, v) => StepOf(o, v, null, false));
        t.DefKept("athrow", "type, value=None, traceback=None, /", (o, a) => StepOf(o, null, PyGenerator.MakeThrown(a), false));
        t.Def0("aclose", o => StepOf(o, null, ExceptionTypes.Make(ExceptionTypes.GeneratorExit), true));
        t.DefClassGetItem();
    });

    public static readonly PyType AsyncGenWrapped = new("async_generator_wrapped_value", PyType.Object);
    public static readonly PyType AsyncGenSend = MakeStep("async_generator_asend");
    public static readonly PyType AsyncGenThrow = MakeStep("async_generator_athrow");

    private static PyAsyncGenStep StepOf(PyObject o, PyObject? sent, PyException? thrown, bool close)
    {
        var generator = (PyAsyncGenerator)o;
        if (!generator.HooksDone)
        {
            generator.HooksDone = true;
            if (PyThread.Current.AsyncGenFirstIter is { } hook)
                Calls.Call(hook, generator);
        }
        return new PyAsyncGenStep(generator, sent, thrown, close);
    }

    private static PyType MakeStep(string name) => new(name, PyType.Object, t =>
    {
        t.Iter = o => o;
        t.Await = o => o;
        t.Next = o =>
        {
            var thread = PyThread.Current;
            return Result(thread, ((PyAsyncGenStep)o).Advance(thread, Values.None, null, out var returned), returned, forNext: true);
        };
        t.Def1("send", (o, v) =>
        {
            var thread = PyThread.Current;
            return Result(thread, ((PyAsyncGenStep)o).Advance(thread, v, null, out var returned), returned, forNext: false);
        });
        t.DefKept("throw", "type, value=None, traceback=None, /", (o, a) =>
        {
            var thread = PyThread.Current;
            return Result(thread, ((PyAsyncGenStep)o).Advance(thread, Values.None, PyGenerator.MakeThrown(a), out var returned), returned, forNext: false);
        });
        t.Def0("close", o =>
        {
            ((PyAsyncGenStep)o).Close();
            return Values.None;
        });
    });

    // A slot's end is null with the value aside; a method's end is StopIteration.
    private static PyObject? Result(PyThread thread, PyObject? result, bool returned, bool forNext)
    {
        if (result is not null && !returned)
            return result;
        if (result is null)
            return forNext ? throw thread.TakeError() : null;
        if (!forNext)
            return Err.SetStopIteration(result);
        thread.StopValue = result;
        return null;
    }

    private static PyObject? Next(PyObject o) => ((PyGenerator)o).Next(PyThread.Current);

    private static PyObject? Send(PyGenerator generator, PyObject value)
    {
        var thread = PyThread.Current;
        return Result(thread, generator.Send(thread, value, out var returned), returned, forNext: false);
    }

    private static PyObject? Throw(PyGenerator generator, PyObject?[] a)
    {
        var thread = PyThread.Current;
        return Result(thread, generator.Throw(thread, PyGenerator.MakeThrown(a), out var returned), returned, forNext: false);
    }

    private static PyType Make(string name, string prefix, Action<PyType> more) => new(name, PyType.Object, t =>
    {
        t.IsFinal = true;
        t.New = (_, _, _) => throw Err.Type($"cannot create '{name}' instances");
        t.Repr = o => Values.Str($"<{name} object {((PyGenerator)o).QualName} at {Ops.Address(o)}>");
        t.Getter("__name__", o => ((PyGenerator)o).Name, (o, v) => ((PyGenerator)o).Name = v as PyStr ?? throw Err.Type("__name__ must be set to a string object"));
        t.Getter("__qualname__", o => ((PyGenerator)o).QualName, (o, v) => ((PyGenerator)o).QualName = v as PyStr ?? throw Err.Type("__qualname__ must be set to a string object"));
        t.Getter(prefix + "_code", o => ((PyGenerator)o).Code);
        t.Getter(prefix + "_frame", o =>
        {
            ((PyGenerator)o).Frame?.Escape();
            return (PyObject?)((PyGenerator)o).Frame ?? Values.None;
        });
        t.Getter(prefix + "_running", o => Values.Bool(o is PyAsyncGenerator a ? a.IsBusy : ((PyGenerator)o).IsRunning));
        t.Getter(prefix + "_suspended", o => Values.Bool(((PyGenerator)o).IsSuspended));
        t.Getter(name == "generator" ? "gi_yieldfrom" : prefix + "_await", o => ((PyGenerator)o).YieldFrom ?? Values.None);
        if (name != "async_generator")
        {
            t.Def1("send", (o, v) => Send((PyGenerator)o, v));
            t.DefKept("throw", "type, value=None, traceback=None, /", (o, a) => Throw((PyGenerator)o, a));
            t.Def0("close", o => ((PyGenerator)o).Close(PyThread.Current) ? Values.None : null);
        }
        more(t);
    });
}
