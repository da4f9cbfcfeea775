using Holon.Jvm.Runtime;

namespace Holon.Jvm.Diagnostics;

/// <summary>How the machine calls itself, in properties and texts alike.</summary>
internal static class VersionText
{
    public const string Name = "Holon JVM", Vendor = "Holon", Number = "0.1.0";

    public static string Mode(JavaMachineOptions options) => options.Tier switch
    {
        ExecutionTier.Interpreter => "interpreted mode",
        ExecutionTier.CompiledAtOnce => "compiled mode",
        _ => "mixed mode",
    };
}
