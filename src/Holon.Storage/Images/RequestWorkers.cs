namespace Holon.Storage.Images;

/// <summary>
/// Threads that carry out requests, which wait in line as a list linked through themselves: nothing is allocated while requests flow.
/// Threads start when requests wait and end after a while without work.
/// </summary>
/// <remarks>
/// One thread is woken at a time, and wakes the next when it finds more work than its own. Requests that only copy are then carried out by
/// the few threads that are awake anyway; requests that wait for the medium wake a thread each.
/// </remarks>
internal sealed class RequestWorkers
{
    private const int IdleMilliseconds = 5000;
    private const int StackBytes = 512 * 1024;

    [ThreadStatic]
    private static RequestWorkers? t_own; // whose thread this is

    private readonly object _gate = new();
    private readonly Action<BlockRequest> _execute;
    private readonly int _most;
    private BlockRequestQueue _line;
    private int _threads, _idle;
    private bool _waking; // a thread was woken or started and has not looked at the line yet
    private bool _ending;

    /// <summary>No thread runs yet.</summary>
    /// <param name="execute">What is done with a request; it completes it and does not throw.</param>
    /// <param name="most">The most threads.</param>
    public RequestWorkers(Action<BlockRequest> execute, int most)
    {
        _execute = execute;
        _most = most;
    }

    /// <summary>Puts a request in line.</summary>
    public void Add(BlockRequest request)
    {
        bool start;
        lock (_gate)
        {
            var isFirst = _line.First is null;
            _line.Add(request);
            start = !(isFirst && t_own == this) && WakeOne(); // a thread of ours that submits the only request takes it itself
        }

        if (start) StartThread();
    }

    /// <summary>Waits until the line is empty and every thread has ended.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _ending = true;
            Monitor.PulseAll(_gate);
            while (_threads > 0) Monitor.Wait(_gate);
        }
    }

    private void Work()
    {
        t_own = this;
        var isNew = true;
        while (true)
        {
            BlockRequest? request;
            bool start;
            lock (_gate)
            {
                if (isNew) _waking = isNew = false;
                while ((request = _line.Take()) is null)
                {
                    if (_ending || !Sleep())
                    {
                        _threads--;
                        Monitor.PulseAll(_gate);
                        return;
                    }
                }

                start = _line.First is not null && WakeOne();
            }

            if (start) StartThread();
            _execute(request);
        }
    }

    /// <summary>Gets one more thread to look at the line, unless one is about to.</summary>
    /// <returns>Whether a thread is to be started.</returns>
    private bool WakeOne()
    {
        if (_waking || (_idle == 0 && _threads >= _most)) return false;
        _waking = true;
        if (_idle == 0)
        {
            _threads++;
            return true;
        }

        Monitor.Pulse(_gate);
        return false;
    }

    private void StartThread() => new Thread(Work, StackBytes) { IsBackground = true, Name = "disk" }.Start();

    /// <summary>Waits for work.</summary>
    /// <returns>False when none came for a long time.</returns>
    private bool Sleep()
    {
        _idle++;
        var woken = Monitor.Wait(_gate, IdleMilliseconds);
        _idle--;
        _waking = false; // also when time ran out: the wake-up may have been meant for this thread
        return woken || _line.First is not null;
    }
}
