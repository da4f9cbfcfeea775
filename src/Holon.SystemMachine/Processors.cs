using Holon.Machines;
using Holon.Machines.Host;
using Holon.X86;

namespace Holon.SystemMachine;

/// <summary>What happens to a machine's processors that its lifecycle must see to. Called on a vCPU's thread.</summary>
internal interface IProcessorEvents
{
    /// <summary>A processor cannot go on. The machine is to end: whoever is told asks for that before it returns.</summary>
    void Failed(string kind, string detail);

    /// <summary>All processors stand still, since somebody asked for it. Not null when they are not to go on.</summary>
    MachineExit? Attend();

    /// <summary>All processors have stopped for good.</summary>
    void Ended(MachineExit exit);
}

/// <summary>
/// The vCPUs of a machine, each on a thread of its own, and how they come to stand still together: whoever is asked to stop comes to a meeting and calls
/// those that are not there yet; the last to arrive does what was asked for, and all go on, or end.
/// </summary>
internal sealed class Processors : IDisposable
{
    private const int StackBytes = 1 << 20;

    private readonly IProcessorEvents _events;
    private readonly List<Processor> _all = [];
    private readonly List<Thread> _threads = [];
    private readonly object _meeting = new(); // a monitor: it is waited on
    private int _arrived;
    private long _meetings;
    private bool _ended;

    public Processors(IProcessorEvents events) => _events = events;

    /// <summary>All of them, by number.</summary>
    public IReadOnlyList<Processor> All => _all;

    /// <summary>The one that starts by itself.</summary>
    public Processor First => _all[0];

    /// <summary>Adds one, before any was started.</summary>
    public void Add(Processor processor)
    {
        _all.Add(processor);
        _threads.Add(new Thread(() => Execute(processor), StackBytes) { IsBackground = true, Name = $"vcpu {processor.Number}" });
    }

    /// <summary>Lets all of them run.</summary>
    public void Start()
    {
        foreach (var thread in _threads) thread.Start();
    }

    /// <summary>Makes all of them stand still soon, for <see cref="IProcessorEvents.Attend"/>. Callable from any thread.</summary>
    public void RequestStop()
    {
        foreach (var processor in _all) processor.Vcpu.RequestStop();
    }

    /// <summary>Waits until all threads have ended.</summary>
    public void Join()
    {
        foreach (var thread in _threads)
        {
            if (thread.IsAlive) thread.Join();
        }
    }

    public void Dispose()
    {
        foreach (var processor in _all) processor.Dispose();
    }

    private void Execute(Processor processor)
    {
        processor.ThreadId = HostThread.Current;
        while (true)
        {
            try
            {
                var exit = processor.Vcpu.Run();
                if (exit.Reason != VcpuExitReason.StopRequested)
                    _events.Failed(exit.Reason == VcpuExitReason.TripleFault ? "cpu.triple-fault" : "cpu.unimplemented", _all.Count == 1 ? exit.Detail ?? "" : $"cpu {processor.Number}: {exit.Detail}");
            }
            catch (Exception exception) when (exception is not OutOfMemoryException)
            {
                // A defect of ours, perhaps provoked by the guest: this machine ends, nothing else does.
                _events.Failed("cpu.failed", $"Holon itself failed while the guest was at 0x{processor.Vcpu.State.Rip:x} on cpu {processor.Number}: {exception}");
            }

            if (!Meet(processor)) return;
        }
    }

    private void Call(Processor arriving)
    {
        foreach (var processor in _all)
        {
            if (processor != arriving) processor.Vcpu.RequestStop();
        }
    }

    /// <summary>Waits until all processors stand still and what was asked for is done. False when they are not to go on.</summary>
    private bool Meet(Processor arriving)
    {
        lock (_meeting)
        {
            if (++_arrived < _all.Count)
            {
                // The others may have met an earlier request already and gone on since: nobody waits here for one who does not come.
                if (_arrived == 1) Call(arriving);
                var meeting = _meetings;
                while (meeting == _meetings) Monitor.Wait(_meeting);
                return !_ended;
            }
        }

        var end = _events.Attend(); // may wait for a long time, while the machine is paused
        if (end is not null) _events.Ended(end);
        lock (_meeting)
        {
            _arrived = 0;
            _meetings++;
            _ended = end is not null;
            Monitor.PulseAll(_meeting);
        }

        return end is null;
    }
}
