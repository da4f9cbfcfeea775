using System.Diagnostics;
using System.Globalization;
using Holon.Oracle.Generation;
using Holon.Oracle.Host;
using Iced.Intel;

namespace Holon.Oracle;

/// <summary>Every user-level instruction form of an engine against the host's processor, on all cores.</summary>
/// <remarks>
/// Environment: HOLON_ORACLE_CASES cases a form, HOLON_ORACLE_SEED, HOLON_ORACLE_FORM the beginning of the names of forms to
/// run (Iced's names: Adc_rm32_r32), HOLON_ORACLE_FIRST the number of the first case. A failure is repeated alone with the
/// form's name, the case's number as the first, and one case.
/// </remarks>
public static class OracleSuite
{
    private const int DefaultCases = 200;
    private const ulong DefaultSeed = 1;

    /// <summary>Runs it.</summary>
    /// <param name="implemented">The engine's forms.</param>
    /// <param name="engine">Makes an engine; one for each core.</param>
    /// <param name="defaultCases">Cases a form when the environment does not say.</param>
    public static OracleReport Run(IEnumerable<Code> implemented, Func<IInstructionRunner> engine, int defaultCases = DefaultCases)
    {
        var cases = (int)Number("HOLON_ORACLE_CASES", (ulong)defaultCases);
        var first = (int)Number("HOLON_ORACLE_FIRST", 0);
        var seed = Number("HOLON_ORACLE_SEED", DefaultSeed);
        var prefix = Environment.GetEnvironmentVariable("HOLON_ORACLE_FORM") ?? "";
        var (compared, excluded) = Sort([.. implemented.Where(code => code.ToString().StartsWith(prefix, StringComparison.Ordinal))]);
        var clock = Stopwatch.StartNew();
        var outcomes = RunAll(compared, engine, cases, first, seed);
        return new OracleReport(outcomes, excluded, seed, clock.Elapsed);
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

    private static FormOutcome[] RunAll(Code[] forms, Func<IInstructionRunner> engine, int cases, int first, ulong seed)
    {
        var outcomes = new FormOutcome[forms.Length];
        var next = -1;
        Parallel.For(0, Math.Clamp(forms.Length, 1, Environment.ProcessorCount), _ =>
        {
            using var run = new FormRun(new HostProcessor(), engine(), seed);
            for (var i = Interlocked.Increment(ref next); i < forms.Length; i = Interlocked.Increment(ref next)) outcomes[i] = run.Run(forms[i], cases, first);
        });
        return outcomes;
    }

    private static ulong Number(string variable, ulong otherwise) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : otherwise;
}
