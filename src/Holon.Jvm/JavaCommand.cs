using Holon.Jvm.Runtime;
using Holon.Machines;

namespace Holon.Jvm;

/// <summary>What a program is started from; the numbers are LauncherHelper's.</summary>
internal enum MainKind
{
    Class = 1,
    Jar = 2,
    Module = 3,
}

/// <summary>A parsed <c>java</c> command line.</summary>
internal sealed record JavaCommand
{
    public JavaMachineOptions Options { get; init; } = new();

    /// <summary>Main class, jar, or module with or without a class.</summary>
    public string? Main { get; init; }

    public MainKind Kind { get; init; }

    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Something to print instead of running.</summary>
    public string? Message { get; init; }

    public bool MessageToError { get; init; }

    public int Code { get; init; }

    private const string Usage = """
        Usage: java [options] <mainclass> [args...]
                   (to execute a class)
           or  java [options] -jar <jarfile> [args...]
                   (to execute a jar file)

        -cp <path>, -classpath <path>   folders and jars of the application
        -D<name>=<value>                a system property
        -p <path>, --module-path <path> folders with modules; -m <module>[/<class>] starts from one
        -javaagent:<jar>[=<options>]    starts a Java agent first
        -ea[:<class>|:<package>...]     assertions on; -da off, -esa and -dsa for the class library
        -Xmx<size>                      largest heap
        -Xint, -Xcomp                   interpret only; compile at once
        -verbose:class                  tells which classes are loaded, and from where
        --limit-time <time>             ends the program after 500ms, 30s, 5m, ...
        --limit-memory <size>           ends it when its objects take more; nothing is compiled then
        --limit-instructions <count>    ends it after so many calls, backward branches and allocations; nothing is compiled then
        --limit-threads <count>         at most so many threads
        --limit-stack <size>            stack of each thread
        --allow-read <paths>            files and folders it may read, with commas; from the first --allow on it may do nothing else
        --allow-write <paths>           files and folders it may write
        --allow-net <hosts>             host or host:port, with commas; * for all, none for none
        --allow-env <names>             variables of the environment that it sees
        --allow-run, --allow-exit       starting processes; System.exit
        --allow-unsafe                  sun.misc.Unsafe and --add-opens, for trusted programs
        --java-home <folder>            the JDK 17 whose class library is used
        -version, --version             the version
        @<file>                         more arguments, from a file
        """;

