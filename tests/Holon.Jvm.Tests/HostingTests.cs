using Holon.Jvm.Runtime;

namespace Holon.Jvm.Tests;

/// <summary>The machine inside a C# program: calls, exceptions, limits, grants, and many machines.</summary>
public sealed class HostingTests : IDisposable
{
    internal static readonly Lazy<string?> Classes = new(Compile);

    private readonly string _folder = Directory.CreateTempSubdirectory("holon-java").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    private static string? Compile()
    {
        if (!Commands.Have("javac")) return null;
        var target = Path.Combine(AppContext.BaseDirectory, "hosted-classes");
        Commands.MustRun("javac", "-d", target, Path.Combine(AppContext.BaseDirectory, "Hosted", "Rules.java"));
        return target;
    }

    private static JavaMachine Machine(Func<JavaMachineOptions, JavaMachineOptions>? change = null)
    {
        var classes = Classes.Value;
        if (classes == null) Assert.Skip("javac is not installed (openjdk-17-jdk-headless).");
        var options = new JavaMachineOptions { ClassPath = [classes] };
        return JavaMachine.Create(change == null ? options : change(options));
    }

    [Fact]
    public void Methods_are_called_with_values_of_both_worlds()
    {
        using var machine = Machine();
        var rules = machine.Class("Rules");
        Assert.Equal(43, rules.InvokeStatic<int>("evaluate", 42, "x"));
        long[] numbers = [1, 2, 3];
        Assert.Equal(6L, rules.InvokeStatic<long>("sum", numbers));
        Assert.Equal(1, numbers[0]); // a copy went there
        var one = rules.New("Ä𝄞");
        Assert.Equal("Ä𝄞 Ä𝄞", one.Invoke<string>("greet", 2));
        Assert.Equal(1, one.Invoke<int>("calls"));
        Assert.Equal("[1, 2]", machine.Class("java.util.List").InvokeStatic<JavaObject>("of", machine.Class("java.lang.Integer").InvokeStatic<JavaObject>("valueOf", 1), machine.Class("java.lang.Integer").InvokeStatic<JavaObject>("valueOf", 2))!.ToString());
        Assert.Throws<MissingMethodException>(() => rules.InvokeStatic<int>("evaluate", 1));
    }

    [Fact]
    public void A_Java_exception_arrives_with_its_stack_trace()
    {
        using var machine = Machine();
        var error = Assert.Throws<JavaException>(() => machine.Class("Rules").InvokeStatic<string>("fail", "because"));
        Assert.Equal("java.lang.IllegalArgumentException", error.ClassName);
        Assert.Equal("because", error.JavaMessage);
        Assert.Contains("at Rules.fail(Rules.java:", error.JavaStackTrace, StringComparison.Ordinal);
        Assert.Contains("Caused by: java.lang.IllegalStateException: inner", error.JavaStackTrace, StringComparison.Ordinal);
        Assert.Equal("java.lang.ClassNotFoundException", Assert.Throws<JavaException>(() => machine.Class("NoSuch")).Throwable!.Invoke<JavaObject>("getCause")!.Class.Name);
    }

    [Fact]
    public void Machines_do_not_see_each_other()
    {
        using var a = Machine();
        using var b = Machine();
        Assert.Equal(1, a.Class("Rules").InvokeStatic<int>("next"));
        Assert.Equal(2, a.Class("Rules").InvokeStatic<int>("next"));
        Assert.Equal(1, b.Class("Rules").InvokeStatic<int>("next"));
    }

    [Theory]
    [InlineData("loop")]
    [InlineData("sleep")]
    [InlineData("park")]
    [InlineData("await")]
    [InlineData("blocked")]
    public void The_time_limit_ends_whatever_the_program_does(string method)
    {
        using var machine = Machine(o => o with { TimeLimit = TimeSpan.FromSeconds(4) });
        Assert.Equal(JavaLimit.Time, Assert.Throws<JavaLimitException>(() => machine.Class("Rules").InvokeStatic(method)).Limit);
        Assert.Throws<JavaLimitException>(() => machine.Class("Rules"));
    }

    [Theory]
    [InlineData("loop", "loop")]
    [InlineData("spin", "spin")]
    [InlineData("endless", "recurse")]
    [InlineData("dive", "dive")]
    public void The_time_limit_ends_compiled_code(string method, string compiled)
    {
        var log = new CompilationLog();
        using var machine = Machine(o => o with { TimeLimit = TimeSpan.FromSeconds(4), PrintCompilation = true, Log = log.Add });
        Assert.Equal(JavaLimit.Time, Assert.Throws<JavaLimitException>(() => machine.Class("Rules").InvokeStatic<object>(method)).Limit);
        Assert.True(log.Has(compiled));
    }

