namespace Holon.Python;

/// <summary>What a Python machine is to be, and what it may use.</summary>
public sealed record PythonMachineOptions
{
    /// <summary>The folder of the standard library's Python files.</summary>
    public string Home { get; init; } = "/usr/lib/python3.11";

    /// <summary><c>sys.argv</c>.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [""];

    /// <summary>Folders that <c>sys.path</c> begins with.</summary>
    public IReadOnlyList<string> Path { get; init; } = [];

    /// <summary>What the program may do outside the machine. By default it may read its standard library and no more.</summary>
    public Holon.Machines.MachineGrants Grants { get; init; } = Holon.Machines.MachineGrants.None;

    /// <summary>Folders of installed packages whose modules, and nothing else in them, may be read besides those of <see cref="Path"/>.</summary>
    public IReadOnlyList<string> PackageFolders { get; init; } = [];

    /// <summary>How long the program may run.</summary>
    public TimeSpan? TimeLimit { get; init; }

    /// <summary>How many instructions the program may execute.</summary>
    public long? InstructionLimit { get; init; }

    /// <summary>How many bytes the program's objects may take.</summary>
    public long? MemoryLimit { get; init; }

    /// <summary>How deep calls may nest at first; the program may change it with <c>sys.setrecursionlimit</c>.</summary>
    public int RecursionLimit { get; init; } = 1000;

    /// <summary>
    /// After how many turns of a loop, or a quarter as many calls, code is compiled to machine code. 0 leaves everything to the interpreter.
    /// <c>-X tier1=N</c> on the command line. Null: after 2,000, while compiling takes no more than a quarter of the machine's time.
    /// </summary>
    public int? CompileAfter { get; init; }

    /// <summary><c>-O</c>: 0, 1 or 2.</summary>
    public int Optimize { get; init; }

    /// <summary><c>-v</c>.</summary>
    public int Verbose { get; init; }

    /// <summary><c>-E</c>: environment variables named PYTHON... are ignored.</summary>
    public bool IgnoreEnvironment { get; init; }

    /// <summary><c>-I</c>.</summary>
    public bool Isolated { get; init; }

    /// <summary><c>-S</c>: <c>site</c> is not imported.</summary>
    public bool NoSite { get; init; }

    /// <summary><c>-s</c>.</summary>
    public bool NoUserSite { get; init; }

    /// <summary><c>-B</c>: compiled modules are not written.</summary>
    public bool DontWriteBytecode { get; init; } = true;

    /// <summary><c>-u</c>.</summary>
    public bool Unbuffered { get; init; }

    /// <summary><c>-b</c>: comparing bytes with str warns, twice is an error.</summary>
    public int BytesWarning { get; init; }

    /// <summary><c>-P</c>: the program's folder is not put in front of <c>sys.path</c>.</summary>
    public bool SafePath { get; init; }

    /// <summary><c>-X dev</c>.</summary>
    public bool DevMode { get; init; }

    /// <summary><c>sys.flags.interactive</c>.</summary>
    public bool Interactive { get; init; }

    /// <summary>Folders of the variable PYTHONPATH.</summary>
    public IReadOnlyList<string> SearchPath { get; init; } = [];

    /// <summary>The variable PYTHONIOENCODING: <c>encoding:errors</c> of the standard streams.</summary>
    public string? StandardEncoding { get; init; }

    /// <summary>Where compiled modules are kept instead of <c>__pycache__</c>.</summary>
    public string? BytecodeFolder { get; init; }

    /// <summary>A file that runs before the console's first prompt.</summary>
    public string? Startup { get; init; }

    /// <summary><c>sys.executable</c>.</summary>
    public string Executable { get; init; } = "";

    /// <summary><c>sys._base_executable</c>: the program itself, where <see cref="Executable"/> is a virtual environment's link to it; null if they are the same.</summary>
    public string? BaseExecutable { get; init; }

    /// <summary><c>sys.orig_argv</c>.</summary>
    public IReadOnlyList<string> OriginalArguments { get; init; } = [];

    /// <summary>Tracebacks are coloured.</summary>
    public bool Colours { get; init; }

    /// <summary><c>-q</c>.</summary>
    public bool Quiet { get; init; }

    /// <summary><c>-i</c>.</summary>
    public bool Inspect { get; init; }

    /// <summary><c>-W</c>.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary><c>-X</c>.</summary>
    public IReadOnlyList<string> XOptions { get; init; } = [];

    /// <summary>The process's signals are the program's: Ctrl-C is KeyboardInterrupt, and <c>signal.signal</c> takes effect. For one machine of a process.</summary>
    public bool HandlesSignals { get; init; }

    /// <summary>Turns source into code; without one only compiled modules can run.</summary>
    public ISourceCompiler? Compiler { get; init; }
}

/// <summary>What turns source text into a code object in marshal format.</summary>
public interface ISourceCompiler
{
    /// <summary>Compiles. A syntax error is a <see cref="SourceSyntaxException"/>.</summary>
    /// <param name="source">The source as UTF-8, or in the encoding that it declares.</param>
    /// <param name="filename">The name for messages.</param>
    /// <param name="mode"><c>exec</c>, <c>eval</c> or <c>single</c>.</param>
    /// <param name="flags">The compiler flags of <c>compile()</c>.</param>
    /// <param name="optimize">0, 1 or 2.</param>
    byte[] Compile(ReadOnlySpan<byte> source, string filename, string mode, int flags, int optimize);
}

/// <summary>Source that is not Python.</summary>
public sealed class SourceSyntaxException : Exception
{
    /// <summary>An error without details.</summary>
    public SourceSyntaxException()
    {
    }

    /// <summary>An error with its message.</summary>
    public SourceSyntaxException(string message)
        : base(message)
    {
    }

    /// <summary>An error with its message and cause.</summary>
    public SourceSyntaxException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary><c>SyntaxError</c>, <c>IndentationError</c>, <c>TabError</c>, <c>ValueError</c> or another built-in exception's name.</summary>
    public string Kind { get; init; } = "SyntaxError";

    /// <summary>The line, from 1.</summary>
    public int? Line { get; init; }

    /// <summary>The column, from 1.</summary>
    public int? Offset { get; init; }

    /// <summary>The text of the line.</summary>
    public string? Text { get; init; }

    /// <summary>Where the error ends.</summary>
    public int? EndLine { get; init; }

    /// <summary>Where the error ends.</summary>
    public int? EndOffset { get; init; }
}
