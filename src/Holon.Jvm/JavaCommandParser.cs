using Holon.Jvm.Diagnostics;
using Holon.Jvm.Runtime;
using Holon.Machines;

namespace Holon.Jvm;

/// <summary>Reads <c>java</c>'s options as HotSpot's launcher does, with its messages for what is wrong.</summary>
internal sealed class JavaCommandParser(Func<string, string?> environment)
{
    /// <summary>An option that cannot be; the message is the launcher's.</summary>
    private sealed class Refusal(string message) : Exception(message);

    private const string NotCreated = "\nError: Could not create the Java Virtual Machine.\nError: A fatal exception has occurred. Program will exit.";

    private const string TooSmallHeap = "Error occurred during initialization of VM\nToo small maximum heap";

    private readonly Dictionary<string, string> _properties = [];
    private readonly List<string> _notices = [];
    private readonly List<string> _own = [];
    private JavaMachineOptions _options = new() { Grants = JavaGrants.All };
    private JavaCommand _command = new();
    private Queue<string> _words = new();
    private string? _classPath;
    private MainKind _kind = MainKind.Class;
    private bool _ignoresUnknown;

    public JavaCommand Parse(IReadOnlyList<string> given)
    {
        try
        {
            return ParseAll(given);
        }
        catch (Refusal e)
        {
            return new JavaCommand { Notices = _notices, Message = e.Message, MessageToError = true, Code = 1 };
        }
    }

    private JavaCommand ParseAll(IReadOnlyList<string> given)
    {
        List<string> words = [.. Expand(given)];
        if (environment("JDK_JAVA_OPTIONS") is { Length: > 0 } more)
        {
            _notices.Add($"NOTE: Picked up JDK_JAVA_OPTIONS: {more}");
            words.InsertRange(0, Expand([.. ArgumentFile.Split(more)]));
        }
        FromEnvironment("JAVA_TOOL_OPTIONS");
        _words = new Queue<string>(words);
        while (_words.TryPeek(out var word) && word.StartsWith('-') && word != "-")
        {
            _words.Dequeue();
            _own.Add(word);
            if (LauncherOption(word) is { } finished) return finished;
        }
        return Finish();
    }

    /// <summary>Options for every Java machine that is started, whoever starts it.</summary>
    private void FromEnvironment(string variable)
    {
        if (environment(variable) is not { Length: > 0 } text) return;
        _notices.Add($"Picked up {variable}: {text}");
        foreach (var word in ArgumentFile.Split(text))
        {
            _own.Add(word);
            if (!MachineOption(word)) throw new Refusal($"Unrecognized option: {word}{NotCreated}");
        }
    }

