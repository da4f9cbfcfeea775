using Holon.Machines;
using Holon.Networking.Host;

namespace Holon.Networking.Nat;

/// <summary>
/// How many datagrams a guest is given before it has had time to look at them. A kernel takes whatever comes before it lets programs run; without this, a guest
/// that is given more than it can take throws most of it away, after having had all the work (decision 69).
/// </summary>
/// <remarks>What must wait does so in the host's sockets, where throwing it away costs least. Belongs to the loop's thread.</remarks>
internal sealed class DatagramBudget : LoopTimer, IDisposable
{
    /// <summary>How many at a time: fewer than Linux's receive buffer has room for by default, which is about 90 of the usual size.</summary>
    public const int Most = 64;

    /// <summary>A guest whose processors never rest gets the next ones after that many nanoseconds.</summary>
    private const long Period = 1_000_000;

    private readonly EventLoop _loop;
    private readonly ProcessorRest? _processors;
    private readonly Action _resume;
    private int _left = Most;
    private long _granted;
    private bool _isAwaited;

    /// <param name="loop">The network's.</param>
    /// <param name="processors">The guest's; null when they are not known: then there is no budget.</param>
    /// <param name="resume">Called when there is more, after <see cref="HasAny"/> has said that there is none.</param>
    public DatagramBudget(EventLoop loop, ProcessorRest? processors, Action resume)
    {
        (_loop, _processors, _resume) = (loop, processors, resume);
        if (_processors is null) return;
        _processors.Rested += _loop.Signal;
        _loop.Signalled += OnSignalled;
    }

    /// <summary>Whether the guest may be given some now.</summary>
    public bool HasAny()
    {
        if (_left > 0 || _processors is null) return true;
        if (_loop.Now - _granted < Period && !_processors.IsAny && !_processors.Await())
        {
            _isAwaited = true;
            _loop.Timers.Set(this, _granted + Period);
            return false;
        }

        (_left, _granted) = (Most, _loop.Now);
        return true;
    }

    /// <summary>The guest was given some.</summary>
    public void Take(int datagrams) => _left -= datagrams;

    public override void Fire(long now)
    {
        _isAwaited = false;
        _resume();
    }

    public void Dispose()
    {
        if (_processors is null) return;
        _processors.Rested -= _loop.Signal;
        _loop.Signalled -= OnSignalled;
        _loop.Timers.Remove(this);
    }

    private void OnSignalled()
    {
        if (_isAwaited && _processors!.IsAny) Fire(_loop.Now);
    }
}
