using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Holon.Machines;

/// <summary>A machine's events: the last ones are kept, and every reader gets them and those that follow, at its own pace.</summary>
public sealed class EventLog
{
    /// <summary>Events kept, and those that may wait for a slow reader; of more the oldest are lost.</summary>
    public const int Capacity = 256;

    private readonly Lock _lock = new();
    private readonly Queue<MachineEvent> _kept = new();
    private readonly List<Channel<MachineEvent>> _readers = [];
    private bool _ended;

    /// <summary>Adds an event. Never blocks.</summary>
    public void Add(string kind, string message)
    {
        var happened = new MachineEvent(DateTimeOffset.UtcNow, kind, message);
        lock (_lock)
        {
            if (_ended) return;
            if (_kept.Count == Capacity) _kept.Dequeue();
            _kept.Enqueue(happened);
            foreach (var reader in _readers) reader.Writer.TryWrite(happened);
        }
    }

    /// <summary>No more events will come.</summary>
    public void End()
    {
        lock (_lock)
        {
            _ended = true;
            foreach (var reader in _readers) reader.Writer.TryComplete();
        }
    }

    /// <summary>The events kept, then those that follow, until <see cref="End"/>.</summary>
    public async IAsyncEnumerable<MachineEvent> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var channel = Channel.CreateBounded<MachineEvent>(new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        lock (_lock)
        {
            foreach (var happened in _kept) channel.Writer.TryWrite(happened);
            if (_ended) channel.Writer.TryComplete();
            else _readers.Add(channel);
        }

        try
        {
            await foreach (var happened in channel.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false)) yield return happened;
        }
        finally
        {
            lock (_lock) _readers.Remove(channel);
        }
    }
}
