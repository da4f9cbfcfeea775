using Holon.Machines;
using Holon.Machines.Host;
using Holon.Memory;
using Holon.X86;

namespace Holon.SystemMachine;

/// <summary>A vCPU on the engine that was chosen for it.</summary>
/// <param name="Vcpu">The vCPU.</param>
/// <param name="Core">The interpreter that it is, or is built on.</param>
/// <param name="Reason">Why this engine, in one sentence.</param>
internal sealed record Engine(IVcpu Vcpu, Interpreter.Interpreter Core, string Reason)
{
    /// <summary>Makes a vCPU.</summary>
    /// <exception cref="HolonException">The engine asked for does not work here.</exception>
    public static Engine Create(SystemMachineSpec spec, GuestMemory memory, IVcpuBus bus, IVcpuInterrupts interrupts, IVcpuClock clock, CpuModel model)
    {
        if (spec.Engine == EngineChoice.Translator && EngineSelection.WhyNoTranslator() is { } problem)
            throw new HolonException($"The translator does not work on this host: {problem}; use --engine interpreter.");
        var traced = (spec.Trace & TraceCategories.Cpu) != 0;
        if (spec.Engine == EngineChoice.Interpreter || traced || (spec.Engine == EngineChoice.Auto && EngineSelection.WhyNoTranslator() is not null))
        {
            var interpreter = new Interpreter.Interpreter(memory, bus, interrupts, clock, model);
            return new Engine(interpreter, interpreter, spec.Engine == EngineChoice.Interpreter ? "The interpreter executes the guest, as asked."
                : traced ? "The interpreter executes the guest: every instruction is traced."
                : $"The interpreter executes the guest: the translator does not work on this host, since {EngineSelection.WhyNoTranslator()}.");
        }

        var translator = new Translator.Translator(memory, bus, interrupts, clock, model, checked((int)spec.CodeCache.Bytes)) { CountsExecution = spec.CountsExecution };
        return new Engine(translator, translator.Interpreter, spec.Engine == EngineChoice.Translator ? "The translator executes the guest, as asked."
            : "The translator executes the guest: it is the fastest engine that works here.");
    }
}