    private JavaCommand Finish()
    {
        FromEnvironment("_JAVA_OPTIONS");
        var main = _words.TryDequeue(out var name) ? name : null;
        if (main == null && _command.Tells == Telling.Nothing && _command.Settings == null) return new JavaCommand { Notices = _notices, Message = JavaCommand.Usage, MessageToError = true, Code = 1 };
        if (_kind == MainKind.Class && main != null && (main.EndsWith(".java", StringComparison.Ordinal) && File.Exists(main) || _properties.ContainsKey("jdk.sources")))
        {
            // The launcher of a single source file is a class of the compiler's module.
            _words = new Queue<string>(_words.Prepend(main));
            _kind = MainKind.Source;
            _properties.TryAdd("jdk.module.addmods.0", "ALL-DEFAULT");
            _classPath ??= environment("CLASSPATH") ?? "";
            main = "jdk.compiler/com.sun.tools.javac.launcher.Main";
        }
        if (_kind == MainKind.Jar && main != null) CheckJar(main);
        if (_kind == MainKind.Module)
        {
            _properties["jdk.module.main"] = main!.Split('/')[0];
            if (main.Split('/') is [_, var mainClass]) _properties["jdk.module.main.class"] = mainClass;
        }
        else if (_kind == MainKind.Source)
        {
            _properties["jdk.module.main"] = "jdk.compiler";
        }
        _classPath = _kind == MainKind.Jar ? main : _classPath ?? (_kind == MainKind.Module ? "" : environment("CLASSPATH") ?? ".");
        // Agents' classes are looked for on the class path, and their module is there whatever the program's modules need.
        // A program that has only modules keeps its empty class path: the agents' start sees to it.
        if (_classPath!.Length > 0) _classPath = string.Join(':', [_classPath, .. _options.Agents.Select(agent => agent.Jar)]);
        if (_options.Agents.Count > 0) AddModuleOption("--add-modules", "java.instrument");
        foreach (var (property, instead) in (ReadOnlySpan<(string, string)>)[("java.ext.dirs", "  Use -classpath instead."), ("java.endorsed.dirs", " Endorsed standards and standalone APIs\nin modular form will be supported via the concept of upgradeable modules.")])
        {
            if (_properties.GetValueOrDefault(property) is { Length: > 0 } folders) throw new Refusal($"-D{property}={folders} is not supported.{instead}{NotCreated}");
        }
        if (main != null) _properties["sun.java.command"] = string.Join(' ', _words.Prepend(main));
        _properties.Remove("jdk.sources");
        return _command with
        {
            Options = _options with { ClassPath = _classPath!.Length == 0 ? [] : _classPath.Split(':').SelectMany(Wildcard).ToArray(), Properties = _properties, Arguments = _own },
            Main = main == null ? null : _kind == MainKind.Class && main.Contains('/') ? main.Replace('/', '.') : main,
            Kind = _kind,
            Arguments = [.. _words],
            Notices = _notices,
        };
    }

    /// <summary>An option; gives the command when it is one that tells something instead of running.</summary>
    private JavaCommand? LauncherOption(string word)
    {
        if (word.StartsWith("--", StringComparison.Ordinal) && word.IndexOf('=') is > 0 and var equals)
        {
            _words = new Queue<string>(_words.Prepend(word[(equals + 1)..]));
            word = word[..equals];
        }
        switch (word)
        {
            case "-cp" or "-classpath" or "--class-path":
                _classPath = _words.TryDequeue(out var path) ? path : throw new Refusal($"Error: {word} requires class path specification");
                return null;
            case "-jar":
                _kind = MainKind.Jar;
                if (_words.Count == 0) throw new Refusal("Error: -jar requires jar file specification\n" + JavaCommand.Usage);
                return null;
            case "-m" or "--module":
                _kind = MainKind.Module;
                if (_words.Count == 0) throw new Refusal($"Error: {word} requires module name");
                // Everything behind the module is the program's.
                return Finish();
            case "-p" or "--module-path":
                _properties["jdk.module.path"] = Take(word);
                return null;
            case "--upgrade-module-path":
                _properties["jdk.module.upgrade.path"] = Take(word);
                return null;
            case "--source":
                _properties["jdk.sources"] = _properties["jdk.internal.javac.source"] = Take(word);
                return null;
            case "-version" or "-fullversion":
                _command = _command with { Tells = Telling.Version, TellsToError = true };
                _words.Clear();
                return Finish();
            case "--version" or "--full-version":
                _command = _command with { Tells = Telling.Version };
                _words.Clear();
                return Finish();
            case "-showversion" or "--show-version":
                _command = _command with { Tells = Telling.Version, TellsToError = word == "-showversion" };
                return null;
            case "--list-modules":
                _command = _command with { Tells = Telling.Modules };
                _words.Clear();
                return Finish();
            case "-d" or "--describe-module":
                _command = _command with { Tells = Telling.Module, Subject = Take(word) };
                _words.Clear();
                return Finish();
            case "--show-module-resolution":
                _properties["jdk.module.showModuleResolution"] = "true";
                return null;
            case "--dry-run":
                _command = _command with { IsDryRun = true };
                return null;
            case "-help" or "-h" or "-?":
                return new JavaCommand { Message = JavaCommand.Usage, MessageToError = true };
            case "--help" or "-X" or "--help-extra":
                return new JavaCommand { Message = JavaCommand.Usage };
            case "-Xinternalversion":
                return new JavaCommand { Message = $"{VersionText.Name} {VersionText.Number} on .NET {Environment.Version} (class library of {_options.JavaHome})" };
            case "--java-home":
                _options = _options with { JavaHome = Take(word) };
                return null;
            case "--limit-time":
                _options = _options with { TimeLimit = TimeLimit.Parse(Take(word)) };
                return null;
            case "--limit-memory":
                _options = _options with { MemoryLimit = (long)MemorySize.Parse(Take(word)).Bytes };
                return null;
            case "--limit-stack":
                _options = _options with { StackLimit = (long)MemorySize.Parse(Take(word)).Bytes };
                return null;
            case "--limit-instructions":
                _options = _options with { InstructionLimit = Count(word, Take(word)) };
                return null;
            case "--limit-threads":
                _options = _options with { ThreadLimit = (int)Math.Min(int.MaxValue, Count(word, Take(word))) };
                return null;
            case "--allow-unsafe":
                _options = _options with { Grants = Granted(_options) with { Unsafe = true } };
                return null;
            case var grant when MachineGrants.IsOption(grant):
                _options = _options with { Grants = (JavaGrants)Granted(_options).With(word, () => Take(word)) };
                return null;
            case "--trace-natives":
                _options = _options with { TraceNatives = true };
                return null;
            case "--add-opens" or "--add-exports" or "--add-modules" or "--add-reads" or "--limit-modules" or "--patch-module" or "--enable-native-access":
                AddModuleOption(word, Take(word));
                return null;
            case "--enable-preview":
                _options = _options with { EnablePreview = true };
                return null;
            case "--illegal-access":
                _notices.Add($"{VersionText.Name} warning: Ignoring option --illegal-access={Take(word)}; support was removed in 17.0");
                return null;
            case "--validate-modules" or "-javaagent" or "-agentlib" or "-agentpath":
                throw new Refusal($"Error: Holon's Java machine has no {word}; run without it.{NotCreated}");
        }
        return MachineOption(word) ? null : throw new Refusal($"Unrecognized option: {word}{NotCreated}");
    }

