using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Holon.Python.Compiler;

namespace Holon.Python.Tests.Compiler;

/// <summary>A CPython 3.11 that compiles the same sources and says what differs.</summary>
internal sealed class CPythonOracle : IDisposable
{
    public const string Interpreter = "/usr/bin/python3.11";

    private static readonly Lazy<Dictionary<string, int>> s_characterNames = new(() =>
    {
        using var oracle = new CPythonOracle();
        return JsonSerializer.Deserialize<Dictionary<string, int>>(oracle.Ask("names", "", "exec", "{}", [], []))!;
    });

    private readonly Process _process;

    public CPythonOracle()
    {
        var script = Path.Combine(AppContext.BaseDirectory, "oracle.py");
        _process = Process.Start(new ProcessStartInfo(Interpreter, ["-X", "utf8", script])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            StandardOutputEncoding = new UTF8Encoding(false),
        })!;
    }

    public static bool IsInstalled => File.Exists(Interpreter);

    public static string Missing => $"there is no {Interpreter}; it comes with: apt-get install python3.11 libpython3.11-testsuite";

    /// <summary>What differs between our compilation and CPython's.</summary>
    public List<string[]> Compare(byte[] source, string fileName, CompileMode mode = CompileMode.Exec, bool asText = false, int optimize = 0, CompilerFlags flags = 0)
    {
        var host = new RecordingHost();
        var options = new CompileOptions { Mode = mode, Optimize = optimize, Host = host, Flags = flags };
        byte[] result;
        try
        {
            var code = asText
                ? PythonCompiler.Compile(Encoding.UTF8.GetString(source), fileName, options)
                : PythonCompiler.Compile(source, fileName, options);
            result = [(byte)'C', .. MarshalWriter.Write(code)];
        }
        catch (PythonCompileException e)
        {
            object?[] error = e.Location is { } l
                ? [e.Kind.ToString(), e.Message, l.Line, l.Offset, l.Text, l.EndLine, l.EndOffset]
                : [e.Kind.ToString(), e.Message];
            result = [(byte)'E', .. JsonSerializer.SerializeToUtf8Bytes(error)];
        }

        var warnings = host.Warnings.Select(w => new object[] { w.Kind, w.Message, w.Line });
        var settings = JsonSerializer.Serialize(new { optimize, flags = (int)flags, text = asText, warnings });
        var modeName = mode switch { CompileMode.Exec => "exec", CompileMode.Eval => "eval", _ => "single" };
        return JsonSerializer.Deserialize<List<string[]>>(Ask("compare", fileName, modeName, settings, source, result))!;
    }

    /// <summary>What differs between our syntax tree and CPython's.</summary>
    public List<string[]> CompareTrees(byte[] source, string fileName, CompilerFlags flags)
    {
        byte[] result;
        try
        {
            var options = new CompileOptions { Host = new RecordingHost(), Flags = flags };
            result = [(byte)'T', .. Encoding.UTF8.GetBytes(TreeDump.Of(PythonCompiler.Parse(source, fileName, options)))];
        }
        catch (PythonCompileException)
        {
            result = [(byte)'E'];
        }

        return JsonSerializer.Deserialize<List<string[]>>(Ask("tree", fileName, "exec", $"{{\"flags\":{(int)flags}}}", source, result))!;
    }

    /// <summary>How long CPython takes to compile, in seconds.</summary>
    public double Time(byte[] source, string fileName) =>
        JsonSerializer.Deserialize<double>(Ask("time", fileName, "exec", "{}", source, []));

    private string Ask(string command, string fileName, string mode, string options, byte[] source, byte[] result)
    {
        byte[][] parts =
        [
            Encoding.UTF8.GetBytes(command), Encoding.UTF8.GetBytes(fileName), Encoding.UTF8.GetBytes(mode), Encoding.UTF8.GetBytes(options), source, result,
        ];
        var header = new byte[24];
        for (var i = 0; i < parts.Length; i++)
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 * i), parts[i].Length);
        var stream = _process.StandardInput.BaseStream;
        stream.Write(header);
        foreach (var part in parts)
            stream.Write(part);
        stream.Flush();
        return _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("The oracle ended.");
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(5000))
            _process.Kill();
        _process.Dispose();
    }

    /// <summary>Notes warnings once each, and knows Unicode's names as CPython does.</summary>
    private sealed class RecordingHost : CompilerHost
    {
        public List<(string Kind, string Message, int Line)> Warnings { get; } = [];

        // What CPython's own frames take while it compiles for the oracle.
        public override int RecursionDepth => 4;

        public override bool Warn(CompilerWarningKind kind, string message, string fileName, int line)
        {
            Warnings.Add((kind.ToString(), message, line));
            return false;
        }

        public override int? LookUpCharacterName(string name) =>
            s_characterNames.Value.TryGetValue(name.ToUpperInvariant(), out var codePoint) ? codePoint : null;

        public override string NormalizeIdentifier(string identifier)
        {
            using var oracle = new CPythonOracle();
            return JsonSerializer.Deserialize<string>(oracle.Ask("normalize", identifier, "exec", "{}", [], []))!;
        }

        public override byte[]? ReadSourceLine(string fileName, int line)
        {
            if (!File.Exists(fileName))
                return null;
            var bytes = File.ReadAllBytes(fileName);
            var start = 0;
            for (; line > 1; line--)
            {
                var newline = Array.IndexOf(bytes, (byte)'\n', start);
                if (newline < 0)
                    return null;
                start = newline + 1;
            }

            var end = Array.IndexOf(bytes, (byte)'\n', start);
            var text = bytes[start..(end < 0 ? bytes.Length : end + 1)];
            return start == bytes.Length ? null : text is [.. var content, (byte)'\r', (byte)'\n'] ? [.. content, (byte)'\n'] : text;
        }
    }
}
