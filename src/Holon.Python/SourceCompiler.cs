using Holon.Python.Compiler;
using Holon.Python.Compiler.Ast;

namespace Holon.Python;

/// <summary>Holon's own compiler of Python 3.11 source.</summary>
public sealed class SourceCompiler : ISourceCompiler
{
    /// <inheritdoc/>
    public byte[] Compile(ReadOnlySpan<byte> source, string filename, string mode, int flags, int optimize)
    {
        var bytes = source.ToArray();
        var options = Options(mode, flags, optimize);
        return Translated(() => Compiler.MarshalWriter.Write(PythonCompiler.Compile(bytes, filename, options)));
    }

    /// <summary>Compiles a tree that a program made.</summary>
    internal static byte[] Compile(Mod tree, string filename, string mode, int flags, int optimize) =>
        Translated(() => Compiler.MarshalWriter.Write(PythonCompiler.Compile(tree, filename, Options(mode, flags, optimize))));

    /// <summary>The tree of a source, for programs that asked for it.</summary>
    internal static Mod Parse(byte[] source, string filename, string mode, int flags, int optimize, int featureVersion) =>
        Translated(() => PythonCompiler.Parse(source, filename, Options(mode, flags, optimize) with { FeatureVersion = featureVersion }));

    /// <summary>The symbol table of a source.</summary>
    internal static SymbolTable Symbols(byte[] source, string filename, string mode, int flags) =>
        Translated(() => PythonCompiler.BuildSymbolTable(System.Text.Encoding.UTF8.GetString(source), filename, Options(mode, flags, 0)));

    private static CompileOptions Options(string mode, int flags, int optimize)
    {
        var wanted = (CompilerFlags)flags;
        // A str arrives as UTF-8: what it says of its encoding does not count.
        if ((wanted & CompilerFlags.SourceIsUtf8) != 0)
            wanted |= CompilerFlags.IgnoreCookie;
        return new CompileOptions
        {
            Mode = mode switch { "exec" => CompileMode.Exec, "eval" => CompileMode.Eval, "single" => CompileMode.Single, _ => CompileMode.FunctionType },
            Flags = wanted,
            Optimize = optimize,
            Host = PyThread.HasCurrent ? new MachineCompilerHost(PyThread.Current) : CompilerHost.Default,
        };
    }

    private static T Translated<T>(Func<T> work)
    {
        try
        {
            return work();
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
}