    /// <summary>An option that variables of the environment may hold, too; false when there is none such.</summary>
    private bool MachineOption(string word)
    {
        switch (word)
        {
            case "-ea" or "-enableassertions":
                _options = _options with { Assertions = _options.Assertions with { Default = true } };
                return true;
            case "-da" or "-disableassertions":
                _options = _options with { Assertions = _options.Assertions with { Default = false } };
                return true;
            case "-esa" or "-enablesystemassertions":
                _options = _options with { Assertions = _options.Assertions with { System = true } };
                return true;
            case "-dsa" or "-disablesystemassertions":
                _options = _options with { Assertions = _options.Assertions with { System = false } };
                return true;
            case "-Xint":
                _options = _options with { Tier = ExecutionTier.Interpreter };
                return true;
            case "-Xcomp":
                _options = _options with { Tier = ExecutionTier.CompiledAtOnce };
                return true;
            case "-Xmixed":
                _options = _options with { Tier = ExecutionTier.Mixed };
                return true;
            case "-Xrs":
                _command = _command with { ReducedSignals = true };
                return true;
            case "-verbose" or "-verbose:class":
                _command.Log.Add("class+load");
                return true;
            case "-verbose:gc":
                _command.Log.Add("gc");
                return true;
            case "-verbose:module" or "-verbose:jni":
                return true;
            case "-Xbatch" or "-Xfuture" or "-Xnoclassgc" or "-Xdebug" or "-Xcheck:jni" or "-Xverify" or "-verify" or "-Xverify:all" or "-Xverify:remote" or "-noverify" or "-Xverify:none" or "-server" or "-client":
                return true; // nothing here depends on them; classes are verified in any case
        }
        if (word.StartsWith("-D", StringComparison.Ordinal)) AddProperty(word[2..]);
        else if (word.StartsWith("-Xlog", StringComparison.Ordinal) && (word.Length == 5 || word[5] == ':')) AddLog(word);
        else if (word.StartsWith("-Xmx", StringComparison.Ordinal)) _options = _options with { MaximumHeap = Size(word, 4, "maximum heap size", 2 << 20, TooSmallHeap) };
        else if (word.StartsWith("-Xms", StringComparison.Ordinal)) Size(word, 4, "initial heap size", 0, "");
        else if (word.StartsWith("-Xmn", StringComparison.Ordinal)) Size(word, 4, "initial young generation size", 0, "");
        else if (word.StartsWith("-Xss", StringComparison.Ordinal)) _options = _options with { StackSize = Size(word, 4, "thread stack size", 136 << 10, "The Java thread stack size specified is too small. Specify at least 136k") };
        else if (word.StartsWith("-Xshare:", StringComparison.Ordinal)) return word[8..] is "auto" or "on" or "off";
        else if (word.StartsWith("-XshowSettings", StringComparison.Ordinal)) _command = _command with { Settings = word };
        else if (Assertion(word) is var (target, enabled)) _options = _options with { Assertions = _options.Assertions.With(target, enabled) };
        else if (word.StartsWith("-javaagent:", StringComparison.Ordinal)) _options = _options with { Agents = [.. _options.Agents, Agent(word["-javaagent:".Length..])] };
        else if (word.StartsWith("-agent", StringComparison.Ordinal) || word.StartsWith("-Xrun", StringComparison.Ordinal)) throw new Refusal($"Error: Holon's Java machine has no agents in machine code ({word}); run without it.{NotCreated}");
        else if (word.StartsWith("-Xbootclasspath/a:", StringComparison.Ordinal)) AppendToBootPath(word["-Xbootclasspath/a:".Length..]);
        else if (word.StartsWith("-Xbootclasspath", StringComparison.Ordinal)) throw new Refusal($"Error: Holon's Java machine has no {word.Split(':')[0]}; use --patch-module or -Xbootclasspath/a:.{NotCreated}");
        else if (word.StartsWith("-XX:", StringComparison.Ordinal)) TuningOption(word[4..]);
        else return false;
        return true;
    }