    public static JavaCommand Parse(IReadOnlyList<string> given)
    {
        var words = new Queue<string>(Expand(given));
        string[] all = [.. words];
        var options = new JavaMachineOptions { Grants = JavaGrants.All };
        var properties = new Dictionary<string, string>();
        string? classPath = null;
        string? jar = null;
        string? module = null;
        while (words.TryPeek(out var word) && word.StartsWith('-'))
        {
            words.Dequeue();
            switch (word)
            {
                case "-cp" or "-classpath" or "--class-path":
                    classPath = Take(words, word);
                    break;
                case "-jar":
                    jar = Take(words, word);
                    break;
                case "-version":
                    return new JavaCommand { Message = Version(options), MessageToError = true };
                case "--version":
                    return new JavaCommand { Message = Version(options) };
                case "-help" or "-h" or "-?" or "--help":
                    return new JavaCommand { Message = Usage };
                case "-ea" or "-enableassertions":
                    options = options with { Assertions = options.Assertions with { Default = true } };
                    break;
                case "-da" or "-disableassertions":
                    options = options with { Assertions = options.Assertions with { Default = false } };
                    break;
                case "-esa" or "-enablesystemassertions":
                    options = options with { Assertions = options.Assertions with { System = true } };
                    break;
                case "-dsa" or "-disablesystemassertions":
                    options = options with { Assertions = options.Assertions with { System = false } };
                    break;
                case "-m" or "--module":
                    module = Take(words, word);
                    break;
                case "--enable-preview":
                    options = options with { EnablePreview = true };
                    break;
                case "-server" or "-client" or "-d64" or "-showversion" or "--show-version":
                    if (word.Contains("show", StringComparison.Ordinal)) (word[1] == '-' ? Console.Out : Console.Error).WriteLine(Version(options));
                    break;
                case "-verbose" or "-verbose:class":
                    options = options with { VerboseClass = true };
                    break;
                case "-XX:+PrintCompilation":
                    options = options with { PrintCompilation = true };
                    break;
                case "-Xint":
                    options = options with { Tier = ExecutionTier.Interpreter };
                    break;
                case "-Xcomp":
                    options = options with { Tier = ExecutionTier.CompiledAtOnce };
                    break;
                case "-Xmixed":
                    options = options with { Tier = ExecutionTier.Mixed };
                    break;
                case "--java-home":
                    options = options with { JavaHome = Take(words, word) };
                    break;
                case "--limit-time":
                    options = options with { TimeLimit = TimeLimit.Parse(Take(words, word)) };
                    break;
                case "--limit-memory":
                    options = options with { MemoryLimit = (long)MemorySize.Parse(Take(words, word)).Bytes };
                    break;
                case "--limit-stack":
                    options = options with { StackLimit = (long)MemorySize.Parse(Take(words, word)).Bytes };
                    break;
                case "--limit-instructions":
                    options = options with { InstructionLimit = Count(word, Take(words, word)) };
                    break;
                case "--limit-threads":
                    options = options with { ThreadLimit = (int)Math.Min(int.MaxValue, Count(word, Take(words, word))) };
                    break;
                case "--allow-read" or "--allow-write" or "--allow-net" or "--allow-env" or "--allow-run" or "--allow-exit" or "--allow-unsafe":
                    options = options with { Grants = Grant(options.Grants == JavaGrants.All ? JavaGrants.None : options.Grants, word, words) };
                    break;
                case "--trace-natives":
                    options = options with { TraceNatives = true };
                    break;
                case "-p" or "--module-path" or "--upgrade-module-path" or "--add-opens" or "--add-exports" or "--add-modules" or "--add-reads" or "--limit-modules" or "--patch-module" or "--enable-native-access" or "--illegal-access":
                    options = ModuleOption(options, properties, word, Take(words, word));
                    break;
                default:
                    if (word.StartsWith("-D", StringComparison.Ordinal)) AddProperty(properties, word[2..]);
                    else if (Assertion(word) is var (target, enabled)) options = options with { Assertions = options.Assertions.With(target, enabled) };
                    else if (word.StartsWith("-javaagent:", StringComparison.Ordinal)) options = options with { Agents = [.. options.Agents, Agent(word["-javaagent:".Length..])] };
                    else if (word.StartsWith("-Xbootclasspath/a:", StringComparison.Ordinal)) options = AppendToBootPath(options, properties, word["-Xbootclasspath/a:".Length..]);
                    else if (word.StartsWith("-Xmx", StringComparison.Ordinal)) options = options with { MaximumHeap = (long)MemorySize.Parse(word[4..]).Bytes };
                    else if (word.StartsWith("--", StringComparison.Ordinal) && word.IndexOf('=') is > 0 and var equals)
                    {
                        // --option=value is --option value.
                        words = new Queue<string>([word[..equals], word[(equals + 1)..], .. words]);
                        if (!LongOptions.Contains(word[..equals])) return Unrecognized(word);
                    }
                    else if (!word.StartsWith("-X", StringComparison.Ordinal))
                    {
                        return Unrecognized(word);
                    }
                    break;
            }
            if (jar != null || module != null) break;
        }
        var own = all[..Math.Max(0, all.Length - words.Count)].Where(w => w.StartsWith('-')).ToArray();
        var main = jar ?? module ?? (words.TryDequeue(out var name) ? name : null);
        if (main == null) return new JavaCommand { Message = Usage, MessageToError = true, Code = 1 };
        if (module != null)
        {
            properties["jdk.module.main"] = module.Split('/')[0];
            classPath ??= "";
        }
        classPath = jar ?? classPath ?? Environment.GetEnvironmentVariable("CLASSPATH") ?? ".";
        // Agents' classes are looked for on the class path, and their module is there whatever the program's modules need.
        foreach (var agent in options.Agents) classPath = classPath.Length == 0 ? agent.Jar : classPath + ":" + agent.Jar;
        if (options.Agents.Count > 0) options = ModuleOption(options, properties, "--add-modules", "java.instrument");
        foreach (var (property, instead) in (ReadOnlySpan<(string, string)>)[("java.ext.dirs", "Use -classpath instead."), ("java.endorsed.dirs", "Endorsed standards and standalone APIs\nin modular form will be supported via the concept of upgradeable modules.")])
        {
            if (properties.GetValueOrDefault(property) is { Length: > 0 } folders) return Refused($"-D{property}={folders} is not supported.{(property == "java.ext.dirs" ? " " : "")} {instead}");
        }
        properties["sun.java.command"] = string.Join(' ', words.Prepend(main));
        return new JavaCommand
        {
            Options = options with { ClassPath = classPath.Split(':').SelectMany(Wildcard).ToArray(), Properties = properties, Arguments = own },
            Main = main.Contains('/') && jar == null && module == null ? main.Replace('/', '.') : main,
            Kind = jar != null ? MainKind.Jar : module != null ? MainKind.Module : MainKind.Class,
            Arguments = [.. words],
        };
    }

