using Holon.Machines.Control;

namespace Holon.Machines;

/// <summary>
/// A machine that can be looked at and steered from outside its process, by <see cref="ControlServer"/>. A kind of machine implements what it has; what
/// it lacks it says in one sentence.
/// </summary>
public interface IManagedMachine : IMachine
{
    /// <summary>What kind it is: <c>vm</c>, <c>jvm</c>, <c>python</c> or <c>container</c>.</summary>
    string Kind { get; }

    /// <summary>What executes it, such as <c>translator</c>.</summary>
    string Engine { get; }

    /// <summary>Processors that it has.</summary>
    int Processors { get; }

    /// <summary>Memory that it may have.</summary>
    MemorySize Memory { get; }

    /// <summary>What it did so far. Callable at any time, from any thread; figures may lag.</summary>
    MachineStatistics Measure();

    /// <summary>Asks what runs inside to end by itself. It may not listen.</summary>
    /// <exception cref="HolonException">There is nobody to ask.</exception>
    void RequestShutdown();

    /// <summary>Plugs a device in.</summary>
    /// <param name="kind">What kind of device: <c>disk</c> or <c>network</c>.</param>
    /// <param name="description">The device as people write it.</param>
    /// <exception cref="HolonException">It cannot be.</exception>
    void AttachDevice(string kind, string description) => throw new HolonException($"The machine '{Name}' has no slots to plug a device into; only whole PCs have.");

    /// <summary>Asks for a device to be let go of; an event tells when it is.</summary>
    /// <exception cref="HolonException">There is none, or it cannot be taken out.</exception>
    void DetachDevice(string name) => throw new HolonException($"There is no device '{name}' in the machine.");

    /// <summary>Pulls the cable of a network card out, or puts it in.</summary>
    /// <exception cref="HolonException">There is no such card.</exception>
    void SetLink(string card, bool up) => throw new HolonException($"There is no network card '{card}' in the machine.");
}
