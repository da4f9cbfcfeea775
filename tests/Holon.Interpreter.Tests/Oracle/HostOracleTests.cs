using System.Diagnostics;
using System.Globalization;
using Holon.Interpreter.Decoding;
using Holon.Oracle;
using Holon.Oracle.Generation;
using Holon.Oracle.Host;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Tests.Oracle;

/// <summary>
/// The host's processor as the oracle: every user-level instruction form of the interpreter's table, with random operands,
/// flags and memory, does in the interpreter what it does natively.
/// </summary>
/// <remarks>
/// Environment: HOLON_ORACLE_CASES cases a form, HOLON_ORACLE_SEED, HOLON_ORACLE_FORM the beginning of the names of forms to
/// run (Iced's names: Adc_rm32_r32), HOLON_ORACLE_FIRST the number of the first case. A failure is repeated alone with the
/// form's name, the case's number as the first, and one case.
/// </remarks>
public sealed class HostOracleTests
{
    private const int DefaultCases = 200;
    private const ulong DefaultSeed = 1;
    private const int LongestReport = 40;

    [Fact]
    public void Every_user_level_form_does_what_the_host_does()
    {
        if (WorkerProgram.MissingRequirement() is { } reason) Assert.Skip($"The host cannot be the oracle: {reason}.");
        var cases = (int)Number("HOLON_ORACLE_CASES", DefaultCases);
        var first = (int)Number("HOLON_ORACLE_FIRST", 0);
        var seed = Number("HOLON_ORACLE_SEED", DefaultSeed);
        var prefix = Environment.GetEnvironmentVariable("HOLON_ORACLE_FORM") ?? "";
        var forms = InstructionTable.Instance.ImplementedCodes
            .Where(code => CpuModel.X8664V3.Has(code) && code.ToString().StartsWith(prefix, StringComparison.Ordinal))
            .ToArray();
        var (compared, excluded) = Sort(forms);

        var clock = Stopwatch.StartNew();
        var outcomes = RunAll(compared, cases, first, seed);
        var report = new OracleReport(outcomes, excluded, seed, clock.Elapsed);
        TestContext.Current.TestOutputHelper?.WriteLine(report.Summary);
        Console.WriteLine(report.Summary);
        Console.WriteLine($"All forms: {report.Save(AppContext.BaseDirectory)}");
        var failures = report.Failures.ToArray();
        Assert.True(failures.Length == 0, string.Join('\n', failures.Take(LongestReport)));
    }

    /// <summary>Forms to compare, and the others with the reason.</summary>
    private static (Code[] Compared, (Code Form, string Reason)[] Excluded) Sort(Code[] forms)
    {
        var excluded = forms
            .Select(code => (Form: code, Reason: FormCatalog.ReasonToExclude(code) ?? (HostFeatures.Missing(code) is { } feature ? $"the host lacks {feature}" : null)))
            .Where(form => form.Reason is not null)
            .Select(form => (form.Form, form.Reason!))
            .ToArray();
        return ([.. forms.Except(excluded.Select(form => form.Form))], excluded);
    }

    private static FormOutcome[] RunAll(Code[] forms, int cases, int first, ulong seed)
    {
        var outcomes = new FormOutcome[forms.Length];
        var next = -1;
        Parallel.For(0, Math.Clamp(forms.Length, 1, Environment.ProcessorCount), _ =>
        {
            using var run = new FormRun(new HostProcessor(), new InterpreterProcessor(), seed);
            for (var i = Interlocked.Increment(ref next); i < forms.Length; i = Interlocked.Increment(ref next)) outcomes[i] = run.Run(forms[i], cases, first);
        });
        return outcomes;
    }

    private static ulong Number(string variable, ulong otherwise) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : otherwise;
}