    private void AddLog(string word)
    {
        if (_command.Log.Add(word.Length == 5 ? "" : word[6..]) is { } wrong) throw new Refusal($"[0.000s][error][logging] {wrong}\nInvalid -Xlog option '{word}', see error log for details.{NotCreated}");
    }

    /// <summary>HotSpot's <c>-XX</c>: a few mean something here, those that tune its collectors and compilers nothing, others are refused as it refuses them.</summary>
    private void TuningOption(string text)
    {
        var equals = text.IndexOf('=');
        var value = equals < 0 ? "" : text[(equals + 1)..];
        switch (equals < 0 ? text : text[..equals])
        {
            case "+PrintCompilation":
                _options = _options with { PrintCompilation = true };
                return;
            case "MaxHeapSize":
                _options = _options with { MaximumHeap = Size("-XX:" + text, "-XX:MaxHeapSize=".Length, "maximum heap size", 2 << 20, TooSmallHeap) };
                return;
            case "ThreadStackSize":
                _options = _options with { StackSize = Size("-XX:" + text + "k", "-XX:ThreadStackSize=".Length, "thread stack size", 0, "") };
                return;
            case "MaxRAMPercentage" when double.TryParse(value, System.Globalization.CultureInfo.InvariantCulture, out var percent) && percent is > 0 and <= 100:
                _options = _options with { MaximumHeap = (long)(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes * (percent / 100)) };
                return;
            case "ActiveProcessorCount" when int.TryParse(value, out var processors) && processors is > 0 and <= 1 << 16:
                _options = _options with { Processors = processors };
                return;
            case "MaxJavaStackTraceDepth" when int.TryParse(value, out var depth) && depth is >= 0 and <= int.MaxValue / 2:
                _options = _options with { StackTraceDepth = depth };
                return;
            case "+ShowHiddenFrames" or "-ShowHiddenFrames":
                _options = _options with { ShowHiddenFrames = text[0] == '+' };
                return;
            case "+ShowCodeDetailsInExceptionMessages" or "-ShowCodeDetailsInExceptionMessages":
                _options = _options with { DetailedNullMessages = text[0] == '+' };
                return;
            case "+ExitOnOutOfMemoryError" or "-ExitOnOutOfMemoryError":
                _options = _options with { ExitOnOutOfMemory = text[0] == '+' };
                return;
            case "+WhiteBoxAPI" or "-WhiteBoxAPI":
                _options = _options with { WhiteBox = text[0] == '+' };
                return;
            case "+ReduceSignalUsage":
                _command = _command with { ReducedSignals = true };
                return;
            case "+IgnoreUnrecognizedVMOptions":
                _ignoresUnknown = true;
                return;
        }
        if (!_ignoresUnknown && !TuningOptions.IsKnown(text)) throw new Refusal($"Unrecognized VM option '{(text is ['+' or '-', .. var flag] ? flag : text)}'{NotCreated}");
    }

