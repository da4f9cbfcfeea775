using Holon.Interpreter.Decoding;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Tests.Vector;

public sealed class InstructionTableTests
{
    [Fact]
    public void Every_instruction_that_is_presented_has_a_row()
    {
        var missing = Enum.GetValues<Code>()
            .Where(code => CpuModel.X8664V3.Has(code) && code.ToOpCode() is { IsInstruction: true, Fwait: false })
            .Select(code => code.Mnemonic())
            .Where(mnemonic => !InstructionTable.Instance[mnemonic].IsImplemented)
            .Distinct();
        Assert.Equal("", string.Join(" ", missing));
    }
}