    private static string Take(Queue<string> words, string option) =>
        words.TryDequeue(out var value) ? value : throw new HolonException($"{option} needs a value after it.");

    private static long Count(string option, string text) => long.TryParse(text, out var count) && count > 0 ? count : throw new HolonException($"{option} needs a number above zero, not '{text}'.");

    private static JavaGrants Grant(JavaGrants grants, string option, Queue<string> words)
    {
        string[] List() => Take(words, option) is var text && text == "none" ? [] : text.Split(',', StringSplitOptions.RemoveEmptyEntries);
        return option switch
        {
            "--allow-read" => grants with { Read = [.. grants.Read, .. List()] },
            "--allow-write" => grants with { Write = [.. grants.Write, .. List()] },
            "--allow-net" => grants with { Net = [.. grants.Net, .. List()] },
            "--allow-env" => grants with { Environment = [.. grants.Environment, .. List()] },
            "--allow-run" => grants with { Run = true },
            "--allow-exit" => grants with { Exit = true },
            _ => grants with { Unsafe = true },
        };
    }

    private static void AddProperty(Dictionary<string, string> properties, string text)
    {
        var equals = text.IndexOf('=');
        properties[equals < 0 ? text : text[..equals]] = equals < 0 ? "" : text[(equals + 1)..];
    }

    /// <summary>Long options that may have their value after an equals sign.</summary>
    private static readonly string[] LongOptions =
    [
        "--add-opens", "--add-exports", "--add-modules", "--add-reads", "--limit-modules", "--patch-module", "--module-path", "--upgrade-module-path", "--enable-native-access",
        "--illegal-access", "--class-path", "--module", "--java-home", "--limit-time", "--limit-memory", "--limit-stack", "--limit-instructions", "--limit-threads",
        "--allow-read", "--allow-write", "--allow-net", "--allow-env",
    ];

    private static JavaCommand Unrecognized(string option) => Refused("Unrecognized option: " + option);

    private static JavaCommand Refused(string why) =>
        new() { Message = $"{why}\nError: Could not create the Java Virtual Machine.\nError: A fatal exception has occurred. Program will exit.", MessageToError = true, Code = 1 };

    /// <summary>What -ea:target and the like name, and whether it is on.</summary>
    private static (string Target, bool Enabled)? Assertion(string word)
    {
        if (word.IndexOf(':') is not (> 0 and var colon)) return null;
        return word[..colon] switch
        {
            "-ea" or "-enableassertions" => (word[(colon + 1)..], true),
            "-da" or "-disableassertions" => (word[(colon + 1)..], false),
            _ => null,
        };
    }

