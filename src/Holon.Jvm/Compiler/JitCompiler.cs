using System.Diagnostics;
using System.Globalization;
using Holon.Jvm.Diagnostics;
using Holon.Jvm.Heap;
using Holon.Jvm.Interpreter;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Compiler;

/// <summary>
/// Tier 1 of one machine: decides what is compiled, compiles it on a thread of its own, and puts it in place. Compiled code is
/// thrown away and made again when it left for the interpreter too often.
/// </summary>
internal sealed unsafe class JitCompiler : IDisposable
{
    /// <summary>Calls until a method is compiled; each quantum of loop rounds counts as <see cref="LoopShare"/> calls.</summary>
    private const int CallThreshold = 600, LoopShare = 100;

    /// <summary>How often code may leave for the interpreter before it is made again, and how often a method is compiled at all.</summary>
    public const int TrapLimit = 40, CompilationLimit = 30;

    private readonly JavaMachine _machine;
    private readonly Queue<(WeakReference<JMethod> Method, int Loop)> _queue = new();
    private readonly bool _atOnce;
    private readonly long _start = Environment.TickCount64;
    private Thread? _thread;
    private Timer? _timer;
    private bool _closed;

    public JitCompiler(JavaMachine machine)
    {
        _machine = machine;
        _atOnce = machine.Options.Tier == ExecutionTier.CompiledAtOnce;
        Stubs = new Stubs();
    }

    public Stubs Stubs { get; }

    /// <summary>Counters for reports.</summary>
    public int Methods, LoopsCompiled, Failures;

    /// <summary>The interpreter has called a method some more times.</summary>
    public void Called(JThread t, MethodSlot* slot)
    {
        if (_atOnce ? slot->Calls < 2 : slot->Calls < CallThreshold) return;
        var method = slot->Managed;
        if (method.Compilation is { } state && (state.Code != null || state.IsQueued || state.Refused)) return;
        Request(t, method, -1);
    }

    /// <summary>The interpreter is at a backward branch of a loop that has run for a while: gives the code that goes on from there, or 0.</summary>
    public nint LoopEntry(JThread t, Frame* frame, Insn* pc)
    {
        var method = frame->M->Managed;
        frame->M->Calls += LoopShare;
        var index = (int)(pc - frame->M->Code);
        var state = method.Compilation;
        if (state != null)
        {
            lock (state.Loops)
            {
                if (state.Loops.TryGetValue(index, out var code) && code.Traps == 0) return code.Entry;
            }
            if (state.Refused) return 0;
        }
        if (!_atOnce && frame->M->Calls < CallThreshold / 3) return 0;
        Request(t, method, index);
        if (!_atOnce || method.Compilation is not { } compiled) return 0;
        lock (compiled.Loops) return compiled.Loops.TryGetValue(index, out var code) && code.Traps == 0 ? code.Entry : 0;
    }

    private void Request(JThread t, JMethod method, int loop)
    {
        var state = StateOf(method);
        lock (state)
        {
            if (state.IsQueued || state.Refused || loop < 0 && state.Code != null) return;
            if (++state.Compilations > CompilationLimit || method.KeepsFrame)
            {
                state.Refused = true;
                return;
            }
            state.IsQueued = true;
        }
        lock (_queue)
        {
            if (_closed) return;
            StartTimer();
            if (!_atOnce)
            {
                // One that is unloaded meanwhile is not worth the wait.
                _queue.Enqueue((new WeakReference<JMethod>(method, trackResurrection: true), loop));
                if (_thread == null)
                {
                    _thread = new Thread(Work, 16 << 20) { IsBackground = true, Name = "java compiler" };
                    _thread.Start();
                }
                Monitor.Pulse(_queue);
                return;
            }
        }
        Compile(method, loop);
    }

    /// <summary>Compiles a method in the calling thread, whatever its counters say; false when it cannot be compiled. One that waits for the compiler's thread is waited for.</summary>
    public bool CompileNow(JMethod method)
    {
        if (method.IsAbstract || method.IsNative || method.Native != null || method.KeepsFrame) return false;
        Interpreter.Interpreter.Decode(method);
        var state = StateOf(method);
        for (; ; Thread.Sleep(1))
        {
            lock (_queue)
            {
                if (_closed) return false;
                StartTimer();
            }
            lock (state)
            {
                if (state.Code != null) return true;
                if (state.Refused) return false;
                if (state.IsQueued) continue;
                state.IsQueued = true;
                break;
            }
        }
        Compile(method, -1);
        return state.Code != null;
    }

