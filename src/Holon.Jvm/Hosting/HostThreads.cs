using System.Collections.Concurrent;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Hosting;

/// <summary>
/// Java threads that do what the host asks: each has a deep stack of its own, so the host's threads may be of any kind. One is made
/// for each call that runs at the same time as others.
/// </summary>
internal sealed class HostThreads(JavaMachine machine)
{
    private const int StackBytes = 32 << 20;

    private readonly ConcurrentBag<Worker> _idle = [];
    private int _count;

    /// <summary>Runs on a Java thread and gives the result; Java's exceptions and the machine's end become the host's.</summary>
    public T Run<T>(Func<JThread, T> action)
    {
        if (machine.Ending) throw machine.EndError();
        if (!_idle.TryTake(out var worker)) worker = new Worker(machine, Interlocked.Increment(ref _count));
        try
        {
            return worker.Run(action);
        }
        finally
        {
            if (machine.Ending) worker.Stop();
            else _idle.Add(worker);
        }
    }

    public void Stop()
    {
        while (_idle.TryTake(out var worker)) worker.Stop();
    }

    private sealed class Worker : IDisposable
    {
        private readonly JavaMachine _machine;
        private readonly SemaphoreSlim _work = new(0), _done = new(0);
        private Action<JThread?>? _action;

        public Worker(JavaMachine machine, int number)
        {
            _machine = machine;
            new Thread(() => Loop(number), StackBytes) { IsBackground = true, Name = $"java host {number}" }.Start();
        }

        public T Run<T>(Func<JThread, T> action)
        {
            T? result = default;
            Exception? error = null;
            _action = t =>
            {
                if (t == null)
                {
                    error = _machine.EndError();
                    return;
                }
                try
                {
                    result = action(t);
                }
                catch (JavaThrow e)
                {
                    error = Describe(t, e);
                }
                catch (MachineEnd)
                {
                    error = _machine.EndError();
                }
                catch (Exception e)
                {
                    error = e;
                }
            };
            _work.Release();
            _done.Wait();
            if (error != null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(error);
            return result!;
        }

        private static JavaException Describe(JThread t, JavaThrow e)
        {
            var name = Heap.ObjectExtensions.Class(e.Throwable).JavaName;
            return new JavaException(name, t.Machine.ThrowableMessage(e.Throwable), StackTraces.Describe(t, e.Throwable), e.Throwable, t.Machine);
        }

        public void Stop()
        {
            _action = null;
            _work.Release();
        }

        public void Dispose()
        {
            _work.Dispose();
            _done.Dispose();
        }

        private void Loop(int number)
        {
            JThread? t = null;
            while (true)
            {
                _work.Wait();
                var action = _action;
                if (action == null) break;
                try
                {
                    t ??= number == 1 ? _machine.Boot() : _machine.AttachHost($"host-{number}");
                    action(t);
                }
                catch (Exception e) when (e is MachineEnd or JavaThrow or Machines.HolonException)
                {
                    _machine.BootFailure ??= e as Machines.HolonException;
                    _machine.End(1);
                    action(null);
                }
                _done.Release();
            }
            if (t != null) _machine.Detach(t);
            Dispose();
        }
    }
}
