namespace Holon.Machines.Host;

/// <summary>Which engine executes a machine on this host when the user leaves it to us, and why.</summary>
/// <param name="Engine">The engine's name.</param>
/// <param name="Reason">One sentence for people.</param>
public sealed record EngineSelection(string Engine, string Reason)
{
    /// <summary>Chooses: the translator where the host's processor has what it needs, else the interpreter. There is no KVM engine yet.</summary>
    public static EngineSelection Choose(KvmProbe kvm)
    {
        ArgumentNullException.ThrowIfNull(kvm);
        var why = kvm.HardwareAssisted ? "this host's KVM could run machines, but Holon has no KVM engine yet" : "KVM cannot be used here";
        if (WhyNoTranslator() is { } problem) return new("interpreter", $"{why}, and the translator does not work on this host: {problem}");
        return new("translator", $"{why}, and the translator is the fastest engine in software");
    }

    /// <summary>What keeps the translator from working on this host; null when it works.</summary>
    public static string? WhyNoTranslator()
    {
        if (!HostProcessor.IsX86) return "it makes code for x86-64 processors only";
        var missing = HostProcessor.MissingFromLevel3;
        return missing.Count == 0 ? null : $"its code uses x86-64-v3, and the processor lacks {string.Join(' ', missing)}";
    }
}
