namespace Holon.Storage.Images;

/// <summary>
/// Counts transfers that are under way, so that space is reused, and images are rearranged, only when nobody transfers to the old place
/// any more. Entering and leaving take no lock.
/// </summary>
/// <remarks>
/// Transfers are counted in two generations. Waiting for the earlier ones starts a new generation and waits until the old one is empty;
/// transfers that begin meanwhile go on undisturbed.
/// </remarks>
internal sealed class RequestGate
{
    private readonly Lock _waiting = new();
    private int _generation;
    private int _first, _second; // transfers of even and odd generations
    private volatile bool _closed;

    /// <summary>Begins a transfer, unless the gate is closed.</summary>
    /// <returns>Which generation it belongs to; -1 when the gate is closed.</returns>
    public int TryEnter()
    {
        while (!_closed)
        {
            var generation = Volatile.Read(ref _generation) & 1;
            Interlocked.Increment(ref Counter(generation));
            if ((Volatile.Read(ref _generation) & 1) == generation && !_closed) return generation;
            Interlocked.Decrement(ref Counter(generation)); // it changed just now
        }

        return -1;
    }

    /// <summary>Begins a transfer, waiting while the gate is closed.</summary>
    public int Enter()
    {
        var wait = default(SpinWait);
        while (true)
        {
            var ticket = TryEnter();
            if (ticket >= 0) return ticket;
            wait.SpinOnce();
        }
    }

    /// <summary>Ends a transfer.</summary>
    public void Leave(int ticket) => Interlocked.Decrement(ref Counter(ticket));

    /// <summary>Waits until every transfer that has begun before has ended.</summary>
    public void WaitForEarlier()
    {
        lock (_waiting)
        {
            var old = _generation & 1;
            Interlocked.Increment(ref _generation);
            WaitUntilEmpty(old);
        }
    }

    /// <summary>Lets nobody in any more, and waits until everybody has left.</summary>
    public void Close()
    {
        lock (_waiting)
        {
            _closed = true;
            Interlocked.MemoryBarrier();
            WaitUntilEmpty(0);
            WaitUntilEmpty(1);
        }
    }

    /// <summary>Opens it again.</summary>
    public void Open() => _closed = false;

    private void WaitUntilEmpty(int generation)
    {
        var wait = default(SpinWait);
        while (Volatile.Read(ref Counter(generation)) != 0) wait.SpinOnce();
    }

    private ref int Counter(int generation) => ref generation == 0 ? ref _first : ref _second;
}
