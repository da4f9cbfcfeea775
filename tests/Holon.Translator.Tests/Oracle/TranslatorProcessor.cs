using Holon.Oracle.Guest;
using Holon.X86;

namespace Holon.Translator.Tests.Oracle;

/// <summary>The translator as an instruction runner: each instruction becomes a block of its own.</summary>
internal sealed class TranslatorProcessor : EngineProcessor
{
    private readonly Translator _translator;

    public TranslatorProcessor(bool hot)
        : base(new UserModeGuest())
    {
        var nothing = new NothingOutside();
        _translator = new Translator(Guest.Memory, nothing, nothing, nothing, CpuModel.X8664V3, codeBytes: 1 << 20) { MaxBlockInstructions = 1, PreciseFlags = true, HotByDefault = hot };
    }

    protected override IVcpu Vcpu => _translator;

    protected override void Step() => _translator.StepBlock();
}
