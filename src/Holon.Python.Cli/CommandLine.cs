using Holon.Machines;

namespace Holon.Python.Cli;

/// <summary>CPython's command line, and Holon's limits.</summary>
internal static class CommandLine
{
    private const string Usage = """
        usage: holon python [option] ... [-c cmd | -m mod | file | -] [arg] ...
        """;

    private const string Help = """
        Options and arguments (as CPython's):
          -b -bb -B -d -E -h -i -I -O -OO -P -q -s -S -u -v -V -VV -W arg -x -X opt    -c cmd    -m mod    file    -
          --check-hash-based-pycs always|default|never
        What the program may use (all may also be given as --limit-...=VALUE):
          --limit-time 5s            ends it when it has run so long; ms, s, m
          --limit-memory 128M        when its objects take so much; K, M, G
          --limit-instructions N     when it has executed so many
          --limit-recursion N        how deep calls may nest at first (1000)
        What it may do outside; from the first --allow on it may do nothing else:
          --allow-read PATHS         files and folders it may read, with commas; the program's own modules need no grant
          --allow-write PATHS        files and folders it may write and read
          --allow-net HOSTS          host or host:port, with commas; * for all, none for none
          --allow-env NAMES          variables of the environment that it sees; * for all
          --allow-run, --allow-exit  starting processes (with the user's rights); os._exit and signals to itself
          Example: holon python --allow-read data --allow-net example.org:443 script.py
        Others:
          --python-home DIR          the standard library (default /usr/lib/python3.11)
        Environment variables: PYTHONPATH, PYTHONSTARTUP, PYTHONOPTIMIZE, PYTHONDONTWRITEBYTECODE, PYTHONUNBUFFERED, PYTHONVERBOSE,
          PYTHONWARNINGS, PYTHONINSPECT, PYTHONNOUSERSITE, PYTHONSAFEPATH, PYTHONIOENCODING, PYTHONDEVMODE, PYTHONINTMAXSTRDIGITS,
          PYTHONPYCACHEPREFIX, NO_COLOR
        """;

    /// <summary>Runs a program.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="live">The function that is shown when the program has ended.</param>
    public static int Run(string[] args, string? live = null)
    {
        var words = new Words(args);
        // What is to be shown is compiled as soon as it is hot, whatever share of the time that takes.
        var options = new PythonMachineOptions { DontWriteBytecode = false, Grants = MachineGrants.All, CompileAfter = live is null ? null : 2000 };
        var choice = new Choice { Live = live };
        while (choice.Command is null && choice.Module is null && words.NextOption() is { } word)
        {
            if (word == "--")
                break;
            if (word.StartsWith("--", StringComparison.Ordinal))
            {
                if (!LongOption(word, words, ref options, choice))
                    return Unknown(word);
            }
            else if (ShortOptions(word, words, ref options, choice) is { } bad)
            {
                return Unknown(bad);
            }
            if (choice.ExitCode is { } code)
                return code;
        }
        if (!options.IgnoreEnvironment && !options.Isolated)
            options = FromEnvironment.Apply(options, choice.Warnings);
        var remaining = words.Rest();
        var script = choice.Command is null && choice.Module is null && remaining.Length > 0 && remaining[0] != "-" ? remaining[0] : null;
        return new Start(options, choice, script, remaining, args).Run();
    }

    private static int Unknown(string option)
    {
        Console.Error.WriteLine($"{(option.StartsWith("--", StringComparison.Ordinal) ? "unknown option" : "Unknown option:")} {option}\n{Usage}\nTry `python -h' for more information.");
        return 2;
    }

    private static bool LongOption(string word, Words words, ref PythonMachineOptions options, Choice choice)
    {
        var at = word.IndexOf('=', StringComparison.Ordinal);
        var name = at < 0 ? word : word[..at];
        string Value() => at < 0 ? words.Value(name) : word[(at + 1)..];
        switch (name)
        {
            case "--help":
                Console.WriteLine(Usage + "\n" + Help);
                choice.ExitCode = 0;
                return true;
            case "--version":
                Console.WriteLine("Python 3.11.2");
                choice.ExitCode = 0;
                return true;
            case "--check-hash-based-pycs":
                if (Value() is not ("always" or "default" or "never"))
                    throw new HolonException("--check-hash-based-pycs must be one of 'default', 'always', or 'never'");
                return true;
            case "--limit-time":
                options = options with { TimeLimit = Quantity.Time(Value()) };
                return true;
            case "--limit-memory":
                options = options with { MemoryLimit = Quantity.Memory(Value()) };
                return true;
            case "--limit-instructions":
                options = options with { InstructionLimit = Quantity.Count(name, Value()) };
                return true;
            case "--limit-recursion":
                options = options with { RecursionLimit = (int)Math.Min(Quantity.Count(name, Value()), 1_000_000) };
                return true;
            case var grant when MachineGrants.IsOption(grant):
                // The first grant takes everything else away.
                options = options with { Grants = (ReferenceEquals(options.Grants, MachineGrants.All) ? MachineGrants.None : options.Grants).With(name, Value) };
                return true;
            case "--python-home":
                options = options with { Home = Value() };
                return true;
            default:
                return false;
        }
    }

    /// <summary>Letters after one dash. The one that is not known, or null.</summary>
    private static string? ShortOptions(string word, Words words, ref PythonMachineOptions options, Choice choice)
    {
        for (var i = 1; i < word.Length; i++)
        {
            switch (word[i])
            {
                case 'c' or 'm' or 'W' or 'X':
                    var rest = i + 1 < word.Length ? word[(i + 1)..] : words.Value("-" + word[i]);
                    choice.Set(word[i], rest);
                    return null;
                case 'O':
                    options = options with { Optimize = Math.Min(2, options.Optimize + 1) };
                    break;
                case 'v':
                    options = options with { Verbose = options.Verbose + 1 };
                    break;
                case 'V':
                    Console.WriteLine(word.Count(c => c == 'V') > 1 ? $"Python 3.11.2 (main) [Holon on .NET {Environment.Version}]" : "Python 3.11.2");
                    choice.ExitCode = 0;
                    return null;
                case 'h' or '?':
                    Console.WriteLine(Usage + "\n" + Help);
                    choice.ExitCode = 0;
                    return null;
                case 'b':
                    options = options with { BytesWarning = options.BytesWarning + 1 };
                    break;
                case 'B':
                    options = options with { DontWriteBytecode = true };
                    break;
                case 'd':
                    break;
                case 'E':
                    options = options with { IgnoreEnvironment = true };
                    break;
                case 'I':
                    options = options with { Isolated = true, SafePath = true, NoUserSite = true, IgnoreEnvironment = true };
                    break;
                case 'i':
                    options = options with { Inspect = true, Interactive = true };
                    break;
                case 'P':
                    options = options with { SafePath = true };
                    break;
                case 'q':
                    options = options with { Quiet = true };
                    break;
                case 's':
                    options = options with { NoUserSite = true };
                    break;
                case 'S':
                    options = options with { NoSite = true };
                    break;
                case 'u':
                    options = options with { Unbuffered = true };
                    break;
                case 'x':
                    choice.SkipFirstLine = true;
                    break;
                default:
                    return "-" + word[i];
            }
        }
        return null;
    }
}
