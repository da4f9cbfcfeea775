namespace Holon.Jvm.Tests;

/// <summary>Java agents and options that change which classes there are, compared with HotSpot.</summary>
public sealed class AgentTests
{
    [Fact]
    public void Agents_transform_classes_as_on_HotSpot()
    {
        if (!Commands.Have("javac", "java", "jar")) Assert.Skip("javac, jar and java, which tell what is right, are not installed (openjdk-17-jdk-headless).");
        var folder = Directory.CreateTempSubdirectory("holon-agent").FullName;
        try
        {
            Commands.MustRun("javac", ["--release", "17", "-d", folder, .. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Agents"), "*.java")]);
            var manifest = Path.Combine(folder, "manifest.txt");
            File.WriteAllText(manifest, "Premain-Class: CountingAgent\n");
            var jar = Path.Combine(folder, "agent.jar");
            Commands.MustRun("jar", "cfm", jar, manifest, "-C", folder, "CountingAgent.class", "-C", folder, "CountingAgent$1.class");
            File.Delete(Path.Combine(folder, "CountingAgent.class"));
            Same("-javaagent:" + jar + "=some=options", "-ea:AgentProgram$Checked", "-cp", folder, "AgentProgram");
            Same("-ea", "-da:AgentProgram", "-Xbootclasspath/a:" + jar, "-cp", folder, "AgentProgram");
            Same("-Xbootclasspath/a:" + folder, "-esa", "AgentProgram");
            Same("-Djdk.module.addmods.0=no.such", "-Djdk.module.other=kept", "-Xbootclasspath/a:" + folder, "AgentProgram");
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    [Fact]
    public void OpenJDKs_tests_look_into_the_machine_as_on_HotSpot()
    {
        if (!Commands.Have("javac", "java")) Assert.Skip("javac and java, which tell what is right, are not installed (openjdk-17-jdk-headless).");
        var folder = Directory.CreateTempSubdirectory("holon-whitebox").FullName;
        try
        {
            var box = Path.Combine(folder, "box");
            var program = Path.Combine(folder, "program");
            var sources = Path.Combine(AppContext.BaseDirectory, "WhiteBox");
            Commands.MustRun("javac", "--release", "17", "-d", box, Path.Combine(sources, "WhiteBox.java"));
            Commands.MustRun("javac", "--release", "17", "-d", program, "-cp", box, Path.Combine(sources, "Modules.java"));
            string[] common = ["-Xbootclasspath/a:" + box, "-Xbatch", "--add-opens", "java.base/java.lang=ALL-UNNAMED", "-cp", program];
            Same(["-XX:+UnlockDiagnosticVMOptions", "-XX:+WhiteBoxAPI", .. common, "Modules"]);
            Assert.Contains("UnsatisfiedLinkError", Commands.Run(Commands.HolonJava, [.. common, "Modules"]).Error, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    private static void Same(params string[] arguments)
    {
        var expected = Commands.Run("java", arguments);
        var actual = Commands.Run(Commands.HolonJava, arguments);
        // HotSpot's WhiteBox has more natives than the class that the test brings, and says so.
        Assert.Equal(string.Concat(expected.Output.Split('\n').Where(line => !line.StartsWith("Warning: 'NoSuchMethodError' on register", StringComparison.Ordinal)).Select(line => line + "\n")), actual.Output + "\n");
        Assert.Equal(expected.Code, actual.Code);
    }
}
