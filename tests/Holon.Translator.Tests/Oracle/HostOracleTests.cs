using Holon.Interpreter.Decoding;
using Holon.Oracle;
using Holon.Oracle.Host;
using Holon.X86;

namespace Holon.Translator.Tests.Oracle;

/// <summary>
/// The host's processor as the oracle: every user-level instruction form of the interpreter's table, with random operands,
/// flags and memory, does in translated code what it does natively. <see cref="OracleSuite"/> tells what the environment can set.
/// </summary>
public sealed class HostOracleTests
{
    private const int LongestReport = 40;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_user_level_form_does_what_the_host_does(bool hot)
    {
        if (WorkerProgram.MissingRequirement() is { } reason) Assert.Skip($"The host cannot be the oracle: {reason}.");
        if (!Translator.IsSupported) Assert.Skip("The translator does not run on this host.");
        var report = OracleSuite.Run(InstructionTable.Instance.ImplementedCodes.Where(CpuModel.X8664V3.Has), () => new TranslatorProcessor(hot));
        TestContext.Current.TestOutputHelper?.WriteLine(report.Summary);
        Console.WriteLine(report.Summary);
        Console.WriteLine($"All forms: {report.Save(AppContext.BaseDirectory)}");
        var failures = report.Failures.ToArray();
        Assert.True(failures.Length == 0, string.Join('\n', failures.Take(LongestReport)));
    }
}
