using Holon.Machines.Control;

namespace Holon.Machines.Tests.Control;

/// <summary>A machine that does what it is told and runs nothing.</summary>
internal sealed class FakeMachine : IManagedMachine
{
    private readonly TaskCompletionSource<MachineExit> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public EventLog Events { get; } = new();

    public List<string> Asked { get; } = [];

    public string Name => "fake";

    public string Kind => "vm";

    public string Engine => "none";

    public int Processors => 2;

    public MemorySize Memory => new(512 * MemorySize.MiB);

    public MachineStatus Status { get; private set; } = MachineStatus.Running;

    public Task<MachineExit> Completion => _completion.Task;

    public void End(MachineExit exit)
    {
        Status = MachineStatus.Stopped;
        Events.End();
        _completion.TrySetResult(exit);
    }

    public IAsyncEnumerable<MachineEvent> EventsAsync(CancellationToken cancellationToken = default) => Events.ReadAsync(cancellationToken);

    public Task StartAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

    public Task PauseAsync(CancellationToken cancellationToken = default)
    {
        if (Status != MachineStatus.Running) throw new InvalidOperationException("The machine 'fake' is not running.");
        Status = MachineStatus.Paused;
        return Task.CompletedTask;
    }

    public Task ResumeAsync(CancellationToken cancellationToken = default)
    {
        if (Status != MachineStatus.Paused) throw new InvalidOperationException("The machine 'fake' is not paused.");
        Status = MachineStatus.Running;
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken = default)
    {
        End(new MachineExit(MachineExitReason.Stopped));
        return Task.CompletedTask;
    }

    public MachineStatistics Measure() => new() { UptimeSeconds = 1.5, Processors = [new ProcessorStatistics { Number = 0, CpuSeconds = 0.5 }] };

    public void RequestShutdown() => Asked.Add("shutdown");

    public void AttachDevice(string kind, string description) => Asked.Add($"attach {kind} {description}");

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
