using System.Runtime.CompilerServices;
using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Tests.Documentation;

public sealed class InstructionListTests
{
    [Fact]
    public void Every_encoding_that_the_processor_presents_is_implemented()
    {
        var missing = InstructionList.Presented.Where(code => !InstructionTable.Instance[code.Mnemonic()].IsImplemented).ToList();
        Assert.True(missing.Count == 0, $"Not implemented: {string.Join(", ", missing)}.");
    }

    [Fact]
    public void The_page_of_instructions_is_up_to_date()
    {
        var file = Path.Combine(RepositoryRoot(), "docs", "instructions.md");
        var page = InstructionList.Generate();
        if (Environment.GetEnvironmentVariable("HOLON_UPDATE_DOCS") == "1") File.WriteAllText(file, page);
        Assert.True(File.Exists(file) && File.ReadAllText(file) == page, "docs/instructions.md is stale; run this test with HOLON_UPDATE_DOCS=1.");
    }

    private static string RepositoryRoot([CallerFilePath] string here = "")
    {
        var folder = Path.GetDirectoryName(here);
        while (folder != null && !File.Exists(Path.Combine(folder, "Holon.slnx"))) folder = Path.GetDirectoryName(folder);
        return folder ?? throw new DirectoryNotFoundException("The repository's root is not above the test's source.");
    }
}