    [Theory]
    [InlineData(ExecutionTier.Mixed, "loop", "loop")]
    [InlineData(ExecutionTier.Mixed, "spin", "spin")]
    [InlineData(ExecutionTier.Mixed, "endless", "recurse")]
    [InlineData(ExecutionTier.CompiledAtOnce, "loop", "loop")]
    [InlineData(ExecutionTier.CompiledAtOnce, "endless", "recurse")]
    [InlineData(ExecutionTier.CompiledAtOnce, "dive", "dive")]
    public async Task A_machine_that_is_disposed_of_ends_compiled_code(ExecutionTier tier, string method, string compiled)
    {
        var log = new CompilationLog();
        var machine = Machine(o => o with { Tier = tier, PrintCompilation = true, Log = log.Add });
        var call = Task.Factory.StartNew(() => machine.Class("Rules").InvokeStatic<object>(method), TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        while (!log.Has(compiled)) await Task.Delay(20, TestContext.Current.CancellationToken);
        await Task.Run(machine.Dispose, TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => call.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken));
    }

    /// <summary>The verifier takes any object for an interface; each call looks at it (JVMS §6.5.invokeinterface).</summary>
    [Theory]
    [InlineData(ExecutionTier.Mixed)]
    [InlineData(ExecutionTier.Interpreter)]
    [InlineData(ExecutionTier.CompiledAtOnce)]
    public void A_receiver_without_the_interface_is_refused_in_each_tier(ExecutionTier tier)
    {
        if (!Commands.Have("javac")) Assert.Skip("javac is not installed (openjdk-17-jdk-headless).");
        void Compile(string name, string text)
        {
            File.WriteAllText(Path.Combine(_folder, name + ".java"), text);
            Commands.MustRun("javac", "-d", _folder, "-cp", _folder, Path.Combine(_folder, name + ".java"));
        }
        const string Body = " { public int open() { return 1; } }";
        Compile("Face", "public interface Face { int open(); private int hidden() { return 2; } static int reach(Face f) { return f.hidden(); } }");
        Compile("Stranger", "public class Stranger implements Face" + Body);
        Compile("Caller", """
            public class Caller {
                static Face make() { return new Stranger(); }
                static int call(Face f) { return f.open(); }
                public static int refused(int n) {
                    int refused = 0;
                    Face f = make();
                    for (int i = 0; i < n; i++) {
                        new Stranger().open();
                        try { call(f); } catch (IncompatibleClassChangeError e) { refused++; }
                        try { Face.reach(f); } catch (IncompatibleClassChangeError e) { refused++; }
                    }
                    return refused;
                }
            }
            """);
        Compile("Stranger", "public class Stranger" + Body);
        using var machine = JavaMachine.Create(new JavaMachineOptions { ClassPath = [_folder], Tier = tier });
        for (var i = 0; i < 5; i++) Assert.Equal(2_000, machine.Class("Caller").InvokeStatic<int>("refused", 1_000));
    }

    /// <summary>Which methods of the class <c>Rules</c> were compiled.</summary>
    private sealed class CompilationLog
    {
        private readonly List<string> _lines = [];

        public void Add(string line)
        {
            lock (_lines) _lines.Add(line);
        }

