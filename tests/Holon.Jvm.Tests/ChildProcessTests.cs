namespace Holon.Jvm.Tests;

/// <summary>Programs that start <c>java.home/bin/java</c>, as build tools do: they get this machine again.</summary>
public sealed class ChildProcessTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("holon-java").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    private (int Code, string Output, string Error) Run(params string[] options)
    {
        if (!Commands.Have("javac")) Assert.Skip("javac is not installed (openjdk-17-jdk-headless).");
        var file = Path.Combine(_folder, "Parent.java");
        File.WriteAllText(file, """
            import java.util.List;

            public class Parent {
                public static void main(String[] args) throws Exception {
                    if (args.length > 0) {
                        System.out.println(System.getProperty("java.vm.name") + ", " + System.getProperty("x") + ", " + String.join("|", args));
                        System.out.println(System.getenv("V") + ", " + new String(System.in.readAllBytes()));
                        System.err.println("an error");
                        Object[] memory = new Object[200];
                        for (int i = 0; i < memory.length; i++) memory[i] = new byte[1 << 20];
                        System.exit(memory.length / 50);
                    }
                    ProcessBuilder builder = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "-Dx=a b", "-cp", System.getProperty("java.class.path"), "Parent", "", "c d");
                    builder.environment().clear();
                    builder.environment().put("V", "v");
                    builder.redirectError(ProcessBuilder.Redirect.INHERIT);
                    Process child = builder.start();
                    child.getOutputStream().write("typed".getBytes());
                    child.getOutputStream().close();
                    System.out.print(new String(child.getInputStream().readAllBytes()));
                    System.out.println("ended with " + child.waitFor());
                }
            }
            """);
        Commands.MustRun("javac", "-d", _folder, file);
        return Commands.Run(Commands.HolonJava, [.. options, "-cp", _folder, "Parent"]);
    }

    [Fact]
    public void A_java_started_by_a_program_is_this_one()
    {
        var (code, output, error) = Run();
        Assert.Equal("Holon JVM, a b, |c d\nv, typed\nended with 4\n", output);
        Assert.Equal("an error\n", error);
        Assert.Equal(0, code);
    }

    [Fact]
    public void It_has_the_same_limits_and_grants()
    {
        var (code, output, error) = Run("--limit-memory", "150M", "--allow-run", "--allow-env", "PATH");
        Assert.Equal("Holon JVM, a b, |c d\nnull, typed\nended with 124\n", output);
        Assert.Equal("an error\nholon: The Java machine was ended: its memory limit ran out.\n", error);
        Assert.Equal(0, code);
    }

    [Fact]
    public void Without_the_grant_none_starts()
    {
        var (code, _, error) = Run("--allow-exit");
        Assert.Equal(1, code);
        Assert.Contains("error=13, Permission denied", error, StringComparison.Ordinal);
    }
}