    private static JavaAgent Agent(string text)
    {
        var equals = text.IndexOf('=');
        return equals < 0 ? new JavaAgent(text, null) : new JavaAgent(text[..equals], text[(equals + 1)..]);
    }

    private static JavaMachineOptions AppendToBootPath(JavaMachineOptions options, Dictionary<string, string> properties, string path)
    {
        const string Property = "jdk.boot.class.path.append"; // where the class library looks for resources
        properties[Property] = properties.TryGetValue(Property, out var before) ? before + ":" + path : path;
        return options with { BootClassPath = [.. options.BootClassPath, .. path.Split(':', StringSplitOptions.RemoveEmptyEntries)] };
    }

    /// <summary>Module options reach the class library as properties, some of them numbered (jdk.internal.module.ModuleBootstrap).</summary>
    private static JavaMachineOptions ModuleOption(JavaMachineOptions options, Dictionary<string, string> properties, string option, string value)
    {
        var name = "jdk.module." + option switch
        {
            "--add-opens" => "addopens",
            "--add-exports" => "addexports",
            "--add-reads" => "addreads",
            "--add-modules" => "addmods",
            "--patch-module" => "patch",
            "--enable-native-access" => "enable.native.access",
            "--illegal-access" => "illegalAccess",
            "--upgrade-module-path" => "upgrade.path",
            "--limit-modules" => "limitmods",
            _ => "path",
        };
        if (option is "--upgrade-module-path" or "--limit-modules" or "-p" or "--module-path" or "--illegal-access")
        {
            properties[name] = value;
            return options;
        }
        var i = 0;
        while (properties.ContainsKey($"{name}.{i}")) i++;
        properties[$"{name}.{i}"] = value;
        if (option != "--patch-module") return options;
        if (value.IndexOf('=') is not (> 0 and var equals)) throw new HolonException($"--patch-module needs module=folder, not '{value}'.");
        return options with { ModulePatches = new Dictionary<string, IReadOnlyList<string>>(options.ModulePatches) { [value[..equals]] = value[(equals + 1)..].Split(':') } };
    }

    /// <summary>A class path entry <c>folder/*</c> stands for all jars of the folder.</summary>
    private static IEnumerable<string> Wildcard(string entry)
    {
        if (entry != "*" && !entry.EndsWith("/*", StringComparison.Ordinal)) return [entry];
        var folder = entry.Length == 1 ? "." : entry[..^2];
        return Directory.Exists(folder) ? Directory.EnumerateFiles(folder).Where(f => f.EndsWith(".jar", StringComparison.OrdinalIgnoreCase)).Order(StringComparer.Ordinal) : [];
    }

    private static string Version(JavaMachineOptions options)
    {
        var release = Path.Combine(options.JavaHome, "release");
        var version = File.Exists(release) ? File.ReadLines(release).FirstOrDefault(l => l.StartsWith("JAVA_VERSION=", StringComparison.Ordinal))?.Split('"')[1] : "17";
        return $"openjdk version \"{version}\"\nHolon JVM on .NET {Environment.Version} (class library of {options.JavaHome})";
    }

    /// <summary>Replaces @file by the arguments in the file (java's own rules: white space separates, quotes join, # begins a comment).</summary>
    private static IEnumerable<string> Expand(IReadOnlyList<string> given)
    {
        var options = true;
        foreach (var word in given)
        {
            if (!options || word.Length < 2 || word[0] != '@' || word[1] == '@')
            {
                yield return options && word.StartsWith("@@", StringComparison.Ordinal) ? word[1..] : word;
                continue;
            }
            string text;
            try
            {
                text = File.ReadAllText(word[1..]);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new HolonException($"The argument file {word[1..]} cannot be read; name a file that exists after the @.", e);
            }
            foreach (var argument in ArgumentFile.Split(text)) yield return argument;
        }
    }
}
