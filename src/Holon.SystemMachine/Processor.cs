using Holon.Devices.Apic;
using Holon.Machines.Control;
using Holon.Machines.Host;
using Holon.SystemMachine.Bus;
using Holon.X86;

namespace Holon.SystemMachine;

/// <summary>One vCPU of a machine: its engine, its local APIC and its thread.</summary>
internal sealed class Processor : IDisposable
{
    private const int MostHotAddresses = 256;

    private readonly long[] _samples = new long[Enum.GetValues<VcpuWork>().Length];
    private readonly VcpuBus _bus;
    private Engine? _engine;
    private long _deviceSamples;

    /// <param name="number">Which it is; its APIC id, too. 0 is the one that starts by itself.</param>
    /// <param name="board">The board that it is plugged into.</param>
    /// <param name="createEngine">Makes its engine.</param>
    public Processor(int number, Board board, Func<IVcpuBus, IVcpuInterrupts, Engine> createEngine)
    {
        Number = number;
        (Apic, _bus) = board.AddProcessor((uint)number, () => _engine?.Vcpu.Kick());
        _engine = createEngine(_bus, Apic);
    }

    /// <summary>Which it is.</summary>
    public int Number { get; }

    /// <summary>Its local APIC.</summary>
    public LocalApic Apic { get; }

    /// <summary>What executes it.</summary>
    public Engine Engine => _engine!;

    /// <inheritdoc cref="Engine"/>
    public IVcpu Vcpu => Engine.Vcpu;

    /// <summary>The host's number of its thread, once that runs.</summary>
    public int ThreadId { get; set; }

    /// <summary>Notes what it is doing now. Called on one thread, which is not its own.</summary>
    public void Sample()
    {
        if (_bus.IsInDevice) _deviceSamples++;
        else _samples[(int)Vcpu.Work]++;
    }

    /// <summary>What it did so far.</summary>
    /// <param name="codeCacheLimit">Bytes of host code that it may keep.</param>
    public ProcessorStatistics Measure(long codeCacheLimit)
    {
        var statistics = new ProcessorStatistics
        {
            Number = Number,
            CpuSeconds = HostThread.CpuTime(ThreadId).TotalSeconds,
            InterpretedInstructions = Vcpu.InstructionCount,
            Samples = new Dictionary<string, long>(StringComparer.Ordinal)
            {
                ["guest"] = _samples[(int)VcpuWork.Guest],
                ["engine"] = _samples[(int)VcpuWork.Engine],
                ["interpreter"] = _samples[(int)VcpuWork.Interpreter],
                ["translation"] = _samples[(int)VcpuWork.Translation],
                ["devices"] = _deviceSamples,
            },
        };
        if (Vcpu is not Translator.Translator translator) return statistics;
        var done = translator.Statistics;
        return statistics with
        {
            Hottest = [.. done.HottestAddresses.Take(MostHotAddresses).Select(entry => new HotAddress(entry.Address, entry.Count))],
            Translation = new TranslationStatistics
            {
                Blocks = done.Blocks,
                GuestInstructions = done.GuestInstructions,
                DroppedBlocks = done.DroppedBlocks,
                HotBlocks = done.HotBlocks,
                Seconds = done.TranslationTime.TotalSeconds,
                CodeCacheBytes = translator.CodeBytes,
                CodeCacheLimit = codeCacheLimit,
                CodeCacheEvictions = done.Evictions,
                Entries = done.Entries,
                Exits = new Dictionary<string, long>(StringComparer.Ordinal) { ["lookups"] = done.Lookups, ["interpreted"] = done.Interpreted, ["events"] = done.Events },
                Links = done.Links,
                TlbMisses = done.Misses + done.Refills,
                Lookups = done.Lookups + done.Finds,
                BlocksExecuted = done.BlocksExecuted,
                MemoryAccesses = done.MemoryAccesses,
            },
        };
    }

    /// <summary>Puts it into the state after RESET: the first one begins, the others wait to be started by it (SDM vol. 3 §8.4.3). It must stand still.</summary>
    public void Reset()
    {
        Engine.Core.Reset();
        Vcpu.State.ApicBase = Apic.ApicBase;
        if (Number != 0) Vcpu.State.Activity = VcpuActivity.WaitForStartup;
    }

    /// <summary>What its engine did so far, as lines for people.</summary>
    public string Report => Vcpu is Translator.Translator translator ? translator.Statistics.ToString() : $"interpreted  {Vcpu.InstructionCount:N0} instructions{Environment.NewLine}";

    public void Dispose() => _engine?.Vcpu.Dispose();
}
