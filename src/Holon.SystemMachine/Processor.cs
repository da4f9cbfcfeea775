using Holon.Devices.Apic;
using Holon.X86;

namespace Holon.SystemMachine;

/// <summary>One vCPU of a machine: its engine, its local APIC and its thread.</summary>
internal sealed class Processor : IDisposable
{
    private Engine? _engine;

    /// <param name="number">Which it is; its APIC id, too. 0 is the one that starts by itself.</param>
    /// <param name="board">The board that it is plugged into.</param>
    /// <param name="createEngine">Makes its engine.</param>
    public Processor(int number, Board board, Func<IVcpuBus, IVcpuInterrupts, Engine> createEngine)
    {
        Number = number;
        (Apic, var bus) = board.AddProcessor((uint)number, () => _engine?.Vcpu.Kick());
        _engine = createEngine(bus, Apic);
    }

    /// <summary>Which it is.</summary>
    public int Number { get; }

    /// <summary>Its local APIC.</summary>
    public LocalApic Apic { get; }

    /// <summary>What executes it.</summary>
    public Engine Engine => _engine!;

    /// <inheritdoc cref="Engine"/>
    public IVcpu Vcpu => Engine.Vcpu;

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
