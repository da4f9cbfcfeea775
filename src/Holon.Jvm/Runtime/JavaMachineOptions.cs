namespace Holon.Jvm.Runtime;

/// <summary>How Java code is executed.</summary>
public enum ExecutionTier
{
    /// <summary>Interpreted first, compiled when it is hot.</summary>
    Mixed,

    /// <summary>Interpreted only (<c>-Xint</c>).</summary>
    Interpreter,

    /// <summary>Compiled from the second call on, each loop from its second round on (<c>-Xcomp</c>): slow to start, a test of the compiler.</summary>
    CompiledAtOnce,
}

/// <summary>What a Java machine is to be.</summary>
public sealed record JavaMachineOptions
{
    /// <summary>Folder of a JDK or JRE 17, whose class library is used.</summary>
    public string JavaHome { get; init; } = DefaultJavaHome();

    /// <summary>Folders and jars of the application.</summary>
    public IReadOnlyList<string> ClassPath { get; init; } = [];

    /// <summary>System properties, as <c>-D</c> gives them.</summary>
    public IReadOnlyDictionary<string, string> Properties { get; init; } = new Dictionary<string, string>();

    /// <summary>Folders and jars appended to what the boot loader looks through (<c>-Xbootclasspath/a</c>); their classes are trusted.</summary>
    public IReadOnlyList<string> BootClassPath { get; init; } = [];

    /// <summary>Folders and jars with classes instead of those of a module, by its name (<c>--patch-module</c>).</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> ModulePatches { get; init; } = new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>Which classes have their assert statements on (<c>-ea</c>).</summary>
    public AssertionRules Assertions { get; init; } = new();

    /// <summary>Java agents that are started before the program (<c>-javaagent</c>).</summary>
    public IReadOnlyList<JavaAgent> Agents { get; init; } = [];

    /// <summary>The command line's options as they were given, for programs that ask (java.lang.management.RuntimeMXBean).</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Whether class files that use features in preview are taken (<c>--enable-preview</c>).</summary>
    public bool EnablePreview { get; init; }

    /// <summary>Whether loaded classes are logged (<c>-verbose:class</c>).</summary>
    public bool VerboseClass { get; init; }

    /// <summary>Whether each compilation is logged (<c>-XX:+PrintCompilation</c>).</summary>
    public bool PrintCompilation { get; init; }

    /// <summary>Whether calls of native methods that are missing are reported on standard error.</summary>
    public bool TraceNatives { get; init; }

    /// <summary>Whether jdk.test.whitebox.WhiteBox of the boot class path has its natives (<c>-XX:+WhiteBoxAPI</c>): OpenJDK's tests look into the machine by it.</summary>
    public bool WhiteBox { get; init; }

    /// <summary>How code is executed.</summary>
    public ExecutionTier Tier { get; init; }

    /// <summary>What the program may do outside the machine: by default nothing.</summary>
    public JavaGrants Grants { get; init; } = JavaGrants.None;

    /// <summary>How long the machine may live; a <see cref="JavaLimitException"/> then ends it.</summary>
    public TimeSpan? TimeLimit { get; init; }

    /// <summary>How many steps the machine may take: calls, backward branches and allocations of Java code, start of the class library included. Compiled code
    /// takes other ways in places, so the count differs a little from run to run; with <see cref="ExecutionTier.Interpreter"/> it does not.</summary>
    public long? InstructionLimit { get; init; }

    /// <summary>How many bytes Java objects and buffers may take; more ends the machine, where <see cref="MaximumHeap"/> raises OutOfMemoryError.</summary>
    public long? MemoryLimit { get; init; }

    /// <summary>How many Java threads there may be, about six of the class library's own included; one more raises OutOfMemoryError.</summary>
    public int? ThreadLimit { get; init; }

    /// <summary>Bytes of stack that threads have which ask for none themselves; null for 1 MiB of the first and 512 KiB of others.</summary>
    public long? StackSize { get; init; }

    /// <summary>Bytes of stack that a thread may have; more raises StackOverflowError.</summary>
    public long? StackLimit { get; init; }

    /// <summary>Most memory that Java's heap may take; 0 for a quarter of the host's.</summary>
    public long MaximumHeap { get; init; }

    /// <summary>Most frames of an exception's stack trace; 0 for all (<c>-XX:MaxJavaStackTraceDepth</c>).</summary>
    public int StackTraceDepth { get; init; } = 1024;

    /// <summary>Whether stack traces show the frames of lambda forms and of hidden classes (<c>-XX:+ShowHiddenFrames</c>).</summary>
    public bool ShowHiddenFrames { get; init; }

    /// <summary>Whether a NullPointerException tells what was null (<c>-XX:+ShowCodeDetailsInExceptionMessages</c>).</summary>
    public bool DetailedNullMessages { get; init; } = true;

    /// <summary>Whether the first OutOfMemoryError ends the machine, with exit code 3 (<c>-XX:+ExitOnOutOfMemoryError</c>).</summary>
    public bool ExitOnOutOfMemory { get; init; }

    /// <summary>How many processors the program is told; null for those there are (<c>-XX:ActiveProcessorCount</c>).</summary>
    public int? Processors { get; init; }

    /// <summary>
    /// What starts when the program starts <c>java.home/bin/java</c>: a program, and the arguments that come before the given ones. None for the host's
    /// own, outside of what this machine is limited to.
    /// </summary>
    public IReadOnlyList<string> JavaCommand { get; init; } = [];

    /// <summary>Where log lines go.</summary>
    public Action<string> Log { get; init; } = Console.Out.WriteLine;

    private static string DefaultJavaHome()
    {
        foreach (var candidate in (ReadOnlySpan<string?>)[Environment.GetEnvironmentVariable("HOLON_JAVA_HOME"), "/usr/lib/jvm/java-17-openjdk-amd64", "/usr/lib/jvm/java-17-openjdk-arm64"])
        {
            if (candidate != null && File.Exists(Path.Combine(candidate, "lib", "modules"))) return candidate;
        }
        return "/usr/lib/jvm/java-17-openjdk-amd64";
    }
}
