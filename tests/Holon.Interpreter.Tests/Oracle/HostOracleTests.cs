using Holon.Interpreter.Decoding;
using Holon.Oracle;
using Holon.Oracle.Host;
using Holon.X86;

namespace Holon.Interpreter.Tests.Oracle;

/// <summary>
/// The host's processor as the oracle: every user-level instruction form of the interpreter's table, with random operands,
/// flags and memory, does in the interpreter what it does natively. <see cref="OracleSuite"/> tells what the environment can set.
/// </summary>
public sealed class HostOracleTests
{
    private const int LongestReport = 40;

    [Fact]
    public void Every_user_level_form_does_what_the_host_does()
    {
        if (WorkerProgram.MissingRequirement() is { } reason) Assert.Skip($"The host cannot be the oracle: {reason}.");
        var report = OracleSuite.Run(InstructionTable.Instance.ImplementedCodes.Where(CpuModel.X8664V3.Has), () => new InterpreterProcessor());
        TestContext.Current.TestOutputHelper?.WriteLine(report.Summary);
        Console.WriteLine(report.Summary);
        Console.WriteLine($"All forms: {report.Save(AppContext.BaseDirectory)}");
        var failures = report.Failures.ToArray();
        Assert.True(failures.Length == 0, string.Join('\n', failures.Take(LongestReport)));
    }
}
