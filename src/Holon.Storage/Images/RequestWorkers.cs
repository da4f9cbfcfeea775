namespace Holon.Storage.Images;

/// <summary>
/// Threads that carry out requests, which wait in line as a list linked through themselves: nothing is allocated while requests flow.
/// Threads start when requests wait and end after a while without work.
/// </summary>
internal sealed class RequestWorkers
{
    private const int IdleMilliseconds = 5000;
    private const int StackBytes = 512 * 1024;

    private readonly object _gate = new();
    private readonly Action<BlockRequest> _execute;
    private readonly int _most;
    private BlockRequest? _head, _tail;
    private int _threads, _idle, _woken;
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
        var start = false;
        lock (_gate)
        {
            request.Next = null;
            if (_tail is null) _head = request;
            else _tail.Next = request;
            _tail = request;
            if (_idle > _woken)
            {
                _woken++;
                Monitor.Pulse(_gate);
            }
            else if (_threads < _most)
            {
                _threads++;
                start = true;
            }
        }

        if (start) new Thread(Work, StackBytes) { IsBackground = true, Name = "disk" }.Start();
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
        while (true)
        {
            BlockRequest request;
            lock (_gate)
            {
                while (_head is null)
                {
                    if (_ending || !Sleep())
                    {
                        _threads--;
                        Monitor.PulseAll(_gate);
                        return;
                    }
                }

                request = _head;
                _head = request.Next;
                if (_head is null) _tail = null;
                request.Next = null;
            }

            _execute(request);
        }
    }

    /// <summary>Waits for work.</summary>
    /// <returns>False when none came for a long time.</returns>
    private bool Sleep()
    {
        _idle++;
        var woken = Monitor.Wait(_gate, IdleMilliseconds);
        _idle--;
        if (_woken > 0) _woken--;
        return woken || _head is not null;
    }
}
