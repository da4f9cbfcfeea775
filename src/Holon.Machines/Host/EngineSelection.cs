namespace Holon.Machines.Host;

/// <summary>Which engine executes a machine on this host when the user leaves it to us, and why.</summary>
/// <param name="Engine">The engine's name.</param>
/// <param name="Reason">One sentence for people.</param>
public sealed record EngineSelection(string Engine, string Reason)
{
    /// <summary>Chooses. The interpreter is the only engine so far, so what the host offers only changes the reason.</summary>
    public static EngineSelection Choose(KvmProbe kvm)
    {
        ArgumentNullException.ThrowIfNull(kvm);
        return new("interpreter", kvm.HardwareAssisted
            ? "this host's KVM could run machines, but Holon has no KVM engine yet"
            : "KVM cannot be used here, and Holon has no KVM engine yet");
    }
}
