using Holon.Oracle.Guest;
using Holon.X86;

namespace Holon.Interpreter.Tests.Oracle;

/// <summary>The interpreter as an instruction runner.</summary>
internal sealed class InterpreterProcessor : EngineProcessor
{
    private readonly Interpreter _interpreter;

    public InterpreterProcessor()
        : base(new UserModeGuest())
    {
        var nothing = new NothingOutside();
        _interpreter = new Interpreter(Guest.Memory, nothing, nothing, nothing, CpuModel.X8664V3);
    }

    protected override IVcpu Vcpu => _interpreter;

    protected override void Step() => _interpreter.StepOne();
}
