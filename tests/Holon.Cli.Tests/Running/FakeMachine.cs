using Holon.Cli.Running;
using Holon.Machines;
using Holon.SystemMachine;

namespace Holon.Cli.Tests.Running;

/// <summary>A machine whose guest is a few lines of the test.</summary>
internal sealed class FakeMachine : IMachine
{
    private readonly TaskCompletionSource<MachineExit> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Func<FakeMachine, Task> _guest;
    private readonly SerialSink _output;

    private FakeMachine(SystemMachineSpec spec, SerialSink output, Func<FakeMachine, Task> guest) => (Spec, _output, _guest) = (spec, output, guest);

    public SystemMachineSpec Spec { get; }

    public string Name => Spec.Name;

    public MachineStatus Status => _completion.Task.IsCompleted ? MachineStatus.Stopped : MachineStatus.Running;

    public Task<MachineExit> Completion => _completion.Task;

    public bool Stopped { get; private set; }

    public static MachineFactory Factory(Func<FakeMachine, Task> guest) =>
        (spec, output, _) => new ConnectedMachine(new FakeMachine(spec, output, guest), data => data.Length);

    public void Print(ReadOnlySpan<byte> data) => _output(data);

    public void End(MachineExit exit) => _completion.TrySetResult(exit);

    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        _ = Task.Run(() => _guest(this), cancellationToken);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken = default)
    {
        Stopped = true;
        End(new MachineExit(MachineExitReason.Stopped));
        return Task.CompletedTask;
    }

    public Task PauseAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task ResumeAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public IAsyncEnumerable<MachineEvent> EventsAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
