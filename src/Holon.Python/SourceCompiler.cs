using Holon.Python.Compiler;

namespace Holon.Python;

/// <summary>Holon's own compiler of Python 3.11 source.</summary>
public sealed class SourceCompiler : ISourceCompiler
{
    /// <inheritdoc/>
    public byte[] Compile(ReadOnlySpan<byte> source, string filename, string mode, int flags, int optimize)
    {
        var wanted = (CompilerFlags)flags;
        if ((wanted & CompilerFlags.OnlyAst) != 0)
            throw new SourceSyntaxException("syntax trees as Python objects (the module _ast) do not exist yet") { Kind = "NotImplementedError" };
        // A str arrives as UTF-8: what it says of its encoding does not count.
        if ((wanted & CompilerFlags.SourceIsUtf8) != 0)
            wanted |= CompilerFlags.IgnoreCookie;
        var options = new CompileOptions
        {
            Mode = mode switch { "exec" => CompileMode.Exec, "eval" => CompileMode.Eval, "single" => CompileMode.Single, _ => CompileMode.FunctionType },
            Flags = wanted,
            Optimize = optimize,
            Host = new Host(),
        };
        try
        {
            return Compiler.MarshalWriter.Write(PythonCompiler.Compile(source.ToArray(), filename, options));
        }
        catch (PythonCompileException error)
        {
            throw new SourceSyntaxException(error.Message, error)
            {
                Kind = error.Kind.ToString(),
                Line = error.Location?.Line,
                Offset = error.Location?.Offset,
                Text = error.Location?.Text,
                EndLine = error.Location?.EndLine,
                EndOffset = error.Location?.EndOffset,
            };
        }
    }

    /// <summary>Reads source lines for the text of errors. Warnings are dropped.</summary>
    private sealed class Host : CompilerHost
    {
        public override byte[]? ReadSourceLine(string fileName, int line)
        {
            try
            {
                return line > 0 && File.Exists(fileName) && File.ReadLines(fileName, System.Text.Encoding.Latin1).ElementAtOrDefault(line - 1) is { } text
                    ? System.Text.Encoding.Latin1.GetBytes(text + "\n") : null;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }
    }
}