    private static CompilationState StateOf(JMethod method) =>
        method.Compilation ?? Interlocked.CompareExchange(ref method.Compilation, new CompilationState(), null) ?? method.Compilation!;

    private void StartTimer() => _timer ??= new Timer(_ => AskToPoll(), null, 10, 10);

    /// <summary>Loops and entries in compiled code look at what is asked of their thread at each tick.</summary>
    private void AskToPoll()
    {
        foreach (var t in _machine.AllThreads()) t.AskToPoll();
    }

    private void Work()
    {
        for (; ; )
        {
            (WeakReference<JMethod> Method, int Loop) next;
            lock (_queue)
            {
                while (_queue.Count == 0 && !_closed) Monitor.Wait(_queue);
                if (_closed) return;
                next = _queue.Dequeue();
            }
            if (next.Method.TryGetTarget(out var method)) Compile(method, next.Loop);
        }
    }

    private void Compile(JMethod method, int loop)
    {
        var state = method.Compilation!;
        var start = Stopwatch.GetTimestamp();
        try
        {
            CompiledCode? code;
            // It reads the classes of receivers that the interpreter noted.
            _machine.Unloading.BeginReading();
            try
            {
                code = MethodCompiler.Compile(_machine, method, loop);
            }
            finally
            {
                _machine.Unloading.EndReading();
            }
            if (code != null) Install(state, code);
            else state.Refused = true;
            if (_machine.Options.PrintCompilation || LogsCompilation) Print(method, loop, code, Stopwatch.GetElapsedTime(start));
        }
        catch (Exception e) when (e is not MachineEnd)
        {
            // A mistake in the compiler costs speed, not the program.
            state.Refused = true;
            Failures++;
            if (_machine.Options.TraceNatives) Console.Error.WriteLine($"not compiled: {method}: {e}");
        }
        state.IsQueued = false;
    }

    private bool LogsCompilation => _machine.MachineLog?.Wants(MachineLog.Compilation, LogLevel.Debug) == true;

    private void Print(JMethod method, int loop, CompiledCode? code, TimeSpan took)
    {
        var place = loop < 0 ? "" : $" @ {method.Decoded!.Bci[loop]}";
        var text = string.Create(CultureInfo.InvariantCulture, $"{Environment.TickCount64 - _start,8} {method.Compilation!.Compilations,3} {(code == null ? "refused" : "")} {method.Class.JavaName}::{method.Name}{place} ({code?.Operations ?? 0} operations, {took.TotalMilliseconds:f1} ms)");
        if (_machine.Options.PrintCompilation) _machine.Options.Log(text);
        if (LogsCompilation) _machine.MachineLog!.Write(MachineLog.Compilation, LogLevel.Debug, text);
    }

    private void Install(CompilationState state, CompiledCode code)
    {
        // It may still be running, or about to be called, when it has been made anew.
        code.Method.Class.Memory.Keep(code);
        if (code.Loop >= 0)
        {
            lock (state.Loops) state.Loops[code.Loop] = code;
            LoopsCompiled++;
            return;
        }
        var slot = code.Method.Slot;
        var enter = Stubs.Enter(Stubs.ShapeOf(code.Method));
        lock (state)
        {
            // The interpreter is led into compiled code only while that is what the entry leads to: otherwise each would call the other.
            state.Code = code;
            Volatile.Write(ref slot->Entry, code.Entry);
            Volatile.Write(ref slot->Enter, enter);
        }
        Methods++;
    }

    /// <summary>Compiled code has gone on in the interpreter.</summary>
    public void Trapped(JThread t, CompiledCode code)
    {
        var traps = ++code.Traps;
        if (code.Loop >= 0 || traps < (_atOnce ? 1 : TrapLimit)) return;
        var state = code.Method.Compilation!;
        lock (state)
        {
            if (state.Code != code) return;
            state.Code = null;
            var slot = code.Method.Slot;
            Volatile.Write(ref slot->Enter, 0);
            Volatile.Write(ref slot->Entry, Stubs.Leave(Stubs.ShapeOf(code.Method)));
        }
        if (!_atOnce) Request(t, code.Method, -1);
    }

    public void Dispose()
    {
        lock (_queue)
        {
            _closed = true;
            _timer?.Dispose();
            Monitor.PulseAll(_queue);
        }
        // It reads memory that the machine is about to free.
        _thread?.Join();
    }
}
