using System.Runtime.InteropServices;
using Holon.Jvm.Heap;

namespace Holon.Jvm.Runtime;

/// <summary>
/// Signals of a process that is one Java machine. The class library asks for those that end a program, so that its shutdown hooks
/// run; programs ask for others by sun.misc.Signal. SIGQUIT prints all stacks.
/// </summary>
internal sealed class ProcessSignals
{
    private const int Hangup = 1, Interrupt = 2, Quit = 3, Illegal = 4, FloatingPoint = 8, Kill = 9, Segmentation = 11, Terminate = 15, Stop = 19;
    private const long Default = 0, Ignore = 1, Dispatch = 2, Refused = -1;

    private readonly JavaMachine _machine;
    private readonly bool _reduced;
    private readonly Dictionary<int, (long Handler, PosixSignalRegistration? Registration)> _handlers = [];
    private readonly Queue<int> _arrived = new();
    private Thread? _dispatcher;

    /// <summary>With <paramref name="reduced"/> (<c>-Xrs</c>) the signals that end a program and SIGQUIT stay as they are.</summary>
    public ProcessSignals(JavaMachine machine, bool reduced)
    {
        _machine = machine;
        _reduced = reduced;
        if (reduced) return;
        _handlers[Quit] = (Dispatch, PosixSignalRegistration.Create(PosixSignal.SIGQUIT, context =>
        {
            context.Cancel = true;
            Console.Out.Write(Diagnostics.ThreadDump.Make(machine));
            Console.Out.Flush();
        }));
    }

    /// <summary>Sets what a signal does and gives what it did: 0 the system's action, 1 nothing, 2 Java's handler; -1 when it cannot be had.</summary>
    public long Handle(int signal, long handler)
    {
        if (signal is Quit or Illegal or FloatingPoint or Kill or Segmentation or Stop || _reduced && signal is Hangup or Interrupt or Terminate) return Refused;
        lock (_handlers)
        {
            _handlers.TryGetValue(signal, out var old);
            old.Registration?.Dispose();
            var registration = handler == Default ? null : PosixSignalRegistration.Create((PosixSignal)signal, context =>
            {
                context.Cancel = true;
                if (handler != Ignore) Arrive(signal);
            });
            _handlers[signal] = (handler is Default or Ignore ? handler : Dispatch, registration);
            return old.Handler;
        }
    }

    public void Raise(int signal)
    {
        bool isJava;
        lock (_handlers) isJava = _handlers.TryGetValue(signal, out var handler) && handler.Handler == Dispatch;
        if (isJava) Arrive(signal);
        else _ = Natives.Libc.Raise(signal);
    }

    private void Arrive(int signal)
    {
        // Ending is never the program's to refuse.
        if (!_machine.Options.Grants.Exit && signal is Hangup or Interrupt or Terminate)
        {
            _machine.End(128 + signal);
            return;
        }
        lock (_handlers)
        {
            if (_dispatcher == null)
            {
                _dispatcher = new Thread(Work, 16 << 20) { IsBackground = true, Name = "java signals" };
                _dispatcher.Start();
            }
        }
        lock (_arrived)
        {
            _arrived.Enqueue(signal);
            Monitor.Pulse(_arrived);
        }
    }

    private void Work()
    {
        var t = _machine.AttachHost("Signal Dispatcher");
        t.JavaObject!.Field<byte>(_machine.Known.ThreadDaemon) = 1;
        try
        {
            var dispatch = _machine.BootLoader.Load(t, "jdk/internal/misc/Signal").DeclaredMethod("dispatch", "(I)V")!;
            while (!_machine.Ending) t.Call(dispatch, Value.Of(Next()));
        }
        catch (Exception e) when (e is MachineEnd or JavaThrow)
        {
            // The machine is ending.
        }
        _machine.Detach(t);
    }

    private int Next()
    {
        lock (_arrived)
        {
            while (_arrived.Count == 0) Monitor.Wait(_arrived);
            return _arrived.Dequeue();
        }
    }
}
