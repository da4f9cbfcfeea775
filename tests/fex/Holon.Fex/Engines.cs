using Holon.Memory;
using Holon.X86;

namespace Holon.Fex;

/// <summary>Makes a vCPU that runs in some memory, with what it reaches outside itself.</summary>
internal delegate IVcpu EngineFactory(GuestMemory memory, Surroundings outside, CpuModel model);

/// <summary>The engines that the suite can run on.</summary>
internal static class Engines
{
    /// <summary>By name.</summary>
    public static IReadOnlyDictionary<string, EngineFactory> All { get; } = new Dictionary<string, EngineFactory>
    {
        ["interpreter"] = (memory, outside, model) => new Interpreter.Interpreter(memory, outside, outside, outside, model),
        ["translator"] = (memory, outside, model) => new Translator.Translator(memory, outside, outside, outside, model),
        ["translator-hot"] = (memory, outside, model) => new Translator.Translator(memory, outside, outside, outside, model) { HotByDefault = true },
    };
}
