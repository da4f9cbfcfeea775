namespace Holon.Machines;

/// <summary>What every kind of machine can do. Every tool works through this, on every kind.</summary>
public interface IMachine : IAsyncDisposable
{
    /// <summary>The name it is known by on this host.</summary>
    string Name { get; }

    /// <summary>Where it is in its life now.</summary>
    MachineStatus Status { get; }

    /// <summary>Ends when the machine has ended, with how it ended. Never faults.</summary>
    Task<MachineExit> Completion { get; }

    /// <summary>Events from now on; the stream ends with the machine. A slow reader loses the oldest events, never stalls the machine.</summary>
    IAsyncEnumerable<MachineEvent> EventsAsync(CancellationToken cancellationToken = default);

    /// <summary>Starts a created machine.</summary>
    /// <exception cref="InvalidOperationException">It was started before.</exception>
    Task StartAsync(CancellationToken cancellationToken = default);

    /// <summary>Holds a running machine between two instructions; its clock stands still.</summary>
    /// <exception cref="InvalidOperationException">It is not running.</exception>
    Task PauseAsync(CancellationToken cancellationToken = default);

    /// <summary>Lets a paused machine go on.</summary>
    /// <exception cref="InvalidOperationException">It is not paused.</exception>
    Task ResumeAsync(CancellationToken cancellationToken = default);

    /// <summary>Ends it now, as pulling the plug does. Does nothing when it has ended already.</summary>
    Task StopAsync(CancellationToken cancellationToken = default);
}