        public bool Has(string method)
        {
            lock (_lines) return _lines.Exists(l => l.Contains($"Rules::{method} ", StringComparison.Ordinal) && !l.Contains("refused", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("loop")]
    [InlineData("recurse")]
    public void The_instruction_limit_ends_loops_and_recursions(string method)
    {
        using var machine = Machine(o => o with { InstructionLimit = 20_000_000 });
        var rules = machine.Class("Rules");
        Assert.Equal(JavaLimit.Instructions, Assert.Throws<JavaLimitException>(() => rules.InvokeStatic<object>(method, method == "loop" ? [] : [100])).Limit);
    }

    [Theory]
    [InlineData("loop", "loop")]
    [InlineData("endless", "recurse")]
    public void The_instruction_limit_ends_compiled_code(string method, string compiled)
    {
        var log = new CompilationLog();
        using var machine = Machine(o => o with { InstructionLimit = 200_000_000, PrintCompilation = true, Log = log.Add });
        Assert.Equal(JavaLimit.Instructions, Assert.Throws<JavaLimitException>(() => machine.Class("Rules").InvokeStatic<object>(method)).Limit);
        Assert.True(log.Has(compiled));
    }

    [Fact]
    public void The_memory_limit_sees_what_only_local_variables_of_compiled_code_hold()
    {
        var log = new CompilationLog();
        using var machine = Machine(o => o with { MemoryLimit = 64 << 20, PrintCompilation = true, Log = log.Add });
        Assert.Equal(JavaLimit.Memory, Assert.Throws<JavaLimitException>(() => machine.Class("Rules").InvokeStatic<long>("hold")).Limit);
        Assert.True(log.Has("hold"));
    }

    [Fact]
    public void The_memory_limit_counts_what_is_in_use()
    {
        using var machine = Machine(o => o with { MemoryLimit = 64 << 20 });
        var rules = machine.Class("Rules");
        Assert.Equal(20_000, rules.InvokeStatic<int>("churn", 20_000)); // 200 MB, of which nothing stays
        Assert.Equal(JavaLimit.Memory, Assert.Throws<JavaLimitException>(() => rules.InvokeStatic("hoard")).Limit);
        using var other = Machine(o => o with { MemoryLimit = 64 << 20 });
        Assert.Equal(JavaLimit.Memory, Assert.Throws<JavaLimitException>(() => other.Class("Rules").InvokeStatic<int>("huge")).Limit);
        using var third = Machine(o => o with { MemoryLimit = 64 << 20 });
        Assert.Equal(JavaLimit.Memory, Assert.Throws<JavaLimitException>(() => third.Class("Rules").InvokeStatic<long>("hold")).Limit);
    }

    [Fact]
    public void The_largest_heap_is_an_OutOfMemoryError()
    {
        using var machine = Machine(o => o with { MaximumHeap = 64 << 20 });
        Assert.Equal("java.lang.OutOfMemoryError", Assert.Throws<JavaException>(() => machine.Class("Rules").InvokeStatic("hoard")).ClassName);
        Assert.Equal(5, machine.Class("Rules").InvokeStatic<int>("churn", 5));
    }

    [Fact]
    public void Soft_references_hold_what_fits()
    {
        using var machine = Machine(o => o with { MaximumHeap = 64 << 20 });
        Assert.Equal("true 0", machine.Class("Rules").InvokeStatic<string>("soft", 200));
    }

    [Fact]
    public void Threads_and_stacks_are_bounded()
    {
        using var machine = Machine(o => o with { ThreadLimit = 20, StackLimit = 256 << 10 });
        var rules = machine.Class("Rules");
        Assert.InRange(rules.InvokeStatic<int>("threads"), 5, 20);
        Assert.InRange(rules.InvokeStatic<int>("depth"), 100, 20_000);
    }

    [Fact]
    public void Nothing_is_granted_by_default()
    {
        var secret = Path.Combine(_folder, "secret");
        File.WriteAllText(secret, "s");
        using var machine = Machine();
        var rules = machine.Class("Rules");
        Assert.Equal("java.nio.file.AccessDeniedException", Assert.Throws<JavaException>(() => rules.InvokeStatic<string>("read", secret)).ClassName);
        Assert.False(rules.InvokeStatic<bool>("exists", secret));
        Assert.Equal("java.io.FileNotFoundException", Assert.Throws<JavaException>(() => rules.InvokeStatic("write", secret, "t")).ClassName);
        Assert.Null(rules.InvokeStatic<string>("variable", "PATH"));
        Assert.Equal("java.lang.SecurityException", Assert.Throws<JavaException>(() => rules.InvokeStatic("exit", 3)).ClassName);
        Assert.Equal("java.lang.ClassNotFoundException", Assert.Throws<JavaException>(() => rules.InvokeStatic("openUnsafe")).ClassName);
        Assert.Equal("s", File.ReadAllText(secret));
    }

    [Fact]
    public void Granted_folders_hold_no_way_out()
    {
        var open = Directory.CreateDirectory(Path.Combine(_folder, "open")).FullName;
        var secret = Path.Combine(_folder, "secret");
        File.WriteAllText(secret, "s");
        using var machine = Machine(o => o with { Grants = new JavaGrants { Write = [open], Environment = ["PATH"], Exit = true } });
        var rules = machine.Class("Rules");
        rules.InvokeStatic("write", Path.Combine(open, "file"), "text");
        Assert.Equal("text", rules.InvokeStatic<string>("read", Path.Combine(open, "file")));
        Assert.Equal("java.nio.file.AccessDeniedException", Assert.Throws<JavaException>(() => rules.InvokeStatic<string>("read", Path.Combine(open, "..", "secret"))).ClassName);
        rules.InvokeStatic("link", Path.Combine(open, "link"), secret);
        Assert.Equal("java.nio.file.AccessDeniedException", Assert.Throws<JavaException>(() => rules.InvokeStatic<string>("read", Path.Combine(open, "link"))).ClassName);
        Assert.Equal("java.io.FileNotFoundException", Assert.Throws<JavaException>(() => rules.InvokeStatic("write", Path.Combine(open, "link"), "t")).ClassName);
        Assert.Equal("s", File.ReadAllText(secret));
        Assert.Equal(Environment.GetEnvironmentVariable("PATH"), rules.InvokeStatic<string>("variable", "PATH"));
        Assert.Null(rules.InvokeStatic<string>("variable", "HOME"));
        Assert.Equal(3, Assert.Throws<JavaExitException>(() => rules.InvokeStatic("exit", 3)).Code);
    }
}
