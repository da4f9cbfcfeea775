using Holon.Jvm.Diagnostics;
using Holon.Jvm.Runtime;

namespace Holon.Jvm;

/// <summary>How the program to run is named (LauncherHelper's modes).</summary>
internal enum MainKind
{
    Class = 1,
    Jar = 2,
    Module = 3,
    Source = 4,
}

/// <summary>What the class library's launcher is to tell.</summary>
internal enum Telling
{
    Nothing,
    Version,
    Modules,
    Module,
}

/// <summary>A parsed <c>java</c> command line.</summary>
internal sealed record JavaCommand
{
    public JavaMachineOptions Options { get; init; } = new();

    /// <summary>Main class, jar, module or source file.</summary>
    public string? Main { get; init; }

    public MainKind Kind { get; init; } = MainKind.Class;

    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Lines for standard error before anything else.</summary>
    public IReadOnlyList<string> Notices { get; init; } = [];

    /// <summary>Something to print instead of running.</summary>
    public string? Message { get; init; }

    public bool MessageToError { get; init; }

    public int Code { get; init; }

    /// <summary>What the class library tells, before the program when there is one.</summary>
    public Telling Tells { get; init; }

    /// <summary>Whether it tells that on standard error, as the options with one hyphen do.</summary>
    public bool TellsToError { get; init; }

    /// <summary>The module to describe.</summary>
    public string? Subject { get; init; }

    /// <summary>The value of <c>-XshowSettings</c>.</summary>
    public string? Settings { get; init; }

    /// <summary>Whether main is loaded, but not called.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>Whether signals stay as they are (<c>-Xrs</c>).</summary>
    public bool ReducedSignals { get; init; }

    /// <summary>What <c>-Xlog</c> and <c>-verbose</c> ask for.</summary>
    public MachineLog Log { get; init; } = new();

    public const string Usage = """
        Usage: java [options] <mainclass> [args...]
                   (to execute a class)
           or  java [options] -jar <jarfile> [args...]
                   (to execute a jar file)
           or  java [options] -m <module>[/<mainclass>] [args...]
                   (to execute the main class in a module)
           or  java [options] <sourcefile> [args]
                   (to execute a single source-file program; needs a JDK)

        -cp <path>, -classpath <path>   folders and jars of the application
        -p <path>, --module-path <path> folders of modules
        -D<name>=<value>                a system property
        -javaagent:<jar>[=<options>]    starts a Java agent first
        -ea[:<class>|:<package>...]     assertions on; -da off, -esa and -dsa for the class library
        -Xmx<size>, -Xss<size>          largest heap; stack of each thread
        -Xint, -Xcomp                   interpret only; compile at once
        -Xrs                            leaves signals alone
        -verbose[:class|gc]             tells which classes are loaded, or each garbage collection
        -Xlog[:<what>[:<output>[:<decorators>]]]
                                        the same as HotSpot; there are gc, class+load and jit+compilation
        -XX:+PrintCompilation           tells what is compiled
        -showversion, --dry-run         prints the version first; does not call main
        --list-modules, -d <module>     modules; what one has
        --limit-time <time>             ends the program after 500ms, 30s, 5m, ...
        --limit-memory <size>           ends it when its objects take more
        --limit-instructions <count>    ends it after so many calls, backward branches and allocations
        --limit-threads <count>         at most so many threads
        --limit-stack <size>            most stack of each thread
        --allow-read <paths>            files and folders it may read, with commas; from the first --allow on it may do nothing else
        --allow-write <paths>           files and folders it may write
        --allow-net <hosts>             host or host:port, with commas; * for all, none for none
        --allow-env <names>             variables of the environment that it sees
        --allow-run, --allow-exit       starting processes; System.exit
        --allow-unsafe                  sun.misc.Unsafe and --add-opens, for trusted programs
        --java-home <folder>            the JDK 17 whose class library is used
        -version, --version             the version
        @<file>                         more arguments, from a file

        JDK_JAVA_OPTIONS and JAVA_TOOL_OPTIONS in the environment hold more options. Ctrl-\ (SIGQUIT) prints the stacks of all threads.
        """;

    /// <summary>Parses a command line with what the environment adds to it.</summary>
    public static JavaCommand Parse(IReadOnlyList<string> given) => new JavaCommandParser(Environment.GetEnvironmentVariable).Parse(given);
}
