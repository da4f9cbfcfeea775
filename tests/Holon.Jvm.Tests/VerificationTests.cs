namespace Holon.Jvm.Tests;

/// <summary>
/// Thousands of class files, each changed a little, are loaded and linked here and on HotSpot. Both must accept and refuse the
/// same ones. The error is nearly always the same too; of a file with two faults another may be found first.
/// </summary>
public sealed class VerificationTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Verification");

    private static readonly Lazy<string?> Classes = new(Compile);

    private static string? Compile()
    {
        if (!Commands.Have("javac", "java")) return null;
        var target = Path.Combine(AppContext.BaseDirectory, "verification-classes");
        string Source(string name) => Path.Combine(Folder, name + ".java");
        Commands.MustRun("javac", "-d", target, Source("Mutants"), Source("Seeds"));
        Commands.MustRun("javac", "--release", "8", "-Xlint:-options", "-d", target, Source("OldSeeds"));
        return target;
    }

    /// <summary>Class files of versions below 50 go through the older verifier; those of 50 through both.</summary>
    [Theory]
    [InlineData("Seeds", 0, "-Xmixed")]
    [InlineData("OldSeeds", 46, "-Xmixed")]
    [InlineData("OldSeeds", 49, "-Xmixed")]
    [InlineData("OldSeeds", 50, "-Xmixed")]
    [InlineData("OldSeeds", 0, "-Xmixed")]
    [InlineData("Seeds", 0, "-Xcomp")]
    [InlineData("OldSeeds", 49, "-Xcomp")]
    public void Changed_class_files_are_accepted_and_refused_as_on_HotSpot(string name, int version, string tier)
    {
        var classes = Classes.Value;
        if (classes == null) Assert.Skip("javac and java, which tell what is right, are not installed (openjdk-17-jdk-headless).");
        var all = Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1";
        string[] arguments = ["-cp", classes, "Mutants", all ? Environment.TickCount.ToString(System.Globalization.CultureInfo.InvariantCulture) : "7", all ? "20000" : "1500", "errors", $"{version}", Path.Combine(classes, name + ".class")];
        var (expectedCode, expected, _) = Commands.Run("java", arguments);
        var (code, actual, error) = Commands.Run(Commands.HolonJava, [tier, .. arguments]);
        Assert.Equal("", error);
        Assert.Equal(expectedCode, code);
        // HotSpot's log warns among them of classes in throws clauses that are no Throwables.
        var rightRows = expected.Split('\n').Where(row => !row.StartsWith('[')).ToList();
        var ourRows = actual.Split('\n');
        var context = string.Join(' ', arguments);
        Assert.Equal(rightRows.Count, ourRows.Length);
        var rows = rightRows.Zip(ourRows).ToList();
        foreach (var (there, here) in rows) Assert.True(there.EndsWith(" ok", StringComparison.Ordinal) == here.EndsWith(" ok", StringComparison.Ordinal), $"HotSpot: {there}, here: {here} ({context})");
        Assert.InRange(rows.Count(r => r.First != r.Second), 0, rows.Count / 50);
    }
}
