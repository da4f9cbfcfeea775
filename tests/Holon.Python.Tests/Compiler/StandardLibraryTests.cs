using System.Text;
using Holon.Python.Compiler;

namespace Holon.Python.Tests.Compiler;

/// <summary>Compiles the standard library and its tests as CPython does, field by field.</summary>
public sealed class StandardLibraryTests(ITestOutputHelper output)
{
    private const string Library = "/usr/lib/python3.11";

    private static bool IsComplete => Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1";

    private static string[] Files(int every)
    {
        var all = Directory.EnumerateFiles(Library, "*.py", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToArray();
        return [.. all.Where((_, i) => i % every == 0)];
    }

    [Theory]
    [InlineData(CompilerFlags.None)]
    [InlineData(CompilerFlags.TypeComments)]
    public void Syntax_trees_of_the_standard_library_equal_CPythons(CompilerFlags flags)
    {
        Assert.SkipUnless(CPythonOracle.IsInstalled, CPythonOracle.Missing);
        using var oracle = new CPythonOracle();
        var differences = Files(IsComplete ? 5 : 60).SelectMany(f => oracle.CompareTrees(File.ReadAllBytes(f), f, flags)).ToList();
        Assert.True(differences.Count == 0, string.Join("\n", differences.Take(10).Select(d => string.Join("\n    ", d))));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Optimized_code_equals_CPythons(int level)
    {
        Assert.SkipUnless(CPythonOracle.IsInstalled, CPythonOracle.Missing);
        using var oracle = new CPythonOracle();
        var differences = Files(IsComplete ? 10 : 80).SelectMany(f => oracle.Compare(File.ReadAllBytes(f), f, optimize: level)).ToList();
        Assert.True(differences.Count == 0, string.Join("\n", differences.Take(10).Select(d => string.Join("\n    ", d))));
    }

    [Fact]
    public void Annotations_as_text_equal_CPythons()
    {
        Assert.SkipUnless(CPythonOracle.IsInstalled, CPythonOracle.Missing);
        using var oracle = new CPythonOracle();
        var differences = Files(IsComplete ? 10 : 80)
            .SelectMany(f => oracle.Compare(File.ReadAllBytes(f), f, flags: CompilerFlags.FutureAnnotations)).ToList();
        Assert.True(differences.Count == 0, string.Join("\n", differences.Take(10).Select(d => string.Join("\n    ", d))));
    }

    [Fact]
    public void Code_objects_of_the_standard_library_equal_CPythons()
    {
        Assert.SkipUnless(CPythonOracle.IsInstalled, CPythonOracle.Missing);
        var files = Files(IsComplete ? 1 : 3);
        using var oracle = new CPythonOracle();
        var kinds = new Dictionary<string, int>();
        var examples = new StringBuilder();
        var different = 0;
        foreach (var file in files)
        {
            var differences = oracle.Compare(File.ReadAllBytes(file), file);
            if (differences.Count == 0)
                continue;
            different++;
            foreach (var difference in differences)
                kinds[difference[0]] = kinds.GetValueOrDefault(difference[0]) + 1;
            var first = differences[0];
            examples.AppendLine($"{file}: {first[0]} in {first[1]}\n    theirs {first[2]}\n    ours   {first[3]}");
        }

        var rate = 100.0 * (files.Length - different) / files.Length;
        output.WriteLine($"{files.Length} files, {different} different: {rate:F2} % identical");
        output.WriteLine(string.Join(", ", kinds.OrderByDescending(k => k.Value).Select(k => $"{k.Key} {k.Value}")));
        output.WriteLine(examples.ToString());
        Assert.True(rate >= 99.5, $"{rate:F2} % of {files.Length} files are identical.\n{examples}");
    }
}
