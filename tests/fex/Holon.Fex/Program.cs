using System.Collections.Concurrent;
using System.Globalization;
using Holon.Fex;
using Holon.X86;
using Spectre.Console;

// Holon.Fex SUITE EXPLAINED [--engine NAME] [NAME…]: runs FEX-Emu's unittests/ASM, or those of its tests whose names contain one of the texts.
// EXPLAINED lists tests that fail although the engine is right, each with the reason.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (Console.IsOutputRedirected) AnsiConsole.Profile.Width = 200;
if (args is not [var suite, var explanations, .. var rest]) return Complain("usage: Holon.Fex SUITE EXPLAINED [--engine NAME] [NAME…]");
var engineName = "interpreter";
List<string> wanted = [];
for (var i = 0; i < rest.Length; i++)
{
    if (rest[i] == "--engine" && i + 1 < rest.Length) engineName = rest[++i];
    else if (rest[i].StartsWith('-')) return Complain($"there is no option '{rest[i]}'; there is --engine NAME.");
    else wanted.Add(rest[i]);
}

if (!Engines.All.TryGetValue(engineName, out var engine)) return Complain($"there is no engine '{engineName}'; use {string.Join(" or ", Engines.All.Keys)}.");
var files = Directory.EnumerateFiles(suite, "*.asm", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Where(file => wanted.Count == 0 || wanted.Any(name => file.Contains(name, StringComparison.Ordinal))).ToList();
if (files.Count == 0) return Complain($"there are no such tests in {suite}.");

// "Folder/Name reason", one a line.
var explained = File.ReadLines(explanations).Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split(' ', 2, StringSplitOptions.TrimEntries)).ToDictionary(words => words[0], words => words[^1]);
var output = Directory.CreateTempSubdirectory("holon-fex");
var outcomes = new ConcurrentBag<FexOutcome>();
try
{
    var assembler = new Assembler(suite, output.FullName);
    var runner = new FexRunner(engine, CpuModel.X8664V3);
    Parallel.ForEach(files, file =>
    {
        var name = Path.ChangeExtension(Path.GetRelativePath(suite, file), null);
        try
        {
            var test = FexTest.Read(suite, file);
            outcomes.Add(runner.Run(test, assembler.Assemble(test)));
        }
        catch (FormatException problem)
        {
            outcomes.Add(new FexOutcome(new FexTest { Name = name, Source = file }, FexVerdict.Skipped, problem.Message));
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            outcomes.Add(new FexOutcome(new FexTest { Name = name, Source = file }, FexVerdict.Failed, $"the engine threw: {failure.Message}"));
        }
    });
}
finally
{
    output.Delete(recursive: true);
}

return Report.Write([.. outcomes.OrderBy(outcome => outcome.Test.Name, StringComparer.Ordinal)], explained, engineName);

static int Complain(string problem)
{
    Console.Error.WriteLine($"holon: {problem}");
    return 125;
}
