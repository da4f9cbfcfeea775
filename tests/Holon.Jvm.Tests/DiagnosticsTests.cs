using System.Diagnostics;

namespace Holon.Jvm.Tests;

/// <summary>What people see of the machine besides their program's output, beside HotSpot where it says the same.</summary>
public sealed class DiagnosticsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("holon-java").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    private static void RequireJava(params string[] programs)
    {
        if (!Commands.Have(["java", .. programs])) Assert.Skip("java, which tells what is right, is not installed (openjdk-17-jdk-headless).");
    }

    private void Compile(string name, string text)
    {
        var file = Path.Combine(_folder, name + ".java");
        File.WriteAllText(file, text);
        Commands.MustRun("javac", "-d", _folder, file);
    }

    private static string BeforeUsage(string text) => text.Split("Usage: java")[0].Trim();

    [Theory]
    [InlineData("-XX:+Foo")]
    [InlineData("-XX:-Foo")]
    [InlineData("-XX:Foo=3")]
    [InlineData("-Xfoo")]
    [InlineData("--foo")]
    [InlineData("-cp")]
    [InlineData("-jar")]
    [InlineData("-Xmxfoo")]
    [InlineData("-Xss2k")]
    [InlineData("@/none/there")]
    [InlineData("-Xmx1k")]
    public void A_wrong_option_is_refused_as_HotSpot_refuses_it(string option)
    {
        RequireJava();
        string[] arguments = option.StartsWith("-c", StringComparison.Ordinal) || option == "-jar" ? [option] : [option, "Main"];
        var expected = Commands.Run("java", arguments);
        var actual = Commands.Run(Commands.HolonJava, arguments);
        // HotSpot says some of this on standard output, and its page of usage names options of its own.
        Assert.Equal(BeforeUsage(expected.Output + expected.Error), BeforeUsage(actual.Output + actual.Error));
        Assert.Equal(expected.Code, actual.Code);
    }

    [Fact]
    public void A_jar_that_is_none_is_told_as_HotSpot_tells_it()
    {
        RequireJava();
        var bad = Path.Combine(_folder, "bad.jar");
        File.WriteAllText(bad, "no zip file");
        foreach (var jar in (string[])[bad, Path.Combine(_folder, "none.jar")]) Assert.Equal(Commands.Run("java", "-jar", jar), Commands.Run(Commands.HolonJava, "-jar", jar));
    }

    [Theory]
    [InlineData("-XX:MaxJavaStackTraceDepth=3")]
    [InlineData("-XX:MaxJavaStackTraceDepth=0")]
    [InlineData("-XX:-ShowCodeDetailsInExceptionMessages")]
    [InlineData("-XX:ActiveProcessorCount=7")]
    [InlineData("-XX:+ExitOnOutOfMemoryError")]
    public void Options_that_change_what_a_program_sees_do_so(string option)
    {
        RequireJava("javac");
        Compile("Seen", """
            public class Seen {
                static void dive(int depth, String s) { if (depth == 0) s.length(); else dive(depth - 1, s); }
                public static void main(String[] a) {
                    System.out.println(Runtime.getRuntime().availableProcessors());
                    try { dive(1100, null); } catch (NullPointerException e) { System.out.println(e.getMessage() + " " + e.getStackTrace().length); }
                    try { System.out.println(new long[1 << 27].length); } catch (OutOfMemoryError e) { System.out.println("caught"); }
                }
            }
            """);
        Assert.Equal(Commands.Run("java", option, "-Xmx64m", "-cp", _folder, "Seen"), Commands.Run(Commands.HolonJava, option, "-Xmx64m", "-cp", _folder, "Seen"));
    }

    [Fact]
    public void A_wrong_log_selection_is_named()
    {
        var (code, _, error) = Commands.Run(Commands.HolonJava, "-Xlog:nonsense", "Main");
        Assert.Equal(1, code);
        Assert.Contains("Invalid tag 'nonsense' in log selection.", error, StringComparison.Ordinal);
        Assert.Contains("Invalid -Xlog option '-Xlog:nonsense', see error log for details.", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_come_from_the_environment_and_from_files()
    {
        RequireJava("javac");
        Compile("Show", """
            public class Show {
                public static void main(String[] a) {
                    System.out.println(System.getProperty("a") + " " + System.getProperty("b") + " " + System.getProperty("c d") + " " + String.join("|", a));
                }
            }
            """);
        var file = Path.Combine(_folder, "arguments");
        File.WriteAllText(file, $"""
            # a comment
            -Da=1 "-Dc d=two words"
            -cp '{_folder}' Show first "second \"one\""
            """);
        (int, string, string) Run(string program)
        {
            var start = new ProcessStartInfo(program, ["@" + file, "@third", "-Dx"]) { RedirectStandardOutput = true, RedirectStandardError = true };
            start.Environment["JAVA_TOOL_OPTIONS"] = "-Db=tool -Da=0";
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output, error.Result);
        }
        Assert.Equal(Run("java"), Run(Commands.HolonJava));
    }

    [Fact]
    public void The_version_is_told_as_HotSpot_tells_it()
    {
        RequireJava();
        var expected = Commands.Run("java", "-version").Error.Split('\n');
        var actual = Commands.Run(Commands.HolonJava, "-version").Error.Split('\n');
        Assert.Equal(expected[..2], actual[..2]);
        Assert.Matches(@"^Holon JVM \(build .*, mixed mode\)$", actual[2]);
    }

    [Fact]
    public void Classes_and_collections_are_logged()
    {
        RequireJava("javac");
        Compile("Churn", """
            public class Churn {
                public static void main(String[] a) {
                    Object o = null;
                    for (int i = 0; i < 50_000; i++) o = new byte[10_000];
                    System.gc();
                    System.out.println(o != null);
                }
            }
            """);
        var log = Path.Combine(_folder, "log");
        var (code, output, _) = Commands.Run(Commands.HolonJava, "-verbose:class", $"-Xlog:gc:file={log}:uptimemillis,tags", "-cp", _folder, "Churn");
        Assert.Equal(0, code);
        Assert.Matches(@"(?m)^\[\d+\.\d{3}s\]\[info\]\[class,load\] java\.lang\.Object source: jrt:/java\.base$", output);
        Assert.Matches(@"(?m)^\[\d+\.\d{3}s\]\[info\]\[class,load\] Churn source: file:", output);
        Assert.Matches(@"(?m)^\[\d+ms *\]\[gc\] GC\(\d+\) Pause \w+ \(Generation \d\) \d+M->\d+M\(\d+M\) \d+\.\d{3}ms$", File.ReadAllText(log));
    }

    [Fact]
    public async Task A_quit_signal_prints_what_all_threads_do_and_a_deadlock()
    {
        RequireJava("javac");
        Compile("Stuck", """
            import java.util.concurrent.*;
            import java.util.concurrent.locks.*;
            public class Stuck {
                static final Object a = new Object(), b = new Object();
                static void cross(Object first, Object second, CyclicBarrier barrier) {
                    synchronized (first) {
                        try { barrier.await(); } catch (Exception e) { throw new Error(e); }
                        synchronized (second) { System.out.println("never"); }
                    }
                }
                static void start(String name, Runnable r) { Thread t = new Thread(r, name); t.setDaemon(true); t.start(); }
                public static void main(String[] x) throws Exception {
                    CyclicBarrier barrier = new CyclicBarrier(2);
                    start("one", () -> cross(a, b, barrier));
                    start("two", () -> cross(b, a, barrier));
                    ReentrantLock lock = new ReentrantLock();
                    lock.lock();
                    start("parker", lock::lock);
                    start("spinner", () -> { for (long k = 0; ; ) k += k * 3 + 1; });
                    start("sleeper", () -> { try { Thread.sleep(1_000_000); } catch (InterruptedException e) { } });
                    Thread.sleep(1500);
                    System.out.println("ready");
                    Object o = new Object();
                    synchronized (o) { o.wait(); }
                }
            }
            """);
        using var process = Process.Start(new ProcessStartInfo(Commands.HolonJava, ["-cp", _folder, "Stuck"]) { RedirectStandardOutput = true })!;
        var cancel = TestContext.Current.CancellationToken;
        Assert.Equal("ready", await process.StandardOutput.ReadLineAsync(cancel));
        Commands.MustRun("kill", "-QUIT", $"{process.Id}");
        var dump = new List<string>();
        while (await process.StandardOutput.ReadLineAsync(cancel) is { } line && !line.StartsWith(" .NET heap", StringComparison.Ordinal)) dump.Add(line);
        Commands.MustRun("kill", "-TERM", $"{process.Id}");
        await process.WaitForExitAsync(cancel);
        Assert.Equal(143, process.ExitCode);
        var text = string.Join('\n', dump);
        Assert.StartsWith("Full thread dump Holon JVM (", dump[1], StringComparison.Ordinal);
        Assert.Matches("\"main\" #1 prio=5 os_prio=0 cpu=[0-9.]+ms elapsed=[0-9.]+s tid=0x[0-9a-f]{16} nid=0x[0-9a-f]+ in Object.wait\\(\\)  \\[0x[0-9a-f]{16}\\]\n   java.lang.Thread.State: WAITING \\(on object monitor\\)\n\tat java.lang.Object.wait\\(java.base@17[^/]*/Native Method\\)\n\t- waiting on <0x[0-9a-f]{16}> \\(a java.lang.Object\\)", text);
        Assert.Matches("\"one\" #\\d+ daemon prio=5 .* waiting for monitor entry .*\n   java.lang.Thread.State: BLOCKED \\(on object monitor\\)\n\tat Stuck.cross\\(Stuck.java:8\\)\n\t- waiting to lock <0x[0-9a-f]+> \\(a java.lang.Object\\)\n\t- locked <0x[0-9a-f]+> \\(a java.lang.Object\\)", text);
        Assert.Matches("\"parker\" .*\n   java.lang.Thread.State: WAITING \\(parking\\)\n\tat jdk.internal.misc.Unsafe.park\\(java.base@17[^/]*/Native Method\\)\n\t- parking to wait for  <0x[0-9a-f]+> \\(a java.util.concurrent.locks.ReentrantLock\\$NonfairSync\\)", text);
        Assert.Matches("\"spinner\" .* runnable .*\n   java.lang.Thread.State: RUNNABLE\n\tat Stuck.lambda\\$main\\$\\d\\(Stuck.java:19\\)", text);
        Assert.Matches("\"sleeper\" .*\n   java.lang.Thread.State: TIMED_WAITING \\(sleeping\\)\n\tat java.lang.Thread.sleep", text);
        Assert.Contains("Found one Java-level deadlock:", text, StringComparison.Ordinal);
        Assert.Contains("Found 1 deadlock.", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_signal_that_ends_runs_the_shutdown_hooks()
    {
        RequireJava("javac");
        Compile("Hook", """
            public class Hook {
                public static void main(String[] a) throws Exception {
                    Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
                    System.out.println("ready");
                    Thread.sleep(1_000_000);
                }
            }
            """);
        using var process = Process.Start(new ProcessStartInfo(Commands.HolonJava, ["-cp", _folder, "Hook"]) { RedirectStandardOutput = true })!;
        var cancel = TestContext.Current.CancellationToken;
        Assert.Equal("ready", await process.StandardOutput.ReadLineAsync(cancel));
        Commands.MustRun("kill", "-INT", $"{process.Id}");
        Assert.Equal("hook", await process.StandardOutput.ReadLineAsync(cancel));
        await process.WaitForExitAsync(cancel);
        Assert.Equal(130, process.ExitCode);
    }
}
