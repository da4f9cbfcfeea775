using System.Text;
using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>Python's compile(): source to code objects, exactly those of CPython 3.11.</summary>
public static class PythonCompiler
{
    /// <summary>Compiles source text.</summary>
    public static CodeObject Compile(string source, string fileName, CompileOptions options) => DeepStack.Run(() =>
        Generate((Mod)ParseText(source, fileName, options), fileName, options));

    /// <summary>Compiles source bytes, which may declare their encoding.</summary>
    public static CodeObject Compile(byte[] source, string fileName, CompileOptions options) => DeepStack.Run(() =>
        Generate((Mod)ParseBytes(source, fileName, options), fileName, options));

    /// <summary>Compiles a syntax tree, perhaps not one of the parser's; it is changed by it.</summary>
    public static CodeObject Compile(Mod tree, string fileName, CompileOptions options) => DeepStack.Run(() =>
    {
        new AstValidator(new CompilationContext(fileName, options)).Validate(tree);
        return Generate(tree, fileName, options);
    });

    /// <summary>Parses source text.</summary>
    public static Mod Parse(string source, string fileName, CompileOptions options) =>
        DeepStack.Run(() => (Mod)ParseText(source, fileName, options));

    /// <summary>Parses source bytes, which may declare their encoding.</summary>
    public static Mod Parse(byte[] source, string fileName, CompileOptions options) =>
        DeepStack.Run(() => (Mod)ParseBytes(source, fileName, options));

    /// <summary>The symbol table of source text.</summary>
    public static SymbolTable BuildSymbolTable(string source, string fileName, CompileOptions options) => DeepStack.Run(() =>
    {
        var tree = (Mod)ParseText(source, fileName, options);
        var context = new CompilationContext(fileName, options);
        FutureFeatures.Read(tree, context);
        return SymbolTable.Build(tree, context);
    });

    private static Node ParseText(string source, string fileName, CompileOptions options)
    {
        if (PythonText.HasLoneSurrogate(source))
            throw new PythonCompileException(CompileErrorKind.UnicodeEncodeError, "'utf-8' codec can't encode character: surrogates not allowed");
        CheckNulls(source.Contains('\0', StringComparison.Ordinal));
        return Parse(SourceText.FromUtf8(Encoding.UTF8.GetBytes(source), options.Mode == CompileMode.Exec), fileName, options);
    }

    private static Node ParseBytes(byte[] source, string fileName, CompileOptions options)
    {
        CheckNulls(source.AsSpan().Contains((byte)0));
        var isExec = options.Mode == CompileMode.Exec;
        var text = (options.Flags & CompilerFlags.IgnoreCookie) != 0
            ? SourceText.FromUtf8(source, isExec)
            : SourceText.FromBytes(source, isExec, fileName, options.Host);
        return Parse(text, fileName, options);
    }

    private static void CheckNulls(bool hasNull)
    {
        if (hasNull)
            throw new PythonCompileException(CompileErrorKind.ValueError, "source code string cannot contain null bytes");
    }

    private static Node Parse(SourceText text, string fileName, CompileOptions options)
    {
        var start = options.Mode switch
        {
            CompileMode.Exec => StartRule.File,
            CompileMode.Eval => StartRule.Eval,
            CompileMode.Single => StartRule.Single,
            _ => StartRule.FunctionType,
        };
        return new PegParser(text, start, fileName, options, new NameTable()).Parse();
    }

    private static CodeObject Generate(Mod tree, string fileName, CompileOptions options)
    {
        var context = new CompilationContext(fileName, options);
        FutureFeatures.Read(tree, context);
        new AstOptimizer(context).Optimize(tree);
        var symbols = SymbolTable.Build(tree, context);
        return new CodeGenerator(symbols, context).Generate(tree);
    }
}
