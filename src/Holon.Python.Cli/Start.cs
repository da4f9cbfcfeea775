using System.Text;

namespace Holon.Python.Cli;

/// <summary>Makes the machine that the command line asks for, and runs the program on it.</summary>
internal sealed class Start(PythonMachineOptions given, Choice choice, string? script, string[] remaining, string[] all)
{
    /// <summary>What starts this program again: not the host that has been given it to run.</summary>
    private static string BaseExecutable
    {
        get
        {
            var path = Environment.ProcessPath ?? "";
            var own = Path.Combine(AppContext.BaseDirectory, "holon-python");
            return Path.GetFileName(path) == "dotnet" && File.Exists(own) ? own : path;
        }
    }

    /// <summary>The name by which it was started: in a virtual environment that is a link, beside which the library looks for <c>pyvenv.cfg</c>.</summary>
    private static string Executable
    {
        get
        {
            if (BaseExecutable != Environment.ProcessPath || !File.Exists("/proc/self/cmdline"))
                return BaseExecutable;
            var line = File.ReadAllBytes("/proc/self/cmdline");
            var name = Encoding.UTF8.GetString(line.AsSpan(0, Math.Max(0, Array.IndexOf(line, (byte)0))));
            var folders = name.Contains('/', StringComparison.Ordinal) ? [""] : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
            return name.Length == 0 ? BaseExecutable : folders.Select(f => Path.GetFullPath(Path.Combine(f, name))).FirstOrDefault(File.Exists) ?? BaseExecutable;
        }
    }

    private static bool IsTerminal => !Console.IsInputRedirected;

    public int Run()
    {
        var isPackage = script is not null && IsPackage(script);
        if (script is not null && !isPackage && Missing(script) is { } why)
        {
            Console.Error.WriteLine($"{Environment.ProcessPath}: {why}");
            return 2;
        }
        var devMode = given.DevMode || choice.XOptions.Contains("dev");
        var options = given with
        {
            DevMode = devMode,
            Warnings = devMode ? ["default", .. choice.Warnings] : choice.Warnings,
            XOptions = choice.XOptions,
            BytecodeFolder = choice.XOptions.FirstOrDefault(x => x.StartsWith("pycache_prefix=", StringComparison.Ordinal))?[15..] ?? given.BytecodeFolder,
            Compiler = new SourceCompiler(),
            HandlesSignals = true,
            Colours = !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("NO_COLOR") is null or "" && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb"),
            Executable = Executable,
            BaseExecutable = BaseExecutable,
            OriginalArguments = [Environment.ProcessPath ?? "holon-python", .. all],
            Arguments = choice.Command is not null ? ["-c", .. remaining] : choice.Module is not null ? ["-m", .. remaining] : remaining.Length > 0 ? remaining : [""],
            Path = FirstPath(isPackage),
            PackageFolders = ["/usr/lib/python3/dist-packages", "/usr/local/lib/python3.11/dist-packages"],
        };
        using var machine = PythonMachine.Create(options);
        return machine.RunMain(program =>
        {
            try
            {
                return RunProgram(program, isPackage);
            }
            finally
            {
                if (choice.Live is { } function)
                {
                    Console.Out.WriteLine();
                    program.WriteLive(function, Console.Out);
                }
            }
        });
    }

    private string[] FirstPath(bool isPackage) =>
        isPackage ? [Path.GetFullPath(script!)]
            : given.SafePath ? []
            : script is not null ? [Path.GetDirectoryName(RealPath(script))!]
            : choice.Module is not null ? [Directory.GetCurrentDirectory()] : [""];

    private static string RealPath(string path)
    {
        var full = Path.GetFullPath(path);
        return File.ResolveLinkTarget(full, true)?.FullName ?? full;
    }

    private static string? Missing(string script)
    {
        if (Directory.Exists(script))
            return $"can't find '__main__' module in '{script}'";
        return File.Exists(script) ? null : $"can't open file '{Path.GetFullPath(script)}': [Errno 2] No such file or directory";
    }

    /// <summary>A folder or zip file with a module <c>__main__</c>, which runs as a program.</summary>
    private static bool IsPackage(string path)
    {
        if (Directory.Exists(path))
            return File.Exists(Path.Combine(path, "__main__.py")) || File.Exists(Path.Combine(path, "__main__.pyc"));
        if (!File.Exists(path))
            return false;
        // The record at the end of a zip file, before a comment of at most 64 KiB.
        using var file = File.OpenRead(path);
        var tail = new byte[Math.Min(file.Length, 65_557)];
        file.Seek(-tail.Length, SeekOrigin.End);
        file.ReadExactly(tail);
        return tail.AsSpan().LastIndexOf("PK\x05\x06"u8) >= 0;
    }

    private bool RunProgram(PythonProgram program, bool isPackage)
    {
        if (choice.Command is not null)
            return program.Run(Encoding.UTF8.GetBytes(choice.Command + "\n"), "<string>");
        if (choice.Module is not null)
            return program.RunModule(choice.Module);
        if (isPackage)
            return program.RunModule("__main__", changesArguments: false);
        if (script is not null)
        {
            var content = File.ReadAllBytes(script);
            if (choice.SkipFirstLine)
                content = [(byte)'\n', .. content.AsSpan(content.AsSpan().IndexOf((byte)'\n') + 1)];
            return program.Run(content, Path.GetFullPath(script));
        }
        if (IsTerminal || given.Interactive)
            return program.Interact(!given.Quiet && IsTerminal);
        using var input = Console.OpenStandardInput();
        using var text = new MemoryStream();
        input.CopyTo(text);
        return program.Run(text.ToArray(), "<stdin>");
    }
}
