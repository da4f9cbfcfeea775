using System.Diagnostics;
using Holon.Python.Compiler;

namespace Holon.Python.Tests.Compiler;

/// <summary>How fast we compile beside CPython, in turn; nothing is asserted about time.</summary>
public sealed class CompileSpeedTests(ITestOutputHelper output)
{
    [Fact]
    public void Speed_beside_CPython()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1", "a measurement: HOLON_TEST_ALL=1");
        Assert.SkipUnless(CPythonOracle.IsInstalled, CPythonOracle.Missing);
        using var oracle = new CPythonOracle();
        var files = Directory.EnumerateFiles("/usr/lib/python3.11", "*.py").Order(StringComparer.Ordinal).ToArray();
        for (var round = 0; round < 10; round++)
        {
            double ours = 0, theirs = 0, parsing = 0;
            long lines = 0;
            foreach (var file in files)
            {
                var source = File.ReadAllBytes(file);
                lines += source.Count(b => b == '\n');
                theirs += oracle.Time(source, file);
                var watch = Stopwatch.StartNew();
                PythonCompiler.Compile(source, file, new CompileOptions());
                ours += watch.Elapsed.TotalSeconds;
                watch.Restart();
                PythonCompiler.Parse(source, file, new CompileOptions());
                parsing += watch.Elapsed.TotalSeconds;
            }

            output.WriteLine($"round {round}: {lines} lines; ours {lines / ours:F0} lines/s, CPython {lines / theirs:F0} lines/s, time ratio {ours / theirs:F2}, {100 * parsing / ours:F0} % of it parsing");
        }
    }
}
