using System.Globalization;
using Holon.Machines;

namespace Holon.Python.Cli;

/// <summary>CPython's command line, and Holon's limits.</summary>
internal static class CommandLine
{
    private const string Usage = """
        usage: holon python [option] ... [-c cmd | -m mod | file | -] [arg] ...
          -B -E -I -i -O -OO -q -s -S -u -v -V -W arg -X opt    as CPython's
          --limit-time 5s, --limit-memory 128M, --limit-instructions N    end the program with an error when it has used that much
          --python-home DIR    the standard library (default /usr/lib/python3.11)
        """;

    public static int Run(string[] args)
    {
        var options = new PythonMachineOptions();
        var (optimize, verbose) = (0, 0);
        List<string> warnings = [], xOptions = [];
        string? command = null, module = null;
        var at = 0;
        while (at < args.Length && args[at].Length > 1 && args[at][0] == '-' && command is null && module is null)
        {
            var word = args[at++];
            if (word == "--")
                break;
            if (word.StartsWith("--", StringComparison.Ordinal))
            {
                switch (word)
                {
                    case "--help":
                        Console.WriteLine(Usage);
                        return 0;
                    case "--version":
                        Console.WriteLine("Python 3.11.2");
                        return 0;
                    case "--limit-time":
                        options = options with { TimeLimit = Time(Value(word)) };
                        break;
                    case "--limit-memory":
                        options = options with { MemoryLimit = Memory(Value(word)) };
                        break;
                    case "--limit-instructions":
                        options = options with { InstructionLimit = long.TryParse(Value(word), CultureInfo.InvariantCulture, out var n) ? n : throw new HolonException("--limit-instructions takes a number.") };
                        break;
                    case "--python-home":
                        options = options with { Home = Value(word) };
                        break;
                    default:
                        Console.Error.WriteLine($"unknown option {word}\n{Usage}");
                        return 2;
                }
                continue;
            }
            for (var i = 1; i < word.Length; i++)
            {
                switch (word[i])
                {
                    case 'c' or 'm' or 'W' or 'X':
                        var rest = i + 1 < word.Length ? word[(i + 1)..] : Value("-" + word[i]);
                        switch (word[i])
                        {
                            case 'c':
                                command = rest;
                                break;
                            case 'm':
                                module = rest;
                                break;
                            case 'W':
                                warnings.Add(rest);
                                break;
                            default:
                                xOptions.Add(rest);
                                break;
                        }
                        i = word.Length;
                        break;
                    case 'O':
                        optimize++;
                        break;
                    case 'v':
                        verbose++;
                        break;
                    case 'V':
                        Console.WriteLine("Python 3.11.2");
                        return 0;
                    case 'h':
                        Console.WriteLine(Usage);
                        return 0;
                    case 'B':
                        options = options with { DontWriteBytecode = true };
                        break;
                    case 'E':
                        options = options with { IgnoreEnvironment = true };
                        break;
                    case 'I':
                        options = options with { Isolated = true };
                        break;
                    case 'i':
                        options = options with { Inspect = true };
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
                    case 'b' or 'd' or 'x' or 'P':
                        break;
                    default:
                        Console.Error.WriteLine($"Unknown option: -{word[i]}\n{Usage}");
                        return 2;
                }
            }
        }
        var remaining = args[at..];
        var script = command is null && module is null && remaining.Length > 0 && remaining[0] != "-" ? remaining[0] : null;
        options = options with
        {
            Optimize = Math.Min(optimize, 2),
            Verbose = verbose,
            Warnings = warnings,
            XOptions = xOptions,
            Compiler = new SourceCompiler(),
            HandlesSignals = true,
            Arguments = command is not null ? ["-c", .. remaining] : module is not null ? ["-m", .. remaining] : remaining.Length > 0 ? remaining : [""],
            Path = options.Isolated ? [] : [script is null ? (module is null ? "" : Directory.GetCurrentDirectory()) : Path.GetDirectoryName(Path.GetFullPath(script))!],
        };
        byte[]? content = null;
        if (script is not null)
        {
            if (Directory.Exists(script) || !File.Exists(script))
            {
                Console.Error.WriteLine($"{Environment.ProcessPath}: can't open file '{Path.GetFullPath(script)}': [Errno 2] No such file or directory");
                return 2;
            }
            content = File.ReadAllBytes(script);
        }
        using var machine = PythonMachine.Create(options);
        return machine.RunMain(program =>
        {
            if (command is not null)
                return program.Run(System.Text.Encoding.UTF8.GetBytes(command + "\n"), "<string>");
            if (module is not null)
                return program.RunModule(module);
            if (content is not null)
                return program.Run(content, Path.GetFullPath(script!));
            if (!Console.IsInputRedirected)
                return program.Interact(!options.Quiet);
            using var input = Console.OpenStandardInput();
            using var all = new MemoryStream();
            input.CopyTo(all);
            return program.Run(all.ToArray(), "<stdin>");
        });

        string Value(string option) => at < args.Length ? args[at++] : throw new HolonException($"Argument expected for the {option} option.");
    }


    private static TimeSpan Time(string text)
    {
        var unit = text.EndsWith("ms", StringComparison.Ordinal) ? 0.001 : text.EndsWith('m') ? 60 : 1;
        return double.TryParse(text.TrimEnd('m', 's'), CultureInfo.InvariantCulture, out var value) && value > 0 ? TimeSpan.FromSeconds(value * unit) : throw new HolonException($"--limit-time takes a duration such as 5s, not '{text}'.");
    }

    private static long Memory(string text)
    {
        var unit = char.ToUpperInvariant(text.Length > 0 ? text[^1] : '0') switch { 'K' => 1L << 10, 'M' => 1L << 20, 'G' => 1L << 30, _ => 1 };
        return long.TryParse(unit == 1 ? text : text[..^1], CultureInfo.InvariantCulture, out var value) && value > 0 ? value * unit : throw new HolonException($"--limit-memory takes a size such as 128M, not '{text}'.");
    }
}
