using Iced.Intel;

namespace Holon.Oracle.Comparison;

/// <summary>Makes a failing case easier to read: takes out state that the failure does not need.</summary>
internal sealed class CaseReducer(IInstructionRunner host, IInstructionRunner engine, byte[] window, Instruction instruction)
{
    private readonly CaseResult[] _expected = new CaseResult[1];
    private readonly CaseResult[] _actual = new CaseResult[1];

    private delegate void Simplification(ref TestCase test);

    /// <summary>The simplest variant of a failing case that still fails; the case itself when it fails only now and then.</summary>
    public TestCase Reduce(TestCase test, out CaseResult expected, out CaseResult actual)
    {
        Fails(test);
        var (hostOutcome, engineOutcome) = (_expected[0].Vector, _actual[0].Vector); // the same outcomes, or it would be another failure
        foreach (var simplify in Simplifications())
        {
            var simpler = test;
            simplify(ref simpler);
            if (Fails(simpler) && _expected[0].Vector == hostOutcome && _actual[0].Vector == engineOutcome) test = simpler;
        }

        Fails(test);
        expected = _expected[0];
        actual = _actual[0];
        return test;
    }

    private static IEnumerable<Simplification> Simplifications()
    {
        yield return (ref test) => test.Before.Rflags = X86.Rflags.Fixed | X86.Rflags.IF;
        yield return (ref test) => test.Before.Mxcsr = 0x1F80;
        yield return (ref test) => test.Before.FpuControl = 0x37F;
        yield return (ref test) => test.Before.FpuStatus = 0;
        yield return (ref test) => test.PatchLength = 0;
        yield return (ref test) => test.Before.Selectors = default;
        for (var i = 0; i < 16; i++)
        {
            var register = i;
            yield return (ref test) => test.Before.Gpr[register] = 0;
            yield return (ref test) => test.Before.Xmm(register).Clear();
            yield return (ref test) => test.Before.YmmHigh(register).Clear();
            if (register < 8) yield return (ref test) => test.Before.St(register).Clear();
        }
    }

    private bool Fails(TestCase test)
    {
        ReadOnlySpan<TestCase> alone = [test];
        host.Run(window, alone, _expected);
        engine.Run(window, alone, _actual);
        return !ResultComparer.Agree(window, in test, in instruction, in _expected[0], in _actual[0]);
    }
}