    private static long Size(string word, int prefix, string what, long least, string tooSmall)
    {
        var text = word.AsSpan(prefix);
        if (text.IsEmpty || text[^1] is 'b' or 'B' || !MemorySize.TryParse(text, out var size) || size.Bytes > long.MaxValue) throw new Refusal($"Invalid {what}: {word}{NotCreated}");
        if ((long)size.Bytes < least) throw new Refusal(tooSmall == TooSmallHeap ? tooSmall : tooSmall + NotCreated);
        return (long)size.Bytes;
    }

    private string Take(string option) => _words.TryDequeue(out var value) ? value : throw new Refusal($"Error: {option} requires a value after it.");

    private static long Count(string option, string text) => long.TryParse(text, out var count) && count > 0 ? count : throw new HolonException($"{option} needs a number above zero, not '{text}'.");

    /// <summary>The first grant takes everything else away.</summary>
    private static JavaGrants Granted(JavaMachineOptions options) => options.Grants == JavaGrants.All ? JavaGrants.None : options.Grants;

    /// <summary>By these the launcher tells the class library of options; a program's user gives the options themselves.</summary>
    private static readonly string[] ReservedModuleProperties = ["addexports", "addopens", "addreads", "patch", "limitmods", "path", "upgrade.path", "addmods", "enable.native.access"];

    private static bool IsReserved(string property) =>
        property.StartsWith("jdk.module.", StringComparison.Ordinal) && Array.Exists(ReservedModuleProperties, r => (property + ".").StartsWith($"jdk.module.{r}.", StringComparison.Ordinal));

    private void AddProperty(string text)
    {
        var equals = text.IndexOf('=');
        if (IsReserved(equals < 0 ? text : text[..equals]))
        {
            const string Warning = " warning: Ignoring system property options whose names match the '-Djdk.module.*'. names that are reserved for internal use.";
            if (!_notices.Contains(VersionText.Name + Warning)) _notices.Add(VersionText.Name + Warning);
            return;
        }
        _properties[equals < 0 ? text : text[..equals]] = equals < 0 ? "" : text[(equals + 1)..];
    }

    /// <summary>Module options reach the class library as properties, most of them numbered (jdk.internal.module.ModuleBootstrap).</summary>
    private void AddModuleOption(string option, string value)
    {
        var name = "jdk.module." + option switch
        {
            "--add-opens" => "addopens",
            "--add-exports" => "addexports",
            "--add-reads" => "addreads",
            "--add-modules" => "addmods",
            "--patch-module" => "patch",
            "--enable-native-access" => "enable.native.access",
            _ => "limitmods",
        };
        if (option == "--limit-modules")
        {
            _properties[name] = value;
            return;
        }
        var i = 0;
        while (_properties.ContainsKey($"{name}.{i}")) i++;
        _properties[$"{name}.{i}"] = value;
        if (option != "--patch-module") return;
        if (value.StartsWith("java.base=", StringComparison.Ordinal) && _options.ModulePatches.ContainsKey("java.base")) throw new Refusal("Cannot specify java.base more than once to --patch-module" + NotCreated);
        if (value.IndexOf('=') is not (> 0 and var equals)) throw new HolonException($"--patch-module needs module=folder, not '{value}'.");
        _options = _options with { ModulePatches = new Dictionary<string, IReadOnlyList<string>>(_options.ModulePatches) { [value[..equals]] = value[(equals + 1)..].Split(':') } };
    }

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

    private void AppendToBootPath(string path)
    {
        const string Property = "jdk.boot.class.path.append"; // where the class library looks for resources
        _properties[Property] = _properties.TryGetValue(Property, out var before) ? before + ":" + path : path;
        _options = _options with { BootClassPath = [.. _options.BootClassPath, .. path.Split(':', StringSplitOptions.RemoveEmptyEntries)] };
    }

    /// <summary>HotSpot's launcher looks into a jar before there is a machine; that it is one at all is told by its end, where the directory is found.</summary>
    private static void CheckJar(string path)
    {
        const int Longest = 22 + ushort.MaxValue; // the record and the longest comment after it
        try
        {
            using var file = File.OpenRead(path);
            file.Seek(-Math.Min(file.Length, Longest), SeekOrigin.End);
            var end = new byte[file.Length - file.Position];
            file.ReadExactly(end);
            if (end.AsSpan().LastIndexOf("PK\x05\x06"u8) < 0) throw new Refusal($"Error: Invalid or corrupt jarfile {path}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new Refusal($"Error: Unable to access jarfile {path}");
        }
    }

    /// <summary>A class path entry <c>folder/*</c> stands for all jars of the folder.</summary>
    private static IEnumerable<string> Wildcard(string entry)
    {
        if (entry != "*" && !entry.EndsWith("/*", StringComparison.Ordinal)) return [entry];
        var folder = entry.Length == 1 ? "." : entry[..^2];
        return Directory.Exists(folder) ? Directory.EnumerateFiles(folder).Where(f => f.EndsWith(".jar", StringComparison.OrdinalIgnoreCase)).Order(StringComparer.Ordinal) : [];
    }

    /// <summary>Replaces @file by the arguments in the file, up to the main class or jar: what follows is the program's.</summary>
    private static IEnumerable<string> Expand(IReadOnlyList<string> given)
    {
        var expands = true;
        string? before = null;
        foreach (var word in given)
        {
            if (!expands || word.Length < 2 || word[0] != '@')
            {
                // The first word that is neither an option nor an option's value ends it.
                if (expands && !word.StartsWith('-') && !(before != null && TakesValue(before))) expands = false;
                before = word;
                yield return word;
                continue;
            }
            if (word[1] == '@')
            {
                yield return word[1..];
                continue;
            }
            string text;
            try
            {
                text = File.ReadAllText(word[1..]);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new Refusal($"Error: could not open `{word[1..]}'");
            }
            foreach (var argument in ArgumentFile.Split(text))
            {
                if (expands && !argument.StartsWith('-') && !(before != null && TakesValue(before))) expands = false;
                before = argument;
                yield return argument;
            }
        }
    }

    private static bool TakesValue(string option) =>
        option is "-cp" or "-classpath" or "-p" or "-d" || option.StartsWith("--", StringComparison.Ordinal) && !option.Contains('=')
            && option is not ("--version" or "--full-version" or "--show-version" or "--list-modules" or "--show-module-resolution" or "--dry-run" or "--help" or "--help-extra" or "--trace-natives" or "--allow-run" or "--allow-exit" or "--allow-unsafe");
}
